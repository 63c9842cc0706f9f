/* SPDX-License-Identifier: Apache-2.0 */
#include "top_sample.h"

#include "agents_table.h"

#include <string.h>

#define BUCKETS_MAX 256u /* more than any histogram of the engine has */

static struct top_latency read_latency(struct json_object *object)
{
	struct json_object *pairs = view_member(object, "latency_ns");
	struct top_latency latency = {0};
	size_t n = MIN(view_length(object, "latency_ns") / 2, (size_t)BUCKETS_MAX);
	if (n == 0 || !(latency.buckets = calloc(n, sizeof(*latency.buckets))))
		return latency;
	for (size_t i = 0; i < n; i++) {
		latency.buckets[i].end_ns = json_object_get_uint64(json_object_array_get_idx(pairs, 2 * i));
		latency.buckets[i].count = json_object_get_uint64(json_object_array_get_idx(pairs, 2 * i + 1));
	}
	latency.n = n;
	return latency;
}

static void read_usage(struct top_part *part, struct json_object *object)
{
	part->has_memory = view_has(object, "memory_bytes");
	part->memory_bytes = view_number(object, "memory_bytes");
	part->has_cpu = view_has(object, "cpu_ns");
	part->cpu_ns = view_number(object, "cpu_ns");
}

static const char *name_of(struct json_object *object)
{
	struct json_object *name = view_member(object, "name");
	return json_object_is_type(name, json_type_string) ? json_object_get_string(name) : "";
}

static void read_agent(struct top_part *part, const struct agents_row *row)
{
	static const char *const keys[TOP_N_COUNTS] = {"delivered", "questions", "denies", "misses", "dropped"};
	struct json_object *first = row->engine ? row->engine : row->cage;
	part->is_agent = true;
	part->raw_name = agents_name(row);
	part->health = row->colour == OUTPUT_BAD ? TOP_ILL : row->colour == OUTPUT_WARN ? TOP_FAIR : TOP_WELL;
	view_add(&part->name, first, "name", "?");
	view_add(&part->state, first, "state", "?");
	part->pid = view_number(row->cage, "pid") ? view_number(row->cage, "pid") : view_number(row->engine, "pid");
	part->has_counts = row->engine != NULL;
	for (size_t i = 0; i < TOP_N_COUNTS; i++)
		part->counts[i] = view_number(row->engine, keys[i]);
	part->latency = read_latency(row->engine);
	read_usage(part, row->cage);
}

static void read_process(struct top_part *part, struct json_object *process)
{
	part->raw_name = name_of(process);
	view_add(&part->name, process, "name", "?");
	view_add(&part->state, process, "state", "?");
	part->health = view_is(process, "state", "ready") ? TOP_WELL : TOP_FAIR;
	part->pid = view_number(process, "pid");
	read_usage(part, process);
}

static void read_totals(struct top_sample *sample, struct json_object *engine)
{
	static const struct {
		const char *part, *key;
		enum top_total to;
	} rows[] = {
		{"questions", "asked", TOP_TOTAL_ASKED},         {"questions", "denied", TOP_TOTAL_DENIED},
		{"questions", "missed", TOP_TOTAL_MISSED},       {"questions", "overridden", TOP_TOTAL_OVERRIDDEN},
		{"questions", "unguarded", TOP_TOTAL_UNGUARDED}, {"events", "delivered", TOP_TOTAL_DELIVERED},
		{"events", "dropped", TOP_TOTAL_DROPPED},
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		sample->totals[rows[i].to] = view_number(view_member(engine, rows[i].part), rows[i].key);
	sample->generation = view_number(engine, "generation");
	sample->pending = view_number(view_member(engine, "questions"), "pending");
	sample->latency = read_latency(view_member(engine, "questions"));
	for (size_t i = 0; i < view_length(engine, "sensors"); i++) {
		struct json_object *sensor = view_element(engine, "sensors", i), *cache = view_member(sensor, "cache");
		sample->totals[TOP_TOTAL_TAKEN] += view_number(sensor, "events");
		sample->totals[TOP_TOTAL_LOST] += view_number(sensor, "lost");
		sample->totals[TOP_TOTAL_CACHE_ADDED] += view_number(cache, "added");
		sample->totals[TOP_TOTAL_CACHE_REMOVED] += view_number(cache, "removed");
		sample->totals[TOP_TOTAL_CACHE_HITS] += view_number(cache, "hits");
		sample->cache_files += view_number(cache, "size");
	}
}

struct top_sample *top_sample_new(struct json_object *json, uint64_t at_ns)
{
	struct json_object *parent = view_member(json, "parent");
	size_t n_agents = MIN(agents_count(json), (size_t)TOP_PARTS_MAX);
	size_t n_processes = MIN(view_length(parent, "processes"), TOP_PARTS_MAX - n_agents);
	struct top_sample *sample = calloc(1, sizeof(*sample));
	struct top_part *parts = calloc(n_agents + n_processes + 1, sizeof(*parts));
	if (!sample || !parts) {
		free(sample);
		free(parts);
		json_object_put(json);
		return NULL;
	}
	*sample = (struct top_sample){.json = json, .at_ns = at_ns, .parts = parts, .n_parts = n_agents + n_processes};
	read_totals(sample, view_member(json, "engine"));
	for (size_t i = 0; i < n_agents; i++) {
		struct agents_row row = agents_row(json, i);
		read_agent(&parts[i], &row);
	}
	for (size_t i = 0; i < n_processes; i++)
		read_process(&parts[n_agents + i], view_element(parent, "processes", i));
	return sample;
}

struct top_sample *top_sample_free(struct top_sample *sample)
{
	if (!sample)
		return NULL;
	for (size_t i = 0; i < sample->n_parts; i++) {
		text_deinit(&sample->parts[i].name);
		text_deinit(&sample->parts[i].state);
		free(sample->parts[i].latency.buckets);
	}
	free(sample->parts);
	free(sample->latency.buckets);
	json_object_put(sample->json);
	free(sample);
	return NULL;
}

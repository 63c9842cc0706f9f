/* SPDX-License-Identifier: Apache-2.0 */
#include "top_json.h"

#include "base/clock.h"

#include <string.h>

static void put(struct json_object *object, const char *key, double value)
{
	/* two digits tell a rate; the shortest that say so */
	char digits[64];
	snprintf(digits, sizeof(digits), "%.2f", value);
	json_object_object_add(object, key, json_object_new_double_s(value, digits));
}

static void put_u64(struct json_object *object, const char *key, uint64_t value)
{
	json_object_object_add(object, key, json_object_new_uint64(value));
}

static struct json_object *part_json(const struct top_rate *row)
{
	static const char *const keys[TOP_N_COUNTS] = {"events_per_s", "asked_per_s", "denied_per_s", "missed_per_s",
						       "dropped_per_s"};
	const struct top_part *part = row->part;
	struct json_object *object = json_object_new_object();
	json_object_object_add(object, "name", json_object_new_string(part->raw_name));
	json_object_object_add(object, "agent", json_object_new_boolean(part->is_agent));
	json_object_object_add(object, "state", json_object_new_string(text_get(&part->state)));
	put_u64(object, "pid", part->pid);
	for (size_t i = 0; i < TOP_N_COUNTS && row->has_counts; i++)
		put(object, keys[i], row->per_s[i]);
	if (row->has_latency) {
		put_u64(object, "p50_us", row->p50_us);
		put_u64(object, "p99_us", row->p99_us);
	}
	if (part->has_memory)
		put_u64(object, "memory_bytes", part->memory_bytes);
	if (row->has_cpu)
		put(object, "cpu_percent", row->cpu_percent);
	return object;
}

static void put_totals(struct json_object *object, const struct top_sample *sample, const struct top_rates *rates)
{
	static const char *const keys[TOP_N_TOTALS] = {
		[TOP_TOTAL_ASKED] = "asked_per_s",
		[TOP_TOTAL_DENIED] = "denied_per_s",
		[TOP_TOTAL_MISSED] = "missed_per_s",
		[TOP_TOTAL_OVERRIDDEN] = "overridden_per_s",
		[TOP_TOTAL_UNGUARDED] = "unguarded_per_s",
		[TOP_TOTAL_TAKEN] = "events_per_s",
		[TOP_TOTAL_LOST] = "lost_per_s",
		[TOP_TOTAL_DELIVERED] = "delivered_per_s",
		[TOP_TOTAL_DROPPED] = "dropped_per_s",
		[TOP_TOTAL_CACHE_ADDED] = "cache_added_per_s",
		[TOP_TOTAL_CACHE_REMOVED] = "cache_removed_per_s",
		[TOP_TOTAL_CACHE_HITS] = "cache_hits_per_s",
	};
	for (size_t i = 0; i < TOP_N_TOTALS && rates->has_totals; i++)
		put(object, keys[i], rates->totals[i]);
	if (rates->has_latency) {
		put_u64(object, "p50_us", rates->p50_us);
		put_u64(object, "p99_us", rates->p99_us);
	}
	put_u64(object, "pending", sample->pending);
	put_u64(object, "cache_files", sample->cache_files);
}

void top_json_add(struct text *text, const struct top_sample *sample, const struct top_rates *rates, uint64_t wall_ns,
		  const char *trouble)
{
	struct json_object *object = json_object_new_object(), *parts = json_object_new_array();
	put(object, "time", (double)wall_ns / (double)NS_PER_SEC);
	put(object, "seconds", rates->seconds);
	if (trouble)
		json_object_object_add(object, "error", json_object_new_string(trouble));
	if (sample)
		put_totals(object, sample, rates);
	for (size_t i = 0; sample && i < rates->n; i++)
		json_object_array_add(parts, part_json(&rates->rows[i]));
	json_object_object_add(object, "parts", parts);
	const char *json =
		json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
	text_add_json(text, json, strlen(json));
	json_object_put(object);
}

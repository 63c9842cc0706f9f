/* SPDX-License-Identifier: Apache-2.0 */
#include "top_page.h"

#include "agents_table.h"

#include <string.h>

static void add_text(struct top_frame *frame, struct top_view *view, const char *words)
{
	size_t lines = 0, line = 0;
	for (const char *at = words; (at = strchr(at, '\n')); at++)
		lines++;
	view->first = MIN(view->first, lines > 0 ? lines - 1 : 0);
	top_frame_line(frame, OUTPUT_PLAIN);
	for (const char *at = words; *at; line++) {
		size_t size = strcspn(at, "\n");
		if (line >= view->first)
			text_add_bytes(&top_frame_line(frame, OUTPUT_PLAIN)->text, at, size);
		at += size + (at[size] == '\n');
	}
}

void top_page_help(struct top_frame *frame, const struct top_scene *scene)
{
	struct text text = {0};
	for (size_t i = 0; top_view_help(i); i++) {
		text_add(&text, top_view_help(i));
		text_add(&text, "\n");
	}
	text_add(&text, "\nRates are per second since the last look; P50 and P99 are of the answers since\n"
			"then. MEM is resident memory, CPU% is of one processor. '*' marks what is sorted\n"
			"by, '^' the same turned round.\n");
	add_text(frame, scene->view, text_get(&text));
	text_deinit(&text);
}

static void print_process(const struct output *output, struct json_object *process)
{
	static const struct {
		const char *label, *key;
	} rows[] = {{"state", "state"}, {"pid", "pid"}, {"user", "uid"}, {"restarts", "restarts"}, {"why", "why"}};
	struct text text = {0};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (view_is_empty(process, rows[i].key))
			continue;
		text_clear(&text);
		view_add(&text, process, rows[i].key, "-");
		output_paragraph(output, 10, rows[i].label, OUTPUT_PLAIN, text_get(&text));
	}
	text_clear(&text);
	text_seconds(&text, view_number(process, "since_s"));
	output_paragraph(output, 10, "since", OUTPUT_PLAIN, text_get(&text));
	text_deinit(&text);
}

/* What `ringside agents` and `ringside status` say of it. */
static void print_part(const struct output *output, struct json_object *status, const struct top_part *part)
{
	struct json_object *parent = view_member(status, "parent");
	size_t n = agents_count(status);
	for (size_t i = 0; part->is_agent && i < n; i++) {
		struct agents_row row = agents_row(status, i);
		if (strcmp(agents_name(&row), part->raw_name) == 0)
			agents_print_one(output, &row);
	}
	for (size_t i = 0; !part->is_agent && i < view_length(parent, "processes"); i++) {
		struct json_object *process = view_element(parent, "processes", i);
		if (view_is(process, "name", part->raw_name))
			print_process(output, process);
	}
}

static void add_now(struct text *text, const struct top_rate *row)
{
	static const char *const words[TOP_N_COUNTS] = {"/s events", "/s asked", "/s denied", "/s missed",
							"/s dropped"};
	text_add(text, "Now: ");
	for (size_t i = 0; i < TOP_N_COUNTS && row->has_counts; i++) {
		top_add_rate(text, row->per_s[i]);
		text_format(text, "%s, ", words[i]);
	}
	if (row->has_latency) {
		text_add(text, "half within ");
		top_add_us(text, row->p50_us);
		text_add(text, ", 99 of 100 within ");
		top_add_us(text, row->p99_us);
		text_add(text, ", ");
	}
	if (row->part->has_memory) {
		top_add_bytes(text, row->part->memory_bytes);
		text_add(text, " of memory, ");
	}
	if (row->has_cpu)
		text_format(text, "%.1f %% of a processor", row->cpu_percent);
	else
		text_add(text, "processor not known");
}

void top_page_details(struct top_frame *frame, const struct top_scene *scene)
{
	size_t selected = top_view_row(scene->view, scene->rates), size;
	char *words = NULL;
	FILE *file = selected < scene->rates->n ? open_memstream(&words, &size) : NULL;
	if (!file)
		return;
	const struct top_rate *row = &scene->rates->rows[selected];
	struct output output = {.file = file, .width = MAX(scene->columns, TOP_COLUMNS_MIN)};
	struct text now = {0};
	output_line(&output, OUTPUT_PLAIN, text_get(&row->part->name));
	output_blank(&output);
	print_part(&output, scene->sample->json, row->part);
	output_blank(&output);
	add_now(&now, row);
	output_paragraph(&output, 5, "", OUTPUT_PLAIN, text_get(&now));
	text_deinit(&now);
	if (fclose(file) == 0)
		add_text(frame, scene->view, words);
	free(words);
}

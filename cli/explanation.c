/* SPDX-License-Identifier: Apache-2.0 */
#include "explanation.h"

#include "base/clock.h"

#include <string.h>

#define INDENT 10u

/* "2026-11-21T11:00:00.123456789Z" (see wire/event_json.h) in nanoseconds; 0 for anything else. */
static uint64_t read_time(const char *time)
{
	struct tm tm = {0};
	unsigned long ns = 0;
	const char *rest = strptime(time, "%Y-%m-%dT%H:%M:%S", &tm);
	if (!rest || sscanf(rest, ".%9luZ", &ns) != 1)
		return 0;
	time_t seconds = timegm(&tm);
	return seconds > 0 ? (uint64_t)seconds * NS_PER_SEC + ns : 0;
}

void explanation_add_when(struct text *text, struct json_object *event, bool with_date)
{
	struct json_object *time = view_member(event, "time");
	uint64_t wall_ns = json_object_is_type(time, json_type_string) ? read_time(json_object_get_string(time)) : 0;
	if (wall_ns > 0)
		text_wall_time(text, wall_ns, with_date);
	else
		view_add(text, event, "time", "?");
}

void explanation_add_who(struct text *text, struct json_object *event)
{
	struct json_object *process = view_member(event, "process"), *exe = view_member(process, "exe");
	if (view_is_empty(exe, "path"))
		view_add(text, process, "comm", "?");
	else
		view_add(text, exe, "path", "?");
	text_add(text, "[");
	view_add(text, process, "pid", "?");
	text_add(text, "] uid ");
	view_add(text, process, "uid", "?");
}

void explanation_add_what(struct text *text, struct json_object *event)
{
	static const char *const files[] = {"file", "target"};
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		struct json_object *file = view_member(event, files[i]);
		if (!view_is_empty(file, "path")) {
			view_add(text, file, "path", "?");
			return;
		}
		if (view_number(file, "ino") > 0) {
			text_add(text, "inode ");
			view_add(text, file, "ino", "?");
			return;
		}
	}
	view_add(text, event, "name", "?");
}

struct json_object *explanation_decider(struct json_object *explanation)
{
	for (size_t i = 0; i < view_length(explanation, "asked"); i++) {
		struct json_object *answer = view_element(explanation, "asked", i);
		if (view_is(answer, "answer", "deny") && !view_flag(answer, "shadow"))
			return answer;
	}
	return NULL;
}

/* What else is known of the process. */
static void add_circumstances(struct text *text, struct json_object *process)
{
	static const struct {
		const char *key, *words;
	} rows[] = {
		{"parent_pid", ", child of "},
		{"login_uid", ", login uid "},
		{"container_id", ", container "},
		{"cgroup", ", cgroup "},
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (view_is_empty(process, rows[i].key))
			continue;
		text_add(text, rows[i].words);
		view_add(text, process, rows[i].key, "");
	}
}

static void print_pair(const struct output *output, const char *label, struct text *text)
{
	output_paragraph(output, INDENT, label, OUTPUT_BOLD, text_get(text));
	text_clear(text);
}

static void print_head(const struct output *output, struct json_object *explanation)
{
	bool denied = view_is(explanation, "outcome", "deny");
	struct text text = {0};
	text_add(&text, "Event ");
	view_add(&text, explanation, "id", "?");
	text_add(&text, ": ");
	view_add(&text, view_member(explanation, "event"), "event", "an operation");
	text_add(&text, denied                                     ? " was denied"
			: view_is(explanation, "outcome", "allow") ? " was allowed"
								   : " has no outcome");
	if (view_has(explanation, "latency_us")) {
		text_add(&text, " after ");
		text_microseconds(&text, view_number(explanation, "latency_us"));
	}
	if (view_flag(explanation, "cached"))
		text_add(&text, ", from the cache");
	output_line(output, denied ? OUTPUT_BAD : OUTPUT_GOOD, text_get(&text));
	text_deinit(&text);
}

static void print_facts(const struct output *output, struct json_object *explanation)
{
	struct json_object *event = view_member(explanation, "event");
	struct text text = {0};
	if (event) {
		explanation_add_when(&text, event, true);
		print_pair(output, "when", &text);
		explanation_add_who(&text, event);
		add_circumstances(&text, view_member(event, "process"));
		print_pair(output, "who", &text);
		explanation_add_what(&text, event);
		print_pair(output, "what", &text);
	}
	view_add(&text, explanation, "why", "not known");
	print_pair(output, "why", &text);
	if (!view_is_empty(explanation, "overridden")) {
		text_add(&text, "the platform did not follow the agents: ");
		view_add(&text, explanation, "overridden", "");
		print_pair(output, "but", &text);
	}
	text_deinit(&text);
}

static void add_flag(struct text *text, bool set, const char *words)
{
	if (!set)
		return;
	if (text->size > 0)
		text_add(text, ", ");
	text_add(text, words);
}

static const struct output_column columns[] = {
	{"ASKED", .flexible = true},
	{"ANSWER"},
	{"AFTER", .right = true},
	{"NOTE"},
};

static void add_row(struct output_table *table, struct json_object *asked, bool decided)
{
	struct text cells[ARRAY_SIZE(columns)] = {0};
	bool deny = view_is(asked, "answer", "deny");
	view_add(&cells[0], asked, "agent", "?");
	if (!view_is_empty(asked, "version")) {
		text_add(&cells[0], " ");
		view_add(&cells[0], asked, "version", "");
	}
	view_add(&cells[1], asked, "answer", "?");
	if (view_has(asked, "latency_us") && !view_is(asked, "answer", "none"))
		text_microseconds(&cells[2], view_number(asked, "latency_us"));
	else
		text_add(&cells[2], "-");
	add_flag(&cells[3], decided, "decided");
	add_flag(&cells[3], view_flag(asked, "cache"), "may be cached");
	add_flag(&cells[3], view_flag(asked, "shadow"), "shadow: recorded only");
	add_flag(&cells[3], view_has(asked, "counted") && !view_flag(asked, "counted"), "not counted");
	output_table_add(table, deny ? OUTPUT_BAD : OUTPUT_PLAIN, cells);
	for (size_t i = 0; i < ARRAY_SIZE(columns); i++)
		text_deinit(&cells[i]);
}

/* Rule, reason and content of one agent's answer, when it gave any. */
static void print_reason(const struct output *output, struct json_object *asked)
{
	struct text label = {0}, text = {0};
	if (!view_is_empty(asked, "rule")) {
		text_add(&text, "rule ");
		view_add(&text, asked, "rule", "");
	}
	if (!view_is_empty(asked, "reason")) {
		text_add(&text, text.size ? ": \"" : "\"");
		view_add(&text, asked, "reason", "");
		text_add(&text, "\"");
	}
	if (!view_is_empty(asked, "content_version")) {
		text_add(&text, text.size ? " (content " : "content ");
		view_add(&text, asked, "content_version", "");
		text_add(&text, text_get(&text)[0] == 'c' ? "" : ")");
	}
	if (text.size > 0) {
		text_add(&label, "  ");
		view_add(&label, asked, "agent", "?");
		text_add(&label, ": ");
		output_paragraph(output, 4, text_get(&label), OUTPUT_PLAIN, text_get(&text));
	}
	text_deinit(&label);
	text_deinit(&text);
}

void explanation_print(const struct output *output, struct json_object *explanation)
{
	struct output_table table;
	struct json_object *decider = explanation_decider(explanation);
	size_t n = view_length(explanation, "asked");
	bool denied = view_is(explanation, "outcome", "deny");
	print_head(output, explanation);
	print_facts(output, explanation);
	output_blank(output);
	if (n == 0) {
		output_line(output, OUTPUT_PLAIN, "No agent was asked.");
		return;
	}
	output_table_init(&table, columns, ARRAY_SIZE(columns));
	for (size_t i = 0; i < n; i++) {
		struct json_object *asked = view_element(explanation, "asked", i);
		add_row(&table, asked, denied && asked == decider);
	}
	output_table_print(&table, output, 0);
	output_table_deinit(&table);
	for (size_t i = 0; i < n; i++)
		print_reason(output, view_element(explanation, "asked", i));
}

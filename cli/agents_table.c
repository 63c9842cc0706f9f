/* SPDX-License-Identifier: Apache-2.0 */
#include "agents_table.h"

#include <string.h>

/* Index in `list` of the agent of this name, or the length of the list. */
static size_t find(struct json_object *list, const char *name)
{
	size_t n = view_length(list, "agents"), i = 0;
	while (i < n && !view_is(view_element(list, "agents", i), "name", name))
		i++;
	return i;
}

static const char *name_of(struct json_object *agent)
{
	struct json_object *name = view_member(agent, "name");
	return json_object_is_type(name, json_type_string) ? json_object_get_string(name) : "";
}

/* Those of the cage that the engine does not know come after the engine's. */
static struct json_object *only_caged(struct json_object *status, size_t index, size_t *ret_count)
{
	struct json_object *engine = view_member(status, "engine"), *cage = view_member(status, "cage");
	struct json_object *found = NULL;
	size_t n = 0;
	for (size_t i = 0; i < view_length(cage, "agents"); i++) {
		struct json_object *agent = view_element(cage, "agents", i);
		if (find(engine, name_of(agent)) < view_length(engine, "agents"))
			continue;
		if (n++ == index)
			found = agent;
	}
	if (ret_count)
		*ret_count = n;
	return found;
}

size_t agents_count(struct json_object *status)
{
	size_t caged;
	only_caged(status, 0, &caged);
	return view_length(view_member(status, "engine"), "agents") + caged;
}

static bool is_one_of(struct json_object *agent, const char *const *states, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (view_is(agent, "state", states[i]))
			return true;
	return false;
}

static enum output_colour colour_of(const struct agents_row *row)
{
	static const char *const good[] = {"live", "shadow"};
	static const char *const fair[] = {"off", "starting", "stopping", "restarting", "connecting"};
	struct json_object *first = row->engine ? row->engine : row->cage;
	if (is_one_of(first, good, ARRAY_SIZE(good)))
		return OUTPUT_PLAIN;
	/* gone for the engine, because somebody stopped it on purpose, is no alarm */
	if (is_one_of(first, fair, ARRAY_SIZE(fair)) || is_one_of(row->cage, fair, ARRAY_SIZE(fair)))
		return OUTPUT_WARN;
	return OUTPUT_BAD;
}

struct agents_row agents_row(struct json_object *status, size_t index)
{
	struct json_object *engine = view_member(status, "engine"), *cage = view_member(status, "cage");
	struct agents_row row = {0};
	size_t n = view_length(engine, "agents");
	if (index < n) {
		row.engine = view_element(engine, "agents", index);
		row.cage = view_element(cage, "agents", find(cage, name_of(row.engine)));
	} else {
		row.cage = only_caged(status, index - n, NULL);
	}
	row.colour = colour_of(&row);
	return row;
}

/* What the cage says of its process, in words; NULL when that adds nothing. */
static const char *process_words(struct json_object *cage)
{
	static const struct {
		const char *state, *words;
	} rows[] = {
		{"off", "stopped"},
		{"backoff", "its process waits to be started again"},
		{"failed", "its process ended too often and stays down"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (view_is(cage, "state", rows[i].state))
			return rows[i].words;
	return NULL;
}

const char *agents_name(const struct agents_row *row)
{
	return name_of(row->engine ? row->engine : row->cage);
}

/* Why a process ended tells more than that its session did; that somebody stopped it, more than how it then ended. */
static struct json_object *find_why(const struct agents_row *row, const char **ret_key)
{
	bool stopped = view_is(row->cage, "state", "off") && !view_is_empty(row->cage, "order");
	bool cage_knows = process_words(row->cage) && !view_is_empty(row->cage, "why");
	*ret_key = stopped ? "order" : "why";
	if (stopped)
		return row->cage;
	return cage_knows || view_is_empty(row->engine, "why") ? row->cage : row->engine;
}

void agents_add_state(struct text *text, const struct agents_row *row)
{
	struct json_object *first = row->engine ? row->engine : row->cage;
	const char *words = process_words(row->cage), *key;
	struct json_object *why = find_why(row, &key);
	view_add(text, first, "state", "in an unknown state");
	if (words) {
		text_add(text, ", ");
		text_add(text, words);
	}
	if (!view_is_empty(why, key)) {
		text_add(text, ": ");
		view_add(text, why, key, "");
	}
}

static const struct output_column columns[] = {
	{"AGENT", .flexible = true}, {"STATE"},
	{"SINCE", .right = true},    {"ASKED", .right = true},
	{"DENIED", .right = true},   {"MISSED", .right = true},
	{"STRIKES", .right = true},  {"P50", .right = true},
	{"P99", .right = true},
};

/* 42 s, 2 h, 3 d: the table is narrow, and the line below it says it in full */
static void add_since(struct text *text, struct json_object *agent)
{
	static const struct {
		uint64_t seconds;
		const char *unit;
	} units[] = {{86400, "d"}, {3600, "h"}, {60, "min"}, {1, "s"}};
	uint64_t seconds = view_number(agent, "since_s");
	size_t i = 0;
	if (!view_has(agent, "since_s")) {
		text_add(text, "-");
		return;
	}
	while (i + 1 < ARRAY_SIZE(units) && seconds < 2 * units[i].seconds)
		i++;
	text_count(text, seconds / units[i].seconds);
	text_format(text, " %s", units[i].unit);
}

/* The part that knows since when: the engine of sessions and benches, the cage of the rest. */
static struct json_object *since_of(const struct agents_row *row)
{
	return view_has(row->engine, "since_s") ? row->engine : row->cage;
}

static void add_row(struct output_table *table, const struct agents_row *row)
{
	static const char *const counts[] = {"questions", "denies", "misses", "strikes"};
	struct json_object *first = row->engine ? row->engine : row->cage;
	struct text cells[ARRAY_SIZE(columns)] = {0};
	view_add(&cells[0], first, "name", "?");
	view_add(&cells[1], first, "state", "?");
	add_since(&cells[2], since_of(row));
	for (size_t i = 0; i < ARRAY_SIZE(counts); i++) {
		if (view_has(row->engine, counts[i]))
			text_count(&cells[3 + i], view_number(row->engine, counts[i]));
		else
			text_add(&cells[3 + i], "-");
	}
	for (size_t i = 0; i < 2; i++) {
		const char *key = i ? "p99_us" : "p50_us";
		if (view_has(row->engine, key) && view_number(row->engine, "questions") > 0)
			text_microseconds(&cells[7 + i], view_number(row->engine, key));
		else
			text_add(&cells[7 + i], "-");
	}
	output_table_add(table, row->colour, cells);
	for (size_t i = 0; i < ARRAY_SIZE(columns); i++)
		text_deinit(&cells[i]);
}

static void add_number(struct text *text, struct json_object *agent, const char *key, const char *noun,
		       const char *words)
{
	text_counted(text, view_number(agent, key), noun);
	text_add(text, words);
}

/* The operator's last word: the cage's, or the engine's when that is newer. */
static struct json_object *newest_order(const struct agents_row *row)
{
	if (view_is_empty(row->engine, "order"))
		return row->cage;
	if (view_is_empty(row->cage, "order"))
		return row->engine;
	return view_number(row->engine, "order_ms") <= view_number(row->cage, "order_ms") ? row->engine : row->cage;
}

/* "Stopped by the operator: too slow, 3 min 2 s ago. " */
static bool add_order(struct text *text, const struct agents_row *row)
{
	struct json_object *order = newest_order(row);
	if (view_is_empty(order, "order"))
		return false;
	size_t at = text->size;
	view_add(text, order, "order", "");
	if (text->bytes[at] >= 'a' && text->bytes[at] <= 'z')
		text->bytes[at] = (char)(text->bytes[at] - 'a' + 'A');
	text_add(text, ", ");
	text_seconds(text, view_number(order, "order_ms") / 1000);
	text_add(text, " ago. ");
	return true;
}

/* Why it is as it is, unless that is the operator's word, or nothing is the matter. */
static void add_why(struct text *text, const struct agents_row *row, bool ordered)
{
	const char *key;
	struct json_object *why = find_why(row, &key);
	if (view_is_empty(why, key) || (ordered && strcmp(key, "order") == 0))
		return;
	struct text words = {0};
	view_add(&words, why, key, "");
	if (!ordered || strncmp(text_get(&words), "by the operator", strlen("by the operator")) != 0) {
		text_add(text, row->colour == OUTPUT_PLAIN ? "Before: " : "Why: ");
		text_add(text, text_get(&words));
		text_add(text, ". ");
	}
	text_deinit(&words);
}

/* Counts that are 0 for most agents. */
static void add_rare(struct text *text, struct json_object *engine)
{
	static const struct {
		const char *key, *words;
	} counts[] = {{"over_budget", " beyond its budget of events"},
		      {"slow", " slow answers"},
		      {"actions_done", " actions done"},
		      {"actions_refused", " actions refused"},
		      {"actions_limited", " actions beyond its limit"}};
	for (size_t i = 0; i < ARRAY_SIZE(counts); i++) {
		if (view_number(engine, counts[i].key) == 0)
			continue;
		text_add(text, ", ");
		text_count(text, view_number(engine, counts[i].key));
		text_add(text, counts[i].words);
	}
}

static void add_counts(struct text *text, struct json_object *engine)
{
	add_number(text, engine, "allows", "allow", ", ");
	add_number(text, engine, "late", "late answer", ", ");
	text_count(text, view_number(engine, "pending"));
	text_add(text, " pending; ");
	add_number(text, engine, "delivered", "event", " delivered, ");
	text_count(text, view_number(engine, "dropped"));
	text_add(text, " dropped");
	add_rare(text, engine);
	text_add(text, "; ");
}

/* What the cage measures of its processes, where this kernel lets it. */
static void add_usage(struct text *text, struct json_object *cage)
{
	static const struct {
		const char *key, *noun;
	} counts[] = {{"tasks", "task"}, {"descriptors", "descriptor"}};
	if (view_has(cage, "memory_bytes")) {
		text_add(text, "; memory ");
		text_bytes(text, view_number(cage, "memory_bytes"));
	}
	if (view_has(cage, "memory_peak_bytes")) {
		text_add(text, ", at most ");
		text_bytes(text, view_number(cage, "memory_peak_bytes"));
	}
	if (view_has(cage, "cpu_ns")) {
		text_add(text, "; processor ");
		text_microseconds(text, view_number(cage, "cpu_ns") / 1000);
	}
	for (size_t i = 0; i < ARRAY_SIZE(counts); i++) {
		if (!view_has(cage, counts[i].key))
			continue;
		text_add(text, "; ");
		add_number(text, cage, counts[i].key, counts[i].noun, "");
	}
}

/* What does not fit into the table. */
static void print_rest(const struct output *output, const struct agents_row *row)
{
	struct json_object *first = row->engine ? row->engine : row->cage;
	struct text label = {0}, text = {0};
	text_add(&label, "  ");
	view_add(&label, first, "name", "?");
	text_add(&label, " ");
	if (!view_is_empty(row->engine, "version")) {
		view_add(&text, row->engine, "version", "");
		if (!view_is_empty(row->engine, "content_version")) {
			text_add(&text, ", content ");
			view_add(&text, row->engine, "content_version", "");
		}
		text_add(&text, ": ");
	}
	add_why(&text, row, add_order(&text, row));
	if (row->engine)
		add_counts(&text, row->engine);
	if (view_number(row->engine, "pid") > 0 || view_number(row->cage, "pid") > 0) {
		text_add(&text, "pid ");
		view_add(&text, view_number(row->engine, "pid") > 0 ? row->engine : row->cage, "pid", "-");
	} else {
		text_add(&text, "no process");
	}
	if (row->cage) {
		text_add(&text, ", user ");
		view_add(&text, row->cage, "uid", "?");
		text_add(&text, ", ");
		add_number(&text, row->cage, "restarts", "restart", "");
		add_usage(&text, row->cage);
	}
	text_add(&text, ".");
	output_paragraph(output, 4, text_get(&label), OUTPUT_PLAIN, text_get(&text));
	text_deinit(&label);
	text_deinit(&text);
}

void agents_print_one(const struct output *output, const struct agents_row *row)
{
	struct output_table table;
	output_table_init(&table, columns, ARRAY_SIZE(columns));
	add_row(&table, row);
	output_table_print(&table, output, 0);
	output_table_deinit(&table);
	print_rest(output, row);
}

void agents_print(const struct output *output, struct json_object *status)
{
	struct output_table table;
	size_t n = agents_count(status);
	if (n == 0) {
		output_line(output, OUTPUT_PLAIN, "No agents.");
		return;
	}
	output_table_init(&table, columns, ARRAY_SIZE(columns));
	for (size_t i = 0; i < n; i++) {
		struct agents_row row = agents_row(status, i);
		add_row(&table, &row);
	}
	output_table_print(&table, output, 0);
	output_table_deinit(&table);
	for (size_t i = 0; i < n; i++) {
		struct agents_row row = agents_row(status, i);
		print_rest(output, &row);
	}
}

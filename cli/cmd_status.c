/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_status: `ringside status`. */
#include "agents_table.h"
#include "answer.h"
#include "wire/ipc.h"

#include <string.h>

#define INDENT 12u

static void add_count(struct text *text, struct json_object *object, const char *key, const char *words)
{
	text_count(text, view_number(object, key));
	text_add(text, words);
}

static void add_counted(struct text *text, struct json_object *object, const char *key, const char *noun,
			const char *words)
{
	text_counted(text, view_number(object, key), noun);
	text_add(text, words);
}

static void heading(const struct output *out, struct json_object *status)
{
	struct json_object *parent = view_member(status, "parent"), *engine = view_member(status, "engine");
	struct text line = {0};
	text_add(&line, "Ringside ");
	view_add(&line, parent, "version", "of unknown version");
	if (view_has(engine, "uptime_s")) {
		text_add(&line, ": engine up ");
		text_seconds(&line, view_number(engine, "uptime_s"));
		text_add(&line, ", generation ");
		view_add(&line, engine, "generation", "?");
	} else {
		text_add(&line, ": no word from the engine");
	}
	output_line(out, OUTPUT_BOLD, text_get(&line));
	text_clear(&line);
	for (size_t i = 0; i < view_length(parent, "scope"); i++) {
		text_add(&line, i ? ", " : "");
		view_add_element(&line, parent, "scope", i);
	}
	if (line.size > 0)
		output_paragraph(out, 10, "watches", OUTPUT_PLAIN, text_get(&line));
	if (!view_is_empty(parent, "config")) {
		text_clear(&line);
		view_add(&line, parent, "config", "");
		output_paragraph(out, 10, "as in", OUTPUT_PLAIN, text_get(&line));
	}
	text_deinit(&line);
}

static void processes(const struct output *out, struct json_object *parent)
{
	static const struct output_column columns[] = {
		{"PROCESS"},
		{"STATE", .flexible = true},
		{"PID", .right = true},
		{"UID", .right = true},
		{"RESTARTS", .right = true},
	};
	static const char *const keys[ARRAY_SIZE(columns)] = {"name", "state", "pid", "uid", "restarts"};
	struct output_table table;
	if (view_length(parent, "processes") == 0)
		return;
	output_table_init(&table, columns, ARRAY_SIZE(columns));
	for (size_t i = 0; i < view_length(parent, "processes"); i++) {
		struct json_object *process = view_element(parent, "processes", i);
		struct text cells[ARRAY_SIZE(columns)] = {0};
		for (size_t k = 0; k < ARRAY_SIZE(columns); k++)
			view_add(&cells[k], process, keys[k], "-");
		if (view_number(process, "pid") == 0) {
			text_clear(&cells[2]);
			text_add(&cells[2], "-");
		}
		output_table_add(&table, OUTPUT_PLAIN, cells);
		for (size_t k = 0; k < ARRAY_SIZE(columns); k++)
			text_deinit(&cells[k]);
	}
	output_blank(out);
	output_table_print(&table, out, 0);
	output_table_deinit(&table);
}

static void questions(const struct output *out, struct json_object *engine)
{
	struct json_object *counts = view_member(engine, "questions");
	struct text text = {0};
	if (!counts)
		return;
	add_count(&text, counts, "asked", " asked: ");
	add_count(&text, counts, "allowed", " allowed, ");
	add_count(&text, counts, "denied", " denied; ");
	add_count(&text, counts, "missed", " missed a deadline, ");
	add_count(&text, counts, "overridden", " overridden, ");
	add_count(&text, counts, "unguarded", " unguarded; ");
	add_count(&text, counts, "pending", " pending now.");
	if (view_number(counts, "asked") > 0 && view_has(counts, "p50_us")) {
		text_add(&text, " Half took up to ");
		text_microseconds(&text, view_number(counts, "p50_us"));
		text_add(&text, ", 99 of 100 up to ");
		text_microseconds(&text, view_number(counts, "p99_us"));
		text_add(&text, ".");
	}
	output_paragraph(out, INDENT, "Questions", OUTPUT_BOLD, text_get(&text));
	text_deinit(&text);
}

static void events(const struct output *out, struct json_object *engine)
{
	struct json_object *counts = view_member(engine, "events");
	struct text text = {0};
	if (!counts)
		return;
	add_count(&text, counts, "delivered", " delivered, ");
	add_count(&text, counts, "dropped", " dropped");
	if (view_number(counts, "over_budget") > 0) {
		text_add(&text, ", ");
		add_count(&text, counts, "over_budget", " beyond a budget");
	}
	text_add(&text, " (told to the agents as 'lost').");
	output_paragraph(out, INDENT, "Events", OUTPUT_BOLD, text_get(&text));
	text_deinit(&text);
}

static void sensor(const struct output *out, struct json_object *row, bool first)
{
	struct json_object *cache = view_member(row, "cache");
	struct text text = {0};
	view_add(&text, row, "name", "?");
	text_add(&text, ": ");
	add_counted(&text, row, "events", "event", ", ");
	add_counted(&text, row, "questions", "question", ", ");
	add_count(&text, row, "self", " of its own, ");
	add_count(&text, row, "lost", " lost.");
	if (view_number(cache, "size") + view_number(cache, "added") + view_number(cache, "refused") > 0) {
		text_add(&text, " Cache: ");
		add_counted(&text, cache, "size", "file", "; ");
		add_count(&text, cache, "added", " added, ");
		add_count(&text, cache, "removed", " removed, ");
		add_count(&text, cache, "refused", " refused.");
	}
	output_paragraph(out, INDENT, first ? "Sensors" : "", OUTPUT_BOLD, text_get(&text));
	text_deinit(&text);
}

/* What the keeper did in the engine's place; what is 0 is left out. */
static void keeper(const struct output *out, struct json_object *parent)
{
	static const struct {
		const char *key, *noun, *words;
	} rows[] = {
		{"file_systems", "file system", " watched"},
		{"restarts", "engine", " ended"},
		{"overdue", "question", " answered in the place of a late engine"},
		{"drained", "question", " taken from a queue that the engine left"},
		{"unguarded_allowed", "question", " allowed without an engine"},
		{"unguarded_denied", "question", " denied without an engine"},
		{"rescued", "lease", " released in its place"},
		{"starved", "time", " the engine waited for a processor"},
		{"lies", "impossible value", " in the ledger"},
		{"errors", "error", " of the kernel's"},
	};
	struct json_object *counts = view_member(parent, "keeper");
	struct text text = {0};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (view_number(counts, rows[i].key) == 0)
			continue;
		text_add(&text, text.size > 0 ? ", " : "");
		add_counted(&text, counts, rows[i].key, rows[i].noun, rows[i].words);
	}
	if (text.size > 0) {
		text_add(&text, ".");
		output_paragraph(out, INDENT, "Keeper", OUTPUT_BOLD, text_get(&text));
	}
	text_deinit(&text);
}

struct attention {
	const struct output *out;
	unsigned n; /* that make the exit code CLI_NEGATIVE */
	bool any;
};

static void attend(struct attention *attention, enum output_colour colour, struct text *text)
{
	if (!attention->any)
		output_blank(attention->out);
	attention->any = true;
	attention->n += colour == OUTPUT_BAD;
	output_paragraph(attention->out, 2, "! ", colour, text_get(text));
	text_deinit(text);
	*text = (struct text){0};
}

static void attend_to_parts(struct attention *attention, struct json_object *status)
{
	static const char *const parts[] = {"parent", "engine", "cage"};
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		struct json_object *part = view_member(status, parts[i]);
		struct text text = {0};
		if (part && !view_has(part, "error"))
			continue;
		text_format(&text, "The %s does not answer: ", parts[i]);
		view_add(&text, part, "error", "its part of the status is missing");
		attend(attention, OUTPUT_BAD, &text);
	}
}

static void attend_to_restarts(struct attention *attention, struct json_object *parent)
{
	for (size_t i = 0; i < view_length(parent, "processes"); i++) {
		struct json_object *process = view_element(parent, "processes", i);
		struct text text = {0};
		if (view_number(process, "restarts") == 0)
			continue;
		view_add(&text, process, "name", "A process");
		text_add(&text, " was started again ");
		text_counted(&text, view_number(process, "restarts"), "time");
		text_add(&text, ": ");
		view_add(&text, process, view_is_empty(process, "why") ? "" : "why", "the log says why");
		text_add(&text, ".");
		attend(attention, OUTPUT_WARN, &text);
	}
}

static void attend_to_reloads(struct attention *attention, struct json_object *parent)
{
	struct text text = {0};
	if (view_number(parent, "reload_errors") == 0)
		return;
	text_add(&text, "The configuration was wrong when it was read again, ");
	text_counted(&text, view_number(parent, "reload_errors"), "time");
	text_add(&text, "; the older one holds. 'ringside check' says what is wrong.");
	attend(attention, OUTPUT_WARN, &text);
}

static void attend_to_losses(struct attention *attention, struct json_object *engine)
{
	struct text text = {0};
	for (size_t i = 0; i < view_length(engine, "sensors"); i++) {
		struct json_object *row = view_element(engine, "sensors", i);
		if (view_number(row, "lost") == 0)
			continue;
		text_add(&text, "The sensor ");
		view_add(&text, row, "name", "?");
		text_add(&text, " lost ");
		add_counted(&text, row, "lost", "event", " in the kernel.");
		attend(attention, OUTPUT_WARN, &text);
	}
	if (view_number(view_member(engine, "questions"), "unguarded") > 0) {
		add_counted(&text, view_member(engine, "questions"), "unguarded", "operation",
			    " allowed with nobody to ask.");
		attend(attention, OUTPUT_WARN, &text);
	}
}

static void attend_to_agents(struct attention *attention, struct json_object *status)
{
	size_t n = agents_count(status);
	for (size_t i = 0; i < n; i++) {
		struct agents_row row = agents_row(status, i);
		struct text text = {0};
		if (row.colour != OUTPUT_BAD)
			continue;
		text_add(&text, "The agent ");
		view_add(&text, row.engine ? row.engine : row.cage, "name", "?");
		text_add(&text, " is ");
		agents_add_state(&text, &row);
		text_add(&text, ".");
		attend(attention, row.colour, &text);
	}
}

int cmd_status(struct cli *cli)
{
	_cleanup_(answer_deinit) struct answer answer = {.fd = -1};
	int code = answer_ask(cli, IPC_REQUEST_STATUS, 0, NULL, &answer);
	if (code != CLI_OK)
		return code;
	const struct output *out = &cli->out;
	struct output silent = cli->out;
	struct json_object *parent = view_member(answer.json, "parent"), *engine = view_member(answer.json, "engine");
	struct attention attention = {.out = out};
	_cleanup_(freep) char *unseen = NULL;
	size_t unseen_size;
	if (cli->json) {
		/* the exit code says the same as without --json */
		silent.file = open_memstream(&unseen, &unseen_size);
		if (!silent.file)
			return CLI_INTERNAL;
		attention.out = &silent;
		answer_print_json(cli, &answer);
	} else {
		heading(out, answer.json);
	}
	attend_to_parts(&attention, answer.json);
	attend_to_agents(&attention, answer.json);
	attend_to_restarts(&attention, parent);
	attend_to_reloads(&attention, parent);
	attend_to_losses(&attention, engine);
	if (cli->json) {
		fclose(silent.file);
		return attention.n ? CLI_NEGATIVE : CLI_OK;
	}
	processes(out, parent);
	output_blank(out);
	agents_print(out, answer.json);
	if (view_has(engine, "questions"))
		output_blank(out);
	questions(out, engine);
	events(out, engine);
	for (size_t i = 0; i < view_length(engine, "sensors"); i++)
		sensor(out, view_element(engine, "sensors", i), i == 0);
	keeper(out, parent);
	return attention.n ? CLI_NEGATIVE : CLI_OK;
}

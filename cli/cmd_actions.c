/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_actions: `ringside actions`. */
#include "answer.h"
#include "wire/ipc.h"

#include <string.h>

#define COUNT_DEFAULT 20u
#define COUNT_MOST 2000u

static const struct output_column columns[] = {
	{"NUMBER", .right = true},  {"WHEN", .flexible = true}, {"AGENT", .flexible = true},
	{"RULE", .flexible = true}, {"WHAT", .flexible = true}, {"OUTCOME", .flexible = true},
};

static const struct {
	const char *outcome;
	enum output_colour colour;
} colours[] = {{"done", OUTPUT_PLAIN}, {"failed", OUTPUT_BAD}, {"unknown", OUTPUT_BAD}, {"open", OUTPUT_WARN}};

static enum output_colour colour_of(struct json_object *action)
{
	for (size_t i = 0; i < ARRAY_SIZE(colours); i++)
		if (view_is(action, "outcome", colours[i].outcome))
			return colours[i].colour;
	return OUTPUT_DIM;
}

/* "/usr/bin/curl[4242]", and its arguments behind the first. */
static void add_what(struct text *text, struct json_object *target)
{
	if (view_is_empty(target, "exe"))
		text_add(text, "?");
	else
		view_add(text, target, "exe", "?");
	text_add(text, "[");
	view_add(text, target, "pid", "?");
	text_add(text, "]");
	for (size_t i = 1; i < view_length(target, "args"); i++) {
		text_add(text, " ");
		view_add_element(text, target, "args", i);
	}
}

static void add_outcome(struct text *text, struct json_object *action)
{
	view_add(text, action, "outcome", "?");
	if (view_is_empty(action, "why"))
		return;
	text_add(text, ": ");
	view_add(text, action, "why", "");
}

static void add_row(struct output_table *table, struct json_object *action)
{
	struct text cells[ARRAY_SIZE(columns)] = {0};
	view_add(&cells[0], action, "number", "?");
	text_wall_time(&cells[1], view_number(action, "wall_ns"), true);
	view_add(&cells[2], action, "agent", "?");
	view_add(&cells[3], action, view_is_empty(action, "rule") ? "no rule" : "rule", "-");
	view_add(&cells[4], action, "action", "?");
	text_add(&cells[4], " ");
	add_what(&cells[4], view_member(action, "target"));
	add_outcome(&cells[5], action);
	output_table_add(table, colour_of(action), cells);
	for (size_t i = 0; i < ARRAY_SIZE(columns); i++)
		text_deinit(&cells[i]);
}

static int print(const struct cli *cli, struct json_object *answer)
{
	struct output_table table;
	uint64_t damaged = view_number(answer, "damaged");
	size_t n = view_length(answer, "actions");
	if (n == 0)
		output_line(&cli->out, OUTPUT_PLAIN, "The journal has no such action.");
	output_table_init(&table, columns, ARRAY_SIZE(columns));
	for (size_t i = 0; i < n; i++)
		add_row(&table, view_element(answer, "actions", i));
	if (n > 0)
		output_table_print(&table, &cli->out, 0);
	output_table_deinit(&table);
	if (damaged == 0)
		return CLI_OK;
	struct text line = {0};
	text_counted(&line, damaged, "record");
	text_add(&line, " of the journal cannot be read: torn by a power cut, or changed on the disk.");
	output_paragraph(&cli->out, 2, "! ", OUTPUT_WARN, text_get(&line));
	text_deinit(&line);
	return CLI_NEGATIVE;
}

/* "agent=NAME outcome=NAME" as the platform takes it. False, with a complaint: a name that cannot be one. */
static bool add_choice(const struct cli *cli, const char *option, struct text *request)
{
	const char *value = cli_value(cli, option);
	if (!value)
		return true;
	if (!*value || strpbrk(value, " \t\n") || strlen(value) >= SESSION_NAME_SIZE) {
		cli_complain("--%s must be a name without blanks, of at most %u bytes", option, SESSION_NAME_SIZE - 1);
		return false;
	}
	text_add(request, request->size ? " " : "");
	text_add(request, option);
	text_add(request, "=");
	text_add(request, value);
	return true;
}

int cmd_actions(struct cli *cli)
{
	_cleanup_(answer_deinit) struct answer answer = {.fd = -1};
	_cleanup_(text_deinit) struct text request = {0};
	uint64_t count = COUNT_DEFAULT;
	if (cli_value(cli, "count") && !cli_number("--count", cli_value(cli, "count"), COUNT_MOST, &count))
		return CLI_USAGE;
	if (!add_choice(cli, "agent", &request) || !add_choice(cli, "outcome", &request))
		return CLI_USAGE;
	int code = answer_ask(cli, IPC_REQUEST_ACTIONS, count, text_get(&request), &answer);
	if (code != CLI_OK)
		return code;
	if (!cli->json)
		return print(cli, answer.json);
	answer_print_json(cli, &answer);
	return view_number(answer.json, "damaged") ? CLI_NEGATIVE : CLI_OK;
}

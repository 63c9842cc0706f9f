/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_denials: `ringside denials`. */
#include "answer.h"
#include "explanation.h"
#include "wire/ipc.h"

#define COUNT_DEFAULT 20u
#define COUNT_MOST 1000000u

static const struct output_column columns[] = {
	{"EVENT", .right = true},   {"WHEN"}, {"AGENT", .flexible = true}, {"RULE", .flexible = true},
	{"WHAT", .flexible = true},
};

static void add_row(struct output_table *table, struct json_object *denial)
{
	struct json_object *event = view_member(denial, "event"), *decider = explanation_decider(denial);
	struct text cells[ARRAY_SIZE(columns)] = {0};
	view_add(&cells[0], denial, "id", "?");
	explanation_add_when(&cells[1], event, false);
	view_add(&cells[2], decider, "agent", "-");
	view_add(&cells[3], decider, view_is_empty(decider, "rule") ? "no rule" : "rule", "-");
	explanation_add_what(&cells[4], event);
	output_table_add(table, OUTPUT_PLAIN, cells);
	for (size_t i = 0; i < ARRAY_SIZE(columns); i++)
		text_deinit(&cells[i]);
}

int cmd_denials(struct cli *cli)
{
	_cleanup_(answer_deinit) struct answer answer = {.fd = -1};
	struct output_table table;
	uint64_t count = COUNT_DEFAULT;
	if (cli_value(cli, "count") && !cli_number("--count", cli_value(cli, "count"), COUNT_MOST, &count))
		return CLI_USAGE;
	int code = answer_ask(cli, IPC_REQUEST_DENIALS, count, NULL, &answer);
	if (code != CLI_OK)
		return code;
	if (cli->json) {
		answer_print_json(cli, &answer);
		return CLI_OK;
	}
	size_t n = view_length(answer.json, "denials");
	if (n == 0) {
		output_line(&cli->out, OUTPUT_PLAIN, "Nothing was denied since the engine started.");
		return CLI_OK;
	}
	output_table_init(&table, columns, ARRAY_SIZE(columns));
	for (size_t i = 0; i < n; i++)
		add_row(&table, view_element(answer.json, "denials", i));
	output_table_print(&table, &cli->out, 0);
	output_table_deinit(&table);
	return CLI_OK;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_agents: `ringside agents`: the list, and what an administrator may do to one agent. */
#include "agents_order.h"
#include "agents_table.h"
#include "answer.h"
#include "base/nearest.h"
#include "wire/ipc.h"

#include <string.h>

static int list(struct cli *cli)
{
	_cleanup_(answer_deinit) struct answer answer = {.fd = -1};
	int code = answer_ask(cli, IPC_REQUEST_STATUS, 0, NULL, &answer);
	if (code != CLI_OK)
		return code;
	if (cli->json)
		answer_print_json(cli, &answer);
	for (size_t i = 0; i < agents_count(answer.json); i++)
		if (agents_row(answer.json, i).colour == OUTPUT_BAD)
			code = CLI_NEGATIVE;
	if (!cli->json)
		agents_print(&cli->out, answer.json);
	return code;
}

/* The names that would have been known, after one that was not. */
static void say_names(const struct cli *cli, const char *name)
{
	_cleanup_(answer_deinit) struct answer answer = {.fd = -1};
	struct nearest nearest = nearest_to(name);
	struct text text = {0};
	cli_hush(true);
	int code = answer_ask(cli, IPC_REQUEST_STATUS, 0, NULL, &answer);
	cli_hush(false);
	size_t n = code == CLI_OK ? agents_count(answer.json) : 0;
	for (size_t i = 0; i < n; i++) {
		struct agents_row row = agents_row(answer.json, i);
		const char *known = agents_name(&row);
		nearest_try(&nearest, known);
		if (strcmp(known, name) == 0)
			nearest.name = NULL, nearest.distance = 0; /* known: something else was wrong */
		text_add(&text, i > 0 ? ", " : "");
		text_add_escaped(&text, known, strlen(known));
	}
	if (n > 0 && nearest.name) {
		text_clear(&text);
		text_add_escaped(&text, nearest.name, strlen(nearest.name));
		cli_complain("did you mean '%s'?", text_get(&text));
	} else if (n > 0 && nearest.distance > 0) {
		cli_complain("the agents are: %s", text_get(&text));
	}
	text_deinit(&text);
}

static int change(struct cli *cli, const struct agents_verb *verb, const char *name)
{
	_cleanup_(answer_deinit) struct answer answer = {.fd = -1};
	struct text request = {0}, line = {0};
	const char *reason = cli_value(cli, "reason");
	int code = agents_order(&request, verb->verb, name, reason);
	if (code == CLI_OK)
		code = answer_ask(cli, IPC_REQUEST_AGENT, 0, text_get(&request), &answer);
	text_deinit(&request);
	if (code == CLI_NEGATIVE)
		say_names(cli, name);
	if (code != CLI_OK)
		return code;
	if (cli->json) {
		answer_print_json(cli, &answer);
		return CLI_OK;
	}
	text_add_escaped(&line, name, strlen(name));
	text_add(&line, " ");
	text_add(&line, verb->done);
	output_line(&cli->out, OUTPUT_PLAIN, text_get(&line));
	text_deinit(&line);
	return CLI_OK;
}

static int complain_of_words(const struct cli *cli)
{
	struct nearest nearest = nearest_to(cli->words[0]);
	const struct agents_verb *verb = agents_find_verb(cli->words[0]);
	struct text text = {0};
	text_add_escaped(&text, cli->words[0], strlen(cli->words[0]));
	for (const struct agents_verb *row = agents_verbs; row->verb; row++)
		nearest_try(&nearest, row->verb);
	if (verb)
		cli_complain("'agents %s' wants the name of an agent: ringside agents %s NAME", verb->verb, verb->verb);
	else if (nearest.name)
		cli_complain("'agents' takes no words '%s'; did you mean '%s'?", text_get(&text), nearest.name);
	else
		cli_complain("'agents' takes no words '%s': only list, or one of bench, unbench, start, stop, restart, "
			     "upgrade and the name of an agent",
			     text_get(&text));
	text_deinit(&text);
	return CLI_USAGE;
}

int cmd_agents(struct cli *cli)
{
	const struct agents_verb *verb = cli->n_words > 0 ? agents_find_verb(cli->words[0]) : NULL;
	bool lists = cli->n_words == 0 || (cli->n_words == 1 && strcmp(cli->words[0], "list") == 0);
	if (lists && cli_value(cli, "reason")) {
		cli_complain("--reason belongs to a change: ringside agents bench NAME --reason TEXT");
		return CLI_USAGE;
	}
	if (lists)
		return list(cli);
	return verb && cli->n_words == 2 ? change(cli, verb, cli->words[1]) : complain_of_words(cli);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_agents: `ringside agents`: the list, and what an administrator may do to one agent. */
#include "agents_table.h"
#include "answer.h"
#include "wire/ipc.h"

#include <string.h>

static const struct {
	const char *verb;
	const char *done;
} verbs[] = {
	{"bench", "benched: it is asked no more"},
	{"unbench", "unbenched: it is asked again"},
	{"start", "started"},
	{"stop", "stopped"},
	{"restart", "restarted"},
	{"upgrade", "is being upgraded: the old process answers until the new one is live"},
};

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

static int change(struct cli *cli, const char *verb, const char *name, const char *done)
{
	_cleanup_(answer_deinit) struct answer answer = {.fd = -1};
	struct text request = {0}, line = {0};
	text_add(&request, verb);
	text_add(&request, " ");
	text_add(&request, name);
	int code = answer_ask(cli, IPC_REQUEST_AGENT, 0, text_get(&request), &answer);
	text_deinit(&request);
	if (code != CLI_OK)
		return code;
	if (cli->json) {
		answer_print_json(cli, &answer);
		return CLI_OK;
	}
	text_add_escaped(&line, name, strlen(name));
	text_add(&line, " ");
	text_add(&line, done);
	output_line(&cli->out, OUTPUT_PLAIN, text_get(&line));
	text_deinit(&line);
	return CLI_OK;
}

int cmd_agents(struct cli *cli)
{
	if (cli->n_words == 0 || (cli->n_words == 1 && strcmp(cli->words[0], "list") == 0))
		return list(cli);
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
		if (cli->n_words == 2 && strcmp(cli->words[0], verbs[i].verb) == 0)
			return change(cli, verbs[i].verb, cli->words[1], verbs[i].done);
	cli_complain("'agents' takes no words, or one of bench, unbench, start, stop, restart, upgrade and the name of "
		     "an agent");
	return CLI_USAGE;
}

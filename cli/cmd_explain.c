/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_explain: `ringside explain EVENT`. */
#include "answer.h"
#include "explanation.h"
#include "wire/ipc.h"

int cmd_explain(struct cli *cli)
{
	_cleanup_(answer_deinit) struct answer answer = {.fd = -1};
	uint64_t id;
	if (!cli_number("the number of an event", cli->words[0], UINT64_MAX, &id))
		return CLI_USAGE;
	int code = answer_ask(cli, IPC_REQUEST_EXPLAIN, id, NULL, &answer);
	if (code != CLI_OK)
		return code;
	if (cli->json)
		answer_print_json(cli, &answer);
	else
		explanation_print(&cli->out, answer.json);
	return CLI_OK;
}

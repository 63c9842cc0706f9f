/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_denials: `ringside denials`. */
#include "answer.h"
#include "explanation.h"
#include "wire/ipc.h"

#define COUNT_DEFAULT 20u
#define COUNT_MOST 1000000u
#define INDENT 4u

/* Who said no, and to what: the deny that counted; else why it stands here though it was allowed. */
static void add_verdict(struct text *text, struct json_object *denial, struct json_object *decider)
{
	struct json_object *event = view_member(denial, "event");
	if (decider) {
		view_add(text, decider, "agent", "?");
		text_add(text,
			 view_is(denial, "outcome", "allow") ? " denied, and the platform allowed, " : " denied ");
	} else {
		text_add(text, view_is(denial, "outcome", "allow") ? "allowed " : "denied ");
	}
	view_add(text, event, "event", "an operation");
	text_add(text, " of ");
	explanation_add_what(text, event);
	text_add(text, " by ");
	explanation_add_who(text, event);
}

static void add_reason(struct text *text, struct json_object *denial, struct json_object *decider)
{
	if (!view_is_empty(decider, "rule")) {
		text_add(text, ": rule ");
		view_add(text, decider, "rule", "");
	}
	if (!view_is_empty(decider, "reason")) {
		text_add(text, ": \"");
		view_add(text, decider, "reason", "");
		text_add(text, "\"");
	}
	if (!decider || !view_is_empty(denial, "overridden")) {
		text_add(text, ": ");
		view_add(text, denial, view_is_empty(denial, "overridden") ? "why" : "overridden", "not known why");
	}
}

static void print(const struct output *out, struct json_object *denial)
{
	struct json_object *decider = explanation_decider(denial);
	struct text label = {0}, text = {0};
	view_add(&label, denial, "id", "?");
	text_add(&label, "  ");
	explanation_add_when(&label, view_member(denial, "event"), true);
	text_add(&label, "  ");
	add_verdict(&text, denial, decider);
	add_reason(&text, denial, decider);
	output_paragraph(out, INDENT, text_get(&label), OUTPUT_BOLD, text_get(&text));
	text_deinit(&label);
	text_deinit(&text);
}

int cmd_denials(struct cli *cli)
{
	_cleanup_(answer_deinit) struct answer answer = {.fd = -1};
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
	for (size_t i = 0; i < n; i++)
		print(&cli->out, view_element(answer.json, "denials", i));
	return CLI_OK;
}

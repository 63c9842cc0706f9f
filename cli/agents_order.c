/* SPDX-License-Identifier: Apache-2.0 */
#include "agents_order.h"

#include "wire/order.h"

#include <string.h>

const struct agents_verb agents_verbs[] = {
	{"bench", "benched: it is asked no more"},
	{"unbench", "unbenched: it is asked again"},
	{"start", "started"},
	{"stop", "stopped"},
	{"restart", "restarted"},
	{"upgrade", "upgraded: the new process takes over when it is live"},
	{NULL},
};

const struct agents_verb *agents_find_verb(const char *verb)
{
	for (const struct agents_verb *row = agents_verbs; row->verb; row++)
		if (strcmp(row->verb, verb) == 0)
			return row;
	return NULL;
}

int agents_order(struct text *text, const char *verb, const char *name, const char *reason)
{
	struct order order;
	if (reason && strlen(reason) >= ORDER_REASON_SIZE) {
		cli_complain("a reason has at most %u bytes, and this one has %zu", ORDER_REASON_SIZE - 1,
			     strlen(reason));
		return CLI_USAGE;
	}
	text_add(text, verb);
	text_add(text, " ");
	text_add(text, name);
	if (reason && *reason) {
		text_add(text, "\n");
		text_add(text, reason);
	}
	const char *wrong = strchr(name, '\n') ? "expected the name of an agent, found one with a line break"
					       : order_parse(text_get(text), &order);
	if (wrong)
		cli_complain("%s", wrong);
	return wrong ? CLI_USAGE : CLI_OK;
}

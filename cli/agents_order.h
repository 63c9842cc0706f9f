/* SPDX-License-Identifier: Apache-2.0 */
/* agents_order: the verbs of `ringside agents`, and the request that carries one. */
#pragma once

#include "cli.h"

struct agents_verb {
	const char *verb;
	const char *done; /* what is said afterwards, behind the agent's name */
};

extern const struct agents_verb agents_verbs[]; /* ends with a row whose verb is NULL */

const struct agents_verb *agents_find_verb(const char *verb);

/* The text of IPC_REQUEST_AGENT (wire/order.h). reason may be NULL. CLI_OK, or CLI_USAGE with a complaint. */
int agents_order(struct text *text, const char *verb, const char *name, const char *reason);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * order: what an operator tells about one agent: the text of IPC_REQUEST_AGENT. Pure.
 *
 *     "VERB NAME" or "VERB NAME\nREASON"
 *
 * Which verbs there are is the matter of whoever obeys. A reason is for people: it is kept and shown, never obeyed.
 */
#pragma once

#include "wire/session.h"

#include <stdbool.h>

#define ORDER_VERB_SIZE 16u
#define ORDER_REASON_SIZE 128u /* with its NUL */
#define ORDER_WORDS_SIZE (ORDER_REASON_SIZE + 40u)

struct order {
	char verb[ORDER_VERB_SIZE];
	char name[SESSION_NAME_SIZE];
	char reason[ORDER_REASON_SIZE]; /* "" when none was given; control characters have become spaces */
};

/* NULL, or a sentence (static) that says what was expected; then *ret_order is not touched. */
const char *order_parse(const char *text, struct order *ret_order);

/* "VERB by the operator" and, when there is one, ": REASON". Returns words. */
char *order_words(const struct order *order, const char *verb, char words[ORDER_WORDS_SIZE]);

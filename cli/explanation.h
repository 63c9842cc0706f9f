/* SPDX-License-Identifier: Apache-2.0 */
/* explanation: what the platform tells about one question to its agents. */
#pragma once

#include "output.h"
#include "view.h"

/* The moment, process and object of an event in JSON; "?" for what is missing. */
void explanation_add_when(struct text *text, struct json_object *event, bool with_date);
void explanation_add_who(struct text *text, struct json_object *event);
void explanation_add_what(struct text *text, struct json_object *event);

/* The agent whose answer decided: the first counted deny, or NULL. */
struct json_object *explanation_decider(struct json_object *explanation);

void explanation_print(const struct output *output, struct json_object *explanation);

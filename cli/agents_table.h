/* SPDX-License-Identifier: Apache-2.0 */
/* agents_table: the agents of a STATUS answer: what engine and cage each say of them, joined by name. */
#pragma once

#include "output.h"
#include "view.h"

struct agents_row {
	struct json_object *engine; /* what the engine says of it, or NULL */
	struct json_object *cage; /* what the cage says, or NULL */
	enum output_colour colour; /* OUTPUT_BAD: it should guard and does not */
};

/* Agents that engine or cage know. */
size_t agents_count(struct json_object *status);
/* index < agents_count(); objects are borrowed from status. */
struct agents_row agents_row(struct json_object *status, size_t index);

/* Its name as it came: not escaped. Never NULL. */
const char *agents_name(const struct agents_row *row);

/* State in words, with the reason when there is one: "benched: 3 strikes in 60 s". */
void agents_add_state(struct text *text, const struct agents_row *row);

/* All that is known of one. */
void agents_print_one(const struct output *output, const struct agents_row *row);

/* The table, and below it what else each agent has to say. */
void agents_print(const struct output *output, struct json_object *status);

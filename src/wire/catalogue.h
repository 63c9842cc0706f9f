/* SPDX-License-Identifier: Apache-2.0 */
/*
 * catalogue: the event catalogue as data, for whoever must treat all events alike (JSON, mutes, builders, docs).
 *
 * Owns no state. Made from catalogue.def, as <ringside/events.h> is.
 */
#pragma once

#include <ringside/events.h>
#include <stdbool.h>

enum catalogue_field_kind {
	CATALOGUE_U32,
	CATALOGUE_U64,
	CATALOGUE_I64,
	CATALOGUE_STR,
	CATALOGUE_STRV,
	CATALOGUE_FILE,
	CATALOGUE_ADDR,
	CATALOGUE_PROC,
};

struct catalogue_field {
	const char *name;
	const char *ocsf; /* attribute path in OCSF, "" when there is none */
	enum catalogue_field_kind kind;
	uint32_t offset; /* in the body */
};

struct catalogue_event {
	uint16_t number;
	bool auth;
	const char *name;
	const char *family;
	uint32_t ocsf_class;
	uint32_t ocsf_activity;
	uint32_t since;
	uint32_t body_size;
	uint32_t n_fields;
	const struct catalogue_field *fields;
};

/* All events in the order of their numbers. */
extern const struct catalogue_event catalogue_events[];
extern const size_t catalogue_n_events;

/* The row of a number or of a name; NULL when there is none. */
const struct catalogue_event *catalogue_find(uint16_t number);
const struct catalogue_event *catalogue_find_name(const char *name);

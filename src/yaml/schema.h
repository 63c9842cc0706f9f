/* SPDX-License-Identifier: Apache-2.0 */
/*
 * schema: the keys of a section, their kinds, their limits and where their values go: one table a section. A new key
 * is one row (and a line in a manual page).
 */
#pragma once

#include "yaml/walk.h"

#define SCHEMA_PATH_SIZE 1024u /* of the char[] for a path */

enum rule_kind {
	RULE_BOOL,
	RULE_NUMBER,
	RULE_TIME_MS,
	RULE_TIME_S,
	RULE_SIZE_KB,
	RULE_SIZE_MB,
	RULE_PERCENT,
	RULE_PATH,
	RULE_NAME,
	RULE_TEXT, /* for people: any letters, one line */
	RULE_CHOICE, /* a word; its value is its index */
	RULE_SECTION,
	RULE_OTHER, /* a function of its own */
};

struct rule {
	const char *key;
	enum rule_kind kind;
	bool required;
	uint32_t offset; /* in the section's struct: uint32_t, or char[] for paths, names and texts */
	uint64_t least;
	uint64_t most; /* for names and texts: bytes */
	const struct rule *section;
	const char *const *choices;
	void (*other)(struct walk *walk, void *base, const yaml_node_t *node);
};

/* Applies the keys of a section to a struct. */
void schema_apply(struct walk *walk, const struct rule *rules, void *base, const yaml_node_t *node);

/* " MB", " ms", "": what stands behind a number of this kind. */
const char *schema_unit(enum rule_kind kind);

/* The value of a key of a section, or NULL. */
const yaml_node_t *schema_find(struct walk *walk, const yaml_node_t *section, const char *key);

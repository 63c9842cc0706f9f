/* SPDX-License-Identifier: Apache-2.0 */
/*
 * schema: every key of ringside.yaml, its kind, its limits and where its value goes: one table a section. A new key
 * is one row (and a line in ringside.yaml(5)). Internal to config/.
 */
#pragma once

#include "config/walk.h"

enum rule_kind {
	RULE_BOOL,
	RULE_NUMBER,
	RULE_TIME_MS,
	RULE_TIME_S,
	RULE_SIZE_KB,
	RULE_SIZE_MB,
	RULE_PATH,
	RULE_NAME,
	RULE_CHOICE, /* a word; its value is its index */
	RULE_SECTION,
	RULE_OTHER, /* a function of its own */
};

struct rule {
	const char *key;
	enum rule_kind kind;
	bool required;
	uint32_t offset; /* in the section's struct: uint32_t, or char[] for paths and names */
	uint64_t least;
	uint64_t most; /* for names: bytes */
	const struct rule *section;
	const char *const *choices;
	void (*other)(struct walk *walk, void *base, const yaml_node_t *node);
};

/* Applies the keys of a section to a struct. */
void schema_apply(struct walk *walk, const struct rule *rules, void *base, const yaml_node_t *node);

/* The whole file. */
extern const struct rule schema_root[];

/* The agents section, in schema_agent.c. */
void schema_agents(struct walk *walk, void *base, const yaml_node_t *node);

/* The value of a key of a section, or NULL. */
const yaml_node_t *schema_find(struct walk *walk, const yaml_node_t *section, const char *key);

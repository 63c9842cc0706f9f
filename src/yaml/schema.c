/* SPDX-License-Identifier: Apache-2.0 */
#include "yaml/schema.h"

#include "base/nearest.h"
#include "yaml/value.h"

#include <stdio.h>
#include <string.h>

static void apply_bool(struct walk *walk, const struct rule *rule, void *to, const yaml_node_t *node)
{
	bool value;
	const char *text = walk_scalar(walk, node, 64, "yes or no");
	if (text && value_bool(text, &value))
		*(uint32_t *)to = value;
	else if (text)
		walk_wrong(walk, node, "write yes or no", "yes or no");
}

/* The kinds that are a number with or without a unit. */
static const struct number_kind {
	bool (*parse)(const char *text, uint64_t *ret);
	uint64_t divisor; /* of what parse gives */
	const char *what;
	const char *unit;
	const char *advice;
} number_kinds[] = {
	[RULE_NUMBER] = {value_number, 1, "a number", "", "write digits only"},
	[RULE_TIME_MS] = {value_time_ms, 1, "a time", " ms", "write it with its unit, such as \"250 ms\" or \"1 s\""},
	[RULE_TIME_S] = {value_time_ms, 1000, "a time", " s", "write it with its unit, such as \"60 s\" or \"5 min\""},
	[RULE_SIZE_KB] = {value_size_kb, 1, "a size", " KB", "write it with its unit, such as \"512 KB\" or \"1 MB\""},
	[RULE_SIZE_MB] = {value_size_kb, 1024, "a size", " MB",
			  "write it with its unit, such as \"256 MB\" or \"1 GB\""},
	[RULE_PERCENT] = {value_percent, 1, "a share of one processor", " %",
			  "write it with its unit, such as \"50 %\""},
};

const char *schema_unit(enum rule_kind kind)
{
	return kind < ARRAY_SIZE(number_kinds) && number_kinds[kind].unit ? number_kinds[kind].unit : "";
}

static void apply_number(struct walk *walk, const struct rule *rule, void *to, const yaml_node_t *node)
{
	const struct number_kind *kind = &number_kinds[rule->kind];
	uint64_t value;
	const char *text = walk_scalar(walk, node, 64, kind->what);
	if (!text)
		return;
	bool parsed = kind->parse(text, &value);
	if (parsed && value % kind->divisor == 0 && value / kind->divisor >= rule->least &&
	    value / kind->divisor <= rule->most)
		*(uint32_t *)to = (uint32_t)(value / kind->divisor);
	else
		walk_wrong(walk, node, parsed ? "choose one within these limits" : kind->advice,
			   "%s from %llu%s to %llu%s", kind->what, (unsigned long long)rule->least, kind->unit,
			   (unsigned long long)rule->most, kind->unit);
}

static void apply_text(struct walk *walk, const struct rule *rule, void *to, const yaml_node_t *node)
{
	const char *text = walk_scalar(walk, node, rule->most, "a text");
	if (text && value_text(text))
		strcpy(to, text);
	else if (text)
		walk_wrong(walk, node, "write it in one line", "a text without control characters");
}

static void apply_path(struct walk *walk, const struct rule *rule, void *to, const yaml_node_t *node)
{
	const char *text = walk_scalar(walk, node, SCHEMA_PATH_SIZE - 1, "an absolute path");
	if (text && value_path(text, false) && text[1])
		strcpy(to, text);
	else if (text)
		walk_wrong(walk, node, "write it from / on, without \".\", \"..\" and a final \"/\"",
			   "an absolute path");
}

static void apply_name(struct walk *walk, const struct rule *rule, void *to, const yaml_node_t *node)
{
	const char *text = walk_scalar(walk, node, rule->most, "a name");
	if (text && value_name(text))
		strcpy(to, text);
	else if (text)
		walk_wrong(walk, node, "use lower-case letters, digits, \"-\" and \"_\"", "a name");
}

static void apply_choice(struct walk *walk, const struct rule *rule, void *to, const yaml_node_t *node)
{
	char words[120] = "";
	for (uint32_t i = 0; rule->choices[i]; i++) {
		size_t used = strlen(words);
		if (rule->choices[i][0])
			snprintf(words + used, sizeof(words) - used, "%s%s",
				 used ? ", " : "one of: ", rule->choices[i]);
	}
	const char *text = walk_scalar(walk, node, 64, words);
	if (!text)
		return;
	for (uint32_t i = 0; rule->choices[i]; i++) {
		if (rule->choices[i][0] && strcmp(text, rule->choices[i]) == 0) {
			*(uint32_t *)to = i;
			return;
		}
	}
	walk_wrong(walk, node, "choose one of these", "%s", words);
}

typedef void apply_fn(struct walk *walk, const struct rule *rule, void *to, const yaml_node_t *node);
static apply_fn *const appliers[] = {
	[RULE_BOOL] = apply_bool,     [RULE_NUMBER] = apply_number,  [RULE_TIME_MS] = apply_number,
	[RULE_TIME_S] = apply_number, [RULE_SIZE_KB] = apply_number, [RULE_SIZE_MB] = apply_number,
	[RULE_PATH] = apply_path,     [RULE_NAME] = apply_name,      [RULE_CHOICE] = apply_choice,
	[RULE_TEXT] = apply_text,     [RULE_PERCENT] = apply_number,
};

static void apply_rule(struct walk *walk, const struct rule *rule, void *base, const yaml_node_t *node)
{
	if (rule->kind == RULE_SECTION)
		schema_apply(walk, rule->section, base, node);
	else if (rule->kind == RULE_OTHER)
		rule->other(walk, base, node);
	else
		appliers[rule->kind](walk, rule, (char *)base + rule->offset, node);
}

static void unknown_key(struct walk *walk, const struct rule *rules, const char *key, size_t line)
{
	char known[300] = "";
	struct nearest nearest = nearest_to(key);
	for (const struct rule *rule = rules; rule->key; rule++) {
		size_t used = strlen(known);
		snprintf(known + used, sizeof(known) - used, "%s%s", used ? ", " : "", rule->key);
		nearest_try(&nearest, rule->key);
	}
	if (nearest.name)
		walk_error(walk, line, "unknown key; did you mean \"%s\"? known here: %s", nearest.name, known);
	else
		walk_error(walk, line, "unknown key; remove it, or write one of: %s", known);
}

static void apply_key(struct walk *walk, const struct rule *rules, void *base, const yaml_node_pair_t *pair,
		      uint64_t *seen)
{
	const yaml_node_t *node = walk_node(walk, pair->key);
	const char *key = walk_scalar(walk, node, 63, "a key");
	if (!key)
		return;
	size_t before = walk_enter_key(walk, key);
	size_t i = 0;
	walk_note_line(walk, node);
	while (rules[i].key && strcmp(rules[i].key, key) != 0)
		i++;
	if (!rules[i].key)
		unknown_key(walk, rules, key, walk_line(node));
	else if (*seen >> i & 1)
		walk_error(walk, walk_line(node), "this key stands twice in its section; remove one of the two");
	else
		apply_rule(walk, &rules[i], base, walk_node(walk, pair->value));
	if (rules[i].key)
		*seen |= UINT64_C(1) << i;
	walk_leave(walk, before);
}

void schema_apply(struct walk *walk, const struct rule *rules, void *base, const yaml_node_t *node)
{
	uint64_t seen = 0;
	if (node->type != YAML_MAPPING_NODE) {
		walk_wrong(walk, node, "write its keys below it, indented, or as {key: value}", "a section");
		return;
	}
	for (yaml_node_pair_t *pair = node->data.mapping.pairs.start; pair < node->data.mapping.pairs.top; pair++)
		apply_key(walk, rules, base, pair, &seen);
	for (size_t i = 0; rules[i].key; i++)
		if (rules[i].required && !(seen >> i & 1))
			walk_error(walk, walk_line(node), "expected the key \"%s\", found none; add it", rules[i].key);
}

const yaml_node_t *schema_find(struct walk *walk, const yaml_node_t *section, const char *key)
{
	if (!section || section->type != YAML_MAPPING_NODE)
		return NULL;
	for (yaml_node_pair_t *pair = section->data.mapping.pairs.start; pair < section->data.mapping.pairs.top;
	     pair++) {
		const yaml_node_t *node = walk_node(walk, pair->key);
		if (node->type == YAML_SCALAR_NODE && strcmp((const char *)node->data.scalar.value, key) == 0)
			return walk_node(walk, pair->value);
	}
	return NULL;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "config/schema.h"

#include "config/value.h"

#include <stdio.h>
#include <string.h>

#define AT(member) .offset = offsetof(struct settings, member)
#define MAX_S (UINT64_C(24) * 3600)

static const char *const allow_deny[] = {"allow", "deny", NULL};
static const char *const log_levels[] = {"", "", "", "error", "warning", "notice", "info", "debug", NULL};

static void scope(struct walk *walk, void *base, const yaml_node_t *node);
static void essential_add(struct walk *walk, void *base, const yaml_node_t *node);
static void essential_defaults(struct walk *walk, void *base, const yaml_node_t *node);
static void admin_group(struct walk *walk, void *base, const yaml_node_t *node);

static const struct rule sensors[] = {
	{.key = "fanotify", .kind = RULE_BOOL, AT(sensor_fanotify)},
	{.key = "bpf", .kind = RULE_BOOL, AT(sensor_bpf)},
	{.key = "synth", .kind = RULE_NUMBER, .most = 1000000, AT(sensor_synth_per_s)},
	{.key = "replay", .kind = RULE_PATH, AT(replay_path)},
	{0},
};

static const struct rule deadline[] = {
	{.key = "exec", .kind = RULE_TIME_MS, .least = 10, .most = 60000, AT(deadline_exec_ms)},
	{.key = "open", .kind = RULE_TIME_MS, .least = 10, .most = 60000, AT(deadline_open_ms)},
	{0},
};

static const struct rule on_engine_loss[] = {
	{.key = "exec", .kind = RULE_CHOICE, .choices = allow_deny, AT(on_engine_loss_exec)},
	{.key = "open", .kind = RULE_CHOICE, .choices = allow_deny, AT(on_engine_loss_open)},
	{0},
};

static const struct rule essential[] = {
	{.key = "deny_allowed", .kind = RULE_BOOL, AT(essential_deny)},
	{.key = "defaults", .kind = RULE_OTHER, .other = essential_defaults},
	{.key = "add", .kind = RULE_OTHER, .other = essential_add},
	{0},
};

static const struct rule slow[] = {
	{.key = "share", .kind = RULE_NUMBER, .least = 1, .most = 100, AT(slow_share_percent)},
	{.key = "budget", .kind = RULE_TIME_S, .most = 60, AT(slow_budget_s)},
	{0},
};

static const struct rule verdicts[] = {
	{.key = "deadline", .kind = RULE_SECTION, .section = deadline},
	{.key = "on_engine_loss", .kind = RULE_SECTION, .section = on_engine_loss},
	{.key = "cache", .kind = RULE_NUMBER, .most = 65536, AT(cache_entries)},
	{.key = "strikes", .kind = RULE_NUMBER, .least = 1, .most = 1000, AT(strikes_max)},
	{.key = "strike_window", .kind = RULE_TIME_S, .least = 1, .most = MAX_S, AT(strike_window_s)},
	{.key = "bench", .kind = RULE_TIME_S, .least = 1, .most = MAX_S, AT(bench_s)},
	{.key = "slow", .kind = RULE_SECTION, .section = slow},
	{.key = "essential", .kind = RULE_SECTION, .section = essential},
	{0},
};

const struct rule schema_root[] = {
	{.key = "sensors", .kind = RULE_SECTION, .section = sensors},
	{.key = "scope", .kind = RULE_OTHER, .other = scope},
	{.key = "verdicts", .kind = RULE_SECTION, .section = verdicts},
	{.key = "agents", .kind = RULE_OTHER, .other = schema_agents},
	{.key = "run_dir", .kind = RULE_PATH, AT(run_dir)},
	{.key = "state_dir", .kind = RULE_PATH, AT(state_dir)},
	{.key = "admin_group", .kind = RULE_OTHER, .other = admin_group},
	{.key = "uid_base", .kind = RULE_NUMBER, .least = 1000, .most = 2000000000, AT(uid_base)},
	{.key = "log_level", .kind = RULE_CHOICE, .choices = log_levels, AT(log_level)},
	{0},
};

static void scope_item(struct walk *walk, void *base, size_t index, const yaml_node_t *item)
{
	struct settings *settings = base;
	const char *text = walk_scalar(walk, item, SETTINGS_PATH_SIZE - 1, "a directory");
	if (!text)
		return;
	if (!value_path(text, false)) {
		walk_wrong(walk, item, "write it from / on, without \".\", \"..\" and a final \"/\"",
			   "the absolute path of a directory");
		return;
	}
	for (uint32_t i = 0; i < settings->n_scopes; i++)
		if (strcmp(settings->scopes[i], text) == 0)
			walk_wrong(walk, item, "remove one of the two", "each directory once");
	strcpy(settings->scopes[settings->n_scopes++], text);
}

static void scope(struct walk *walk, void *base, const yaml_node_t *node)
{
	((struct settings *)base)->n_scopes = 0;
	walk_list(walk, node, SETTINGS_SCOPES_MAX, base, scope_item);
}

static void essential_item(struct walk *walk, void *base, size_t index, const yaml_node_t *item)
{
	struct settings *settings = base;
	const char *text = walk_scalar(walk, item, SETTINGS_PATH_SIZE - 1, "a path");
	if (!text)
		return;
	if (!value_path(text, true) || strcmp(text, "/") == 0)
		walk_wrong(walk, item, "end it in \"/\" for all below a directory", "the absolute path of a file");
	else if (settings->n_essential == SETTINGS_ESSENTIAL_MAX)
		walk_error(walk, walk_line(item),
			   "expected at most %u essential paths with the default ones, found more; name directories",
			   SETTINGS_ESSENTIAL_MAX);
	else
		strcpy(settings->essential[settings->n_essential++], text);
}

static void essential_add(struct walk *walk, void *base, const yaml_node_t *node)
{
	walk_list(walk, node, SETTINGS_ESSENTIAL_MAX, base, essential_item);
}

/* Takes the default paths, which are in front, away; what `add` brought stays, whichever came first. */
static void essential_defaults(struct walk *walk, void *base, const yaml_node_t *node)
{
	struct settings *settings = base;
	static struct settings fresh;
	bool wanted = true;
	const char *text = walk_scalar(walk, node, 5, "yes or no");
	if (text && !value_bool(text, &wanted))
		walk_wrong(walk, node, "write yes or no", "yes or no");
	if (wanted)
		return;
	config_defaults(&fresh);
	settings->n_essential -= fresh.n_essential;
	memmove(settings->essential, settings->essential[fresh.n_essential],
		sizeof(settings->essential) - sizeof(settings->essential[0]) * fresh.n_essential);
}

/* Finds "name:x:NUMBER:" in the text of /etc/group. */
static bool group_find(const struct config_source *source, const char *name, uint64_t *ret)
{
	size_t name_size = strlen(name);
	const char *line = source->groups, *end = line + source->groups_size;
	while (line && line < end) {
		const char *next = memchr(line, '\n', (size_t)(end - line));
		size_t size = (size_t)((next ? next : end) - line);
		char fields[256], number[16];
		snprintf(fields, sizeof(fields), "%.*s", (int)MIN(size, sizeof(fields) - 1), line);
		if (strncmp(fields, name, name_size) == 0 && fields[name_size] == ':' &&
		    sscanf(fields + name_size, ":%*[^:]:%15[0-9]", number) == 1)
			return value_number(number, ret);
		line = next ? next + 1 : NULL;
	}
	return false;
}

static void admin_group(struct walk *walk, void *base, const yaml_node_t *node)
{
	struct settings *settings = base;
	uint64_t number;
	if (node->type == YAML_SCALAR_NODE && node->data.scalar.length == 0)
		return;
	const char *text = walk_scalar(walk, node, SESSION_NAME_SIZE - 1, "the name of a group");
	if (!text)
		return;
	if (!value_number(text, &number) && !(walk->source->groups && group_find(walk->source, text, &number))) {
		walk_wrong(walk, node, "make it by groupadd --system, or leave the key out", "a group of /etc/group");
		return;
	}
	if (number == 0 || number >= UINT32_MAX) {
		walk_wrong(walk, node, "root may use the admin socket anyway: leave the key out",
			   "a group other than 0");
		return;
	}
	strcpy(settings->admin_group, text);
	settings->admin_gid = (uint32_t)number;
}

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
};

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

static void apply_path(struct walk *walk, const struct rule *rule, void *to, const yaml_node_t *node)
{
	const char *text = walk_scalar(walk, node, SETTINGS_PATH_SIZE - 1, "an absolute path");
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
	const char *near = NULL;
	size_t nearest = 3;
	for (const struct rule *rule = rules; rule->key; rule++) {
		size_t used = strlen(known), distance = value_distance(key, rule->key, 3);
		snprintf(known + used, sizeof(known) - used, "%s%s", used ? ", " : "", rule->key);
		if (distance < nearest) {
			nearest = distance;
			near = rule->key;
		}
	}
	if (near)
		walk_error(walk, line, "unknown key; did you mean \"%s\"? known here: %s", near, known);
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

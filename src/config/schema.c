/* SPDX-License-Identifier: Apache-2.0 */
#include "config/schema.h"

#include "yaml/value.h"

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

const struct rule config_root[] = {
	{.key = "sensors", .kind = RULE_SECTION, .section = sensors},
	{.key = "scope", .kind = RULE_OTHER, .other = scope},
	{.key = "verdicts", .kind = RULE_SECTION, .section = verdicts},
	{.key = "agents", .kind = RULE_OTHER, .other = config_agents},
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
	settings->essential_tools_first = settings->n_essential_tools = 0;
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
	const struct config_source *source = ((struct config_context *)walk->context)->source;
	if (!value_number(text, &number) && !(source->groups && group_find(source, text, &number))) {
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

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * agent: the agents section: its keys, and what must agree between two agents.
 *
 *     manifest: PATH ─▶ package/manifest ─▶ the agent ─▶ the entry's own keys over it ─▶ policy_narrow()
 *     without it: the entry's own keys; the operator vouches for the agent
 */
#include "config/policy.h"
#include "config/schema.h"
#include "package/grant.h"
#include "yaml/value.h"

#include <errno.h>
#include <string.h>

#define AT(member) .offset = offsetof(struct settings_agent, member)

static const char *const jails[] = {"whole", "partial", NULL};

static void from_manifest(struct walk *walk, void *base, const yaml_node_t *node);
static void only(struct walk *walk, void *base, const yaml_node_t *node);
static void manifest_path(struct walk *walk, void *base, const yaml_node_t *node);

/* What the operator alone says. */
#define OPERATORS_KEYS \
	{.key = "enabled", .kind = RULE_BOOL, AT(enabled)}, {.key = "shadow", .kind = RULE_BOOL, AT(shadow)}, \
		{.key = "uid", .kind = RULE_NUMBER, .least = 1, .most = 2000000000, AT(uid)}, \
		{.key = "jail", .kind = RULE_CHOICE, .choices = jails, AT(jail)}, \
		{.key = "only", .kind = RULE_OTHER, .other = only}, \
	{ \
		.key = "on_miss", .kind = RULE_OTHER, .other = grant_on_miss \
	}

/* What can be granted. */
#define GRANTED_KEYS \
	{.key = "args", .kind = RULE_OTHER, .other = grant_args}, \
		{.key = "actions", .kind = RULE_OTHER, .other = grant_actions}, \
		{.key = "deadline", .kind = RULE_SECTION, .section = grant_deadline}, \
		{.key = "limits", .kind = RULE_SECTION, .section = grant_limits}, \
		{.key = "network", .kind = RULE_OTHER, .other = grant_network}, \
	{ \
		.key = "reads", .kind = RULE_OTHER, .other = grant_reads \
	}

static const struct rule agent_rules[] = {
	{.key = "name", .kind = RULE_NAME, .required = true, .most = SESSION_NAME_SIZE - 1, AT(name)},
	{.key = "program", .kind = RULE_PATH, .required = true, AT(path)},
	{.key = "manifest", .kind = RULE_OTHER, .other = manifest_path},
	{.key = "events", .kind = RULE_OTHER, .required = true, .other = grant_events},
	OPERATORS_KEYS,
	GRANTED_KEYS,
	{0},
};

static const struct rule manifest_agent_rules[] = {
	{.key = "name", .kind = RULE_NAME, .most = SESSION_NAME_SIZE - 1, AT(name)},
	{.key = "program", .kind = RULE_OTHER, .other = from_manifest},
	{.key = "manifest", .kind = RULE_OTHER, .required = true, .other = manifest_path},
	{.key = "events", .kind = RULE_OTHER, .other = grant_events},
	OPERATORS_KEYS,
	GRANTED_KEYS,
	{0},
};

static void from_manifest(struct walk *walk, void *base, const yaml_node_t *node)
{
	walk_error(walk, walk_line(node), "the manifest says which program is run; remove this key, or the manifest");
}

static void only_item(struct walk *walk, void *base, size_t index, const yaml_node_t *item)
{
	struct settings_agent *agent = base;
	const char *text = walk_scalar(walk, item, SETTINGS_PATH_SIZE - 1, "a folder");
	if (text && value_path(text, false) && text[1])
		strcpy(agent->only[agent->n_only++], text);
	else if (text)
		walk_wrong(walk, item,
			   "write it from / on, without \".\", \"..\" and a final \"/\"; leave the key out for all",
			   "the absolute path of a folder");
}

static void only(struct walk *walk, void *base, const yaml_node_t *node)
{
	walk_list(walk, node, SETTINGS_ONLY_MAX, base, only_item);
}

/* Read before the other keys, in read_manifest(). */
static void manifest_path(struct walk *walk, void *base, const yaml_node_t *node)
{
}

/* False: an error is noted. */
static bool read_manifest(struct walk *walk, const yaml_node_t *node, struct settings_agent *agent)
{
	struct config_context *context = walk->context;
	const struct config_source *source = context->source;
	struct document_source file;
	const char *path = walk_scalar(walk, node, SETTINGS_PATH_SIZE - 1, "an absolute path");
	if (!path)
		return false;
	if (!value_path(path, false) || !path[1]) {
		walk_wrong(walk, node, "write it from / on, without \".\", \"..\" and a final \"/\"",
			   "an absolute path");
		return false;
	}
	const char *why = source->manifest ? source->manifest(source->manifest_data, path, &file)
					   : "expected to be able to read manifests, found no way to";
	if (why) {
		walk_error(walk, walk_line(node), "%.280s: %s", path, why);
		return false;
	}
	file.name = path;
	int r = manifest_read(&file, source->platform ? source->platform : RINGSIDE_VERSION, &context->manifest,
			      walk->errors);
	if (r < 0)
		context->error = r;
	if (r != 0)
		return false;
	*agent = context->manifest.agent;
	if (manifest_program(&context->manifest, path, agent->path))
		return true;
	walk_error(walk, walk_line(node), "the path of its program would be longer than %u bytes; move the agent",
		   SETTINGS_PATH_SIZE - 1);
	return false;
}

/* What must agree between this agent and those before it. */
static void check_others(struct walk *walk, const struct settings_agent *agent, const yaml_node_t *node)
{
	const yaml_node_t *name = schema_find(walk, node, "name"); /* or the manifest's */
	for (const struct settings_agent *other = ((struct config_context *)walk->context)->settings->agents;
	     other < agent; other++) {
		if (agent->name[0] && strcmp(other->name, agent->name) == 0)
			walk_error(walk, walk_line(name ? name : node),
				   "name: two agents are called \"%s\"; rename one", agent->name);
		if (agent->uid && other->uid == agent->uid)
			walk_error(walk, walk_line(schema_find(walk, node, "uid")),
				   "uid: agents \"%s\" and \"%s\" have the same user %u; give each its own",
				   other->name, agent->name, agent->uid);
	}
}

/* Whose wish the deadlines are. */
static void note_deadlines(struct walk *walk, uint32_t index, const yaml_node_t *item)
{
	struct config_context *context = walk->context;
	const yaml_node_t *deadline = schema_find(walk, item, "deadline");
	if (!schema_find(walk, deadline, "exec"))
		context->vendors_exec |= UINT64_C(1) << index;
	if (!schema_find(walk, deadline, "open"))
		context->vendors_open |= UINT64_C(1) << index;
}

static void agent_with_manifest(struct walk *walk, struct settings_agent *agent, const yaml_node_t *item,
				const yaml_node_t *path)
{
	struct config_context *context = walk->context;
	size_t before = walk_enter_key(walk, "manifest");
	bool good = read_manifest(walk, path, agent);
	walk_leave(walk, before);
	/* a wrong manifest: the form of the other keys is still looked at */
	schema_apply(walk, manifest_agent_rules, agent, item);
	if (!good)
		return;
	policy_narrow(walk, item, &context->manifest, (const char *)path->data.scalar.value, agent);
	note_deadlines(walk, (uint32_t)(agent - context->settings->agents), item);
	grant_check(walk, agent, item);
}

static void agent_item(struct walk *walk, void *base, size_t index, const yaml_node_t *item)
{
	struct settings *settings = base;
	struct settings_agent *agent = &settings->agents[settings->n_agents++];
	const yaml_node_t *path = schema_find(walk, item, "manifest");
	grant_defaults(agent);
	if (path) {
		agent_with_manifest(walk, agent, item, path);
	} else {
		schema_apply(walk, agent_rules, agent, item);
		grant_check(walk, agent, item);
	}
	check_others(walk, agent, item);
}

void config_agents(struct walk *walk, void *base, const yaml_node_t *node)
{
	walk_list(walk, node, SETTINGS_AGENTS_MAX, base, agent_item);
}

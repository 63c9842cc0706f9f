/* SPDX-License-Identifier: Apache-2.0 */
#include "config/policy.h"

#include "package/grant.h"
#include "wire/catalogue.h"
#include "yaml/value.h"

#include <stdio.h>
#include <string.h>

#define NARROW "a policy can only narrow a manifest"

struct policy {
	struct walk *walk;
	const struct manifest *manifest;
	const char *path;
	struct settings_agent *agent;
	char where[320];
};

/* "FILE:LINE" of what the manifest says about a field, or that it says nothing. */
static const char *where(struct policy *policy, const char *field)
{
	const struct walk_lines *lines = &policy->manifest->lines;
	bool said = false;
	for (uint32_t i = 0; i < lines->n; i++)
		said |= strcmp(lines->items[i].field, field) == 0;
	if (said)
		snprintf(policy->where, sizeof(policy->where), "%.280s:%u", policy->path,
			 walk_lines_find(lines, field));
	else
		snprintf(policy->where, sizeof(policy->where), "%.280s, which does not speak of it", policy->path);
	return policy->where;
}

static uint32_t number_at(const struct settings_agent *agent, const struct rule *rule)
{
	return *(const uint32_t *)((const char *)agent + rule->offset);
}

/* The numbers of a section: each at most what the manifest has. A 0 that cannot be written stands for "no limit". */
static void narrow_numbers(struct policy *policy, const char *name, const struct rule *rules,
			   const yaml_node_t *section)
{
	size_t before = walk_enter_key(policy->walk, name);
	for (const struct rule *rule = rules; rule->key; rule++) {
		const yaml_node_t *node = schema_find(policy->walk, section, rule->key);
		uint32_t most = number_at(&policy->manifest->agent, rule);
		bool no_limit = most == 0 && rule->least > 0;
		char field[64];
		if (!node || no_limit || number_at(policy->agent, rule) <= most)
			continue;
		snprintf(field, sizeof(field), "%s.%s", name, rule->key);
		size_t key = walk_enter_key(policy->walk, rule->key);
		walk_wrong(policy->walk, node, "lower it, or leave it out: " NARROW, "at most %u%s (%s)", most,
			   schema_unit(rule->kind), where(policy, field));
		walk_leave(policy->walk, key);
	}
	walk_leave(policy->walk, before);
}

/* Calls one of the functions below for each item of a list that the entry has. */
static void each_item(struct policy *policy, const yaml_node_t *entry, const char *key,
		      void (*fn)(struct policy *policy, const char *text, const yaml_node_t *item))
{
	const yaml_node_t *node = schema_find(policy->walk, entry, key);
	if (!node || node->type != YAML_SEQUENCE_NODE)
		return;
	size_t before = walk_enter_key(policy->walk, key);
	for (yaml_node_item_t *item = node->data.sequence.items.start; item < node->data.sequence.items.top; item++) {
		const yaml_node_t *value = walk_node(policy->walk, *item);
		size_t index = walk_enter_index(policy->walk, (size_t)(item - node->data.sequence.items.start));
		if (value->type == YAML_SCALAR_NODE)
			fn(policy, (const char *)value->data.scalar.value, value);
		walk_leave(policy->walk, index);
	}
	walk_leave(policy->walk, before);
}

static void narrow_event(struct policy *policy, const char *text, const yaml_node_t *item)
{
	const struct catalogue_event *event = catalogue_find_name(text);
	if (event && !session_set_has(&policy->manifest->agent.granted, event->number))
		walk_wrong(policy->walk, item, "remove it: " NARROW, "an event that the manifest wants (%s)",
			   where(policy, "events"));
}

static void narrow_action(struct policy *policy, const char *text, const yaml_node_t *item)
{
	for (uint32_t bit = 0; grant_action_name(bit); bit++)
		if (strcmp(grant_action_name(bit), text) == 0 && !(policy->manifest->agent.actions >> bit & 1))
			walk_wrong(policy->walk, item, "remove it: " NARROW, "an action that the manifest wants (%s)",
				   where(policy, "actions"));
}

static void narrow_read(struct policy *policy, const char *text, const yaml_node_t *item)
{
	const struct settings_agent *most = &policy->manifest->agent;
	if (!value_path(text, false))
		return; /* told already */
	for (uint32_t i = 0; i < most->n_reads; i++)
		if (value_path_inside(text, most->reads[i]))
			return;
	walk_wrong(policy->walk, item, "remove it: " NARROW, "a path that the manifest asks for, or one inside (%s)",
		   where(policy, "reads"));
}

static void narrow_port(struct policy *policy, const char *text, const yaml_node_t *item)
{
	const struct settings_agent *most = &policy->manifest->agent;
	uint16_t port = grant_port(text);
	if (port == 0 || most->network == SETTINGS_NETWORK_ANY)
		return;
	for (uint32_t i = 0; i < most->n_endpoints; i++)
		if (most->endpoints[i].port == port)
			return;
	walk_wrong(policy->walk, item, "remove it: " NARROW, "a port that the manifest asks for (%s)",
		   where(policy, "network"));
}

static void narrow_network(struct policy *policy, const yaml_node_t *entry)
{
	const yaml_node_t *node = schema_find(policy->walk, entry, "network");
	uint32_t most = policy->manifest->agent.network;
	if (!node || node->type != YAML_SCALAR_NODE || policy->agent->network <= most)
		return;
	size_t before = walk_enter_key(policy->walk, "network");
	walk_wrong(policy->walk, node, "lower it, or leave it out: " NARROW, "%s (%s)",
		   most == SETTINGS_NETWORK_NONE ? "none" : "none, or ports that the manifest asks for",
		   where(policy, "network"));
	walk_leave(policy->walk, before);
}

static void narrow_args(struct policy *policy, const yaml_node_t *entry)
{
	const yaml_node_t *node = schema_find(policy->walk, entry, "args");
	if (!node || policy->manifest->operator_args)
		return;
	size_t before = walk_enter_key(policy->walk, "args");
	walk_error(policy->walk, walk_line(node),
		   "expected none, for %.280s lets nobody add arguments (operator_args); remove the key", policy->path);
	walk_leave(policy->walk, before);
}

void policy_narrow(struct walk *walk, const yaml_node_t *node, const struct manifest *manifest, const char *path,
		   struct settings_agent *agent)
{
	struct policy policy = {.walk = walk, .manifest = manifest, .path = path, .agent = agent};
	narrow_numbers(&policy, "limits", grant_limits, schema_find(walk, node, "limits"));
	narrow_numbers(&policy, "deadline", grant_deadline, schema_find(walk, node, "deadline"));
	each_item(&policy, node, "events", narrow_event);
	each_item(&policy, node, "actions", narrow_action);
	each_item(&policy, node, "reads", narrow_read);
	each_item(&policy, node, "network", narrow_port);
	narrow_network(&policy, node);
	narrow_args(&policy, node);
	for (size_t i = 0; i < ARRAY_SIZE(agent->granted.words); i++)
		agent->granted.words[i] &= manifest->agent.granted.words[i];
}

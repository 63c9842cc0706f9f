/* SPDX-License-Identifier: Apache-2.0 */
/* schema_agent: the agents section: its keys, and what must agree within one agent and between two. */
#include "config/schema.h"

#include "config/value.h"
#include "wire/catalogue.h"

#include <string.h>

#define AT(member) .offset = offsetof(struct settings_agent, member)

static void args(struct walk *walk, void *base, const yaml_node_t *node);
static void events(struct walk *walk, void *base, const yaml_node_t *node);
static void on_miss(struct walk *walk, void *base, const yaml_node_t *node);
static void reads(struct walk *walk, void *base, const yaml_node_t *node);
static void network(struct walk *walk, void *base, const yaml_node_t *node);

static const char *const jails[] = {"whole", "partial", NULL};

static const struct rule limits[] = {
	{.key = "memory", .kind = RULE_SIZE_MB, .least = 8, .most = 1 << 20, AT(memory_mb)},
	{.key = "descriptors", .kind = RULE_NUMBER, .least = 16, .most = 65536, AT(files_max)},
	{.key = "pending", .kind = RULE_NUMBER, .least = 1, .most = 4096, AT(pending_max)},
	{.key = "ring", .kind = RULE_SIZE_KB, .least = 128, .most = 256 << 10, AT(ring_kb)},
	{.key = "disk", .kind = RULE_SIZE_MB, .least = 0, .most = 1 << 20, AT(disk_mb)},
	{.key = "denies_per_minute", .kind = RULE_NUMBER, .least = 1, .most = 1000000, AT(denies_per_min)},
	{0},
};

static const struct rule deadline[] = {
	{.key = "exec", .kind = RULE_TIME_MS, .least = 10, .most = 60000, AT(deadline_exec_ms)},
	{.key = "open", .kind = RULE_TIME_MS, .least = 10, .most = 60000, AT(deadline_open_ms)},
	{0},
};

static const struct rule agent_rules[] = {
	{.key = "name", .kind = RULE_NAME, .required = true, .most = SESSION_NAME_SIZE - 1, AT(name)},
	{.key = "program", .kind = RULE_PATH, .required = true, AT(path)},
	{.key = "args", .kind = RULE_OTHER, .other = args},
	{.key = "enabled", .kind = RULE_BOOL, AT(enabled)},
	{.key = "shadow", .kind = RULE_BOOL, AT(shadow)},
	{.key = "uid", .kind = RULE_NUMBER, .least = 1, .most = 2000000000, AT(uid)},
	{.key = "events", .kind = RULE_OTHER, .required = true, .other = events},
	{.key = "deadline", .kind = RULE_SECTION, .section = deadline},
	{.key = "on_miss", .kind = RULE_OTHER, .other = on_miss},
	{.key = "limits", .kind = RULE_SECTION, .section = limits},
	{.key = "reads", .kind = RULE_OTHER, .other = reads},
	{.key = "network", .kind = RULE_OTHER, .other = network},
	{.key = "jail", .kind = RULE_CHOICE, .choices = jails, AT(jail)},
	{0},
};

static void arg_item(struct walk *walk, void *base, size_t index, const yaml_node_t *item)
{
	struct settings_agent *agent = base;
	const char *text = walk_scalar(walk, item, SETTINGS_ARG_SIZE - 1, "an argument");
	if (text)
		strcpy(agent->args[agent->n_args++], text);
}

static void args(struct walk *walk, void *base, const yaml_node_t *node)
{
	walk_list(walk, node, SETTINGS_ARGS_MAX, base, arg_item);
}

static void read_item(struct walk *walk, void *base, size_t index, const yaml_node_t *item)
{
	struct settings_agent *agent = base;
	const char *text = walk_scalar(walk, item, SETTINGS_PATH_SIZE - 1, "an absolute path");
	if (text && !value_path(text, false))
		walk_wrong(walk, item, "write it from / on, without . and ..", "an absolute path");
	else if (text)
		strcpy(agent->reads[agent->n_reads++], text);
}

static void reads(struct walk *walk, void *base, const yaml_node_t *node)
{
	walk_list(walk, node, SETTINGS_READS_MAX, base, read_item);
}

static void port_item(struct walk *walk, void *base, size_t index, const yaml_node_t *item)
{
	struct settings_agent *agent = base;
	const char *text = walk_scalar(walk, item, 15, "a port, as 443/tcp");
	char digits[16] = "";
	uint64_t port = 0;
	if (!text)
		return;
	size_t size = strcspn(text, "/");
	memcpy(digits, text, size);
	if (strcmp(text + size, "/tcp") != 0 || !value_number(digits, &port) || port == 0 || port > 65535)
		walk_wrong(walk, item, "write PORT/tcp", "a port, as 443/tcp");
	else
		agent->endpoints[agent->n_endpoints++].port = (uint16_t)port;
}

static void network(struct walk *walk, void *base, const yaml_node_t *node)
{
	struct settings_agent *agent = base;
	if (node->type == YAML_SEQUENCE_NODE) {
		agent->network = SETTINGS_NETWORK_ENDPOINTS;
		walk_list(walk, node, SETTINGS_ENDPOINTS_MAX, base, port_item);
		return;
	}
	const char *text = walk_scalar(walk, node, 15, "none, any or a list of ports");
	if (text && strcmp(text, "any") == 0)
		agent->network = SETTINGS_NETWORK_ANY;
	else if (text && strcmp(text, "none") != 0)
		walk_wrong(walk, node, "choose one of them", "none, any or a list of ports");
}

static const char *nearest_event(const char *name)
{
	const char *near = NULL;
	size_t nearest = 4;
	for (size_t i = 0; i < catalogue_n_events; i++) {
		size_t distance = value_distance(name, catalogue_events[i].name, 4);
		if (distance < nearest) {
			nearest = distance;
			near = catalogue_events[i].name;
		}
	}
	return near;
}

static const struct catalogue_event *find_event(struct walk *walk, const yaml_node_t *node, const char *name)
{
	const struct catalogue_event *event = catalogue_find_name(name);
	const char *near = event ? NULL : nearest_event(name);
	if (!event && near)
		walk_error(walk, walk_line(node), "expected the name of an event, found \"%s\"; did you mean \"%s\"?",
			   name, near);
	else if (!event)
		walk_wrong(walk, node, "see docs/EVENTS.md for the names, or write notify or all",
			   "the name of an event");
	return event;
}

static void event_item(struct walk *walk, void *base, size_t index, const yaml_node_t *item)
{
	struct session_event_set *set = base;
	const char *name = walk_scalar(walk, item, 63, "the name of an event");
	if (!name)
		return;
	bool all = strcmp(name, "all") == 0;
	if (all || strcmp(name, "notify") == 0) {
		for (size_t i = 0; i < catalogue_n_events; i++)
			if (all || !catalogue_events[i].auth)
				session_set_add(set, catalogue_events[i].number);
		return;
	}
	const struct catalogue_event *event = find_event(walk, item, name);
	if (event && session_set_has(set, event->number))
		walk_wrong(walk, item, "remove one of the two", "each event once");
	else if (event)
		session_set_add(set, event->number);
}

static void events(struct walk *walk, void *base, const yaml_node_t *node)
{
	struct settings_agent *agent = base;
	walk_list(walk, node, RS_EVENT_TYPE_LIMIT, &agent->granted, event_item);
}

static void on_miss_event(struct walk *walk, struct settings_agent *agent, const yaml_node_t *key,
			  const yaml_node_t *value, struct session_event_set *seen)
{
	const char *name = walk_scalar(walk, key, 63, "the name of an event");
	const struct catalogue_event *event = name ? find_event(walk, key, name) : NULL;
	if (!event)
		return;
	size_t before = walk_enter_key(walk, name);
	const char *text = walk_scalar(walk, value, 64, "allow or deny");
	if (session_set_has(seen, event->number))
		walk_error(walk, walk_line(key), "this event stands twice; remove one of the two");
	else if (!event->auth)
		walk_error(walk, walk_line(key),
			   "expected an event that waits for an answer (auth_…), found one that does not; remove it");
	else if (text && strcmp(text, "deny") == 0)
		session_set_add(&agent->deny_on_miss, event->number);
	else if (text && strcmp(text, "allow") != 0)
		walk_wrong(walk, value, "choose one of the two", "allow or deny");
	session_set_add(seen, event->number);
	walk_leave(walk, before);
}

static void on_miss(struct walk *walk, void *base, const yaml_node_t *node)
{
	struct session_event_set seen = {0};
	if (node->type != YAML_MAPPING_NODE) {
		walk_wrong(walk, node, "write {auth_exec: deny}", "a section of events");
		return;
	}
	for (yaml_node_pair_t *pair = node->data.mapping.pairs.start; pair < node->data.mapping.pairs.top; pair++)
		on_miss_event(walk, base, walk_node(walk, pair->key), walk_node(walk, pair->value), &seen);
}

/* What must agree within one agent. */
static void check_agent(struct walk *walk, const struct settings_agent *agent, const yaml_node_t *node)
{
	for (size_t i = 0; i < catalogue_n_events; i++) {
		const struct catalogue_event *event = &catalogue_events[i];
		if (session_set_has(&agent->deny_on_miss, event->number) &&
		    !session_set_has(&agent->granted, event->number))
			walk_error(walk, walk_line(schema_find(walk, node, "on_miss")),
				   "on_miss names %s, which events does not grant; add it to events or remove it here",
				   event->name);
	}
	if (agent->ring_kb & (agent->ring_kb - 1))
		walk_error(walk, walk_line(schema_find(walk, node, "limits")),
			   "limits.ring: expected a power of two, found %u KB; write 512 KB, 1 MB, 2 MB …",
			   agent->ring_kb);
	if (agent->pending_max > agent->files_max)
		walk_error(
			walk, walk_line(schema_find(walk, node, "limits")),
			"limits.pending is %u, but each open question may hold a descriptor and limits.descriptors is "
			"%u; lower the one or raise the other",
			agent->pending_max, agent->files_max);
}

/* What must agree between this agent and those before it. */
static void check_others(struct walk *walk, const struct settings_agent *agent, const yaml_node_t *node)
{
	for (const struct settings_agent *other = walk->settings->agents; other < agent; other++) {
		if (agent->name[0] && strcmp(other->name, agent->name) == 0)
			walk_error(walk, walk_line(schema_find(walk, node, "name")),
				   "name: two agents are called \"%s\"; rename one", agent->name);
		if (agent->uid && other->uid == agent->uid)
			walk_error(walk, walk_line(schema_find(walk, node, "uid")),
				   "uid: agents \"%s\" and \"%s\" have the same user %u; give each its own",
				   other->name, agent->name, agent->uid);
	}
}

static void agent_item(struct walk *walk, void *base, size_t index, const yaml_node_t *item)
{
	struct settings *settings = base;
	struct settings_agent *agent = &settings->agents[settings->n_agents++];
	*agent = (struct settings_agent){.enabled = 1,
					 .memory_mb = 256,
					 .files_max = 512,
					 .pending_max = 256,
					 .ring_kb = 1024,
					 .denies_per_min = 600,
					 .tasks_max = 64,
					 .actions_per_min = 60};
	schema_apply(walk, agent_rules, agent, item);
	check_agent(walk, agent, item);
	check_others(walk, agent, item);
}

void schema_agents(struct walk *walk, void *base, const yaml_node_t *node)
{
	walk_list(walk, node, SETTINGS_AGENTS_MAX, base, agent_item);
}

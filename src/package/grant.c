/* SPDX-License-Identifier: Apache-2.0 */
#include "package/grant.h"

#include "base/nearest.h"
#include "wire/catalogue.h"
#include "yaml/value.h"

#include <string.h>

#define AT(member) .offset = offsetof(struct settings_agent, member)

const struct rule grant_limits[] = {
	{.key = "memory", .kind = RULE_SIZE_MB, .least = 8, .most = 1 << 20, AT(memory_mb)},
	{.key = "cpu", .kind = RULE_PERCENT, .least = 1, .most = 102400, AT(cpu_percent)},
	{.key = "tasks", .kind = RULE_NUMBER, .least = 1, .most = 32768, AT(tasks_max)},
	{.key = "descriptors", .kind = RULE_NUMBER, .least = 16, .most = 65536, AT(files_max)},
	{.key = "disk", .kind = RULE_SIZE_MB, .most = 1 << 20, AT(disk_mb)},
	{.key = "ring", .kind = RULE_SIZE_KB, .least = 128, .most = 256 << 10, AT(ring_kb)},
	{.key = "pending", .kind = RULE_NUMBER, .least = 1, .most = 4096, AT(pending_max)},
	{.key = "events_per_second", .kind = RULE_NUMBER, .least = 1, .most = 100000000, AT(events_per_s)},
	{.key = "denies_per_minute", .kind = RULE_NUMBER, .least = 1, .most = 1000000, AT(denies_per_min)},
	{.key = "actions_per_minute", .kind = RULE_NUMBER, .least = 1, .most = 1000, AT(actions_per_min)},
	{0},
};

const struct rule grant_deadline[] = {
	{.key = "exec", .kind = RULE_TIME_MS, .least = 10, .most = 60000, AT(deadline_exec_ms)},
	{.key = "open", .kind = RULE_TIME_MS, .least = 10, .most = 60000, AT(deadline_open_ms)},
	{0},
};

void grant_defaults(struct settings_agent *agent)
{
	*agent = (struct settings_agent){.enabled = 1,
					 .memory_mb = 256,
					 .files_max = 512,
					 .pending_max = 256,
					 .ring_kb = 1024,
					 .denies_per_min = 600,
					 .tasks_max = 64,
					 .actions_per_min = 60};
}

static void arg_item(struct walk *walk, void *base, size_t index, const yaml_node_t *item)
{
	struct settings_agent *agent = base;
	const char *text = walk_scalar(walk, item, SETTINGS_ARG_SIZE - 1, "an argument");
	if (text && agent->n_args == SETTINGS_ARGS_MAX)
		walk_error(walk, walk_line(item),
			   "expected at most %u arguments with those of the manifest, found more; remove some",
			   SETTINGS_ARGS_MAX);
	else if (text)
		strcpy(agent->args[agent->n_args++], text);
}

void grant_args(struct walk *walk, void *base, const yaml_node_t *node)
{
	walk_list(walk, node, SETTINGS_ARGS_MAX, base, arg_item);
}

static const char *nearest_event(const char *name)
{
	struct nearest nearest = nearest_to(name);
	for (size_t i = 0; i < catalogue_n_events; i++)
		nearest_try(&nearest, catalogue_events[i].name);
	return nearest.name;
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

void grant_events(struct walk *walk, void *base, const yaml_node_t *node)
{
	struct settings_agent *agent = base;
	agent->granted = (struct session_event_set){0};
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

void grant_on_miss(struct walk *walk, void *base, const yaml_node_t *node)
{
	struct session_event_set seen = {0};
	if (node->type != YAML_MAPPING_NODE) {
		walk_wrong(walk, node, "write {auth_exec: deny}", "a section of events");
		return;
	}
	for (yaml_node_pair_t *pair = node->data.mapping.pairs.start; pair < node->data.mapping.pairs.top; pair++)
		on_miss_event(walk, base, walk_node(walk, pair->key), walk_node(walk, pair->value), &seen);
}

static void read_item(struct walk *walk, void *base, size_t index, const yaml_node_t *item)
{
	struct settings_agent *agent = base;
	const char *text = walk_scalar(walk, item, SETTINGS_PATH_SIZE - 1, "a file or folder");
	if (!text)
		return;
	if (!value_path(text, false) || !text[1]) {
		walk_wrong(walk, item,
			   "write it from / on, without \".\", \"..\" and a final \"/\"; / itself cannot be "
			   "granted",
			   "the absolute path of a file or folder");
		return;
	}
	for (uint32_t i = 0; i < agent->n_reads; i++)
		if (strcmp(agent->reads[i], text) == 0)
			walk_wrong(walk, item, "remove one of the two", "each path once");
	strcpy(agent->reads[agent->n_reads++], text);
}

void grant_reads(struct walk *walk, void *base, const yaml_node_t *node)
{
	((struct settings_agent *)base)->n_reads = 0;
	walk_list(walk, node, SETTINGS_READS_MAX, base, read_item);
}

uint16_t grant_port(const char *text)
{
	uint64_t port;
	char digits[8];
	size_t size = strcspn(text, "/");
	if (size >= sizeof(digits) || strcmp(text + size, "/tcp") != 0)
		return 0;
	memcpy(digits, text, size);
	digits[size] = '\0';
	return value_number(digits, &port) && port <= UINT16_MAX ? (uint16_t)port : 0;
}

static void endpoint_item(struct walk *walk, void *base, size_t index, const yaml_node_t *item)
{
	struct settings_agent *agent = base;
	const char *text = walk_scalar(walk, item, 63, "a port");
	if (!text)
		return;
	if (strcmp(text, "none") == 0 || strcmp(text, "any") == 0) {
		walk_error(walk, walk_line(item),
			   "\"%s\" in a list contradicts the ports beside it; write network: %s alone, or the ports",
			   text, text);
		return;
	}
	uint16_t port = grant_port(text);
	if (port == 0) {
		walk_wrong(walk, item, "write it as 443/tcp; only TCP can be granted by port",
			   "a port from 1 to 65535 and its protocol");
		return;
	}
	for (uint32_t i = 0; i < agent->n_endpoints; i++)
		if (agent->endpoints[i].port == port)
			walk_wrong(walk, item, "remove one of the two", "each port once");
	agent->endpoints[agent->n_endpoints++].port = port;
}

/* none · any · [443/tcp, …] */
void grant_network(struct walk *walk, void *base, const yaml_node_t *node)
{
	struct settings_agent *agent = base;
	memset(agent->endpoints, 0, sizeof(agent->endpoints));
	agent->n_endpoints = 0;
	if (node->type == YAML_SEQUENCE_NODE) {
		agent->network = SETTINGS_NETWORK_ENDPOINTS;
		if (node->data.sequence.items.start == node->data.sequence.items.top)
			walk_error(walk, walk_line(node), "expected ports, found an empty list; write network: none");
		walk_list(walk, node, SETTINGS_ENDPOINTS_MAX, base, endpoint_item);
		return;
	}
	const char *text = node->type == YAML_SCALAR_NODE ? (const char *)node->data.scalar.value : "";
	if (strcmp(text, "none") == 0)
		agent->network = SETTINGS_NETWORK_NONE;
	else if (strcmp(text, "any") == 0)
		agent->network = SETTINGS_NETWORK_ANY;
	else
		walk_wrong(walk, node, "write one of these", "none, any, or a list of ports such as [443/tcp]");
}

const char *grant_action_name(uint32_t bit)
{
	static const char *const names[] = {"kill"};
	return bit < ARRAY_SIZE(names) ? names[bit] : NULL;
}

static void action_item(struct walk *walk, void *base, size_t index, const yaml_node_t *item)
{
	struct settings_agent *agent = base;
	const char *text = walk_scalar(walk, item, 63, "an action");
	uint32_t bit = 0;
	if (!text)
		return;
	while (grant_action_name(bit) && strcmp(grant_action_name(bit), text) != 0)
		bit++;
	if (!grant_action_name(bit))
		walk_wrong(walk, item, "choose one of these", "one of: kill");
	else if (agent->actions >> bit & 1)
		walk_wrong(walk, item, "remove one of the two", "each action once");
	else
		agent->actions |= UINT32_C(1) << bit;
}

void grant_actions(struct walk *walk, void *base, const yaml_node_t *node)
{
	((struct settings_agent *)base)->actions = 0;
	walk_list(walk, node, 32, base, action_item);
}

/* After all keys: on_miss may stand before events. */
static void check_on_miss(struct walk *walk, const struct settings_agent *agent, const yaml_node_t *on_miss)
{
	if (!on_miss || on_miss->type != YAML_MAPPING_NODE)
		return;
	for (yaml_node_pair_t *pair = on_miss->data.mapping.pairs.start; pair < on_miss->data.mapping.pairs.top;
	     pair++) {
		const yaml_node_t *key = walk_node(walk, pair->key);
		const struct catalogue_event *event =
			key->type == YAML_SCALAR_NODE ? catalogue_find_name((const char *)key->data.scalar.value)
						      : NULL;
		if (event && event->auth && !session_set_has(&agent->granted, event->number))
			walk_error(walk, walk_line(key),
				   "on_miss names %s, which events does not grant; add it to events or remove it here",
				   event->name);
	}
}

void grant_check(struct walk *walk, const struct settings_agent *agent, const yaml_node_t *node)
{
	size_t limits_line = walk_line(schema_find(walk, node, "limits"));
	check_on_miss(walk, agent, schema_find(walk, node, "on_miss"));
	if (agent->ring_kb & (agent->ring_kb - 1))
		walk_error(walk, limits_line,
			   "limits.ring: expected a power of two, found %u KB; write 512 KB, 1 MB, 2 MB …",
			   agent->ring_kb);
	if (agent->pending_max > agent->files_max)
		walk_error(
			walk, limits_line,
			"limits.pending is %u, but each open question may hold a descriptor and limits.descriptors is "
			"%u; lower the one or raise the other",
			agent->pending_max, agent->files_max);
}

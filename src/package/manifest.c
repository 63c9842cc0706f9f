/* SPDX-License-Identifier: Apache-2.0 */
#include "package/manifest.h"

#include "package/grant.h"
#include "yaml/value.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AT(member) .offset = offsetof(struct manifest, member)
#define CHANNEL_AT(member) .offset = offsetof(struct manifest_channel, member)

static void version(struct walk *walk, void *base, const yaml_node_t *node);
static void contract(struct walk *walk, void *base, const yaml_node_t *node);
static void program(struct walk *walk, void *base, const yaml_node_t *node);
static void content(struct walk *walk, void *base, const yaml_node_t *node);
static void channel_schema(struct walk *walk, void *base, const yaml_node_t *node);
static void platform_from(struct walk *walk, void *base, const yaml_node_t *node);
static void platform_below(struct walk *walk, void *base, const yaml_node_t *node);
/* struct manifest begins with the struct settings_agent that the functions of grant.h fill */
_Static_assert(offsetof(struct manifest, agent) == 0, "what grant.h has takes a manifest for an agent");

static const struct rule channel_rules[] = {
	{.key = "name", .kind = RULE_NAME, .required = true, .most = SESSION_NAME_SIZE - 1, CHANNEL_AT(name)},
	{.key = "schema", .kind = RULE_OTHER, .required = true, .other = channel_schema},
	{.key = "max_size",
	 .kind = RULE_SIZE_KB,
	 .required = true,
	 .least = 1,
	 .most = 4 << 20,
	 CHANNEL_AT(size_max_kb)},
	{0},
};

static const struct rule platform_rules[] = {
	{.key = "from", .kind = RULE_OTHER, .other = platform_from},
	{.key = "below", .kind = RULE_OTHER, .other = platform_below},
	{0},
};

static const struct rule manifest_rules[] = {
	{.key = "name", .kind = RULE_NAME, .required = true, .most = SESSION_NAME_SIZE - 1, AT(agent.name)},
	{.key = "vendor", .kind = RULE_TEXT, .required = true, .most = MANIFEST_TEXT_SIZE - 1, AT(vendor)},
	{.key = "version", .kind = RULE_OTHER, .required = true, .other = version},
	{.key = "summary", .kind = RULE_TEXT, .most = MANIFEST_TEXT_SIZE - 1, AT(summary)},
	{.key = "contract", .kind = RULE_OTHER, .required = true, .other = contract},
	{.key = "platform", .kind = RULE_SECTION, .section = platform_rules},
	{.key = "program", .kind = RULE_OTHER, .required = true, .other = program},
	{.key = "args", .kind = RULE_OTHER, .other = grant_args},
	{.key = "operator_args", .kind = RULE_BOOL, AT(operator_args)},
	{.key = "events", .kind = RULE_OTHER, .required = true, .other = grant_events},
	{.key = "actions", .kind = RULE_OTHER, .other = grant_actions},
	{.key = "deadline", .kind = RULE_SECTION, .section = grant_deadline},
	{.key = "on_miss", .kind = RULE_OTHER, .other = grant_on_miss},
	{.key = "limits", .kind = RULE_SECTION, .section = grant_limits},
	{.key = "network", .kind = RULE_OTHER, .other = grant_network},
	{.key = "reads", .kind = RULE_OTHER, .other = grant_reads},
	{.key = "content", .kind = RULE_OTHER, .other = content},
	{0},
};

static void version(struct walk *walk, void *base, const yaml_node_t *node)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.+-~_";
	struct manifest *manifest = base;
	const char *text = walk_scalar(walk, node, SESSION_VERSION_SIZE - 1, "a version");
	if (text && text[strspn(text, letters)] == '\0')
		strcpy(manifest->agent.version, text);
	else if (text)
		walk_wrong(walk, node, "use letters, digits and . + - ~ _", "a version");
}

static void contract(struct walk *walk, void *base, const yaml_node_t *node)
{
	struct manifest *manifest = base;
	uint64_t number = 0;
	const char *text = walk_scalar(walk, node, 20, "the number of a contract");
	if (!text)
		return;
	if (!value_number(text, &number) || number == 0)
		walk_wrong(walk, node, "write 1", "the number of a contract");
	else if (number > MANIFEST_CONTRACT)
		walk_wrong(walk, node,
			   "the agent is newer than this Ringside: upgrade Ringside, or take an older agent",
			   "a contract that this version of Ringside knows (1 to %u)", MANIFEST_CONTRACT);
	manifest->contract = (uint32_t)number;
}

static void program(struct walk *walk, void *base, const yaml_node_t *node)
{
	struct manifest *manifest = base;
	const char *text = walk_scalar(walk, node, SETTINGS_PATH_SIZE - 1, "a program");
	if (text && value_path_below(text))
		strcpy(manifest->program, text);
	else if (text)
		walk_wrong(
			walk, node,
			"write it as seen from the folder of this file, without a leading \"/\", \".\", \"..\" and a "
			"final \"/\"",
			"a program in the folder of the manifest or below");
}

/* "yara-rules/1" */
static void channel_schema(struct walk *walk, void *base, const yaml_node_t *node)
{
	struct manifest_channel *channel = base;
	const char *text = walk_scalar(walk, node, sizeof(channel->schema) - 1, "a schema");
	const char *slash = text ? strchr(text, '/') : NULL;
	char name[sizeof(channel->schema)];
	uint64_t number = 0;
	if (!text)
		return;
	snprintf(name, sizeof(name), "%.*s", slash ? (int)(slash - text) : 0, text);
	if (slash && value_name(name) && value_number(slash + 1, &number) && number > 0)
		strcpy(channel->schema, text);
	else
		walk_wrong(walk, node, "write it as hash-list/1", "a schema and its version");
}

static void channel_item(struct walk *walk, void *base, size_t index, const yaml_node_t *item)
{
	struct manifest *manifest = base;
	struct manifest_channel *channel = &manifest->channels[manifest->n_channels++];
	schema_apply(walk, channel_rules, channel, item);
	for (const struct manifest_channel *other = manifest->channels; other < channel; other++)
		if (channel->name[0] && strcmp(other->name, channel->name) == 0)
			walk_error(walk, walk_line(item), "two channels are called \"%s\"; rename one", channel->name);
}

static void content(struct walk *walk, void *base, const yaml_node_t *node)
{
	walk_list(walk, node, MANIFEST_CHANNELS_MAX, base, channel_item);
}

bool manifest_version_read(const char *text, struct manifest_version *ret)
{
	struct manifest_version found = {0};
	char part[12];
	for (size_t i = 0; i < ARRAY_SIZE(found.parts); i++) {
		uint64_t number;
		size_t size = strcspn(text, ".");
		if (size >= sizeof(part))
			return false;
		memcpy(part, text, size);
		part[size] = '\0';
		if (!value_number(part, &number) || number > UINT32_MAX)
			return false;
		found.parts[i] = (uint32_t)number;
		text += size;
		if (*text == '\0') {
			*ret = found;
			return true;
		}
		text++;
	}
	return false;
}

static void platform_version(struct walk *walk, struct manifest_version *to, const yaml_node_t *node)
{
	const char *text = walk_scalar(walk, node, 35, "a version of Ringside");
	if (text && !manifest_version_read(text, to))
		walk_wrong(walk, node, "write up to three numbers, such as 0.1 or 1.2.3", "a version of Ringside");
}

static void platform_from(struct walk *walk, void *base, const yaml_node_t *node)
{
	platform_version(walk, &((struct manifest *)base)->platform_from, node);
}

static void platform_below(struct walk *walk, void *base, const yaml_node_t *node)
{
	platform_version(walk, &((struct manifest *)base)->platform_below, node);
}

static int compare(const struct manifest_version *a, const struct manifest_version *b)
{
	for (size_t i = 0; i < ARRAY_SIZE(a->parts); i++)
		if (a->parts[i] != b->parts[i])
			return a->parts[i] < b->parts[i] ? -1 : 1;
	return 0;
}

static void check_platform(struct walk *walk, const struct manifest *manifest, const char *platform)
{
	static const struct manifest_version any = {0};
	struct manifest_version ours = {0};
	const struct manifest_version *from = &manifest->platform_from, *below = &manifest->platform_below;
	bool bounded = compare(below, &any) != 0;
	uint32_t line = walk_lines_find(&manifest->lines, "platform");
	manifest_version_read(platform, &ours);
	if (bounded && compare(from, below) >= 0)
		walk_error(
			walk, line,
			"platform: no version of Ringside is from %u.%u.%u and below %u.%u.%u; correct one of the two",
			from->parts[0], from->parts[1], from->parts[2], below->parts[0], below->parts[1],
			below->parts[2]);
	else if (compare(&ours, from) < 0)
		walk_error(
			walk, line,
			"platform.from: expected this Ringside, %s, to be %u.%u.%u or newer; upgrade Ringside, or take "
			"an older agent",
			platform, from->parts[0], from->parts[1], from->parts[2]);
	else if (bounded && compare(&ours, below) >= 0)
		walk_error(walk, line,
			   "platform.below: expected this Ringside, %s, to be older than %u.%u.%u; take a newer agent",
			   platform, below->parts[0], below->parts[1], below->parts[2]);
}

struct reading {
	struct manifest *manifest;
	const char *platform;
};

/* What must agree within a manifest, besides what grant_check() looks at. */
static void check(struct walk *walk, const struct reading *reading, const yaml_node_t *root)
{
	static const struct session_event_set none = {0};
	const struct manifest *manifest = reading->manifest;
	const yaml_node_t *events = schema_find(walk, root, "events");
	grant_check(walk, &manifest->agent, root);
	check_platform(walk, manifest, reading->platform);
	if (memcmp(&manifest->agent.granted, &none, sizeof(none)) == 0)
		walk_error(walk, walk_line(events),
			   "events is empty, so the agent would never hear of anything; name what it wants");
}

static void apply(struct walk *walk, void *data, const yaml_node_t *root)
{
	struct reading *reading = data;
	struct manifest *manifest = reading->manifest;
	walk->lines = &manifest->lines;
	if (!root) {
		walk_error(walk, 1,
			   "expected a manifest, found nothing but empty lines and comments; see "
			   "ringside-manifest(5)");
		return;
	}
	schema_apply(walk, manifest_rules, manifest, root);
	if (!walk_has_errors(walk))
		check(walk, reading, root);
	manifest->wishes_deny = manifest->agent.deny_on_miss;
	manifest->agent.deny_on_miss = (struct session_event_set){0};
}

int manifest_read(const struct document_source *source, const char *platform, struct manifest *ret,
		  struct document_errors *errors)
{
	_cleanup_(freep) struct manifest *manifest = calloc(1, sizeof(*manifest));
	struct reading reading = {.manifest = manifest, .platform = platform};
	if (!manifest)
		return -ENOMEM;
	grant_defaults(&manifest->agent);
	int r = document_read(source, MANIFEST_SIZE_MAX, apply, &reading, errors);
	if (r == 0)
		*ret = *manifest;
	return r;
}

bool manifest_program(const struct manifest *manifest, const char *path, char ret[static SETTINGS_PATH_SIZE])
{
	const char *slash = strrchr(path, '/');
	int folder = slash ? (int)(slash - path) : 0;
	return (size_t)snprintf(ret, SETTINGS_PATH_SIZE, "%.*s/%s", folder, path, manifest->program) <
	       SETTINGS_PATH_SIZE;
}

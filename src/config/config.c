/* SPDX-License-Identifier: Apache-2.0 */
#include "config/config.h"

#include "config/schema.h"

#include <errno.h>
#include <string.h>

/* Of one agent and the platform. */
static void check_agent(struct walk *walk, size_t line, uint32_t index)
{
	struct config_context *context = walk->context;
	const struct settings *settings = context->settings;
	struct settings_agent *agent = &context->settings->agents[index];
	if (agent->deadline_exec_ms > settings->deadline_exec_ms && context->vendors_exec >> index & 1)
		agent->deadline_exec_ms = 0;
	if (agent->deadline_open_ms > settings->deadline_open_ms && context->vendors_open >> index & 1)
		agent->deadline_open_ms = 0;
	if (agent->deadline_exec_ms > settings->deadline_exec_ms)
		walk_error(walk, line,
			   "agents: the deadline.exec of \"%s\" is %u ms, above verdicts.deadline.exec of %u "
			   "ms; lower the one or raise the other",
			   agent->name, agent->deadline_exec_ms, settings->deadline_exec_ms);
	if (agent->deadline_open_ms > settings->deadline_open_ms)
		walk_error(walk, line,
			   "agents: the deadline.open of \"%s\" is %u ms, above verdicts.deadline.open of %u "
			   "ms; lower the one or raise the other",
			   agent->name, agent->deadline_open_ms, settings->deadline_open_ms);
	if (agent->uid && agent->uid - settings->uid_base < 100 + SETTINGS_AGENTS_MAX)
		walk_error(walk, line,
			   "agents: the uid %u of \"%s\" is among those that Ringside gives out (%u to %u); "
			   "choose another or leave it out",
			   agent->uid, agent->name, settings->uid_base, settings->uid_base + 99 + SETTINGS_AGENTS_MAX);
}

/* What must agree between sections. */
static void check_whole(struct walk *walk, const yaml_node_t *root)
{
	const struct settings *settings = ((struct config_context *)walk->context)->settings;
	if (settings->sensor_fanotify && settings->n_scopes == 0)
		walk_error(walk, walk_line(schema_find(walk, root, "scope")),
			   "scope is empty, but sensors.fanotify is on; name a directory, or switch the sensor off");
	if (!settings->sensor_fanotify && !settings->sensor_bpf && !settings->sensor_synth_per_s &&
	    !settings->replay_path[0])
		walk_error(walk, walk_line(schema_find(walk, root, "sensors")),
			   "sensors: all are off, so nothing would be watched; switch one on");
	if (strcmp(settings->run_dir, settings->state_dir) == 0)
		walk_error(walk, walk_line(schema_find(walk, root, "run_dir")),
			   "run_dir and state_dir are the same, but one is emptied at a restart; choose two");
	for (uint32_t i = 0; i < settings->n_agents; i++)
		check_agent(walk, walk_line(schema_find(walk, root, "agents")), i);
}

static void apply(struct walk *walk, void *data, const yaml_node_t *root)
{
	struct config_context *context = data;
	walk->context = context;
	/* an empty file, or one of comments only, says: the defaults */
	if (root)
		schema_apply(walk, config_root, context->settings, root);
	if (!walk_has_errors(walk))
		check_whole(walk, root);
}

int config_parse(const struct config_source *source, struct settings *ret, struct document_errors *ret_errors)
{
	_cleanup_(freep) struct settings *settings = calloc(1, sizeof(*settings));
	_cleanup_(freep) struct config_context *context = calloc(1, sizeof(*context));
	if (!settings || !context)
		return -ENOMEM;
	config_defaults(settings);
	context->source = source;
	context->settings = settings;
	*ret_errors = (struct document_errors){0};
	int r = document_read(&source->file, CONFIG_SIZE_MAX, apply, context, ret_errors);
	if (context->error < 0)
		return context->error;
	if (r == 0)
		*ret = *settings;
	return r;
}

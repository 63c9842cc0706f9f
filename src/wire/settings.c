/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/settings.h"

#include "base/macro.h"

#include <string.h>

#define UID_BASE_LEAST 1000u
#define UID_MOST 2000000000u

static bool terminated(const char *text, size_t size)
{
	return memchr(text, '\0', size) != NULL;
}

/* A terminated path that is absolute, or empty where that means "none". */
static bool path(const char *text, bool may_be_empty)
{
	return terminated(text, SETTINGS_PATH_SIZE) && (text[0] == '/' || (may_be_empty && text[0] == '\0'));
}

static bool paths(const char (*list)[SETTINGS_PATH_SIZE], uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		if (!path(list[i], false))
			return false;
	return true;
}

static const char *check_agent(const struct settings_agent *agent)
{
	if (!terminated(agent->name, sizeof(agent->name)) || !agent->name[0] ||
	    !terminated(agent->version, sizeof(agent->version)) || !path(agent->path, false))
		return "expected an agent with a name, a version and the absolute path of a program, found none";
	if (agent->n_args > SETTINGS_ARGS_MAX)
		return "expected no more arguments of an agent than the table has, found more";
	for (uint32_t i = 0; i < agent->n_args; i++)
		if (!terminated(agent->args[i], SETTINGS_ARG_SIZE))
			return "expected arguments that end in NUL, found one that does not";
	if (agent->uid > UID_MOST)
		return "expected an agent's user within the limit, found another";
	if (agent->enabled > 1 || agent->shadow > 1)
		return "expected an agent's flags to be 0 or 1, found another value";
	if (agent->network > SETTINGS_NETWORK_ANY || agent->jail > SETTINGS_JAIL_PARTIAL ||
	    (agent->actions & ~(uint32_t)SETTINGS_ACTION_KILL))
		return "expected a network, a jail and actions of an agent that are known, found another value";
	if (agent->n_reads > SETTINGS_READS_MAX || agent->n_endpoints > SETTINGS_ENDPOINTS_MAX)
		return "expected no more files and endpoints of an agent than the tables have, found more";
	if (agent->n_only > SETTINGS_ONLY_MAX || !paths(agent->only, agent->n_only))
		return "expected absolute paths of folders that an agent is narrowed to, found another";
	if (!paths(agent->reads, agent->n_reads))
		return "expected absolute paths of an agent's files, found another";
	for (uint32_t i = 0; i < agent->n_endpoints; i++)
		if (agent->endpoints[i].port == 0 || agent->endpoints[i].reserved != 0)
			return "expected ports of an agent's endpoints, found 0";
	if (agent->ring_kb == 0 || agent->ring_kb & (agent->ring_kb - 1))
		return "expected an agent's ring to be a power of two, found another size";
	return NULL;
}

static const char *check_numbers(const struct settings *settings)
{
	if (settings->sensor_fanotify > 1 || settings->sensor_bpf > 1 || settings->essential_deny > 1)
		return "expected flags to be 0 or 1, found another value";
	if (settings->on_engine_loss_exec > SETTINGS_LOSS_DENY || settings->on_engine_loss_open > SETTINGS_LOSS_DENY)
		return "expected allow or deny for the loss of the engine, found another value";
	if (settings->slow_share_percent > 100)
		return "expected a share of the deadline in percent, found more than all of it";
	if (settings->deadline_exec_ms == 0 || settings->deadline_open_ms == 0)
		return "expected deadlines, found 0";
	if (settings->uid_base < UID_BASE_LEAST || settings->uid_base > UID_MOST)
		return "expected users that are not root's or people's, found another base";
	return NULL;
}

const char *settings_check(const struct settings *settings)
{
	if (settings->magic != SETTINGS_MAGIC || settings->size != sizeof(*settings))
		return "expected the magic number and size of this version, found others";
	if (settings->n_scopes > SETTINGS_SCOPES_MAX || settings->n_essential > SETTINGS_ESSENTIAL_MAX ||
	    settings->n_agents > SETTINGS_AGENTS_MAX || settings->essential_tools_first > settings->n_essential ||
	    settings->n_essential_tools > settings->n_essential - settings->essential_tools_first)
		return "expected counts within their tables, found more";
	if (!paths(settings->scopes, settings->n_scopes) || !paths(settings->essential, settings->n_essential) ||
	    !path(settings->replay_path, true) || !path(settings->run_dir, false) || !path(settings->state_dir, false))
		return "expected absolute paths that end in NUL, found another";
	if (!terminated(settings->admin_group, sizeof(settings->admin_group)))
		return "expected the name of a group that ends in NUL, found none";
	const char *wrong = check_numbers(settings);
	for (uint32_t i = 0; i < settings->n_agents && !wrong; i++)
		wrong = check_agent(&settings->agents[i]);
	return wrong;
}

/* Ranges of bytes; whatever is in none of them is compared for both. */
struct range {
	size_t offset, size;
};
#define RANGE(first, last) \
	{offsetof(struct settings_agent, first), offsetof(struct settings_agent, last) + \
							 sizeof(((struct settings_agent *)0)->last) - \
							 offsetof(struct settings_agent, first)}

static const struct range process_only[] = {
	RANGE(path, n_args),         RANGE(memory_mb, files_max), RANGE(cpu_percent, disk_mb),
	RANGE(network, n_endpoints), RANGE(n_reads, n_reads),     RANGE(endpoints, args),
};

static const struct range session_only[] = {
	RANGE(enabled, shadow),
	RANGE(pending_max, deadline_open_ms),
	RANGE(events_per_s, n_only),
	RANGE(granted, only),
};

static bool same_but(const struct settings_agent *a, const struct settings_agent *b, const struct range *ranges,
		     size_t n)
{
	_cleanup_(freep) struct settings_agent *copy = malloc(sizeof(*copy));
	if (!copy)
		return false;
	*copy = *a;
	for (size_t i = 0; i < n; i++)
		memcpy((char *)copy + ranges[i].offset, (const char *)b + ranges[i].offset, ranges[i].size);
	return memcmp(copy, b, sizeof(*copy)) == 0;
}

bool settings_same_process(const struct settings_agent *a, const struct settings_agent *b)
{
	return same_but(a, b, session_only, ARRAY_SIZE(session_only));
}

bool settings_same_session(const struct settings_agent *a, const struct settings_agent *b)
{
	return same_but(a, b, process_only, ARRAY_SIZE(process_only));
}

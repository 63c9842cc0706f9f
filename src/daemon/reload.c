/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/reload.h"

#include "base/macro.h"

#include <string.h>

/* A key is a range of bytes of struct settings. */
#define RANGE(key, first, last) \
	{key, offsetof(struct settings, first), \
	 offsetof(struct settings, last) + sizeof(((struct settings *)0)->last) - offsetof(struct settings, first)}

struct range {
	const char *key;
	size_t offset, size;
};

/* The marks, the directories and the users are made once, by a process that then opens nothing by name. */
static const struct range fixed[] = {
	RANGE("sensors.fanotify", sensor_fanotify, sensor_fanotify),
	RANGE("scope", n_scopes, scopes),
	RANGE("uid_base", uid_base, uid_base),
	RANGE("run_dir", run_dir, run_dir),
	RANGE("state_dir", state_dir, state_dir),
};

static const struct {
	struct range range;
	unsigned changes;
} live[] = {
	{RANGE("sensors", sensor_bpf, sensor_synth_per_s), RELOAD_ENGINE},
	{RANGE("sensors.replay", replay_path, replay_original_pace), RELOAD_ENGINE},
	{RANGE("verdicts", deadline_exec_ms, essential), RELOAD_ENGINE},
	{RANGE("log_level", log_level, log_level), RELOAD_ENGINE | RELOAD_CONTROL | RELOAD_AGENTS},
	{RANGE("admin_group", admin_group, admin_gid), RELOAD_CONTROL},
	{RANGE("agents", n_agents, agents), RELOAD_AGENTS},
};

static bool differs(const struct settings *old, const struct settings *new, const struct range *range)
{
	return memcmp((const char *)old + range->offset, (const char *)new + range->offset, range->size) != 0;
}

/* Another program of an agent is the cage's matter alone: no engine is restarted, so there is no gap. */
static bool same_for_engine(const struct settings *old, const struct settings *new)
{
	if (old->n_agents != new->n_agents)
		return false;
	for (uint32_t i = 0; i < SETTINGS_AGENTS_MAX; i++)
		if (!settings_same_session(&old->agents[i], &new->agents[i]))
			return false;
	return true;
}

unsigned reload_merge(const struct settings *old, struct settings *new, void (*said)(const char *key))
{
	unsigned changes = 0;
	for (size_t i = 0; i < ARRAY_SIZE(fixed); i++) {
		if (!differs(old, new, &fixed[i]))
			continue;
		memcpy((char *)new + fixed[i].offset, (const char *)old + fixed[i].offset, fixed[i].size);
		said(fixed[i].key);
	}
	for (size_t i = 0; i < ARRAY_SIZE(live); i++)
		if (differs(old, new, &live[i].range))
			changes |= live[i].changes;
	return same_for_engine(old, new) ? changes : changes | RELOAD_ENGINE;
}

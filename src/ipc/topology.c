/* SPDX-License-Identifier: Apache-2.0 */
#include "ipc/topology.h"

#include "base/macro.h"
#include "wire/ledger.h"

#include <linux/capability.h>

#define CAP(name) (UINT64_C(1) << CAP_##name)

/* The parent makes the others and the marks of the fanotify group. */
#define PARENT_CAPABILITIES UINT64_MAX
/* LEASE: a read lease on a file that is not its own makes the verdict cache safe. It opens nothing. */
#define ENGINE_CAPABILITIES CAP(LEASE)
/*
 * SETUID, SETGID: an agent runs under a user of its own.
 * KILL: it ends agents, which are not its user's, and the processes that agents asked to end.
 * SETPCAP: it empties the agent's capability bounding set before it starts it.
 */
#define CAGE_CAPABILITIES (CAP(SETUID) | CAP(SETGID) | CAP(KILL) | CAP(SETPCAP))

/* In the engine each open question (16,384 at most) and each cached file holds a descriptor. */
#define ENGINE_FILES_MAX LEDGER_FD_LIMIT

/* role, name, program, long-lived, capabilities, root, files_max, urgent */
const struct topology_process topology_processes[PROCESS_N_ROLES] = {
	{PROCESS_PARENT, "ringsided", "ringsided", true, PARENT_CAPABILITIES, true, 4096, true},
	{PROCESS_ENGINE, "engine", "ringside-engine", true, ENGINE_CAPABILITIES, false, ENGINE_FILES_MAX, true},
	{PROCESS_CAGE, "cage", "ringside-cage", true, CAGE_CAPABILITIES, false, 4096, false},
	{PROCESS_CONTROL, "control", "ringside-control", true, 0, false, 1024, false},
	{PROCESS_CONFIG, "config", "ringside-config", false, 0, false, 64, false},
	/* a manifest is root's, and may lie in a folder that only root may enter: the user is enough for that */
	{PROCESS_OPENER, "opener", "ringside-config", false, 0, true, 64, false},
};

static const struct {
	enum process_role a, b;
} pairs[] = {
	{PROCESS_PARENT, PROCESS_ENGINE}, /* the fanotify group, the gap */
	{PROCESS_PARENT, PROCESS_CAGE}, /* stop */
	{PROCESS_PARENT, PROCESS_CONTROL}, /* status */
	{PROCESS_ENGINE, PROCESS_CAGE}, /* sessions of agents, how these fare, and what they asked for */
	{PROCESS_ENGINE, PROCESS_CONTROL}, /* requests */
	{PROCESS_CAGE, PROCESS_CONTROL}, /* requests */
	{PROCESS_CONFIG, PROCESS_OPENER}, /* manifests */
};

bool topology_may_talk(enum process_role a, enum process_role b)
{
	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++)
		if ((pairs[i].a == a && pairs[i].b == b) || (pairs[i].a == b && pairs[i].b == a))
			return true;
	return false;
}

const char *topology_name(uint64_t role)
{
	return role < PROCESS_N_ROLES ? topology_processes[role].name : "unknown";
}

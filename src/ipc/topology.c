/* SPDX-License-Identifier: Apache-2.0 */
#include "ipc/topology.h"

#include "base/macro.h"

#include <linux/capability.h>

#define CAP(name) (UINT64_C(1) << CAP_##name)

const struct topology_process topology_processes[PROCESS_N_ROLES] = {
	[PROCESS_PARENT] = {PROCESS_PARENT, "ringsided", "ringsided", .long_lived = true,
			    .capabilities = UINT64_MAX, /* it makes the others and the fanotify marks */
			    .root = true, .files_max = 4096, .urgent = true},
	[PROCESS_ENGINE] = {PROCESS_ENGINE, "engine", "ringside-engine", .long_lived = true,
                /* LEASE: a read lease on files it does not own is what makes the verdict cache safe. It
			       opens nothing. */
			    .capabilities = CAP(LEASE),
                /* open questions (16,384 at most) and cached files each hold one */
			    .files_max = 131072, .urgent = true},
	[PROCESS_CAGE] = {PROCESS_CAGE, "cage", "ringside-cage", .long_lived = true,
                /*
			   * SETUID, SETGID: an agent runs under a user of its own.
			   * KILL: it ends agents, which are not its user's.
			   * SETPCAP: it empties the agent's capability bounding set before it starts it.
			   */
			  .capabilities = CAP(SETUID) | CAP(SETGID) | CAP(KILL) | CAP(SETPCAP), .files_max = 4096},
	[PROCESS_CONTROL] = {PROCESS_CONTROL, "control", "ringside-control", .long_lived = true, .files_max = 1024},
	[PROCESS_CONFIG] = {PROCESS_CONFIG, "config", "ringside-config", .files_max = 64},
};

static const struct {
	enum process_role a, b;
} pairs[] = {
	{PROCESS_PARENT, PROCESS_ENGINE},  /* the fanotify group, the gap */
	{PROCESS_PARENT, PROCESS_CAGE},    /* stop */
	{PROCESS_PARENT, PROCESS_CONTROL}, /* status */
	{PROCESS_ENGINE, PROCESS_CAGE},    /* sessions of agents, and how these fare */
	{PROCESS_ENGINE, PROCESS_CONTROL}, /* requests */
	{PROCESS_CAGE, PROCESS_CONTROL},   /* requests */
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

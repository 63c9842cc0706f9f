/* SPDX-License-Identifier: Apache-2.0 */
/*
 * drop: giving privilege away, in the one order that works:
 *
 *     limits ─▶ capability bounding set ─▶ groups ─▶ gid ─▶ uid ─▶ capabilities of the table ─▶ no new privileges
 *            ─▶ not dumpable ─▶ dies with the parent ─▶ seccomp
 *
 * Only a part of it can be taken back, so whoever gets an error ends.
 */
#pragma once

#include "ipc/topology.h"
#include "wire/settings.h"

#include <stddef.h>
#include <sys/types.h>

/*
 * Everything but seccomp. parent: the process whose death ends this one; 0: none. Needs root (CAP_SETUID,
 * CAP_SETGID, CAP_SETPCAP). -errno with a log line; -ESRCH when the parent died meanwhile.
 */
int drop_privilege(const struct topology_process *row, uint32_t uid, pid_t parent);

/* Loads the table of system calls of this role (seccomp.c). -errno with a log line. */
int drop_system_calls(enum process_role role);

/* Loads the list of agents (seccomp_agent.c), on top of the cage's. The process must have no_new_privs. -errno. */
int drop_system_calls_agent(enum settings_network network);

/* The system calls that a role may make besides those of every role: number of rows; for tests. */
size_t drop_system_calls_count(enum process_role role);

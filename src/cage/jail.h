/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jail: one agent's process: how it is made, asked to end, and swept away with all that it started.
 *
 * An agent gets a user of its own, no capabilities, no way to new ones, limits on memory, descriptors and processes,
 * an empty environment but for a few names, a session of its own, its lifeline as descriptor 3, and the log as
 * standard output and error: its lines go there without passing through us. It dies with the cage. Name spaces,
 * Landlock and control groups are not part of it yet.
 */
#pragma once

#include "wire/settings.h"

#include <sys/types.h>

#define JAIL_LIFELINE_FD 3

struct budget;

struct jail {
	const struct settings_agent *agent;
	const struct budget *budget; /* applied first */
	uint32_t uid;
	int lifeline_fd; /* the agent's end, borrowed */
	int null_fd;
};

/* *ret_process_id: unique, see struct rs_process. -errno with a log line. */
int jail_start(const struct jail *jail, pid_t *ret_pid, uint64_t *ret_process_id);

/* SIGTERM to the agent's process group. */
void jail_ask(pid_t pid);
/* SIGKILL to the agent's process group. */
void jail_kill(pid_t pid);
/* After its end: kills what it left behind under its user. Only for users that belong to one agent alone. */
void jail_sweep(uint32_t uid);
/* The same for n users from first on. */
void jail_sweep_range(uint32_t first, uint32_t n);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jail: one agent's processes: how they are made, asked to end, and swept away with all that they started.
 *
 *     cage ─▶ builder: clone(2) into user, mount, ipc, uts, network name spaces of its own
 *          ─▶ maps of users (written by the cage) ─▶ root.h ─▶ process name space ─▶ no capabilities, Landlock
 *          ─▶ two children of the cage: the jail's process 1, and the agent ─▶ builder ends, with a report
 *
 * The agent is user 0 of its name space, which is its own user of the machine, and has no capability there either. It
 * gets limits, an empty environment but for a few names, a session of its own, its lifeline as descriptor 3, a file of
 * its own for what it prints, and the agents' list of system calls. Process 1 belongs to us: it collects what the agent
 * leaves behind, and when it is killed the kernel kills all that is in the jail. Everything dies with the cage.
 *
 * The report is read from a pipe whose other end is closed when the agent's program is executed: no agent writes to it.
 *
 * Where name spaces cannot be had and the settings allow a partial jail, the agent has a user of its own, the limits,
 * Landlock and the list, as far as they can be had.
 */
#pragma once

#include "wire/settings.h"

#include <stdbool.h>
#include <sys/types.h>

#define JAIL_LIFELINE_FD 3
#define JAIL_TEXT_SIZE 1600

/* What a partial jail lacks. */
enum jail_part {
	JAIL_NAMESPACES = 1 << 0, /* all of them, and so the root too */
	JAIL_ROOT = 1 << 1,
	JAIL_PROCESSES = 1 << 2, /* a process name space */
	JAIL_LANDLOCK = 1 << 3,
	JAIL_PORTS = 1 << 4, /* endpoints: Landlock does not know TCP here */
};

struct budget;

struct jail {
	const struct settings_agent *agent;
	const struct budget *budget;
	uint32_t uid;
	int lifeline_fd; /* the agent's end, borrowed */
	int null_fd;
	int output_fd; /* becomes its standard output and error */
};

struct jail_process {
	bool building; /* pid is the builder's: when it has ended call jail_built() */
	pid_t pid; /* 0: none */
	pid_t init_pid; /* process 1 of the jail; 0: it has none */
	uint64_t process_id; /* unique, see struct rs_process; once it is built */
	int report_fd;
	uint32_t missing; /* enum jail_part */
	char text[JAIL_TEXT_SIZE]; /* what is missing and why; or what went wrong */
};

/* Begins. -errno with ret->text. */
int jail_start(const struct jail *jail, struct jail_process *ret);

enum jail_result {
	JAIL_DONE = 0,
	JAIL_FAILED = 1, /* process->text says at which step */
};
/* The builder has ended and been waited for. JAIL_DONE: pid and process_id are the agent's. */
enum jail_result jail_built(struct jail_process *process);

/* Whether the agent's program was never executed: process->text says why. After the end of its process. */
bool jail_failed_late(struct jail_process *process);

/* SIGTERM to the agent's process group. */
void jail_ask(const struct jail_process *process);
/* SIGKILL to all of the jail. */
void jail_kill(const struct jail_process *process);
/* After its end, for an agent without a process name space: kills what it left behind under its user. Only for users
 * that belong to one agent alone. */
void jail_sweep(uint32_t uid);
/* The same for n users from first on. */
void jail_sweep_range(uint32_t first, uint32_t n);

/* Its folder /state, to ask how full it is; -1: it has none, or has not executed its program yet. */
int jail_open_state(const struct jail_process *process);

/* "whole", or "partial: " and what is missing. Returns text. */
const char *jail_describe(uint32_t missing, char *text, size_t size);

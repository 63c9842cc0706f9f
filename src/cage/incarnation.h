/* SPDX-License-Identifier: Apache-2.0 */
/*
 * incarnation: one process of an agent, from its start until it was reaped. While an agent is upgraded it has two.
 *
 *     incarnation_start ─▶ jail, budget, lifeline, pidfd ─▶ ended() ─▶ incarnation_free
 *                          incarnation_part: drain ─▶ SIGTERM ─▶ SIGKILL, each with its time
 *
 * Owns the process and all that hangs on it. Knows nothing of the agent's life; agents.c does.
 */
#pragma once

#include "cage/budget.h"
#include "ipc/process.h"

struct incarnation;

struct incarnation_opts {
	struct loop *loop;
	struct budget_home *home;
	const struct settings_agent *settings; /* copied */
	uint32_t uid;
	uint64_t number; /* never used before */
	bool beside; /* another one of this agent runs */
	int null_fd;
	void *data;
	/* It was reaped; what it left in its group is killed. Free it. */
	void (*ended)(void *data, struct incarnation *incarnation, int wait_status);
};

/* On its way out: what it is waiting for. */
enum incarnation_parting {
	INCARNATION_STAYS = 0,
	INCARNATION_DRAINS, /* its last answers */
	INCARNATION_ASKED, /* its own end */
	INCARNATION_KILLED,
};

struct incarnation {
	struct incarnation_opts opts;
	struct settings_agent settings;
	struct list link; /* its owner's */
	struct budget budget;
	enum incarnation_parting parting;
	pid_t pid;
	uint64_t process_id;
	int pidfd;
	int lifeline; /* our end; only sent on */
	struct loop_source *pidfd_source;
	struct loop_source *timer;
};

int incarnation_start(const struct incarnation_opts *opts, struct incarnation **ret);
/* Kills and reaps it when it runs. */
struct incarnation *incarnation_free(struct incarnation *incarnation);

/* A session's end over its lifeline; fd is borrowed. -errno: it takes none. */
int incarnation_send_session(struct incarnation *incarnation, int fd);

/* Goes on to this step of its end, when it has not come so far yet; each step has its time, then the next follows. */
void incarnation_part(struct incarnation *incarnation, enum incarnation_parting step, uint64_t drain_ns);

/* "ended by signal 9 (Killed)", or why its budget ended it. Returns text. */
const char *incarnation_describe(const struct incarnation *incarnation, int wait_status, char *text, size_t size);

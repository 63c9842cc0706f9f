/* SPDX-License-Identifier: Apache-2.0 */
/*
 * incarnation: one process of an agent, from its start until it was reaped. While an agent is upgraded it has two.
 *
 *     incarnation_start ─▶ budget, lifeline, jail ─▶ started() ─▶ ended() ─▶ incarnation_free
 *                          incarnation_part: drain ─▶ SIGTERM ─▶ SIGKILL, each with its time
 *
 * Owns the process and all that hangs on it. Knows nothing of the agent's life; agents.c does.
 */
#pragma once

#include "cage/budget.h"
#include "cage/jail.h"
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
	int output_dir_fd; /* where a file for what it prints is made; -1: nowhere */
	void *data;
	/* Its jail is made, and it has its process. */
	void (*started)(void *data, struct incarnation *incarnation);
	/* It was reaped, with all that was in its jail; or there was none. Free it. */
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
	struct jail_process jail;
	bool leaving; /* its agent has ended; process 1 of its jail ends */
	bool failed; /* its jail or its program could not be had: jail.text says why */
	int status;
	int pidfd; /* of the process that is waited for: the jail's builder, the agent, process 1 */
	int lifeline; /* our end; only sent on */
	struct loop_source *pidfd_source;
	struct loop_source *timer;
};

/* -errno; then why (of why_size bytes) tells the step at which it failed. */
int incarnation_start(const struct incarnation_opts *opts, char *why, size_t why_size, struct incarnation **ret);
/* Kills and reaps it when it runs. */
struct incarnation *incarnation_free(struct incarnation *incarnation);

/* Of its process; 0: it has none yet, or no more. */
pid_t incarnation_pid(const struct incarnation *incarnation);
uint64_t incarnation_process_id(const struct incarnation *incarnation);

/* Whether its process has ended, even when that was not told yet. */
bool incarnation_has_ended(const struct incarnation *incarnation);

/* A session's end over its lifeline; fd is borrowed. -errno: it takes none. */
int incarnation_send_session(struct incarnation *incarnation, int fd);

/* Goes on to this step of its end, when it has not come so far yet; each step has its time, then the next follows. */
void incarnation_part(struct incarnation *incarnation, enum incarnation_parting step, uint64_t drain_ns);

/* Usage and hits of its budget, when the last look was a second ago. */
void incarnation_look(struct incarnation *incarnation, uint64_t now_ns);
/* "ended by signal 9 (Killed)", or why its budget ended it. Returns text. */
const char *incarnation_describe(const struct incarnation *incarnation, int wait_status, char *text, size_t size);

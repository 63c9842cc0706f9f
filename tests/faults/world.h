/* SPDX-License-Identifier: Apache-2.0 */
/*
 * world: a machine in small for the tests that need the real kernel: a file system of its own in a mount namespace of
 * its own, a daemon that has a keeper, and engines that have the fanotify sensor.
 *
 *     test (the actors who open) ─▶ kernel ─▶ engine (a process) ─▶ rules in shared memory
 *                                        └─▶ daemon (a process): keeper, restarts the engine
 *
 * Needs root. Nothing but the file system of the world is ever marked.
 */
#pragma once

#include "daemon/keeper.h"
#include "sensor/sensor.h"
#include "wire/ledger.h"

#include <stdatomic.h>
#include <sys/types.h>

enum world_command {
	WORLD_NONE,
	WORLD_FLUSH, /* the verdict cache */
	WORLD_ANSWER_HELD, /* allow all that is held */
	WORLD_DENY_HELD,
	WORLD_SPIN, /* for ever */
	WORLD_SLEEP, /* for ever, outside of the loop */
	WORLD_STOP_TAKING, /* the loop goes on turning, the group is not read any more */
	WORLD_WANT, /* argument: enum ledger_wanted */
	WORLD_LIE, /* fill the ledger with what cannot be */
	WORLD_NAP, /* outside of the loop, sets nap to 2, until nap is 0 */
	WORLD_OPEN, /* a thread of the engine opens the file "a"; see opened */
	WORLD_STEP, /* outside of the loop, uses the processor and counts steps, until nap is 0 */
	WORLD_TAKE, /* argument: read that many questions and enter none of them in the ledger */
	WORLD_TAKE_SLOWLY, /* argument: from now on read, and allow, one question in so many ms; the loop seems to turn
			    */
};

/* What the test and the engine share. */
struct world_shared {
	/* the engine's rules, by the test */
	_Atomic uint32_t deny;
	_Atomic uint32_t cache;
	_Atomic uint32_t hold; /* do not answer */
	_Atomic uint32_t nap;
	_Atomic uint32_t delay_ms; /* answer after this time, give or take 4 ms */
	_Atomic uint32_t twice; /* answer twice */
	_Atomic uint32_t content; /* look at the file: deny when it begins with B */
	_Atomic uint32_t restart; /* the daemon starts another engine when one ends */
	_Atomic uint32_t start; /* the daemon sets it to 0 and starts one */
	_Atomic uint32_t daemon_opens; /* the daemon opens the file "a", and sets it to 0 */
	_Atomic uint32_t command; /* the engine sets it to WORLD_NONE when done */
	_Atomic uint32_t argument;
	/* what came of it */
	_Atomic int32_t engine; /* pid; 0: none */
	_Atomic uint32_t ready; /* this engine serves */
	_Atomic uint32_t generation;
	_Atomic uint32_t stuck; /* calls of engine_is_stuck */
	_Atomic int32_t wait_status; /* of the last engine that ended */
	_Atomic uint64_t asked_open;
	_Atomic uint64_t asked_exec;
	_Atomic uint64_t cacheable;
	_Atomic uint64_t notified;
	_Atomic uint64_t lost;
	_Atomic uint64_t held;
	_Atomic int32_t opened; /* by engine or daemon: 0 or -errno; 1: under way */
	_Atomic uint32_t taking; /* from the moment that the engine begins with WORLD_TAKE until it has them all */
	_Atomic uint64_t looks; /* times the daemon wrote its counters below */
	_Atomic uint64_t engine_looks; /* times the engine did */
	struct sensor_counters counters;
	struct keeper_counters keeper;
	struct ipc_gap gap;
	char stuck_why[IPC_TEXT_SIZE];
	_Alignas(8) char event[32768]; /* the last one that came */
};

struct world_opts {
	const char *fs; /* "tmpfs" or "ext4" */
	const char *scope; /* within the file system; NULL: all of it */
	uint32_t cache_entries;
	uint32_t loss; /* enum settings_loss_policy, exec and open */
	uint32_t loss_exec; /* for exec, when loss is allow */
	uint32_t deadline_ms; /* of both kinds; 0: exec 1,000, open 250 */
	uint32_t platform_uid; /* 0: none; processes of this user are the platform's */
	uint32_t engine_uid; /* 0: stays root; else that user with CAP_LEASE alone */
	uint32_t engine_fds; /* limit of descriptors; 0: as the keeper sets it */
	int engine_nice;
	bool no_engine; /* none is started until world_start_engine() */
	void (*before_sensor)(void); /* called in each engine before its sensor is opened */
	void (*in_engine)(int group_fd); /* called in each engine before it serves */
};

struct world {
	char dir[64];
	struct world_shared *shared;
	pid_t daemon;
	struct world_opts opts;
	struct settings settings;
};

/* Own mount namespace for this process; once. 77 (skip) is the exit status when that is not allowed. */
void world_enter_namespace(void);

/* Fails the test when it cannot be made. */
void world_open(struct world *world, const struct world_opts *opts);
void world_close(struct world *world);
/* The daemon and an engine for a world that was opened bare. */
void world_serve(struct world *world, const struct world_opts *opts);
/* Only the file system, no daemon: for facts about the kernel. Removes what tests that were aborted left behind. */
void world_open_bare(struct world *world, const char *fs);

void world_start_engine(struct world *world);
void world_command(struct world *world, enum world_command command, uint32_t argument);
/* Posts it and does not wait. */
void world_command_post(struct world *world, enum world_command command, uint32_t argument);

/* To the engine that runs now; to nobody when none does. */
void world_signal_engine(struct world *world, int number);

/* Polls until condition holds; the test's alarm ends it else. */
#define world_wait(condition) \
	do { \
		while (!(condition)) \
			world_pause(); \
	} while (0)
void world_pause(void);

/* Counters as they are at some moment after this call. */
void world_look(struct world *world);

/* Path within the world's file system, in one of a few static buffers. */
const char *world_path(const struct world *world, const char *name);
/* Makes a file that the cache finds old enough. */
void world_file(const struct world *world, const char *name, const char *content, mode_t mode);
/* Copies a small static program there. */
void world_program(const struct world *world, const char *name, mode_t mode);

/* The daemon's life, and an engine's (world_processes.c). Never return. */
_Noreturn void world_daemon(struct world *world);
_Noreturn void world_engine(struct world *world, const int fds[KEEPER_N_DESCRIPTORS], int ready_fd);

/* 0 or -errno; closes it. Its wait is measured, as an opener's is (waits.h). */
int world_open_file(const struct world *world, const char *name, int flags);
/* Exit status of a program run by a child, or -errno of execve(2). */
int world_run(const struct world *world, const char *name);

/* A child that opens and closes; its exit status is 0 or errno. */
pid_t world_opener(const struct world *world, const char *name, int flags);
/* Waits for it; returns its status. */
int world_join(pid_t pid);
bool world_is_running(pid_t pid);

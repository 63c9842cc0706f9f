/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keeper: holds the fanotify groups for ever, serves them while no engine does, and tells when an engine is stuck.
 *
 *     keeper_new ─▶ groups, ledger, marks (scope.h); serves
 *         ─▶ engine_started ─▶ engine_ready: stops serving, watches the ledger
 *         ─▶ (engine_is_stuck ─▶ the daemon kills) ─▶ engine_died: answers what is pending, serves ─▶ engine_started …
 *
 * The bound it keeps: no operation waits longer than its deadline plus 200 ms, whatever the engine does.
 *
 * Must not: open a file by name on a marked file system (the question would come to the thread that opens); trust
 * the ledger; kill (the daemon does). What it asks of the daemon:
 * - start children by fork(2), never vfork(2) or posix_spawn(3): the child's exec asks this very thread;
 * - from keeper_new() on, open nothing by name but in /proc while no engine is ready;
 * - call back into the loop at once when the engine ended: its openers wait for keeper_engine_died().
 */
#pragma once

#include "base/loop.h"
#include "wire/ipc.h"
#include "wire/settings.h"

#include <sys/types.h>

#define KEEPER_N_DESCRIPTORS 4

struct keeper;

struct keeper_callbacks {
	void *data;
	/* Kill the engine (SIGKILL) and reap it. why lives as long as the call. Repeated until it is gone. */
	void (*engine_is_stuck)(void *data, const char *why);
};

struct keeper_counters {
	uint64_t overdue; /* questions of a late engine that were answered in its place */
	uint64_t drained; /* questions taken from the queue because a live engine did not */
	uint64_t unguarded_allowed; /* while no engine was ready, or in the place of one, all generations */
	uint64_t unguarded_denied;
	uint64_t rescued; /* leases released in the place of an engine that did not run */
	uint64_t starved; /* looks at which the engine wanted to run and got no processor */
	uint64_t idle; /* looks at an engine that had nothing to do, which are rare */
	uint64_t lies; /* values in the ledger that cannot be */
	uint64_t errors; /* things the kernel said that made no sense */
	uint64_t restarts; /* engines that ended */
	uint64_t file_systems; /* marked */
};

/*
 * Makes groups and ledger, marks the scopes of the settings (none when settings->sensor_fanotify is 0) and begins to
 * serve. loop, settings and callbacks->data are borrowed for the keeper's life. -errno with a log line.
 */
int keeper_new(struct loop *loop, const struct settings *settings, const struct keeper_callbacks *callbacks,
	       struct keeper **ret);
/* Closes the groups: the kernel allows whatever is pending once the engine has closed them too. */
struct keeper *keeper_free(struct keeper *keeper);

/* What an IPC_GROUP message carries, in this order: permission group, ledger, notify group, doorbell. Borrowed. */
void keeper_descriptors(const struct keeper *keeper, int ret_fds[KEEPER_N_DESCRIPTORS]);

/* A new engine runs under this pid (a child of the caller). It is not yet watched, the keeper goes on serving. */
void keeper_engine_started(struct keeper *keeper, pid_t pid);
/*
 * The engine said IPC_READY: from now on it reads the group. *ret_gap is what to tell it by IPC_GAP (head filled):
 * what happened since the last engine ended, or since keeper_new().
 */
void keeper_engine_ready(struct keeper *keeper, struct ipc_gap *ret_gap);
/* The engine was reaped, ready or not. Answers all that it left, forgets the verdict cache, serves. */
void keeper_engine_died(struct keeper *keeper, int wait_status);

void keeper_get_counters(const struct keeper *keeper, struct keeper_counters *ret);

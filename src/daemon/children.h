/* SPDX-License-Identifier: Apache-2.0 */
/*
 * children: the long-lived processes of the topology: started, watched, linked with each other, started again.
 *
 *     start ─▶ link + settings ─▶ IPC_PEER to both ends of each pair ─▶ IPC_READY ─▶ …
 *     ended (pidfd) ─▶ wait ─▶ start, with all its links anew
 *
 * Owns the processes and the parent's ends of their links. Must not know what the messages mean.
 */
#pragma once

#include "base/clock.h"
#include "base/json.h"
#include "base/loop.h"
#include "wire/ipc.h"
#include "wire/settings.h"

#include <stdbool.h>
#include <sys/types.h>

#include "ipc/topology.h"

struct children;

struct children_callbacks {
	void *data;
	void (*started)(void *data, enum process_role role, pid_t pid);
	void (*ready)(void *data, enum process_role role);
	/* It was reaped. When it was not told to stop it will be started again. */
	void (*ended)(void *data, enum process_role role, int wait_status);
	/* fds are owned by the callee. */
	void (*message)(void *data, enum process_role role, const struct ipc_head *message, int *fds, size_t n_fds);
};

/* Everything is borrowed for its life. libexec_dir: where the programs are. */
int children_new(struct loop *loop, const char *libexec_dir, const struct children_callbacks *callbacks,
		 struct children **ret);
/* Kills what still runs, and reaps it. */
struct children *children_free(struct children *children);

/* Sealed memfd that processes started from now on get. Borrowed until the next call. */
void children_set_settings(struct children *children, int memfd);

/* Starts a role, and from then on keeps it running. */
void children_start(struct children *children, enum process_role role);
/* Asks it to end in order and to stay down; kills it when it did not within the time. */
void children_stop(struct children *children, enum process_role role, uint64_t timeout_ns);
/* Asks it to end in order; it is started again at once, with the settings of that moment. */
void children_restart(struct children *children, enum process_role role, uint64_t timeout_ns);
/* SIGKILL; it is started again. */
void children_kill(struct children *children, enum process_role role, const char *why);

bool children_is_ready(const struct children *children, enum process_role role);
bool children_is_down(const struct children *children, enum process_role role);

int children_send(struct children *children, enum process_role role, const void *message, const int *fds, size_t n_fds);
int children_reply(struct children *children, enum process_role role, uint64_t number, int error, const char *json,
		   size_t size);

/* Array elements {"name","pid","uid","state","restarts","since_s","why"}. */
void children_to_json(const struct children *children, const struct settings *settings, struct json *json);

/* From start to IPC_READY: so long for all; after it, as long as it gets on, until it has used that much of a
 * processor. A machine that is busy makes a start slow, and starting it again makes nothing faster. */
#define CHILDREN_START_NS (30 * NS_PER_SEC)
#define CHILDREN_START_LOOK_NS (5 * NS_PER_SEC)

/* Whether a process that is not ready in time gets on: processor time at the last look (0: none yet) and now, and its
 * state, as in proc_pid_stat(5). */
bool children_gets_on(uint64_t before_run_ns, uint64_t run_ns, char state);

/* How long to wait before the next start after so many failures in a row. */
uint64_t children_backoff_ns(const struct topology_process *row, unsigned failures);

/* "exited with 3", "ended by signal 9 (Killed)" … Returns text. */
const char *children_describe_status(int wait_status, char *text, size_t size);

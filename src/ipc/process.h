/* SPDX-License-Identifier: Apache-2.0 */
/*
 * process: how every process of Ringside begins, in the same order:
 *
 *     process_enter()  configuration (struct settings, read-only) → descriptors (the link to the parent)
 *     …                whatever needs privilege (engine: BPF programs; cage, control: their sockets)
 *     process_drop()   own uid and gid, no capabilities but the table's, no new privileges, dies with the parent
 *                      → seccomp: the table of system calls of this role
 *     process_run()    READY to the parent → loop
 *
 * A process is started by the parent with descriptor 3 = link to the parent, 4 = settings memfd.
 */
#pragma once

#include "base/loop.h"
#include "ipc/topology.h"
#include "wire/ipc.h"
#include "wire/settings.h"

#define PROCESS_FD_PARENT 3
#define PROCESS_FD_SETTINGS 4

struct process;

/* A datagram from a link. fds are owned by the callee. Return <0 ends the process's loop with that error. */
typedef int process_message_fn(void *data, enum process_role from, const struct ipc_head *message, int *fds,
			       size_t n_fds);

struct process_handlers {
	void *data;
	process_message_fn *message; /* IPC_PEER is handled by process.c itself; IPC_STOP also comes here */
	void (*peer)(void *data, enum process_role role, bool up); /* a link came or went; may be NULL */
	bool ready_later; /* READY is not sent by process_run() but when process_ready() is called */
};

/* handlers are borrowed for the life of the process. -errno with a log line. */
int process_enter(enum process_role role, const struct process_handlers *handlers, struct process **ret);
struct process *process_free(struct process *process);

const struct settings *process_settings(const struct process *process);
/* Takes the settings of an IPC_SETTINGS message in the place of the old ones. Consumes fd. -EINVAL, and nothing
 * changes, when they are not what the parent seals. Pointers into the old settings end here. */
int process_renew_settings(struct process *process, int fd);
/* Drops the link to a peer without calling peer(); the next IPC_PEER brings a new one. */
void process_disconnect(struct process *process, enum process_role role);
struct loop *process_loop(const struct process *process);

/*
 * The link to the parent is in the loop from process_enter() on: a role that needs a message before its drop (the
 * engine: IPC_GROUP) turns the loop (loop_turn()) until its handler had it.
 */
int process_drop(struct process *process);
/* Returns 0 after loop_exit(), else the error that ended it; -EPIPE: the parent is gone. */
int process_run(struct process *process);
/* Tells the parent that this process does its work from now on. Only the first call sends. */
int process_ready(struct process *process);

/* Sends to the parent or a peer; fds are borrowed. -ENOTCONN when there is no such link now. */
int process_send(struct process *process, enum process_role to, const void *message, const int *fds, size_t n_fds);

/* Answers a request with JSON text of any length, cut into datagrams. */
int process_reply(struct process *process, enum process_role to, uint64_t number, int error, const char *json,
		  size_t size);

/* The uid that a role runs under. */
uint32_t process_uid(const struct settings *settings, enum process_role role);

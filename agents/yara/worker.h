/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worker: a process that inspects files, one after the other, until its socket is closed.
 *
 *     struct worker_job + descriptor ─▶ inspect ─▶ struct worker_result
 *
 * A process and not a thread, for measured reasons: libyara overruns its time on hard regular expressions, a read may
 * never return, and parsers of hostile files crash. A process can be ended, or left behind; its rules are those of its
 * parent, whose pages it shares. It has no descriptor but its socket and never calls the SDK.
 */
#pragma once

#include "yara/inspect.h"

#include <sys/types.h>

#define WORKER_PATH_SIZE 4097u

struct worker_job {
	uint64_t number;
	uint64_t stop_ns;
	char path[WORKER_PATH_SIZE + 7];
};

struct worker_result {
	uint64_t number;
	struct inspect_result result;
};

/* What a worker does: inspect; tests put something else in its place. Does not return. */
typedef void (*worker_function)(int socket, const struct ruleset *set, const struct inspect_limits *limits);

void worker_inspect(int socket, const struct ruleset *set, const struct inspect_limits *limits)
	__attribute__((noreturn));

/* Starts one. *ret_socket: SOCK_SEQPACKET, not blocking, the caller's. The process, or -errno. */
pid_t worker_start(worker_function function, const struct ruleset *set, const struct inspect_limits *limits,
		   int *ret_socket);

/* 0, -EAGAIN or -errno. fd is borrowed; -1 sends none. */
int worker_send(int socket, const struct worker_job *job, int fd);
/* 1: *ret is a job and *ret_fd the receiver's (-1: none came), 0: the other end is closed, -errno. */
int worker_receive_job(int socket, struct worker_job *ret, int *ret_fd);

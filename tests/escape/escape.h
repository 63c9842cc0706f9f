/* SPDX-License-Identifier: Apache-2.0 */
/*
 * escape: attempts to get out of a jail, as its user 0 and with the descriptors of an agent. One row each.
 *
 *     escape agent KEY=VALUE…      as an agent: waits for a question, takes its descriptor, tries everything
 *     escape outside KEY=VALUE…    as root and in no jail: what of it succeeds there
 *     escape listen KEY=VALUE…     those whom it must not reach
 *     escape --table               the rows, for docs/ESCAPES.md
 *
 * An attempt does no harm where it succeeds: it signals with 0, opens without writing, works in a folder of its own.
 */
#pragma once

#include <stddef.h>
#include <sys/types.h>

/* What there is outside, made by whoever starts this; the same names in and out of a jail. */
struct world {
	pid_t victim; /* a process of root's */
	pid_t other; /* of another agent */
	const char *secret; /* a file of root's */
	const char *other_log; /* of another agent */
	const char *control; /* the admin socket */
	const char *abstract; /* name of an abstract socket that somebody listens at */
	const char *granted; /* a folder that the operator granted: a file, a socket, a program, a device in it */
	const char *folder; /* its own, to write in */
	const char *shm; /* name of a POSIX shared memory of somebody */
	int shm_key; /* of a SysV one */
	int port; /* somebody listens there, on 127.0.0.1 */
	int passed_fd; /* of a file, as it came with a question; a program */
	int ring_fd; /* memory that the engine writes; outside: memory without a seal */
	int lifeline_fd;
	const char *self; /* this program */
};

struct attempt {
	const char *name;
	const char *what; /* "reads …" */
	int (*run)(const struct world *world); /* 0: it succeeded; else -errno. In a process of its own. */
	const char *held; /* the outcomes that mean that it was held, with a space between */
	const char *outside; /* NULL: it succeeds there; else why it does not */
};

struct attempts {
	const struct attempt *rows;
	size_t n;
};

extern const struct attempts attempts_see, attempts_processes, attempts_descriptors, attempts_network, attempts_files,
	attempts_kernel, attempts_exhaust;

#define ATTEMPTS(name, array) const struct attempts name = {array, sizeof(array) / sizeof(array[0])}

/* 0 for what a call returned when it went well, else -errno. */
int outcome(long result);
/* The same for a call that returns a descriptor, which is closed. */
int outcome_fd(long fd);
/* "FOLDER/NAME" in a static buffer. */
const char *below(const char *folder, const char *name);
int try_open(const char *path, int flags);

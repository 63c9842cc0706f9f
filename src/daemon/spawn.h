/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spawn: fork and execute one of our own programs with exactly the descriptors it is to have.
 *
 *     parent ─▶ fork ─▶ descriptors 0…2 (nothing, log, log), 3 … ─▶ execve with an empty environment
 *
 * fork(2), not vfork(2): on a marked file system the execve asks a question that the parent itself answers.
 */
#pragma once

#include "ipc/topology.h"

#include <stddef.h>
#include <sys/types.h>

#define SPAWN_FDS_MAX 4
#define SPAWN_PATHS_MAX 2

struct spawn {
	const struct topology_process *row;
	const char *libexec_dir;
	const int *fds; /* become 3, 4 … */
	size_t n_fds;
	/* Opened read-only by the new process, become the numbers after fds. The first must exist. */
	const char *open_paths[SPAWN_PATHS_MAX];
	size_t n_open_paths;
	const char *argv[4]; /* after the name of the program; NULL ends it */
	int null_fd; /* of /dev/null, its standard input */
};

#define SPAWN_EXIT_NO_PROGRAM 127 /* the program could not be executed */
#define SPAWN_EXIT_NO_FILE 126 /* the first of open_paths could not be opened */

/* Everything is borrowed. The pid, or -errno with a log line. */
pid_t spawn(const struct spawn *spawn);

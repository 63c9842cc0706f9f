/* SPDX-License-Identifier: Apache-2.0 */
/*
 * files: how the process that parses gets the bytes of a manifest, though it may open nothing.
 *
 *     parser (no privilege, no open) ── path ─▶ opener: uid of whoever started it, no capability, parses nothing
 *                                    ◀─ outcome, descriptor ─ opens read-only what files_judge() finds good
 *
 * Two processes, because the paths stand in a file that must be parsed first, and whoever parses gives up all it has
 * before. The opener is a fork of ringside-config and not the parent's work: the parent opens nothing by name, for
 * on a marked file system it would wait for itself. A parser that was taken over gets from it the bytes of files that
 * a manifest could be, and no others.
 */
#pragma once

#include "wire/settings.h"

#include <sys/stat.h>
#include <sys/types.h>

/* What is wrong with a file; a manifest is a regular file of root's (or asker's) that nobody else may change. */
enum files_outcome {
	FILES_GOOD = 0,
	FILES_ABSENT, /* error says why */
	FILES_NAME, /* does not end in ".yaml" */
	FILES_LINK,
	FILES_FOLDER,
	FILES_SPECIAL, /* a FIFO, a device, a socket */
	FILES_OWNER,
	FILES_WRITABLE,
	FILES_SIZE,
	FILES_N_OUTCOMES,
};

/* One request is a path, NUL-terminated; one answer is this, with a descriptor when it is good. */
struct files_answer {
	uint32_t outcome;
	int32_t error;
	uint64_t size_bytes;
	uint32_t owner;
	uint32_t mode;
};

/* Pure. */
enum files_outcome files_judge(const char *path, const struct stat *stat, uid_t asker);

/*
 * Starts the opener; the caller still has its privilege. *ret_socket is the way to it. Returns its pid, or -errno with
 * a log line.
 */
pid_t files_start(int *ret_socket);
/* Its end: closes the socket (consumed) and waits for it. */
void files_end(pid_t pid, int socket);

/* Asks for a file: a descriptor, or -1 and a sentence that says why not (static until the next call). */
int files_open(int socket, const char *path, const char **ret_why);

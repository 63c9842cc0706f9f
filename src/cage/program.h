/* SPDX-License-Identifier: Apache-2.0 */
/*
 * program: a program → every file that must be there for it to start: itself, its interpreter when it is a script,
 * the loader, the libraries of all of these.
 *
 * Looks for a library where the loader will: the run path of who needs it, then the loader's own folders. Runs nothing.
 * What a program opens by itself later (plugins, data) is not found; its operator grants that with `reads`.
 *
 * The loader learns where a program lies ($ORIGIN in a run path) from /proc, which a jail lacks: so the folders that
 * were found by run paths are handed to it as LD_LIBRARY_PATH.
 */
#pragma once

#include <stddef.h>

#define PROGRAM_PATH_SIZE 1024u
#define PROGRAM_FILES_MAX 96u

struct program_file {
	char path[PROGRAM_PATH_SIZE]; /* absolute, without "." and ".." */
};

struct program {
	size_t n_files;
	struct program_file files[PROGRAM_FILES_MAX];
	char folders[4 * PROGRAM_PATH_SIZE]; /* of libraries elsewhere than in the loader's own; ':' between them */
	char wrong[PROGRAM_PATH_SIZE + 256]; /* after an error: which file, what was expected, what was found */
};

/* Reads as whoever calls it. 0, or -errno with ret->wrong. */
int program_look_up(const char *path, struct program *ret);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * compile: rule files into a ruleset.
 *
 *     directory ─▶ each file alone: without names of files known, else with them ─▶ good: all good ones together
 *                                                                          └─▶ broken: named, left out
 *
 * Each file is a namespace of its own, named by its path, so that two vendors' files may use a rule name twice. That it
 * compiles without the names (filename, filepath, extension) shows that its verdict depends on bytes alone. Broken,
 * huge and slow rules are bounded here: sizes and counts; time by whoever runs this in a process of its own.
 */
#pragma once

#include "yara/ruleset.h"

#define COMPILE_RULES_MAX 100000u
#define COMPILE_STRINGS_MAX 1000000u
#define COMPILE_BYTES_MAX (64u << 20) /* of all files together, included ones too */
#define COMPILE_WARNINGS_TOLD 20u
#define COMPILE_PROBLEM_SIZE 512u

struct compile_opts {
	bool strict; /* a broken file refuses everything */
	/* A file that is broken refuses everything unless it is one of these; NULL: any may be. For a reload: what was
	 * good must not silently be gone. */
	const struct ruleset_head *tolerated;
	void (*report)(void *data, const char *line); /* "FILE:LINE: what is wrong" */
	void (*progress)(void *data, const char *path); /* before each file; may be NULL */
	void *data;
};

/* 0, or -EINVAL: refused, problem (COMPILE_PROBLEM_SIZE bytes) says why; or -errno of what could not be read. */
int compile_directory(int directory_fd, const struct compile_opts *opts, struct ruleset **ret, char *problem);

/* The same for one file that yarac(1) made. Such a file is code, so nobody but its owner may be able to write it. */
int compile_load(int fd, const struct compile_opts *opts, struct ruleset **ret, char *problem);

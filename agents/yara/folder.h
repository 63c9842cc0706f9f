/* SPDX-License-Identifier: Apache-2.0 */
/* folder: a directory of rule files for a test. */
#pragma once

#include "yara/compile.h"

struct folder {
	char path[64];
	int fd;
	char told[65536]; /* what was reported, a line each */
	char problem[COMPILE_PROBLEM_SIZE];
};

void folder_init(struct folder *folder);
void folder_deinit(struct folder *folder);
/* Replaces a file; folders above it are made. */
void folder_write(struct folder *folder, const char *name, const char *text);
/* Compiles what is in it; NULL: refused, see problem. */
struct ruleset *folder_compile(struct folder *folder, bool strict, const struct ruleset_head *tolerated);
/* One file of these rules. */
struct ruleset *folder_rules(const char *text);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lists: what is a shell, a server, a credential, who may read which, and what is done when a rule matches.
 *
 *     lists_init() (the built-in ones) ─▶ lists_parse() (the operator's, line by line) ─▶ lists_has() …
 *
 *     servers += lighttpd            # adds
 *     shells = sh bash               # replaces
 *     kill = memfd_exec              # rules that ask for an action
 *
 * A pattern is as in glob(7): one with a "/" is compared with the whole path, one without with the last part of it.
 * Pure but for lists_read().
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LISTS_PATTERNS_MAX 512u
#define LISTS_PATTERN_SIZE 96u
#define LISTS_FILE_MAX (64u << 10)

#define LISTS_CREDENTIALS 4u /* kinds: the lists LIST_FILES_* and LIST_READERS_* in the same order */

enum list {
	LIST_SHELLS,
	LIST_SERVERS,
	LIST_BORDERS, /* what may start shells for people: the look for a server ends there */
	LIST_TRUSTED, /* folders whose programs may be allowed by their name */
	LIST_MEMFD, /* programs that may execute a memfd */
	LIST_TRACERS,
	LIST_INSTALLERS, /* write and execute what they fetched */
	LIST_WRITERS, /* overwrite and rename many files */
	LIST_SUFFIXES, /* extensions that many files may get */
	LIST_FOLDERS, /* anybody may write there */
	LIST_USERS, /* service users: numbers, or ranges */
	LIST_FILES_SHADOW,
	LIST_FILES_SSH,
	LIST_FILES_CLOUD,
	LIST_FILES_BROWSER,
	LIST_READERS_SHADOW,
	LIST_READERS_SSH,
	LIST_READERS_CLOUD,
	LIST_READERS_BROWSER,
	LIST_OFF, /* names of rules */
	LIST_KILL,
	LIST_DENY,
	LISTS_N,
};

struct list_pattern {
	uint8_t list;
	bool path; /* compare with the whole path */
	bool plain; /* nothing in it but itself */
	char text[LISTS_PATTERN_SIZE];
};

struct lists {
	struct list_pattern patterns[LISTS_PATTERNS_MAX]; /* those of a list in a row */
	uint32_t begin[LISTS_N + 1];
};

void lists_init(struct lists *lists);

/* One text in the form above. 0, or the number of the line that is wrong, with a sentence in problem; the lists are
 * then as far as they came. */
uint32_t lists_parse(struct lists *lists, const char *text, size_t size, char *problem, size_t problem_size);

/* Reads and parses a file; what is wrong is said on standard error. -errno. */
int lists_read(struct lists *lists, const char *path);

bool lists_has(const struct lists *lists, enum list list, const char *path);
/* The same, and a pattern that is only a name must be met below a trusted folder. */
bool lists_allows(const struct lists *lists, enum list list, const char *path);
bool lists_has_user(const struct lists *lists, enum list list, uint32_t uid);
const char *lists_name(enum list list);

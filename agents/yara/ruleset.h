/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ruleset: compiled rules and what was learnt about them; how they go from the process that compiled them to the one
 * that uses them.
 *
 *     compile ─▶ ruleset_save() ─▶ memfd ─▶ ruleset_load() ─▶ workers inherit it by fork, and share its pages
 *
 * Nothing in it changes after it was loaded.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <yara.h>

#define RULESET_FILES_MAX 4096u /* each is a namespace */
#define RULESET_BROKEN_MAX 64u
#define RULESET_VERSION_SIZE 64u

enum ruleset_file_flags {
	RULESET_NAMES = 1 << 0, /* a rule of this file looks at filename, filepath or extension */
	/* … but a global rule that does not comes before all that do: while it does not hold, no name matters */
	RULESET_GUARDED = 1 << 1,
	RULESET_UNGUARDED = 1 << 2, /* … and another one does look at a name, so the guard is none */
};

/* Bytes that cross between two processes of this program. */
struct ruleset_head {
	uint64_t magic;
	uint64_t size_bytes; /* of all that was saved; libyara takes rules whose end is missing */
	uint32_t n_rules;
	uint32_t n_strings;
	uint32_t n_files;
	uint32_t n_broken; /* left out */
	uint32_t n_warnings;
	uint32_t uses_names; /* some file has RULESET_NAMES */
	char version[RULESET_VERSION_SIZE];
	char broken[RULESET_BROKEN_MAX][256]; /* names of those left out */
	uint8_t file_flags[RULESET_FILES_MAX]; /* by number of namespace: enum ruleset_file_flags */
};

struct ruleset {
	struct ruleset_head head;
	YR_RULES *rules;
};

struct ruleset *ruleset_free(struct ruleset *set);

/* Writes it to a new file from its beginning. -errno. */
int ruleset_save(const struct ruleset *set, int fd);
/* -errno; -EPROTO when it is not one. */
int ruleset_load(int fd, struct ruleset **ret);

/* What a libyara error means. Lives for ever. */
const char *ruleset_error_text(int error);

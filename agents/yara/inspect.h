/* SPDX-License-Identifier: Apache-2.0 */
/*
 * inspect: one open file against one ruleset.
 *
 *     fstat ─▶ special? ─▶ pread into memory, looking at the clock ─▶ libyara, until a time ─▶ unchanged? ─▶ result
 *
 * Reads with pread(2) only: never by path, never the shared file offset, never a mapping, which a file that shrinks
 * would turn into SIGBUS. It may block where the file system does, and libyara may overrun its time many times over
 * (one hard regular expression: 0.5 s for a limit of 0.1 s), or crash; so it runs in processes that can be left behind
 * (pool).
 */
#pragma once

#include "yara/ruleset.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#define INSPECT_N_NAMES 3u
extern const char *const inspect_names[INSPECT_N_NAMES]; /* filename, filepath, extension */

#define INSPECT_SLICE_SIZE (1u << 20)
#define INSPECT_RETRIES_MAX 2u
#define INSPECT_RULE_SIZE 64u
#define INSPECT_REASON_SIZE 256u

/* One row each: name, who decides, in words. See policy.c for what follows from it. */
enum inspect_outcome {
	INSPECT_CLEAN,
	INSPECT_MATCH,
	INSPECT_SPECIAL, /* not a regular file, or one of a kernel's file system; not touched */
	INSPECT_REMOTE, /* of a network or FUSE file system, and not to be touched */
	INSPECT_TOO_LARGE, /* too large, and nothing was found in what was looked at, if anything */
	INSPECT_NO_TIME,
	INSPECT_TOO_MANY, /* more questions than can be kept */
	INSPECT_STUCK, /* its device has kept a process for ever, a moment ago */
	INSPECT_CHANGING, /* it changed each time it was read */
	INSPECT_NO_DESCRIPTOR,
	INSPECT_READ_ERROR,
	INSPECT_FAILED, /* libyara gave up */
	INSPECT_CRASHED, /* the process that looked at it died */
	INSPECT_N_OUTCOMES,
};

enum inspect_over_size { INSPECT_OVER_ENDS, INSPECT_OVER_SKIP };
enum inspect_remote { INSPECT_REMOTE_SCAN, INSPECT_REMOTE_SKIP };

struct inspect_limits {
	uint64_t size_max_bytes;
	uint64_t ends_bytes; /* of a larger file: this much of its beginning and of its end */
	enum inspect_over_size over_size;
	enum inspect_remote remote;
};

struct inspect_job {
	const char *path; /* for rules that look at names; never opened */
	int fd; /* borrowed */
	uint64_t stop_ns; /* CLOCK_MONOTONIC */
};

struct inspect_result {
	uint32_t outcome; /* enum inspect_outcome */
	uint32_t by_bytes; /* only the bytes of the file decided, and all of them */
	uint64_t bytes; /* looked at */
	char rule[INSPECT_RULE_SIZE];
	char reason[INSPECT_REASON_SIZE];
};

struct inspect;

/* set is borrowed and must outlive it. -ENOMEM. */
int inspect_new(const struct ruleset *set, const struct inspect_limits *limits, struct inspect **ret);
struct inspect *inspect_free(struct inspect *inspect);

void inspect_file(struct inspect *inspect, const struct inspect_job *job, struct inspect_result *ret);

/* Bytes that are in memory already; the file's size is theirs. */
void inspect_bytes(struct inspect *inspect, const void *bytes, size_t size, const char *path, uint64_t stop_ns,
		   struct inspect_result *ret);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * load: rules that follow their directory or file.
 *
 *     something is another one, or asked ─▶ unchanged for a while ─▶ a process compiles ─▶ memfd ─▶ ready: the caller
 * swaps
 *
 * The old rules answer until the new ones are whole. Compiling happens in a process of its own, with bounds on its
 * time: rules that make the compiler slow, large or crash cost nobody a question. New rules that are broken are told,
 * once, and the old ones stay.
 */
#pragma once

#include "yara/compile.h"

#include <sys/types.h>

#define LOAD_LOOK_NS UINT64_C(1000000000)

struct load_opts {
	const char *directory; /* or NULL */
	const char *compiled; /* or NULL */
	bool strict;
	uint64_t compile_ms; /* how long it may take */
};

enum load_result {
	LOAD_IDLE = 0,
	LOAD_BUSY = 1,
	LOAD_READY = 2, /* *ret is a new ruleset, the caller's */
	LOAD_REFUSED = 3, /* told; the old one stays */
};

struct load;

/* opts is copied, its strings are borrowed. -ENOMEM. */
int load_new(const struct load_opts *opts, struct load **ret);
struct load *load_free(struct load *load);

/* The first rules, in one go. 0 or -errno, told. */
int load_first(struct load *load, struct ruleset **ret);

/* Loads again even when everything looks the same. */
void load_ask(struct load *load);

/* in_force: what is used now; a file of it that was good and is broken refuses all. */
enum load_result load_step(struct load *load, uint64_t now, const struct ruleset *in_force, struct ruleset **ret);

/* A descriptor to poll while it is busy, or -1. */
int load_fd(const struct load *load);

uint64_t load_refused(const struct load *load);

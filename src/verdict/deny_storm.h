/* SPDX-License-Identifier: Apache-2.0 */
/*
 * deny_storm: whether an agent denies so much that its content is more likely wrong than the machine full of
 * malware. Pure; times come as arguments.
 *
 * Counted are pairs (who wanted it, what was denied), each once a minute: a program that tries the same forbidden
 * thing a thousand times is one pair, so nobody can bench a product by knocking often; a product that denies a
 * common library meets another pair with each program that needs it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define DENY_STORM_KEPT 1024u
#define DENY_STORM_WINDOW_NS (UINT64_C(60) * 1000000000)
#define DENY_STORM_RAN_BEFORE_MAX 8u /* executables that ran here before, denied within the window */

enum deny_storm_result {
	DENY_STORM_CALM = 0,
	DENY_STORM_TOO_MANY = 1, /* beyond the limit per minute */
	DENY_STORM_KNOWN_PROGRAMS = 2, /* many distinct executables that ran before */
};

struct deny_storm_entry {
	uint64_t at_ns;
	uint64_t pair;
	uint64_t target;
	bool ran_before;
};

struct deny_storm {
	struct deny_storm_entry entries[DENY_STORM_KEPT]; /* in the order of their times, a ring */
	uint32_t first;
	uint32_t n;
};

/*
 * One deny: `actor` and `target` identify who and what (any hash of their file identities), ran_before: the target
 * is an executable that ran on this machine before. limit_per_min 0: no limit of this kind; more than
 * DENY_STORM_KEPT - 1 counts as that. When it is a storm this very deny is part of it.
 */
enum deny_storm_result deny_storm_add(struct deny_storm *storm, uint32_t limit_per_min, uint64_t actor, uint64_t target,
				      bool ran_before, uint64_t now_ns);
/* Forgets all, after a bench. */
void deny_storm_reset(struct deny_storm *storm);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * deny_storm: whether an agent denies so much that its content is more likely wrong than the machine full of
 * malware. Pure; times come as arguments.
 *
 * Counted are pairs (who wanted it, what was denied), each once a minute: a program that tries the same forbidden
 * thing a thousand times is one pair, so nobody can bench a product by knocking often; a product that denies a
 * common library meets another pair with each program that needs it.
 *
 * Executables that ran here before are remembered for a day, each once. A product that denies one more of them each
 * minute, or always just as many as a minute may have, is no storm in any minute: it got through 11,520 a day. With the
 * limits of the hour and the day, no more than 48.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define DENY_STORM_KEPT 1024u
#define DENY_STORM_WINDOW_NS (UINT64_C(60) * 1000000000)
#define DENY_STORM_RAN_BEFORE_MAX 8u /* executables that ran here before, denied within the window */
#define DENY_STORM_HOUR_NS (60 * DENY_STORM_WINDOW_NS)
#define DENY_STORM_HOUR_MAX 24u /* of these within an hour */
#define DENY_STORM_DAY_NS (24 * DENY_STORM_HOUR_NS)
#define DENY_STORM_DAY_MAX 48u
#define DENY_STORM_PROGRAMS_KEPT 64u

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

/* An executable that ran before, and when it was first denied. */
struct deny_storm_program {
	uint64_t at_ns;
	uint64_t target;
};

struct deny_storm {
	struct deny_storm_entry entries[DENY_STORM_KEPT]; /* in the order of their times, a ring */
	uint32_t first;
	uint32_t n;
	struct deny_storm_program programs[DENY_STORM_PROGRAMS_KEPT]; /* a ring, the newest at (n_programs - 1) */
	uint64_t n_programs; /* ever */
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

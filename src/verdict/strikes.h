/* SPDX-License-Identifier: Apache-2.0 */
/*
 * strikes: how often an agent broke the contract lately, and what follows. Pure; times come as arguments.
 *
 *     strike … strike (so many in a window) ─▶ bench, for a time that doubles ─▶ again within an hour ─▶ roll back
 *
 * "Roll back" is only said here: going back to an agent's last-known-good version is the package manager's work,
 * which this version of the platform does not have yet. It is recorded as wanted.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define STRIKES_KEPT 64u /* more strikes than this are never needed for a bench */
#define STRIKES_CALM_NS (UINT64_C(3600) * 1000000000) /* benched again within this: roll back */
#define STRIKES_BENCH_MAX_NS (UINT64_C(86400) * 1000000000) /* doubling ends here */

struct strikes_limits {
	uint32_t strikes_max; /* this many in the window: bench; 0 counts as 1, more than STRIKES_KEPT as that */
	uint64_t window_ns;
	uint64_t bench_ns; /* the first bench lasts this long */
};

struct strikes {
	uint64_t at_ns[STRIKES_KEPT]; /* a ring: the newest is at (total - 1) % STRIKES_KEPT */
	uint64_t total;
	uint64_t counted_from; /* strikes before this one were paid for by a bench */
	uint64_t bench_began_ns;
	uint64_t bench_ended_ns;
	uint32_t benches; /* in a row, without an hour of calm between */
};

struct strikes_bench {
	uint64_t until_ns;
	bool roll_back; /* benched before, within the hour */
};

/* Counts one. Returns how many count at this moment. */
uint32_t strikes_add(struct strikes *strikes, const struct strikes_limits *limits, uint64_t now_ns);
/* How many count at this moment. */
uint32_t strikes_count(const struct strikes *strikes, const struct strikes_limits *limits, uint64_t now_ns);
/* Whether that many strikes mean a bench. */
bool strikes_are_enough(const struct strikes_limits *limits, uint32_t count);
/* Begins a bench, for strikes or for another reason; strikes so far are paid for. */
struct strikes_bench strikes_begin_bench(struct strikes *strikes, const struct strikes_limits *limits, uint64_t now_ns);

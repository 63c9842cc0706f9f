/* SPDX-License-Identifier: Apache-2.0 */
/*
 * slowness: whether an agent answers in time and yet leaves the machine slow. Pure; times come as arguments.
 *
 *     an answer that took more than a share of its deadline ─▶ its time is added up ─▶ beyond the budget of a minute:
 * slow
 *
 * A missed deadline is a strike and no business of this. Here counts the agent that never misses one: each open takes
 * nine tenths of what it may. Judged by time and not by a median, so that quick answers in between hide nothing; and
 * only by answers that are slow for themselves, so that a scanner that is asked very often is not taken for one that
 * dawdles. A few slow answers are never too many, however long the operator lets them take.
 */
#pragma once

#include <stdint.h>

#define SLOWNESS_BUCKETS 12u
#define SLOWNESS_BUCKET_NS (UINT64_C(5) * 1000000000)
#define SLOWNESS_WINDOW_NS (SLOWNESS_BUCKETS * SLOWNESS_BUCKET_NS) /* a minute, give or take one bucket */
#define SLOWNESS_LEAST 10u /* fewer slow answers than this are none of the machine's troubles */

struct slowness_limits {
	uint32_t share_percent; /* an answer is slow beyond this share of its deadline */
	uint64_t budget_ns; /* what the machine may wait for slow answers in the window; 0: no limit */
};

struct slowness_bucket {
	uint64_t number; /* of its time, from 0; counts only while it is within the window */
	uint64_t waited_ns;
	uint32_t answers;
};

struct slowness {
	struct slowness_bucket buckets[SLOWNESS_BUCKETS];
	uint64_t counted_until_ns; /* waiting before this moment is counted already */
};

struct slowness_sum {
	uint64_t waited_ns;
	uint32_t answers;
};

enum slowness_result {
	SLOWNESS_QUICK = 0,
	SLOWNESS_SLOW = 1, /* counted */
	SLOWNESS_TOO_SLOW = 2, /* counted, and the budget is used up */
};

/*
 * One answer that the machine waited for: when it was asked and answered, and how long it was allowed to take. Answers
 * come in the order of their times; waiting for several at once counts once, and never more than has passed.
 */
enum slowness_result slowness_add(struct slowness *slowness, const struct slowness_limits *limits, uint64_t asked_ns,
				  uint64_t answered_ns, uint64_t allowed_ns);
/* What counts at this moment. */
struct slowness_sum slowness_sum(const struct slowness *slowness, uint64_t now_ns);
/* Forgets all, after a bench. */
void slowness_reset(struct slowness *slowness);

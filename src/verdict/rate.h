/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rate: at most so many in any window of time. Pure; times come as arguments.
 *
 * Exact: what was let through is remembered, so there is no edge of a minute at which twice as many pass. What was not
 * let through does not count: whoever goes on asking is let through again as soon as there is room.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define RATE_KEPT 1024u

struct rate {
	uint64_t at_ns[RATE_KEPT]; /* a ring, in the order of their times */
	uint32_t first;
	uint32_t n;
};

/* Whether one more may pass now; then it is counted. limit: more than RATE_KEPT counts as that; 0: none may. A clock
 * that went back makes nothing older than it was. */
bool rate_take(struct rate *rate, uint32_t limit, uint64_t window_ns, uint64_t now_ns);

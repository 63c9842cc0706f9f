/* SPDX-License-Identifier: Apache-2.0 */
/*
 * event_budget: how many events a second an agent is told. Pure; times come as arguments.
 *
 * Counted in windows of one second, each begun by its first event, and not by a bucket that fills drop by drop: under a
 * flood there is one gap a second to tell of, instead of one before each event that gets through.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define EVENT_BUDGET_WINDOW_NS UINT64_C(1000000000)

struct event_budget {
	uint64_t since_ns;
	uint32_t used;
};

/* One event. limit_per_s 0: no limit. False: it is beyond the budget. A clock that went back begins a window. */
bool event_budget_take(struct event_budget *budget, uint32_t limit_per_s, uint64_t now_ns);

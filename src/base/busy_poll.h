/* SPDX-License-Identifier: Apache-2.0 */
/*
 * busy_poll: whether to look again for a moment before going to sleep.
 *
 * Waking a sleeper costs more than what it is woken for: 20 to 50 µs where its processor went idle, against 5 µs of
 * work for a verdict. So whoever was never left waiting for long looks again for a while, which spares both sides the
 * wake-up; whoever was, sleeps at once. Two things decide: how long waits were lately, so that an idle or a rarely
 * asked process burns nothing; and whether looking paid, for on a busy machine who looks may hold the very processor
 * that who is waited for needs. A look in vain makes the next ones rarer, twice as rare each time.
 *
 * Pure: the clock is the caller's. One object a waiting place.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define BUSY_POLL_NS UINT64_C(100000) /* one look at most lasts so long */
#define BUSY_POLL_WORTH_NS UINT64_C(150000) /* waits that last longer than this, on average, are slept through */
#define BUSY_POLL_PAUSE_MAX 512u /* waits slept through between two looks, when none pays */

struct busy_poll {
	uint64_t average_ns; /* of the last waits, the newest most; begins high: see busy_poll_init() */
	uint32_t pause; /* waits to be slept through after a look in vain */
	uint32_t pause_left;
	bool alone; /* one processor: who is waited for could not run meanwhile */
};

/* alone: this process may use one processor only. */
void busy_poll_init(struct busy_poll *poll, bool alone);

enum busy_poll_outcome {
	BUSY_POLL_SLEPT, /* it did not look */
	BUSY_POLL_PAID, /* something came while it looked */
	BUSY_POLL_IN_VAIN, /* nothing did, and it slept */
};

/* At the beginning of a wait: whether to look. */
bool busy_poll_is_worth_it(struct busy_poll *poll);

/* At its end: how long it was until there was something, looked and slept together. */
void busy_poll_note(struct busy_poll *poll, enum busy_poll_outcome outcome, uint64_t waited_ns);

/* How many processors this process may use; at least 1; CPU_SETSIZE when they are more. Asks the kernel. */
uint32_t busy_poll_processors(void);

/* A breath between two looks at memory. */
static inline void busy_poll_relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield" ::: "memory");
#endif
}

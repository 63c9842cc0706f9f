/* SPDX-License-Identifier: Apache-2.0 */
/*
 * busy_poll: whether to look again for a moment before going to sleep.
 *
 * Waking a sleeper costs more than what it is woken for: 20 to 50 µs where its processor went idle, against 5 µs of work
 * for a verdict. So whoever was never left waiting for long looks again for a while, which spares both sides the
 * wake-up; whoever was, sleeps at once. How long waits were lately decides, so an idle or a rarely asked process
 * burns nothing.
 *
 * Pure: the clock is the caller's. One object a waiting place.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define BUSY_POLL_NS UINT64_C(50000) /* one look at most lasts so long */
#define BUSY_POLL_WORTH_NS UINT64_C(100000) /* waits that last longer than this, on average, are slept through */

struct busy_poll {
	uint64_t average_ns; /* of the last waits, the newest most; begins high: see busy_poll_init() */
	bool alone; /* one processor: who is waited for could not run meanwhile */
};

/* alone: this process may use one processor only. */
void busy_poll_init(struct busy_poll *poll, bool alone);

bool busy_poll_is_worth_it(const struct busy_poll *poll);

/* How long it was until there was something, polled and slept together. */
void busy_poll_note(struct busy_poll *poll, uint64_t waited_ns);

/* Whether this process may use one processor only. Asks the kernel. */
bool busy_poll_alone(void);

/* A breath between two looks at memory. */
static inline void busy_poll_relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield" ::: "memory");
#endif
}

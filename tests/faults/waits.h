/* SPDX-License-Identifier: Apache-2.0 */
/*
 * waits: how long operations waited, less what the machine took from them. So a promise about time can be held against
 * a machine that is busy with other things, and still fails for a keeper that is late.
 *
 *     start ─▶ open(2) ─▶ stop: waited − ready to run without a processor − lateness of the probes in that very time
 *
 * Probes are processes that sleep for a millisecond again and again and add up how much later they wake, where it is a
 * millisecond or more. There is one on each processor, just above the keeper in priority: what makes it late makes a
 * keeper late that does everything right, and nothing that a keeper does makes it late. And one of ordinary priority,
 * for what has to wait until an engine has died.
 */
#pragma once

#include <stdint.h>

struct waits_start {
	uint64_t at_ns;
	uint64_t starved_ns; /* of this process, all its life */
	uint64_t keepers_ns[64]; /* lateness of the probes so far */
	uint64_t engines_ns;
};

/* The longest since waits_begin() or waits_from_now(). */
struct waits_longest {
	uint64_t n;
	uint64_t waited_ns; /* all of it */
	uint64_t keepers_ns; /* what is left when all is taken off that the machine took from waiter and keeper */
	uint64_t engines_ns; /* and from an engine that had to die */
};

/* Starts the probes, which live as long as this process. Until then nothing is measured. */
void waits_begin(void);

/* Forgets what was measured; of what is under way, only the rest counts. */
void waits_from_now(void);

/* Around an operation, in any process that was forked since waits_begin(). */
void waits_start(struct waits_start *ret);
void waits_stop(const struct waits_start *start);

void waits_get(struct waits_longest *ret);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * steps: kills an engine at its Nth step, as base/fail_nth.h fails the Nth allocation. A step is the moment before or
 * after a system call of the sensor, or a call that changes what it shares with the keeper.
 *
 *     for (n = 1; ; n++) { steps_arm(from, n); …; if (steps_passed()) break; the next engine serves }
 *
 * The linker puts steps.c between the sensor and what it calls (--wrap, see meson.build): only programs that name it so
 * have it. Counted from the moment that the engine has what is named until it waits for something else.
 */
#pragma once

#include <stdbool.h>

enum steps_from {
	STEPS_NONE,
	STEPS_OPEN, /* the question of an open was read */
	STEPS_EXEC, /* the question of an execution was read */
	STEPS_ANSWER, /* the broker answers */
	STEPS_LEASE, /* the signal of a lease was read: a writer waits */
};

/* Once, before the world is opened. */
void steps_begin(void);
/* For world_opts.in_engine. */
void steps_in_engine(int group_fd);

void steps_arm(enum steps_from from, unsigned n);
/* Whether the engine came through what was armed. */
bool steps_passed(void);
/* How many steps it has made. */
unsigned steps_made(void);

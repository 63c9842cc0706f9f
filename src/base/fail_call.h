/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fail_call: for tests: lets the Nth call fail of those that the linker sends here (--wrap, see meson.build). Unlike
 * fail_nth.h it takes system calls as well, works with sanitizers, and reaches only what is linked in, not libraries.
 *
 *     FAIL_CALL(int, pipe2, EMFILE, false, -1, (int *fds, int flags), (fds, flags))
 *     for (unsigned n = 1; ; n++) { fail_call_begin(n); fail_call_inside = true; …; if (!fail_call_hit[0]) break; }
 *
 * Or with fail_call_each(), where how many calls there are depends on the moment. Included by one file of a test
 * program.
 */
#pragma once

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static bool fail_call_inside; /* what is tested runs: only then calls are counted and fail */
static bool fail_call_interrupts; /* only calls that a signal may end fail, with EINTR */
static const char *fail_call_only; /* only this one; NULL: all */
static unsigned fail_call_nth; /* 0: none fails */
static unsigned fail_call_made;
static char fail_call_hit[32]; /* which one failed */
static void (*fail_call_told)(void); /* called when one fails; may be NULL */

static inline void fail_call_begin(unsigned nth)
{
	fail_call_nth = nth;
	fail_call_made = 0;
	fail_call_hit[0] = '\0';
}

static inline bool fail_call_now(const char *name, int error, bool interruptible)
{
	if (!fail_call_inside || (fail_call_interrupts && !interruptible) ||
	    (fail_call_only && strcmp(name, fail_call_only) != 0) || ++fail_call_made != fail_call_nth)
		return false;
	snprintf(fail_call_hit, sizeof(fail_call_hit), "%s", name);
	if (fail_call_told)
		fail_call_told();
	errno = fail_call_interrupts ? EINTR : error;
	return true;
}

/* Does it with the first call failing, the second, …, until none was there to fail `passes` times in a row: now and
 * then there is a call more. with_nth: whether there was an Nth; it may say that the thing refused. Returns how many
 * failed. */
static inline unsigned fail_call_each(bool (*with_nth)(unsigned n, bool *ret_refused), unsigned passes,
				      unsigned *ret_refused)
{
	unsigned failed = 0;
	*ret_refused = 0;
	for (unsigned n = 1, passed = 0; passed < passes; n++) {
		bool refused, hit = with_nth(n, &refused);
		passed = hit ? 0 : passed + 1;
		failed += hit;
		*ret_refused += refused;
	}
	return failed;
}

/* parameters and arguments each in parentheses of their own; failed: what the call returns then */
#define FAIL_CALL(type, name, error, interruptible, failed, parameters, arguments) \
	type __real_##name parameters; \
	type __wrap_##name parameters; \
	type __wrap_##name parameters \
	{ \
		return fail_call_now(#name, error, interruptible) ? (failed) : __real_##name arguments; \
	}

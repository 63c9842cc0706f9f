/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fail_call: for tests: lets the Nth call fail of those that the linker sends here (--wrap, see meson.build). Unlike
 * fail_nth.h it takes system calls as well, works with sanitizers, and reaches only what is linked in, not libraries.
 *
 *     FAIL_CALL(int, pipe2, EMFILE, false, -1, (int *fds, int flags), (fds, flags))
 *     for (unsigned n = 1; ; n++) { fail_call_begin(n); fail_call_inside = true; …; if (!fail_call_hit[0]) break; }
 *
 * Included by one file of a test program.
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
	errno = fail_call_interrupts ? EINTR : error;
	return true;
}

/* parameters and arguments each in parentheses of their own; failed: what the call returns then */
#define FAIL_CALL(type, name, error, interruptible, failed, parameters, arguments) \
	type __real_##name parameters; \
	type __wrap_##name parameters; \
	type __wrap_##name parameters \
	{ \
		return fail_call_now(#name, error, interruptible) ? (failed) : __real_##name arguments; \
	}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fail_nth: for tests: lets the Nth allocation fail, of this program and of the libraries it has loaded.
 *
 *     for (unsigned n = 1; ; n++) { fail_nth(n); r = thing(); if (!fail_nth_done()) break; assert(r == -ENOMEM); }
 *
 * Defines malloc and its family: included by one file of a test program. With a sanitizer, which has its own, nothing
 * fails (FAIL_NTH_WORKS is 0).
 */
#pragma once

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#ifdef __has_feature /* clang's way to say it */
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define FAIL_NTH_WORKS 0
#endif
#endif
#if defined(FAIL_NTH_WORKS)
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define FAIL_NTH_WORKS 0
#else
#define FAIL_NTH_WORKS 1
#endif

static unsigned fail_nth_left;
static bool fail_nth_hit;

/* The nth allocation from here on fails, once. 0: none. */
static inline void fail_nth(unsigned n)
{
	fail_nth_left = n;
	fail_nth_hit = false;
}

/* Ends it. Whether an allocation failed. */
static inline bool fail_nth_done(void)
{
	fail_nth_left = 0;
	return fail_nth_hit;
}

#if FAIL_NTH_WORKS
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *old, size_t size);

static bool fail_nth_now(void)
{
	if (fail_nth_left == 0 || --fail_nth_left > 0)
		return false;
	fail_nth_hit = true;
	errno = ENOMEM;
	return true;
}

/* seen by the libraries, too */
#define FAIL_NTH_PUBLIC __attribute__((visibility("default")))

FAIL_NTH_PUBLIC void *malloc(size_t size)
{
	return fail_nth_now() ? NULL : __libc_malloc(size);
}

FAIL_NTH_PUBLIC void *calloc(size_t n, size_t size)
{
	return fail_nth_now() ? NULL : __libc_calloc(n, size);
}

FAIL_NTH_PUBLIC void *realloc(void *old, size_t size)
{
	return fail_nth_now() ? NULL : __libc_realloc(old, size);
}
#endif

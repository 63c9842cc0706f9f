/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz: what fuzzers share. Each defines LLVMFuzzerTestOneInput(); with replay_main.c it becomes a test that plays its
 * corpus and a fixed number of mutations of it, with -fsanitize=fuzzer a fuzzer without end.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline void __attribute__((noreturn)) fuzz_fail(const char *file, int line, const char *expected)
{
	fprintf(stderr, "%s:%d: expected %s\n", file, line, expected);
	abort();
}

#define FUZZ_EXPECT(condition) \
	do { \
		if (!(condition)) \
			fuzz_fail(__FILE__, __LINE__, #condition); \
	} while (0)

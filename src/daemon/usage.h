/* SPDX-License-Identifier: Apache-2.0 */
/*
 * usage: what a process of the platform uses: /proc/PID/statm and schedstat, which hold nothing but numbers.
 *
 * Ours have one thread each, so the main thread's processor time is the process's.
 */
#pragma once

#include "base/json.h"

struct usage {
	uint64_t memory_bytes; /* resident */
	uint64_t cpu_ns; /* since it began */
	bool has_memory, has_cpu;
};

/* From the texts of both files; what makes no sense is not had. Pure. */
struct usage usage_parse(const char *statm, const char *schedstat, uint64_t page_bytes);

/* Members "memory_bytes" and "cpu_ns" of the open object; one that cannot be read is left out. */
void usage_to_json(int pid, struct json *json);

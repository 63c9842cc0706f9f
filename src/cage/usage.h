/* SPDX-License-Identifier: Apache-2.0 */
/*
 * usage: what one agent's process and all it started use, from the kernel's files: those of its control group where
 * there is one, else /proc. Never a byte that an agent wrote: the name in /proc/PID/stat is skipped by its last ")".
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct usage {
	uint64_t memory_bytes; /* charged to its group; without the controller what its processes have in memory */
	uint64_t memory_peak_bytes; /* the most so far; without the controller the most that was seen */
	uint64_t cpu_us; /* processor time since it started */
	uint64_t tasks; /* processes and threads */
	uint64_t files; /* descriptors of the process that has most; 0: this kernel does not say (before 6.2) */
};

/* What the kernel counted against its group's limits. */
struct usage_events {
	uint64_t memory_full; /* reached memory.max and nothing could be freed */
	uint64_t memory_killed; /* processes killed for it, or because the machine had none */
	uint64_t tasks_refused;
	uint64_t cpu_throttled; /* periods in which it had to wait */
};

/* cgroup_fd: folder of its group, -1: none. Fields that nothing tells keep their value. */
void usage_read(struct usage *usage, int cgroup_fd, pid_t pid);
void usage_read_events(struct usage_events *events, int cgroup_fd);

/* The number in the line "KEY NUMBER" of a flat keyed file. False: no such line. */
bool usage_field(const char *text, const char *key, uint64_t *ret);

struct usage_stat {
	uint64_t cpu_ticks; /* its own and its dead children's */
	uint64_t threads;
	uint64_t resident_pages;
};

/* The fields of /proc/PID/stat. False when it makes no sense. */
bool usage_parse_stat(const char *text, struct usage_stat *ret);

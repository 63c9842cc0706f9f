/* SPDX-License-Identifier: Apache-2.0 */
#include "cage/usage.h"

#include "base/clock.h"
#include "base/fd.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define PIDS_TEXT_SIZE 8192u /* of cgroup.procs: who has more processes is measured by the first */

bool usage_field(const char *text, const char *key, uint64_t *ret)
{
	size_t size = strlen(key);
	unsigned long long value;
	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, key, size) != 0 || line[size] != ' ')
			continue;
		if (sscanf(line + size, " %llu", &value) != 1)
			return false;
		*ret = value;
		return true;
	}
	return false;
}

bool usage_parse_stat(const char *text, struct usage_stat *ret)
{
	unsigned long long user, system, threads, start;
	long long children_user, children_system, resident;
	const char *at = strrchr(text, ')');
	if (!at || sscanf(at,
			  ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu %lld %lld %*d %*d %llu %*d %llu %*u "
			  "%lld",
			  &user, &system, &children_user, &children_system, &threads, &start, &resident) != 7)
		return false;
	if (children_user < 0 || children_system < 0 || resident < 0)
		return false;
	*ret = (struct usage_stat){.cpu_ticks = user + system + (uint64_t)children_user + (uint64_t)children_system,
				   .threads = threads,
				   .resident_pages = (uint64_t)resident};
	return true;
}

/* The whole text of a file of the kernel, "" when it is not there. */
static const char *read_text(int dir_fd, const char *file, char *text, size_t size)
{
	if (fd_read_file(dir_fd, file, text, size) < 0)
		text[0] = '\0';
	return text;
}

static bool read_number(int dir_fd, const char *file, uint64_t *ret)
{
	char text[64];
	unsigned long long value;
	if (sscanf(read_text(dir_fd, file, text, sizeof(text)), "%llu", &value) != 1)
		return false;
	*ret = value;
	return true;
}

/* One process of it: adds its memory and threads; its descriptors when they are the most. */
static void add_process(struct usage *sum, uint64_t *cpu_ticks, pid_t pid)
{
	char path[48], text[1024];
	struct usage_stat process;
	struct stat stat_fds;
	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	if (!usage_parse_stat(read_text(AT_FDCWD, path, text, sizeof(text)), &process))
		return;
	sum->memory_bytes += process.resident_pages * (uint64_t)sysconf(_SC_PAGESIZE);
	sum->tasks += process.threads;
	*cpu_ticks += process.cpu_ticks;
	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	if (stat(path, &stat_fds) == 0 && (uint64_t)stat_fds.st_size > sum->files)
		sum->files = (uint64_t)stat_fds.st_size;
}

static void add_processes(struct usage *sum, uint64_t *cpu_ticks, int cgroup_fd, pid_t pid)
{
	char text[PIDS_TEXT_SIZE], *rest = text;
	/* a list that does not fit is not half believed */
	read_text(cgroup_fd, "cgroup.procs", text, sizeof(text));
	bool any = false;
	for (char *line; (line = strsep(&rest, "\n"));) {
		int member = atoi(line);
		if (member > 0)
			add_process(sum, cpu_ticks, member);
		any |= member > 0;
	}
	if (!any && pid > 0)
		add_process(sum, cpu_ticks, pid);
}

void usage_read(struct usage *usage, int cgroup_fd, pid_t pid)
{
	char text[2048];
	struct usage now = {0};
	uint64_t cpu_ticks = 0, peak = 0;
	if (cgroup_fd >= 0)
		add_processes(&now, &cpu_ticks, cgroup_fd, pid);
	else if (pid > 0)
		add_process(&now, &cpu_ticks, pid);
	now.cpu_us = cpu_ticks * (NS_PER_SEC / NS_PER_US / (uint64_t)sysconf(_SC_CLK_TCK));
	if (cgroup_fd >= 0) {
		read_number(cgroup_fd, "memory.current", &now.memory_bytes);
		read_number(cgroup_fd, "memory.peak", &peak);
		read_number(cgroup_fd, "pids.current", &now.tasks);
		usage_field(read_text(cgroup_fd, "cpu.stat", text, sizeof(text)), "usage_usec", &now.cpu_us);
	}
	now.memory_peak_bytes = MAX(MAX(peak, now.memory_bytes), usage->memory_peak_bytes);
	now.cpu_us = MAX(now.cpu_us, usage->cpu_us); /* of processes that are gone */
	*usage = now;
}

void usage_read_events(struct usage_events *events, int cgroup_fd)
{
	static const struct {
		const char *file, *key;
		size_t offset;
	} rows[] = {
		{"memory.events", "oom", offsetof(struct usage_events, memory_full)},
		{"memory.events", "oom_kill", offsetof(struct usage_events, memory_killed)},
		{"pids.events", "max", offsetof(struct usage_events, tasks_refused)},
		{"cpu.stat", "nr_throttled", offsetof(struct usage_events, cpu_throttled)},
	};
	char text[2048];
	for (size_t i = 0; cgroup_fd >= 0 && i < ARRAY_SIZE(rows); i++)
		usage_field(read_text(cgroup_fd, rows[i].file, text, sizeof(text)), rows[i].key,
			    (uint64_t *)(void *)((char *)events + rows[i].offset));
}

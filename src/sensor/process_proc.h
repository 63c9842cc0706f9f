/* SPDX-License-Identifier: Apache-2.0 */
/*
 * process_proc: one process as /proc tells it.
 *
 *     /proc/PID/{stat,status,exe,cgroup,loginuid,sessionid} ─▶ struct process_proc ─▶ process_table
 *
 * Keeps no state between calls. All files of one reading come from one descriptor of /proc/PID, which the kernel
 * binds to the process: a pid that is used again in between gives -ESRCH, never a mixture of two processes.
 */
#pragma once

#include <ringside/event.h>
#include <stdbool.h>
#include <sys/types.h>

/* Field 22 of /proc/PID/stat is in these ticks, whatever the kernel's own rate is. */
#define PROCESS_TICK_NS UINT64_C(10000000)
#define PROCESS_PID_BITS 22

struct process_proc_stat {
	uint64_t start_ticks;
	uint32_t parent_pid;
	bool kernel_thread;
	char comm[16];
};

struct process_proc {
	struct rs_process process; /* its rs_str fields are not used; parent_id is set when the parent was readable */
	bool exe_known; /* the kernel let us see it; a kernel thread has none and is known to have none */
	char exe_path[RS_PATH_SIZE_MAX + 1];
	char cgroup[RS_PATH_SIZE_MAX + 1];
};

static inline uint64_t process_id(uint64_t start_ticks, uint32_t pid)
{
	return start_ticks << PROCESS_PID_BITS | pid;
}

static inline uint32_t process_id_pid(uint64_t id)
{
	return (uint32_t)(id & ((UINT64_C(1) << PROCESS_PID_BITS) - 1));
}

/* Parses proc_pid_stat(5); the name may hold blanks, parentheses, newlines. False when it is not such a line. */
bool process_proc_parse_stat(const char *text, size_t size, struct process_proc_stat *ret);

/* Chooses the line of proc_pid_cgroup(5) that tells most: the v2 path, or a v1 path that names a container when
 * the v2 path does not. Copies its path, NUL-terminated. False when there is none. ret_v2: it is the v2 path. */
bool process_proc_parse_cgroup(const char *text, char *ret_path, size_t size, bool *ret_v2);

/* Only what is in /proc/PID/stat; proc_fd is a descriptor of /proc. 0, or -ESRCH when there is no such process. */
int process_proc_read_stat(int proc_fd, pid_t pid, struct process_proc_stat *ret);

/*
 * Everything. cgroup_fd is a descriptor of the root of cgroup v2, or -1. 0, -ESRCH when there is no such process,
 * else another -errno (no descriptors). What this process may not see is left empty and RS_PROCESS_PARTIAL is set.
 */
int process_proc_read(int proc_fd, int cgroup_fd, pid_t pid, struct process_proc *ret);

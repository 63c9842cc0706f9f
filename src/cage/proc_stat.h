/* SPDX-License-Identifier: Apache-2.0 */
/* proc_stat: the kernel's numbers of a process, from /proc/PID/stat. */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#define PROC_STAT_PID_BITS 22 /* of an id as in struct rs_process; the start is above them */

struct proc_stat {
	char state;
	unsigned flags; /* PF_* */
	uint64_t start_ticks;
};

/* 0, -ESRCH: there is no such process; -EPROTO: the kernel says it in another way; or another -errno. */
int proc_stat_read(pid_t pid, struct proc_stat *ret);

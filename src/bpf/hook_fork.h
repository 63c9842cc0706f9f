/* SPDX-License-Identifier: Apache-2.0 OR (BSD-2-Clause OR GPL-2.0-only) */
/* A process was created, and has not run yet. parts: PROCESS child. */
#pragma once

#include "common.h"

TRACEPOINT("sched_process_fork")
int hook_fork(__u64 *ctx)
{
	struct task_struct *child = (struct task_struct *)ctx[1];
	if (BPF_CORE_READ(child, pid) != BPF_CORE_READ(child, tgid))
		return 0; /* a thread */
	struct scratch *s = record_begin(RECORD_FORK);
	if (!s)
		return 0;
	part_process(s, child);
	record_send(s, true);
	return 0;
}

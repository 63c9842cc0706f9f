/* SPDX-License-Identifier: Apache-2.0 OR (BSD-2-Clause OR GPL-2.0-only) */
/* The last thread of a process ends. numbers: status as in wait(2). Two threads that end at the same moment may both
 * be last here; the sensor takes the first. */
#pragma once

#include "common.h"

#define SIGNAL_GROUP_EXIT 4u

TRACEPOINT("sched_process_exit")
int hook_exit(__u64 *ctx)
{
	struct task_struct *task = (struct task_struct *)ctx[0];
	struct signal_struct *signal = BPF_CORE_READ(task, signal);
	if (BPF_CORE_READ(signal, live.counter) != 0)
		return 0;
	struct scratch *s = record_begin(RECORD_EXIT);
	if (!s)
		return 0;
	s->record.numbers[0] = BPF_CORE_READ(signal, flags) & SIGNAL_GROUP_EXIT
				       ? (__u32)BPF_CORE_READ(signal, group_exit_code)
				       : (__u32)BPF_CORE_READ(task, group_leader, exit_code);
	record_send(s, true);
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 OR (BSD-2-Clause OR GPL-2.0-only) */
/* A process has its new program. parts: FILE program, TEXT script, TEXT arguments. numbers: count of arguments. */
#pragma once

#include "path.h"

#define ARGS_SIZE 4096

static __always_inline void part_args(struct scratch *s, struct task_struct *task)
{
	unsigned long start = BPF_CORE_READ(task, mm, arg_start), end = BPF_CORE_READ(task, mm, arg_end);
	__u64 size = end > start ? end - start : 0;
	if (size > ARGS_SIZE) {
		size = ARGS_SIZE;
		s->record.flags |= RECORD_CUT;
	}
	part_text(s, TEXT_USER_BYTES, (const void *)start, size);
}

TRACEPOINT("sched_process_exec")
int hook_exec(__u64 *ctx)
{
	struct linux_binprm *program = (struct linux_binprm *)ctx[2];
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	struct scratch *s = record_begin(RECORD_EXEC);
	if (!s)
		return 0;
	const char *given = BPF_CORE_READ(program, filename), *interpreter = BPF_CORE_READ(program, interp);
	s->record.numbers[0] = BPF_CORE_READ(program, argc);
	part_open_file(s, BPF_CORE_READ(program, file));
	part_text(s, TEXT_KERNEL_STRING, given == interpreter ? NULL : given, RECORD_PATH_MAX);
	part_args(s, task);
	record_send(s, true);
	return 0;
}

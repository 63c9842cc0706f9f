/* SPDX-License-Identifier: Apache-2.0 OR (BSD-2-Clause OR GPL-2.0-only) */
/* A process sends another a signal that ends or stops it, unless that other has made arrangements. parts: PROCESS
 * target. numbers: signal. What the kernel itself sends (faults, timers, terminals) is not reported. */
#pragma once

#include "common.h"

#define BIT(signal) (1u << (signal))
/* HUP INT QUIT ILL TRAP ABRT BUS FPE KILL SEGV TERM STKFLT STOP TSTP XCPU XFSZ SYS */
#define ENDING \
	(BIT(1) | BIT(2) | BIT(3) | BIT(4) | BIT(5) | BIT(6) | BIT(7) | BIT(8) | BIT(9) | BIT(11) | BIT(15) | \
	 BIT(16) | BIT(19) | BIT(20) | BIT(24) | BIT(25) | BIT(31))
#define FROM_USER ((struct kernel_siginfo *)0)
#define FROM_KERNEL ((struct kernel_siginfo *)1)
#define SI_USER 0
#define SI_QUEUE -1
#define SI_TKILL -6
#define DELIVERED 0

TRACEPOINT("signal_generate")
int hook_signal(__u64 *ctx)
{
	__u32 number = ctx[0];
	struct kernel_siginfo *info = (struct kernel_siginfo *)ctx[1];
	struct task_struct *target = (struct task_struct *)ctx[2];
	if (!want_signal || number > 31 || !(ENDING & BIT(number)) || (int)ctx[4] != DELIVERED || info == FROM_KERNEL)
		return 0;
	if (info != FROM_USER) {
		int code = BPF_CORE_READ(info, si_code);
		if (code != SI_USER && code != SI_QUEUE && code != SI_TKILL)
			return 0;
	}
	if (BPF_CORE_READ(target, tgid) == bpf_get_current_pid_tgid() >> 32)
		return 0; /* itself */
	struct scratch *s = record_begin(RECORD_SIGNAL);
	if (!s)
		return 0;
	s->record.numbers[0] = number;
	part_process(s, target);
	record_send(s, false);
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 OR (BSD-2-Clause OR GPL-2.0-only) */
/*
 * arch_x86: what the x86-64 kernel keeps of a system call: number, arguments, and whether it came by the 32-bit
 * entry. Another architecture gets a file like this one.
 */
#pragma once

#include "kernel_types.h"

#define ARCH_X32_BIT 0x40000000u /* the x32 entry: 64-bit numbers with this bit */
#define ARCH_TS_COMPAT 2u

struct pt_regs {
	unsigned long bp, bx, r8, r9, r10, dx, si, di, cx, orig_ax;
} __attribute__((preserve_access_index));

/* The six arguments; user memory is not touched. */
static __always_inline void arch_call_args(const struct pt_regs *regs, bool compat, __u64 *args)
{
	args[0] = compat ? (__u32)BPF_CORE_READ(regs, bx) : BPF_CORE_READ(regs, di);
	args[1] = compat ? (__u32)BPF_CORE_READ(regs, cx) : BPF_CORE_READ(regs, si);
	args[2] = compat ? (__u32)BPF_CORE_READ(regs, dx) : BPF_CORE_READ(regs, dx);
	args[3] = compat ? (__u32)BPF_CORE_READ(regs, si) : BPF_CORE_READ(regs, r10);
	args[4] = compat ? (__u32)BPF_CORE_READ(regs, di) : BPF_CORE_READ(regs, r8);
	args[5] = compat ? (__u32)BPF_CORE_READ(regs, bp) : BPF_CORE_READ(regs, r9);
}

/* SPDX-License-Identifier: Apache-2.0 OR (BSD-2-Clause OR GPL-2.0-only) */
/*
 * arch_x86: what the x86-64 kernel keeps of a system call: number, arguments, and whether it came by the 32-bit
 * entry. Another architecture gets a file like this one.
 */
#pragma once

#include "kernel_types.h"

#define ARCH_X32_BIT 0x40000000u /* the x32 entry: 64-bit numbers with this bit */
#define ARCH_TS_COMPAT 2u

/* The layout is part of the kernel's stable interface (ptrace), so it is read whole, by one call. */
struct pt_regs {
	unsigned long r15, r14, r13, r12, bp, bx, r11, r10, r9, r8, ax, cx, dx, si, di, orig_ax;
};

/* The number and the six arguments; user memory is not touched. */
static __always_inline __u64 arch_call(const struct pt_regs *from, bool compat, __u64 *args)
{
	struct pt_regs regs = {};
	bpf_probe_read_kernel(&regs, sizeof(regs), from);
	args[0] = compat ? (__u32)regs.bx : regs.di;
	args[1] = compat ? (__u32)regs.cx : regs.si;
	args[2] = compat ? (__u32)regs.dx : regs.dx;
	args[3] = compat ? (__u32)regs.si : regs.r10;
	args[4] = compat ? (__u32)regs.di : regs.r8;
	args[5] = compat ? (__u32)regs.bp : regs.r9;
	return regs.orig_ax;
}

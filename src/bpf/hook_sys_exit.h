/* SPDX-License-Identifier: Apache-2.0 OR (BSD-2-Clause OR GPL-2.0-only) */
/*
 * Every system call passes here on its way out, so the way of one that nobody wants is a handful of instructions:
 * number, bounds, one word of the table. The sensor writes that table, and takes the program off altogether when no
 * call is wanted.
 *
 *     sys_exit ─▶ calls[number] ─▶ families[family] (tail call) ─▶ call_read ─▶ the family's program
 *
 * Arguments in user memory are read here, after the kernel has used them: another thread can have changed them in
 * between. Where the kernel keeps its own copy (sockets, descriptors, credentials) that copy is read instead.
 * Calls made by io_uring do not pass here.
 */
#pragma once

#include "arch_x86.h"
#include "path.h"

struct {
	__u32 (*type)[BPF_MAP_TYPE_PROG_ARRAY];
	__u32 (*max_entries)[RECORD_N_FAMILIES];
	__u32 *key;
	__u32 *value;
} families SEC(".maps");

#define CALL_ARGS 8 /* six, and as many more as make any index of three bits one of them */

struct call {
	__u64 args[CALL_ARGS];
	__s64 result;
	struct record_call row;
	bool compat;
};

static __always_inline bool call_is_compat(void)
{
	struct task_struct *task = CURRENT;
	return FOLLOW(TYPED, task, thread_info.status) & ARCH_TS_COMPAT;
}

static __always_inline struct record_calls *call_rows(__u64 number)
{
	number &= ~(__u64)ARCH_X32_BIT;
	if (number >= RECORD_CALLS_MAX)
		return NULL;
	BOUNDS_HERE(number);
	return &calls[number & (RECORD_CALLS_MAX - 1)];
}

/* Registers of a typed tracepoint are read in place; of a plain one by a call, which costs more. */
#ifdef RAW_TRACEPOINTS
#define REGISTER(regs, name) BPF_PROBE_READ(regs, name)
#else
#define REGISTER(regs, name) ((regs)->name)
#endif

TRACEPOINT("sys_exit")
int hook_sys_exit(__u64 *ctx)
{
	struct pt_regs *regs = (struct pt_regs *)ctx[0];
	struct record_calls *rows = call_rows(REGISTER(regs, orig_ax));
	if (!rows || *(__u64 *)rows == 0)
		return 0;
	__u32 family = call_is_compat() ? rows->compat.family : rows->native.family;
	if (family)
		bpf_tail_call(ctx, &families, family);
	return 0;
}

static __noinline int call_read(__u64 *ctx, struct call *call)
{
	if (!call)
		return 0;
	call->compat = call_is_compat();
	call->result = call->compat ? (__s32)ctx[1] : (__s64)ctx[1];
	struct record_calls *rows = call_rows(arch_call((struct pt_regs *)ctx[0], call->compat, call->args));
	if (rows)
		call->row = call->compat ? rows->compat : rows->native;
	return 0;
}

/* The argument that a row of the table names. */
static __always_inline __u64 call_arg(const struct call *call, __u32 index)
{
	return call->args[index & (CALL_ARGS - 1)];
}

/* The file that a call is about, as its row of the table says. */
static __noinline void part_call_file(struct scratch *s, const struct call *call, __u32 dir, __u32 path)
{
	if (dir == RECORD_CALL_FD)
		part_open_file(s, file_of_fd(call_arg(call, path)));
	else
		part_named_file(s, dir == RECORD_CALL_CWD ? (__u64)AT_FDCWD : call_arg(call, dir),
				(const void *)call_arg(call, path));
}

static __always_inline __u32 call_error(const struct call *call)
{
	return call->result < 0 ? -call->result : 0;
}

/* SPDX-License-Identifier: Apache-2.0 OR (BSD-2-Clause OR GPL-2.0-only) */
/* What processes do to themselves and to each other. */
#pragma once

#include "hook_sys_exit.h"

#define CLONE_NAMESPACES 0x7e020080ull /* NEWNS CGROUP UTS IPC USER PID NET, and TIME */
#define PTRACE_TRACEME 0
#define PTRACE_ATTACH 16
#define PTRACE_SEIZE 0x4206

/* set*uid, set*gid, setgroups, capset. numbers: number of the call, 1 for the 32-bit entry. The new credentials are the
 * process's own; the sensor knows the old ones. */
TRACEPOINT("sys_exit")
int family_credentials(__u64 *ctx)
{
	struct call call = {};
	call_read(ctx, &call);
	/* setfsuid and setfsgid return the old id */
	if (call.result < 0)
		return 0;
	struct scratch *s = record_begin(RECORD_CREDENTIALS);
	if (!s)
		return 0;
	s->record.numbers[0] = call.row.variant;
	record_send(s, true);
	return 0;
}

static __always_inline __u64 namespace_of_fd(__u64 fd)
{
	struct file *file = file_of_fd(fd);
	struct ns_common *ns = file ? BPF_CORE_READ(file, f_inode, i_private) : NULL;
	struct ns_common___ops *old = (void *)ns;
	if (!ns)
		return 0;
	if (bpf_core_field_exists(ns->ns_type))
		return BPF_CORE_READ(ns, ns_type);
	return (__u32)BPF_CORE_READ(old, ops, type);
}

/* numbers: CLONE_NEW* bits, enum namespace_variant. */
enum namespace_variant {
	NAMESPACE_UNSHARE, /* flags */
	NAMESPACE_SETNS, /* fd, flags or 0 */
	NAMESPACE_CLONE, /* flags */
	NAMESPACE_CLONE3, /* struct whose first member is flags */
};

TRACEPOINT("sys_exit")
int family_namespace(__u64 *ctx)
{
	struct call call = {};
	call_read(ctx, &call);
	__u32 variant = call.row.variant;
	__u64 flags = variant == NAMESPACE_SETNS ? (__u32)call.args[1] : call.args[0];
	/* a clone comes out twice: here counts the parent's */
	if (call.result < 0 || (variant >= NAMESPACE_CLONE && call.result == 0))
		return 0;
	if (variant == NAMESPACE_CLONE3) {
		flags = 0;
		bpf_probe_read_user(&flags, sizeof(flags), (const void *)call.args[0]);
	}
	if (variant == NAMESPACE_SETNS && flags == 0)
		flags = namespace_of_fd(call.args[0]);
	flags &= CLONE_NAMESPACES;
	if (variant == NAMESPACE_CLONE)
		flags &= ~0xffull; /* the signal at its end */
	if (flags == 0 && variant != NAMESPACE_SETNS)
		return 0;
	struct scratch *s = record_begin(RECORD_NAMESPACE);
	if (!s)
		return 0;
	s->record.numbers[0] = flags;
	s->record.numbers[1] = variant;
	record_send(s, false);
	return 0;
}

/* How deep the pid namespace of the caller is: 0 when the pids it names are everybody's. */
static __always_inline __u32 pid_level(struct task_struct *task)
{
	return BPF_CORE_READ(task, thread_pid, level);
}

/* The number by which the caller's pid namespace knows a task. */
static __always_inline int pid_seen_from(struct task_struct *task, __u32 level)
{
	struct pid *pid = BPF_CORE_READ(task, thread_pid);
	struct upid *numbers = (struct upid *)((char *)pid + bpf_core_field_offset(struct pid, numbers));
	int number = 0;
	if (level > 32 || BPF_CORE_READ(pid, level) < level)
		return 0;
	bpf_probe_read_kernel(&number, sizeof(number),
			      (char *)numbers + level * bpf_core_type_size(struct upid) +
				      bpf_core_field_offset(struct upid, nr));
	return number;
}

/* ptrace ATTACH, SEIZE, TRACEME. parts: PROCESS target, when it was found. numbers: request, pid as the caller knows
 * it, depth of the caller's pid namespace. */
TRACEPOINT("sys_exit")
int family_ptrace(__u64 *ctx)
{
	struct call call = {};
	call_read(ctx, &call);
	__u64 request = call.args[0];
	if (call.result < 0 || (request != PTRACE_TRACEME && request != PTRACE_ATTACH && request != PTRACE_SEIZE))
		return 0;
	struct task_struct *task = (struct task_struct *)bpf_get_current_task(), *target = NULL;
	__u32 level = pid_level(task);
	if (request == PTRACE_TRACEME) {
		target = task;
	} else {
		/* who is traced last stands first in the tracer's list */
		struct list_head *first = BPF_CORE_READ(task, ptraced.next);
		target =
			(struct task_struct *)((char *)first - bpf_core_field_offset(struct task_struct, ptrace_entry));
		if (pid_seen_from(target, level) != (int)call.args[1])
			target = NULL;
	}
	struct scratch *s = record_begin(RECORD_PTRACE);
	if (!s)
		return 0;
	s->record.numbers[0] = request;
	s->record.numbers[1] = (__u32)call.args[1];
	s->record.numbers[2] = level;
	if (target)
		part_process_found(s, target);
	record_send(s, false);
	return 0;
}

/* process_vm_writev. numbers: pid as the caller knows it, depth of the caller's pid namespace, bytes. */
TRACEPOINT("sys_exit")
int family_memory_write(__u64 *ctx)
{
	struct call call = {};
	call_read(ctx, &call);
	if (call.result < 0)
		return 0;
	struct scratch *s = record_begin(RECORD_MEMORY_WRITE);
	if (!s)
		return 0;
	s->record.numbers[0] = (__u32)call.args[0];
	s->record.numbers[1] = pid_level((struct task_struct *)bpf_get_current_task());
	s->record.numbers[2] = call.result;
	record_send(s, false);
	return 0;
}

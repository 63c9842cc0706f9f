/* SPDX-License-Identifier: Apache-2.0 OR (BSD-2-Clause OR GPL-2.0-only) */
/* Changes of the kernel and of the tree of mounts: attempts too. */
#pragma once

#include "hook_sys_exit.h"

#define BPF_PROG_LOAD 5

/* Name of the module that a thread is loading, from the tracepoint to the end of the call. */
struct module_name {
	char bytes[56];
};

struct {
	__u32 (*type)[BPF_MAP_TYPE_LRU_HASH];
	__u32 (*max_entries)[256];
	__u64 *key;
	struct module_name *value;
} module_names SEC(".maps");

/* Always a plain tracepoint: a kernel without modules does not have it, and finds out only when it is attached. */
SEC("raw_tp/module_load")
int hook_module_load(__u64 *ctx)
{
	struct module *module = (struct module *)ctx[0];
	struct module_name name = {};
	__u64 key = bpf_get_current_pid_tgid();
	bpf_probe_read_kernel_str(name.bytes, sizeof(name.bytes), &module->name);
	bpf_map_update_elem(&module_names, &key, &name, BPF_ANY);
	return 0;
}

/* init_module, finit_module (variant 1). parts: TEXT name, FILE. numbers: error. */
TRACEPOINT("sys_exit")
int family_module(__u64 *ctx)
{
	struct call call = {};
	call_read(ctx, &call);
	struct scratch *s = record_begin(RECORD_MODULE_LOAD);
	if (!s)
		return 0;
	__u64 key = bpf_get_current_pid_tgid();
	struct module_name *name = bpf_map_lookup_elem(&module_names, &key);
	s->record.numbers[0] = call_error(&call);
	part_text(s, TEXT_KERNEL_STRING, name ? name->bytes : NULL, sizeof(name->bytes));
	part_open_file(s, call.row.variant ? file_of_fd(call.args[0]) : NULL);
	record_send(s, false);
	bpf_map_delete_elem(&module_names, &key);
	return 0;
}

/* bpf(BPF_PROG_LOAD). parts: TEXT name. numbers: program type, error. */
TRACEPOINT("sys_exit")
int family_bpf(__u64 *ctx)
{
	struct call call = {};
	call_read(ctx, &call);
	__u32 type = 0;
	if (call.args[0] != BPF_PROG_LOAD)
		return 0;
	struct scratch *s = record_begin(RECORD_BPF_LOAD);
	if (!s)
		return 0;
	/* union bpf_attr: prog_type is at 0, prog_name[16] at 48 */
	bpf_probe_read_user(&type, sizeof(type), (const void *)call.args[1]);
	s->record.numbers[0] = type;
	s->record.numbers[1] = call_error(&call);
	part_text(s, TEXT_USER_STRING, call.args[2] >= 64 ? (const char *)call.args[1] + 48 : NULL, 16);
	record_send(s, false);
	return 0;
}

/* kexec_load, kexec_file_load. numbers: error. */
TRACEPOINT("sys_exit")
int family_kexec(__u64 *ctx)
{
	struct call call = {};
	call_read(ctx, &call);
	struct scratch *s = record_begin(RECORD_KEXEC);
	if (!s)
		return 0;
	s->record.numbers[0] = call_error(&call);
	record_send(s, false);
	return 0;
}

/* mount, and move_mount (variant 1). parts: TEXT source, FILE target, TEXT type. numbers: error. */
TRACEPOINT("sys_exit")
int family_mount(__u64 *ctx)
{
	struct call call = {};
	call_read(ctx, &call);
	struct scratch *s = record_begin(RECORD_MOUNT);
	if (!s)
		return 0;
	bool moved = call.row.variant;
	s->record.numbers[0] = call_error(&call);
	part_text(s, TEXT_USER_STRING, (const void *)call.args[moved ? 1 : 0], RECORD_PATH_MAX);
	part_call_file(s, &call, call.row.dir, call.row.path);
	part_text(s, TEXT_USER_STRING, moved ? NULL : (const void *)call.args[2], 64);
	record_send(s, false);
	return 0;
}

/* umount, umount2. parts: FILE target. numbers: flags, error. variant 1: no flags. */
TRACEPOINT("sys_exit")
int family_unmount(__u64 *ctx)
{
	struct call call = {};
	call_read(ctx, &call);
	struct scratch *s = record_begin(RECORD_UNMOUNT);
	if (!s)
		return 0;
	s->record.numbers[0] = call.row.variant ? 0 : (__u32)call.args[1];
	s->record.numbers[1] = call_error(&call);
	part_call_file(s, &call, call.row.dir, call.row.path);
	record_send(s, false);
	return 0;
}

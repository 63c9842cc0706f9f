/* SPDX-License-Identifier: Apache-2.0 OR (BSD-2-Clause OR GPL-2.0-only) */
/* Memory that can be executed, and files that are memory only. */
#pragma once

#include "hook_sys_exit.h"

#define PROT_EXEC 4
#define MAP_ANONYMOUS 0x20
#define ERRNO_MAX 4095

struct compat_mmap { /* the old mmap of 32-bit programs takes a pointer to these */
	__u32 address, size, protection, flags, fd, offset;
};

/* mmap. parts: FILE (empty for anonymous memory). numbers: address, size, protection, flags. variant 1: by pointer. */
TRACEPOINT("sys_exit")
int family_mmap(__u64 *ctx)
{
	struct call call = {};
	call_read(ctx, &call);
	if (call.row.variant == 1) {
		struct compat_mmap old = {};
		bpf_probe_read_user(&old, sizeof(old), (const void *)call.args[0]);
		call.args[1] = old.size;
		call.args[2] = old.protection;
		call.args[3] = old.flags;
		call.args[4] = old.fd;
	}
	if (!(call.args[2] & PROT_EXEC) || (call.result < 0 && call.result >= -ERRNO_MAX))
		return 0;
	struct scratch *s = record_begin(RECORD_MAP_EXEC);
	if (!s)
		return 0;
	s->record.numbers[0] = call.compat ? (__u32)call.result : call.result;
	s->record.numbers[1] = call.args[1];
	s->record.numbers[2] = (__u32)call.args[2];
	s->record.numbers[3] = (__u32)call.args[3];
	part_open_file(s, call.args[3] & MAP_ANONYMOUS ? NULL : file_of_fd(call.args[4]));
	record_send(s, false);
	return 0;
}

/* mprotect, pkey_mprotect. numbers: address, size, protection. */
TRACEPOINT("sys_exit")
int family_mprotect(__u64 *ctx)
{
	struct call call = {};
	call_read(ctx, &call);
	if (!(call.args[2] & PROT_EXEC) || call.result < 0)
		return 0;
	struct scratch *s = record_begin(RECORD_PROTECT_EXEC);
	if (!s)
		return 0;
	s->record.numbers[0] = call.args[0];
	s->record.numbers[1] = call.args[1];
	s->record.numbers[2] = (__u32)call.args[2];
	record_send(s, false);
	return 0;
}

/* memfd_create. parts: TEXT name. numbers: flags. */
TRACEPOINT("sys_exit")
int family_memfd(__u64 *ctx)
{
	struct call call = {};
	call_read(ctx, &call);
	if (call.result < 0)
		return 0;
	struct scratch *s = record_begin(RECORD_MEMFD);
	if (!s)
		return 0;
	s->record.numbers[0] = (__u32)call.args[1];
	part_text(s, TEXT_USER_STRING, (const void *)call.args[0], 256);
	record_send(s, false);
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 OR (BSD-2-Clause OR GPL-2.0-only) */
/* Names and attributes of files: calls that succeeded. A row of the table says where the path is. */
#pragma once

#include "hook_sys_exit.h"

#define FMODE_CREATED 0x100000u /* the kernel's own note on an open file: this open made it */

/* open, openat, openat2, creat. parts: FILE, TEXT (none). Truth, not guess: the kernel marks a file it made. */
TRACEPOINT("sys_exit")
int family_open(__u64 *ctx)
{
	/* every open passes here: nothing is read but the new descriptor */
	__s32 fd = ctx[1];
	if (fd < 0)
		return 0;
	struct file *file = file_of_fd(fd);
	if (!file || !(BPF_CORE_READ(file, f_mode) & FMODE_CREATED))
		return 0;
	struct scratch *s = record_begin(RECORD_CREATE);
	if (!s)
		return 0;
	part_open_file(s, file);
	part_text(s, TEXT_USER_STRING, NULL, 0);
	record_send(s, false);
	return 0;
}

/* mkdir, mknod, symlink, link and their *at. parts: FILE new, TEXT target of a symbolic link; for a hard link: FILE
 * existing, FILE new. */
enum create_variant {
	CREATE_NODE,
	CREATE_SYMLINK,
	CREATE_LINK, /* link */
	CREATE_LINK_AT, /* linkat: directory and path twice, then flags */
};

TRACEPOINT("sys_exit")
int family_create(__u64 *ctx)
{
	struct call call = {};
	call_read(ctx, &call);
	__u32 variant = call.row.variant;
	if (call.result < 0)
		return 0;
	struct scratch *s = record_begin(variant >= CREATE_LINK ? RECORD_LINK : RECORD_CREATE);
	if (!s)
		return 0;
	part_call_file(s, &call, call.row.dir, call.row.path);
	if (variant == CREATE_LINK)
		part_named_file(s, (__u64)AT_FDCWD, (const void *)call.args[1]);
	else if (variant == CREATE_LINK_AT)
		part_named_file(s, call.args[2], (const void *)call.args[3]);
	else
		part_text(s, TEXT_USER_STRING, variant == CREATE_SYMLINK ? (const void *)call.args[0] : NULL,
			  RECORD_PATH_MAX);
	record_send(s, false);
	return 0;
}

/* unlink, unlinkat, rmdir. parts: FILE. */
TRACEPOINT("sys_exit")
int family_unlink(__u64 *ctx)
{
	struct call call = {};
	call_read(ctx, &call);
	if (call.result < 0)
		return 0;
	struct scratch *s = record_begin(RECORD_UNLINK);
	if (!s)
		return 0;
	part_call_file(s, &call, call.row.dir, call.row.path);
	record_send(s, false);
	return 0;
}

/* rename, renameat, renameat2. parts: FILE old, FILE new. numbers: flags. */
TRACEPOINT("sys_exit")
int family_rename(__u64 *ctx)
{
	struct call call = {};
	call_read(ctx, &call);
	if (call.result < 0)
		return 0;
	struct scratch *s = record_begin(RECORD_RENAME);
	if (!s)
		return 0;
	bool at = call.row.dir != RECORD_CALL_CWD;
	s->record.numbers[0] = call.row.variant ? (__u32)call.args[4] : 0;
	part_call_file(s, &call, call.row.dir, call.row.path);
	part_named_file(s, at ? call.args[2] : (__u64)AT_FDCWD, (const void *)(at ? call.args[3] : call.args[1]));
	record_send(s, false);
	return 0;
}

/* truncate, ftruncate. parts: FILE. numbers: length. variant 1: the length is in two halves (32-bit calls). */
TRACEPOINT("sys_exit")
int family_truncate(__u64 *ctx)
{
	struct call call = {};
	call_read(ctx, &call);
	if (call.result < 0)
		return 0;
	struct scratch *s = record_begin(RECORD_TRUNCATE);
	if (!s)
		return 0;
	s->record.numbers[0] = call.row.variant ? call.args[1] | call.args[2] << 32 : call.args[1];
	part_call_file(s, &call, call.row.dir, call.row.path);
	record_send(s, false);
	return 0;
}

/* chmod and its like. parts: FILE. numbers: mode, which is the argument after the path. */
TRACEPOINT("sys_exit")
int family_mode(__u64 *ctx)
{
	struct call call = {};
	call_read(ctx, &call);
	if (call.result < 0)
		return 0;
	struct scratch *s = record_begin(RECORD_MODE);
	if (!s)
		return 0;
	s->record.numbers[0] = call_arg(&call, call.row.path + 1) & 07777;
	part_call_file(s, &call, call.row.dir, call.row.path);
	record_send(s, false);
	return 0;
}

/* chown and its like. parts: FILE. numbers: uid, gid: the arguments after the path. variant 1: 16-bit ids. */
TRACEPOINT("sys_exit")
int family_owner(__u64 *ctx)
{
	struct call call = {};
	call_read(ctx, &call);
	if (call.result < 0)
		return 0;
	struct scratch *s = record_begin(RECORD_OWNER);
	if (!s)
		return 0;
	for (int i = 0; i < 2; i++) {
		__u32 id = call_arg(&call, call.row.path + 1 + i);
		s->record.numbers[i] = call.row.variant && (id & 0xffff) == 0xffff ? ~0u : id;
	}
	part_call_file(s, &call, call.row.dir, call.row.path);
	record_send(s, false);
	return 0;
}

/* setxattr, removexattr and their like. parts: FILE, TEXT name. numbers: 1 when removed. The name is the argument after
 * the path, or for the *at calls the one after their flags. */
enum xattr_variant {
	XATTR_REMOVED = 1 << 0,
	XATTR_AT = 1 << 1,
};

TRACEPOINT("sys_exit")
int family_xattr(__u64 *ctx)
{
	struct call call = {};
	call_read(ctx, &call);
	if (call.result < 0)
		return 0;
	struct scratch *s = record_begin(RECORD_XATTR);
	if (!s)
		return 0;
	__u32 name = call.row.path + (call.row.variant & XATTR_AT ? 2 : 1);
	s->record.numbers[0] = call.row.variant & XATTR_REMOVED ? 1 : 0;
	part_call_file(s, &call, call.row.dir, call.row.path);
	part_text(s, TEXT_USER_STRING, (const void *)call_arg(&call, name), 256);
	record_send(s, false);
	return 0;
}

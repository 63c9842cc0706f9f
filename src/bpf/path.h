/* SPDX-License-Identifier: Apache-2.0 OR (BSD-2-Clause OR GPL-2.0-only) */
/*
 * path: files in a record: what the kernel resolved (a walk up the tree, across mounts), or what the process said
 * (its bytes, and a walk up from the directory where they begin). The sensor puts them in order.
 */
#pragma once

#include "common.h"

#define WALK_STEPS (RECORD_PATH_MAX / 2 + 256) /* as many names as a path can have, and mounts on the way */
#define NAME_SIZE 256
#define AT_FDCWD -100
#define S_IFMT 0170000
#define S_IFSOCK 0140000

struct walk {
	struct mount *mount;
	struct dentry *dentry;
	__u32 used;
	__u32 flags;
};

static long walk_name(struct walk *w)
{
	struct scratch *s = scratch_get();
	if (!s)
		return 1;
	__u32 offset = s->offset;
	if (offset > DATA_SIZE + 256 + RECORD_PATH_MAX - NAME_SIZE || w->used >= RECORD_PATH_MAX) {
		w->flags |= RECORD_FILE_CUT;
		return 1;
	}
	struct dentry *dentry = w->dentry; /* a local: the macro would look for our struct in the kernel too */
	const unsigned char *name = BPF_CORE_READ(dentry, d_name.name);
	long n = bpf_probe_read_kernel_str(&s->data[offset], NAME_SIZE, name);
	if (n <= 0 || n > NAME_SIZE)
		return 1;
	s->offset = offset + n;
	w->used += n;
	return 0;
}

static long walk_step(__u32 i, struct walk *w)
{
	struct dentry *dentry = w->dentry;
	struct mount *mount = w->mount;
	if (dentry == BPF_CORE_READ(mount, mnt.mnt_root)) {
		struct mount *parent = BPF_CORE_READ(mount, mnt_parent);
		if (parent == mount)
			return 1;
		w->dentry = BPF_CORE_READ(mount, mnt_mountpoint);
		w->mount = parent;
		return 0;
	}
	struct dentry *up = BPF_CORE_READ(dentry, d_parent);
	if (up == dentry)
		w->flags |= RECORD_FILE_PSEUDO;
	if (walk_name(w) != 0 || up == dentry)
		return 1;
	w->dentry = up;
	return 0;
}

/* Adds the names from dentry up to the root. Returns how many bytes; sets the file's flags. */
static __noinline __u32 walk_path(struct vfsmount *mnt, struct dentry *dentry, __u32 *flags)
{
	struct walk w = {.dentry = dentry};
	w.mount = (struct mount *)((char *)mnt - bpf_core_field_offset(struct mount, mnt));
	bpf_loop(WALK_STEPS, walk_step, &w, 0);
	*flags |= w.flags;
	return w.used;
}

static __always_inline void read_times(struct record_file *to, struct inode *inode)
{
	struct inode___old *old = (void *)inode;
	struct inode___middle *middle = (void *)inode;
	if (bpf_core_field_exists(inode->i_mtime_sec)) {
		to->mtime_ns = BPF_CORE_READ(inode, i_mtime_sec) * 1000000000 + BPF_CORE_READ(inode, i_mtime_nsec);
		to->ctime_ns = BPF_CORE_READ(inode, i_ctime_sec) * 1000000000 + BPF_CORE_READ(inode, i_ctime_nsec);
		return;
	}
	if (bpf_core_field_exists(old->i_mtime))
		to->mtime_ns = BPF_CORE_READ(old, i_mtime.tv_sec) * 1000000000 + BPF_CORE_READ(old, i_mtime.tv_nsec);
	else if (bpf_core_field_exists(middle->__i_mtime))
		to->mtime_ns =
			BPF_CORE_READ(middle, __i_mtime.tv_sec) * 1000000000 + BPF_CORE_READ(middle, __i_mtime.tv_nsec);
	if (bpf_core_field_exists(old->i_ctime))
		to->ctime_ns = BPF_CORE_READ(old, i_ctime.tv_sec) * 1000000000 + BPF_CORE_READ(old, i_ctime.tv_nsec);
	else if (bpf_core_field_exists(middle->__i_ctime))
		to->ctime_ns =
			BPF_CORE_READ(middle, __i_ctime.tv_sec) * 1000000000 + BPF_CORE_READ(middle, __i_ctime.tv_nsec);
}

static __noinline void read_inode(struct record_file *to, struct inode *inode)
{
	if (!to)
		return;
	to->ino = BPF_CORE_READ(inode, i_ino);
	to->dev = BPF_CORE_READ(inode, i_sb, s_dev);
	to->mode = BPF_CORE_READ(inode, i_mode);
	to->uid = BPF_CORE_READ(inode, i_uid.val);
	to->gid = BPF_CORE_READ(inode, i_gid.val);
	to->size_bytes = BPF_CORE_READ(inode, i_size);
	read_times(to, inode);
}

static __always_inline struct record_file *part_file_begin(struct scratch *s)
{
	struct record_file *to = part_begin(s, RECORD_PART_FILE, sizeof(*to));
	if (to)
		__builtin_memset(to, 0, sizeof(*to));
	return to;
}

static __always_inline struct record_file *part_file(struct scratch *s)
{
	__u32 part = s->part;
	return part <= DATA_SIZE ? (struct record_file *)&s->data[part + sizeof(struct record_part)] : NULL;
}

static __always_inline void part_file_end(struct scratch *s, __u32 flags, __u32 text_size, __u32 walk_size)
{
	struct record_file *to = part_file(s);
	if (to) {
		to->flags = flags;
		to->text_size = text_size;
		to->walk_size = walk_size;
	}
	part_end(s);
}

static __noinline struct file *file_of_fd(__u64 fd)
{
	struct task_struct *task = CURRENT;
	struct file **files = FOLLOW(TYPED, task, files, fdt, fd), *file = NULL;
	__u32 index = fd;
	if (index < FOLLOW(TYPED, task, files, fdt, max_fds))
		bpf_probe_read_kernel(&file, sizeof(file), files + index);
	return file;
}

/* An open file; NULL gives an empty part. */
static __noinline void part_open_file(struct scratch *s, struct file *file)
{
	struct record_file *to = part_file_begin(s);
	if (!to)
		return;
	__u32 flags = 0, walked = 0;
	if (file) {
		struct dentry *dentry = BPF_CORE_READ(file, f_path.dentry);
		read_inode(to, BPF_CORE_READ(file, f_inode));
		walked = walk_path(BPF_CORE_READ(file, f_path.mnt), dentry, &flags);
		/* not in the hash of names: it has lost its name */
		if (!(flags & RECORD_FILE_PSEUDO) && !BPF_CORE_READ(dentry, d_hash.pprev) &&
		    dentry != BPF_CORE_READ(dentry, d_parent))
			flags |= RECORD_FILE_DELETED;
	}
	part_file_end(s, flags, 0, walked);
}

/* The file that an argument names, from the directory that another argument names. */
static __noinline void part_named_file(struct scratch *s, __u64 dir_fd, const void *path)
{
	if (!part_file_begin(s))
		return;
	struct task_struct *task = CURRENT;
	struct path from = {};
	__u32 flags = 0, at = s->offset;
	__u32 text = append(s, TEXT_USER_STRING, path, RECORD_PATH_MAX);
	bool absolute = at <= DATA_SIZE + 256 && text > 0 && s->data[at] == '/';
	if (absolute) {
		from.mnt = FOLLOW(TYPED, task, fs, root.mnt);
		from.dentry = FOLLOW(TYPED, task, fs, root.dentry);
	} else if ((__s32)dir_fd == AT_FDCWD) {
		from.mnt = FOLLOW(TYPED, task, fs, pwd.mnt);
		from.dentry = FOLLOW(TYPED, task, fs, pwd.dentry);
	} else {
		struct file *dir = file_of_fd(dir_fd);
		from.mnt = dir ? BPF_CORE_READ(dir, f_path.mnt) : NULL;
		from.dentry = dir ? BPF_CORE_READ(dir, f_path.dentry) : NULL;
	}
	__u32 walked = from.dentry ? walk_path(from.mnt, from.dentry, &flags) : 0;
	part_file_end(s, flags, text, walked);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * served_fs: a FUSE file system with one file, `file`, whose server answers, or says nothing to some requests.
 *
 *     served_fs_begin(): a mount namespace of the calling process, a server ─▶ served_fs_open() ─▶ served_fs_end()
 *     served_fs_mount() ─▶ served_fs_serve(): the same by hand, in the mount namespace that there is
 *
 * Without privilege to mount, it cannot be made.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct served_file {
	const void *bytes;
	size_t size;
	uint64_t silent; /* requests without an answer, ever: 1 << FUSE_READ … */
	bool direct; /* each read asks the server, and waits for it in spite of SIGKILL; else pages are kept */
};

struct served_fs {
	pid_t server;
	char directory[64];
};

/* 0, or -errno: this machine or user cannot. The file is the server's, too, from then on. */
int served_fs_begin(struct served_fs *fs, const struct served_file *file);
/* Opens its file; the descriptor is the caller's. -errno. */
int served_fs_open(const struct served_fs *fs);
void served_fs_end(struct served_fs *fs);

/* The descriptor to serve, the caller's; -errno. */
int served_fs_mount(const char *directory);
/* Until it is unmounted. */
void served_fs_serve(int fd, const struct served_file *file);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stuck_fs: a FUSE file system with one file whose reads are never answered.
 *
 * Lives in a mount namespace of the calling process and ends with it. Without privilege for that, it cannot be made.
 */
#pragma once

#include <sys/types.h>

struct stuck_fs {
	pid_t server;
	char directory[64];
};

/* 0, or -errno: this machine or user cannot. */
int stuck_fs_begin(struct stuck_fs *fs);
/* Opens its file; the descriptor is the caller's. */
int stuck_fs_open(const struct stuck_fs *fs);
void stuck_fs_end(struct stuck_fs *fs);

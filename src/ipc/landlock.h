/* SPDX-License-Identifier: Apache-2.0 */
/*
 * landlock: what a process may do with files, TCP ports, signals and abstract sockets, whatever its user may. By raw
 * system calls: the C library has none, and Debian 12's headers know less than its kernels.
 *
 *     landlock_new() ─▶ landlock_allow_…() ─▶ landlock_enforce(): for ever, and for all that comes from this process
 *
 * The kernel says how much it knows (its ABI): 1 files, 2 links across folders, 3 truncate, 4 TCP, 5 devices' ioctl,
 * 6 signals and abstract sockets.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define LANDLOCK_ABI_TRUNCATE 3
#define LANDLOCK_ABI_TCP 4
#define LANDLOCK_ABI_SCOPE 6

/* 0: none, or switched off. */
int landlock_abi(void);

enum landlock_use {
	LANDLOCK_READ, /* a file, or a folder and what is below it */
	LANDLOCK_EXECUTE, /* and execute it */
	LANDLOCK_DEVICE, /* read and write */
	LANDLOCK_STATE, /* all but execute, devices */
};

/*
 * A set of rules that allows no file at all, no signal to and no abstract socket of other processes, and with `tcp`
 * no TCP connection and no listening, each as far as this ABI goes. Returns a descriptor, or -errno.
 */
int landlock_new(int abi, bool tcp);
/* path_fd: O_PATH is enough. */
int landlock_allow_path(int ruleset_fd, int abi, int path_fd, enum landlock_use use);
/* To connect to. */
int landlock_allow_port(int ruleset_fd, uint16_t port);
/* The process must have no_new_privs. */
int landlock_enforce(int ruleset_fd);

/* SPDX-License-Identifier: Apache-2.0 */
/* fd: file descriptors: closing, and sending them over SOCK_SEQPACKET sockets. */
#pragma once

#include "base/macro.h"

#include <stdbool.h>
#include <stdint.h>
#include <unistd.h>

/* For `_cleanup_(fd_closep) int fd = -1;`. Keeps errno. */
void fd_closep(int *fd);

/* Closes when >= 0 and returns -1, so that `fd = fd_close(fd);` forgets it. Keeps errno. */
int fd_close(int fd);

#define FD_MESSAGE_MAX 8 /* descriptors in one message */

/*
 * Sends one datagram with descriptors (borrowed; they are duplicated by the kernel). Never blocks, never raises
 * SIGPIPE. 0, or -EAGAIN when the peer's buffer is full, -EPIPE/-ECONNRESET when it is gone, another -errno.
 */
int fd_send(int socket, const void *data, size_t size, const int *fds, size_t n_fds);

/*
 * Receives one datagram without blocking. fds must have room for FD_MESSAGE_MAX; received descriptors are
 * O_CLOEXEC and owned by the caller. A datagram that was cut, or carried more descriptors, is -EMSGSIZE (its
 * descriptors are closed). End of stream is -EPIPE. Nothing there: -EAGAIN. No descriptors left in this
 * process: -EMFILE, the datagram is consumed. Returns the size.
 */
ssize_t fd_receive(int socket, void *data, size_t size, int *fds, size_t *ret_n_fds);

/* A sealed-to-size memfd of this size, mapped nowhere. -errno on failure. */
int fd_memfd(const char *name, size_t size_bytes);

/* Reads the whole of a small file (also in /proc) into buffer, NUL-terminated; returns its size or -errno;
 * -EFBIG when it does not fit. dir_fd as in openat(2). */
ssize_t fd_read_file(int dir_fd, const char *path, char *buffer, size_t size);

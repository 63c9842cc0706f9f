/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fanotify_file: an event's descriptor → struct rs_file: fstat(2) and the link in /proc/self/fd. Opens nothing.
 */
#pragma once

#include "wire/event_build.h"

#include <sys/stat.h>

/* A descriptor for fanotify_file_path(): /proc/self/fd. -errno. */
int fanotify_file_dir(void);

/* The path behind fd: at most size - 1 bytes, any bytes but NUL; NUL-terminated. Returns its size, 0 when it has none
 * that could be told; sets flags (enum rs_file_flags). dir_fd: see above. */
size_t fanotify_file_path(int dir_fd, int fd, const struct stat *status, char *path, size_t size, uint32_t *ret_flags);

/* What the kernel's text for a path means. In place: cuts " (deleted)" off when it is the kernel's. Returns the size;
 * *ret_doubt: the text ends so, and the file has a name somewhere: it may be part of a name. Pure. */
size_t fanotify_file_classify(char *path, size_t size, uint64_t n_links, uint32_t *ret_flags, bool *ret_doubt);

void fanotify_file_fill(struct event_build *build, struct rs_file *file, const struct stat *status, const char *path,
			size_t size, uint32_t flags);

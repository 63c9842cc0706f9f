/* SPDX-License-Identifier: Apache-2.0 */
/*
 * source: rule files below a directory: which there are, what is in them, whether something has changed.
 *
 *     directory ─▶ source_list_read() ─▶ source_read() of each
 *                                    └─▶ source_list_signature(): another number when a file is another one
 *
 * Nothing outside of the directory is ever opened: the kernel refuses what leads out of it (openat2(2),
 * RESOLVE_BENEATH), by `..`, an absolute name or a symbolic link alike. Links to directories are not followed.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SOURCE_FILES_MAX 4096u
#define SOURCE_DEPTH_MAX 8u
#define SOURCE_SIZE_MAX (8u << 20) /* of one file */
#define SOURCE_PATH_SIZE 1024u

struct source_list {
	char **paths; /* of all regular files, relative to the directory, sorted; those that begin with a dot are left
			 out */
	size_t n;
	bool cut; /* there are more than SOURCE_FILES_MAX, or deeper ones */
};

/* -errno. */
int source_list_read(int directory_fd, struct source_list *ret);
void source_list_deinit(struct source_list *list);

/* Of names, sizes, times and inodes; never 0. */
uint64_t source_list_signature(int directory_fd, const struct source_list *list);

/* Whether it is one that is compiled by itself: *.yar and *.yara. */
bool source_is_rules(const char *path);

/* *ret has a NUL after its *ret_size bytes and is the caller's. -errno: -EXDEV when the name leads out of the
 * directory, -EFBIG when it is larger than SOURCE_SIZE_MAX, -EINVAL when it is not a regular file. */
int source_read(int directory_fd, const char *path, char **ret, size_t *ret_size);

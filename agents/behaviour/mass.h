/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mass: how many distinct files in how many folders one process tree changed in a window, and of how many kinds. Pure.
 *
 * So many trees and no more; the one that did nothing for longest makes room, and is counted when its window was still
 * open.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MASS_WINDOW_NS (UINT64_C(30) * 1000000000)
#define MASS_DISTINCT 16u /* folders and extensions are counted up to this */
#define MASS_BITS 1024u /* distinct files are told apart by one of so many bits */

/* A count of distinct files with what they have in common. */
struct mass_count {
	uint32_t files;
	uint8_t n_folders, n_extensions;
	uint32_t folders[MASS_DISTINCT], extensions[MASS_DISTINCT];
	uint64_t bits[MASS_BITS / 64];
};

struct mass {
	uint64_t process_id; /* 0: free */
	uint64_t began_ns, last_ns;
	uint32_t suffix; /* hash of the extension that renames add; the other counts begin anew with another one */
	struct mass_count renamed, overwritten;
};

struct masses {
	struct mass *entries;
	uint32_t n;
	uint64_t evicted;
};

struct mass_limits {
	uint32_t files;
	uint32_t folders;
	uint32_t extensions;
};

int masses_init(struct masses *masses, uint32_t n); /* -ENOMEM */
void masses_deinit(struct masses *masses);

/* The counts of a process, within its window. Never NULL. */
struct mass *masses_take(struct masses *masses, uint64_t process_id, uint64_t now_ns);

/* One file, by its path. True when it reaches the limits. */
bool mass_add(struct mass_count *count, const struct mass_limits *limits, const char *path, size_t size);

/* What `to` adds to the end of `from`, with its dot; NULL when it does not. */
const char *mass_suffix(const char *from, size_t from_size, const char *to, size_t to_size, size_t *ret_size);

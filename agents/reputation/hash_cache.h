/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hash_cache: digests of files that were hashed before, by identity (device, inode, size, mtime, ctime).
 *
 * Only a help after the platform's own cache of verdicts, which is exact, was emptied: a new list empties it. A digest
 * is kept only where a change of the file must show in its ctime:
 *
 *   - the file system notes stores through shared mappings: those in the table, and no others (tmpfs does not);
 *   - ctime is at least HASH_CACHE_AGE_S old: until its pages have been written back, a shared mapping goes on
 *     storing without a new ctime; the kernel writes back after 30 s (vm.dirty_expire_centisecs);
 *   - ctime does not lie in the future, and the file is no different after the hash than before it.
 *
 * A machine whose write-back stands still for longer, or whose clock is set back, can defeat it; --hash-cache 0 turns
 * it off.
 */
#pragma once

#include "reputation/digest.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#define HASH_CACHE_AGE_S 120

struct hash_cache;

/* entries: 0 gives a cache that keeps nothing. -ENOMEM. */
int hash_cache_new(size_t entries, struct hash_cache **ret);
struct hash_cache *hash_cache_free(struct hash_cache *cache);

bool hash_cache_get(const struct hash_cache *cache, const struct stat *status, uint8_t ret_digest[DIGEST_SIZE]);
void hash_cache_put(struct hash_cache *cache, const struct stat *status, const uint8_t digest[DIGEST_SIZE]);

/* Whether a digest of this file may be kept. magic: f_type of statfs(2); now_s: CLOCK_REALTIME. Pure. */
bool hash_cache_is_safe(const struct stat *status, uint64_t magic, int64_t now_s);
/* The same, asking the kernel about the descriptor. */
bool hash_cache_fd_is_safe(int fd, const struct stat *status);

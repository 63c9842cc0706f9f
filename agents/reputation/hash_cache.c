/* SPDX-License-Identifier: Apache-2.0 */
#include "reputation/hash_cache.h"

#include "common/common.h"

#include <errno.h>
#include <linux/magic.h>
#include <sys/vfs.h>
#include <time.h>

#define WAYS 4u

#ifndef XFS_SUPER_MAGIC
#define XFS_SUPER_MAGIC 0x58465342
#endif

struct key {
	uint64_t dev, ino, size;
	int64_t mtime_s, mtime_ns, ctime_s, ctime_ns;
};

struct slot {
	struct key key; /* all zero: free; no file has ctime 0 and size 0 and inode 0 */
	uint8_t digest[DIGEST_SIZE];
};

struct hash_cache {
	size_t n_sets; /* 0, or a power of two */
	unsigned turn; /* which of a full set is given up next */
	struct slot slots[];
};

int hash_cache_new(size_t entries, struct hash_cache **ret)
{
	size_t n_sets = entries >= WAYS ? 1 : 0;
	while (n_sets != 0 && n_sets * 2 * WAYS <= entries)
		n_sets *= 2;
	struct hash_cache *cache = calloc(1, sizeof(*cache) + n_sets * WAYS * sizeof(struct slot));
	if (!cache)
		return -ENOMEM;
	cache->n_sets = n_sets;
	*ret = cache;
	return 0;
}

struct hash_cache *hash_cache_free(struct hash_cache *cache)
{
	free(cache);
	return NULL;
}

static struct key key_of(const struct stat *status)
{
	return (struct key){.dev = status->st_dev,
			    .ino = status->st_ino,
			    .size = (uint64_t)status->st_size,
			    .mtime_s = status->st_mtim.tv_sec,
			    .mtime_ns = status->st_mtim.tv_nsec,
			    .ctime_s = status->st_ctim.tv_sec,
			    .ctime_ns = status->st_ctim.tv_nsec};
}

static size_t set_of(const struct hash_cache *cache, const struct key *key)
{
	uint64_t mixed = (key->ino ^ key->dev << 32) * UINT64_C(0x9e3779b97f4a7c15);
	return (size_t)(mixed >> 32) & (cache->n_sets - 1);
}

bool hash_cache_get(const struct hash_cache *cache, const struct stat *status, uint8_t ret_digest[DIGEST_SIZE])
{
	struct key key = key_of(status);
	if (cache->n_sets == 0)
		return false;
	const struct slot *set = &cache->slots[set_of(cache, &key) * WAYS];
	for (size_t i = 0; i < WAYS; i++) {
		if (memcmp(&set[i].key, &key, sizeof(key)) != 0)
			continue;
		memcpy(ret_digest, set[i].digest, DIGEST_SIZE);
		return true;
	}
	return false;
}

void hash_cache_put(struct hash_cache *cache, const struct stat *status, const uint8_t digest[DIGEST_SIZE])
{
	struct key key = key_of(status);
	if (cache->n_sets == 0)
		return;
	struct slot *set = &cache->slots[set_of(cache, &key) * WAYS];
	struct slot *slot = &set[cache->turn++ % WAYS];
	/* an older state of the same file is worth nothing any more */
	for (size_t i = 0; i < WAYS; i++)
		if (set[i].key.ino == key.ino && set[i].key.dev == key.dev)
			slot = &set[i];
	slot->key = key;
	memcpy(slot->digest, digest, DIGEST_SIZE);
}

/* Local file systems whose page_mkwrite notes the time. */
static const uint64_t noting[] = {EXT4_SUPER_MAGIC, XFS_SUPER_MAGIC, BTRFS_SUPER_MAGIC, F2FS_SUPER_MAGIC};

bool hash_cache_is_safe(const struct stat *status, uint64_t magic, int64_t now_s)
{
	if (status->st_ctim.tv_sec > now_s - HASH_CACHE_AGE_S)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(noting); i++)
		if (noting[i] == magic)
			return true;
	return false;
}

bool hash_cache_fd_is_safe(int fd, const struct stat *status)
{
	struct statfs fs;
	if (fstatfs(fd, &fs) < 0)
		return false;
	return hash_cache_is_safe(status, (uint64_t)fs.f_type, time(NULL));
}

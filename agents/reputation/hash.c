/* SPDX-License-Identifier: Apache-2.0 */
#include "reputation/hash.h"

#include "common/common.h"

#include <errno.h>
#include <openssl/evp.h>
#include <unistd.h>

int hash_begin(struct hash *hash, const struct stat *status)
{
	*hash = (struct hash){.context = EVP_MD_CTX_new(), .at_begin = *status};
	if (!hash->context || EVP_DigestInit_ex(hash->context, EVP_sha256(), NULL) != 1) {
		hash_deinit(hash);
		return -ENOMEM;
	}
	return 0;
}

void hash_deinit(struct hash *hash)
{
	EVP_MD_CTX_free(hash->context);
	hash->context = NULL;
}

static bool is_same(const struct stat *a, const struct stat *b)
{
	return a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	       a->st_mtim.tv_nsec == b->st_mtim.tv_nsec && a->st_ctim.tv_sec == b->st_ctim.tv_sec &&
	       a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

static int finish(struct hash *hash, int fd, uint8_t ret_digest[DIGEST_SIZE])
{
	struct stat now;
	uint8_t digest[DIGEST_SIZE];
	if (fstat(fd, &now) < 0)
		return -errno;
	if (!is_same(&hash->at_begin, &now)) {
		if (hash->restarts == HASH_RESTARTS_MAX)
			return HASH_CHANGING;
		hash->restarts++;
		hash->at_begin = now;
		hash->offset = 0;
		return EVP_DigestInit_ex(hash->context, NULL, NULL) == 1 ? HASH_MORE : -ENOMEM;
	}
	if (EVP_DigestFinal_ex(hash->context, digest, NULL) != 1)
		return -EIO;
	memcpy(ret_digest, digest, DIGEST_SIZE);
	return HASH_DONE;
}

int hash_step(struct hash *hash, int fd, uint8_t ret_digest[DIGEST_SIZE])
{
	static unsigned char slice[HASH_SLICE_SIZE];
	ssize_t r = pread(fd, slice, sizeof(slice), (off_t)hash->offset);
	if (r < 0)
		return errno == EINTR ? HASH_MORE : -errno;
	if (r > 0 && EVP_DigestUpdate(hash->context, slice, (size_t)r) != 1)
		return -EIO;
	hash->offset += (uint64_t)r;
	/* one that grows for ever must not be read for ever */
	if (r == 0 || hash->offset >= (uint64_t)hash->at_begin.st_size)
		return finish(hash, fd, ret_digest);
	return HASH_MORE;
}

uint64_t hash_left_bytes(const struct hash *hash)
{
	uint64_t size = (uint64_t)hash->at_begin.st_size;
	return size > hash->offset ? size - hash->offset : 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hash: the SHA-256 of an open file, a slice at a time.
 *
 *     hash_begin() ─▶ hash_step() … ─▶ digest
 *
 * A file whose size or times change meanwhile is begun again, HASH_RESTARTS_MAX times. Reads with pread(2) from a
 * descriptor that is given at each step and never kept.
 */
#pragma once

#include "reputation/digest.h"

#include <stddef.h>
#include <sys/stat.h>

#define HASH_SLICE_SIZE (256u << 10)
#define HASH_RESTARTS_MAX 2u

struct hash {
	void *context;
	struct stat at_begin;
	uint64_t offset;
	unsigned restarts;
};

enum hash_result {
	HASH_MORE = 0,
	HASH_DONE = 1,
	HASH_CHANGING = 2, /* it changed each time */
};

/* status: of the descriptor, as fstat(2) gave it just now. -ENOMEM. */
int hash_begin(struct hash *hash, const struct stat *status);
void hash_deinit(struct hash *hash);

/* Takes in one slice. An enum hash_result, or -errno of pread(2). */
int hash_step(struct hash *hash, int fd, uint8_t ret_digest[DIGEST_SIZE]);

/* Bytes that are left, by the size it had. */
uint64_t hash_left_bytes(const struct hash *hash);

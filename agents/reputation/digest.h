/* SPDX-License-Identifier: Apache-2.0 */
/* digest: 32 bytes of SHA-256, and their 64 hexadecimal digits. Pure. */
#pragma once

#include <stdint.h>
#include <string.h>

#define DIGEST_SIZE 32u
#define DIGEST_HEX_SIZE 64u

/* The first eight bytes as a number that sorts as the digest does. */
static inline uint64_t digest_prefix(const uint8_t *digest)
{
	uint64_t word;
	memcpy(&word, digest, sizeof(word));
	return __builtin_bswap64(word);
}

/* hex: room for DIGEST_HEX_SIZE + 1. */
static inline void digest_to_hex(const uint8_t *digest, char *hex)
{
	static const char digits[] = "0123456789abcdef";
	for (unsigned i = 0; i < DIGEST_SIZE; i++) {
		hex[2 * i] = digits[digest[i] >> 4];
		hex[2 * i + 1] = digits[digest[i] & 15];
	}
	hex[DIGEST_HEX_SIZE] = '\0';
}

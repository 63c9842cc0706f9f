/* SPDX-License-Identifier: Apache-2.0 */
/*
 * list_format: a compiled list as it lies in its file. Byte order of the machine that compiled it.
 *
 *     struct list_header | n × struct list_record, ascending, no two digests alike | names
 */
#pragma once

#include "reputation/digest.h"

#include <stddef.h>

#define LIST_MAGIC UINT64_C(0x31545550455253) /* "SREPUT1" */
#define LIST_ENTRIES_MAX 10000000u
#define LIST_NAME_SIZE 64u
#define LIST_VERSION_SIZE 64u
#define LIST_NAMES_MAX (UINT32_C(1) << 30)
#define LIST_META_DENY (UINT32_C(1) << 31)

struct list_header {
	uint64_t magic;
	uint64_t n_entries;
	uint64_t names_size;
	uint64_t checksum; /* list_sum() of all that follows the header */
	char version[LIST_VERSION_SIZE]; /* NUL-terminated */
};

/* meta: LIST_META_DENY, and the offset of the entry's name in `names` plus 1, or 0 when it has none. A name ends in
 * NUL. */
struct list_record {
	uint8_t digest[DIGEST_SIZE];
	uint32_t meta;
	uint32_t reserved; /* 0 */
};

_Static_assert(sizeof(struct list_header) == 96, "file format");
_Static_assert(sizeof(struct list_record) == 40, "file format");

/* Finds accidents, not malice: lists are signed as packages are. Sum up in pieces of a multiple of 8 bytes; the
 * last piece is padded with zeros. */
static inline uint64_t list_sum(uint64_t sum, const void *bytes, size_t size)
{
	const unsigned char *at = bytes;
	for (size_t i = 0; i < size; i += 8) {
		uint64_t word = 0;
		memcpy(&word, at + i, size - i < 8 ? size - i : 8);
		sum = (sum ^ word) * UINT64_C(0x9fb21c651e98df25);
		sum ^= sum >> 32;
	}
	return sum;
}

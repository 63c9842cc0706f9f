/* SPDX-License-Identifier: Apache-2.0 */
#include "recorder/crc32c.h"

/* The checksum is linear: the entry of a byte is the exclusive or of the entries of its bits. */
#define BIT(i, bit, entry) ((i) & 1u << (bit) ? entry : 0u)
#define ENTRY(i) \
	(BIT(i, 0, 0xf26b8303u) ^ BIT(i, 1, 0xe13b70f7u) ^ BIT(i, 2, 0xc79a971fu) ^ BIT(i, 3, 0x8ad958cfu) ^ \
	 BIT(i, 4, 0x105ec76fu) ^ BIT(i, 5, 0x20bd8edeu) ^ BIT(i, 6, 0x417b1dbcu) ^ BIT(i, 7, 0x82f63b78u))
#define ROW4(i) ENTRY(i), ENTRY((i) + 1), ENTRY((i) + 2), ENTRY((i) + 3)
#define ROW16(i) ROW4(i), ROW4((i) + 4), ROW4((i) + 8), ROW4((i) + 12)
#define ROW64(i) ROW16(i), ROW16((i) + 16), ROW16((i) + 32), ROW16((i) + 48)

/* NOLINTNEXTLINE(misc-redundant-expression): 0 & 1 is what the first entry is made of */
static const uint32_t table[256] = {ROW64(0u), ROW64(64u), ROW64(128u), ROW64(192u)};

uint32_t crc32c(uint32_t crc, const void *bytes, size_t size)
{
	const unsigned char *at = bytes;
	crc = ~crc;
	for (size_t i = 0; i < size; i++)
		crc = table[(crc ^ at[i]) & 0xff] ^ crc >> 8;
	return ~crc;
}

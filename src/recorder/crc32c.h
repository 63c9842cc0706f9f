/* SPDX-License-Identifier: Apache-2.0 */
/* crc32c: the checksum of RFC 3720, appendix B.4 (Castagnoli). Finds accidents, not malice. Pure. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Goes on from `crc`: 0 for the first bytes, the last result for those that follow. */
uint32_t crc32c(uint32_t crc, const void *bytes, size_t size);

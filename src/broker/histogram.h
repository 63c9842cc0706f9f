/* SPDX-License-Identifier: Apache-2.0 */
/* histogram: latencies in buckets of powers of two, each cut in four; never allocates. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define HISTOGRAM_BUCKETS 256u

struct histogram {
	uint64_t n;
	uint64_t buckets[HISTOGRAM_BUCKETS];
};

void histogram_add(struct histogram *histogram, uint64_t value);
/* The value that this many of a thousand do not exceed: the upper end of its bucket (at most a quarter too much).
 * 0 when nothing was added. */
uint64_t histogram_permille(const struct histogram *histogram, uint32_t permille);
/* The next bucket that is not empty: begin with *bucket = 0. The last bucket's end is UINT64_MAX. */
bool histogram_next(const struct histogram *histogram, uint32_t *bucket, uint64_t *ret_end, uint64_t *ret_count);

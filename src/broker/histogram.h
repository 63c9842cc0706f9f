/* SPDX-License-Identifier: Apache-2.0 */
/* histogram: latencies in buckets of powers of two, each cut in four; never allocates. */
#pragma once

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

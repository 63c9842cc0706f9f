/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/histogram.h"

/* 0…7 have a bucket each; above, the three highest bits choose: exponent, and the quarter within it. */
static uint32_t bucket_of(uint64_t value)
{
	if (value < 8)
		return (uint32_t)value;
	uint32_t exponent = 63 - (uint32_t)__builtin_clzll(value);
	return exponent * 4 + (uint32_t)(value >> (exponent - 2) & 3);
}

static uint64_t bucket_end(uint32_t bucket)
{
	if (bucket < 8)
		return bucket;
	uint32_t exponent = bucket / 4;
	uint64_t quarter = UINT64_C(1) << (exponent - 2);
	return (UINT64_C(1) << exponent) + (bucket % 4 + 1) * quarter - 1;
}

void histogram_add(struct histogram *histogram, uint64_t value)
{
	histogram->n++;
	histogram->buckets[bucket_of(value)]++;
}

uint64_t histogram_permille(const struct histogram *histogram, uint32_t permille)
{
	uint64_t rank = (histogram->n * permille + 999) / 1000, seen = 0;
	if (histogram->n == 0)
		return 0;
	for (uint32_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
		seen += histogram->buckets[i];
		if (seen >= rank && seen > 0)
			return bucket_end(i);
	}
	return UINT64_MAX;
}

bool histogram_next(const struct histogram *histogram, uint32_t *bucket, uint64_t *ret_end, uint64_t *ret_count)
{
	while (*bucket < HISTOGRAM_BUCKETS) {
		uint32_t i = (*bucket)++;
		if (histogram->buckets[i] == 0)
			continue;
		*ret_end = bucket_end(i);
		*ret_count = histogram->buckets[i];
		return true;
	}
	return false;
}

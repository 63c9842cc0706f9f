/* SPDX-License-Identifier: Apache-2.0 */
#include "verdict/slowness.h"

#include "base/macro.h"

#include <stdbool.h>
#include <string.h>

static struct slowness_bucket *bucket_at(struct slowness *slowness, uint64_t now_ns)
{
	uint64_t number = now_ns / SLOWNESS_BUCKET_NS;
	struct slowness_bucket *bucket = &slowness->buckets[number % SLOWNESS_BUCKETS];
	if (bucket->number != number)
		*bucket = (struct slowness_bucket){.number = number};
	return bucket;
}

/* Divided, not multiplied: a deadline of any length. */
static bool is_slow(const struct slowness_limits *limits, uint64_t took_ns, uint64_t allowed_ns)
{
	return allowed_ns != 0 && took_ns > allowed_ns / 100 * limits->share_percent;
}

struct slowness_sum slowness_sum(const struct slowness *slowness, uint64_t now_ns)
{
	struct slowness_sum sum = {0};
	uint64_t number = now_ns / SLOWNESS_BUCKET_NS;
	for (uint32_t i = 0; i < SLOWNESS_BUCKETS; i++) {
		const struct slowness_bucket *bucket = &slowness->buckets[i];
		if (bucket->number > number || number - bucket->number >= SLOWNESS_BUCKETS)
			continue;
		sum.waited_ns += bucket->waited_ns;
		sum.answers += bucket->answers;
	}
	return sum;
}

enum slowness_result slowness_add(struct slowness *slowness, const struct slowness_limits *limits, uint64_t asked_ns,
				  uint64_t answered_ns, uint64_t allowed_ns)
{
	if (limits->budget_ns == 0 || answered_ns <= asked_ns || !is_slow(limits, answered_ns - asked_ns, allowed_ns))
		return SLOWNESS_QUICK;
	uint64_t from_ns = MAX(asked_ns, slowness->counted_until_ns);
	struct slowness_bucket *bucket = bucket_at(slowness, answered_ns);
	bucket->answers++;
	if (answered_ns > from_ns)
		bucket->waited_ns += answered_ns - from_ns;
	slowness->counted_until_ns = MAX(slowness->counted_until_ns, answered_ns);
	struct slowness_sum sum = slowness_sum(slowness, answered_ns);
	return sum.answers >= SLOWNESS_LEAST && sum.waited_ns > limits->budget_ns ? SLOWNESS_TOO_SLOW : SLOWNESS_SLOW;
}

void slowness_reset(struct slowness *slowness)
{
	memset(slowness, 0, sizeof(*slowness));
}

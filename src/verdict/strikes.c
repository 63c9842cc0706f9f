/* SPDX-License-Identifier: Apache-2.0 */
#include "verdict/strikes.h"

#include "base/macro.h"

static uint32_t enough(const struct strikes_limits *limits)
{
	return MIN(MAX(limits->strikes_max, 1u), STRIKES_KEPT);
}

uint32_t strikes_count(const struct strikes *strikes, const struct strikes_limits *limits, uint64_t now_ns)
{
	uint32_t count = 0;
	uint64_t oldest = strikes->total > STRIKES_KEPT ? strikes->total - STRIKES_KEPT : 0;
	for (uint64_t i = strikes->total; i > MAX(oldest, strikes->counted_from); i--) {
		uint64_t at_ns = strikes->at_ns[(i - 1) % STRIKES_KEPT];
		if (now_ns > at_ns && now_ns - at_ns >= limits->window_ns)
			break;
		count++;
	}
	return count;
}

uint32_t strikes_add(struct strikes *strikes, const struct strikes_limits *limits, uint64_t now_ns)
{
	strikes->at_ns[strikes->total % STRIKES_KEPT] = now_ns;
	strikes->total++;
	return strikes_count(strikes, limits, now_ns);
}

bool strikes_are_enough(const struct strikes_limits *limits, uint32_t count)
{
	return count >= enough(limits);
}

struct strikes_bench strikes_begin_bench(struct strikes *strikes, const struct strikes_limits *limits, uint64_t now_ns)
{
	bool again = strikes->benches > 0 && now_ns - strikes->bench_began_ns < STRIKES_CALM_NS;
	bool calm = strikes->benches == 0 ||
		    (now_ns > strikes->bench_ended_ns && now_ns - strikes->bench_ended_ns >= STRIKES_CALM_NS);
	strikes->benches = calm ? 1 : strikes->benches + 1;

	uint64_t length_ns = limits->bench_ns;
	for (uint32_t i = 1; i < strikes->benches && length_ns < STRIKES_BENCH_MAX_NS; i++)
		length_ns *= 2;
	length_ns = MIN(length_ns, STRIKES_BENCH_MAX_NS);

	strikes->counted_from = strikes->total;
	strikes->bench_began_ns = now_ns;
	strikes->bench_ended_ns = now_ns + length_ns;
	return (struct strikes_bench){.until_ns = now_ns + length_ns, .roll_back = again};
}

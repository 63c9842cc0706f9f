/* SPDX-License-Identifier: Apache-2.0 */
#include "verdict/rate.h"

#include "base/macro.h"

static void expire(struct rate *rate, uint64_t window_ns, uint64_t now_ns)
{
	while (rate->n > 0) {
		uint64_t at_ns = rate->at_ns[rate->first];
		if (now_ns < at_ns || now_ns - at_ns < window_ns)
			return;
		rate->first = (rate->first + 1) % RATE_KEPT;
		rate->n--;
	}
}

bool rate_take(struct rate *rate, uint32_t limit, uint64_t window_ns, uint64_t now_ns)
{
	expire(rate, window_ns, now_ns);
	if (rate->n >= MIN(limit, RATE_KEPT))
		return false;
	rate->at_ns[(rate->first + rate->n++) % RATE_KEPT] = now_ns;
	return true;
}

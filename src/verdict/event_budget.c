/* SPDX-License-Identifier: Apache-2.0 */
#include "verdict/event_budget.h"

bool event_budget_take(struct event_budget *budget, uint32_t limit_per_s, uint64_t now_ns)
{
	if (limit_per_s == 0)
		return true;
	if (budget->used == 0 || now_ns - budget->since_ns >= EVENT_BUDGET_WINDOW_NS)
		*budget = (struct event_budget){.since_ns = now_ns};
	if (budget->used >= limit_per_s)
		return false;
	budget->used++;
	return true;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "cage/life.h"

#include "base/macro.h"

#include <string.h>

#define BACKOFF_FIRST_NS (UINT64_C(100) * 1000000)
#define BACKOFF_MAX_NS (UINT64_C(10) * 1000000000)

#define STEP(state, action) {LIFE_##state, LIFE_DO_##action}
#define STAY(state) {LIFE_##state, LIFE_DO_NOTHING}

static const struct life_step table[LIFE_N_STATES][LIFE_N_EVENTS] =
	{
		[LIFE_OFF] =
			{
				[LIFE_START] = STEP(STARTING, SPAWN),
				[LIFE_STOP] = STAY(OFF),
				[LIFE_RESTART] = STEP(STARTING, SPAWN),
				[LIFE_UPGRADE] = STAY(OFF),
				[LIFE_CALLED_LIVE] = STAY(OFF),
				[LIFE_LOST] = STAY(OFF),
				[LIFE_ENDED] = STAY(OFF),
				[LIFE_ENDED_OFTEN] = STAY(OFF),
				[LIFE_TIMER] = STAY(OFF),
				[LIFE_NEW_LIVE] = STAY(OFF),
				[LIFE_NEW_GONE] = STAY(OFF),
			},
		[LIFE_STARTING] =
			{
				[LIFE_START] = STAY(STARTING),
				[LIFE_STOP] = STEP(STOPPING, ASK),
				[LIFE_RESTART] = STEP(RESTARTING, ASK),
				[LIFE_UPGRADE] = STEP(RESTARTING, ASK),
				[LIFE_CALLED_LIVE] = STAY(LIVE),
				[LIFE_LOST] = STEP(STARTING, KILL),
				[LIFE_ENDED] = STEP(BACKOFF, WAIT),
				[LIFE_ENDED_OFTEN] = STEP(FAILED, GIVE_UP),
				[LIFE_TIMER] = STAY(STARTING),
				[LIFE_NEW_LIVE] = STAY(STARTING),
				[LIFE_NEW_GONE] = STAY(STARTING),
			},
		[LIFE_LIVE] =
			{
				[LIFE_START] = STAY(LIVE),
				[LIFE_STOP] = STEP(STOPPING, ASK),
				[LIFE_RESTART] = STEP(RESTARTING, ASK),
				[LIFE_UPGRADE] = STEP(UPGRADING, BESIDE),
				[LIFE_CALLED_LIVE] = STAY(LIVE),
				[LIFE_LOST] = STEP(STARTING, KILL),
				[LIFE_ENDED] = STEP(BACKOFF, WAIT),
				[LIFE_ENDED_OFTEN] = STEP(FAILED, GIVE_UP),
				[LIFE_TIMER] = STAY(LIVE),
				[LIFE_NEW_LIVE] = STAY(LIVE),
				[LIFE_NEW_GONE] = STAY(LIVE),
			},
		[LIFE_STOPPING] =
			{
				[LIFE_START] = STAY(RESTARTING),
				[LIFE_STOP] = STAY(STOPPING),
				[LIFE_RESTART] = STAY(RESTARTING),
				[LIFE_UPGRADE] = STAY(STOPPING),
				[LIFE_CALLED_LIVE] = STAY(STOPPING),
				[LIFE_LOST] = STAY(STOPPING),
				[LIFE_ENDED] = STAY(OFF),
				[LIFE_ENDED_OFTEN] = STAY(OFF),
				[LIFE_TIMER] = STEP(STOPPING, KILL),
				[LIFE_NEW_LIVE] = STAY(STOPPING),
				[LIFE_NEW_GONE] = STAY(STOPPING),
			},
		[LIFE_RESTARTING] =
			{
				[LIFE_START] = STAY(RESTARTING),
				[LIFE_STOP] = STAY(STOPPING),
				[LIFE_RESTART] = STAY(RESTARTING),
				[LIFE_UPGRADE] = STAY(RESTARTING),
				[LIFE_CALLED_LIVE] = STAY(RESTARTING),
				[LIFE_LOST] = STAY(RESTARTING),
				[LIFE_ENDED] = STEP(STARTING, SPAWN),
				[LIFE_ENDED_OFTEN] = STEP(STARTING, SPAWN),
				[LIFE_TIMER] = STEP(RESTARTING, KILL),
				[LIFE_NEW_LIVE] = STAY(RESTARTING),
				[LIFE_NEW_GONE] = STAY(RESTARTING),
			},
		[LIFE_BACKOFF] =
			{
				[LIFE_START] = STEP(STARTING, SPAWN),
				[LIFE_STOP] = STAY(OFF),
				[LIFE_RESTART] = STEP(STARTING, SPAWN),
				[LIFE_UPGRADE] = STEP(STARTING, SPAWN),
				[LIFE_CALLED_LIVE] = STAY(BACKOFF),
				[LIFE_LOST] = STAY(BACKOFF),
				[LIFE_ENDED] = STAY(BACKOFF),
				[LIFE_ENDED_OFTEN] = STAY(BACKOFF),
				[LIFE_TIMER] = STEP(STARTING, SPAWN),
				[LIFE_NEW_LIVE] = STAY(BACKOFF),
				[LIFE_NEW_GONE] = STAY(BACKOFF),
			},
		[LIFE_FAILED] =
			{
				[LIFE_START] = STEP(STARTING, SPAWN),
				[LIFE_STOP] = STAY(OFF),
				[LIFE_RESTART] = STEP(STARTING, SPAWN),
				[LIFE_UPGRADE] = STEP(STARTING, SPAWN),
				[LIFE_CALLED_LIVE] = STAY(FAILED),
				[LIFE_LOST] = STAY(FAILED),
				[LIFE_ENDED] = STAY(FAILED),
				[LIFE_ENDED_OFTEN] = STAY(FAILED),
				[LIFE_TIMER] = STAY(FAILED),
				[LIFE_NEW_LIVE] = STAY(FAILED),
				[LIFE_NEW_GONE] = STAY(FAILED),
			},
		[LIFE_UPGRADING] =
			{
				[LIFE_START] = STAY(UPGRADING),
				[LIFE_STOP] = STEP(STOPPING, ASK),
				[LIFE_RESTART] = STEP(RESTARTING, ASK),
				[LIFE_UPGRADE] = STEP(UPGRADING, BESIDE),
				[LIFE_CALLED_LIVE] = STAY(UPGRADING),
				[LIFE_LOST] = STEP(UPGRADING, KILL),
				[LIFE_ENDED] = STEP(STARTING, PROMOTE),
				[LIFE_ENDED_OFTEN] = STEP(STARTING, PROMOTE),
				[LIFE_TIMER] = STEP(LIVE, ABANDON),
				[LIFE_NEW_LIVE] = STEP(LIVE, SWITCH),
				[LIFE_NEW_GONE] = STEP(LIVE, ABANDON),
			},
};

struct life_step life_next(enum life_state state, enum life_event event)
{
	return table[state][event];
}

const char *life_name(enum life_state state)
{
	static const char *const names[] = {"off",        "starting", "live",   "stopping",
					    "restarting", "backoff",  "failed", "upgrading"};
	_Static_assert(ARRAY_SIZE(names) == LIFE_N_STATES, "one name a state");
	return names[state];
}

bool life_has_process(enum life_state state)
{
	return state == LIFE_STARTING || state == LIFE_LIVE || state == LIFE_STOPPING || state == LIFE_RESTARTING ||
	       state == LIFE_UPGRADING;
}

bool life_has_newcomer(enum life_state state)
{
	return state == LIFE_UPGRADING;
}

static unsigned counting(const struct life_crashes *crashes, uint64_t now_ns)
{
	unsigned n = 0;
	for (unsigned i = 0; i < LIFE_CRASHES_MAX && i < crashes->n; i++)
		n += now_ns - crashes->at_ns[i] < LIFE_CRASH_WINDOW_NS;
	return n;
}

bool life_crashed(struct life_crashes *crashes, uint64_t now_ns)
{
	crashes->at_ns[crashes->n++ % LIFE_CRASHES_MAX] = now_ns;
	return counting(crashes, now_ns) == LIFE_CRASHES_MAX;
}

uint64_t life_backoff_ns(const struct life_crashes *crashes, uint64_t now_ns)
{
	unsigned n = counting(crashes, now_ns);
	return n == 0 ? 0 : MIN(BACKOFF_MAX_NS, BACKOFF_FIRST_NS << (n - 1));
}

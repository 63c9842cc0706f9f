/* SPDX-License-Identifier: Apache-2.0 */
#include "base/busy_poll.h"

#include "base/macro.h"

#include <sched.h>

#define WEIGHT 8u /* of the past against one wait */
#define LONGEST_NS (10 * BUSY_POLL_WORTH_NS) /* a longer wait counts as this, so that a burst after it is soon seen */

void busy_poll_init(struct busy_poll *poll, bool alone)
{
	*poll = (struct busy_poll){.average_ns = LONGEST_NS, .alone = alone};
}

bool busy_poll_is_worth_it(const struct busy_poll *poll)
{
	return !poll->alone && poll->average_ns <= BUSY_POLL_WORTH_NS;
}

void busy_poll_note(struct busy_poll *poll, uint64_t waited_ns)
{
	poll->average_ns = (poll->average_ns * (WEIGHT - 1) + MIN(waited_ns, LONGEST_NS)) / WEIGHT;
}

bool busy_poll_alone(void)
{
	cpu_set_t set;
	return sched_getaffinity(0, sizeof(set), &set) == 0 && CPU_COUNT(&set) == 1;
}

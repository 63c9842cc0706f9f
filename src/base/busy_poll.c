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

bool busy_poll_is_worth_it(struct busy_poll *poll)
{
	if (poll->alone || poll->average_ns > BUSY_POLL_WORTH_NS)
		return false;
	if (poll->pause_left == 0)
		return true;
	poll->pause_left--;
	return false;
}

void busy_poll_note(struct busy_poll *poll, enum busy_poll_outcome outcome, uint64_t waited_ns)
{
	if (outcome == BUSY_POLL_IN_VAIN)
		poll->pause_left = poll->pause = MIN(2 * poll->pause + 1, BUSY_POLL_PAUSE_MAX);
	else if (outcome == BUSY_POLL_PAID)
		poll->pause /= 2;
	poll->average_ns = (poll->average_ns * (WEIGHT - 1) + MIN(waited_ns, LONGEST_NS)) / WEIGHT;
}

uint32_t busy_poll_processors(void)
{
	cpu_set_t set;
	return sched_getaffinity(0, sizeof(set), &set) == 0 ? (uint32_t)CPU_COUNT(&set) : CPU_SETSIZE;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "common/tally.h"

#include "common/common.h"

#include <inttypes.h>

/* Where an event was lost that already had a number for this agent: its ring, and its budget of events a second. */
#define LOST_WHERE_RING 3u
#define LOST_WHERE_BUDGET 4u

void tally_event(struct tally *tally, const struct rs_event *event)
{
	const struct rs_event_lost *lost = rs_event_lost(event);
	if (tally->sessions == 0 || event->seq <= tally->last) {
		tally->sessions++;
		tally->ended += tally->last;
	}
	tally->last = event->seq;
	tally->events++;
	tally->questions += (event->flags & RS_EVENT_IS_AUTH) != 0;
	if (!lost)
		return;
	if (lost->where == LOST_WHERE_RING || lost->where == LOST_WHERE_BUDGET)
		tally->lost += lost->count;
	else
		tally->lost_before += lost->count;
}

void tally_answer(struct tally *tally, bool deny, int r)
{
	if (r < 0)
		tally->refused++;
	else if (deny)
		tally->denies++;
	else
		tally->allows++;
}

int64_t tally_unexplained(const struct tally *tally)
{
	return (int64_t)(tally->ended + tally->last - tally->events - tally->lost);
}

void tally_say(const struct tally *tally, const char *name)
{
	say("tally %s sessions=%" PRIu64 " events=%" PRIu64 " lost=%" PRIu64 " last=%" PRIu64 " unexplained=%" PRId64
	    " lost_before=%" PRIu64 " questions=%" PRIu64 " allows=%" PRIu64 " denies=%" PRIu64 " refused=%" PRIu64,
	    name, tally->sessions, tally->events, tally->lost, tally->ended + tally->last, tally_unexplained(tally),
	    tally->lost_before, tally->questions, tally->allows, tally->denies, tally->refused);
}

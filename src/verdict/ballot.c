/* SPDX-License-Identifier: Apache-2.0 */
#include "verdict/ballot.h"

static const struct {
	bool denies;
	bool keeps;
	bool missed;
	bool overridden;
} votes[BALLOT_N_VOTES] = {
	[BALLOT_ALLOW] = {false, false, false, false},     [BALLOT_ALLOW_CACHE] = {false, true, false, false},
	[BALLOT_DENY] = {true, false, false, false},       [BALLOT_OVERRIDDEN] = {false, false, false, true},
	[BALLOT_MISS_ALLOW] = {false, false, true, false}, [BALLOT_MISS_DENY] = {true, false, true, false},
};

void ballot_init(struct ballot *ballot)
{
	*ballot = (struct ballot){.decider = BALLOT_NOBODY, .decision = BALLOT_OPEN, .cache = true};
}

void ballot_add(struct ballot *ballot, bool shadow)
{
	if (shadow)
		return;
	ballot->voters++;
	ballot->waiting++;
}

enum ballot_decision ballot_start(struct ballot *ballot)
{
	if (ballot->voters == 0) {
		ballot->decision = BALLOT_ALLOWED;
		ballot->cache = false;
	}
	return ballot->decision;
}

enum ballot_decision ballot_cast(struct ballot *ballot, uint16_t voter, bool shadow, enum ballot_vote vote)
{
	if (shadow || ballot->decision != BALLOT_OPEN || ballot->waiting == 0)
		return ballot->decision;
	ballot->waiting--;
	ballot->cache &= votes[vote].keeps;
	ballot->missed |= votes[vote].missed;
	ballot->overridden |= votes[vote].overridden;
	if (votes[vote].denies) {
		ballot->decision = BALLOT_DENIED;
		ballot->decider = voter;
	} else if (ballot->waiting == 0) {
		ballot->decision = BALLOT_ALLOWED;
	}
	return ballot->decision;
}

bool ballot_may_cache(const struct ballot *ballot)
{
	return ballot->decision == BALLOT_ALLOWED && ballot->cache;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ballot: the votes of many agents on one question → one decision. Pure.
 *
 *     ballot_init ─▶ ballot_add … ─▶ ballot_start ─▶ ballot_cast … ─▶ decision
 *
 * Deny wins, and the first deny decides at once. All counted voters allowed: allow. Shadow voters are not
 * counted: whatever they say, the decision is the one without them. A miss counts as what the operator set for it.
 * An allow may be kept (cached) only when every counted voter said so, and there was at least one.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum ballot_vote {
	BALLOT_ALLOW,
	BALLOT_ALLOW_CACHE, /* allow, and this holds for the bytes of the file */
	BALLOT_DENY,
	BALLOT_OVERRIDDEN, /* a deny that the platform does not apply */
	BALLOT_MISS_ALLOW, /* no answer in time */
	BALLOT_MISS_DENY,
	BALLOT_N_VOTES,
};

enum ballot_decision {
	BALLOT_OPEN,
	BALLOT_ALLOWED,
	BALLOT_DENIED,
};

#define BALLOT_NOBODY UINT16_MAX

struct ballot {
	uint16_t voters; /* counted ones */
	uint16_t waiting; /* of these, not heard */
	uint16_t decider; /* whose deny was first; BALLOT_NOBODY */
	uint8_t decision; /* enum ballot_decision */
	bool cache; /* nobody spoke against keeping it */
	bool missed; /* a counted voter missed */
	bool overridden; /* a counted voter's deny was not applied */
};

void ballot_init(struct ballot *ballot);
/* One more voter; only before ballot_start(). */
void ballot_add(struct ballot *ballot, bool shadow);
/* Ends the list of voters: with no counted voter the decision is allow, not cached. */
enum ballot_decision ballot_start(struct ballot *ballot);
/*
 * The vote of a voter, once for each. What comes after the decision changes nothing. Returns the decision as it is
 * now; the caller acts when it was BALLOT_OPEN before.
 */
enum ballot_decision ballot_cast(struct ballot *ballot, uint16_t voter, bool shadow, enum ballot_vote vote);
/* Whether the decision is an allow that may be kept. */
bool ballot_may_cache(const struct ballot *ballot);

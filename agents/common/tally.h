/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tally: what an agent read and answered, so that it can be held against what the platform says of it.
 *
 *     every event ─▶ tally_event()      every answer ─▶ tally_answer()      SIGUSR1, the end ─▶ tally_say()
 *
 * docs/CONTRACT.md: events read + events told as lost with 3 or 4 = the last sequence number. What is left over is
 * `unexplained`, and must be 0.
 */
#pragma once

#include <ringside/ringside.h>

struct tally {
	uint64_t sessions; /* numbers begin anew with each */
	uint64_t events; /* read */
	uint64_t lost; /* told as lost on the way to this agent */
	uint64_t lost_before; /* told as lost by the kernel or the engine: they have no numbers */
	uint64_t ended; /* last numbers of the sessions before this one */
	uint64_t last; /* of this session */
	uint64_t questions;
	uint64_t allows, denies; /* that went out */
	uint64_t refused; /* answers that did not: too late, or their session had ended */
};

void tally_event(struct tally *tally, const struct rs_event *event);
/* r: what rs_respond_*() returned. */
void tally_answer(struct tally *tally, bool deny, int r);
/* Numbers that neither came nor were told. */
int64_t tally_unexplained(const struct tally *tally);
/* One line on standard error: `tally NAME key=value …`, for people and for tests. name: of the agent. */
void tally_say(const struct tally *tally, const char *name);

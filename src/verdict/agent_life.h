/* SPDX-License-Identifier: Apache-2.0 */
/*
 * agent_life: what an agent's session is to verdicts, as a table: state × event → state, actions. Pure.
 *
 *     connecting ─▶ live | shadow ◀─▶ benched          all ─▶ gone
 *                        └─▶ retiring (a newer session of the same agent is live; it only answers what it owes)
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum life_state {
	LIFE_CONNECTING,
	LIFE_LIVE,
	LIFE_SHADOW, /* asked, recorded, not counted */
	LIFE_BENCHED, /* not asked; notify events still come */
	LIFE_RETIRING, /* nothing new comes; its answers to old questions count */
	LIFE_GONE,
	LIFE_N_STATES,
};

enum life_event {
	LIFE_READY,
	LIFE_READY_SHADOW,
	LIFE_READY_BENCHED, /* connected anew while its bench lasts */
	LIFE_BENCH,
	LIFE_UNBENCH,
	LIFE_UNBENCH_SHADOW,
	LIFE_SUPERSEDED, /* a newer session of the same agent is live */
	LIFE_DRAINED, /* owes no answer any more */
	LIFE_BYE,
	LIFE_CRASH, /* end of stream without a goodbye */
	LIFE_ERROR, /* broke the protocol */
	LIFE_N_EVENTS,
};

enum life_action {
	LIFE_FLUSH = 1 << 0, /* forget cached allows: somebody votes now who did not before */
	LIFE_RELEASE = 1 << 1, /* its open questions count as missed at once */
	LIFE_CLOSE = 1 << 2, /* close its session */
	LIFE_STRIKE = 1 << 3, /* counts against the agent */
	LIFE_SAY_STARTED = 1 << 4, /* these become platform events and notes to the cage */
	LIFE_SAY_BENCHED = 1 << 5,
	LIFE_SAY_UNBENCHED = 1 << 6,
	LIFE_SAY_CRASHED = 1 << 7,
	LIFE_SAY_STOPPED = 1 << 8,
	LIFE_SUPERSEDE = 1 << 9, /* retire older sessions of the same agent */
};

struct life_step {
	uint8_t next; /* enum life_state */
	uint16_t actions;
};

struct life_step life_next(enum life_state state, enum life_event event);
/* Is asked auth questions. */
bool life_votes(enum life_state state);
/* Gets notify events. */
bool life_listens(enum life_state state);
const char *life_name(enum life_state state);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * life: pure: the life of one agent's process, as a table.
 *
 *     off ─▶ starting ─▶ live ─▶ (ended) ─▶ backoff ─▶ starting …      too often: failed
 *                        ├─▶ stopping ─▶ off          └─▶ restarting ─▶ starting
 *                        └─▶ upgrading (a newcomer runs beside it) ─▶ live: the newcomer, or still the old one
 *
 * Its process is the one that guards. One that was replaced is on its way out and no part of this any more.
 *
 * No I/O, no clock: cage.c feeds events and does the actions.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum life_state {
	LIFE_OFF, /* stopped on purpose, or not enabled */
	LIFE_STARTING, /* the process runs; the engine has not called it live */
	LIFE_LIVE, /* the engine did */
	LIFE_STOPPING, /* told to end */
	LIFE_RESTARTING, /* told to end, to be started at once */
	LIFE_BACKOFF, /* ended by itself; waits to be started */
	LIFE_FAILED, /* ended by itself too often: stays down until somebody starts it */
	LIFE_UPGRADING, /* goes on while its newcomer starts beside it */
	LIFE_N_STATES,
};

enum life_event {
	LIFE_START, /* somebody wants it to run */
	LIFE_STOP, /* somebody wants it down */
	LIFE_RESTART, /* somebody wants it anew */
	LIFE_UPGRADE, /* somebody wants it anew, without a gap */
	LIFE_CALLED_LIVE, /* by the engine */
	LIFE_LOST, /* the engine ended its session, but its process runs */
	LIFE_ENDED, /* its process is gone, or could not be made */
	LIFE_ENDED_OFTEN, /* the same, once too often */
	LIFE_TIMER, /* the time that the last action set is over */
	LIFE_NEW_LIVE, /* the engine called the newcomer live */
	LIFE_NEW_GONE, /* the newcomer ended, lost its session, or could not be made */
	LIFE_N_EVENTS,
};

enum life_action {
	LIFE_DO_NOTHING,
	LIFE_DO_SPAWN,
	LIFE_DO_ASK, /* SIGTERM, and set the time after which it is killed; a newcomer is taken away */
	LIFE_DO_KILL, /* SIGKILL to all of it */
	LIFE_DO_WAIT, /* set the time until the next start */
	LIFE_DO_GIVE_UP, /* report it */
	LIFE_DO_BESIDE, /* start a newcomer, in the place of one there is, and set the time until it must be live */
	LIFE_DO_SWITCH, /* the newcomer takes its place; the old process answers what it owes and ends */
	LIFE_DO_ABANDON, /* take the newcomer away, and report it */
	LIFE_DO_PROMOTE, /* the newcomer takes the place of the process that ended */
	LIFE_N_ACTIONS,
};

struct life_step {
	enum life_state state;
	enum life_action action;
};

struct life_step life_next(enum life_state state, enum life_event event);

const char *life_name(enum life_state state);
/* Whether a process exists in this state, and whether a newcomer beside it. */
bool life_has_process(enum life_state state);
bool life_has_newcomer(enum life_state state);

#define LIFE_CRASHES_MAX 3u
#define LIFE_CRASH_WINDOW_NS (UINT64_C(600) * 1000000000)

/* When an agent ended by itself: the last few times. */
struct life_crashes {
	uint64_t at_ns[LIFE_CRASHES_MAX];
	uint64_t n; /* in all */
};

/* Notes one; true when it was the third within ten minutes. */
bool life_crashed(struct life_crashes *crashes, uint64_t now_ns);
/* How long to wait after the crashes that still count: 100 ms, doubled with each, at most 10 s. */
uint64_t life_backoff_ns(const struct life_crashes *crashes, uint64_t now_ns);

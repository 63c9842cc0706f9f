/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mode: one way to misbehave, and what the platform must do about it. Each is one row of one of four tables.
 *
 *     modes_handshake.c: instead of a handshake      modes_live.c: as a live agent      modes_question.c: when asked
 *     modes_machine.c: as a live agent, to the machine
 */
#pragma once

#include "hostile/raw.h"

enum mode_when {
	MODE_CONNECTED, /* there is a session, and nothing was said on it */
	MODE_LIVE, /* handshake, subscription and READY went well */
	MODE_ASKED, /* a question is here */
};

/* What a mode leaves behind. */
enum mode_result {
	MODE_ANSWER = 0, /* go on; the question, when there is one, is still to be answered */
	MODE_GO_ON = 1, /* go on; the question is taken care of, or left alone on purpose */
	MODE_AGAIN = 2, /* call it again after each event */
	/* <0, -errno: the session has ended */
};

struct mode {
	const char *name;
	enum mode_when when;
	int (*run)(struct raw *raw, const struct mode *mode, const struct rs_event *event); /* event NULL: not asked */
	const char *does;
	const char *must; /* what the platform must do */
	int number; /* for rows that share a function */
};

extern const struct mode modes_handshake[];
extern const size_t n_modes_handshake;
extern const struct mode modes_live[];
extern const size_t n_modes_live;
extern const struct mode modes_machine[];
extern const size_t n_modes_machine;
extern const struct mode modes_question[];
extern const size_t n_modes_question;

/* How long the modes that creep take a minute to be; less for tests. */
extern unsigned mode_minute_ms;

/* Waits for ever, doing nothing, not even reading. */
int mode_hang(struct raw *raw, const struct mode *mode, const struct rs_event *event);
/* Says on standard error what the platform answers within a moment; -EPIPE when it ended the session. */
int mode_report(struct raw *raw, const struct mode *mode);

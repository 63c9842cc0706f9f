/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wants: what the agent has asked the engine for, so that the next engine can be asked for the same.
 *
 *     request accepted ─▶ wants_apply ─▶ [subscriptions, mutes, inversions] ─▶ wants_replay ─▶ the same requests,
 * fewest
 *
 * Pure state, no input or output. The arithmetic of mutes is that of wire/session.h.
 */
#pragma once

#include "base/list.h"
#include "wire/session.h"

#include <stdbool.h>

union wants_request {
	struct session_head head;
	struct session_subscribe subscribe;
	struct session_mute mute;
};

struct wants_type {
	uint32_t flags; /* enum session_subscribe_flags */
	uint32_t deadline_ms;
	bool subscribed;
};

struct wants {
	struct wants_type types[RS_EVENT_TYPE_LIMIT];
	struct list mutes; /* struct wants_mute */
	struct list *prepared; /* for the next wants_apply(), or NULL */
	uint32_t inverted; /* one bit a kind */
};

/* How far a replay has come. Begin with all zero. */
struct wants_cursor {
	struct session_event_set types;
	size_t n_mutes;
	uint32_t kind;
};

void wants_init(struct wants *wants);
void wants_deinit(struct wants *wants);

/* Takes the memory that wants_apply() of this request may need, so that what the engine accepted can always be
 * kept. -ENOMEM. */
int wants_prepare(struct wants *wants, const union wants_request *request);

/* The engine accepted a SUBSCRIBE or MUTE. Call wants_prepare() before sending it. */
void wants_apply(struct wants *wants, const union wants_request *request);

/* The next request to repeat, without a number; false when all are done. Order: inversions, mutes, subscriptions,
 * so that nothing muted slips through. */
bool wants_replay(const struct wants *wants, struct wants_cursor *cursor, union wants_request *ret);

/* The engine refused what wants_replay() gave last: it is wanted no more. */
void wants_refused(struct wants *wants, struct wants_cursor *cursor, const union wants_request *request);

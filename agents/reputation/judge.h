/* SPDX-License-Identifier: Apache-2.0 */
/*
 * judge: questions into answers, several at a time, by one thread.
 *
 *     judge_take() ─▶ answered at once, or in progress ─▶ judge_step(): one slice of one file ─▶ … ─▶ answer()
 *
 * Which file gets the next slice: of those with little left the one with the nearest deadline, then of the large ones;
 * each JUDGE_FAIR_TURN-th slice goes to the nearest deadline of all, so that many small files cannot keep a large one
 * from being looked at. A question whose time runs out before its file is hashed is allowed, counted, never cached.
 *
 * Hand-over: judge_take() makes the judge answer the event, exactly once, through answer(). The event's descriptor is
 * asked for at each slice and never kept: it goes with the session.
 */
#pragma once

#include "reputation/hash_cache.h"
#include "reputation/list.h"

#include <ringside/ringside.h>

#define JUDGE_QUESTIONS_MAX 256u
#define JUDGE_SMALL_BYTES (4u << 20)
#define JUDGE_FAIR_TURN 4u
#define JUDGE_MARGIN_NS UINT64_C(20000000) /* kept of a question's time for the answer itself; at most a quarter */

enum judge_outcome {
	JUDGE_DENIED, /* listed as deny */
	JUDGE_ALLOWED, /* listed as allow */
	JUDGE_UNLISTED,
	JUDGE_TOO_LARGE,
	JUDGE_NO_TIME,
	JUDGE_CHANGING, /* the file changed each time it was hashed */
	JUDGE_NOT_A_FILE, /* a directory, a device … */
	JUDGE_NO_DESCRIPTOR,
	JUDGE_READ_ERROR,
	JUDGE_LIST_ERROR,
	JUDGE_TOO_MANY, /* JUDGE_QUESTIONS_MAX are in progress */
	JUDGE_N_OUTCOMES,
};

struct judge_answer {
	enum judge_outcome outcome;
	bool deny;
	bool cache;
	char digest[DIGEST_HEX_SIZE + 1]; /* "" when it was not learnt */
	char name[LIST_NAME_SIZE]; /* of the entry that denied it */
};

struct judge_ops {
	void *data;
	int (*fd)(void *data, const struct rs_event *event); /* as rs_event_fd() */
	void (*answer)(void *data, const struct rs_event *event, const struct judge_answer *answer);
};

struct judge_policy {
	bool deny_unlisted;
	bool deny_too_large;
	uint64_t size_max_bytes;
};

struct judge_counters {
	uint64_t questions;
	uint64_t outcomes[JUDGE_N_OUTCOMES];
	uint64_t hashed_bytes;
	uint64_t hash_cache_hits;
};

extern const char *const judge_outcome_names[JUDGE_N_OUTCOMES];

struct judge;

/* list and cache are borrowed; ops and policy copied. -ENOMEM. */
int judge_new(const struct judge_ops *ops, const struct judge_policy *policy, const struct list *list,
	      struct hash_cache *cache, struct judge **ret);
/* What is in progress is not answered any more. */
struct judge *judge_free(struct judge *judge);

/* From now on this list counts, also for what is in progress. */
void judge_set_list(struct judge *judge, const struct list *list);

/* event is borrowed. */
void judge_take(struct judge *judge, const struct rs_event *event);

/* One slice. False when nothing is in progress. */
bool judge_step(struct judge *judge);

const struct judge_counters *judge_counters(const struct judge *judge);

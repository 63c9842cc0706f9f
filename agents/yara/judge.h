/* SPDX-License-Identifier: Apache-2.0 */
/*
 * judge: questions into answers, as many at a time as there are workers.
 *
 *     judge_take() ─▶ answered at once │ waits ─▶ a worker ─▶ judge_turn(): result ─▶ policy ─▶ answer()
 *                                        └────────┴─▶ no time left ─▶ answer(), the worker is ended
 *
 * Who is next: the question with the nearest deadline. Large files may hold all workers but one, so that small ones
 * always get through. A worker stops by itself JUDGE_MARGIN_NS before it is ended, and it is ended as long before the
 * deadline: whatever libyara, a file or its file system does, the question is answered in time.
 *
 * Hand-over: judge_take() makes the judge answer the event, exactly once, through answer(). The event's descriptor is
 * asked for when a worker is free and never kept here.
 */
#pragma once

#include "yara/policy.h"
#include "yara/pool.h"

#include <ringside/ringside.h>

#define JUDGE_QUESTIONS_MAX 256u
#define JUDGE_LARGE_BYTES (4u << 20)
#define JUDGE_MARGIN_NS UINT64_C(100000000) /* at most an eighth of the time a question has */

struct judge_answer {
	enum inspect_outcome outcome;
	struct policy_answer what;
	char rule[INSPECT_RULE_SIZE];
	char reason[INSPECT_REASON_SIZE];
};

struct judge_ops {
	void *data;
	int (*fd)(void *data, const struct rs_event *event); /* as rs_event_fd() */
	void (*answer)(void *data, const struct rs_event *event, const struct judge_answer *answer);
};

struct judge_counters {
	uint64_t questions;
	uint64_t outcomes[INSPECT_N_OUTCOMES];
	uint64_t denied;
	uint64_t bytes;
	uint64_t by_old_rules; /* answered by the rules before these, and so not cached */
};

struct judge;

/* ops and policy are copied, pool is borrowed. -ENOMEM. */
int judge_new(const struct judge_ops *ops, const struct policy *policy, struct pool *pool, struct judge **ret);
/* What is in progress is not answered any more. */
struct judge *judge_free(struct judge *judge);

/* event is borrowed. */
void judge_take(struct judge *judge, const struct rs_event *event);
/* Takes results, ends what has no time left, gives work to who is free. */
void judge_turn(struct judge *judge);
/* Until judge_turn() has to be called, whatever happens; -1: nothing is open. */
int judge_timeout_ms(const struct judge *judge);

/* The file of a question, or NULL. */
const struct rs_file *judge_file(const struct rs_event *event);

const struct judge_counters *judge_counters(const struct judge *judge);

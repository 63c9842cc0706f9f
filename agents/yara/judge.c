/* SPDX-License-Identifier: Apache-2.0 */
#include "yara/judge.h"

#include "common/common.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define WAITS (-1)

struct question {
	struct rs_event *event; /* NULL: this place is free */
	uint64_t number; /* of the job */
	uint64_t margin_ns;
	uint64_t dev;
	int worker; /* or WAITS */
	bool large;
};

struct judge {
	struct judge_ops ops;
	struct policy policy;
	struct pool *pool;
	struct judge_counters counters;
	uint64_t last_number;
	size_t n;
	struct question questions[JUDGE_QUESTIONS_MAX];
};

int judge_new(const struct judge_ops *ops, const struct policy *policy, struct pool *pool, struct judge **ret)
{
	struct judge *judge = calloc(1, sizeof(*judge));
	if (!judge)
		return -ENOMEM;
	judge->ops = *ops;
	judge->policy = *policy;
	judge->pool = pool;
	*ret = judge;
	return 0;
}

struct judge *judge_free(struct judge *judge)
{
	if (!judge)
		return NULL;
	for (size_t i = 0; i < JUDGE_QUESTIONS_MAX; i++)
		free(judge->questions[i].event);
	free(judge);
	return NULL;
}

const struct rs_file *judge_file(const struct rs_event *event)
{
	const struct rs_event_auth_exec *exec = rs_event_auth_exec(event);
	const struct rs_event_auth_open *opened = rs_event_auth_open(event);
	return exec ? &exec->file : opened ? &opened->file : NULL;
}

static void give(struct judge *judge, const struct rs_event *event, const struct inspect_result *result, bool may_cache)
{
	struct judge_answer answer = {.outcome = (enum inspect_outcome)result->outcome};
	answer.what = policy_answer(&judge->policy, answer.outcome, result->by_bytes);
	answer.what.cache &= may_cache;
	snprintf(answer.rule, sizeof(answer.rule), "%s",
		 result->rule[0] ? result->rule : policy_rule_name(answer.outcome));
	snprintf(answer.reason, sizeof(answer.reason), "%s",
		 result->reason[0] ? result->reason : policy_outcome_name(answer.outcome));
	judge->counters.outcomes[answer.outcome]++;
	judge->counters.denied += answer.what.deny;
	judge->counters.bytes += result->bytes;
	judge->ops.answer(judge->ops.data, event, &answer);
}

static void give_up(struct judge *judge, const struct rs_event *event, enum inspect_outcome outcome, const char *reason)
{
	struct inspect_result result = {.outcome = outcome, .by_bytes = outcome == INSPECT_SPECIAL};
	snprintf(result.reason, sizeof(result.reason), "%s", reason);
	give(judge, event, &result, true);
}

static void question_free(struct judge *judge, struct question *question)
{
	free(question->event);
	*question = (struct question){0};
	judge->n--;
}

static struct question *free_place(struct judge *judge)
{
	for (size_t i = 0; judge->n < JUDGE_QUESTIONS_MAX && i < JUDGE_QUESTIONS_MAX; i++)
		if (!judge->questions[i].event)
			return &judge->questions[i];
	return NULL;
}

void judge_take(struct judge *judge, const struct rs_event *event)
{
	const struct rs_file *file = judge_file(event);
	uint64_t dev = file ? file->id.dev : 0;
	judge->counters.questions++;
	/* what the platform has learnt of it spares a worker; nobody here touches the file, that might block */
	if (file && (file->mode & S_IFMT) != 0 && !S_ISREG(file->mode)) {
		give_up(judge, event, INSPECT_SPECIAL, "not a regular file");
		return;
	}
	if (pool_is_stuck(judge->pool, dev, now_ns())) {
		give_up(judge, event, INSPECT_STUCK, "its file system did not answer a moment ago");
		return;
	}
	struct question *question = free_place(judge);
	if (!question || rs_event_copy(event, &question->event) < 0) {
		give_up(judge, event, INSPECT_TOO_MANY, "too many questions at a time");
		return;
	}
	int64_t left_ns = rs_respond_time_left_ns(event);
	question->margin_ns = MIN(JUDGE_MARGIN_NS, (uint64_t)MAX(left_ns, INT64_C(0)) / 8);
	question->number = ++judge->last_number;
	question->dev = dev;
	question->worker = WAITS;
	question->large = file && file->size_bytes > JUDGE_LARGE_BYTES;
	judge->n++;
}

static unsigned n_large(const struct judge *judge)
{
	unsigned n = 0;
	for (size_t i = 0; i < JUDGE_QUESTIONS_MAX; i++)
		n += judge->questions[i].event && judge->questions[i].worker != WAITS && judge->questions[i].large;
	return n;
}

static struct question *next_one(struct judge *judge)
{
	struct question *best = NULL;
	bool large_too = n_large(judge) + 1 < MAX(pool_n(judge->pool), 2u);
	for (size_t i = 0; i < JUDGE_QUESTIONS_MAX; i++) {
		struct question *question = &judge->questions[i];
		if (question->event && question->worker == WAITS && (large_too || !question->large) &&
		    (!best || question->event->deadline_ns < best->event->deadline_ns))
			best = question;
	}
	return best;
}

static void hand_over(struct judge *judge, struct question *question, int worker)
{
	static struct worker_job job;
	const struct rs_file *file = judge_file(question->event);
	size_t size = 0;
	int fd = judge->ops.fd(judge->ops.data, question->event);
	if (fd < 0) {
		give_up(judge, question->event, INSPECT_NO_DESCRIPTOR, "no descriptor came with the question");
		question_free(judge, question);
		return;
	}
	const char *path = file ? rs_str_get(question->event, file->path, &size) : "";
	job.number = question->number;
	job.stop_ns = question->event->deadline_ns - 2 * question->margin_ns;
	size = MIN(size, sizeof(job.path) - 1);
	memcpy(job.path, path, size);
	job.path[size] = '\0';
	/* one that cannot take it now is found to be dead, or tried again, in the next turn */
	if (pool_send(judge->pool, (unsigned)worker, &job, fd, question->dev) == 0)
		question->worker = worker;
}

static void give_work(struct judge *judge)
{
	int worker;
	struct question *question;
	while (judge->n > 0 && (worker = pool_idle(judge->pool)) >= 0 && (question = next_one(judge))) {
		uint64_t number = question->number;
		hand_over(judge, question, worker);
		if (question->number == number && question->worker == WAITS)
			return;
	}
}

static struct question *of_worker(struct judge *judge, unsigned worker)
{
	for (size_t i = 0; i < JUDGE_QUESTIONS_MAX; i++)
		if (judge->questions[i].event && judge->questions[i].worker == (int)worker)
			return &judge->questions[i];
	return NULL;
}

static void take_result(struct judge *judge, unsigned worker)
{
	struct worker_result result;
	enum pool_event event = pool_receive(judge->pool, worker, &result);
	struct question *question = event == POOL_NOTHING ? NULL : of_worker(judge, worker);
	if (!question)
		return;
	if (event == POOL_DIED || result.number != question->number) {
		give_up(judge, question->event, INSPECT_CRASHED, "the process that looked at it died");
	} else {
		judge->counters.by_old_rules += event == POOL_OLD_RESULT;
		give(judge, question->event, &result.result, event == POOL_RESULT);
	}
	question_free(judge, question);
}

/* Whoever has no time left is answered now, before anything that could take time. */
static void expire(struct judge *judge)
{
	uint64_t now = now_ns();
	for (size_t i = 0; i < JUDGE_QUESTIONS_MAX && judge->n > 0; i++) {
		struct question *question = &judge->questions[i];
		if (!question->event || now + question->margin_ns < question->event->deadline_ns)
			continue;
		int worker = question->worker;
		bool blocked = pool_is_blocked(judge->pool);
		give_up(judge, question->event, blocked ? INSPECT_STUCK : INSPECT_NO_TIME,
			blocked           ? "every worker waits in a file system"
			: worker == WAITS ? "no worker was free in time"
					  : "the scan did not end in time");
		question_free(judge, question);
		if (worker != WAITS)
			pool_end(judge->pool, (unsigned)worker, now);
	}
}

void judge_turn(struct judge *judge)
{
	for (unsigned i = 0; i < pool_n(judge->pool); i++)
		take_result(judge, i);
	expire(judge);
	pool_tend(judge->pool, now_ns());
	give_work(judge);
}

int judge_timeout_ms(const struct judge *judge)
{
	uint64_t now = now_ns(), nearest = UINT64_MAX;
	int pool_ms = pool_timeout_ms(judge->pool);
	for (size_t i = 0; i < JUDGE_QUESTIONS_MAX && judge->n > 0; i++) {
		const struct question *question = &judge->questions[i];
		if (question->event)
			nearest = MIN(nearest, question->event->deadline_ns - question->margin_ns);
	}
	if (nearest == UINT64_MAX)
		return pool_ms;
	int own_ms = nearest <= now ? 0 : (int)MIN((nearest - now + 999999) / 1000000, UINT64_C(1000));
	return pool_ms < 0 ? own_ms : MIN(own_ms, pool_ms);
}

const struct judge_counters *judge_counters(const struct judge *judge)
{
	return &judge->counters;
}

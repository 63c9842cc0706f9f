/* SPDX-License-Identifier: Apache-2.0 */
#include "reputation/judge.h"

#include "common/common.h"
#include "reputation/hash.h"

#include <errno.h>

struct question {
	struct rs_event *event; /* NULL: this place is free */
	struct hash hash;
	int64_t margin_ns;
	bool may_keep; /* the digest may go into the cache */
};

struct judge {
	struct judge_ops ops;
	struct judge_policy policy;
	const struct list *list;
	struct hash_cache *cache;
	struct judge_counters counters;
	uint64_t turn;
	size_t n;
	struct question questions[JUDGE_QUESTIONS_MAX];
};

const char *const judge_outcome_names[JUDGE_N_OUTCOMES] = {
	[JUDGE_DENIED] = "denied",         [JUDGE_ALLOWED] = "allowed",
	[JUDGE_UNLISTED] = "unlisted",     [JUDGE_TOO_LARGE] = "too_large",
	[JUDGE_NO_TIME] = "no_time",       [JUDGE_CHANGING] = "changing",
	[JUDGE_NOT_A_FILE] = "not_a_file", [JUDGE_NO_DESCRIPTOR] = "no_descriptor",
	[JUDGE_READ_ERROR] = "read_error", [JUDGE_LIST_ERROR] = "list_error",
	[JUDGE_TOO_MANY] = "too_many",
};

int judge_new(const struct judge_ops *ops, const struct judge_policy *policy, const struct list *list,
	      struct hash_cache *cache, struct judge **ret)
{
	struct judge *judge = calloc(1, sizeof(*judge));
	if (!judge)
		return -ENOMEM;
	judge->ops = *ops;
	judge->policy = *policy;
	judge->list = list;
	judge->cache = cache;
	*ret = judge;
	return 0;
}

static void question_free(struct judge *judge, struct question *question)
{
	free(question->event);
	hash_deinit(&question->hash);
	*question = (struct question){0};
	judge->n--;
}

struct judge *judge_free(struct judge *judge)
{
	if (!judge)
		return NULL;
	for (size_t i = 0; i < JUDGE_QUESTIONS_MAX; i++)
		if (judge->questions[i].event)
			question_free(judge, &judge->questions[i]);
	free(judge);
	return NULL;
}

void judge_set_list(struct judge *judge, const struct list *list)
{
	judge->list = list;
}

static void give(struct judge *judge, const struct rs_event *event, struct judge_answer *answer)
{
	answer->deny = answer->outcome == JUDGE_DENIED ||
		       (answer->outcome == JUDGE_UNLISTED && judge->policy.deny_unlisted) ||
		       (answer->outcome == JUDGE_TOO_LARGE && judge->policy.deny_too_large);
	/* the bytes decided, or they do not matter; what only went wrong this time is asked again */
	answer->cache = !answer->deny && (answer->outcome == JUDGE_ALLOWED || answer->outcome == JUDGE_UNLISTED ||
					  answer->outcome == JUDGE_NOT_A_FILE);
	judge->counters.outcomes[answer->outcome]++;
	judge->ops.answer(judge->ops.data, event, answer);
}

static void give_up(struct judge *judge, const struct rs_event *event, enum judge_outcome outcome)
{
	struct judge_answer answer = {.outcome = outcome};
	give(judge, event, &answer);
}

static void give_by_digest(struct judge *judge, const struct rs_event *event, const uint8_t digest[DIGEST_SIZE])
{
	struct judge_answer answer = {.outcome = JUDGE_UNLISTED};
	struct list_entry entry;
	int r = list_lookup(judge->list, digest, &entry);
	if (r < 0)
		answer.outcome = JUDGE_LIST_ERROR;
	else if (r == 1)
		answer.outcome = entry.deny ? JUDGE_DENIED : JUDGE_ALLOWED;
	if (answer.outcome == JUDGE_DENIED)
		list_name(judge->list, &entry, answer.name);
	digest_to_hex(digest, answer.digest);
	give(judge, event, &answer);
}

static struct question *free_place(struct judge *judge)
{
	for (size_t i = 0; i < JUDGE_QUESTIONS_MAX; i++)
		if (!judge->questions[i].event)
			return &judge->questions[i];
	return NULL;
}

static bool begin(struct judge *judge, const struct rs_event *event, int fd, const struct stat *status)
{
	struct question *question = free_place(judge);
	if (!question || rs_event_copy(event, &question->event) < 0)
		return false;
	if (hash_begin(&question->hash, status) < 0) {
		free(question->event);
		question->event = NULL;
		return false;
	}
	int64_t left_ns = rs_respond_time_left_ns(event);
	question->margin_ns = MIN((int64_t)JUDGE_MARGIN_NS, left_ns / 4);
	question->may_keep = hash_cache_fd_is_safe(fd, status);
	judge->n++;
	return true;
}

void judge_take(struct judge *judge, const struct rs_event *event)
{
	struct stat status;
	uint8_t digest[DIGEST_SIZE];
	judge->counters.questions++;
	int fd = judge->ops.fd(judge->ops.data, event);
	if (fd < 0)
		give_up(judge, event, JUDGE_NO_DESCRIPTOR);
	else if (fstat(fd, &status) < 0)
		give_up(judge, event, JUDGE_READ_ERROR);
	else if (!S_ISREG(status.st_mode))
		give_up(judge, event, JUDGE_NOT_A_FILE);
	else if ((uint64_t)status.st_size > judge->policy.size_max_bytes)
		give_up(judge, event, JUDGE_TOO_LARGE);
	else if (hash_cache_get(judge->cache, &status, digest)) {
		judge->counters.hash_cache_hits++;
		give_by_digest(judge, event, digest);
	} else if (!begin(judge, event, fd, &status))
		give_up(judge, event, JUDGE_TOO_MANY);
}

static bool is_before(const struct question *a, const struct question *b, bool fair)
{
	bool a_small = hash_left_bytes(&a->hash) <= JUDGE_SMALL_BYTES;
	bool b_small = hash_left_bytes(&b->hash) <= JUDGE_SMALL_BYTES;
	if (!fair && a_small != b_small)
		return a_small;
	return a->event->deadline_ns < b->event->deadline_ns;
}

static struct question *pick(struct judge *judge)
{
	struct question *best = NULL;
	bool fair = ++judge->turn % JUDGE_FAIR_TURN == 0;
	for (size_t i = 0; i < JUDGE_QUESTIONS_MAX; i++) {
		struct question *question = &judge->questions[i];
		if (question->event && (!best || is_before(question, best, fair)))
			best = question;
	}
	return best;
}

/* Whoever has no time left is answered now. */
static void expire(struct judge *judge)
{
	for (size_t i = 0; i < JUDGE_QUESTIONS_MAX; i++) {
		struct question *question = &judge->questions[i];
		if (!question->event || rs_respond_time_left_ns(question->event) > question->margin_ns)
			continue;
		give_up(judge, question->event, JUDGE_NO_TIME);
		question_free(judge, question);
	}
}

static void hashed(struct judge *judge, const struct question *question, const uint8_t digest[DIGEST_SIZE])
{
	/* one that was begun again has a ctime of just now */
	if (question->may_keep && question->hash.restarts == 0)
		hash_cache_put(judge->cache, &question->hash.at_begin, digest);
	give_by_digest(judge, question->event, digest);
}

bool judge_step(struct judge *judge)
{
	uint8_t digest[DIGEST_SIZE];
	if (judge->n > 0)
		expire(judge);
	struct question *question = judge->n > 0 ? pick(judge) : NULL;
	if (!question)
		return false;
	int fd = judge->ops.fd(judge->ops.data, question->event);
	uint64_t before = question->hash.offset;
	int r = fd < 0 ? -EBADF : hash_step(&question->hash, fd, digest);
	if (r == HASH_MORE) {
		if (question->hash.offset > before)
			judge->counters.hashed_bytes += question->hash.offset - before;
		if ((uint64_t)question->hash.at_begin.st_size <= judge->policy.size_max_bytes)
			return true;
		give_up(judge, question->event, JUDGE_TOO_LARGE);
	} else if (r == HASH_DONE) {
		judge->counters.hashed_bytes += question->hash.offset - before;
		hashed(judge, question, digest);
	} else {
		give_up(judge, question->event,
			r == HASH_CHANGING ? JUDGE_CHANGING
			: fd < 0           ? JUDGE_NO_DESCRIPTOR
					   : JUDGE_READ_ERROR);
	}
	question_free(judge, question);
	return judge->n > 0;
}

const struct judge_counters *judge_counters(const struct judge *judge)
{
	return &judge->counters;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pool: workers, and what becomes of those that do not come back.
 *
 *     pool_idle() ─▶ pool_send() ─▶ pool_receive(): a result │ it died
 *                            └─▶ no time left ─▶ pool_end(): killed, another one starts ─▶ gone │ left behind
 *
 * A process that even SIGKILL does not end waits in a file system. It is left behind and reaped when it ends; its
 * device is told to be stuck for a while. With POOL_LEFT_MAX left behind no further one is started: the agent stays
 * alive and answers without looking.
 *
 * New rules: workers that are idle are replaced at once, the others when they are done.
 */
#pragma once

#include "yara/worker.h"

#define POOL_WORKERS_MAX 16u
#define POOL_LEFT_MAX 8u
#define POOL_PATIENCE_NS UINT64_C(100000000) /* from SIGKILL until a process counts as left behind */
#define POOL_STUCK_NS UINT64_C(60000000000) /* how long its device counts as stuck */
#define POOL_STUCK_MAX 16u

struct pool_counters {
	uint64_t started;
	uint64_t ended; /* killed, having no time left */
	uint64_t died; /* by themselves */
	uint64_t left_behind;
	uint64_t start_errors;
};

enum pool_event {
	POOL_NOTHING,
	POOL_RESULT,
	POOL_OLD_RESULT, /* by the rules before these */
	POOL_DIED, /* without a result */
};

struct pool;

/* set is borrowed, as in pool_set_rules(). -ENOMEM, -EINVAL: n. */
int pool_new(unsigned n, worker_function function, const struct inspect_limits *limits, const struct ruleset *set,
	     struct pool **ret);
/* Ends all. */
struct pool *pool_free(struct pool *pool);

/* From now on new workers use these; what the others use they have in memory of their own. */
void pool_set_rules(struct pool *pool, const struct ruleset *set);

/* Starts what is missing, reaps what is gone. Call it in every turn. */
void pool_tend(struct pool *pool, uint64_t now);

/* How long pool_tend() can wait; -1: until something else happens. */
int pool_timeout_ms(const struct pool *pool);

unsigned pool_n(const struct pool *pool);
/* One that can take a job, or -1. */
int pool_idle(const struct pool *pool);
/* Its descriptor to poll, or -1. */
int pool_fd(const struct pool *pool, unsigned worker);
/* dev: of the file, 0 when unknown. 0 or -errno: it could not be handed over. */
int pool_send(struct pool *pool, unsigned worker, const struct worker_job *job, int fd, uint64_t dev);
enum pool_event pool_receive(struct pool *pool, unsigned worker, struct worker_result *ret);
/* Its job is over, whatever it does. */
void pool_end(struct pool *pool, unsigned worker, uint64_t now);

/* Whether a file of this device would not come back, by what happened lately. */
bool pool_is_stuck(const struct pool *pool, uint64_t dev, uint64_t now);
/* True when no worker runs and none may be started. */
bool pool_is_blocked(const struct pool *pool);

const struct pool_counters *pool_counters(const struct pool *pool);

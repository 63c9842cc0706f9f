/* SPDX-License-Identifier: Apache-2.0 */
#include "yara/pool.h"

#include "common/common.h"

#include <errno.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

struct slot {
	pid_t pid; /* 0: none */
	int socket;
	bool busy;
	bool old; /* its rules are not the pool's any more */
	uint64_t dev;
};

struct left {
	pid_t pid; /* 0: free */
	uint64_t dev;
	uint64_t since_ns;
	bool counted;
};

struct pool {
	worker_function function;
	struct inspect_limits limits;
	const struct ruleset *set;
	struct pool_counters counters;
	unsigned n;
	struct slot slots[POOL_WORKERS_MAX];
	struct left left[POOL_LEFT_MAX + POOL_WORKERS_MAX]; /* what was ended and not reaped yet */
	struct {
		uint64_t dev, until_ns;
	} stuck[POOL_STUCK_MAX];
	unsigned stuck_turn;
	uint64_t next_try_ns;
};

int pool_new(unsigned n, worker_function function, const struct inspect_limits *limits, const struct ruleset *set,
	     struct pool **ret)
{
	if (n == 0 || n > POOL_WORKERS_MAX)
		return -EINVAL;
	struct pool *pool = calloc(1, sizeof(*pool));
	if (!pool)
		return -ENOMEM;
	pool->function = function;
	pool->limits = *limits;
	pool->set = set;
	pool->n = n;
	*ret = pool;
	return 0;
}

static unsigned n_left(const struct pool *pool)
{
	unsigned n = 0;
	for (size_t i = 0; i < ARRAY_SIZE(pool->left); i++)
		n += pool->left[i].pid != 0;
	return n;
}

/* There is always a free place: a worker is started only while at most POOL_LEFT_MAX are left. */
static void leave(struct pool *pool, const struct slot *slot, uint64_t now)
{
	for (size_t i = 0; i < ARRAY_SIZE(pool->left); i++)
		if (pool->left[i].pid == 0) {
			pool->left[i] = (struct left){.pid = slot->pid, .dev = slot->dev, .since_ns = now};
			return;
		}
}

void pool_end(struct pool *pool, unsigned worker, uint64_t now)
{
	struct slot *slot = &pool->slots[worker];
	if (slot->pid == 0)
		return;
	kill(slot->pid, SIGKILL);
	pool->counters.ended += slot->busy;
	close(slot->socket);
	if (waitpid(slot->pid, NULL, WNOHANG) == 0)
		leave(pool, slot, now);
	*slot = (struct slot){.socket = -1};
}

struct pool *pool_free(struct pool *pool)
{
	if (!pool)
		return NULL;
	for (unsigned i = 0; i < pool->n; i++)
		pool_end(pool, i, now_ns());
	/* those that end at once are reaped; nobody waits for the others */
	for (int tries = 0; tries < 100 && n_left(pool) > 0; tries++) {
		pool_tend(pool, 0);
		usleep(2000);
	}
	free(pool);
	return NULL;
}

void pool_set_rules(struct pool *pool, const struct ruleset *set)
{
	pool->set = set;
	for (unsigned i = 0; i < pool->n; i++) {
		pool->slots[i].old = true;
		if (!pool->slots[i].busy)
			pool_end(pool, i, now_ns());
	}
}

static void mark_stuck(struct pool *pool, uint64_t dev, uint64_t now)
{
	size_t place = pool->stuck_turn++ % POOL_STUCK_MAX;
	for (size_t i = 0; i < POOL_STUCK_MAX; i++)
		if (pool->stuck[i].dev == dev)
			place = i;
	pool->stuck[place].dev = dev;
	pool->stuck[place].until_ns = now + POOL_STUCK_NS;
}

static void reap(struct pool *pool, uint64_t now)
{
	for (size_t i = 0; i < ARRAY_SIZE(pool->left); i++) {
		struct left *left = &pool->left[i];
		if (left->pid == 0)
			continue;
		if (waitpid(left->pid, NULL, WNOHANG) != 0) {
			left->pid = 0;
		} else if (now > left->since_ns + POOL_PATIENCE_NS) {
			pool->counters.left_behind += !left->counted;
			left->counted = true;
			if (left->dev)
				mark_stuck(pool, left->dev, now);
		}
	}
}

static void start(struct pool *pool, struct slot *slot, uint64_t now)
{
	int socket;
	pid_t pid = worker_start(pool->function, pool->set, &pool->limits, &socket);
	if (pid < 0) {
		pool->counters.start_errors++;
		pool->next_try_ns = now + 50000000; /* no processes, memory or descriptors now: perhaps in a moment */
		return;
	}
	*slot = (struct slot){.pid = pid, .socket = socket};
	pool->counters.started++;
}

void pool_tend(struct pool *pool, uint64_t now)
{
	reap(pool, now);
	if (now < pool->next_try_ns || now == 0)
		return;
	for (unsigned i = 0; i < pool->n; i++)
		if (pool->slots[i].pid == 0 && n_left(pool) < POOL_LEFT_MAX)
			start(pool, &pool->slots[i], now);
}

int pool_timeout_ms(const struct pool *pool)
{
	bool missing = false, waiting = false;
	for (unsigned i = 0; i < pool->n; i++)
		missing |= pool->slots[i].pid == 0;
	for (size_t i = 0; i < ARRAY_SIZE(pool->left); i++)
		waiting |= pool->left[i].pid != 0;
	return !missing && !waiting ? -1 : pool_is_blocked(pool) ? 200 : 10;
}

unsigned pool_n(const struct pool *pool)
{
	return pool->n;
}

int pool_idle(const struct pool *pool)
{
	for (unsigned i = 0; i < pool->n; i++)
		if (pool->slots[i].pid != 0 && !pool->slots[i].busy)
			return (int)i;
	return -1;
}

int pool_fd(const struct pool *pool, unsigned worker)
{
	return pool->slots[worker].pid != 0 ? pool->slots[worker].socket : -1;
}

int pool_send(struct pool *pool, unsigned worker, const struct worker_job *job, int fd, uint64_t dev)
{
	struct slot *slot = &pool->slots[worker];
	int r = worker_send(slot->socket, job, fd);
	if (r < 0)
		return r;
	slot->busy = true;
	slot->dev = dev;
	return 0;
}

static enum pool_event died(struct pool *pool, unsigned worker)
{
	bool busy = pool->slots[worker].busy;
	pool->slots[worker].busy = false;
	pool->counters.died++;
	pool_end(pool, worker, now_ns());
	/* one that cannot even begin must not be started as fast as the machine can */
	if (!busy)
		pool->next_try_ns = now_ns() + 50000000;
	return busy ? POOL_DIED : POOL_NOTHING;
}

enum pool_event pool_receive(struct pool *pool, unsigned worker, struct worker_result *ret)
{
	struct slot *slot = &pool->slots[worker];
	if (slot->pid == 0)
		return POOL_NOTHING;
	ssize_t n = recv(slot->socket, ret, sizeof(*ret), MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return POOL_NOTHING;
	if (n != (ssize_t)sizeof(*ret) || !slot->busy || ret->result.outcome >= INSPECT_N_OUTCOMES)
		return died(pool, worker);
	ret->result.rule[INSPECT_RULE_SIZE - 1] = ret->result.reason[INSPECT_REASON_SIZE - 1] = '\0';
	slot->busy = false;
	if (!slot->old)
		return POOL_RESULT;
	pool_end(pool, worker, now_ns());
	return POOL_OLD_RESULT;
}

bool pool_is_stuck(const struct pool *pool, uint64_t dev, uint64_t now)
{
	for (size_t i = 0; dev != 0 && i < POOL_STUCK_MAX; i++)
		if (pool->stuck[i].dev == dev && now < pool->stuck[i].until_ns)
			return true;
	return false;
}

bool pool_is_blocked(const struct pool *pool)
{
	for (unsigned i = 0; i < pool->n; i++)
		if (pool->slots[i].pid != 0)
			return false;
	return n_left(pool) >= POOL_LEFT_MAX;
}

const struct pool_counters *pool_counters(const struct pool *pool)
{
	return &pool->counters;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/decision_log.h"

#include "base/macro.h"

#include <errno.h>

struct slot {
	uint64_t id;
	size_t offset;
	size_t size;
};

struct decision_log {
	char *bytes;
	size_t capacity;
	size_t write_at;
	struct slot *slots; /* a ring in the order of their commit: first … first + n - 1 */
	uint32_t n_max;
	uint32_t first;
	uint32_t n;
	uint64_t dropped_id;
	/* Which slot an id was put in last: a guess, proved by the slot's id. */
	uint32_t *guess;
	uint32_t guess_mask;
};

int decision_log_new(uint32_t n_max, size_t size_bytes, struct decision_log **ret)
{
	struct decision_log *log = calloc(1, sizeof(*log));
	uint32_t n_guess = 1;
	while (n_guess < 4 * n_max)
		n_guess *= 2;
	if (!log)
		return -ENOMEM;
	log->bytes = malloc(size_bytes);
	log->slots = calloc(n_max, sizeof(log->slots[0]));
	log->guess = calloc(n_guess, sizeof(log->guess[0]));
	if (!log->bytes || !log->slots || !log->guess) {
		decision_log_free(log);
		return -ENOMEM;
	}
	log->capacity = size_bytes & ~(size_t)7;
	log->n_max = n_max;
	log->guess_mask = n_guess - 1;
	*ret = log;
	return 0;
}

struct decision_log *decision_log_free(struct decision_log *log)
{
	if (!log)
		return NULL;
	free(log->bytes);
	free(log->slots);
	free(log->guess);
	free(log);
	return NULL;
}

static void drop_oldest(struct decision_log *log)
{
	log->dropped_id = MAX(log->dropped_id, log->slots[log->first].id);
	log->first = (log->first + 1) % log->n_max;
	log->n--;
}

/* Records lie in the order of their slots, so those in the way are always the oldest. */
static void make_room(struct decision_log *log, size_t size)
{
	if (log->capacity - log->write_at < size) {
		while (log->n > 0 && log->slots[log->first].offset >= log->write_at)
			drop_oldest(log);
		log->write_at = 0;
	}
	while (log->n > 0) {
		const struct slot *oldest = &log->slots[log->first];
		if (oldest->offset >= log->write_at + size || oldest->offset + oldest->size <= log->write_at)
			break;
		drop_oldest(log);
	}
}

struct decision *decision_log_begin(struct decision_log *log, size_t size_max)
{
	size_max = ALIGN_UP(size_max, 8);
	if (size_max > log->capacity)
		return NULL;
	make_room(log, size_max);
	if (log->n == log->n_max)
		drop_oldest(log);
	return (struct decision *)(void *)(log->bytes + log->write_at);
}

void decision_log_commit(struct decision_log *log)
{
	const struct decision *decision = (const struct decision *)(const void *)(log->bytes + log->write_at);
	uint32_t at = (log->first + log->n) % log->n_max;
	log->slots[at] = (struct slot){.id = decision->id, .offset = log->write_at, .size = decision->size};
	log->guess[decision->id & log->guess_mask] = at;
	log->n++;
	log->write_at += ALIGN_UP(decision->size, 8);
}

static struct decision *record_of(struct decision_log *log, uint32_t at)
{
	return (struct decision *)(void *)(log->bytes + log->slots[at].offset);
}

static bool alive(const struct decision_log *log, uint32_t at)
{
	return (at + log->n_max - log->first) % log->n_max < log->n;
}

struct decision *decision_log_find(struct decision_log *log, uint64_t id)
{
	uint32_t at = log->guess[id & log->guess_mask];
	if (alive(log, at) && log->slots[at].id == id)
		return record_of(log, at);
	for (uint32_t i = 0; i < log->n; i++) {
		at = (log->first + i) % log->n_max;
		if (log->slots[at].id == id)
			return record_of(log, at);
	}
	return NULL;
}

struct decision *decision_log_newest(struct decision_log *log, uint32_t n)
{
	return n < log->n ? record_of(log, (log->first + log->n - 1 - n) % log->n_max) : NULL;
}

uint64_t decision_log_dropped_id(const struct decision_log *log)
{
	return log->dropped_id;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fanotify_pending: what was taken from the permission group and not answered yet: the engine's side of the ledger.
 *
 *     pending_take ─▶ slot (deadline visible to the keeper) ─▶ … ─▶ pending_release ─▶ RELEASED: close the number
 *                                                                                  └▶ HELD: the keeper is just
 *                                                                     answering by it; pending_sweep gives it later
 *
 * The number (descriptor) of an event must stay open as long as the keeper might answer by it: see wire/ledger.h.
 * Owns the table, not the descriptors.
 */
#pragma once

#include "sensor/verdict_cache.h"
#include "wire/ledger.h"

#include <stdbool.h>
#include <sys/types.h>

struct pending_question {
	uint64_t deadline_ns; /* as in the ledger */
	struct verdict_key key;
	uint64_t mask; /* FAN_OPEN_PERM or FAN_OPEN_EXEC_PERM */
	pid_t pid;
	int fd;
	uint32_t serial; /* tells a slot's users apart */
	uint32_t next; /* of the free, or of the held */
	bool used;
};

struct pending {
	struct ledger *ledger; /* borrowed */
	struct pending_question *slots;
	uint32_t free;
	uint32_t held;
	uint32_t n_used; /* held ones included */
};

#define PENDING_NONE UINT32_MAX

enum pending_result {
	PENDING_RELEASED,
	PENDING_HELD,
};

int pending_init(struct pending *pending, struct ledger *ledger);
void pending_deinit(struct pending *pending);

/* Enters a question; deny: what the keeper answers when it must. NULL: no slot is free. */
struct pending_question *pending_take(struct pending *pending, int fd, uint64_t deadline_ns, bool deny);

uint64_t pending_handle(const struct pending *pending, const struct pending_question *question);
/* NULL: this handle is none, or was released before. */
struct pending_question *pending_find(struct pending *pending, uint64_t handle);

/* After the answer, whoever gave it. HELD: leave the descriptor open. */
enum pending_result pending_release(struct pending *pending, struct pending_question *question);

static inline bool pending_is_holding(const struct pending *pending)
{
	return pending->held != PENDING_NONE;
}

/* The descriptor of a question that was HELD and may be closed now; -1: none. Call until -1. */
int pending_sweep(struct pending *pending);

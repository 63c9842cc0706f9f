/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/fanotify_pending.h"

#include "base/macro.h"

#include <errno.h>

int pending_init(struct pending *pending, struct ledger *ledger)
{
	struct pending_question *slots = calloc(LEDGER_SLOTS, sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	for (uint32_t i = 0; i < LEDGER_SLOTS; i++)
		slots[i].next = i + 1 < LEDGER_SLOTS ? i + 1 : PENDING_NONE;
	*pending = (struct pending){.ledger = ledger, .slots = slots, .free = 0, .held = PENDING_NONE};
	return 0;
}

void pending_deinit(struct pending *pending)
{
	free(pending->slots);
	*pending = (struct pending){0};
}

static uint32_t index_of(const struct pending *pending, const struct pending_question *question)
{
	return (uint32_t)(question - pending->slots);
}

static struct ledger_slot *slot_of(const struct pending *pending, const struct pending_question *question)
{
	return &pending->ledger->slots[index_of(pending, question)];
}

struct pending_question *pending_take(struct pending *pending, int fd, uint64_t deadline_ns, bool deny)
{
	if (pending->free == PENDING_NONE)
		return NULL;
	struct pending_question *question = &pending->slots[pending->free];
	pending->free = question->next;
	pending->n_used++;
	*question = (struct pending_question){.deadline_ns = deadline_ns,
					      .fd = fd,
					      .serial = question->serial + 1,
					      .next = PENDING_NONE,
					      .used = true};
	struct ledger_slot *slot = slot_of(pending, question);
	atomic_store(&slot->fd, fd);
	atomic_store(&slot->deny, deny);
	atomic_store(&slot->deadline_ns, deadline_ns);
	return question;
}

uint64_t pending_handle(const struct pending *pending, const struct pending_question *question)
{
	return (uint64_t)question->serial << 32 | index_of(pending, question);
}

struct pending_question *pending_find(struct pending *pending, uint64_t handle)
{
	uint32_t index = (uint32_t)handle;
	struct pending_question *question = index < LEDGER_SLOTS ? &pending->slots[index] : NULL;
	return question && question->used && question->serial == handle >> 32 ? question : NULL;
}

static void give_back(struct pending *pending, struct pending_question *question)
{
	atomic_store(&slot_of(pending, question)->deadline_ns, LEDGER_FREE);
	question->next = pending->free;
	pending->free = index_of(pending, question);
	pending->n_used--;
}

enum pending_result pending_release(struct pending *pending, struct pending_question *question)
{
	struct ledger_slot *slot = slot_of(pending, question);
	uint64_t seen_ns = question->deadline_ns;
	question->used = false;
	/* not ours any more, and not done: whatever else stands there was written by the keeper for a reset */
	if (!atomic_compare_exchange_strong(&slot->deadline_ns, &seen_ns, LEDGER_FREE) && seen_ns == LEDGER_CLAIMED) {
		question->next = pending->held;
		pending->held = index_of(pending, question);
		return PENDING_HELD;
	}
	give_back(pending, question);
	return PENDING_RELEASED;
}

int pending_sweep(struct pending *pending)
{
	for (uint32_t *at = &pending->held; *at != PENDING_NONE; at = &pending->slots[*at].next) {
		struct pending_question *question = &pending->slots[*at];
		if (atomic_load(&slot_of(pending, question)->deadline_ns) == LEDGER_CLAIMED)
			continue;
		*at = question->next;
		give_back(pending, question);
		return question->fd;
	}
	return -1;
}

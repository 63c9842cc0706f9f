/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keeper_answer: answers the kernel in the engine's place, in four ways:
 *
 *     queue       what nobody has taken: read the event, answer it, close it
 *     overdue     what a live engine took and left: by the number in the ledger, as the ledger's protocol says
 *     everything  what a dead engine left: by the ledger, then by every number that it could have had
 *     leases      what a live engine that gets no processor holds of its verdict cache, when a writer waits for it
 *
 * Owns nothing: group and ledger are the keeper's. Trusts no value of the ledger.
 */
#pragma once

#include "daemon/keeper.h"
#include "wire/ledger.h"

#define KEEPER_GRACE_NS UINT64_C(50000000) /* after its deadline a question is still the engine's */

struct keeper_answer {
	int group_fd;
	struct ledger *ledger;
	const struct settings *settings;
	struct keeper_counters *counters;
};

/* Answers at most `most` events of the queue by the settings' on_engine_loss. Returns how many. */
unsigned keeper_answer_queue(struct keeper_answer *answer, unsigned most);

/* Answers what is overdue at now_ns. Returns how many; *ret_next_ns: when the next will be, 0: nothing is pending. */
unsigned keeper_answer_overdue(struct keeper_answer *answer, uint64_t now_ns, uint64_t *ret_next_ns);

/* The engine is gone: nobody else answers any more. Returns how many; the slots are free afterwards. */
unsigned keeper_answer_everything(struct keeper_answer *answer);

/* Forgets all verdicts that the kernel holds for us. It destroys marks: an open that meets one of them before all who
 * wait were answered is let pass by the kernel (see sensor/verdict_cache.c), so only when they are about to be. */
void keeper_answer_flush(struct keeper_answer *answer);

/* Forgets the verdicts for, and releases, the leases of the engine that somebody waits for. Returns how many. */
unsigned keeper_answer_leases(struct keeper_answer *answer, pid_t engine);

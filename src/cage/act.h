/* SPDX-License-Identifier: Apache-2.0 */
/*
 * act: carries out what agents asked for and the engine allowed. An action is one row of a table in act.c.
 *
 *     IPC_ACTION ─▶ target held and checked again ─▶ journal: asked ─▶ do it ─▶ it is seen to be done, or time is over
 *                ─▶ journal: outcome ─▶ done()
 *
 * What cannot be journaled is not done. Owns the actions under way, a bounded number. Texts of agents pass through from
 * the engine to the journal; nothing here looks at them.
 */
#pragma once

#include "base/loop.h"
#include "cage/target.h"
#include "journal/journal.h"

#define ACTS_MAX 64u /* under way at a time */
#define ACT_WAIT_NS (UINT64_C(5) * 1000000000) /* for a process that was killed to be gone */

struct acts;

struct acts_opts {
	struct loop *loop;
	struct journal *journal; /* borrowed; NULL: it could not be opened, and nothing is done */
	struct target_ours ours;
	/* Once for each action that came without an outcome. error: 0 or -errno. */
	void (*done)(void *data, uint64_t number, enum ipc_action_outcome outcome, int error);
	void *data;
};

int acts_new(const struct acts_opts *opts, struct acts **ret);
/* What is under way gets no outcome any more: the journal says so. */
struct acts *acts_free(struct acts *acts);

/* Follows changed settings. */
void acts_set_ours(struct acts *acts, const struct target_ours *ours);

/* Does it; done() may be called inside. One that came with an outcome is only journaled. */
void acts_ask(struct acts *acts, const struct ipc_action *action);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * state: all that is kept across events, and how sure it is. Pure: events and their own times are all it sees.
 *
 *     state_before() ─▶ rules look at event and state ─▶ state_after()
 *
 * All of it is of a fixed size from the beginning. Nothing outlives this process: after its restart a process is known
 * from its next event on, a chain ends where nothing was seen yet, and counts begin at 0.
 */
#pragma once

#include "behaviour/files.h"
#include "behaviour/lists.h"
#include "behaviour/mass.h"
#include "behaviour/processes.h"

#define STATE_UNSURE_NS (UINT64_C(60) * 1000000000) /* after a loss */
#define STATE_RECENT_NS (UINT64_C(60) * 1000000000) /* "at once", "lately" */

struct state_sizes {
	uint32_t processes;
	uint32_t files;
	uint32_t trees;
};

struct state {
	struct processes processes;
	struct files files;
	struct masses masses;
	const struct lists *lists; /* borrowed */
	uint64_t unsure_until_ns;
	uint64_t events;
	uint64_t lost; /* as told */
	uint64_t gaps; /* engines that came after another */
};

/* -ENOMEM, with nothing left behind. */
int state_init(struct state *state, const struct lists *lists, const struct state_sizes *sizes);
void state_deinit(struct state *state);

/* What must be known before the rules look. Returns the acting process, as it was before this event; NULL: unknown. */
struct process *state_before(struct state *state, const struct rs_event *event);
/* What changes by this event. process: from state_before(). */
void state_after(struct state *state, const struct rs_event *event, struct process *process);

/* Whether something may be missing from what led to this event. */
bool state_is_unsure(const struct state *state, const struct rs_event *event);

/* The path of a file of the event as a string; what holds a NUL or is absent comes as "". Static buffers, two in turn.
 */
const char *state_path(const struct rs_event *event, struct rs_str path);

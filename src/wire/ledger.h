/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ledger: one shared page range in which the engine says, without a system call, what it owes the kernel.
 *
 *     engine writes ─▶ memfd ─▶ the parent's keeper reads, never trusts
 *
 * From it the keeper knows a late engine from a dead one: it looks at questions whose deadline has passed, at the
 * count of events taken from the fanotify group while its queue is not empty, and at the turns of the loop.
 * Handed over by the parent with the group's descriptor (see daemon/keeper.h). The keeper copies a value once and
 * treats any value as possible.
 */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

#define LEDGER_MAGIC 0x52534c47u /* "RSLG" */
#define LEDGER_SLOTS 16384u

struct ledger_slot {
	_Atomic uint64_t deadline_ns; /* CLOCK_MONOTONIC; 0: free. Written last when taken, first when freed */
	_Atomic int32_t fd;           /* the event's number in the fanotify group: what an answer names */
	_Atomic uint32_t deny;        /* what to answer in the engine's place: 0 allow, 1 deny */
};

struct ledger {
	uint32_t magic;
	uint32_t n_slots;
	_Atomic uint64_t turns;       /* of the engine's loop */
	_Atomic uint64_t turn_ns;     /* CLOCK_MONOTONIC of the last turn */
	_Atomic uint64_t taken;       /* permission events read from the group */
	_Atomic uint64_t answered;    /* of these, answered */
	_Atomic uint64_t already;     /* answers the kernel did not know any more (the keeper was faster) */
	_Atomic uint64_t sleeping;    /* 1 while the loop waits with nothing to do */
	_Atomic uint64_t next_event_id; /* so that ids go on rising in the next engine */
	struct ledger_slot slots[LEDGER_SLOTS];
};

_Static_assert(sizeof(struct ledger_slot) == 16, "wire size");
_Static_assert(sizeof(struct ledger) == 64 + 16 * LEDGER_SLOTS, "wire size");

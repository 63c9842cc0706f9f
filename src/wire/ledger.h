/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ledger: one shared page range in which the engine says, without a system call, what it owes the kernel.
 *
 *     engine writes ─▶ memfd ─▶ the parent's keeper reads, never trusts
 *
 * From it the keeper knows a late engine from a dead one: it looks at questions whose deadline has passed, at those
 * that wait in the queue of the fanotify group, and at the turns of the loop and the steps within them. A question's
 * time runs from the first look that saw it in the queue, or from when the engine took it, whichever came first. Handed
 * over by the parent with the group's descriptor (see daemon/keeper.h). The keeper copies a value once and treats any
 * value as possible.
 *
 * Who answers a question, when both might: the number of an event must not be used again while somebody may still
 * answer by it. So a slot is held until the number is closed:
 *
 *     engine: fills fd and deny ─▶ deadline_ns = when ─▶ … answers ─▶ deadline_ns: when → FREE ─▶ closes the number
 *     keeper: overdue: deadline_ns: when → CLAIMED ─▶ answers ─▶ deadline_ns = ANSWERED
 *     engine: finds CLAIMED: leaves the number open; finds ANSWERED: closes the number, then FREE
 *
 * (each "→" is one compare-and-exchange). The engine's event descriptors have numbers from LEDGER_FD_FLOOR up, the
 * keeper's are below: an answer names a number, and the kernel does not ask whose.
 */
#pragma once

#include "wire/queue_looks.h"

#include <stdatomic.h>
#include <stdint.h>

#define LEDGER_MAGIC 0x52534c47u /* "RSLG" */
#define LEDGER_SLOTS 16384u
#define LEDGER_FD_FLOOR 256 /* the engine's event descriptors are this or more, the keeper's less */
#define LEDGER_FD_LIMIT 32768 /* and less than this (RLIMIT_NOFILE of the engine) */

/* Values of deadline_ns that are no time. */
enum ledger_state {
	LEDGER_FREE = 0,
	LEDGER_CLAIMED = 1, /* the keeper is answering */
	LEDGER_ANSWERED = 2, /* the keeper has answered; the engine closes the number and frees the slot */
};

#define LEDGER_LEASE_SIGNAL 40 /* the real-time signal by which the kernel tells the engine that a writer waits */

/* What the engine wants the kernel to send; the keeper sets the marks accordingly. */
enum ledger_wanted {
	LEDGER_WANT_OPEN = 1 << 0,
	LEDGER_WANT_EXEC = 1 << 1,
	LEDGER_WANT_CLOSE_WRITE = 1 << 2,
	LEDGER_WANT_NOTIFY_OPEN = 1 << 3,
};
#define LEDGER_WANT_BITS 8 /* above these bits: a serial number, so that `applied` can be compared with `wanted` */

struct ledger_slot {
	_Atomic uint64_t deadline_ns; /* CLOCK_MONOTONIC; or enum ledger_state. Written last when taken */
	_Atomic int32_t fd; /* the event's number in the fanotify group: what an answer names */
	_Atomic uint32_t deny; /* what to answer in the engine's place: 0 allow, 1 deny */
};

struct ledger {
	uint32_t magic;
	uint32_t n_slots;
	_Atomic uint64_t turns; /* of the engine's loop */
	_Atomic uint64_t turn_ns; /* CLOCK_MONOTONIC of the last turn */
	_Atomic uint64_t taken; /* permission events that left the queue by the engine's hand, also as errors */
	_Atomic uint64_t answered; /* of these, answered */
	_Atomic uint64_t already; /* answers the kernel did not know any more (the keeper was faster) */
	_Atomic uint64_t sleeping; /* 1 while the loop waits with nothing to do */
	_Atomic uint64_t next_event_id; /* so that ids go on rising in the next engine */
	_Atomic uint64_t wanted; /* by the engine: serial << LEDGER_WANT_BITS | enum ledger_wanted */
	_Atomic uint64_t applied; /* by the keeper: the last `wanted` that the marks follow */
	_Atomic uint64_t engines; /* that began so far; each counts itself */
	_Atomic uint64_t steps; /* within turns: after each callback, and now and then within a long one */
	_Atomic uint64_t left_otherwise; /* by the keeper: what left the queue, less `taken` */
	_Atomic uint64_t reserved[3];
	struct queue_looks looks; /* by the keeper: the place of an event is what left the queue before it, plus one */
	struct ledger_slot slots[LEDGER_SLOTS];
};

_Static_assert(sizeof(struct ledger_slot) == 16, "wire size");
_Static_assert(sizeof(struct ledger) == 128 + sizeof(struct queue_looks) + 16 * LEDGER_SLOTS, "wire size");

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * queue_looks: since when a question has waited in the kernel's queue, which says only how many wait.
 *
 *     keeper: looks now and then: "question 17 is the last there" ─▶ queue_looks_note ─▶ ledger
 *     engine: takes question 15 ─▶ queue_looks_since: it was there at that look
 *
 * A question is named by its place in the order of the queue, which the kernel keeps. Its true beginning lies between
 * the look that first saw it and the one before. One writer; readers may be in other processes.
 */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

#define QUEUE_LOOKS 128u
#define QUEUE_LOOKS_APART_NS UINT64_C(20000000) /* at least, between two that are kept */

struct queue_look {
	_Atomic uint64_t last; /* place of the last question that waited; 0: no such look */
	_Atomic uint64_t at_ns; /* CLOCK_MONOTONIC */
};

struct queue_looks {
	_Atomic uint64_t last; /* of the latest look */
	_Atomic uint64_t next; /* where the next is written */
	struct queue_look looks[QUEUE_LOOKS];
};

/* Keeps a look, if it saw a question that no earlier one did and apart_ns (at least QUEUE_LOOKS_APART_NS) have passed
 * since the last that was kept. apart_ns times QUEUE_LOOKS is how far back one can ask. */
void queue_looks_note(struct queue_looks *looks, uint64_t last, uint64_t now_ns, uint64_t apart_ns);

/* When a look first saw the question at this place; 0: none has. A look that is being written is not there. */
uint64_t queue_looks_since(const struct queue_looks *looks, uint64_t place);

/* Whatever waited is gone. */
void queue_looks_forget(struct queue_looks *looks);

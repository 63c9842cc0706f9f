/* SPDX-License-Identifier: Apache-2.0 */
/*
 * decision_log: the last decisions, in bounded memory: a ring of records in one block of bytes.
 *
 * Keeps as many of the newest as were asked for, or as fit, whichever is less. Never allocates after
 * decision_log_new().
 */
#pragma once

#include "broker/decision.h"

struct decision_log;

/* The last n_max decisions, within size_bytes. -ENOMEM. */
int decision_log_new(uint32_t n_max, size_t size_bytes, struct decision_log **ret);
struct decision_log *decision_log_free(struct decision_log *log);

/* Room for a record of this size at most, 8-aligned; the oldest give way. NULL: larger than the whole log. */
struct decision *decision_log_begin(struct decision_log *log, size_t size_max);
/* Keeps what was written there (decision->size, decision->id). */
void decision_log_commit(struct decision_log *log);

/* The decision about this event; NULL when it is not there (any more). Valid until the next begin. */
struct decision *decision_log_find(struct decision_log *log, uint64_t id);
/* The n-th newest, 0 is the newest; NULL beyond the oldest. */
struct decision *decision_log_newest(struct decision_log *log, uint32_t n);
/* The largest event id that was dropped to make room; 0: none. */
uint64_t decision_log_dropped_id(const struct decision_log *log);

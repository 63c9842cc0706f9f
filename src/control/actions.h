/* SPDX-License-Identifier: Apache-2.0 */
/* actions: the journal of actions as JSON, for `ringside actions`. */
#pragma once

#include "journal/journal.h"

#define ACTIONS_MOST 2000u /* in one answer */

/*
 * {"actions": [{"number", "wall_ns", "event", "request", "agent", "version", "content_version", "action", "rule",
 * "reason", "outcome", "error", "why", "latency_us", "boot_id", "target": {"process_id", "pid", "uid", "exe",
 * "args"}}], "damaged": N}, newest first, n_most at most (0, and more than ACTIONS_MOST: ACTIONS_MOST). An outcome
 * "open": it is under way, or the platform ended before it was known. which: "agent=NAME", "outcome=NAME", both with a
 * blank between them, or "" for all. *ret_text is the caller's to free. -ENODEV: journal is NULL; -EINVAL: another word
 * in which; -ENOMEM.
 */
int actions_json(struct journal *journal, const char *which, uint64_t n_most, char **ret_text, size_t *ret_size);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keepsake: descriptors that one engine leaves for the next: its BPF programs, which go on recording in between.
 *
 *     engine ─ IPC_KEEP ─▶ keepsake ─ IPC_KEPT ─▶ next engine
 *
 * Does not know what they are.
 */
#pragma once

#include "daemon/children.h"

#define KEEPSAKE_MAX 32u

struct keepsake {
	int fds[KEEPSAKE_MAX];
	size_t n;
};

/* fds are consumed. `at`: their place in the list, 0 begins a new one; a list with a hole is dropped. */
void keepsake_take(struct keepsake *keepsake, uint64_t at, const int *fds, size_t n_fds);
/* Sends duplicates to the engine that was just started. */
void keepsake_give(const struct keepsake *keepsake, struct children *children);
void keepsake_drop(struct keepsake *keepsake);

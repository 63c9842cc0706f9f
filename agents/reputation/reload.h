/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reload: a list that follows its file.
 *
 *     file is replaced, or asked ─▶ unchanged for a while ─▶ new list, step by step ─▶ ready: the caller swaps
 *
 * The old list answers until the new one is whole; a new one that is broken is told, once, and the old one stays.
 */
#pragma once

#include "reputation/list.h"

#include <sys/stat.h>

#define RELOAD_LOOK_NS UINT64_C(1000000000)

struct reload {
	const char *path; /* borrowed */
	struct stat tried; /* the file that was last loaded, or refused */
	struct stat seen;
	struct list *loading;
	uint64_t next_look_ns;
	bool asked;
	uint64_t refused;
};

enum reload_result {
	RELOAD_IDLE = 0,
	RELOAD_BUSY = 1, /* call again soon */
	RELOAD_READY = 2, /* *ret is a new list, the caller's */
	RELOAD_REFUSED = 3, /* problem says why; the old one stays */
};

/* Loads the first list in one go; problem: LIST_PROBLEM_TEXT_SIZE bytes. -errno. */
int reload_first(struct reload *reload, const char *path, struct list **ret, char *problem);
void reload_deinit(struct reload *reload);

/* Loads again even when the file looks the same. */
void reload_ask(struct reload *reload);

enum reload_result reload_step(struct reload *reload, uint64_t now, struct list **ret, char *problem);

/* SPDX-License-Identifier: Apache-2.0 */
/* tree_proc: what /proc knows of a process that runs: for those that began before anybody followed. */
#pragma once

#include "tree.h"

struct tree_proc {
	char exe[TREE_STRING_MAX];
	char args[TREE_STRING_MAX];
};

/* A tree_look_fn; data: struct tree_proc, which the strings are borrowed from. */
bool tree_proc_look(void *data, uint32_t pid, uint64_t id, struct tree_known *ret);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * root: the file system that an agent sees: a small read-only tmpfs with nothing in it but
 *
 *     its program, the loader and the libraries it needs      read, execute
 *     the files and folders its operator grants (`reads`)     read; of folders with all that is below and mounted there
 *     /dev/null, /dev/zero, /dev/urandom
 *     /state                                                  a tmpfs of the granted size, empty at each start
 *
 * each at the path where the machine has it, so that arguments which name it keep their meaning. There is no /proc: a
 * descriptor that was passed cannot be opened again through it with other rights.
 *
 *     root_plan() ─▶ root_build(), in name spaces of the agent ─▶ root_rules(): the same, for Landlock
 */
#pragma once

#include "cage/program.h"
#include "wire/settings.h"

#include <stdbool.h>

#define ROOT_ITEMS_MAX (PROGRAM_FILES_MAX + SETTINGS_READS_MAX + 8)
#define ROOT_STATE "/state"

enum root_kind {
	ROOT_PROGRAM, /* and what it needs */
	ROOT_READ,
	ROOT_DEVICE,
	ROOT_STATE_FOLDER,
};

struct root_item {
	const char *path; /* in the program's list, the settings, or constant */
	enum root_kind kind;
	int tree_fd;
};

struct root {
	const struct settings_agent *agent;
	struct program program;
	size_t n_items;
	struct root_item items[ROOT_ITEMS_MAX];
	char wrong[PROGRAM_PATH_SIZE + 320]; /* after an error: which step, what, why */
};

/* What is in it. Reads the program as whoever calls. 0, or -errno with root->wrong. */
int root_plan(struct root *root, const struct settings_agent *agent);

/*
 * Makes it and moves into it; the machine's files are out of reach from then on. Needs mount and user name spaces of
 * its own with all capabilities. 0, or -errno with root->wrong: then the mounts are as before, unless *ret_moved.
 */
int root_build(struct root *root, bool *ret_moved);

/*
 * A Landlock set that allows what the plan names, at the paths as they are now, and the agent's endpoints. Returns its
 * descriptor, or -errno with root->wrong.
 */
int root_rules(struct root *root, int abi);

/* Closes what root_build() left open after an error. */
void root_deinit(struct root *root);

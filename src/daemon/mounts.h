/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mounts: pure: the text of /proc/self/mountinfo and the operator's scopes → which mounts to mark, and why not the
 * others.
 *
 *     text ─▶ mounts_parse ─▶ struct mounts ─▶ mounts_choose(scopes) ─▶ enum mounts_choice of each
 *
 * A mounted path holds whatever bytes its maker chose; the text is treated as an outsider's. No I/O.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum mounts_choice {
	MOUNTS_MARK,
	MOUNTS_OUTSIDE, /* of every scope */
	MOUNTS_VIRTUAL, /* holds no files that a program could be, or nobody could put one there */
	MOUNTS_REMOTE, /* its files come from a server: opening one, as an event does, may never return */
	MOUNTS_USER, /* a process serves it (FUSE): it could hold up whoever reads the event, for ever */
	MOUNTS_BELOW, /* lies below one of the two, or is an overlay of one: reaching it could wait for that server */
	MOUNTS_UNKNOWN, /* a type that is not in the table */
};

struct mounts_mount {
	uint32_t id;
	uint32_t parent_id;
	uint32_t major;
	uint32_t minor;
	const char *point; /* unescaped; these live in the struct mounts */
	const char *type;
	const char *layers; /* of an overlay, by ':'; else "" */
	bool server; /* of another machine, or a process */
	enum mounts_choice choice;
};

struct mounts {
	char *text;
	struct mounts_mount *mounts;
	size_t n;
	size_t n_broken; /* lines that could not be understood */
};

/* Parses a copy of the text. -ENOMEM, or 0. */
int mounts_parse(const char *text, size_t size, struct mounts *ret);
void mounts_deinit(struct mounts *mounts);

/* Fills the choice of every mount. "/" among the scopes: every local file system. A directory: the mount it lies on
 * and those below it. Scopes are paths without symbolic links. */
void mounts_choose(struct mounts *mounts, const char *const *scopes, size_t n_scopes);

/* In words, for doctor and logs. */
const char *mounts_choice_why(enum mounts_choice choice);

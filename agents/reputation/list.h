/* SPDX-License-Identifier: Apache-2.0 */
/*
 * list: a compiled list, loaded: an index in memory, the digests in their file.
 *
 *     file ─▶ list_load_step() … ─▶ index: 3 bytes an entry ─▶ list_lookup() ─▶ a hit is read from the file and
 * compared
 *
 * The first bits of a digest choose a bucket, the next 24 are searched in it. So a lookup that finds nothing, which is
 * nearly every one, reads no file; one that finds these bits alike compares all 256 before it says so: there are no
 * false hits, whatever the list holds. Any number of entries may share their first bits: the search stays logarithmic.
 *
 * A digest that was compared once is kept with its answer, 65,536 of them: reading the file takes a system call, which
 * is most of what a lookup costs, and what a machine runs is far fewer files.
 *
 * Loading is cut into steps, so that questions can be answered in between. Owns the descriptor.
 */
#pragma once

#include "reputation/list_build.h"

#include <stdbool.h>

#define LIST_TEXT_ENTRIES_MAX 100000u /* in a list that was not compiled before */
#define LIST_PROBLEM_TEXT_SIZE (LIST_PROBLEM_SIZE + 64u)

struct list;

struct list_entry {
	bool deny;
	uint32_t name; /* for list_name() */
};

/*
 * Begins to load a compiled list, or a text of at most LIST_TEXT_ENTRIES_MAX entries, which is compiled into memory.
 * Consumes fd, also on failure. -errno, and a sentence in problem (LIST_PROBLEM_TEXT_SIZE bytes).
 */
int list_load_begin(int fd, struct list **ret, char *problem);

/* Reads at most a megabyte. 1: loaded, 0: call again, -errno with a sentence in problem. */
int list_load_step(struct list *list, char *problem);

struct list *list_free(struct list *list);

/* 1: listed, *ret says how; 0: not listed; -errno when the file could not be read, or changed under our feet. */
int list_lookup(const struct list *list, const uint8_t digest[DIGEST_SIZE], struct list_entry *ret);

/* The entry's name, "" when it has none or it cannot be read. */
void list_name(const struct list *list, const struct list_entry *entry, char ret_name[LIST_NAME_SIZE]);

size_t list_n(const struct list *list);
const char *list_version(const struct list *list);
size_t list_memory_bytes(const struct list *list);

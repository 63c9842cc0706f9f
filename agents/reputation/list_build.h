/* SPDX-License-Identifier: Apache-2.0 */
/*
 * list_build: a text list into a compiled one.
 *
 *     text ─▶ list_build_text() ─▶ entries ─▶ list_build_write(): sort, find contradictions ─▶ file
 *
 * A line: 64 hexadecimal digits, then perhaps `allow` or `deny` (deny when neither is there), then perhaps a name of
 * at most 63 bytes. Empty lines and what follows a # at the start of a line or of a name are left out, so that the
 * output of sha256sum(1) is a list. What is wrong is told with its line; a list with anything wrong is not compiled.
 */
#pragma once

#include "reputation/list_format.h"

#define LIST_PROBLEMS_MAX 8u
#define LIST_PROBLEM_SIZE 160u

struct list_problems {
	uint64_t n; /* all; the first LIST_PROBLEMS_MAX are kept */
	char text[LIST_PROBLEMS_MAX][LIST_PROBLEM_SIZE]; /* "line 7: expected …, found …" */
};

void list_problem_add(struct list_problems *problems, const char *format, ...) __attribute__((format(printf, 2, 3)));

struct list_builder;

/* entries_max: more are a problem. -ENOMEM. */
int list_builder_new(size_t entries_max, struct list_builder **ret);
struct list_builder *list_builder_free(struct list_builder *builder);

/* Adds one entry; name may be empty. line is for messages. -ENOMEM. */
int list_builder_add(struct list_builder *builder, const uint8_t digest[DIGEST_SIZE], int deny, const char *name,
		     size_t name_size, uint32_t line, struct list_problems *problems);

/* Reads a text list to the end of fd (borrowed). -errno of read(2) or -ENOMEM; what is wrong in the text is in
 * problems. */
int list_build_text(struct list_builder *builder, int fd, struct list_problems *problems);

/* How many entries there are; after list_build_write(), without the repeated ones. */
size_t list_builder_n(const struct list_builder *builder);

/*
 * Sorts, drops entries said twice alike, finds contradictions (a problem), and writes a compiled list to fd
 * (borrowed, empty). version NULL: made from the content. -errno; -EINVAL when there are problems.
 */
int list_build_write(struct list_builder *builder, int fd, const char *version, struct list_problems *problems);

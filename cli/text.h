/* SPDX-License-Identifier: Apache-2.0 */
/*
 * text: strings that grow, and what of them a terminal may see.
 *
 * Everything that comes from the platform (paths, names, reasons) was written by others. text_add_escaped() is the
 * only way such bytes get into a text: control characters, bytes that are not UTF-8, and characters that change the
 * direction or have no shape become \n, \t, \xNN or \u{N}, and a backslash becomes two.
 */
#pragma once

#include "base/macro.h"

#include <stdbool.h>
#include <stdio.h>

struct text {
	char *bytes; /* NUL-terminated, or NULL while nothing was added */
	size_t size;
	size_t capacity;
};

void text_deinit(struct text *text);
/* "" for one that nothing was added to. */
const char *text_get(const struct text *text);
void text_clear(struct text *text);

/* Our own words, as they are. */
void text_add(struct text *text, const char *words);
void text_add_bytes(struct text *text, const char *bytes, size_t size);
/* At most 511 bytes at a time. */
void text_format(struct text *text, const char *format, ...) _printf_(2, 3);
/* Words of others. */
void text_add_escaped(struct text *text, const char *bytes, size_t size);

/* Columns that escaped text takes on a terminal. */
size_t text_columns(const char *escaped, size_t size);
/* How many of its bytes fit into so many columns; never 0 when it is not empty. */
size_t text_fit(const char *escaped, size_t size, size_t columns);

/* Numbers for people. */
void text_count(struct text *text, uint64_t count); /* 1,204 */
void text_counted(struct text *text, uint64_t count, const char *noun); /* 1 strike, 1,204 strikes */
void text_bytes(struct text *text, uint64_t bytes); /* 812 B, 12.3 MiB */
void text_microseconds(struct text *text, uint64_t us); /* 85 us, 1.2 ms, 3.5 s */
void text_seconds(struct text *text, uint64_t seconds); /* 42 s, 2 h 13 min */
void text_wall_time(struct text *text, uint64_t wall_ns, bool with_date);

/* JSON text for a terminal: the same values, with every character that a terminal could obey escaped as \uNNNN. */
void text_add_json(struct text *text, const char *json, size_t size);

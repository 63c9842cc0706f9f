/* SPDX-License-Identifier: Apache-2.0 */
/*
 * text: JSON into a buffer of a fixed size. Pure.
 *
 * The caller writes the punctuation with text_raw(); strings are escaped here. Bytes that are not UTF-8 become lone low
 * surrogates, as in rs_event_to_json().
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct text {
	char *buffer;
	size_t capacity;
	size_t size;
	bool full; /* something did not fit: what is there is of no use */
};

void text_init(struct text *text, char *buffer, size_t capacity);
void text_raw(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* With its quotes. */
void text_string(struct text *text, const char *string);

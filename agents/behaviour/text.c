/* SPDX-License-Identifier: Apache-2.0 */
#include "behaviour/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void text_init(struct text *text, char *buffer, size_t capacity)
{
	*text = (struct text){.buffer = buffer, .capacity = capacity};
	buffer[0] = '\0';
}

void text_raw(struct text *text, const char *format, ...)
{
	va_list args;
	if (text->full)
		return;
	va_start(args, format);
	int size = vsnprintf(text->buffer + text->size, text->capacity - text->size, format, args);
	va_end(args);
	if (size < 0 || (size_t)size >= text->capacity - text->size)
		text->full = true;
	else
		text->size += (size_t)size;
}

/* How many bytes of one character begin here; 0: this byte begins none. */
static size_t utf8_size(const unsigned char *at)
{
	static const struct {
		unsigned char mask, first;
		uint32_t least;
	} forms[] = {{0x80, 0x00, 0}, {0xe0, 0xc0, 0x80}, {0xf0, 0xe0, 0x800}, {0xf8, 0xf0, 0x10000}};
	for (size_t form = 0; form < 4; form++) {
		uint32_t value = at[0] & (uint32_t)(unsigned char)~forms[form].mask;
		if ((at[0] & forms[form].mask) != forms[form].first)
			continue;
		for (size_t i = 1; i <= form; i++) {
			if ((at[i] & 0xc0) != 0x80)
				return 0;
			value = value << 6 | (at[i] & 0x3f);
		}
		bool surrogate = value >= 0xd800 && value < 0xe000;
		return value >= forms[form].least && value <= 0x10ffff && !surrogate ? form + 1 : 0;
	}
	return 0;
}

void text_string(struct text *text, const char *string)
{
	text_raw(text, "\"");
	for (const unsigned char *at = (const unsigned char *)string; *at;) {
		size_t size = utf8_size(at);
		if (size == 0)
			text_raw(text, "\\udc%02x", *at);
		else if (*at < 0x20 || *at == 0x7f)
			text_raw(text, "\\u%04x", *at);
		else if (*at == '"' || *at == '\\')
			text_raw(text, "\\%c", *at);
		else
			text_raw(text, "%.*s", (int)size, (const char *)at);
		at += size ? size : 1;
	}
	text_raw(text, "\"");
}

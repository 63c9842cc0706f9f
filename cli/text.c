/* SPDX-License-Identifier: Apache-2.0 */
#include "text.h"

#include "base/clock.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>
#include <wchar.h>

/* Bytes that were not UTF-8 stand in JSON as lone low surrogates; view.c moves them here, so that a parser
 * that knows nothing of that keeps them. */
#define RAW_BYTE_FIRST 0xef80u
#define RAW_BYTE_LAST 0xefffu

void text_deinit(struct text *text)
{
	free(text->bytes);
	*text = (struct text){0};
}

const char *text_get(const struct text *text)
{
	return text->bytes ? text->bytes : "";
}

void text_clear(struct text *text)
{
	text->size = 0;
	if (text->bytes)
		text->bytes[0] = '\0';
}

void text_add_bytes(struct text *text, const char *bytes, size_t size)
{
	if (text->size + size + 1 > text->capacity) {
		size_t capacity = MAX(MAX(text->capacity * 2, (size_t)64), text->size + size + 1);
		char *grown = realloc(text->bytes, capacity);
		if (!grown) {
			fputs("ringside: out of memory\n", stderr);
			exit(5);
		}
		text->bytes = grown;
		text->capacity = capacity;
	}
	memcpy(text->bytes + text->size, bytes, size);
	text->size += size;
	text->bytes[text->size] = '\0';
}

void text_add(struct text *text, const char *words)
{
	text_add_bytes(text, words, strlen(words));
}

void text_format(struct text *text, const char *format, ...)
{
	char buffer[512];
	va_list args;
	va_start(args, format);
	int n = vsnprintf(buffer, sizeof(buffer), format, args);
	va_end(args);
	if (n > 0)
		text_add_bytes(text, buffer, MIN((size_t)n, sizeof(buffer) - 1));
}

/* The character at p and its length; a byte that begins no well-formed sequence is itself, length 0. */
static uint32_t decode(const unsigned char *p, size_t size, size_t *ret_length)
{
	static const struct {
		unsigned char first, last, bits;
		uint32_t lowest;
	} kinds[] = {{0xc2, 0xdf, 0x1f, 0x80}, {0xe0, 0xef, 0x0f, 0x800}, {0xf0, 0xf4, 0x07, 0x10000}};
	if (p[0] < 0x80) {
		*ret_length = 1;
		return p[0];
	}
	*ret_length = 0;
	for (size_t kind = 0; kind < ARRAY_SIZE(kinds); kind++) {
		if (p[0] < kinds[kind].first || p[0] > kinds[kind].last)
			continue;
		size_t length = kind + 2;
		uint32_t c = p[0] & kinds[kind].bits;
		if (size < length)
			return p[0];
		for (size_t i = 1; i < length; i++) {
			if ((p[i] & 0xc0) != 0x80)
				return p[0];
			c = c << 6 | (p[i] & 0x3f);
		}
		if (c < kinds[kind].lowest || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
			return p[0];
		*ret_length = length;
		return c;
	}
	return p[0];
}

/* Characters that a terminal obeys, or that make text look like other text. */
static bool is_unsafe(uint32_t c)
{
	static const struct {
		uint32_t first, last;
	} ranges[] = {
		{0x00, 0x1f},     {0x7f, 0x9f},     {0xad, 0xad},     {0x34f, 0x34f},
		{0x61c, 0x61c},   {0x115f, 0x1160}, {0x180b, 0x180f}, {0x200b, 0x200f},
		{0x2028, 0x202e}, {0x2060, 0x206f}, {0x3164, 0x3164}, {0xfe00, 0xfe0f},
		{0xfeff, 0xfeff}, {0xffa0, 0xffa0}, {0xfff0, 0xfffb}, {0xe0000, 0xe0fff},
	};
	for (size_t i = 0; i < ARRAY_SIZE(ranges); i++)
		if (c >= ranges[i].first && c <= ranges[i].last)
			return true;
	return false;
}

static void add_escape(struct text *text, uint32_t c)
{
	if (c == '\n')
		text_add(text, "\\n");
	else if (c == '\t')
		text_add(text, "\\t");
	else if (c < 0x80)
		text_format(text, "\\x%02x", c);
	else
		text_format(text, "\\u{%x}", c);
}

void text_add_escaped(struct text *text, const char *bytes, size_t size)
{
	const unsigned char *p = (const unsigned char *)bytes, *end = p + size;
	while (p < end) {
		size_t length;
		uint32_t c = decode(p, (size_t)(end - p), &length);
		if (length == 0)
			text_format(text, "\\x%02x", c);
		else if (c >= RAW_BYTE_FIRST && c <= RAW_BYTE_LAST)
			text_format(text, "\\x%02x", c & 0xff);
		else if (c == '\\')
			text_add(text, "\\\\");
		else if (is_unsafe(c) || wcwidth((wchar_t)c) < 0)
			add_escape(text, c);
		else
			text_add_bytes(text, (const char *)p, length);
		p += length ? length : 1;
	}
}

size_t text_fit(const char *escaped, size_t size, size_t columns)
{
	const unsigned char *p = (const unsigned char *)escaped, *end = p + size;
	size_t used = 0;
	while (p < end) {
		size_t length;
		uint32_t c = decode(p, (size_t)(end - p), &length);
		int width = wcwidth((wchar_t)c);
		used += width > 0 ? (size_t)width : 0;
		if (used > columns && p != (const unsigned char *)escaped)
			break;
		p += length ? length : 1;
	}
	return (size_t)(p - (const unsigned char *)escaped);
}

size_t text_columns(const char *escaped, size_t size)
{
	const unsigned char *p = (const unsigned char *)escaped, *end = p + size;
	size_t used = 0;
	while (p < end) {
		size_t length;
		int width = wcwidth((wchar_t)decode(p, (size_t)(end - p), &length));
		used += width > 0 ? (size_t)width : 0;
		p += length ? length : 1;
	}
	return used;
}

void text_count(struct text *text, uint64_t count)
{
	char digits[24];
	int n = snprintf(digits, sizeof(digits), "%" PRIu64, count);
	for (int i = 0; i < n; i++) {
		text_add_bytes(text, digits + i, 1);
		if (i < n - 1 && (n - 1 - i) % 3 == 0)
			text_add_bytes(text, ",", 1);
	}
}

void text_counted(struct text *text, uint64_t count, const char *noun)
{
	text_count(text, count);
	text_format(text, " %s%s", noun, count == 1 ? "" : "s");
}

void text_bytes(struct text *text, uint64_t bytes)
{
	static const char *const units[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
	uint64_t tenths = bytes;
	size_t i = 0;
	if (bytes < 1024) {
		text_format(text, "%" PRIu64 " B", bytes);
		return;
	}
	for (tenths = bytes / 1024 * 10 + bytes % 1024 * 10 / 1024; tenths >= 10240 && i + 1 < ARRAY_SIZE(units); i++)
		tenths /= 1024;
	if (tenths < 1000)
		text_format(text, "%" PRIu64 ".%" PRIu64 " %s", tenths / 10, tenths % 10, units[i]);
	else
		text_format(text, "%" PRIu64 " %s", tenths / 10, units[i]);
}

void text_microseconds(struct text *text, uint64_t us)
{
	if (us < 1000)
		text_format(text, "%" PRIu64 " us", us);
	else if (us < 10000)
		text_format(text, "%" PRIu64 ".%" PRIu64 " ms", us / 1000, us % 1000 / 100);
	else if (us < 1000000)
		text_format(text, "%" PRIu64 " ms", us / 1000);
	else
		text_format(text, "%" PRIu64 ".%" PRIu64 " s", us / 1000000, us % 1000000 / 100000);
}

void text_seconds(struct text *text, uint64_t seconds)
{
	if (seconds < 60)
		text_format(text, "%" PRIu64 " s", seconds);
	else if (seconds < 3600)
		text_format(text, "%" PRIu64 " min %" PRIu64 " s", seconds / 60, seconds % 60);
	else if (seconds < 86400)
		text_format(text, "%" PRIu64 " h %" PRIu64 " min", seconds / 3600, seconds % 3600 / 60);
	else
		text_format(text, "%" PRIu64 " d %" PRIu64 " h", seconds / 86400, seconds % 86400 / 3600);
}

void text_wall_time(struct text *text, uint64_t wall_ns, bool with_date)
{
	char buffer[64];
	time_t seconds = (time_t)(wall_ns / NS_PER_SEC);
	struct tm tm;
	if (!localtime_r(&seconds, &tm)) {
		text_add(text, "?");
		return;
	}
	strftime(buffer, sizeof(buffer), with_date ? "%Y-%m-%d %H:%M:%S" : "%H:%M:%S", &tm);
	text_format(text, "%s.%06" PRIu64, buffer, wall_ns % NS_PER_SEC / NS_PER_US);
}

/* JSON has no escape beyond \uNNNN: above 0xffff a pair of surrogates. */
static void add_json_escape(struct text *text, uint32_t c)
{
	if (c > 0xffff)
		text_format(text, "\\u%04x\\u%04x", 0xd800 + ((c - 0x10000) >> 10), 0xdc00 + ((c - 0x10000) & 0x3ff));
	else
		text_format(text, "\\u%04x", c);
}

void text_add_json(struct text *text, const char *json, size_t size)
{
	const unsigned char *p = (const unsigned char *)json, *end = p + size;
	while (p < end) {
		size_t length;
		uint32_t c = decode(p, (size_t)(end - p), &length);
		if (length == 0)
			text_format(text, "\\udc%02x", c & 0xff);
		else if (is_unsafe(c) && c != '\n' && c != '\t' && c != '\r')
			add_json_escape(text, c);
		else
			text_add_bytes(text, (const char *)p, length);
		p += length ? length : 1;
	}
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void json_init(struct json *json, char *buffer, size_t capacity)
{
	*json = (struct json){.buffer = buffer, .capacity = capacity};
}

static void put(struct json *json, const char *text, size_t size)
{
	if (json->size + size <= json->capacity)
		memcpy(json->buffer + json->size, text, size);
	json->size += size;
}

static void put_text(struct json *json, const char *text)
{
	put(json, text, strlen(text));
}

/* Everything before a value: the comma and the key. */
static void begin(struct json *json, const char *key)
{
	if (json->comma)
		put(json, ",", 1);
	if (key) {
		put(json, "\"", 1);
		put_text(json, key);
		put(json, "\":", 2);
	}
	json->comma = true;
}

static void open_with(struct json *json, const char *key, const char *bracket)
{
	begin(json, key);
	put(json, bracket, 1);
	json->comma = false;
}

static void close_with(struct json *json, const char *bracket)
{
	put(json, bracket, 1);
	json->comma = true;
}

void json_open_object(struct json *json, const char *key)
{
	open_with(json, key, "{");
}

void json_close_object(struct json *json)
{
	close_with(json, "}");
}

void json_open_array(struct json *json, const char *key)
{
	open_with(json, key, "[");
}

void json_close_array(struct json *json)
{
	close_with(json, "]");
}

/* Length of the well-formed UTF-8 sequence at p (RFC 3629, section 4), or 0. */
static size_t utf8_length(const unsigned char *p, size_t size)
{
	size_t n;
	unsigned char low = 0x80, high = 0xbf;
	if (p[0] >= 0xc2 && p[0] <= 0xdf)
		n = 2;
	else if (p[0] >= 0xe0 && p[0] <= 0xef)
		n = 3;
	else if (p[0] >= 0xf0 && p[0] <= 0xf4)
		n = 4;
	else
		return 0;
	if (p[0] == 0xe0)
		low = 0xa0;
	else if (p[0] == 0xed)
		high = 0x9f;
	else if (p[0] == 0xf0)
		low = 0x90;
	else if (p[0] == 0xf4)
		high = 0x8f;
	if (size < n || p[1] < low || p[1] > high)
		return 0;
	for (size_t i = 2; i < n; i++)
		if (p[i] < 0x80 || p[i] > 0xbf)
			return 0;
	return n;
}

void json_bytes(struct json *json, const char *key, const char *bytes, size_t size)
{
	begin(json, key);
	put(json, "\"", 1);
	const unsigned char *p = (const unsigned char *)(bytes ? bytes : ""), *end = p + size; /* NULL: of size 0 */
	while (p < end) {
		char escape[8];
		size_t n;
		if (*p == '"' || *p == '\\') {
			escape[0] = '\\';
			escape[1] = (char)*p;
			put(json, escape, 2);
			p++;
		} else if (*p < 0x20 || *p == 0x7f) {
			snprintf(escape, sizeof(escape), "\\u%04x", *p);
			put(json, escape, 6);
			p++;
		} else if (*p < 0x80) {
			put(json, (const char *)p, 1);
			p++;
		} else if ((n = utf8_length(p, (size_t)(end - p))) > 0) {
			put(json, (const char *)p, n);
			p += n;
		} else {
			snprintf(escape, sizeof(escape), "\\udc%02x", *p);
			put(json, escape, 6);
			p++;
		}
	}
	put(json, "\"", 1);
}

void json_string(struct json *json, const char *key, const char *string)
{
	json_bytes(json, key, string, strlen(string));
}

void json_u64(struct json *json, const char *key, uint64_t value)
{
	char text[24];
	begin(json, key);
	snprintf(text, sizeof(text), "%" PRIu64, value);
	put_text(json, text);
}

void json_i64(struct json *json, const char *key, int64_t value)
{
	char text[24];
	begin(json, key);
	snprintf(text, sizeof(text), "%" PRId64, value);
	put_text(json, text);
}

void json_bool(struct json *json, const char *key, bool value)
{
	begin(json, key);
	put_text(json, value ? "true" : "false");
}

void json_null(struct json *json, const char *key)
{
	begin(json, key);
	put_text(json, "null");
}

void json_raw(struct json *json, const char *key, const char *text, size_t size)
{
	begin(json, key);
	put(json, text, size);
}

ssize_t json_finish(struct json *json)
{
	if (json->size >= json->capacity)
		return -ENOBUFS;
	json->buffer[json->size] = '\0';
	return (ssize_t)json->size;
}

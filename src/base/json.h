/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json: a writer into a fixed buffer. Never allocates, never fails half way: when the buffer is too small it
 * goes on counting and json_finish() says -ENOBUFS. Bytes that are not UTF-8 become \udcNN (the lone low surrogate
 * of PEP 383), so that a reader can get the bytes back.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct json {
	char *buffer;
	size_t capacity;
	size_t size; /* wanted so far, may exceed capacity */
	bool comma;
};

/* buffer is borrowed. */
void json_init(struct json *json, char *buffer, size_t capacity);

/* key is NULL inside of arrays and at the top. Keys are written as they are. */
void json_open_object(struct json *json, const char *key);
void json_close_object(struct json *json);
void json_open_array(struct json *json, const char *key);
void json_close_array(struct json *json);
void json_bytes(struct json *json, const char *key, const char *bytes, size_t size);
void json_string(struct json *json, const char *key, const char *string);
void json_u64(struct json *json, const char *key, uint64_t value);
void json_i64(struct json *json, const char *key, int64_t value);
void json_bool(struct json *json, const char *key, bool value);
void json_null(struct json *json, const char *key);
/* JSON text that was made elsewhere, as it is. */
void json_raw(struct json *json, const char *key, const char *text, size_t size);

/* NUL-terminates and returns the size without it, or -ENOBUFS. */
ssize_t json_finish(struct json *json);

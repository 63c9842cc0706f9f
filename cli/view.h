/* SPDX-License-Identifier: Apache-2.0 */
/*
 * view: reading the JSON that the platform answers.
 *
 * Nothing in it is trusted: any part may be missing, of another kind, or say {"error": "…"}; then a reading function
 * gives its default. Strings leave this file escaped only (see text.h).
 */
#pragma once

#include "text.h"

#include <json-c/json.h>

/* JSON text → object, bytes that were not UTF-8 kept for text_add_escaped(). NULL when it is not one JSON value.
 * The text is changed. */
struct json_object *view_parse(char *text, size_t size);

/* Members of an object; `object` may be NULL or anything else. */
struct json_object *view_member(struct json_object *object, const char *key);
bool view_has(struct json_object *object, const char *key);
uint64_t view_number(struct json_object *object, const char *key);
bool view_flag(struct json_object *object, const char *key);
/* Number of elements when the member is an array, else 0. */
size_t view_length(struct json_object *object, const char *key);
struct json_object *view_element(struct json_object *object, const char *key, size_t index);
/* Whether the member is this string. */
bool view_is(struct json_object *object, const char *key, const char *string);
bool view_is_empty(struct json_object *object, const char *key);
/* Adds the member, escaped: a string, a number, or what it is in JSON; `missing` when there is none. */
void view_add(struct text *text, struct json_object *object, const char *key, const char *missing);
/* Adds one element of an array, escaped: a string, or what it is in JSON. */
void view_add_element(struct text *text, struct json_object *object, const char *key, size_t index);

/* SPDX-License-Identifier: Apache-2.0 */
#include "view.h"

#include <string.h>

static bool is_hex4(const char *p)
{
	return strspn(p, "0123456789abcdefABCDEF") >= 4;
}

/* \udcNN that no high surrogate precedes was a byte: keep it in U+EF80 … U+EFFF. */
static void keep_raw_bytes(char *text)
{
	bool after_high = false;
	for (char *p = text; *p;) {
		if (*p != '\\') {
			after_high = false;
			p++;
			continue;
		}
		if (p[1] != 'u' || !is_hex4(p + 2)) {
			after_high = false;
			p += p[1] ? 2 : 1;
			continue;
		}
		char digits[5] = {p[2], p[3], p[4], p[5], 0};
		unsigned long c = strtoul(digits, NULL, 16);
		if (!after_high && c >= 0xdc80 && c <= 0xdcff)
			memcpy(p + 2, "ef", 2);
		after_high = c >= 0xd800 && c <= 0xdbff;
		p += 6;
	}
}

struct json_object *view_parse(char *text, size_t size)
{
	if (size > INT32_MAX || memchr(text, '\0', size))
		return NULL;
	keep_raw_bytes(text);
	struct json_tokener *tokener = json_tokener_new();
	if (!tokener)
		return NULL;
	struct json_object *json = json_tokener_parse_ex(tokener, text, (int)size + 1);
	/* with the NUL counted, a whole value ends in success; rest behind it is an error */
	if (json_tokener_get_error(tokener) != json_tokener_success ||
	    strspn(text + json_tokener_get_parse_end(tokener), " \n\r\t") !=
		    strlen(text + json_tokener_get_parse_end(tokener))) {
		json_object_put(json);
		json = NULL;
	}
	json_tokener_free(tokener);
	return json;
}

struct json_object *view_member(struct json_object *object, const char *key)
{
	struct json_object *member = NULL;
	if (json_object_is_type(object, json_type_object))
		json_object_object_get_ex(object, key, &member);
	return member;
}

bool view_has(struct json_object *object, const char *key)
{
	return view_member(object, key) != NULL;
}

uint64_t view_number(struct json_object *object, const char *key)
{
	struct json_object *member = view_member(object, key);
	return json_object_is_type(member, json_type_int) ? json_object_get_uint64(member) : 0;
}

bool view_flag(struct json_object *object, const char *key)
{
	return json_object_get_boolean(view_member(object, key));
}

size_t view_length(struct json_object *object, const char *key)
{
	struct json_object *member = view_member(object, key);
	return json_object_is_type(member, json_type_array) ? json_object_array_length(member) : 0;
}

struct json_object *view_element(struct json_object *object, const char *key, size_t index)
{
	return index < view_length(object, key) ? json_object_array_get_idx(view_member(object, key), index) : NULL;
}

bool view_is(struct json_object *object, const char *key, const char *string)
{
	struct json_object *member = view_member(object, key);
	return json_object_is_type(member, json_type_string) && strcmp(json_object_get_string(member), string) == 0;
}

bool view_is_empty(struct json_object *object, const char *key)
{
	struct json_object *member = view_member(object, key);
	return !member || (json_object_is_type(member, json_type_string) && json_object_get_string_len(member) == 0);
}

static void add_value(struct text *text, struct json_object *value)
{
	if (json_object_is_type(value, json_type_string)) {
		text_add_escaped(text, json_object_get_string(value), (size_t)json_object_get_string_len(value));
	} else {
		const char *json = json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN);
		text_add_escaped(text, json, strlen(json));
	}
}

void view_add(struct text *text, struct json_object *object, const char *key, const char *missing)
{
	struct json_object *member = view_member(object, key);
	if (member)
		add_value(text, member);
	else
		text_add(text, missing);
}

void view_add_element(struct text *text, struct json_object *object, const char *key, size_t index)
{
	add_value(text, view_element(object, key, index));
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "yaml/value.h"

#include "base/macro.h"

#include <string.h>
#include <strings.h>

bool value_bool(const char *text, bool *ret)
{
	static const struct {
		const char *word;
		bool value;
	} words[] = {{"yes", true}, {"no", false}, {"true", true}, {"false", false}, {"on", true}, {"off", false}};
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (strcasecmp(text, words[i].word) == 0) {
			*ret = words[i].value;
			return true;
		}
	}
	return false;
}

/* Reads digits; returns what follows, or NULL when there are none or too many. */
static const char *digits(const char *text, uint64_t *ret)
{
	uint64_t value = 0;
	const char *at = text;
	for (; *at >= '0' && *at <= '9'; at++) {
		if (value > UINT64_MAX / 10 - 1)
			return NULL;
		value = value * 10 + (uint64_t)(*at - '0');
	}
	if (at == text)
		return NULL;
	*ret = value;
	return at;
}

bool value_number(const char *text, uint64_t *ret)
{
	uint64_t value;
	const char *end = digits(text, &value);
	if (!end || *end)
		return false;
	*ret = value;
	return true;
}

struct unit {
	const char *name;
	uint64_t factor;
};

static bool with_unit(const char *text, const struct unit *units, size_t n_units, uint64_t *ret)
{
	uint64_t value;
	const char *end = digits(text, &value);
	if (!end)
		return false;
	end += strspn(end, " ");
	for (size_t i = 0; i < n_units; i++) {
		if (strcmp(end, units[i].name) == 0 && value <= UINT64_MAX / units[i].factor) {
			*ret = value * units[i].factor;
			return true;
		}
	}
	return false;
}

bool value_time_ms(const char *text, uint64_t *ret)
{
	static const struct unit units[] = {{"ms", 1}, {"s", 1000}, {"min", 60000}, {"h", 3600000}};
	return with_unit(text, units, ARRAY_SIZE(units), ret);
}

bool value_size_kb(const char *text, uint64_t *ret)
{
	static const struct unit units[] = {{"KB", 1},  {"MB", 1 << 10},  {"GB", 1 << 20},
					    {"KiB", 1}, {"MiB", 1 << 10}, {"GiB", 1 << 20}};
	return with_unit(text, units, ARRAY_SIZE(units), ret);
}

bool value_percent(const char *text, uint64_t *ret)
{
	static const struct unit units[] = {{"%", 1}};
	return with_unit(text, units, ARRAY_SIZE(units), ret);
}

bool value_text(const char *text)
{
	/* bytes of UTF-8 that may drive a terminal: 0x00 to 0x1f, 0x7f, and 0x80 to 0x9f in two bytes */
	for (const unsigned char *byte = (const unsigned char *)text; *byte; byte++)
		if (*byte < 0x20 || *byte == 0x7f || (*byte == 0xc2 && byte[1] < 0xa0))
			return false;
	return true;
}

static bool bad_part(const char *part, size_t size)
{
	return size == 0 || (size == 1 && part[0] == '.') || (size == 2 && part[0] == '.' && part[1] == '.');
}

/* The parts of a path from here on. */
static bool good_parts(const char *part, bool may_be_prefix)
{
	while (*part) {
		size_t size = strcspn(part, "/");
		if (bad_part(part, size))
			return false;
		part += size;
		if (strcmp(part, "/") == 0)
			return may_be_prefix;
		part += *part == '/';
	}
	return true;
}

bool value_path(const char *text, bool may_be_prefix)
{
	return text[0] == '/' && value_text(text) && good_parts(text + 1, may_be_prefix);
}

bool value_path_below(const char *text)
{
	return text[0] && text[0] != '/' && value_text(text) && good_parts(text, false);
}

bool value_path_inside(const char *path, const char *folder)
{
	size_t size = strlen(folder);
	return strncmp(path, folder, size) == 0 && (path[size] == '\0' || path[size] == '/');
}

bool value_name(const char *text)
{
	static const char first[] = "abcdefghijklmnopqrstuvwxyz0123456789";
	static const char all[] = "abcdefghijklmnopqrstuvwxyz0123456789-_";
	return text[0] && strchr(first, text[0]) && text[strspn(text, all)] == '\0';
}

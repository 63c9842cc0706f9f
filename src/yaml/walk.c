/* SPDX-License-Identifier: Apache-2.0 */
#include "yaml/walk.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static size_t path_append(struct walk *walk, const char *format, const char *key, size_t index)
{
	size_t before = walk->path_size, room = sizeof(walk->path) - before;
	int n = key ? snprintf(walk->path + before, room, "%s%.64s", before ? "." : "", key)
		    : snprintf(walk->path + before, room, "[%zu]", index);
	walk->path_size += (size_t)n < room ? (size_t)n : room - 1;
	return before;
}

size_t walk_enter_key(struct walk *walk, const char *key)
{
	return path_append(walk, NULL, key, 0);
}

size_t walk_enter_index(struct walk *walk, size_t index)
{
	return path_append(walk, NULL, NULL, index);
}

void walk_leave(struct walk *walk, size_t before)
{
	walk->path_size = before;
	walk->path[before] = '\0';
}

size_t walk_line(const yaml_node_t *node)
{
	return node ? node->start_mark.line + 1 : 1;
}

bool walk_has_errors(const struct walk *walk)
{
	return walk->errors->count > walk->errors_before;
}

void walk_note_line(struct walk *walk, const yaml_node_t *key)
{
	struct walk_lines *lines = walk->lines;
	if (!lines || lines->n == WALK_LINES_MAX)
		return;
	lines->items[lines->n].line = (uint32_t)walk_line(key);
	snprintf(lines->items[lines->n++].field, sizeof(lines->items[0].field), "%.47s", walk->path);
}

uint32_t walk_lines_find(const struct walk_lines *lines, const char *field)
{
	for (size_t size = strlen(field); size > 0;) {
		for (uint32_t i = 0; i < lines->n; i++)
			if (strncmp(lines->items[i].field, field, size) == 0 && lines->items[i].field[size] == '\0')
				return lines->items[i].line;
		do
			size--;
		while (size > 0 && field[size] != '.');
	}
	return 1;
}

yaml_node_t *walk_node(struct walk *walk, int index)
{
	return yaml_document_get_node(walk->document, index);
}

/* Keys and values may hold bytes that drive a terminal: they are shown as "?". */
static void show_plainly(char *text, const char *end)
{
	for (; text < end; text++) {
		bool c1 = (unsigned char)*text == 0xc2 && (unsigned char)text[1] < 0xa0;
		if ((unsigned char)*text < 0x20 || *text == 0x7f || c1)
			*text = '?';
		if (c1)
			*++text = '?';
	}
}

void walk_error(struct walk *walk, size_t line, const char *format, ...)
{
	struct document_errors *errors = walk->errors;
	if (++errors->count > DOCUMENT_ERRORS_MAX)
		return;
	char text[700];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	size_t room = sizeof(errors->text) - errors->size;
	char *to = errors->text + errors->size;
	int n = snprintf(to, room, "%.200s:%zu: %s%s%s\n", walk->source->name, line, walk->path,
			 walk->path_size ? ": " : "", text);
	if (n <= 0 || (size_t)n >= room) {
		*to = '\0';
		return;
	}
	show_plainly(to, to + n - 1);
	errors->size += (size_t)n;
}

/* A short form of what stands there. */
static void describe(const yaml_node_t *node, char *text, size_t size)
{
	if (!node) {
		snprintf(text, size, "nothing");
	} else if (node->type == YAML_SEQUENCE_NODE) {
		snprintf(text, size, "a list");
	} else if (node->type == YAML_MAPPING_NODE) {
		snprintf(text, size, "a section");
	} else if (node->data.scalar.length == 0) {
		snprintf(text, size, "nothing");
	} else {
		int shown = (int)MIN(node->data.scalar.length, (size_t)60);
		snprintf(text, size, "\"%.*s%s\"", shown, (const char *)node->data.scalar.value,
			 node->data.scalar.length > 60 ? "…" : "");
	}
}

void walk_wrong(struct walk *walk, const yaml_node_t *node, const char *advice, const char *expected, ...)
{
	char found[80], wanted[400];
	va_list args;
	va_start(args, expected);
	vsnprintf(wanted, sizeof(wanted), expected, args);
	va_end(args);
	describe(node, found, sizeof(found));
	walk_error(walk, walk_line(node), "expected %s, found %s; %s", wanted, found, advice);
}

const char *walk_scalar(struct walk *walk, const yaml_node_t *node, size_t most, const char *expected)
{
	if (node->type != YAML_SCALAR_NODE || node->data.scalar.length == 0) {
		walk_wrong(walk, node, "write one value", "%s", expected);
		return NULL;
	}
	const char *text = (const char *)node->data.scalar.value;
	if (strlen(text) != node->data.scalar.length) {
		walk_wrong(walk, node, "remove the zero byte", "%s", expected);
		return NULL;
	}
	if (node->data.scalar.length > most) {
		walk_wrong(walk, node, "make it shorter", "%s of at most %zu bytes", expected, most);
		return NULL;
	}
	return text;
}

void walk_list(struct walk *walk, const yaml_node_t *node, size_t most, void *base,
	       void (*fn)(struct walk *walk, void *base, size_t index, const yaml_node_t *item))
{
	if (node->type != YAML_SEQUENCE_NODE) {
		walk_wrong(walk, node, "write [a, b] or one \"- item\" a line", "a list");
		return;
	}
	size_t n = (size_t)(node->data.sequence.items.top - node->data.sequence.items.start);
	if (n > most) {
		walk_error(walk, walk_line(node), "expected at most %zu items, found %zu; remove some", most, n);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		size_t before = walk_enter_index(walk, i);
		fn(walk, base, i, walk_node(walk, node->data.sequence.items.start[i]));
		walk_leave(walk, before);
	}
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * walk: the way through the nodes of a document, and the errors found on it.
 *
 * Owns the name of the field at hand ("agents[0].limits.memory") and the list of errors. Nodes belong to the
 * document.
 */
#pragma once

#include "yaml/document.h"

#define WALK_LINES_MAX 64u

/* Where each key stood, for those who later speak of it: "limits.memory" → 12. */
struct walk_lines {
	uint32_t n;
	struct {
		char field[48];
		uint32_t line;
	} items[WALK_LINES_MAX];
};

struct walk {
	const struct document_source *source;
	yaml_document_t *document;
	struct document_errors *errors;
	unsigned errors_before; /* those of other documents */
	struct walk_lines *lines; /* NULL: nobody wants them */
	void *context; /* of the caller's functions */
	size_t path_size;
	char path[256];
};

bool walk_has_errors(const struct walk *walk);

/* Makes the field's name longer; returns what walk_leave() takes to make it short again. */
size_t walk_enter_key(struct walk *walk, const char *key);
size_t walk_enter_index(struct walk *walk, size_t index);
void walk_leave(struct walk *walk, size_t before);

/* Notes an error at a node (NULL: the file as a whole). `expected` and `advice` are parts of a sentence. */
void walk_wrong(struct walk *walk, const yaml_node_t *node, const char *advice, const char *expected, ...)
	_printf_(4, 5);

/* The same with other words than "expected …, found …". */
void walk_error(struct walk *walk, size_t line, const char *format, ...) _printf_(3, 4);

size_t walk_line(const yaml_node_t *node);
/* Notes where the field at hand stands; what comes beyond the table is not kept. */
void walk_note_line(struct walk *walk, const yaml_node_t *key);
/* The line of a field, else that of the section it would be in, else 1. */
uint32_t walk_lines_find(const struct walk_lines *lines, const char *field);
yaml_node_t *walk_node(struct walk *walk, int index);

/* The bytes of a scalar, NUL-terminated, or NULL (and an error) when the node is none, is empty or too long. */
const char *walk_scalar(struct walk *walk, const yaml_node_t *node, size_t most, const char *expected);

/* Calls fn for each item of a list; an error when it is none or has more than `most`. */
void walk_list(struct walk *walk, const yaml_node_t *node, size_t most, void *base,
	       void (*fn)(struct walk *walk, void *base, size_t index, const yaml_node_t *item));

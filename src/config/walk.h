/* SPDX-License-Identifier: Apache-2.0 */
/*
 * walk: the way through the nodes of a file, and the errors found on it. Internal to config/.
 *
 * Owns the name of the field at hand ("agents[0].limits.memory") and the list of errors. Nodes belong to the
 * document.
 */
#pragma once

#include "base/macro.h"
#include "config/config.h"

#include <stdbool.h>
#include <yaml.h>

struct walk {
	const struct config_source *source;
	yaml_document_t *document;
	struct config_errors *errors;
	struct settings *settings;
	size_t path_size;
	char path[256];
};

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
yaml_node_t *walk_node(struct walk *walk, int index);

/* The bytes of a scalar, NUL-terminated, or NULL (and an error) when the node is none, is empty or too long. */
const char *walk_scalar(struct walk *walk, const yaml_node_t *node, size_t most, const char *expected);

/* Calls fn for each item of a list; an error when it is none or has more than `most`. */
void walk_list(struct walk *walk, const yaml_node_t *node, size_t most, void *base,
	       void (*fn)(struct walk *walk, void *base, size_t index, const yaml_node_t *item));

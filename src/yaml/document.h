/* SPDX-License-Identifier: Apache-2.0 */
/*
 * document: bytes that somebody wrote → nodes of YAML, or a list of what is wrong with them. Pure.
 *
 *     bytes ─▶ form (size, UTF-8, tabs; no aliases, anchors, tags) ─▶ libyaml's nodes ─▶ apply()
 *
 * Owns the form and the list of errors; what keys mean is the caller's (schema.h). Walks libyaml's nodes instead of
 * binding them to structs by libcyaml: that one's errors name a line, but neither what was expected nor what to do.
 */
#pragma once

#include "base/macro.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <yaml.h>

#define DOCUMENT_ERRORS_MAX 20u
#define DOCUMENT_ERRORS_SIZE 16384u

/* A positive result: the text is wrong and the errors say how. */
#define DOCUMENT_WRONG 1

struct document_source {
	const char *name; /* how errors call it */
	const void *bytes;
	size_t size;
};

/* Lines "FILE:LINE: FIELD: expected …, found …; what to do", each ended by a newline. */
struct document_errors {
	unsigned count; /* may be more than there are lines */
	size_t size;
	char text[DOCUMENT_ERRORS_SIZE];
};

struct walk;

/* root: NULL for a text that is empty or has comments only. Calls walk_wrong() for what it finds. */
typedef void document_fn(struct walk *walk, void *data, const yaml_node_t *root);

/*
 * Adds to the errors, which may hold those of other documents. 0, DOCUMENT_WRONG, or -ENOMEM (also with errors[] that
 * were found before memory was short). size_max: of the text, in bytes.
 */
int document_read(const struct document_source *source, size_t size_max, document_fn *apply, void *data,
		  struct document_errors *errors);

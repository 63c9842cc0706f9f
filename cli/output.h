/* SPDX-License-Identifier: Apache-2.0 */
/*
 * output: what a person sees: paragraphs, pairs of label and value, tables, colours; nothing wider than `width`
 * unless one word is.
 *
 * All strings given to it are escaped already (see text.h).
 */
#pragma once

#include "text.h"

#define OUTPUT_WIDTH_DEFAULT 80u

enum output_colour {
	OUTPUT_PLAIN = 0,
	OUTPUT_BOLD,
	OUTPUT_GOOD,
	OUTPUT_WARN,
	OUTPUT_BAD,
	OUTPUT_DIM,
};

struct output {
	FILE *file; /* borrowed */
	unsigned width;
	bool colour;
};

/* Width and colour of this stream: the terminal's, or COLUMNS, or 80; colour on a terminal unless NO_COLOR is set or
 * TERM is dumb. */
void output_init(struct output *output, FILE *file);

void output_line(const struct output *output, enum output_colour colour, const char *words);
void output_blank(const struct output *output);

/* Words wrapped at spaces; `label` begins the first line, the others are indented by `indent` columns. */
void output_paragraph(const struct output *output, unsigned indent, const char *label, enum output_colour colour,
		      const char *words);

#define OUTPUT_COLUMNS_MAX 12u

struct output_column {
	const char *title;
	bool right; /* numbers */
	bool flexible; /* broken over several lines when the table is too wide, the widest first */
};

struct output_table {
	const struct output_column *columns; /* borrowed */
	size_t n_columns;
	char **cells; /* n_rows * n_columns */
	enum output_colour *colours;
	size_t n_rows;
};

void output_table_init(struct output_table *table, const struct output_column *columns, size_t n_columns);
void output_table_deinit(struct output_table *table);
/* One row; cells are copied; colour is that of the whole row. */
void output_table_add(struct output_table *table, enum output_colour colour, const struct text *cells);
void output_table_print(const struct output_table *table, const struct output *output, unsigned indent);

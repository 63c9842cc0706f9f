/* SPDX-License-Identifier: Apache-2.0 */
#include "output.h"

#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define GAP 2u /* columns between the columns of a table */
#define NARROWEST 12u /* what a flexible column is not made narrower than */

static const char *const colour_codes[] = {
	[OUTPUT_PLAIN] = "",        [OUTPUT_BOLD] = "\033[1m", [OUTPUT_GOOD] = "\033[32m",
	[OUTPUT_WARN] = "\033[33m", [OUTPUT_BAD] = "\033[31m", [OUTPUT_DIM] = "\033[2m",
};

void output_init(struct output *output, FILE *file)
{
	const char *columns = getenv("COLUMNS"), *no_colour = getenv("NO_COLOR"), *term = getenv("TERM");
	bool terminal = isatty(fileno(file));
	struct winsize size;
	unsigned long width = 0;
	if (terminal && ioctl(fileno(file), TIOCGWINSZ, &size) == 0)
		width = size.ws_col;
	if (width == 0 && columns)
		width = strtoul(columns, NULL, 10);
	output->file = file;
	output->width = width >= 40 && width <= 1000 ? (unsigned)width : OUTPUT_WIDTH_DEFAULT;
	output->colour = terminal && !(no_colour && *no_colour) && term && strcmp(term, "dumb") != 0;
}

static void begin_colour(const struct output *output, enum output_colour colour)
{
	if (output->colour && colour != OUTPUT_PLAIN)
		fputs(colour_codes[colour], output->file);
}

static void end_colour(const struct output *output, enum output_colour colour)
{
	if (output->colour && colour != OUTPUT_PLAIN)
		fputs("\033[0m", output->file);
}

void output_line(const struct output *output, enum output_colour colour, const char *words)
{
	begin_colour(output, colour);
	fputs(words, output->file);
	end_colour(output, colour);
	fputc('\n', output->file);
}

void output_blank(const struct output *output)
{
	fputc('\n', output->file);
}

void output_paragraph(const struct output *output, unsigned indent, const char *label, enum output_colour colour,
		      const char *words)
{
	unsigned column = (unsigned)text_columns(label, strlen(label));
	bool line_begins = true;
	begin_colour(output, colour);
	fputs(label, output->file);
	end_colour(output, colour);
	if (column < indent) {
		fprintf(output->file, "%*s", (int)(indent - column), "");
		column = indent;
	}
	while (*words) {
		size_t size = strcspn(words, " ");
		unsigned columns = (unsigned)text_columns(words, size);
		if (!line_begins && column + 1 + columns > output->width) {
			fprintf(output->file, "\n%*s", (int)indent, "");
			column = indent;
			line_begins = true;
		}
		if (!line_begins) {
			fputc(' ', output->file);
			column++;
		}
		fwrite(words, 1, size, output->file);
		column += columns;
		line_begins = false;
		words += size + (words[size] == ' ');
	}
	fputc('\n', output->file);
}

void output_table_init(struct output_table *table, const struct output_column *columns, size_t n_columns)
{
	*table = (struct output_table){.columns = columns, .n_columns = n_columns};
}

void output_table_deinit(struct output_table *table)
{
	for (size_t i = 0; i < table->n_rows * table->n_columns; i++)
		free(table->cells[i]);
	free(table->cells);
	free(table->colours);
	*table = (struct output_table){0};
}

void output_table_add(struct output_table *table, enum output_colour colour, const struct text *cells)
{
	size_t n = table->n_columns;
	char **all = reallocarray(table->cells, (table->n_rows + 1) * n, sizeof(*all));
	enum output_colour *colours = reallocarray(table->colours, table->n_rows + 1, sizeof(*colours));
	if (all)
		table->cells = all;
	if (colours)
		table->colours = colours;
	if (!all || !colours)
		return;
	for (size_t i = 0; i < n; i++)
		all[table->n_rows * n + i] = strdup(text_get(&cells[i]));
	colours[table->n_rows++] = colour;
}

static const char *cell_of(const struct output_table *table, size_t row, size_t column)
{
	const char *cell = table->cells[row * table->n_columns + column];
	return cell ? cell : "";
}

/* The widest column that may be made narrower; n_columns when there is none. */
static size_t widest(const struct output_table *table, const size_t *widths)
{
	size_t found = table->n_columns;
	for (size_t i = 0; i < table->n_columns; i++)
		if (table->columns[i].flexible && widths[i] > NARROWEST &&
		    (found == table->n_columns || widths[i] > widths[found]))
			found = i;
	return found;
}

/* Widest cell of each column; then the flexible ones are made as narrow as the line wants. */
static void measure(const struct output_table *table, const struct output *output, unsigned indent, size_t *widths)
{
	size_t total = indent, shrink;
	for (size_t i = 0; i < table->n_columns; i++) {
		widths[i] = strlen(table->columns[i].title);
		for (size_t row = 0; row < table->n_rows; row++) {
			const char *cell = cell_of(table, row, i);
			widths[i] = MAX(widths[i], text_columns(cell, strlen(cell)));
		}
		total += widths[i] + (i > 0 ? GAP : 0);
	}
	for (; total > output->width && (shrink = widest(table, widths)) < table->n_columns; total--)
		widths[shrink]--;
}

/* One line of a row; *cells move on by what was printed. Returns whether anything is left. */
static bool print_line(const struct output_table *table, const struct output *output, unsigned indent,
		       const size_t *widths, const char **cells)
{
	struct text line = {0};
	bool left = false;
	text_format(&line, "%*s", (int)indent, "");
	for (size_t i = 0; i < table->n_columns; i++) {
		size_t size = strlen(cells[i]);
		size_t fits = table->columns[i].flexible ? text_fit(cells[i], size, widths[i]) : size;
		size_t columns = text_columns(cells[i], fits);
		int blank = widths[i] > columns ? (int)(widths[i] - columns) : 0;
		if (table->columns[i].right)
			text_format(&line, "%*s", blank, "");
		text_add_bytes(&line, cells[i], fits);
		if (!table->columns[i].right)
			text_format(&line, "%*s", blank, "");
		if (i + 1 < table->n_columns)
			text_format(&line, "%*s", (int)GAP, "");
		cells[i] += fits;
		left |= *cells[i] != '\0';
	}
	while (line.size > 0 && line.bytes[line.size - 1] == ' ')
		line.bytes[--line.size] = '\0';
	fputs(text_get(&line), output->file);
	text_deinit(&line);
	return left;
}

static void print_row(const struct output_table *table, const struct output *output, unsigned indent,
		      const size_t *widths, enum output_colour colour, const char **cells)
{
	bool left;
	do {
		begin_colour(output, colour);
		left = print_line(table, output, indent, widths, cells);
		end_colour(output, colour);
		fputc('\n', output->file);
	} while (left);
}

void output_table_print(const struct output_table *table, const struct output *output, unsigned indent)
{
	size_t widths[OUTPUT_COLUMNS_MAX];
	const char *cells[OUTPUT_COLUMNS_MAX];
	measure(table, output, indent, widths);
	for (size_t i = 0; i < table->n_columns; i++)
		cells[i] = table->columns[i].title;
	print_row(table, output, indent, widths, OUTPUT_BOLD, cells);
	for (size_t row = 0; row < table->n_rows; row++) {
		for (size_t i = 0; i < table->n_columns; i++)
			cells[i] = cell_of(table, row, i);
		print_row(table, output, indent, widths, table->colours[row], cells);
	}
}

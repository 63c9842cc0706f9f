/* SPDX-License-Identifier: Apache-2.0 */
/*
 * top_frame: one picture of `ringside top` as lines of text. Pure: the same lines go to a terminal (screen.h) and into
 * a pipe (--batch), and tests read them.
 */
#pragma once

#include "output.h"
#include "top_view.h"

#define TOP_COLUMNS_MIN 40u
#define TOP_FRAME_LINES_MAX (TOP_PARTS_MAX + 64u)

struct top_line {
	struct text text; /* escaped */
	enum output_colour colour;
	bool selected;
};

struct top_frame {
	struct top_line lines[TOP_FRAME_LINES_MAX];
	size_t n;
};

/* What there is to show. */
struct top_scene {
	const struct top_sample *sample; /* NULL: the platform has not answered yet */
	const struct top_rates *rates; /* of it, sorted */
	struct top_view *view; /* `first` follows the selection */
	const char *trouble; /* why there is nothing newer, escaped; NULL: all is well */
	uint64_t age_ms; /* of the sample */
	uint64_t wall_ns; /* now */
	unsigned columns;
	unsigned rows; /* of the screen; 0: as many as it takes, without help line and selection */
	unsigned rows_most; /* of the table; 0: all */
};

void top_frame_fill(struct top_frame *frame, const struct top_scene *scene);
void top_frame_deinit(struct top_frame *frame);

/* For a terminal that is not UTF-8: what is not ASCII becomes as many '?' as it has columns. */
void top_frame_to_ascii(struct top_frame *frame);

/* Short numbers for narrow columns: 0, 3.2, 812, 1.2k, 45M; 85us, 1.2ms; 812K, 1.2G (of 1,024). */
void top_add_rate(struct text *text, double per_s);
void top_add_us(struct text *text, uint64_t us);
void top_add_bytes(struct text *text, uint64_t bytes);

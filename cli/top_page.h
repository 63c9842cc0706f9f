/* SPDX-License-Identifier: Apache-2.0 */
/* top_page: the pages of `ringside top` besides its table. */
#pragma once

#include "top_frame.h"

/* The next line of a frame, empty. */
struct top_line *top_frame_line(struct top_frame *frame, enum output_colour colour);

void top_page_help(struct top_frame *frame, const struct top_scene *scene);
void top_page_details(struct top_frame *frame, const struct top_scene *scene);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * screen: the terminal while `ringside top` has it, by ncurses: what did not change is not sent again, so that a slow
 * line does.
 */
#pragma once

#include "top_frame.h"

/* 0; -ENOTTY: standard input and output are no terminal; -ENOENT: nothing is known of this kind of terminal ($TERM). */
int screen_begin(bool colour);
/* Gives the terminal back as it was. */
void screen_end(void);

void screen_size(unsigned *ret_columns, unsigned *ret_rows);
/* Changes the frame when the terminal is not UTF-8. */
void screen_draw(struct top_frame *frame);
/* The next key that was pressed, as enum top_key; TOP_KEY_NONE: none. Never waits. */
int screen_key(void);

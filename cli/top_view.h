/* SPDX-License-Identifier: Apache-2.0 */
/*
 * top_view: what the person at `ringside top` looks at, and what a key does to it. Pure.
 *
 *     key ─▶ top_view_key() ─▶ the view has changed, and perhaps something is to be done
 *
 * Nothing is done to an agent before a second key has confirmed it.
 */
#pragma once

#include "top_sample.h"

#include "agents_order.h"

enum top_key {
	TOP_KEY_NONE = 0, /* below 256: the character itself */
	TOP_KEY_UP = 256,
	TOP_KEY_DOWN,
	TOP_KEY_PAGE_UP,
	TOP_KEY_PAGE_DOWN,
	TOP_KEY_HOME,
	TOP_KEY_END,
	TOP_KEY_ENTER,
	TOP_KEY_ESCAPE,
	TOP_KEY_RESIZE,
};

enum top_action {
	TOP_NOTHING, /* but to draw anew */
	TOP_QUIT,
	TOP_NOW, /* ask the platform at once */
	TOP_ORDER, /* send view->order about view->selected, and forget it */
};

enum top_page {
	TOP_TABLE,
	TOP_DETAILS, /* of what is selected */
	TOP_HELP,
};

struct top_view {
	enum top_sort sort;
	bool reverse;
	bool paused;
	enum top_page page;
	size_t first; /* line at the top of a page that is longer than the screen */
	struct text selected; /* raw name */
	bool selected_is_agent;
	const struct agents_verb *order; /* waits for its confirmation */
	struct text message; /* escaped; until the next key */
	uint64_t interval_ms;
};

#define TOP_INTERVAL_MIN_MS 100u
#define TOP_INTERVAL_MAX_MS 3600000u
#define TOP_PAGE_LINES 10u

void top_view_deinit(struct top_view *view);

/* The name of a sort as --sort has it; NULL beyond the last. */
const char *top_sort_name(enum top_sort sort);

/* The row that is selected: the first when what was selected is gone; rates->n when there is none. */
size_t top_view_row(const struct top_view *view, const struct top_rates *rates);

enum top_action top_view_key(struct top_view *view, const struct top_rates *rates, int key);

/* One line a key, for the help page; NULL beyond the last. */
const char *top_view_help(size_t index);

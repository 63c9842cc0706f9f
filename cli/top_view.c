/* SPDX-License-Identifier: Apache-2.0 */
#include "top_view.h"

#include <string.h>

void top_view_deinit(struct top_view *view)
{
	text_deinit(&view->selected);
	text_deinit(&view->message);
}

const char *top_sort_name(enum top_sort sort)
{
	static const char *const names[TOP_N_SORTS] = {
		[TOP_BY_NAME] = "name",     [TOP_BY_EVENTS] = "events", [TOP_BY_ASKED] = "asked",
		[TOP_BY_P99] = "p99",       [TOP_BY_DENIED] = "denied", [TOP_BY_MISSED] = "missed",
		[TOP_BY_DROPPED] = "drops", [TOP_BY_MEMORY] = "memory", [TOP_BY_CPU] = "cpu",
	};
	return sort < TOP_N_SORTS ? names[sort] : NULL;
}

static bool is_selected(const struct top_view *view, const struct top_rate *row)
{
	return row->part->is_agent == view->selected_is_agent &&
	       strcmp(row->part->raw_name, text_get(&view->selected)) == 0;
}

size_t top_view_row(const struct top_view *view, const struct top_rates *rates)
{
	for (size_t i = 0; i < rates->n; i++)
		if (is_selected(view, &rates->rows[i]))
			return i;
	return 0;
}

static void select_row(struct top_view *view, const struct top_rates *rates, size_t row)
{
	if (row >= rates->n)
		return;
	text_clear(&view->selected);
	text_add(&view->selected, rates->rows[row].part->raw_name);
	view->selected_is_agent = rates->rows[row].part->is_agent;
}

static enum top_action do_quit(struct top_view *view, const struct top_rates *rates, int argument)
{
	return TOP_QUIT;
}

static enum top_action do_leave(struct top_view *view, const struct top_rates *rates, int argument)
{
	if (view->page == TOP_TABLE)
		return TOP_QUIT;
	view->page = TOP_TABLE;
	view->first = 0;
	return TOP_NOTHING;
}

static enum top_action do_pause(struct top_view *view, const struct top_rates *rates, int argument)
{
	view->paused = !view->paused;
	return view->paused ? TOP_NOTHING : TOP_NOW;
}

static enum top_action do_sort(struct top_view *view, const struct top_rates *rates, int argument)
{
	if (view->sort == (enum top_sort)argument)
		view->reverse = !view->reverse;
	else
		view->reverse = false;
	view->sort = (enum top_sort)argument;
	return TOP_NOTHING;
}

static enum top_action do_reverse(struct top_view *view, const struct top_rates *rates, int argument)
{
	view->reverse = !view->reverse;
	return TOP_NOTHING;
}

/* In the table the selection moves, and the frame scrolls after it; a page of text scrolls. */
static enum top_action do_move(struct top_view *view, const struct top_rates *rates, int by)
{
	long at = view->page == TOP_TABLE ? (long)top_view_row(view, rates) : (long)view->first;
	long last = view->page == TOP_TABLE ? (long)rates->n - 1 : 1000;
	at = MAX(MIN(at + by, last), 0L);
	if (view->page == TOP_TABLE)
		select_row(view, rates, (size_t)at);
	else
		view->first = (size_t)at;
	return TOP_NOTHING;
}

static enum top_action do_page(struct top_view *view, const struct top_rates *rates, int page)
{
	if (page == TOP_DETAILS) {
		if (rates->n == 0)
			return TOP_NOTHING;
		select_row(view, rates, top_view_row(view, rates)); /* now it stays, wherever its row goes */
	}
	view->page = view->page == (enum top_page)page ? TOP_TABLE : (enum top_page)page;
	view->first = 0;
	return TOP_NOTHING;
}

static enum top_action do_interval(struct top_view *view, const struct top_rates *rates, int faster)
{
	uint64_t ms = faster ? view->interval_ms / 2 : view->interval_ms * 2;
	view->interval_ms = MAX(MIN(ms, (uint64_t)TOP_INTERVAL_MAX_MS), (uint64_t)TOP_INTERVAL_MIN_MS);
	return TOP_NOTHING;
}

static enum top_action do_order(struct top_view *view, const struct top_rates *rates, int unbench)
{
	size_t row = top_view_row(view, rates);
	if (row >= rates->n || !rates->rows[row].part->is_agent) {
		text_add(&view->message, "Only agents are benched; select one with the arrows.");
		return TOP_NOTHING;
	}
	select_row(view, rates, row);
	view->order = agents_find_verb(unbench ? "unbench" : "bench");
	return TOP_NOTHING;
}

static const struct {
	int key, other; /* two ways to say it */
	const char *help;
	enum top_action (*act)(struct top_view *view, const struct top_rates *rates, int argument);
	int argument;
} keys[] = {
	{'q', 'Q', "q            end", do_quit, 0},
	{' ', 0, "Space        pause, and go on", do_pause, 0},
	{TOP_KEY_UP, 'k', "Up, k        the row above", do_move, -1},
	{TOP_KEY_DOWN, 'j', "Down, j      the row below", do_move, 1},
	{TOP_KEY_PAGE_UP, 0, NULL, do_move, -(int)TOP_PAGE_LINES},
	{TOP_KEY_PAGE_DOWN, 0, NULL, do_move, TOP_PAGE_LINES},
	{TOP_KEY_HOME, 'g', NULL, do_move, -(int)TOP_PARTS_MAX - 1000},
	{TOP_KEY_END, 'G', NULL, do_move, TOP_PARTS_MAX + 1000},
	{TOP_KEY_ENTER, 'i', "Enter, i     all about the selected agent or process; again: back", do_page, TOP_DETAILS},
	{TOP_KEY_ESCAPE, 0, "Escape       back to the table, or end", do_leave, 0},
	{'b', 0, "b            bench the selected agent: it is asked no more (asks first)", do_order, 0},
	{'u', 0, "u            unbench it (asks first)", do_order, 1},
	{'n', 0, "n            sort by name; the same key again turns the order round", do_sort, TOP_BY_NAME},
	{'e', 0, "e            sort by events", do_sort, TOP_BY_EVENTS},
	{'a', 0, "a            sort by questions asked", do_sort, TOP_BY_ASKED},
	{'p', 0, "p            sort by p99 of its answers", do_sort, TOP_BY_P99},
	{'d', 0, "d            sort by denies", do_sort, TOP_BY_DENIED},
	{'m', 0, "m            sort by deadlines missed", do_sort, TOP_BY_MISSED},
	{'l', 0, "l            sort by events dropped", do_sort, TOP_BY_DROPPED},
	{'r', 0, "r            sort by memory (resident)", do_sort, TOP_BY_MEMORY},
	{'c', 0, "c            sort by processor", do_sort, TOP_BY_CPU},
	{'o', 0, "o            turn the order round", do_reverse, 0},
	{'+', 'f', "+, f         look twice as often", do_interval, 1},
	{'-', 's', "-, s         look half as often", do_interval, 0},
	{'h', '?', "h, ?         this page", do_page, TOP_HELP},
};

const char *top_view_help(size_t index)
{
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (keys[i].help && index-- == 0)
			return keys[i].help;
	return NULL;
}

static enum top_action confirm(struct top_view *view, int key)
{
	if (key == 'y' || key == 'Y')
		return TOP_ORDER;
	view->order = NULL;
	text_add(&view->message, "Nothing was changed.");
	return TOP_NOTHING;
}

enum top_action top_view_key(struct top_view *view, const struct top_rates *rates, int key)
{
	if (key == TOP_KEY_NONE || key == TOP_KEY_RESIZE)
		return TOP_NOTHING;
	text_clear(&view->message);
	if (view->order)
		return confirm(view, key);
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (keys[i].key == key || (keys[i].other && keys[i].other == key))
			return keys[i].act(view, rates, keys[i].argument);
	text_add(&view->message, "No such key; h lists them.");
	return TOP_NOTHING;
}

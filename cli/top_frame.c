/* SPDX-License-Identifier: Apache-2.0 */
#include "top_frame.h"

#include "base/clock.h"
#include "top_page.h"

#include <inttypes.h>
#include <string.h>

#define LABEL_COLUMNS 11
#define NAME_LEAST 8u
#define NAME_MOST 40u
#define STATE_COLUMNS 10u

void top_frame_deinit(struct top_frame *frame)
{
	for (size_t i = 0; i < TOP_FRAME_LINES_MAX; i++)
		text_deinit(&frame->lines[i].text);
}

struct top_line *top_frame_line(struct top_frame *frame, enum output_colour colour)
{
	/* a page that is longer loses its end, never its place in memory */
	struct top_line *line = &frame->lines[MIN(frame->n, (size_t)TOP_FRAME_LINES_MAX - 1)];
	frame->n = MIN(frame->n + 1, (size_t)TOP_FRAME_LINES_MAX);
	text_clear(&line->text);
	line->colour = colour;
	line->selected = false;
	return line;
}

/* -- the head ----------------------------------------------------------------------------------------------- */

static void add_title(struct top_frame *frame, const struct top_scene *scene)
{
	struct text *text = &top_frame_line(frame, OUTPUT_BOLD)->text;
	struct json_object *engine = scene->sample ? view_member(scene->sample->json, "engine") : NULL;
	struct text clock = {0};
	text_wall_time(&clock, scene->wall_ns, false);
	text_format(text, "ringside top %.8s", text_get(&clock));
	text_deinit(&clock);
	if (view_has(engine, "uptime_s")) {
		text_add(text, "  engine up ");
		text_seconds(text, view_number(engine, "uptime_s"));
	}
	text_format(text, "  every %" PRIu64 ".%" PRIu64 " s", scene->view->interval_ms / 1000,
		    scene->view->interval_ms % 1000 / 100);
	if (scene->view->paused)
		text_add(text, "  PAUSED");
	else if (scene->sample && scene->age_ms > 2 * scene->view->interval_ms + 2000) {
		text_add(text, "  as it was ");
		text_seconds(text, scene->age_ms / 1000);
		text_add(text, " ago");
	}
}

struct word {
	enum top_total total;
	const char *words;
	enum output_colour colour; /* of the line, when it is not 0 */
};

static void add_rates(struct top_frame *frame, const struct top_rates *rates, const char *label,
		      const struct word *words, size_t n)
{
	struct top_line *line = top_frame_line(frame, OUTPUT_PLAIN);
	text_format(&line->text, "%-*s", LABEL_COLUMNS, label);
	for (size_t i = 0; i < n; i++) {
		text_add(&line->text, i > 0 ? ", " : "");
		if (rates->has_totals)
			top_add_rate(&line->text, rates->totals[words[i].total]);
		else
			text_add(&line->text, "-");
		text_add(&line->text, words[i].words);
		if (rates->has_totals && rates->totals[words[i].total] > 0 && words[i].colour)
			line->colour = words[i].colour;
	}
}

static void add_verdicts(struct top_frame *frame, const struct top_scene *scene)
{
	const struct top_rates *rates = scene->rates;
	struct text *text = &top_frame_line(frame, OUTPUT_PLAIN)->text;
	text_format(text, "%-*s", LABEL_COLUMNS, "Verdicts");
	if (rates->has_latency) {
		text_add(text, "half within ");
		top_add_us(text, rates->p50_us);
		text_add(text, ", 99 of 100 within ");
		top_add_us(text, rates->p99_us);
	} else {
		text_add(text, rates->has_totals ? "no question was decided" : "not known yet");
	}
	text_format(text, "; %" PRIu64 " pending", scene->sample->pending);
}

static void add_head(struct top_frame *frame, const struct top_scene *scene)
{
	static const struct word asked[] = {{TOP_TOTAL_ASKED, "/s asked", 0},
					    {TOP_TOTAL_DENIED, "/s denied", 0},
					    {TOP_TOTAL_MISSED, "/s missed", OUTPUT_WARN},
					    {TOP_TOTAL_OVERRIDDEN, "/s overridden", OUTPUT_WARN},
					    {TOP_TOTAL_UNGUARDED, "/s unguarded", OUTPUT_WARN}};
	static const struct word events[] = {{TOP_TOTAL_TAKEN, "/s taken", 0},
					     {TOP_TOTAL_DELIVERED, "/s delivered", 0},
					     {TOP_TOTAL_DROPPED, "/s dropped", OUTPUT_WARN},
					     {TOP_TOTAL_LOST, "/s lost in the kernel", OUTPUT_WARN}};
	static const struct word cache[] = {{TOP_TOTAL_CACHE_ADDED, "/s added", 0},
					    {TOP_TOTAL_CACHE_REMOVED, "/s removed", 0},
					    {TOP_TOTAL_CACHE_HITS, "/s hits but the kernel's", 0}};
	struct json_object *engine = view_member(scene->sample->json, "engine");
	struct top_line *line;
	if (view_has(engine, "error") || !view_has(engine, "questions")) {
		line = top_frame_line(frame, OUTPUT_BAD);
		text_add(&line->text, "The engine does not answer: ");
		view_add(&line->text, engine, "error", "its part of the status is missing");
		return;
	}
	add_rates(frame, scene->rates, "Questions", asked, ARRAY_SIZE(asked));
	add_verdicts(frame, scene);
	add_rates(frame, scene->rates, "Events", events, ARRAY_SIZE(events));
	add_rates(frame, scene->rates, "Cache", cache, ARRAY_SIZE(cache));
	text_add(&frame->lines[frame->n - 1].text, "; ");
	text_counted(&frame->lines[frame->n - 1].text, scene->sample->cache_files, "file");
}

/* -- the table ---------------------------------------------------------------------------------------------- */

static void add_count(struct text *text, const struct top_rate *row, int count)
{
	if (row->has_counts)
		top_add_rate(text, row->per_s[count]);
	else
		text_add(text, "-");
}

static void add_latency(struct text *text, const struct top_rate *row, int permille)
{
	if (row->has_latency)
		top_add_us(text, permille == 500 ? row->p50_us : row->p99_us);
	else
		text_add(text, "-");
}

static void add_memory(struct text *text, const struct top_rate *row, int unused)
{
	if (row->part->has_memory)
		top_add_bytes(text, row->part->memory_bytes);
	else
		text_add(text, "-");
}

static void add_cpu(struct text *text, const struct top_rate *row, int unused)
{
	if (row->has_cpu)
		text_format(text, row->cpu_percent < 9.95 ? "%.1f" : "%.0f", row->cpu_percent);
	else
		text_add(text, "-");
}

static const struct {
	const char *title;
	unsigned columns;
	enum top_sort sort;
	bool agents_only;
	void (*add)(struct text *text, const struct top_rate *row, int argument);
	int argument;
} cells[] = {
	{"EVENTS", 6, TOP_BY_EVENTS, true, add_count, TOP_EVENTS},
	{"ASKED", 6, TOP_BY_ASKED, true, add_count, TOP_ASKED},
	{"P50", 5, TOP_N_SORTS, true, add_latency, 500},
	{"P99", 5, TOP_BY_P99, true, add_latency, 990},
	{"DENIED", 6, TOP_BY_DENIED, true, add_count, TOP_DENIED},
	{"MISSED", 6, TOP_BY_MISSED, true, add_count, TOP_MISSED},
	{"DROPS", 5, TOP_BY_DROPPED, true, add_count, TOP_DROPPED},
	{"MEM", 5, TOP_BY_MEMORY, false, add_memory, 0},
	{"CPU%", 4, TOP_BY_CPU, false, add_cpu, 0},
};

static unsigned name_columns(const struct top_scene *scene)
{
	unsigned rest = STATE_COLUMNS + 1;
	for (size_t i = 0; i < ARRAY_SIZE(cells); i++)
		rest += cells[i].columns + 1;
	return scene->columns < rest + NAME_LEAST ? NAME_LEAST : MIN(scene->columns - rest, NAME_MOST);
}

/* Cut to so many columns, with a mark when something is missing; then filled up. */
static void add_cut(struct text *text, const char *words, unsigned columns)
{
	size_t size = strlen(words), used = text_columns(words, size);
	if (used > columns) {
		size = text_fit(words, size, columns - 1);
		used = text_columns(words, size);
		text_add_bytes(text, words, size);
		text_add(text, "~");
		used++;
	} else {
		text_add(text, words);
	}
	text_format(text, "%*s", (int)(columns > used ? columns - used : 0), "");
}

static void add_right(struct text *text, const struct text *words, unsigned columns)
{
	size_t used = text_columns(text_get(words), words->size);
	text_format(text, " %*s", (int)(columns > used ? columns - used : 0), "");
	text_add(text, text_get(words));
}

/* The column that is sorted by has a mark. */
static void add_titles(struct top_frame *frame, const struct top_scene *scene, bool agents)
{
	struct text *text = &top_frame_line(frame, OUTPUT_BOLD)->text;
	const struct top_view *view = scene->view;
	char name[16];
	const char *mark = view->reverse ? "^" : "*";
	snprintf(name, sizeof(name), "%s%s", agents ? "AGENT" : "PROCESS", view->sort == TOP_BY_NAME ? mark : "");
	add_cut(text, name, name_columns(scene));
	text_add(text, " ");
	add_cut(text, "STATE", STATE_COLUMNS);
	for (size_t i = 0; i < ARRAY_SIZE(cells); i++) {
		struct text title = {0};
		bool shown = agents || !cells[i].agents_only, sorted = cells[i].sort == view->sort;
		text_add(&title, shown && sorted ? mark : "");
		text_add(&title, shown ? cells[i].title : "");
		/* a title as wide as its column has its mark in the gap before it */
		if (title.size > cells[i].columns) {
			text_add(text, text_get(&title));
		} else {
			add_right(text, &title, cells[i].columns);
		}
		text_deinit(&title);
	}
}

static void add_row(struct top_frame *frame, const struct top_scene *scene, size_t index, size_t selected)
{
	static const enum output_colour colours[] = {
		[TOP_WELL] = OUTPUT_PLAIN, [TOP_FAIR] = OUTPUT_WARN, [TOP_ILL] = OUTPUT_BAD};
	const struct top_rate *row = &scene->rates->rows[index];
	struct top_line *line = top_frame_line(frame, colours[row->part->health]);
	line->selected = scene->rows > 0 && index == selected;
	add_cut(&line->text, text_get(&row->part->name), name_columns(scene));
	text_add(&line->text, " ");
	add_cut(&line->text, text_get(&row->part->state), STATE_COLUMNS);
	for (size_t i = 0; i < ARRAY_SIZE(cells); i++) {
		struct text cell = {0};
		if (row->part->is_agent || !cells[i].agents_only)
			cells[i].add(&cell, row, cells[i].argument);
		add_right(&line->text, &cell, cells[i].columns);
		text_deinit(&cell);
	}
}

/* As many rows as there is room for, the selected one among them. */
static void add_table(struct top_frame *frame, const struct top_scene *scene)
{
	const struct top_rates *rates = scene->rates;
	size_t selected = top_view_row(scene->view, rates), room = rates->n;
	/* two titles, the gap before the second, the line at the bottom */
	if (scene->rows > 0)
		room = scene->rows > frame->n + 5 ? scene->rows - frame->n - 5 : 1;
	if (scene->rows > 0 && rates->n > room && room > 1)
		room--; /* for the line that says so */
	if (scene->rows_most > 0)
		room = MIN(room, (size_t)scene->rows_most);
	size_t *first = &scene->view->first;
	*first = MIN(*first, rates->n > room ? rates->n - room : 0);
	if (scene->rows > 0 && selected < *first)
		*first = selected;
	if (scene->rows > 0 && selected >= *first + room)
		*first = selected - room + 1;
	for (size_t i = *first; i < MIN(*first + room, rates->n); i++) {
		bool agent = rates->rows[i].part->is_agent;
		if (i == *first || agent != rates->rows[i - 1].part->is_agent) {
			top_frame_line(frame, OUTPUT_PLAIN); /* a gap */
			add_titles(frame, scene, agent);
		}
		add_row(frame, scene, i, selected);
	}
	if (rates->n > room)
		text_format(&top_frame_line(frame, OUTPUT_DIM)->text, "%zu of %zu rows", room, rates->n);
}

/* -- the whole ---------------------------------------------------------------------------------------------- */

static void add_prompt(struct top_line *line, const struct top_view *view)
{
	line->colour = OUTPUT_BOLD;
	if (strcmp(view->order->verb, "bench") == 0)
		text_add(&line->text, "Bench ");
	else
		text_add(&line->text, "Unbench ");
	text_add_escaped(&line->text, text_get(&view->selected), view->selected.size);
	text_add(&line->text, "? y: yes, any other key: no");
}

/* The last line of the screen: a question, what came of something, or the keys. */
static void add_bottom(struct top_frame *frame, const struct top_scene *scene)
{
	frame->n = MIN(frame->n, (size_t)scene->rows - 1);
	while (frame->n < scene->rows - 1 && frame->n < TOP_FRAME_LINES_MAX - 1)
		top_frame_line(frame, OUTPUT_PLAIN);
	struct top_line *line = top_frame_line(frame, OUTPUT_DIM);
	if (scene->view->order)
		add_prompt(line, scene->view);
	else if (scene->view->message.size > 0)
		line->colour = OUTPUT_BOLD, text_add(&line->text, text_get(&scene->view->message));
	else if (scene->view->page == TOP_TABLE)
		text_add(&line->text, "q end  Space pause  Enter details  b bench  u unbench  a e p c r sort  h help");
	else
		text_add(&line->text, "Up, Down scroll  Escape back  q end");
}

static void cut_lines(struct top_frame *frame, unsigned columns)
{
	for (size_t i = 0; i < frame->n; i++) {
		struct text *text = &frame->lines[i].text;
		if (text_columns(text_get(text), text->size) > columns) {
			text->size = text_fit(text_get(text), text->size, columns);
			text->bytes[text->size] = '\0';
		}
		while (text->size > 0 && text->bytes[text->size - 1] == ' ')
			text->bytes[--text->size] = '\0';
	}
}

void top_frame_fill(struct top_frame *frame, const struct top_scene *scene)
{
	frame->n = 0;
	add_title(frame, scene);
	if (scene->trouble)
		text_add(&top_frame_line(frame, OUTPUT_BAD)->text, scene->trouble);
	if (scene->view->page == TOP_HELP) {
		top_page_help(frame, scene);
	} else if (!scene->sample) {
		top_frame_line(frame, OUTPUT_PLAIN);
	} else if (scene->view->page == TOP_DETAILS) {
		top_page_details(frame, scene);
	} else {
		add_head(frame, scene);
		add_table(frame, scene);
	}
	if (scene->rows > 0)
		add_bottom(frame, scene);
	cut_lines(frame, MAX(scene->columns, 1u));
}

void top_frame_to_ascii(struct top_frame *frame)
{
	for (size_t i = 0; i < frame->n; i++) {
		struct text *text = &frame->lines[i].text, ascii = {0};
		for (size_t at = 0; at < text->size;) {
			size_t size = text_fit(text->bytes + at, text->size - at, 0);
			if (size == 1)
				text_add_bytes(&ascii, text->bytes + at, 1);
			else
				text_format(&ascii, "%.*s", (int)text_columns(text->bytes + at, size), "????");
			at += size;
		}
		text_deinit(text);
		*text = ascii;
	}
}

/* SPDX-License-Identifier: Apache-2.0 */
#define NCURSES_WIDECHAR 1
#include "screen.h"

#include <curses.h>
#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <string.h>
#include <unistd.h>

static SCREEN *terminal; /* curses has one, and no handle that could be passed on */
static bool is_coloured, is_ascii;

/* What the person's terminal shows, by their own locale; main() has set another for our own use of wcwidth(3). */
static bool locale_is_utf8(void)
{
	char before[64] = "C";
	const char *now = setlocale(LC_CTYPE, NULL);
	if (now && strlen(now) < sizeof(before))
		strcpy(before, now);
	bool utf8 = setlocale(LC_CTYPE, "") && strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
	setlocale(LC_CTYPE, before);
	return utf8;
}

static void begin_colours(void)
{
	start_color();
	use_default_colors();
	init_pair(OUTPUT_GOOD, COLOR_GREEN, -1);
	init_pair(OUTPUT_WARN, COLOR_YELLOW, -1);
	init_pair(OUTPUT_BAD, COLOR_RED, -1);
}

int screen_begin(bool colour)
{
	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
		return -ENOTTY;
	is_ascii = !locale_is_utf8();
	set_escdelay(50); /* the Escape key itself, and not the beginning of another */
	terminal = newterm(NULL, stdout, stdin);
	if (!terminal)
		return -ENOENT;
	set_term(terminal);
	is_coloured = colour && has_colors();
	if (is_coloured)
		begin_colours();
	cbreak();
	noecho();
	keypad(stdscr, TRUE);
	nodelay(stdscr, TRUE);
	curs_set(0);
	return 0;
}

void screen_end(void)
{
	if (!terminal)
		return;
	endwin();
	delscreen(terminal);
	terminal = NULL;
}

void screen_size(unsigned *ret_columns, unsigned *ret_rows)
{
	*ret_columns = (unsigned)MAX(COLS, 1);
	*ret_rows = (unsigned)MAX(LINES, 1);
}

static attr_t attribute_of(const struct top_line *line)
{
	attr_t attribute = line->selected ? A_REVERSE : A_NORMAL;
	if (line->colour == OUTPUT_BOLD)
		attribute |= A_BOLD;
	else if (line->colour == OUTPUT_DIM)
		attribute |= A_DIM;
	else if (is_coloured && line->colour != OUTPUT_PLAIN)
		attribute |= (attr_t)COLOR_PAIR(line->colour);
	else if (line->colour == OUTPUT_BAD)
		attribute |= A_BOLD;
	return attribute;
}

void screen_draw(struct top_frame *frame)
{
	if (is_ascii)
		top_frame_to_ascii(frame);
	erase();
	for (size_t i = 0; i < frame->n && i < (size_t)LINES; i++) {
		const struct top_line *line = &frame->lines[i];
		attrset((int)attribute_of(line));
		mvaddstr((int)i, 0, text_get(&line->text));
		for (int x = getcurx(stdscr); line->selected && x < COLS && getcury(stdscr) == (int)i; x++)
			addch(' ');
	}
	attrset(A_NORMAL);
	refresh();
}

int screen_key(void)
{
	static const struct {
		int curses, key;
	} keys[] = {
		{KEY_UP, TOP_KEY_UP},           {KEY_DOWN, TOP_KEY_DOWN},     {KEY_PPAGE, TOP_KEY_PAGE_UP},
		{KEY_NPAGE, TOP_KEY_PAGE_DOWN}, {KEY_HOME, TOP_KEY_HOME},     {KEY_END, TOP_KEY_END},
		{KEY_ENTER, TOP_KEY_ENTER},     {'\n', TOP_KEY_ENTER},        {'\r', TOP_KEY_ENTER},
		{27, TOP_KEY_ESCAPE},           {KEY_RESIZE, TOP_KEY_RESIZE},
	};
	int c = getch();
	if (c == ERR)
		return TOP_KEY_NONE;
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (keys[i].curses == c)
			return keys[i].key;
	return c < 256 ? c : TOP_KEY_RESIZE; /* any other key only draws anew */
}

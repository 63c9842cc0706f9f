/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_top: `ringside top`: asks for the status again and again, and shows what changed.
 *
 *     answer (STATUS) ─▶ top_sample ─▶ top_rates ─▶ top_frame ─▶ screen, or blocks of text
 *     keys ─▶ top_view ─▶ bench, unbench ─▶ answer (AGENT)
 *
 * One question at a time is under way, and nobody waits for it: keys are heard while the platform is late or away.
 */
#include "answer.h"
#include "base/clock.h"
#include "screen.h"
#include "top_frame.h"
#include "top_json.h"
#include "wire/ipc.h"

#include <errno.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#define INTERVAL_DEFAULT_MS 1000u
#define ANSWER_NS (10 * NS_PER_SEC)
#define LINES_MOST 100000u

static volatile sig_atomic_t stopped;

static void stop(int signal_number)
{
	stopped = 1;
}

struct top {
	const struct cli *cli;
	bool batch;
	uint64_t count_most, lines_most; /* 0: no end */
	uint64_t shown;
	struct top_view view;
	struct top_sample *before, *now;
	struct top_rates rates;
	struct answer_call call; /* under way; fd -1: none */
	const struct agents_verb *ordering; /* what the call is about; NULL: the status */
	uint64_t asked_ns, next_ns;
	struct text trouble; /* why the last question came to nothing; empty: it did not */
	int code; /* of that */
	struct top_frame frame;
};

static void top_free(struct top **top)
{
	if (!*top)
		return;
	answer_call_deinit(&(*top)->call);
	top_sample_free((*top)->before);
	top_sample_free((*top)->now);
	top_rates_deinit(&(*top)->rates);
	top_view_deinit(&(*top)->view);
	top_frame_deinit(&(*top)->frame);
	text_deinit(&(*top)->trouble);
	free(*top);
}

/* -- options ------------------------------------------------------------------------------------------------ */

static bool read_interval(struct top *top, const char *word)
{
	char *end;
	double seconds = word ? strtod(word, &end) : INTERVAL_DEFAULT_MS / 1e3;
	bool digit = word && ((word[0] >= '0' && word[0] <= '9') || word[0] == '.');
	if (word && (!digit || *end || !isfinite(seconds) || seconds < TOP_INTERVAL_MIN_MS / 1e3 ||
		     seconds > TOP_INTERVAL_MAX_MS / 1e3)) {
		struct text text = {0};
		text_add_escaped(&text, word, strlen(word));
		cli_complain("--interval must be seconds from 0.1 to 3600, and is '%s'", text_get(&text));
		text_deinit(&text);
		return false;
	}
	top->view.interval_ms = (uint64_t)(seconds * 1e3 + 0.5);
	return true;
}

static bool read_sort(struct top *top, const char *word)
{
	top->view.sort = TOP_BY_ASKED;
	for (enum top_sort sort = 0; word && sort < TOP_N_SORTS; sort++) {
		top->view.sort = sort;
		if (strcmp(word, top_sort_name(sort)) == 0)
			return true;
	}
	if (word)
		cli_complain("--sort must be name, events, asked, p99, denied, missed, drops, memory or cpu");
	return !word;
}

static int read_options(struct top *top, const struct cli *cli)
{
	static const char *const only_batch[] = {"count", "lines"};
	top->batch = cli_value(cli, "batch") || cli->json || !isatty(STDOUT_FILENO) || !isatty(STDIN_FILENO);
	top->view.reverse = cli_value(cli, "reverse") != NULL;
	if (!read_interval(top, cli_value(cli, "interval")) || !read_sort(top, cli_value(cli, "sort")))
		return CLI_USAGE;
	if (cli_value(cli, "count") && !cli_number("--count", cli_value(cli, "count"), UINT64_MAX, &top->count_most))
		return CLI_USAGE;
	if (cli_value(cli, "lines") && !cli_number("--lines", cli_value(cli, "lines"), LINES_MOST, &top->lines_most))
		return CLI_USAGE;
	for (size_t i = 0; i < ARRAY_SIZE(only_batch); i++) {
		if (top->batch || !cli_value(cli, only_batch[i]))
			continue;
		cli_complain("--%s goes with --batch", only_batch[i]);
		return CLI_USAGE;
	}
	return CLI_OK;
}

/* -- asking ------------------------------------------------------------------------------------------------- */

static void keep(struct top *top, struct answer *answer)
{
	struct top_sample *sample = top_sample_new(STEAL(answer->json), clock_monotonic_ns());
	if (!sample)
		return;
	top_rates_deinit(&top->rates);
	top_sample_free(top->before);
	top->before = top->now;
	top->now = sample;
	if (top_rates_init(&top->rates, top->before, top->now))
		top_rates_sort(&top->rates, top->view.sort, top->view.reverse);
}

static void say_done(struct top *top, const struct agents_verb *verb, int code, const struct text *trouble)
{
	struct text *message = &top->view.message;
	text_clear(message);
	if (code != CLI_OK) {
		text_add(message, "Not done: ");
		text_add(message, text_get(trouble));
		return;
	}
	text_add_escaped(message, text_get(&top->view.selected), top->view.selected.size);
	text_format(message, " %s.", verb->done);
	top->next_ns = 0; /* and see */
}

/* The question has come to an end, for better or worse. trouble is consumed. */
static void ended(struct top *top, int code, struct text *trouble)
{
	if (top->ordering) {
		say_done(top, top->ordering, code, trouble);
		text_clear(trouble); /* is said below, and not above, too */
	}
	text_deinit(&top->trouble);
	top->trouble = *trouble;
	top->code = code;
	top->ordering = NULL;
}

/* verb: what is ordered; NULL: the status is asked for. */
static void ask(struct top *top, uint32_t kind, const char *text, const struct agents_verb *verb)
{
	struct text trouble = {0};
	answer_call_deinit(&top->call);
	top->ordering = verb;
	top->asked_ns = clock_monotonic_ns();
	top->next_ns = top->asked_ns + top->view.interval_ms * NS_PER_MS;
	cli_catch(&trouble);
	int code = answer_begin(top->cli, kind, 0, text, &top->call);
	cli_catch(NULL);
	if (code != CLI_OK)
		ended(top, code, &trouble);
}

static void order(struct top *top)
{
	struct text request = {0};
	const struct agents_verb *verb = top->view.order;
	top->view.order = NULL;
	cli_catch(&top->view.message);
	int code = agents_order(&request, verb->verb, text_get(&top->view.selected), "by hand, in ringside top");
	cli_catch(NULL);
	if (code == CLI_OK)
		ask(top, IPC_REQUEST_AGENT, text_get(&request), verb);
	text_deinit(&request);
}

/* Takes what came. True: there is something new to show. */
static bool take(struct top *top)
{
	struct answer answer = {.fd = -1};
	struct text trouble = {0};
	cli_catch(&trouble);
	int code = answer_take(&top->call, &answer);
	if (code == ANSWER_MORE && clock_monotonic_ns() >= top->asked_ns + ANSWER_NS) {
		cli_complain("the platform did not answer within 10 s");
		answer_call_deinit(&top->call);
		code = CLI_NOT_RUNNING;
	}
	cli_catch(NULL);
	if (code == ANSWER_MORE)
		return false;
	if (!top->ordering && code == CLI_OK)
		keep(top, &answer);
	answer_deinit(&answer);
	ended(top, code, &trouble);
	return true;
}

/* -- showing ------------------------------------------------------------------------------------------------ */

static void fill(struct top *top, unsigned columns, unsigned rows)
{
	uint64_t now_ns = clock_monotonic_ns();
	struct top_scene scene = {
		.sample = top->now,
		.rates = &top->rates,
		.view = &top->view,
		.trouble = top->trouble.size > 0 ? text_get(&top->trouble) : NULL,
		.age_ms = top->now ? (now_ns - top->now->at_ns) / NS_PER_MS : 0,
		.wall_ns = clock_wall_ns(),
		.columns = columns,
		.rows = rows,
		.rows_most = (unsigned)top->lines_most,
	};
	if (top->now)
		top_rates_sort(&top->rates, top->view.sort, top->view.reverse);
	top_frame_fill(&top->frame, &scene);
}

static void draw(struct top *top)
{
	unsigned columns, rows;
	screen_size(&columns, &rows);
	fill(top, columns, rows);
	screen_draw(&top->frame);
}

static void print_block(struct top *top)
{
	const struct output *out = &top->cli->out;
	struct text json = {0};
	if (top->cli->json) {
		top_json_add(&json, top->now, &top->rates, clock_wall_ns(),
			     top->trouble.size > 0 ? text_get(&top->trouble) : NULL);
		output_line(out, OUTPUT_PLAIN, text_get(&json));
		text_deinit(&json);
	} else {
		fill(top, out->width, 0);
		if (top->shown > 0)
			output_blank(out);
		for (size_t i = 0; i < top->frame.n; i++)
			output_line(out, out->colour ? top->frame.lines[i].colour : OUTPUT_PLAIN,
				    text_get(&top->frame.lines[i].text));
	}
	fflush(out->file);
	top->shown++;
}

/* -- the loops ---------------------------------------------------------------------------------------------- */

static int wait_ms(const struct top *top)
{
	uint64_t now_ns = clock_monotonic_ns(), until_ns = top->next_ns;
	if (top->call.fd >= 0)
		until_ns = top->asked_ns + ANSWER_NS;
	else if (top->view.paused)
		return 1000;
	return until_ns <= now_ns ? 0 : (int)MIN((until_ns - now_ns) / NS_PER_MS + 1, (uint64_t)1000);
}

static int run_batch(struct top *top)
{
	bool first = true; /* which has no rates yet, and is not shown */
	while (!stopped && !(top->count_most > 0 && top->shown >= top->count_most) && !ferror(top->cli->out.file)) {
		struct pollfd poll_fd = {.fd = top->call.fd, .events = POLLIN};
		bool answered = false;
		if (poll(&poll_fd, 1, wait_ms(top)) < 0 && errno != EINTR)
			return CLI_INTERNAL;
		if (top->call.fd >= 0) {
			answered = take(top);
		} else if (clock_monotonic_ns() >= top->next_ns) {
			ask(top, IPC_REQUEST_STATUS, NULL, NULL);
			answered = top->call.fd < 0;
		}
		if (!answered)
			continue;
		if (first && top->code != CLI_OK) {
			cli_complain("%s", text_get(&top->trouble));
			return top->code;
		}
		if (!first)
			print_block(top);
		first = false;
	}
	return top->code;
}

/* All keys that were pressed. False: the last of them ends it. */
static bool hear(struct top *top)
{
	int key;
	while ((key = screen_key()) != TOP_KEY_NONE) {
		switch (top_view_key(&top->view, &top->rates, key)) {
		case TOP_QUIT:
			return false;
		case TOP_ORDER:
			order(top);
			break;
		case TOP_NOW:
			top->next_ns = 0;
			break;
		case TOP_NOTHING:
			break;
		}
	}
	return true;
}

static void run_screen(struct top *top)
{
	while (!stopped) {
		struct pollfd poll_fds[] = {{.fd = STDIN_FILENO, .events = POLLIN},
					    {.fd = top->call.fd, .events = POLLIN}};
		draw(top);
		poll(poll_fds, ARRAY_SIZE(poll_fds), wait_ms(top));
		/* a terminal that is gone is readable for ever */
		if (poll_fds[0].revents & (POLLHUP | POLLERR | POLLNVAL) || !hear(top))
			return;
		if (top->call.fd >= 0)
			take(top);
		else if (!top->view.paused && clock_monotonic_ns() >= top->next_ns)
			ask(top, IPC_REQUEST_STATUS, NULL, NULL);
	}
}

/* The first answer comes before the screen is taken: whoever mistyped a socket is told in plain words. */
static int begin_screen(struct top *top)
{
	struct answer answer = {.fd = -1};
	int code = answer_ask(top->cli, IPC_REQUEST_STATUS, 0, NULL, &answer);
	if (code != CLI_OK)
		return code;
	keep(top, &answer);
	answer_deinit(&answer);
	top->next_ns = clock_monotonic_ns() + top->view.interval_ms * NS_PER_MS;
	if (screen_begin(top->cli->out.colour) < 0) {
		cli_complain("nothing is known of this kind of terminal; set TERM, or use --batch");
		return CLI_USAGE;
	}
	return CLI_OK;
}

int cmd_top(struct cli *cli)
{
	_cleanup_(top_free) struct top *top = calloc(1, sizeof(*top));
	struct sigaction action = {.sa_handler = stop};
	if (!top)
		return CLI_INTERNAL;
	top->cli = cli;
	top->call.fd = top->call.answer.fd = -1;
	int code = read_options(top, cli);
	if (code != CLI_OK)
		return code;
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
	if (top->batch)
		return run_batch(top);
	code = begin_screen(top);
	if (code == CLI_OK)
		run_screen(top);
	screen_end();
	return code;
}

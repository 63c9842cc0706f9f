/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hostile: the agent that does what no agent should: on request, in one way at a time.
 *
 *     --mode NAME        that, at the point where it belongs: as handshake, once live, or at every question
 *     --by-name          what the file in question is called: executing `hang-me` makes it hang
 *
 * In everything else it behaves: it answers allow at once. So what the platform does is what it does about the mode.
 * It counts as the others do and says so on SIGUSR1, also while a mode hangs or spins; one that stopped itself, or
 * whose process is gone, cannot. Speaks the wire itself (raw.h), since the SDK would not let it.
 */
#include "common/common.h"
#include "hostile/mode.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define CONNECT_MS 30000

struct hostile {
	struct raw raw;
	const struct mode *mode; /* NULL: none, or by name */
	bool by_name;
	bool once; /* the mode is used up by its first session */
	bool opens;
	bool fds;
	bool again; /* the mode wants to be called after each event */
	uint64_t questions;
};

static const struct {
	const struct mode *modes;
	const size_t *n;
	const char *title;
} tables[] = {
	{modes_handshake, &n_modes_handshake, "instead of a handshake"},
	{modes_live, &n_modes_live, "once it is live"},
	{modes_question, &n_modes_question, "when it is asked"},
	{modes_machine, &n_modes_machine, "to the machine, once it is live"},
};

static const struct mode *find_mode(const char *name, size_t size)
{
	for (size_t i = 0; i < ARRAY_SIZE(tables); i++)
		for (size_t j = 0; j < *tables[i].n; j++)
			if (strlen(tables[i].modes[j].name) == size && memcmp(tables[i].modes[j].name, name, size) == 0)
				return &tables[i].modes[j];
	return NULL;
}

/* For the handler, which interrupts whatever a mode is at. Nothing it calls allocates or takes a lock. */
static struct hostile self;

static void on_usr1(int signal_number)
{
	int error = errno;
	if (self.mode)
		say("%s: done %" PRIu64 " times", self.mode->name, self.raw.done);
	tally_say(&self.raw.tally, self.raw.name);
	errno = error;
}

static void list_modes(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(tables); i++) {
		printf("%s%s:\n", i ? "\n" : "", tables[i].title);
		for (size_t j = 0; j < *tables[i].n; j++)
			printf("  %-24s %s\n  %-24s   must: %s\n", tables[i].modes[j].name, tables[i].modes[j].does, "",
			       tables[i].modes[j].must);
	}
}

static void usage(void)
{
	puts("usage: hostile [--mode NAME [--once]] [--by-name] [--opens] [--fds] | --list | --names WHEN\n"
	     "Misbehaves, for tests of the platform.\n\n"
	     "  --mode NAME    do this; --list shows what there is\n"
	     "  --once         only in the first session; then behave\n"
	     "  --by-name      do what the file in question is called: hang-me, deny-me …\n"
	     "  --opens        ask for auth_open, too\n"
	     "  --fds          ask for descriptors\n"
	     "  --minute MS    what the modes that creep take for a minute (default: 60000)\n"
	     "  --names WHEN   only the names: handshake, live, question or machine\n\n"
	     "SIGUSR1 prints what was read and answered.\n"
	     "exit: 0 the lifeline ended, 1 it could not begin, 2 wrong usage");
}

int mode_report(struct raw *raw, const struct mode *mode)
{
	static char bytes[RAW_MESSAGE_MAX];
	struct raw_reply reply;
	for (;;) {
		ssize_t size = raw_receive(raw, bytes, sizeof(bytes), 500);
		if (size <= 0) {
			say("%s: the platform %s", mode->name, size < 0 ? "ended the session" : "goes on");
			return size < 0 ? -EPIPE : MODE_ANSWER;
		}
		memcpy(&reply, bytes, sizeof(reply));
		reply.text[sizeof(reply.text) - 1] = '\0';
		if (size == (ssize_t)sizeof(reply) && reply.head.type == RAW_REPLY)
			say("%s: the platform replied %s: %s", mode->name, strerror(-reply.error), reply.text);
	}
}

/* The mode that the file's name asks for: "deny-me" → deny. */
static const struct mode *mode_by_name(const struct rs_event *event)
{
	const struct rs_event_auth_exec *exec = rs_event_auth_exec(event);
	const struct rs_event_auth_open *opened = rs_event_auth_open(event);
	if (!exec && !opened)
		return NULL;
	size_t size;
	const char *path = rs_str_get(event, exec ? exec->file.path : opened->file.path, &size);
	const char *name = memrchr(path, '/', size);
	name = name ? name + 1 : path;
	size -= (size_t)(name - path);
	return size > 3 && memcmp(name + size - 3, "-me", 3) == 0 ? find_mode(name, size - 3) : NULL;
}

/* Answers allow, unless a mode took the question. */
static int take(struct hostile *hostile)
{
	const struct rs_event *event = (const struct rs_event *)(const void *)hostile->raw.event;
	bool asked = event->flags & RS_EVENT_IS_AUTH;
	const struct mode *mode = NULL;
	int r = MODE_ANSWER;
	hostile->questions += asked;
	if (hostile->again)
		r = hostile->mode->run(&hostile->raw, hostile->mode, NULL);
	else if (asked && hostile->by_name)
		mode = mode_by_name(event);
	else if (asked && hostile->mode && hostile->mode->when == MODE_ASKED)
		mode = hostile->mode;
	if (mode)
		r = mode->run(&hostile->raw, mode, event);
	if (r < 0)
		return r;
	if (asked && r != MODE_GO_ON && raw_answer(&hostile->raw, event->id, RAW_ALLOW, 0) < 0)
		return -EPIPE;
	return 0;
}

static int begin(struct hostile *hostile)
{
	const enum rs_event_type types[] = {RS_EVENT_AUTH_EXEC, RS_EVENT_EXEC, RS_EVENT_FORK, RS_EVENT_AUTH_OPEN};
	struct raw *raw = &hostile->raw;
	if (hostile->mode && hostile->mode->when == MODE_CONNECTED) {
		int r = hostile->mode->run(raw, hostile->mode, NULL);
		return r < 0 ? r : -EPIPE;
	}
	int r = raw_hello(raw);
	/* one by one: what is not granted is left out */
	for (size_t i = 0; i < (hostile->opens ? 4u : 3u) && r >= 0; i++) {
		int error = raw_subscribe(raw, &types[i], 1, hostile->fds ? RAW_WITH_FD : 0);
		r = error == -EPIPE || error == -ETIMEDOUT ? error : 0;
	}
	if (r >= 0)
		r = raw_ready(raw);
	if (r >= 0 && hostile->mode && hostile->mode->when == MODE_LIVE) {
		r = hostile->mode->run(raw, hostile->mode, NULL);
		hostile->again = r == MODE_AGAIN;
	}
	return r;
}

/* One session, from its beginning to its end. */
static void session(struct hostile *hostile)
{
	hostile->again = false;
	int r = begin(hostile);
	while (r >= 0) {
		r = raw_next(&hostile->raw, -1);
		if (r == 1)
			r = take(hostile);
	}
	say("the session has ended after %" PRIu64 " questions: %s", hostile->questions, strerror(-r));
	raw_hang_up(&hostile->raw);
	if (hostile->once)
		hostile->mode = NULL;
}

static int parse_options(int argc, char **argv, struct hostile *hostile)
{
	static const struct option names[] = {
		{"mode", required_argument, NULL, 'm'},  {"by-name", no_argument, NULL, 'b'},
		{"once", no_argument, NULL, '1'},        {"opens", no_argument, NULL, 'o'},
		{"fds", no_argument, NULL, 'f'},         {"list", no_argument, NULL, 'l'},
		{"names", required_argument, NULL, 'n'}, {"minute", required_argument, NULL, 'M'},
		{"help", no_argument, NULL, 'h'},        {0}};
	static const char *const whens[] = {"handshake", "live", "question", "machine"};
	for (int c; (c = getopt_long(argc, argv, "h", names, NULL)) != -1;) {
		if (c == 'm' && !(hostile->mode = find_mode(optarg, strlen(optarg)))) {
			say("--mode: \"%s\" is none; --list shows what there is", optarg);
			return -EINVAL;
		}
		uint64_t minute_ms = mode_minute_ms;
		if (c == 'M' && (parse_size("--minute", optarg, 86400000, &minute_ms) < 0 || minute_ms == 0))
			return -EINVAL;
		mode_minute_ms = (unsigned)minute_ms;
		hostile->by_name |= c == 'b';
		hostile->once |= c == '1';
		hostile->opens |= c == 'o';
		hostile->fds |= c == 'f';
		for (size_t i = 0; c == 'n' && i < ARRAY_SIZE(tables); i++)
			for (size_t j = 0; strcmp(optarg, whens[i]) == 0 && j < *tables[i].n; j++)
				puts(tables[i].modes[j].name);
		if (c == 'l')
			list_modes();
		if (c == 'h')
			usage();
		if (c == 'l' || c == 'h' || c == 'n')
			exit(0);
		if (c == '?')
			return -EINVAL;
	}
	return optind < argc ? -EINVAL : 0;
}

int main(int argc, char **argv)
{
	if (parse_options(argc, argv, &self) < 0) {
		usage();
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	signal(SIGUSR1, on_usr1);
	if (raw_init(&self.raw) < 0) {
		say("no $" RAW_ENV ": an agent is started by Ringside");
		return 1;
	}
	int r;
	while ((r = raw_connect(&self.raw, CONNECT_MS)) >= 0)
		session(&self);
	if (r != -EPIPE)
		say("no session on the lifeline: %s", strerror(-r));
	return r == -EPIPE ? 0 : 1;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * observer: every event as one line of JSON.
 *
 *     rs_agent_next() ─▶ rs_event_to_json() ─▶ output ─▶ a file, a pipe, a terminal
 *
 * Never holds the platform up: a reader that is slow or gone costs lines, which are counted and told, and nothing
 * else. Questions, when it is told to subscribe to them, are allowed at once.
 */
#include "common/common.h"
#include "common/tally.h"
#include "observer/output.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define BUFFER_SIZE (1u << 20)
#define LINE_SIZE (8u * RS_EVENT_SIZE_MAX)
#define BATCH 256
#define FINISH_NS UINT64_C(1000000000)

struct observer {
	struct rs_agent *agent;
	struct output output;
	uint64_t count_max;
	struct tally tally;
	uint64_t too_long; /* events whose JSON did not fit */
	bool told_closed;
	char line[LINE_SIZE];
};

struct options {
	const char *path;
	const char *types;
	uint64_t count;
	bool auth;
};

static void usage(void)
{
	puts("usage: observer [--output FILE] [--types NAME,NAME…] [--auth] [--count N]\n"
	     "Prints every event that is granted as one line of JSON.\n\n"
	     "  --output FILE   append there instead of standard output\n"
	     "  --types LIST    only these events\n"
	     "  --auth          also auth events; each is allowed at once\n"
	     "  --count N       end after N events\n\n"
	     "Lines that a slow or closed output could not take are dropped and counted: {\"dropped\":N}. SIGUSR1 "
	     "prints\nwhat was read.\n"
	     "exit: 0 ended by --count or a signal, 1 the platform or the output failed, 2 wrong usage");
}

static int parse_options(int argc, char **argv, struct options *options)
{
	static const struct option names[] = {
		{"output", required_argument, NULL, 'o'}, {"types", required_argument, NULL, 't'},
		{"auth", no_argument, NULL, 'a'},         {"count", required_argument, NULL, 'c'},
		{"help", no_argument, NULL, 'h'},         {0}};
	for (int c; (c = getopt_long(argc, argv, "o:t:ac:h", names, NULL)) != -1;) {
		if (c == 'o')
			options->path = optarg;
		else if (c == 't')
			options->types = optarg;
		else if (c == 'a')
			options->auth = true;
		else if (c == 'c') {
			if (parse_size("--count", optarg, UINT64_MAX, &options->count) < 0)
				return -EINVAL;
		} else if (c == 'h') {
			usage();
			exit(0);
		} else
			return -EINVAL;
	}
	if (optind < argc) {
		say("expected no more arguments, found \"%s\"", argv[optind]);
		return -EINVAL;
	}
	return 0;
}

static int subscribe(struct observer *observer, const struct options *options)
{
	enum rs_event_type types[RS_EVENT_TYPE_LIMIT];
	size_t n = 0;
	if (options->types) {
		int r = agent_parse_types(options->types, types, ARRAY_SIZE(types), &n);
		if (r < 0)
			return r;
	} else {
		n = agent_granted_types(observer->agent, options->auth, types, ARRAY_SIZE(types));
	}
	if (n == 0) {
		say("no event is granted to \"%s\"; see `events` of this agent in the configuration",
		    rs_agent_name(observer->agent));
		return -EPERM;
	}
	struct rs_subscribe_opts opts = {.size = sizeof(opts), .state_essential = true};
	int r = rs_agent_subscribe(observer->agent, types, n, &opts);
	if (r < 0)
		say("the platform refused the subscription: %s", strerror(-r));
	return r < 0 ? r : rs_agent_ready(observer->agent);
}

static void take(struct observer *observer, const struct rs_event *event)
{
	/* first the answer: somebody waits for it */
	if (event->flags & RS_EVENT_IS_AUTH)
		tally_answer(&observer->tally, false, rs_respond_allow(observer->agent, event, 0));
	tally_event(&observer->tally, event);
	ssize_t size = rs_event_to_json(event, observer->line, sizeof(observer->line));
	if (size >= 0)
		output_line(&observer->output, observer->line, (size_t)size);
	else
		observer->too_long++;
}

static bool is_done(const struct observer *observer)
{
	return observer->count_max != 0 && observer->tally.events >= observer->count_max;
}

static void flush(struct observer *observer)
{
	output_flush(&observer->output);
	if (!observer->output.closed || observer->told_closed)
		return;
	observer->told_closed = true;
	say("the output cannot be written any more (%s); events are still taken, their lines are dropped",
	    strerror(-observer->output.error));
}

/* Until enough events came, a signal ends it, or the platform is gone. */
static int run(struct observer *observer, int signal_fd)
{
	while (!is_done(observer)) {
		int r = 1;
		for (int i = 0; i < BATCH && r == 1 && !is_done(observer); i++) {
			const struct rs_event *event;
			r = rs_agent_next(observer->agent, 0, &event);
			if (r == 1)
				take(observer, event);
		}
		if (r < 0) {
			say("the platform is gone: %s", strerror(-r));
			return r;
		}
		flush(observer);
		/* what a slow reader did not take yet is tried again */
		bool pending = observer->output.end > observer->output.begin && !observer->output.closed;
		int signal_number = agent_wait(observer->agent, signal_fd, r == 1 ? 0 : pending ? 20 : -1);
		if (signal_number == SIGTERM || signal_number == SIGINT)
			return 0;
		if (signal_number == SIGUSR1)
			tally_say(&observer->tally, rs_agent_name(observer->agent));
	}
	return 0;
}

static void say_counts(const struct observer *observer)
{
	const struct output *output = &observer->output;
	say("%" PRIu64 " events, %" PRIu64 " lines written, %" PRIu64 " dropped here, %" PRIu64 " too long, %" PRIu64
	    " lost on the way",
	    observer->tally.events, output->lines, output->dropped, observer->too_long,
	    observer->tally.lost + observer->tally.lost_before);
}

static int observe(struct observer *observer, const struct options *options)
{
	_cleanup_(closep) int fd = -1;
	_cleanup_(closep) int signal_fd = agent_signals();
	if (signal_fd < 0)
		return signal_fd;
	if (options->path) {
		fd = open(options->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0640);
		if (fd < 0) {
			say("%s: cannot be opened for writing: %s", options->path, strerror(errno));
			return -errno;
		}
	}
	int r = output_init(&observer->output, options->path ? fd : STDOUT_FILENO, BUFFER_SIZE);
	if (r < 0)
		return r;
	struct rs_agent_opts opts = {.size = sizeof(opts), .version = rs_version()};
	r = rs_agent_open(&opts, &observer->agent);
	if (r < 0) {
		say("no session with the platform: %s; an agent is started by Ringside, see ringside.yaml(5)",
		    strerror(-r));
		return r;
	}
	observer->count_max = options->count;
	r = subscribe(observer, options);
	if (r >= 0)
		r = run(observer, signal_fd);
	tally_say(&observer->tally, rs_agent_name(observer->agent));
	rs_agent_close(observer->agent);
	output_finish(&observer->output, now_ns() + FINISH_NS);
	say_counts(observer);
	return r < 0 ? r : observer->output.closed ? observer->output.error : 0;
}

int main(int argc, char **argv)
{
	static struct observer observer;
	struct options options = {0};
	if (parse_options(argc, argv, &options) < 0) {
		usage();
		return 2;
	}
	int r = observe(&observer, &options);
	output_deinit(&observer.output);
	return r < 0 ? 1 : 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * behaviour: keeps state across events and says what they mean together.
 *
 *     rs_agent_next() ─▶ detect_event() ─▶ answer, when one is waited for ─▶ action, when it is to be asked ─▶ line of
 * JSON
 *
 * Each finding is one line: OCSF detection finding (class 2004). What is lost on the way is a line of its own, and
 * lowers the confidence of what follows for a minute.
 */
#include "behaviour/act.h"
#include "behaviour/detect.h"
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
#define LINE_SIZE (128u << 10)
#define BATCH 256
#define FINISH_NS UINT64_C(1000000000)
#define PROCESSES_DEFAULT 16384u
#define FILES_DEFAULT 8192u
#define TREES_DEFAULT 128u

struct behaviour {
	struct rs_agent *agent;
	struct lists lists;
	struct detect detect;
	struct output output;
	struct tally tally;
	uint64_t lost_told, acted;
	bool told_closed;
	char line[LINE_SIZE];
};

struct options {
	const char *path;
	const char *config;
	uint64_t processes;
};

static void usage(void)
{
	puts("usage: behaviour [--output FILE] [--config FILE] [--processes N] | --rules | --lists\n"
	     "Keeps state across events and tells what they mean together, one line of JSON each.\n\n"
	     "  --output FILE    append there instead of standard output\n"
	     "  --config FILE    lists that differ from the built-in ones: `servers += mine`, `kill = memfd_exec` …\n"
	     "  --processes N    how many processes are remembered (256 to 1M; default 16384)\n"
	     "  --rules          what is looked for\n"
	     "  --lists          the built-in lists, in the form of --config\n\n"
	     "SIGUSR1 prints what was read.\n"
	     "exit: 0 ended by a signal, 1 the platform or the output failed, 2 wrong usage or configuration");
}

static void show_rules(void)
{
	for (size_t i = 0; i < n_rules; i++) {
		printf("%-16s %s (", rules[i].name, rules[i].title);
		for (size_t j = 0; j < RULE_TECHNIQUES_MAX && rules[i].techniques[j]; j++)
			printf("%s%s", j ? " " : "", rules[i].techniques[j]);
		puts(rules[i].may_deny ? "; may deny)" : ")");
	}
}

static void show_lists(void)
{
	static struct lists lists;
	lists_init(&lists);
	for (uint32_t i = 0; i < LISTS_N; i++) {
		printf("%s =", lists_name((enum list)i));
		for (uint32_t j = lists.begin[i]; j < lists.begin[i + 1]; j++)
			printf(" %s", lists.patterns[j].text);
		putchar('\n');
	}
}

static int parse_options(int argc, char **argv, struct options *options)
{
	static const struct option names[] = {{"output", required_argument, NULL, 'o'},
					      {"config", required_argument, NULL, 'c'},
					      {"processes", required_argument, NULL, 'p'},
					      {"rules", no_argument, NULL, 'r'},
					      {"lists", no_argument, NULL, 'l'},
					      {"help", no_argument, NULL, 'h'},
					      {0}};
	void (*shows[128])(void) = {['r'] = show_rules, ['l'] = show_lists, ['h'] = usage};
	options->processes = PROCESSES_DEFAULT;
	for (int c; (c = getopt_long(argc, argv, "o:c:h", names, NULL)) != -1;) {
		if (c == 'o')
			options->path = optarg;
		else if (c == 'c')
			options->config = optarg;
		else if (c == 'p') {
			if (parse_size("--processes", optarg, 1 << 20, &options->processes) < 0)
				return -EINVAL;
		} else if (c < 128 && shows[c]) {
			shows[c]();
			exit(0);
		} else
			return -EINVAL;
	}
	if (options->processes < 256) {
		say("--processes: expected at least 256, found %" PRIu64, options->processes);
		return -EINVAL;
	}
	if (optind < argc)
		say("expected no more arguments, found \"%s\"", argv[optind]);
	return optind < argc ? -EINVAL : 0;
}

/* Only what is granted and can be had; what is missing is said, for a rule is blind then. */
static int subscribe(struct behaviour *behaviour)
{
	enum rs_event_type wanted[RS_EVENT_TYPE_LIMIT], types[RS_EVENT_TYPE_LIMIT];
	size_t n_wanted = detect_types(&behaviour->detect, wanted, ARRAY_SIZE(wanted)), n = 0;
	for (size_t i = 0; i < n_wanted; i++) {
		struct rs_ability ability = {.size = sizeof(ability)};
		int r = rs_agent_ability(behaviour->agent, wanted[i], &ability);
		if (r == 0 && ability.granted && ability.state != RS_UNAVAILABLE)
			types[n++] = wanted[i];
		else
			say("without %s: %s", rs_event_name((uint16_t)wanted[i]),
			    r < 0 || !ability.granted ? "not granted; add it to `events` of this agent"
						      : ability.reason);
	}
	if (n == 0) {
		say("no event is granted to \"%s\"", rs_agent_name(behaviour->agent));
		return -EPERM;
	}
	struct rs_subscribe_opts opts = {.size = sizeof(opts), .state_essential = true};
	int r = rs_agent_subscribe(behaviour->agent, types, n, &opts);
	if (r < 0)
		say("the platform refused the subscription: %s", strerror(-r));
	return r < 0 ? r : rs_agent_ready(behaviour->agent);
}

static void write_line(struct behaviour *behaviour, const struct text *text)
{
	output_line(&behaviour->output, text->buffer, text->size);
}

static void answer(struct behaviour *behaviour, const struct rs_event *event)
{
	/* not for the cache: what is asked about is who executes, too */
	if (!behaviour->detect.deny) {
		tally_answer(&behaviour->tally, false, rs_respond_allow(behaviour->agent, event, 0));
		return;
	}
	const struct detect_found *found = &behaviour->detect.found[0];
	struct rs_deny_opts opts = {.size = sizeof(opts), .rule = "behaviour"};
	char reason[RS_REASON_SIZE_MAX + 1] = "";
	if (behaviour->detect.n_found > 0) {
		opts.rule = rules[found->rule].name;
		snprintf(reason, sizeof(reason), "%.*s", (int)RS_REASON_SIZE_MAX, found->finding.text);
	}
	opts.reason = reason;
	tally_answer(&behaviour->tally, true, rs_respond_deny(behaviour->agent, event, &opts));
}

static void tell(struct behaviour *behaviour, const struct rs_event *event, const struct detect_found *found)
{
	const struct rule *rule = &rules[found->rule];
	struct report report = {.rule = rule,
				.finding = &found->finding,
				.event = event,
				.process = behaviour->detect.process,
				.denied = behaviour->detect.deny,
				.number = ++behaviour->detect.told};
	if (behaviour->detect.rules[found->rule].kills && !report.denied) {
		report.action = "kill process";
		report.result = act_kill(behaviour->agent, found->finding.target_id, rule->name, found->finding.text);
		behaviour->acted++;
	}
	struct text text;
	text_init(&text, behaviour->line, sizeof(behaviour->line));
	report_json(&text, &behaviour->detect.state, &report);
	if (text.full) {
		text_init(&text, behaviour->line, sizeof(behaviour->line));
		text_raw(&text, "{\"class_uid\":2004,\"rule\":\"%s\",\"event\":%" PRIu64 ",\"too_long\":true}",
			 rule->name, event->id);
	}
	write_line(behaviour, &text);
}

/* Losses are said where the findings are: whoever reads those must know. */
static void tell_lost(struct behaviour *behaviour)
{
	const struct state *state = &behaviour->detect.state;
	struct text text;
	if (state->lost + state->gaps == behaviour->lost_told)
		return;
	text_init(&text, behaviour->line, sizeof(behaviour->line));
	text_raw(&text, "{\"lost\":%" PRIu64 ",\"engine_restarts\":%" PRIu64 ",\"unsure_s\":%u}", state->lost,
		 state->gaps, (unsigned)(STATE_UNSURE_NS / 1000000000));
	behaviour->lost_told = state->lost + state->gaps;
	write_line(behaviour, &text);
}

static void take(struct behaviour *behaviour, const struct rs_event *event)
{
	struct detect *detect = &behaviour->detect;
	tally_event(&behaviour->tally, event);
	detect_event(detect, event);
	if (event->flags & RS_EVENT_IS_AUTH)
		answer(behaviour, event);
	for (uint32_t i = 0; i < detect->n_found; i++)
		tell(behaviour, event, &detect->found[i]);
	tell_lost(behaviour);
}

static void flush(struct behaviour *behaviour)
{
	output_flush(&behaviour->output);
	if (!behaviour->output.closed || behaviour->told_closed)
		return;
	behaviour->told_closed = true;
	say("the output cannot be written any more (%s); findings are still acted on, their lines are dropped",
	    strerror(-behaviour->output.error));
}

/* Until a signal ends it, or the platform is gone. */
static int run(struct behaviour *behaviour, int signal_fd)
{
	for (;;) {
		int r = 1;
		for (int i = 0; i < BATCH && r == 1; i++) {
			const struct rs_event *event;
			r = rs_agent_next(behaviour->agent, 0, &event);
			if (r == 1)
				take(behaviour, event);
		}
		if (r < 0) {
			say("the platform is gone: %s", strerror(-r));
			return r;
		}
		flush(behaviour);
		bool pending = behaviour->output.end > behaviour->output.begin && !behaviour->output.closed;
		int signal_number = agent_wait(behaviour->agent, signal_fd, r == 1 ? 0 : pending ? 20 : -1);
		if (signal_number == SIGTERM || signal_number == SIGINT)
			return 0;
		if (signal_number == SIGUSR1)
			tally_say(&behaviour->tally, rs_agent_name(behaviour->agent));
	}
}

static void say_counts(const struct behaviour *behaviour)
{
	const struct state *state = &behaviour->detect.state;
	uint64_t suppressed = 0;
	for (size_t i = 0; i < n_rules; i++)
		suppressed += behaviour->detect.rules[i].suppressed;
	say("%" PRIu64 " events, %" PRIu64 " findings told, %" PRIu64 " more suppressed, %" PRIu64 " denied, %" PRIu64
	    " actions asked; %" PRIu64 " lines dropped here, %" PRIu64 " events lost on the way",
	    state->events, behaviour->detect.told, suppressed, behaviour->tally.denies, behaviour->acted,
	    behaviour->output.dropped, state->lost);
	say("%u of %u processes known; forgotten for want of room: %" PRIu64 " that ran, %" PRIu64
	    " that had ended, %" PRIu64 " files, %" PRIu64 " trees",
	    state->processes.n, state->processes.n_max, state->processes.evicted_running,
	    state->processes.evicted_ended, state->files.overwritten, state->masses.evicted);
}

static int serve(struct behaviour *behaviour, int signal_fd)
{
	struct rs_agent_opts opts = {.size = sizeof(opts), .version = rs_version()};
	int r = rs_agent_open(&opts, &behaviour->agent);
	if (r < 0) {
		say("no session with the platform: %s; an agent is started by Ringside, see ringside.yaml(5)",
		    strerror(-r));
		return r;
	}
	r = subscribe(behaviour);
	if (r >= 0)
		r = run(behaviour, signal_fd);
	tally_say(&behaviour->tally, rs_agent_name(behaviour->agent));
	rs_agent_close(behaviour->agent);
	output_finish(&behaviour->output, now_ns() + FINISH_NS);
	say_counts(behaviour);
	return r < 0 ? r : behaviour->output.closed ? behaviour->output.error : 0;
}

static int begin(struct behaviour *behaviour, const struct options *options)
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
	int r = output_init(&behaviour->output, options->path ? fd : STDOUT_FILENO, BUFFER_SIZE);
	return r < 0 ? r : serve(behaviour, signal_fd);
}

int main(int argc, char **argv)
{
	static struct behaviour behaviour;
	struct options options = {0};
	if (parse_options(argc, argv, &options) < 0) {
		usage();
		return 2;
	}
	lists_init(&behaviour.lists);
	if (options.config && lists_read(&behaviour.lists, options.config) < 0)
		return 2;
	struct state_sizes sizes = {
		.processes = (uint32_t)options.processes, .files = FILES_DEFAULT, .trees = TREES_DEFAULT};
	int r = detect_init(&behaviour.detect, &behaviour.lists, &sizes);
	if (r < 0)
		return r == -EINVAL ? 2 : 1;
	r = begin(&behaviour, &options);
	output_deinit(&behaviour.output);
	detect_deinit(&behaviour.detect);
	return r < 0 ? 1 : 0;
}

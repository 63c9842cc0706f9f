/* SPDX-License-Identifier: Apache-2.0 */
/*
 * yara: denies files in which a YARA rule matches.
 *
 *     rs_agent_next() ─▶ judge ─▶ workers ─▶ judge ─▶ rs_respond_allow / rs_respond_deny
 *     rule files ─▶ load ─▶ swap ─▶ rs_agent_content_changed(): what the platform had cached is asked again
 *
 * This process never touches a judged file and never scans: it answers in time, whatever the others do.
 */
#include "common/common.h"
#include "common/tally.h"
#include "yara/judge.h"
#include "yara/load.h"
#include "yara/options.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define BATCH 32
#define TELL_NS UINT64_C(1000000000) /* of what was not scanned, one line in this time */

struct agent {
	struct rs_agent *session;
	const struct options *options;
	struct load *load;
	struct ruleset *set;
	struct pool *pool;
	struct judge *judge;
	uint64_t reloads;
	struct tally tally;
	uint64_t told_ns;
	uint64_t untold;
};

static int event_fd(void *data, const struct rs_event *event)
{
	const struct agent *agent = data;
	return rs_event_fd(agent->session, event);
}

static void tell_not_scanned(struct agent *agent, const struct rs_event *event, const struct judge_answer *answer)
{
	const struct rs_file *file = judge_file(event);
	uint64_t now = now_ns();
	if (agent->told_ns != 0 && now < agent->told_ns + TELL_NS) {
		agent->untold++;
		return;
	}
	say("not-scanned (%s, %s): %.300s: %s; %" PRIu64 " more since the last line",
	    policy_outcome_name(answer->outcome), answer->what.deny ? "denied" : "allowed",
	    file ? rs_str_get(event, file->path, NULL) : "?", answer->reason, agent->untold);
	agent->told_ns = now;
	agent->untold = 0;
}

static void answer(void *data, const struct rs_event *event, const struct judge_answer *answer)
{
	struct agent *agent = data;
	int r;
	if (answer->what.deny) {
		struct rs_deny_opts opts = {.size = sizeof(opts), .rule = answer->rule, .reason = answer->reason};
		r = rs_respond_deny(agent->session, event, &opts);
	} else {
		r = rs_respond_allow(agent->session, event, answer->what.cache ? RS_ALLOW_CACHE : 0);
	}
	tally_answer(&agent->tally, answer->what.deny, r);
	if (answer->what.not_scanned)
		tell_not_scanned(agent, event, answer);
}

static void print_counters(const struct agent *agent)
{
	char text[512];
	size_t used = 0;
	const struct judge_counters *counters = judge_counters(agent->judge);
	const struct pool_counters *pool = pool_counters(agent->pool);
	for (int i = 0; i < INSPECT_N_OUTCOMES; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, " %s=%" PRIu64,
					 policy_outcome_name((enum inspect_outcome)i), counters->outcomes[i]);
	say("questions=%" PRIu64 "%s denied=%" PRIu64 " bytes=%" PRIu64 " by_old_rules=%" PRIu64
	    " answers_refused=%" PRIu64 " workers_started=%" PRIu64 " workers_ended=%" PRIu64 " workers_died=%" PRIu64
	    " left_behind=%" PRIu64 " start_errors=%" PRIu64 " reloads=%" PRIu64 " rules_refused=%" PRIu64,
	    counters->questions, text, counters->denied, counters->bytes, counters->by_old_rules, agent->tally.refused,
	    pool->started, pool->ended, pool->died, pool->left_behind, pool->start_errors, agent->reloads,
	    load_refused(agent->load));
	tally_say(&agent->tally, rs_agent_name(agent->session));
}

static void say_rules(const struct ruleset *set, const char *what)
{
	const struct ruleset_head *head = &set->head;
	say("%s: %s, %u strings, %u files, %u broken and left out, %u warnings", what, head->version, head->n_strings,
	    head->n_files, head->n_broken, head->n_warnings);
	uint32_t unguarded = 0;
	for (uint32_t i = 0; i < head->n_files; i++)
		unguarded += (head->file_flags[i] & RULESET_NAMES) &&
			     (head->file_flags[i] & (RULESET_GUARDED | RULESET_UNGUARDED)) != RULESET_GUARDED;
	if (unguarded)
		say("%u rule files look at names and have no global rule before: no allow is cached", unguarded);
}

/* Swaps first and tells after: what is being scanned by old rules is answered and not cached. */
static void swap_rules(struct agent *agent, struct ruleset *set)
{
	pool_set_rules(agent->pool, set);
	ruleset_free(agent->set);
	agent->set = set;
	agent->reloads++;
	judge_turn(agent->judge);
	int r = rs_agent_content_changed(agent->session, set->head.version);
	if (r < 0)
		say("the platform was not told of the new rules: %s", strerror(-r));
	say_rules(set, "reloaded");
}

static void load_work(struct agent *agent)
{
	struct ruleset *set;
	enum load_result r = load_step(agent->load, now_ns(), agent->set, &set);
	if (r == LOAD_READY)
		swap_rules(agent, set);
	else if (r == LOAD_REFUSED)
		say("the rules before stay in force: %s", agent->set->head.version);
}

/* Takes what is there. 1 when there may be more, 0 when not, -errno. */
static int take_questions(struct agent *agent)
{
	for (int i = 0; i < BATCH; i++) {
		const struct rs_event *event;
		int r = rs_agent_next(agent->session, 0, &event);
		if (r != 1)
			return r;
		tally_event(&agent->tally, event);
		if (event->flags & RS_EVENT_IS_AUTH)
			judge_take(agent->judge, event);
	}
	return 1;
}

/* Waits for the platform, a signal, a worker, the compiler. A signal's number, or 0. */
static int wait_for_work(struct agent *agent, int signal_fd, int timeout_ms)
{
	struct pollfd fds[POOL_WORKERS_MAX + 3] = {{.fd = rs_agent_fd(agent->session), .events = POLLIN},
						   {.fd = signal_fd, .events = POLLIN},
						   {.fd = load_fd(agent->load), .events = POLLIN}};
	struct signalfd_siginfo info;
	nfds_t n = 3;
	for (unsigned i = 0; i < pool_n(agent->pool); i++)
		fds[n++] = (struct pollfd){.fd = pool_fd(agent->pool, i), .events = POLLIN};
	if (poll(fds, n, timeout_ms) <= 0 || !(fds[1].revents & POLLIN))
		return 0;
	return read(signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info) ? (int)info.ssi_signo : 0;
}

static int run(struct agent *agent, int signal_fd)
{
	for (;;) {
		int more = take_questions(agent);
		if (more < 0) {
			say("the platform is gone: %s", strerror(-more));
			return more;
		}
		judge_turn(agent->judge);
		load_work(agent);
		int timeout_ms = judge_timeout_ms(agent->judge), look_ms = (int)(LOAD_LOOK_NS / 1000000);
		timeout_ms = more ? 0 : timeout_ms < 0 ? look_ms : MIN(timeout_ms, look_ms);
		int signal_number = wait_for_work(agent, signal_fd, timeout_ms);
		if (signal_number == SIGHUP)
			load_ask(agent->load);
		else if (signal_number == SIGUSR1)
			print_counters(agent);
		else if (signal_number != 0)
			return 0;
	}
}

static int open_session(struct agent *agent)
{
	const enum rs_event_type types[] = {RS_EVENT_AUTH_EXEC, RS_EVENT_AUTH_OPEN};
	bool opens = agent->options->opens;
	struct rs_agent_opts opts = {
		.size = sizeof(opts), .version = rs_version(), .content_version = agent->set->head.version};
	struct rs_subscribe_opts subscribe = {
		.size = sizeof(subscribe), .with_fd = true, .deadline_ms = (uint32_t)agent->options->deadline_ms};
	int r = rs_agent_open(&opts, &agent->session);
	if (r < 0) {
		say("no session with the platform: %s; an agent is started by Ringside, see ringside.yaml(5)",
		    strerror(-r));
		return r;
	}
	r = rs_agent_subscribe(agent->session, types, opens ? 2 : 1, &subscribe);
	if (r < 0) {
		say("the platform refused auth_exec%s: %s; see `events` of this agent in the configuration",
		    opens ? " and auth_open" : "", strerror(-r));
		return r;
	}
	return rs_agent_ready(agent->session);
}

static int serve(struct agent *agent)
{
	struct judge_ops ops = {.data = agent, .fd = event_fd, .answer = answer};
	const struct options *options = agent->options;
	_cleanup_(closep) int signal_fd = agent_signals();
	int r = signal_fd < 0 ? signal_fd : 0;
	if (r >= 0)
		r = pool_new((unsigned)options->workers, worker_inspect, &options->limits, agent->set, &agent->pool);
	if (r >= 0)
		r = judge_new(&ops, &options->policy, agent->pool, &agent->judge);
	if (r >= 0)
		pool_tend(agent->pool, now_ns()); /* before there is a session that they would have to close */
	if (r >= 0)
		r = open_session(agent);
	if (r >= 0) {
		r = run(agent, signal_fd);
		print_counters(agent);
	}
	return r;
}

/* Scans what is named, as long as it takes. 1 when something matched or could not be scanned. */
static int check_files(const struct agent *agent)
{
	const struct options *options = agent->options;
	struct inspect *inspect;
	struct inspect_result result;
	int found = 0, r = inspect_new(agent->set, &options->limits, &inspect);
	if (r < 0)
		return r;
	for (int i = 0; i < options->n_files; i++) {
		const char *path = options->files[i];
		_cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
		inspect_file(inspect,
			     &(struct inspect_job){.path = path, .fd = fd, .stop_ns = now_ns() + UINT64_C(60000000000)},
			     &result);
		struct policy_answer what =
			policy_answer(&options->policy, (enum inspect_outcome)result.outcome, result.by_bytes);
		printf("%s: %s%s%s%s%s%s\n", path, policy_outcome_name((enum inspect_outcome)result.outcome),
		       result.rule[0] ? " " : "", result.rule, result.reason[0] ? ": " : "", result.reason,
		       what.cache ? " (cached)" : "");
		found |= result.outcome != INSPECT_CLEAN && result.outcome != INSPECT_SPECIAL;
	}
	inspect_free(inspect);
	return found;
}

int main(int argc, char **argv)
{
	struct options options;
	struct agent agent = {.options = &options};
	int r = options_parse(argc, argv, &options);
	if (r < 0)
		options_usage();
	if (r != 0)
		return r < 0 ? 2 : 0;
	if (yr_initialize() != ERROR_SUCCESS) {
		say("libyara cannot be used: no memory");
		return 1;
	}
	r = load_new(&options.load, &agent.load);
	if (r >= 0)
		r = load_first(agent.load, &agent.set);
	if (r >= 0) {
		say_rules(agent.set, "loaded");
		r = options.check ? check_files(&agent) : serve(&agent);
	}
	rs_agent_close(agent.session);
	judge_free(agent.judge);
	pool_free(agent.pool);
	load_free(agent.load);
	ruleset_free(agent.set);
	yr_finalize();
	return r != 0;
}

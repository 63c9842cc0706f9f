/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reputation: allows or denies files by their SHA-256.
 *
 *     rs_agent_next() ─▶ judge: hash in slices ─▶ list ─▶ rs_respond_allow / rs_respond_deny
 *     list file ─▶ reload ─▶ swap ─▶ rs_agent_content_changed(): what the platform had cached is asked again
 *
 * One thread: a large file or a new list is worked on in pieces, and new questions are looked at in between.
 */
#include "common/common.h"
#include "common/tally.h"
#include "reputation/judge.h"
#include "reputation/reload.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#define BATCH 32

struct options {
	const char *list;
	struct judge_policy policy;
	uint64_t hash_cache;
	uint64_t deadline_ms;
	bool opens;
};

struct reputation {
	struct rs_agent *agent;
	struct list *list;
	struct reload reload;
	struct hash_cache *cache;
	struct judge *judge;
	uint64_t reloads;
	struct tally tally;
};

static void usage(void)
{
	puts("usage: reputation --list FILE [options]\n"
	     "Allows or denies files by their SHA-256.\n\n"
	     "  --list FILE             made by reputation-compile; a text list of at most 100,000 lines will do\n"
	     "  --opens                 judge files that are opened, not only those that are executed\n"
	     "  --unlisted allow|deny   what is not on the list (allow)\n"
	     "  --max-size BYTES        larger files are not hashed; K, M, G (512M)\n"
	     "  --over-size allow|deny  what happens to those (allow)\n"
	     "  --deadline-ms N         ask for a shorter deadline than the operator's\n"
	     "  --hash-cache N          digests of unchanged files that are kept; 0: none (4096)\n\n"
	     "A file that cannot be hashed before its deadline is allowed, and counted.\n"
	     "The list is loaded again when its file is replaced, and on SIGHUP. SIGUSR1 prints the counters.\n"
	     "exit: 0 ended by a signal, 1 the platform or the list failed, 2 wrong usage");
}

static int parse_verdict(const char *option, const char *text, bool *ret_deny)
{
	if (strcmp(text, "allow") != 0 && strcmp(text, "deny") != 0) {
		say("%s: expected allow or deny, found \"%s\"", option, text);
		return -EINVAL;
	}
	*ret_deny = text[0] == 'd';
	return 0;
}

static int parse_option(int c, struct options *options)
{
	switch (c) {
	case 'l':
		options->list = optarg;
		return 0;
	case 'o':
		options->opens = true;
		return 0;
	case 'u':
		return parse_verdict("--unlisted", optarg, &options->policy.deny_unlisted);
	case 'm':
		return parse_size("--max-size", optarg, INT64_MAX, &options->policy.size_max_bytes);
	case 's':
		return parse_verdict("--over-size", optarg, &options->policy.deny_too_large);
	case 'd':
		return parse_size("--deadline-ms", optarg, 60000, &options->deadline_ms);
	case 'c':
		return parse_size("--hash-cache", optarg, 1u << 20, &options->hash_cache);
	case 'h':
		usage();
		exit(0);
	default:
		return -EINVAL;
	}
}

static int parse_options(int argc, char **argv, struct options *options)
{
	static const struct option names[] = {{"list", required_argument, NULL, 'l'},
					      {"opens", no_argument, NULL, 'o'},
					      {"unlisted", required_argument, NULL, 'u'},
					      {"max-size", required_argument, NULL, 'm'},
					      {"over-size", required_argument, NULL, 's'},
					      {"deadline-ms", required_argument, NULL, 'd'},
					      {"hash-cache", required_argument, NULL, 'c'},
					      {"help", no_argument, NULL, 'h'},
					      {0}};
	for (int c; (c = getopt_long(argc, argv, "h", names, NULL)) != -1;)
		if (parse_option(c, options) < 0)
			return -EINVAL;
	if (!options->list || optind < argc) {
		say(options->list ? "expected no more arguments, found \"%s\"" : "expected --list FILE",
		    optind < argc ? argv[optind] : "");
		return -EINVAL;
	}
	return 0;
}

static int event_fd(void *data, const struct rs_event *event)
{
	struct reputation *reputation = data;
	return rs_event_fd(reputation->agent, event);
}

static void answer(void *data, const struct rs_event *event, const struct judge_answer *answer)
{
	struct reputation *reputation = data;
	int r;
	if (answer->deny) {
		char rule[64], reason[RS_REASON_SIZE_MAX + 1];
		if (answer->name[0] != '\0')
			snprintf(rule, sizeof(rule), "%s", answer->name);
		else if (answer->digest[0] != '\0')
			snprintf(rule, sizeof(rule), "sha256:%.16s", answer->digest);
		else
			snprintf(rule, sizeof(rule), "%s", judge_outcome_names[answer->outcome]);
		snprintf(reason, sizeof(reason), "SHA-256 %s: %s, list %s",
			 answer->digest[0] ? answer->digest : "not made", judge_outcome_names[answer->outcome],
			 list_version(reputation->list));
		struct rs_deny_opts opts = {.size = sizeof(opts), .rule = rule, .reason = reason};
		r = rs_respond_deny(reputation->agent, event, &opts);
	} else {
		r = rs_respond_allow(reputation->agent, event, answer->cache ? RS_ALLOW_CACHE : 0);
	}
	tally_answer(&reputation->tally, answer->deny, r);
}

static void print_counters(const struct reputation *reputation)
{
	char text[512];
	size_t used = 0;
	const struct judge_counters *counters = judge_counters(reputation->judge);
	for (int i = 0; i < JUDGE_N_OUTCOMES; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, " %s=%" PRIu64, judge_outcome_names[i],
					 counters->outcomes[i]);
	say("questions=%" PRIu64 "%s hashed_bytes=%" PRIu64 " hash_cache_hits=%" PRIu64 " answers_refused=%" PRIu64
	    " reloads=%" PRIu64 " lists_refused=%" PRIu64,
	    counters->questions, text, counters->hashed_bytes, counters->hash_cache_hits, reputation->tally.refused,
	    reputation->reloads, reputation->reload.refused);
	tally_say(&reputation->tally, rs_agent_name(reputation->agent));
}

static void say_list(const struct reputation *reputation, const char *what)
{
	say("%s: list %s, %zu entries, %zu KiB of memory", what, list_version(reputation->list),
	    list_n(reputation->list), list_memory_bytes(reputation->list) >> 10);
}

/* Swaps first and tells after: an allow by the old list that is cached in between is forgotten by the telling. */
static void swap_list(struct reputation *reputation, struct list *list)
{
	struct list *old = reputation->list;
	reputation->list = list;
	judge_set_list(reputation->judge, list);
	list_free(old);
	reputation->reloads++;
	int r = rs_agent_content_changed(reputation->agent, list_version(list));
	if (r < 0)
		say("the platform was not told of the new list: %s", strerror(-r));
	say_list(reputation, "reloaded");
}

/* True while there is more to do at once. */
static bool reload_work(struct reputation *reputation)
{
	char problem[LIST_PROBLEM_TEXT_SIZE];
	struct list *list;
	enum reload_result r = reload_step(&reputation->reload, now_ns(), &list, problem);
	if (r == RELOAD_REFUSED)
		say("%s: %s; the list before it stays in use", reputation->reload.path, problem);
	else if (r == RELOAD_READY)
		swap_list(reputation, list);
	return r == RELOAD_BUSY;
}

/* Takes what is there. 1 when there may be more, 0 when not, -errno. */
static int take_questions(struct reputation *reputation)
{
	for (int i = 0; i < BATCH; i++) {
		const struct rs_event *event;
		int r = rs_agent_next(reputation->agent, 0, &event);
		if (r != 1)
			return r;
		tally_event(&reputation->tally, event);
		if (event->flags & RS_EVENT_IS_AUTH)
			judge_take(reputation->judge, event);
	}
	return 1;
}

static int run(struct reputation *reputation, int signal_fd)
{
	for (;;) {
		int more = take_questions(reputation);
		if (more < 0) {
			say("the platform is gone: %s", strerror(-more));
			return more;
		}
		bool judging = judge_step(reputation->judge);
		bool loading = reload_work(reputation);
		int timeout_ms = more || judging || loading ? 0 : (int)(RELOAD_LOOK_NS / 1000000);
		int signal_number = agent_wait(reputation->agent, signal_fd, timeout_ms);
		if (signal_number == SIGHUP)
			reload_ask(&reputation->reload);
		else if (signal_number == SIGUSR1)
			print_counters(reputation);
		else if (signal_number != 0)
			return 0;
	}
}

static int subscribe(struct reputation *reputation, const struct options *options)
{
	const enum rs_event_type types[] = {RS_EVENT_AUTH_EXEC, RS_EVENT_AUTH_OPEN};
	struct rs_subscribe_opts opts = {
		.size = sizeof(opts), .with_fd = true, .deadline_ms = (uint32_t)options->deadline_ms};
	int r = rs_agent_subscribe(reputation->agent, types, options->opens ? 2 : 1, &opts);
	if (r < 0) {
		say("the platform refused auth_exec%s: %s; see `events` of this agent in the configuration",
		    options->opens ? " and auth_open" : "", strerror(-r));
		return r;
	}
	return rs_agent_ready(reputation->agent);
}

static int open_agent(struct reputation *reputation)
{
	struct rs_agent_opts opts = {
		.size = sizeof(opts), .version = rs_version(), .content_version = list_version(reputation->list)};
	int r = rs_agent_open(&opts, &reputation->agent);
	if (r < 0)
		say("no session with the platform: %s; an agent is started by Ringside, see ringside.yaml(5)",
		    strerror(-r));
	return r;
}

static int serve(struct reputation *reputation, const struct options *options)
{
	char problem[LIST_PROBLEM_TEXT_SIZE];
	struct judge_ops ops = {.data = reputation, .fd = event_fd, .answer = answer};
	_cleanup_(closep) int signal_fd = agent_signals();
	if (signal_fd < 0)
		return signal_fd;
	int r = reload_first(&reputation->reload, options->list, &reputation->list, problem);
	if (r < 0) {
		say("%s: %s", options->list, problem);
		return r;
	}
	say_list(reputation, "loaded");
	r = hash_cache_new(options->hash_cache, &reputation->cache);
	if (r >= 0)
		r = judge_new(&ops, &options->policy, reputation->list, reputation->cache, &reputation->judge);
	if (r >= 0)
		r = open_agent(reputation);
	if (r >= 0)
		r = subscribe(reputation, options);
	if (r >= 0) {
		r = run(reputation, signal_fd);
		print_counters(reputation);
	}
	rs_agent_close(reputation->agent);
	return r;
}

int main(int argc, char **argv)
{
	struct reputation reputation = {0};
	struct options options = {.policy.size_max_bytes = 512u << 20, .hash_cache = 4096};
	if (parse_options(argc, argv, &options) < 0) {
		usage();
		return 2;
	}
	int r = serve(&reputation, &options);
	judge_free(reputation.judge);
	hash_cache_free(reputation.cache);
	reload_deinit(&reputation.reload);
	list_free(reputation.list);
	return r < 0 ? 1 : 0;
}

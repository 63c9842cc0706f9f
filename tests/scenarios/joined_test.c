/* SPDX-License-Identifier: Apache-2.0 */
/*
 * joined_test: sensor (synth) + broker + agents built with the real SDK: see joined.h.
 *
 * What the sensor made, what the broker counted and what each agent read must be one account, also when an agent reads
 * too slowly for its ring.
 */
#include "base/clock.h"
#include "base/fd.h"
#include "joined.h"
#include "sensor/synth.h"
#include "wire/catalogue.h"
#include "wire/event_build.h"

#include <errno.h>
#include <fcntl.h>
#include <ringside/ringside.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <cmocka.h>

#define AGENTS 3
#define EVENTS 20000u

/* ---- an agent ---- */

static bool take(struct rs_agent *agent, const struct rs_event *event, struct account *account)
{
	const struct rs_event_lost *lost = rs_event_lost(event);
	account->read++;
	account->last_seq = event->seq;
	if (lost && lost->where == 3)
		account->lost_told += lost->count;
	if (event->type == RS_EVENT_CONTENT_CHANGED)
		return false; /* the sign to stop */
	if (!(event->flags & RS_EVENT_IS_AUTH)) {
		account->notify += !lost;
		return true;
	}
	account->questions++;
	const struct rs_deny_opts deny = {.size = sizeof(deny), .rule = "third", .reason = "every third"};
	/* not programs: to deny many that ran before is a storm */
	bool denies = event->type == RS_EVENT_AUTH_OPEN && event->id % 3 == 0;
	int r = denies ? rs_respond_deny(agent, event, &deny) : rs_respond_allow(agent, event, RS_ALLOW_CACHE);
	account->answered += r == 0;
	account->already += r == -EALREADY;
	return true;
}

static int agent_main(int lifeline_fd, int report_fd, bool slow)
{
	static const enum rs_event_type types[] = {RS_EVENT_AUTH_EXEC,      RS_EVENT_AUTH_OPEN, RS_EVENT_FORK,
						   RS_EVENT_EXEC,           RS_EVENT_EXIT,      RS_EVENT_CONNECT,
						   RS_EVENT_CONTENT_CHANGED};
	const struct rs_agent_opts opts = {.size = sizeof(opts), .version = "1", .fd = lifeline_fd};
	struct account account = {0};
	struct rs_agent *agent;
	const struct rs_event *event;
	if (rs_agent_open(&opts, &agent) < 0)
		return 10;
	/* a slow reader only listens: missed deadlines are another test */
	size_t skip = slow ? 2 : 0;
	if (rs_agent_subscribe(agent, types + skip, ARRAY_SIZE(types) - skip, NULL) < 0 || rs_agent_ready(agent) < 0)
		return 11;
	int r;
	while ((r = rs_agent_next(agent, 30000, &event)) == 1) {
		if (!take(agent, event, &account))
			break;
		if (slow && account.read % 64 == 0)
			usleep(20000);
	}
	if (r != 1)
		return 12;
	/* the ring is in order: all that was delivered before the sign has been read */
	if (write(report_fd, &account, sizeof(account)) != sizeof(account))
		return 13;
	rs_agent_close(agent);
	return 0;
}

static int quick_agent_main(int lifeline_fd, int report_fd)
{
	return agent_main(lifeline_fd, report_fd, false);
}

static int slow_agent_main(int lifeline_fd, int report_fd)
{
	return agent_main(lifeline_fd, report_fd, true);
}

/* Answers all, but has no room for one more descriptor: rs_event_fd() must say so, and answering still works. */
static int poor_agent_main(int lifeline_fd, int report_fd)
{
	static const enum rs_event_type types[] = {RS_EVENT_AUTH_OPEN, RS_EVENT_CONTENT_CHANGED};
	const struct rs_agent_opts opts = {.size = sizeof(opts), .fd = lifeline_fd};
	const struct rs_subscribe_opts with_fd = {.size = sizeof(with_fd), .with_fd = true};
	struct account account = {0};
	struct rs_agent *agent;
	const struct rs_event *event;
	if (rs_agent_open(&opts, &agent) < 0 || rs_agent_subscribe(agent, types, 2, &with_fd) < 0)
		return 10;
	int next = dup(0);
	close(next);
	const struct rlimit limit = {.rlim_cur = (rlim_t)next, .rlim_max = (rlim_t)next};
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0 || rs_agent_ready(agent) < 0)
		return 11;
	while (rs_agent_next(agent, 30000, &event) == 1 && event->type == RS_EVENT_AUTH_OPEN) {
		account.questions++;
		account.already += rs_event_fd(agent, event) == -EMFILE;
		account.answered += rs_respond_allow(agent, event, 0) == 0;
	}
	return write(report_fd, &account, sizeof(account)) == sizeof(account) ? 0 : 13;
}

/* Is stopped by a signal with the first question in its hands. */
static int stopped_agent_main(int lifeline_fd, int report_fd)
{
	static const enum rs_event_type types[] = {RS_EVENT_AUTH_OPEN, RS_EVENT_CONTENT_CHANGED};
	const struct rs_agent_opts opts = {.size = sizeof(opts), .fd = lifeline_fd};
	struct account account = {0};
	struct rs_agent *agent;
	const struct rs_event *event;
	if (rs_agent_open(&opts, &agent) < 0 || rs_agent_subscribe(agent, types, 2, NULL) < 0 ||
	    rs_agent_ready(agent) < 0)
		return 10;
	while (rs_agent_next(agent, 30000, &event) == 1 && event->type == RS_EVENT_AUTH_OPEN) {
		if (account.questions++ == 0)
			raise(SIGSTOP);
		account.already += rs_respond_allow(agent, event, 0) == -EALREADY;
	}
	return write(report_fd, &account, sizeof(account)) == sizeof(account) ? 0 : 13;
}

/* ---- the platform ---- */

static void setup(struct joined *run, uint32_t n_agents, uint32_t rate, uint32_t ring_kb)
{
	joined_setup(run, n_agents, ring_kb);
	run->settings.sensor_synth_per_s = rate;
	if (rate == 0)
		return;
	joined_add_sensor(run, &sensor_synth_ops);
	synth_limit(run->sensor, EVENTS);
}

static uint64_t made(const struct joined *run, bool auth_only, bool notify_only)
{
	struct synth_counts counts;
	synth_counts(run->sensor, &counts);
	uint64_t auth = counts.made[SYNTH_AUTH_EXEC] + counts.made[SYNTH_AUTH_OPEN];
	uint64_t all = 0;
	for (int i = 0; i < SYNTH_N_KINDS; i++)
		all += counts.made[i];
	return auth_only ? auth : notify_only ? all - auth - counts.made[SYNTH_OPEN] : all;
}

static void run_until_made(struct joined *run)
{
	uint64_t until_ns = clock_monotonic_ns() + JOINED_PATIENCE_NS;
	while (made(run, false, false) < EVENTS || broker_n_open(run->broker) > 0) {
		assert_int_equal(loop_turn(run->loop, 100), 0);
		if (clock_monotonic_ns() > until_ns)
			fail_msg("only %lu of %u events were made", (unsigned long)made(run, false, false), EVENTS);
	}
}

static void test_agents_answer(void **state)
{
	struct joined *run = calloc(1, sizeof(*run));
	setup(run, AGENTS, 100000, 4096);
	for (uint32_t i = 0; i < AGENTS; i++)
		joined_start(run, i, quick_agent_main);
	run_until_made(run);
	joined_tell_to_stop(run);

	uint64_t questions = made(run, true, false), notify = made(run, false, true);
	struct sensor_counters counters;
	sensor_synth_ops.counters(run->sensor, &counters);
	assert_true(questions > 1000);
	assert_int_equal(counters.questions, questions);
	assert_int_equal(counters.answered_allow + counters.answered_deny, questions);
	assert_int_equal(counters.errors, 0);
	assert_int_equal(joined_status_number(run, "asked"), questions);
	assert_int_equal(joined_status_number(run, "allowed"), counters.answered_allow);
	assert_int_equal(joined_status_number(run, "denied"), counters.answered_deny);
	assert_true(counters.answered_deny > questions / 8);
	for (uint32_t i = 0; i < AGENTS; i++) {
		struct account account = joined_collect(run, i);
		assert_int_equal(account.questions, questions);
		assert_int_equal(account.answered, questions);
		assert_int_equal(account.already, 0);
		assert_int_equal(account.notify, notify);
		assert_int_equal(account.lost_told, 0);
	}
	joined_teardown(run);
	free(run);
}

/* The smallest ring and an agent that sleeps: drops; read + told as lost = made, for this agent; nobody else loses. */
static void test_overload_adds_up(void **state)
{
	struct joined *run = calloc(1, sizeof(*run));
	setup(run, 2, 100000, 128);
	run->settings.agents[1].ring_kb = 65536;
	joined_start(run, 0, slow_agent_main);
	joined_start(run, 1, quick_agent_main);
	run_until_made(run);
	/* the sign to stop must not be dropped itself */
	uint64_t until_ns = clock_monotonic_ns() + NS_PER_SEC;
	while (clock_monotonic_ns() < until_ns)
		assert_int_equal(loop_turn(run->loop, 50), 0);
	joined_tell_to_stop(run);

	uint64_t questions = made(run, true, false), notify = made(run, false, true);
	struct account slow = joined_collect(run, 0), quick = joined_collect(run, 1);
	assert_true(slow.lost_told > 0);
	assert_int_equal(slow.notify + slow.lost_told, notify);
	assert_int_equal(slow.read + slow.lost_told, slow.last_seq);
	assert_int_equal(quick.lost_told, 0);
	assert_int_equal(quick.notify, notify);
	assert_int_equal(quick.questions, questions);
	assert_int_equal(joined_status_number(run, "dropped"), slow.lost_told);
	assert_int_equal(joined_status_number(run, "delivered"), slow.read + quick.read);
	joined_teardown(run);
	free(run);
}

/* ---- a sensor by hand, for questions with a descriptor ---- */

static uint32_t hand_allowed, hand_denied;

static void hand_answer(struct sensor *sensor, const struct sensor_question *question, enum sensor_verdict verdict,
			bool cache)
{
	hand_allowed += verdict == SENSOR_ALLOW;
	hand_denied += verdict == SENSOR_DENY;
	close(question->fd);
}

static const struct sensor_ops hand_ops = {.name = "hand", .answer = hand_answer};
static struct sensor hand = {.ops = &hand_ops};

static void hand_ask(struct joined *run)
{
	uint64_t buffer[512];
	struct event_build build;
	struct rs_event_auth_open *body = event_build_begin(&build, buffer, sizeof(buffer), RS_EVENT_AUTH_OPEN);
	event_build_path(&build, &body->file, "/tmp/x", 6);
	event_build_end(&build);
	build.event->monotonic_ns = clock_monotonic_ns();
	const struct sensor_question question = {.sensor = &hand, .fd = open("/dev/null", O_RDONLY | O_CLOEXEC)};
	struct sensor_sink sink = broker_sink(run->broker);
	sink.event(sink.data, build.event, &question);
}

static void run_until_answered(struct joined *run, uint32_t n)
{
	uint64_t until_ns = clock_monotonic_ns() + JOINED_PATIENCE_NS;
	while (hand_allowed + hand_denied < n) {
		assert_int_equal(loop_turn(run->loop, 100), 0);
		assert_true(clock_monotonic_ns() < until_ns);
	}
}

static void test_agent_without_descriptors(void **state)
{
	struct joined *run = calloc(1, sizeof(*run));
	setup(run, 1, 0, 4096);
	hand_allowed = hand_denied = 0;
	joined_start(run, 0, poor_agent_main);
	joined_run_until_live(run);
	for (uint32_t i = 0; i < 50; i++) {
		hand_ask(run);
		run_until_answered(run, i + 1);
	}
	joined_tell_to_stop(run);
	struct account account = joined_collect(run, 0);
	assert_int_equal(account.questions, 50);
	assert_int_equal(account.already, 50); /* told each time that there was no room */
	assert_int_equal(account.answered, 50);
	assert_int_equal(joined_status_number(run, "misses"), 0);
	assert_int_equal(joined_status_number(run, "strikes"), 0);
	joined_teardown(run);
	free(run);
}

/* The platform's own timer answers: not before the deadline, and without the agent. */
static void test_stopped_agent(void **state)
{
	struct joined *run = calloc(1, sizeof(*run));
	setup(run, 1, 0, 4096);
	run->settings.deadline_open_ms = 100;
	hand_allowed = hand_denied = 0;
	joined_start(run, 0, stopped_agent_main);
	joined_run_until_live(run);
	uint64_t asked_ns = clock_monotonic_ns();
	hand_ask(run);
	run_until_answered(run, 1);
	assert_true(clock_monotonic_ns() - asked_ns >= 100 * NS_PER_MS);
	assert_int_equal(hand_allowed, 1);
	assert_int_equal(joined_status_number(run, "misses"), 1);
	joined_tell_to_stop(run);
	struct account account = joined_collect(run, 0);
	assert_int_equal(account.already, account.questions);
	joined_teardown(run);
	free(run);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_agents_answer),
		cmocka_unit_test(test_overload_adds_up),
		cmocka_unit_test(test_agent_without_descriptors),
		cmocka_unit_test(test_stopped_agent),
	};
	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

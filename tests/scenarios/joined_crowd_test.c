/* SPDX-License-Identifier: Apache-2.0 */
/*
 * joined_crowd_test: a hundred processes with the real SDK connect at once: as many agents as the settings take, all of
 * them asked, and the rest observers. Then sessions up to the limit, and one too many.
 */
#include "base/clock.h"
#include "base/fd.h"
#include "joined.h"
#include "wire/event_build.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <ringside/ringside.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define CROWD 100u
#define SESSIONS_MAX 128u
#define ROUNDS 20u

/* Says by one byte when it is ready. */
static int follow(int lifeline_fd, int report_fd, const enum rs_event_type *types, size_t n_types)
{
	const struct rs_agent_opts opts = {.size = sizeof(opts), .version = "1", .fd = lifeline_fd};
	struct account account = {0};
	struct rs_agent *agent;
	const struct rs_event *event;
	int r;
	if (rs_agent_open(&opts, &agent) < 0)
		return 10;
	if (rs_agent_subscribe(agent, types, n_types, NULL) < 0 || rs_agent_ready(agent) < 0)
		return 11;
	if (write(report_fd, "r", 1) != 1)
		return 12;
	while ((r = rs_agent_next(agent, 60000, &event)) == 1 && event->type != RS_EVENT_CONTENT_CHANGED) {
		account.wrong += event->seq != ++account.last_seq;
		if (event->flags & RS_EVENT_IS_AUTH) {
			account.questions++;
			account.answered += rs_respond_allow(agent, event, 0) == 0;
		} else {
			account.notify += event->type == RS_EVENT_FORK;
		}
	}
	if (r != 1)
		return 13;
	rs_agent_close(agent);
	return write(report_fd, &account, sizeof(account)) == sizeof(account) ? 0 : 14;
}

static int voter_main(int lifeline_fd, int report_fd)
{
	static const enum rs_event_type types[] = {RS_EVENT_AUTH_OPEN, RS_EVENT_FORK, RS_EVENT_CONTENT_CHANGED};
	return follow(lifeline_fd, report_fd, types, 3);
}

static int observer_main(int lifeline_fd, int report_fd)
{
	static const enum rs_event_type types[] = {RS_EVENT_FORK, RS_EVENT_CONTENT_CHANGED};
	return follow(lifeline_fd, report_fd, types, 2);
}

/* Is one too many: must be told so by name, and soon. */
static int late_main(int lifeline_fd, int report_fd)
{
	const struct rs_agent_opts opts = {.size = sizeof(opts), .version = "1", .fd = lifeline_fd};
	const struct account account = {0};
	struct rs_agent *agent;
	if (rs_agent_open(&opts, &agent) != -EUSERS)
		return 10;
	return write(report_fd, &account, sizeof(account)) == sizeof(account) ? 0 : 14;
}

/* ---- the platform ---- */

static uint32_t n_allowed;

static void hand_answer(struct sensor *sensor, const struct sensor_question *question, enum sensor_verdict verdict,
			bool cache)
{
	n_allowed += verdict == SENSOR_ALLOW;
}

static const struct sensor_ops hand_ops = {.name = "hand", .answer = hand_answer};
static struct sensor hand = {.ops = &hand_ops};

static void give(struct joined *run, uint16_t type)
{
	uint64_t buffer[512];
	struct event_build build;
	struct sensor_sink sink = broker_sink(run->broker);
	const struct sensor_question question = {.sensor = &hand, .fd = -1};
	event_build_begin(&build, buffer, sizeof(buffer), type);
	event_build_end(&build);
	build.event->monotonic_ns = clock_monotonic_ns();
	sink.event(sink.data, build.event, type == RS_EVENT_AUTH_OPEN ? &question : NULL);
}

/* Turns the loop until this child has said that it is ready; the platform may not have heard it yet. */
static void wait_for_ready(struct joined *run, uint32_t i)
{
	uint64_t until_ns = clock_monotonic_ns() + JOINED_PATIENCE_NS;
	struct pollfd poll_fd = {.fd = run->children[i].report_fd, .events = POLLIN};
	char byte = 0;
	while (poll(&poll_fd, 1, 0) == 0) {
		assert_int_equal(loop_turn(run->loop, 10), 0);
		assert_true(clock_monotonic_ns() < until_ns);
	}
	assert_int_equal(read(run->children[i].report_fd, &byte, 1), 1);
	assert_int_equal(byte, 'r');
}

static void ask_all(struct joined *run, uint32_t n_live)
{
	uint64_t until_ns = clock_monotonic_ns() + JOINED_PATIENCE_NS;
	while (joined_status_count(run, "\"state\":\"live\"") < n_live) {
		assert_int_equal(loop_turn(run->loop, 10), 0);
		assert_true(clock_monotonic_ns() < until_ns);
	}
	for (uint32_t i = 0; i < ROUNDS; i++) {
		give(run, RS_EVENT_FORK);
		give(run, RS_EVENT_AUTH_OPEN);
		while (n_allowed <= i) {
			assert_int_equal(loop_turn(run->loop, 100), 0);
			assert_true(clock_monotonic_ns() < until_ns);
		}
	}
}

static void collect_all(struct joined *run)
{
	joined_tell_to_stop(run);
	for (uint32_t i = 0; i < CROWD; i++) {
		struct account account = joined_collect(run, i);
		bool voter = i < SETTINGS_AGENTS_MAX;
		assert_int_equal(account.wrong, 0);
		assert_int_equal(account.notify, ROUNDS);
		assert_int_equal(account.questions, voter ? ROUNDS : 0);
		assert_int_equal(account.answered, voter ? ROUNDS : 0);
	}
	/* a clean end: all have gone, nobody owed anything */
	uint64_t until_ns = clock_monotonic_ns() + JOINED_PATIENCE_NS;
	while (joined_status_count(run, "\"state\":\"gone\"") < SETTINGS_AGENTS_MAX) {
		assert_int_equal(loop_turn(run->loop, 10), 0);
		assert_true(clock_monotonic_ns() < until_ns);
	}
	assert_int_equal(joined_status_count(run, "\"misses\":0,"), joined_status_count(run, "\"misses\":"));
	assert_int_equal(joined_status_count(run, "\"strikes\":0,"), joined_status_count(run, "\"strikes\":"));
}

static void start_crowd(struct joined *run)
{
	n_allowed = 0;
	joined_setup(run, SETTINGS_AGENTS_MAX, 128);
	run->settings.deadline_open_ms = 60000; /* a busy machine is not what is looked at */
	for (uint32_t i = 0; i < CROWD; i++)
		joined_start(run, i, i < SETTINGS_AGENTS_MAX ? voter_main : observer_main);
	for (uint32_t i = 0; i < CROWD; i++)
		wait_for_ready(run, i);
}

static void test_hundred_connect_at_once(void **state)
{
	struct joined *run = calloc(1, sizeof(*run));
	start_crowd(run);
	ask_all(run, CROWD);
	assert_int_equal(joined_status_number(run, "asked"), ROUNDS);
	collect_all(run);
	joined_teardown(run);
	free(run);
}

/* An observer that is a socket only. */
static int connect_socket(struct joined *run)
{
	int pair[2];
	struct ipc_session who = {.head = {.size = sizeof(who), .type = IPC_SESSION}, .observer = 1, .name = "more"};
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	assert_int_equal(broker_session(run->broker, pair[0], &who), 0);
	return pair[1];
}

/* The sessions that there are go on; when one has left, the next is taken. */
static void test_one_too_many(void **state)
{
	struct joined *run = calloc(1, sizeof(*run));
	int more[SESSIONS_MAX - CROWD];
	start_crowd(run);
	for (uint32_t i = 0; i < ARRAY_SIZE(more); i++)
		more[i] = connect_socket(run);
	joined_start(run, CROWD, late_main);
	joined_collect(run, CROWD);
	close(more[0]);
	for (int i = 0; i < 10; i++)
		assert_int_equal(loop_turn(run->loop, 10), 0);
	joined_start(run, CROWD, observer_main);
	wait_for_ready(run, CROWD);
	ask_all(run, CROWD + 1);
	collect_all(run);
	assert_int_equal(joined_collect(run, CROWD).notify, ROUNDS);
	for (uint32_t i = 1; i < ARRAY_SIZE(more); i++)
		close(more[i]);
	joined_teardown(run);
	free(run);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hundred_connect_at_once),
		cmocka_unit_test(test_one_too_many),
	};
	struct rlimit limit;
	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

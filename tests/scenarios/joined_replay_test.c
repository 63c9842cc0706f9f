/* SPDX-License-Identifier: Apache-2.0 */
/*
 * joined_replay_test: a recording, the replay sensor, the broker, the rings and agents built with the real SDK, all
 * without privilege: as user 65534 and with no capability, which the test gives up itself when root starts it.
 *
 *     small.rec ─▶ replay ─▶ broker ─▶ event ring ─▶ libringside ─▶ agent (child) ─▶ answers ─▶ broker ─▶ replay
 *         └──────────────────────── read by each agent, too: what must come next ────────▲
 *
 * usage: joined_replay_test RECORDING
 */
#include "base/clock.h"
#include "base/fd.h"
#include "joined.h"
#include "recorder/recording.h"
#include "sensor/made.h"
#include "sensor/replay.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <ringside/ringside.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define AGENTS 3
#define NOBODY 65534u

/* What make_small writes: 16 programs, each asked about twice; 4 connections; 4 events of the platform's own. */
#define QUESTIONS 32u
#define NOTIFY 52u
#define PLATFORM 4u

static char recording[] = "/tmp/joined-replay-XXXXXX";

/* ---- an agent ---- */

/* The next that a sensor plays. NULL at the end. */
static const struct rs_event *next_recorded(struct recording_reader *reader)
{
	struct rs_event *event;
	while (recording_next(reader, &event) == RECORDING_OK)
		if (made_by_sensors(catalogue_find(event->type)))
			return event;
	return NULL;
}

/* All but what is the platform's to say: numbers, moments, deadline, flags. */
static bool is_same(const struct rs_event *event, const struct rs_event *recorded)
{
	size_t from = offsetof(struct rs_event, process);
	return recorded && event->type == recorded->type && event->size == recorded->size &&
	       event->flags & RS_EVENT_REPLAYED && event->wall_ns == recorded->wall_ns &&
	       memcmp((const char *)event + from, (const char *)recorded + from, event->size - from) == 0;
}

static void take(struct rs_agent *agent, const struct rs_event *event, struct account *account)
{
	account->read++;
	account->wrong += event->seq != account->last_seq + 1;
	account->last_seq = event->seq;
	if (!(event->flags & RS_EVENT_IS_AUTH)) {
		account->notify++;
		return;
	}
	account->questions++;
	const struct rs_deny_opts deny = {.size = sizeof(deny), .rule = "fourth", .reason = "every fourth program"};
	const struct rs_event_auth_open *open_body = rs_event_auth_open(event);
	bool denies = open_body && open_body->file.id.ino % 4 == 0;
	int r = denies ? rs_respond_deny(agent, event, &deny) : rs_respond_allow(agent, event, RS_ALLOW_CACHE);
	account->answered += r == 0;
	account->already += r == -EALREADY;
}

static int agent_main(int lifeline_fd, int report_fd)
{
	static const enum rs_event_type types[] = {RS_EVENT_FORK,           RS_EVENT_EXEC,      RS_EVENT_EXIT,
						   RS_EVENT_CONNECT,        RS_EVENT_AUTH_EXEC, RS_EVENT_AUTH_OPEN,
						   RS_EVENT_CONTENT_CHANGED};
	const struct rs_agent_opts opts = {.size = sizeof(opts), .version = "1", .fd = lifeline_fd};
	char problem[RECORDING_PROBLEM_SIZE];
	struct account account = {0};
	struct recording_reader *reader;
	struct rs_agent *agent;
	const struct rs_event *event;
	int r;
	if (recording_reader_new(open(recording, O_RDONLY | O_CLOEXEC), &reader, problem) != 0)
		return 9;
	if (rs_agent_open(&opts, &agent) < 0)
		return 10;
	if (rs_agent_subscribe(agent, types, ARRAY_SIZE(types), NULL) < 0 || rs_agent_ready(agent) < 0)
		return 11;
	while ((r = rs_agent_next(agent, 30000, &event)) == 1 && event->type != RS_EVENT_CONTENT_CHANGED) {
		account.wrong += !is_same(event, next_recorded(reader));
		take(agent, event, &account);
	}
	account.wrong += next_recorded(reader) != NULL;
	if (r != 1 || write(report_fd, &account, sizeof(account)) != sizeof(account))
		return 12;
	rs_agent_close(agent);
	return 0;
}

/* ---- the platform ---- */

static void expect_no_privilege(void)
{
	static const char *const sets[] = {"CapInh:\t", "CapPrm:\t", "CapEff:\t", "CapAmb:\t"};
	char text[4096];
	assert_true(fd_read_file(AT_FDCWD, "/proc/self/status", text, sizeof(text)) > 0);
	for (size_t i = 0; i < ARRAY_SIZE(sets); i++) {
		const char *at = strstr(text, sets[i]);
		assert_non_null(at);
		assert_true(strtoull(at + strlen(sets[i]), NULL, 16) == 0);
	}
	assert_true(getuid() != 0 && geteuid() != 0);
}

static void test_recording_is_played(void **state)
{
	struct joined *run = calloc(1, sizeof(*run));
	struct replay_progress progress = {0};
	struct sensor_counters counters;
	uint64_t until_ns = clock_monotonic_ns() + JOINED_PATIENCE_NS;
	expect_no_privilege();
	joined_setup(run, AGENTS, 4096);
	strcpy(run->settings.replay_path, recording);
	joined_add_sensor(run, &sensor_replay_ops);
	for (uint32_t i = 0; i < AGENTS; i++)
		joined_start(run, i, agent_main);
	while (!progress.ended || broker_n_open(run->broker) > 0) {
		assert_int_equal(loop_turn(run->loop, 100), 0);
		assert_true(clock_monotonic_ns() < until_ns);
		replay_progress(run->sensor, &progress);
	}
	joined_tell_to_stop(run);

	run->sensor->ops->counters(run->sensor, &counters);
	assert_int_equal(progress.error, 0);
	assert_int_equal(progress.platform_left_out, PLATFORM);
	assert_int_equal(progress.recording.records, QUESTIONS + NOTIFY + PLATFORM);
	assert_int_equal(counters.errors, 0);
	assert_int_equal(counters.questions, QUESTIONS);
	assert_int_equal(counters.answered_deny, 4);
	assert_int_equal(counters.answered_allow, QUESTIONS - 4);
	assert_int_equal(joined_status_number(run, "asked"), QUESTIONS);
	assert_int_equal(joined_status_number(run, "denied"), 4);
	for (uint32_t i = 0; i < AGENTS; i++) {
		struct account account = joined_collect(run, i);
		assert_int_equal(account.wrong, 0);
		assert_int_equal(account.questions, QUESTIONS);
		assert_int_equal(account.answered, QUESTIONS);
		assert_int_equal(account.notify, NOTIFY);
	}
	joined_teardown(run);
	free(run);
}

/* A copy that this user may read, wherever the tree lies; then root is given up for good. */
static int prepare(const char *path)
{
	static char bytes[1u << 20];
	ssize_t size = fd_read_file(AT_FDCWD, path, bytes, sizeof(bytes));
	int fd = mkstemp(recording);
	if (size <= 0 || fd < 0 || write(fd, bytes, (size_t)size) != size)
		return -1;
	if (geteuid() != 0)
		return close(fd);
	if (fchown(fd, NOBODY, NOBODY) < 0 || setgroups(0, NULL) < 0 || setresgid(NOBODY, NOBODY, NOBODY) < 0 ||
	    setresuid(NOBODY, NOBODY, NOBODY) < 0)
		return -1;
	return close(fd);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_recording_is_played)};
	if (argc != 2 || prepare(argv[1]) < 0) {
		fprintf(stderr, "usage: joined_replay_test RECORDING\n");
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	int r = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(recording);
	return r;
}

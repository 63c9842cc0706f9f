/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/replay.h"

#include "base/clock.h"
#include "base/log.h"
#include "sensor/made.h"
#include "sensor/made_test.h"

#include <errno.h>
#include <stdalign.h>
#include <sys/stat.h>
#include <unistd.h>

static struct settings settings;
static struct test_sink *sink;
static struct loop *loop;
static struct recording_writer *writer;

static void write_event(uint16_t type, uint64_t monotonic_ns)
{
	alignas(8) char buffer[4096];
	struct event_build build;
	event_build_begin(&build, buffer, sizeof(buffer), type);
	build.event->monotonic_ns = monotonic_ns;
	build.event->id = build.event->seq = 77;
	build.event->deadline_ns = 88;
	build.event->flags |= RS_EVENT_HAS_FD | RS_EVENT_SHADOW;
	event_build_end(&build);
	assert_int_equal(recording_write(writer, build.event), 0);
}

static int setup(void **state)
{
	log_init("replay_test", LOG_LEVEL_ERROR);
	memset(&settings, 0, sizeof(settings));
	strcpy(settings.replay_path, "/tmp/replay-test-XXXXXX");
	sink = test_calloc(1, sizeof(*sink));
	assert_int_equal(loop_new(&loop), 0);
	assert_int_equal(recording_writer_new(mkstemp(settings.replay_path), &writer), 0);
	return 0;
}

static int teardown(void **state)
{
	writer = recording_writer_free(writer);
	unlink(settings.replay_path);
	loop_free(loop);
	test_free(sink);
	return 0;
}

static void run(const struct sensor *sensor, unsigned turns)
{
	struct replay_progress progress;
	for (unsigned i = 0; i < turns; i++) {
		replay_progress(sensor, &progress);
		if (progress.ended)
			return;
		assert_int_equal(loop_turn(loop, 1), 0);
	}
}

static void test_all_comes_in_bounded_batches(void **state)
{
	struct replay_progress progress;
	struct sensor_counters counters;
	for (int i = 0; i < 500; i++) {
		write_event(RS_EVENT_FORK, 1000);
		write_event(RS_EVENT_AUTH_OPEN, 1000);
		write_event(RS_EVENT_DENIED, 1000);
	}
	struct sensor *sensor = test_sensor(&sensor_replay_ops, sink, loop, &settings);
	assert_int_equal(loop_turn(loop, 100), 0);
	assert_in_range(sink->events, 1, REPLAY_BATCH);
	run(sensor, 1000);
	replay_progress(sensor, &progress);
	sensor->ops->counters(sensor, &counters);
	assert_true(progress.ended);
	assert_int_equal(progress.error, 0);
	assert_int_equal(progress.recording.records, 1500);
	assert_int_equal(progress.platform_left_out, 500);
	assert_int_equal(sink->by_type[RS_EVENT_FORK], 500);
	assert_int_equal(sink->by_type[RS_EVENT_AUTH_OPEN], 500);
	assert_int_equal(sink->by_type[RS_EVENT_DENIED], 0);
	assert_int_equal(counters.events, 1000);
	assert_int_equal(counters.questions, 500);
	assert_int_equal(counters.answered_allow + counters.answered_deny, 500);
	sensor->ops->close(sensor);
}

static void test_waits_for_answers(void **state)
{
	struct replay_progress progress;
	for (int i = 0; i < 200; i++)
		write_event(RS_EVENT_AUTH_EXEC, 1000);
	sink->keep = true;
	struct sensor *sensor = test_sensor(&sensor_replay_ops, sink, loop, &settings);
	run(sensor, 20);
	assert_int_equal(sink->n_kept, MADE_OPEN_MAX);
	for (uint32_t i = 0; i < sink->n_kept; i++) {
		sensor_answer(&sink->kept[i], SENSOR_ALLOW, false);
		run(sensor, 3);
	}
	replay_progress(sensor, &progress);
	assert_true(progress.ended);
	assert_int_equal(sink->n_kept, 200);
	sensor->ops->close(sensor);
}

static void test_original_pace(void **state)
{
	const uint64_t start_ns = 5000 * NS_PER_SEC;
	write_event(RS_EVENT_FORK, start_ns);
	write_event(RS_EVENT_FORK, start_ns + 50 * NS_PER_MS);
	write_event(RS_EVENT_FORK, start_ns + 10 * NS_PER_MS); /* backwards: no pause */
	settings.replay_original_pace = 1;
	struct sensor *sensor = test_sensor(&sensor_replay_ops, sink, loop, &settings);
	run(sensor, 100000);
	assert_int_equal(sink->events, 3);
	assert_true(sink->at_ns[1] - sink->at_ns[0] >= 49 * NS_PER_MS);
	sensor->ops->close(sensor);
}

/* A recording with a hole and a torn end: what is whole comes, the rest is counted. */
static void test_damaged_recording(void **state)
{
	struct replay_progress progress;
	struct sensor_counters counters;
	write_event(RS_EVENT_FORK, 1);
	uint64_t second = recording_writer_size(writer);
	write_event(RS_EVENT_EXIT, 2);
	write_event(RS_EVENT_FORK, 3);
	uint64_t last = recording_writer_size(writer);
	write_event(RS_EVENT_EXIT, 4);
	FILE *file = fopen(settings.replay_path, "r+");
	assert_non_null(file);
	assert_int_equal(fseek(file, (long)second + 20, SEEK_SET), 0);
	assert_int_equal(fputc(0xff, file), 0xff);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(truncate(settings.replay_path, (off_t)last + 30), 0);
	struct sensor *sensor = test_sensor(&sensor_replay_ops, sink, loop, &settings);
	run(sensor, 100);
	replay_progress(sensor, &progress);
	sensor->ops->counters(sensor, &counters);
	assert_true(progress.ended);
	assert_int_equal(sink->by_type[RS_EVENT_FORK], 2);
	assert_int_equal(sink->by_type[RS_EVENT_EXIT], 0);
	assert_int_equal(progress.recording.damaged, 1);
	assert_int_equal(progress.recording.torn_bytes, 30);
	assert_int_equal(counters.errors, 1);
	sensor->ops->close(sensor);
}

static void expect_open(const char *path, int expected)
{
	struct sensor *sensor = NULL;
	struct sensor_start start = {.loop = loop, .settings = &settings, .group_fd = -1};
	snprintf(settings.replay_path, sizeof(settings.replay_path), "%s", path);
	assert_int_equal(sensor_replay_ops.open(&start, &sensor), expected);
	assert_null(sensor);
}

static void test_what_cannot_be_opened(void **state)
{
	char path[SETTINGS_PATH_SIZE], fifo[SETTINGS_PATH_SIZE + 8];
	strcpy(path, settings.replay_path);
	log_init("replay_test", (enum log_level)0);
	expect_open("/nonexistent/recording", -ENOENT);
	expect_open("/dev/null", -EINVAL);
	snprintf(fifo, sizeof(fifo), "%s-fifo", path);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	expect_open(fifo, -EINVAL);
	unlink(fifo);
	assert_int_equal(truncate(path, 100), 0);
	expect_open(path, -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_all_comes_in_bounded_batches, setup, teardown),
		cmocka_unit_test_setup_teardown(test_waits_for_answers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_original_pace, setup, teardown),
		cmocka_unit_test_setup_teardown(test_damaged_recording, setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_cannot_be_opened, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

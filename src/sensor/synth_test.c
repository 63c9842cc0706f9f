/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/synth.h"

#include "sensor/made.h"
#include "sensor/made_test.h"

static struct settings settings;

static void run_until(struct loop *loop, const struct test_sink *sink, uint64_t events)
{
	for (int i = 0; i < 20000 && sink->events < events; i++)
		assert_int_equal(loop_turn(loop, 100), 0);
	assert_int_equal(sink->events, events);
}

static void test_counts_add_up(void **state)
{
	struct test_sink *sink = test_calloc(1, sizeof(*sink));
	struct loop *loop;
	settings.sensor_synth_per_s = 1000000;
	assert_int_equal(loop_new(&loop), 0);
	struct sensor *sensor = test_sensor(&sensor_synth_ops, sink, loop, &settings);
	synth_limit(sensor, 20000);
	run_until(loop, sink, 20000);
	struct synth_counts counts;
	struct sensor_counters counters;
	synth_counts(sensor, &counts);
	sensor->ops->counters(sensor, &counters);
	assert_int_equal(counters.events, 20000);
	assert_int_equal(counters.errors, 0);
	assert_int_equal(counters.questions, counts.made[SYNTH_AUTH_EXEC] + counts.made[SYNTH_AUTH_OPEN]);
	assert_int_equal(counters.answered_allow + counters.answered_deny, counters.questions);
	assert_int_equal(sink->by_type[RS_EVENT_FORK], counts.made[SYNTH_FORK]);
	assert_int_equal(sink->by_type[RS_EVENT_EXEC], counts.made[SYNTH_EXEC]);
	assert_int_equal(sink->by_type[RS_EVENT_EXIT], counts.made[SYNTH_EXIT]);
	assert_int_equal(sink->by_type[RS_EVENT_OPEN], counts.made[SYNTH_OPEN]);
	assert_int_equal(sink->by_type[RS_EVENT_CONNECT], counts.made[SYNTH_CONNECT]);
	assert_int_equal(sink->by_type[RS_EVENT_AUTH_EXEC], counts.made[SYNTH_AUTH_EXEC]);
	assert_int_equal(sink->by_type[RS_EVENT_AUTH_OPEN], counts.made[SYNTH_AUTH_OPEN]);
	for (int kind = 0; kind < SYNTH_N_KINDS; kind++)
		assert_true(counts.made[kind] > 500);
	/* nothing more after the limit */
	assert_int_equal(loop_turn(loop, 5), 0);
	assert_int_equal(sink->events, 20000);
	sensor->ops->close(sensor);
	loop_free(loop);
	test_free(sink);
}

static void test_same_sequence_every_time(void **state)
{
	uint64_t sums[2];
	for (int i = 0; i < 2; i++) {
		struct test_sink *sink = test_calloc(1, sizeof(*sink));
		struct loop *loop;
		settings.sensor_synth_per_s = i ? 1000000 : 200000;
		assert_int_equal(loop_new(&loop), 0);
		struct sensor *sensor = test_sensor(&sensor_synth_ops, sink, loop, &settings);
		synth_limit(sensor, 5000);
		run_until(loop, sink, 5000);
		sums[i] = sink->sum;
		sensor->ops->close(sensor);
		loop_free(loop);
		test_free(sink);
	}
	assert_int_equal(sums[0], sums[1]);
}

/* Unanswered questions stop the load; each answer lets it go on; an answer that nobody waits for is counted. */
static void test_open_questions_hold_back(void **state)
{
	struct test_sink *sink = test_calloc(1, sizeof(*sink));
	struct loop *loop;
	struct sensor_counters counters;
	settings.sensor_synth_per_s = 1000000;
	assert_int_equal(loop_new(&loop), 0);
	sink->keep = true;
	struct sensor *sensor = test_sensor(&sensor_synth_ops, sink, loop, &settings);
	for (int i = 0; i < 200; i++)
		assert_int_equal(loop_turn(loop, 10), 0);
	assert_int_equal(sink->n_kept, MADE_OPEN_MAX);
	uint64_t before = sink->events;
	sensor_answer(&sink->kept[7], SENSOR_ALLOW, false);
	sensor_answer(&sink->kept[7], SENSOR_DENY, false);
	for (int i = 0; i < 200 && sink->n_kept == MADE_OPEN_MAX; i++)
		assert_int_equal(loop_turn(loop, 10), 0);
	assert_int_equal(sink->n_kept, MADE_OPEN_MAX + 1);
	assert_true(sink->events > before);
	sensor->ops->counters(sensor, &counters);
	assert_int_equal(counters.answered_allow, 1);
	assert_int_equal(counters.answered_deny, 0);
	assert_int_equal(counters.errors, 1);
	for (uint32_t i = 0; i < sink->n_kept; i++)
		if (i != 7)
			sensor_answer(&sink->kept[i], SENSOR_DENY, false);
	sensor->ops->counters(sensor, &counters);
	assert_int_equal(counters.answered_deny, MADE_OPEN_MAX);
	assert_int_equal(counters.errors, 1);
	sensor->ops->close(sensor);
	loop_free(loop);
	test_free(sink);
}

static void test_abilities(void **state)
{
	struct session_ability *abilities = test_calloc(catalogue_n_events, sizeof(*abilities));
	struct test_sink *sink = test_calloc(1, sizeof(*sink));
	struct loop *loop;
	abilities[0].state = SESSION_MANDATORY;
	assert_int_equal(loop_new(&loop), 0);
	struct sensor *sensor = test_sensor(&sensor_synth_ops, sink, loop, &settings);
	sensor->ops->abilities(sensor, abilities);
	assert_int_equal(abilities[0].state, SESSION_MANDATORY);
	assert_int_equal(abilities[1].state, SESSION_DISCRETIONARY);
	assert_int_equal(abilities[1].event_type, catalogue_events[1].number);
	assert_int_equal(abilities[catalogue_n_events - 1].state, SESSION_UNAVAILABLE);
	sensor->ops->close(sensor);
	loop_free(loop);
	test_free(sink);
	test_free(abilities);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_counts_add_up),
		cmocka_unit_test(test_same_sequence_every_time),
		cmocka_unit_test(test_open_questions_hold_back),
		cmocka_unit_test(test_abilities),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

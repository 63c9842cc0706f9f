/* SPDX-License-Identifier: Apache-2.0 */
/* made_test: a sink that counts, keeps or answers; for the tests of the back ends that make events up. */
#pragma once

#include "sensor/sensor.h"
#include "wire/event_build.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

struct test_sink {
	bool keep; /* questions are kept open, else answered at once */
	uint64_t events;
	uint64_t by_type[RS_EVENT_TYPE_LIMIT];
	uint64_t sum; /* over all bytes that do not depend on time */
	uint32_t n_kept;
	struct sensor_question kept[4096];
	uint64_t at_ns[64]; /* monotonic_ns of the first events */
};

static inline void test_sink_event(void *data, struct rs_event *event, const struct sensor_question *question)
{
	struct test_sink *sink = data;
	assert_null(event_check(event, event->size));
	assert_true(event->flags & RS_EVENT_REPLAYED);
	assert_int_equal(!!(event->flags & RS_EVENT_IS_AUTH), question != NULL);
	assert_false(event->flags & RS_EVENT_HAS_FD);
	if (sink->events < 64)
		sink->at_ns[sink->events] = event->monotonic_ns;
	sink->events++;
	sink->by_type[event->type]++;
	event->monotonic_ns = event->wall_ns = 0;
	for (size_t i = 0; i < event->size / 8; i++)
		sink->sum = sink->sum * 31 + ((const uint64_t *)(const void *)event)[i];
	if (!question)
		return;
	assert_int_equal(question->fd, -1);
	assert_false(question->cacheable);
	if (sink->keep)
		sink->kept[sink->n_kept++] = *question;
	else
		sensor_answer(question, sink->events % 2 ? SENSOR_ALLOW : SENSOR_DENY, false);
}

static inline struct sensor *test_sensor(const struct sensor_ops *ops, struct test_sink *sink, struct loop *loop,
					 const struct settings *settings)
{
	struct sensor *sensor = NULL;
	struct sensor_start start = {
		.loop = loop, .settings = settings, .sink = {.data = sink, .event = test_sink_event}, .group_fd = -1};
	assert_int_equal(ops->open(&start, &sensor), 0);
	assert_int_equal(ops->begin(sensor), 0);
	return sensor;
}

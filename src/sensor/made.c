/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/made.h"

#include "base/clock.h"
#include "base/macro.h"

#include <stdio.h>
#include <string.h>

bool made_may_ask(const struct made *made)
{
	return made->n_open < MADE_OPEN_MAX;
}

static uint64_t handle_take(struct made *made)
{
	do
		made->next_handle++;
	while (made->open[made->next_handle % MADE_OPEN_MAX] != 0);
	made->open[made->next_handle % MADE_OPEN_MAX] = made->next_handle;
	made->n_open++;
	return made->next_handle;
}

void made_deliver(struct made *made, struct sensor *sensor, struct rs_event *event)
{
	const struct catalogue_event *row = catalogue_find(event->type);
	event->flags =
		(uint16_t)((event->flags & RS_EVENT_CUT) | RS_EVENT_REPLAYED | (row->auth ? RS_EVENT_IS_AUTH : 0));
	event->id = event->seq = event->type_seq = event->deadline_ns = 0;
	event->monotonic_ns = clock_monotonic_ns();
	made->counters.events++;
	if (!row->auth) {
		made->sink.event(made->sink.data, event, NULL);
		return;
	}
	made->counters.questions++;
	struct sensor_question question = {.sensor = sensor, .fd = -1, .handle = handle_take(made)};
	made->sink.event(made->sink.data, event, &question);
}

bool made_answer(struct made *made, const struct sensor_question *question, enum sensor_verdict verdict)
{
	uint64_t *slot = &made->open[question->handle % MADE_OPEN_MAX];
	if (question->handle == 0 || *slot != question->handle) {
		made->counters.errors++;
		return false;
	}
	*slot = 0;
	made->n_open--;
	if (verdict == SENSOR_ALLOW)
		made->counters.answered_allow++;
	else
		made->counters.answered_deny++;
	return true;
}

bool made_by_sensors(const struct catalogue_event *row)
{
	return strcmp(row->family, "platform") != 0;
}

void made_abilities(struct session_ability *abilities, const char *reason)
{
	for (size_t i = 0; i < catalogue_n_events; i++) {
		if (!made_by_sensors(&catalogue_events[i]) || abilities[i].state != SESSION_UNAVAILABLE)
			continue;
		abilities[i].event_type = catalogue_events[i].number;
		abilities[i].state = SESSION_DISCRETIONARY;
		snprintf(abilities[i].reason, sizeof(abilities[i].reason), "%s", reason);
	}
}

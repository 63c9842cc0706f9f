/* SPDX-License-Identifier: Apache-2.0 */
/*
 * made: what the back ends share whose events do not come from the kernel (replay, synth): the book of open
 * questions, the counters, the abilities.
 *
 *     made_deliver() ─▶ sink->event() ─▶ … ─▶ sensor_answer() ─▶ made_answer()
 *
 * A question of theirs has no descriptor and holds nothing up, but is counted like a real one: an answer that no
 * question waits for is an error. At most MADE_OPEN_MAX questions are open; a back end stops before that, as a
 * machine stops whose processes all wait.
 */
#pragma once

#include "sensor/sensor.h"
#include "wire/catalogue.h"

#define MADE_OPEN_MAX 64u

struct made {
	struct sensor_sink sink;
	struct sensor_counters counters; /* events: all that went to the sink, questions included */
	uint64_t next_handle;
	uint32_t n_open;
	uint64_t open[MADE_OPEN_MAX]; /* handles, 0: free; a handle's slot is handle % MADE_OPEN_MAX */
};

/* Whether another question may be asked now. */
bool made_may_ask(const struct made *made);

/*
 * Gives an event to the sink, as a question when its type is one. It is marked RS_EVENT_REPLAYED, its moment is
 * now. made_may_ask() must have said yes. The answer may come inside of this call.
 */
void made_deliver(struct made *made, struct sensor *sensor, struct rs_event *event);

/* Books an answer; false when no such question is open (counted as an error). */
bool made_answer(struct made *made, const struct sensor_question *question, enum sensor_verdict verdict);

/* Whether the kind of event is one that sensors report, and the platform does not make itself. */
bool made_by_sensors(const struct catalogue_event *row);

/* Types that sensors report become discretionary, with this reason; a better state stays. */
void made_abilities(struct session_ability *abilities, const char *reason);

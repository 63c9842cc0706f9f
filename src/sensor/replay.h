/* SPDX-License-Identifier: Apache-2.0 */
/*
 * replay: the back end that plays a recording (settings->replay_path).
 *
 *     file ─▶ recording_next() ─▶ event marked RS_EVENT_REPLAYED ─▶ sink
 *
 * As fast as the loop allows, REPLAY_BATCH records a turn; or with the pauses of the recording, of which none counts
 * for more than REPLAY_PAUSE_MAX_NS. It waits while MADE_OPEN_MAX questions are open. Events of the platform itself
 * (agent_started, denied …) are left out and counted: those of the replay's own run are the true ones. Damage in
 * the file is logged with its offset and counted as an error.
 *
 * Needs no privilege but to open the file; reads only that descriptor afterwards (read(2)).
 */
#pragma once

#include "recorder/recording.h"
#include "sensor/sensor.h"

#define REPLAY_BATCH 64u
#define REPLAY_PAUSE_MAX_NS (UINT64_C(10) * 1000000000)
#define REPLAY_LOGS_MAX 10u /* lines about damage; the rest is in the count */

struct replay_progress {
	bool ended;
	int error; /* 0, or the -errno of read(2) that ended it */
	uint64_t platform_left_out;
	struct recording_counters recording;
};

/* sensor must be of sensor_replay_ops. */
void replay_progress(const struct sensor *sensor, struct replay_progress *ret);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * synth: the back end that makes load: settings->sensor_synth_per_s events a second, from a small model of a machine
 * whose processes fork, exec, exit, open files and connect, with the same sequence on every run.
 *
 *     timer ─▶ credit for the time that has passed ─▶ event marked RS_EVENT_REPLAYED ─▶ sink
 *
 * Its questions have no descriptor. While MADE_OPEN_MAX of them are open nothing is made; what cannot be caught up
 * within a second is counted as held back. Names no real file or process; needs no privilege.
 */
#pragma once

#include "sensor/sensor.h"

#define SYNTH_BATCH 256u
#define SYNTH_PROCESSES 256u
#define SYNTH_FILES 512u /* /synth/file-0 … for opens, /synth/bin/tool-0 … for programs */

enum synth_kind {
	SYNTH_FORK,
	SYNTH_EXEC,
	SYNTH_EXIT,
	SYNTH_OPEN,
	SYNTH_CONNECT,
	SYNTH_AUTH_EXEC,
	SYNTH_AUTH_OPEN,
	SYNTH_N_KINDS,
};

struct synth_counts {
	uint64_t made[SYNTH_N_KINDS];
	uint64_t held_back; /* due, but more than a second late because answers or the processor were missing */
};

/* sensor must be of sensor_synth_ops. */
void synth_counts(const struct sensor *sensor, struct synth_counts *ret);

/* Makes no more than this many events in all; for tests that add up. 0: no limit. */
void synth_limit(struct sensor *sensor, uint64_t events);
/* Whether that many were made. */
bool synth_is_done(const struct sensor *sensor);

/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fd.h"
#include "base/log.h"
#include "engine/engine.h"
#include "wire/catalogue.h"
#include "wire/promise.h"

#include <stdio.h>
#include <string.h>

static bool wants_fanotify(const struct settings *settings)
{
	return settings->sensor_fanotify;
}

static bool wants_bpf(const struct settings *settings)
{
	return settings->sensor_bpf;
}

static bool wants_replay(const struct settings *settings)
{
	return settings->replay_path[0] != '\0';
}

static bool wants_synth(const struct settings *settings)
{
	return settings->sensor_synth_per_s > 0;
}

/* In the order of opening: what tells who is who comes first. */
static const struct {
	const struct sensor_ops *ops;
	bool (*wanted)(const struct settings *settings);
} table[ENGINE_SENSORS_MAX] = {
	{&sensor_bpf_ops, wants_bpf},
	{&sensor_fanotify_ops, wants_fanotify},
	{&sensor_replay_ops, wants_replay},
	{&sensor_synth_ops, wants_synth},
};

static void open_one(struct engine *engine, struct engine_sensor *sensor)
{
	bool fanotify = sensor->ops == &sensor_fanotify_ops, bpf = sensor->ops == &sensor_bpf_ops;
	const struct sensor_start start = {
		.loop = engine->loop,
		.settings = engine->settings,
		.sink = broker_sink(engine->broker),
		.processes = engine->processes,
		.group_fd = fanotify ? STEAL_FD(engine->group_fd) : -1,
		.notify_fd = fanotify ? STEAL_FD(engine->notify_fd) : -1,
		.doorbell_fd = fanotify ? STEAL_FD(engine->doorbell_fd) : -1,
		.ledger = fanotify ? engine->ledger : NULL,
		.kept = engine->kept,
		.n_kept = bpf ? engine->n_kept : 0,
		.keep = requests_keep,
		.keep_data = engine,
	};
	engine->n_kept -= start.n_kept;
	sensor->error = sensor->ops->open(&start, &sensor->sensor);
	if (sensor->error < 0) {
		log_error("sensor %s: cannot be opened: %s; the platform goes on without it, `ringside doctor` says "
			  "what is lost",
			  sensor->ops->name, strerror(-sensor->error));
		sensor->state = ENGINE_SENSOR_FAILED;
		return;
	}
	sensor->state = ENGINE_SENSOR_OPEN;
	sensor->ops->abilities(sensor->sensor, engine->abilities);
}

int sensors_open(struct engine *engine)
{
	for (size_t i = 0; i < catalogue_n_events; i++) {
		struct session_ability *ability = &engine->abilities[i];
		ability->event_type = catalogue_events[i].number;
		ability->state = SESSION_UNAVAILABLE;
		snprintf(ability->reason, sizeof(ability->reason), PROMISE_NONE);
	}
	for (uint32_t i = 0; i < ENGINE_SENSORS_MAX; i++) {
		struct engine_sensor *sensor = &engine->sensors[engine->n_sensors++];
		*sensor = (struct engine_sensor){.ops = table[i].ops, .state = ENGINE_SENSOR_OFF};
		if (!table[i].wanted(engine->settings))
			continue;
		open_one(engine, sensor);
		int r = sensor->sensor ? broker_add_sensor(engine->broker, sensor->sensor) : 0;
		if (r < 0)
			return r;
	}
	/* nobody's any more */
	while (engine->n_kept > 0)
		fd_close(engine->kept[--engine->n_kept]);
	return 0;
}

void sensors_begin(struct engine *engine)
{
	for (uint32_t i = 0; i < engine->n_sensors; i++) {
		struct engine_sensor *sensor = &engine->sensors[i];
		if (sensor->state != ENGINE_SENSOR_OPEN)
			continue;
		sensor->error = sensor->ops->begin ? sensor->ops->begin(sensor->sensor) : 0;
		sensor->state = sensor->error < 0 ? ENGINE_SENSOR_FAILED : ENGINE_SENSOR_RUNNING;
		if (sensor->error < 0)
			log_error("sensor %s: does not begin: %s", sensor->ops->name, strerror(-sensor->error));
	}
}

void sensors_close(struct engine *engine)
{
	for (uint32_t i = 0; i < engine->n_sensors; i++)
		if (engine->sensors[i].sensor)
			engine->sensors[i].sensor = engine->sensors[i].ops->close(engine->sensors[i].sensor);
}

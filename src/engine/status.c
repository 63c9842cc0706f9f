/* SPDX-License-Identifier: Apache-2.0 */
/* status: the engine's part of `ringside status`. */
#include "base/clock.h"
#include "engine/engine.h"

static void sensor_json(const struct engine_sensor *sensor, struct json *json)
{
	struct sensor_counters counters = {0};
	if (sensor->ops->counters)
		sensor->ops->counters(sensor->sensor, &counters);
	json_open_object(json, NULL);
	json_string(json, "name", sensor->ops->name);
	json_u64(json, "events", counters.events);
	json_u64(json, "questions", counters.questions);
	json_u64(json, "self", counters.self);
	json_u64(json, "produced", counters.produced);
	json_u64(json, "taken", counters.taken);
	json_u64(json, "muted", counters.muted);
	json_u64(json, "lost", counters.lost);
	json_u64(json, "late", counters.answered_late);
	json_u64(json, "outside", counters.outside);
	json_u64(json, "errors", counters.errors);
	json_open_object(json, "cache");
	json_u64(json, "size", counters.cache_size);
	json_u64(json, "added", counters.cache_added);
	json_u64(json, "removed", counters.cache_removed);
	json_u64(json, "refused", counters.cache_refused);
	json_u64(json, "hits", counters.cache_hits);
	json_close_object(json);
	json_close_object(json);
}

void status_sensors_json(const struct engine *engine, struct json *json)
{
	json_open_array(json, "sensors");
	for (uint32_t i = 0; i < engine->n_sensors; i++)
		if (engine->sensors[i].sensor)
			sensor_json(&engine->sensors[i], json);
	json_close_array(json);
}

void status_json(struct engine *engine, struct json *json)
{
	json_open_object(json, NULL);
	json_u64(json, "generation", engine->generation);
	json_u64(json, "uptime_s", (clock_monotonic_ns() - engine->began_ns) / NS_PER_SEC);
	status_sensors_json(engine, json);
	broker_status_json(engine->broker, json);
	json_close_object(json);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * doctor: what this kernel gives, what is lost without it, what to do. Each note is one function in a table.
 */
#include "engine/engine.h"
#include "wire/catalogue.h"

#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>

static const char *const states[] = {
	[SESSION_UNAVAILABLE] = "unavailable",
	[SESSION_DISCRETIONARY] = "discretionary",
	[SESSION_MANDATORY] = "mandatory",
};

static const char *const sensor_states[] = {
	[ENGINE_SENSOR_OFF] = "off",
	[ENGINE_SENSOR_OPEN] = "open",
	[ENGINE_SENSOR_RUNNING] = "running",
	[ENGINE_SENSOR_FAILED] = "failed",
};

static void abilities_json(const struct engine *engine, struct json *json)
{
	json_open_array(json, "abilities");
	for (size_t i = 0; i < catalogue_n_events; i++) {
		const struct session_ability *ability = &engine->abilities[i];
		bool platform = strcmp(catalogue_events[i].family, "platform") == 0;
		json_open_object(json, NULL);
		json_string(json, "event", catalogue_events[i].name);
		json_string(json, "class", catalogue_events[i].auth ? "auth" : "notify");
		json_string(json, "state", platform ? "mandatory" : states[ability->state]);
		json_string(json, "reason", platform ? "" : ability->reason);
		json_close_object(json);
	}
	json_close_array(json);
}

static void sensors_json(const struct engine *engine, struct json *json)
{
	json_open_array(json, "sensors");
	for (uint32_t i = 0; i < engine->n_sensors; i++) {
		const struct engine_sensor *sensor = &engine->sensors[i];
		json_open_object(json, NULL);
		json_string(json, "name", sensor->ops->name);
		json_string(json, "state", sensor_states[sensor->state]);
		json_string(json, "reason", sensor->error < 0 ? strerror(-sensor->error) : "");
		json_close_object(json);
	}
	json_close_array(json);
}

static void note(struct json *json, const char *level, const char *what, const char *lost, const char *advice)
{
	json_open_object(json, NULL);
	json_string(json, "level", level);
	json_string(json, "what", what);
	json_string(json, "lost", lost);
	json_string(json, "do", advice);
	json_close_object(json);
}

static const struct {
	const struct sensor_ops *ops;
	const char *lost;
	const char *advice;
} sensors[] = {
	{&sensor_fanotify_ops, "no verdicts: opening and executing files is not judged, nothing is denied",
	 "start ringsided as root with CAP_SYS_ADMIN on a kernel with CONFIG_FANOTIFY_ACCESS_PERMISSIONS, or set "
	 "sensors.fanotify to false"},
	{&sensor_bpf_ops, "no process, network, memory and kernel events; processes are looked up in /proc",
	 "start ringsided as root with CAP_BPF and CAP_PERFMON on a kernel with CONFIG_DEBUG_INFO_BTF, or set "
	 "sensors.bpf "
	 "to false"},
	{&sensor_replay_ops, "the recording is not played", "check that the file exists and is a recording"},
	{&sensor_synth_ops, "no load is made", "look at the log"},
};

static void sensor_notes(const struct engine *engine, struct json *json)
{
	for (uint32_t i = 0; i < engine->n_sensors; i++) {
		const struct engine_sensor *sensor = &engine->sensors[i];
		char what[160];
		if (sensor->state == ENGINE_SENSOR_RUNNING) {
			snprintf(what, sizeof(what), "sensor %s runs", sensor->ops->name);
			note(json, "ok", what, "", "");
		}
		if (sensor->state != ENGINE_SENSOR_FAILED)
			continue;
		snprintf(what, sizeof(what), "sensor %s does not work: %s", sensor->ops->name,
			 strerror(-sensor->error));
		for (size_t j = 0; j < ARRAY_SIZE(sensors); j++)
			if (sensors[j].ops == sensor->ops)
				note(json, "bad", what, sensors[j].lost, sensors[j].advice);
	}
}

static void loss_notes(const struct engine *engine, struct json *json)
{
	for (uint32_t i = 0; i < engine->n_sensors; i++) {
		const struct engine_sensor *sensor = &engine->sensors[i];
		struct sensor_counters counters = {0};
		char what[160];
		if (!sensor->sensor || !sensor->ops->counters)
			continue;
		sensor->ops->counters(sensor->sensor, &counters);
		if (counters.lost > 0) {
			snprintf(what, sizeof(what), "sensor %s lost %" PRIu64 " events in the kernel",
				 sensor->ops->name, counters.lost);
			note(json, "warn", what, "agents were told by `lost` events; what was lost is not known",
			     "mute what no agent needs, or give the machine more processor");
		}
		if (counters.answered_late > 0) {
			snprintf(what, sizeof(what), "%" PRIu64 " questions were answered in the engine's place",
				 counters.answered_late);
			note(json, "warn", what, "these were decided without an agent",
			     "look whether the machine is overloaded");
		}
	}
}

static void priority_note(const struct engine *engine, struct json *json)
{
	int policy = sched_getscheduler(0);
	if (policy == SCHED_RR || policy == SCHED_FIFO)
		note(json, "ok", "the engine runs before ordinary processes", "", "");
	else
		note(json, "warn", "the engine has no real-time priority",
		     "on a loaded machine verdicts come later, and more deadlines are missed",
		     "give ringsided CAP_SYS_NICE");
}

static void files_note(const struct engine *engine, struct json *json)
{
	struct rlimit limit;
	char what[160];
	uint64_t wanted = topology_processes[PROCESS_ENGINE].files_max;
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= wanted)
		return;
	snprintf(what, sizeof(what), "the engine may have %" PRIu64 " open files, it wants %" PRIu64,
		 (uint64_t)limit.rlim_cur, wanted);
	note(json, "warn", what, "fewer files can be judged and cached at a time", "raise LimitNOFILE= of the service");
}

static void agents_note(const struct engine *engine, struct json *json)
{
	if (engine->agents_wanted == 0)
		note(json, "warn", "the settings name no agent", "nothing is judged: all is allowed, as unguarded",
		     "add an agent to the settings");
}

static void (*const notes[])(const struct engine *engine, struct json *json) = {
	sensor_notes, loss_notes, priority_note, files_note, agents_note,
};

void doctor_json(struct engine *engine, struct json *json)
{
	struct utsname name = {0};
	uname(&name);
	json_open_object(json, NULL);
	abilities_json(engine, json);
	json_string(json, "kernel", name.release);
	sensors_json(engine, json);
	json_open_array(json, "notes");
	for (size_t i = 0; i < ARRAY_SIZE(notes); i++)
		notes[i](engine, json);
	json_close_array(json);
	json_close_object(json);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * engine: the process that joins sensors and broker. What its files share.
 *
 *     main.c       the order of its life, the heartbeat
 *     sensors.c    the table of back ends: which are wanted, opening, beginning
 *     requests.c   datagrams from parent, cage and control; a table of requests
 *     status.c     STATUS as JSON
 *     doctor.c     DOCTOR as JSON: what this kernel gives, what is lost without it, what to do
 */
#pragma once

#include "base/clock.h"
#include "base/json.h"
#include "base/macro.h"
#include "broker/broker.h"
#include "ipc/process.h"
#include "sensor/process_table.h"
#include "sensor/sensor.h"
#include "wire/ledger.h"

#define ENGINE_SENSORS_MAX 4u
#define ENGINE_EARLY_MAX 128u
#define ENGINE_LOOKS_MAX 8u /* answered at the end of a turn; more are answered at once */
#define ENGINE_KEPT_MAX 32u

enum engine_sensor_state {
	ENGINE_SENSOR_OFF, /* the settings do not name it */
	ENGINE_SENSOR_OPEN,
	ENGINE_SENSOR_RUNNING,
	ENGINE_SENSOR_FAILED,
};

struct engine_sensor {
	const struct sensor_ops *ops;
	struct sensor *sensor; /* NULL unless open or running */
	enum engine_sensor_state state;
	int error;
};

struct engine {
	struct process *process;
	const struct settings *settings;
	struct loop *loop;
	struct broker *broker;
	struct sensor_process_table *processes;
	struct session_ability *abilities; /* as catalogue_events */
	struct engine_sensor sensors[ENGINE_SENSORS_MAX];
	uint32_t n_sensors;
	struct loop_source *tick;

	/* from the parent */
	bool have_group;
	int group_fd;
	int notify_fd;
	int doorbell_fd;
	struct ledger *ledger; /* mapped; NULL when the parent gave none */
	_Atomic uint64_t turns; /* when there is no ledger */

	/* what the last engine left for this one; taken by the sensor it belongs to */
	int kept[ENGINE_KEPT_MAX];
	uint32_t n_kept;

	/* sessions that the cage sent before there was a broker */
	struct {
		int fd;
		struct ipc_session who;
	} early[ENGINE_EARLY_MAX];
	uint32_t n_early;

	/* requests that only look, until this turn has answered all that waits for a verdict */
	struct ipc_request looks[ENGINE_LOOKS_MAX];
	uint32_t n_looks;

	uint64_t generation;
	uint64_t began_ns;
	uint32_t n_processors; /* that it may run on */
	bool began;
	uint64_t agents_wanted; /* bits: agents of the settings that are enabled */
	uint64_t agents_here;
};

/* sensors.c */
/* Opens what the settings name; one that fails is logged and marked, and the others go on. */
int sensors_open(struct engine *engine);
/* Lets them deliver. */
void sensors_begin(struct engine *engine);
void sensors_close(struct engine *engine);

/* requests.c */
int requests_message(void *data, enum process_role from, const struct ipc_head *message, int *fds, size_t n_fds);
/* For the sensors: these descriptors are for the next engine. */
void requests_keep(void *data, const int *fds, size_t n_fds);
/* Answers those that only look; before each wait, when nothing is left to do for anybody who waits. */
void requests_answer_looks(struct engine *engine);
/* Hands over the sessions that came early. */
void requests_take_early(struct engine *engine);
/* For the broker: what happens to an agent, to the cage. */
void requests_note(void *data, uint64_t agent_index, uint64_t process_id, enum ipc_agent_state state, const char *why);

/* For the broker: an action for the cage, which journals and does it. -errno: it is not there, or does not keep up. */
int requests_act(void *data, const struct ipc_action *action);

/* main.c: begins once all enabled agents are here, or when it is time. */
void engine_begin_when_ready(struct engine *engine, uint64_t now_ns);

/* Each writes one whole JSON object. */
void status_json(struct engine *engine, struct json *json);
void doctor_json(struct engine *engine, struct json *json);
/* The members "sensors": their names, counters. */
void status_sensors_json(const struct engine *engine, struct json *json);

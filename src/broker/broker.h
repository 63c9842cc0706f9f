/* SPDX-License-Identifier: Apache-2.0 */
/*
 * broker: who must hear an event, who must answer, and until when.
 *
 *     sensor ─▶ broker_sink() ─▶ subscriptions, mutes ─▶ event rings ─▶ agents
 *     sensor ◀─ sensor_answer() ◀─ arbiter (ballots, deadlines) ◀─ sessions ◀─ agents
 *
 * Owns the sessions of agents, their rings, the open questions, the log of decisions and the actions under way. Knows
 * sensors only by sensor/sensor.h, processes only by sensor/process_table.h, and nothing of jails or configuration
 * files. A question handed over by a sensor is owned here until sensor_answer(), which is called exactly once, whatever
 * agents do.
 *
 * Nothing an agent does is an error of a call: it is counted, named in a platform event, and perhaps ends its session.
 * On the way of an event nothing is allocated, and only agents that subscribed to its type are looked at. Nothing here
 * logs: while a question is open, whoever takes the log may itself wait for a verdict. What happens is told by platform
 * events, by counters, and by note() to the cage.
 */
#pragma once

#include "base/json.h"
#include "sensor/process_table.h"
#include "sensor/sensor.h"
#include "wire/ipc.h"

#include <stdatomic.h>

struct broker;

struct broker_opts {
	struct loop *loop;
	const struct settings *settings;
	/* catalogue_n_events rows in its order, borrowed; looked at whenever an agent connects. Platform events are
	 * made here: their rows need not be filled. */
	const struct session_ability *abilities;
	uint64_t generation; /* of the engine */
	_Atomic uint64_t *next_event_id; /* in the ledger, so that ids rise over restarts; NULL: counts from 1 */
	/* CLOCK_MONOTONIC; NULL: the real one. Tests pass their own. */
	uint64_t (*now)(void *data);
	void *now_data;
	/* An agent of the settings changed its state: for the cage. May be NULL. */
	void (*note)(void *data, uint64_t agent_index, uint64_t process_id, enum ipc_agent_state state,
		     const char *why);
	void *note_data;
	/* Who is who, for actions; borrowed. NULL: nobody is known, and nothing is done. */
	struct sensor_process_table *processes;
	uint32_t own_pid, parent_pid; /* of the engine; never the target of an action */
	/*
	 * Journals an action and, unless its outcome is set, does it and answers by broker_action_done(). -errno:
	 * nobody is there who could. NULL: nobody ever is.
	 */
	int (*act)(void *data, const struct ipc_action *action);
	void *act_data;
	/* How long agent_crashed waits for broker_agent_ended() to say why, when all that is known is that a session
	 * ended; 0: not at all. */
	uint64_t crash_wait_ns;
};

int broker_new(const struct broker_opts *opts, struct broker **ret);
/* Open questions are allowed; sessions are closed. */
struct broker *broker_free(struct broker *broker);

struct sensor_sink broker_sink(struct broker *broker);
/* Borrowed; so that caches are flushed and wishes told. -ENOSPC. */
int broker_add_sensor(struct broker *broker, struct sensor *sensor);

/*
 * A new session; fd is consumed. Refused (with a REPLY that says why) when there are too many or the agent is not in
 * the settings: then 1. 0, or -errno of our own.
 */
int broker_session(struct broker *broker, int fd, const struct ipc_session *who);
/* The agent's process is gone, as the cage saw it: what it owed is missed at once. process_id: of one of its two, while
 * it is upgraded; 0: of all it has. */
void broker_agent_ended(struct broker *broker, uint64_t agent_index, uint64_t process_id, const char *why);
/* What came of an action that was given to act(). error: 0 or -errno. A number that is not under way is counted. */
void broker_action_done(struct broker *broker, uint64_t number, enum ipc_action_outcome outcome, int error);
/* By the operator: until further notice; why begins with that ("by the operator: …"). -ENOENT: no such agent. */
int broker_bench(struct broker *broker, const char *name, const char *why);
int broker_unbench(struct broker *broker, const char *name, const char *why);
/* What happened before this engine: told to every agent. */
void broker_gap(struct broker *broker, uint64_t gap_ns, uint64_t unguarded, const char *why);

/* Before each wait of the loop: carries out what was decided during the turn, wakes agents. */
void broker_before_wait(struct broker *broker);
/* Does what is due at this moment; the broker's own timers call it. */
void broker_run_timers(struct broker *broker);

/* Parts of STATUS: the members "questions", "events", "agents". */
void broker_status_json(struct broker *broker, struct json *json);
/* The explain object of an event. False: not known (any more). */
bool broker_explain_json(struct broker *broker, struct json *json, uint64_t event_id);
/* The array of the newest denies, misses and overrides under this key. */
void broker_denials_json(struct broker *broker, struct json *json, const char *key, uint64_t n_max);

/* Open questions, for tests and the heartbeat. */
uint32_t broker_n_open(const struct broker *broker);

/*
 * Allows come through memory, without a system call, and are taken by broker_before_wait() and by whatever else reads
 * what that agent sent. Agents tell of each by their session unless the engine says that it looks by itself:
 * broker_hear_nobody(), then broker_has_answer() again and again, then broker_may_sleep() before it sleeps, which says
 * who is to tell; false: an answer has come.
 */
void broker_hear_nobody(struct broker *broker);
bool broker_has_answer(const struct broker *broker);
bool broker_may_sleep(struct broker *broker);
/* Agents that owe an answer. */
uint32_t broker_n_awaited(const struct broker *broker);

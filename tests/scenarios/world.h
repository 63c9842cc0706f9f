/* SPDX-License-Identifier: Apache-2.0 */
/*
 * world: what a scenario plays in: a broker, a kernel that is asked and told by hand, agents that speak the session's
 * form by hand (and so can break it), and a clock that only moves when the scenario says so.
 *
 *     script.c: lines of a .scn file ─▶ world_kernel.c, world_agent.c, world_operator.c ─▶ broker
 *
 * Every expectation that does not hold ends the run with the file, the line, what was expected and what was found.
 */
#pragma once

#include "base/macro.h"
#include "broker/broker.h"
#include "ring/ring.h"
#include "wire/event_build.h"

#define WORDS_MAX 24
#define WORLD_AGENTS_MAX 160
#define WORLD_QUESTIONS_MAX 20000
#define WORLD_PROCESSES_MAX 64
#define WORLD_ACTIONS_MAX 256
#define WORLD_ENGINE_PID 300u
#define WORLD_PARENT_PID 299u

struct world_agent {
	char name[64];
	int fd; /* -1: closed by us */
	bool ended; /* closed by the engine */
	uint64_t next_request;
	struct session_welcome welcome;
	struct ring_reader *ring;
	int cursor_fd; /* a copy, for lies */
	int error; /* of the last REPLY */
	char text[240];
	uint64_t read; /* events taken from the ring */
	uint64_t last_seq;
	uint64_t told_lost; /* by `lost` events about its own ring and budget */
	uint64_t fds; /* descriptors that came with EVENT_FD */
	uint64_t fd_event; /* the last such event */
};

struct world_question {
	char name[32];
	uint64_t id;
	bool answered;
	bool denied;
	bool cached;
	uint32_t times; /* answered */
};

/* A process that the platform knows. */
struct world_process {
	char name[32];
	uint64_t id;
};

struct world {
	const char *file;
	unsigned line;
	struct settings settings;
	struct session_ability *abilities;
	struct loop *loop;
	struct broker *broker; /* NULL until the first line that needs it */
	uint64_t now_ns;
	struct sensor sensor;
	bool memory; /* agents leave plain allows in memory, as the SDK does, instead of sending them */
	bool halted; /* the loop turns when the scenario says so */
	uint64_t flushed;
	struct session_event_set wanted;
	uint64_t next_ino;
	struct world_question *questions;
	uint32_t n_questions;
	struct world_agent agents[WORLD_AGENTS_MAX];
	uint32_t n_agents;
	struct sensor_process_table *table;
	struct world_process processes[WORLD_PROCESSES_MAX];
	uint32_t n_processes;
	bool cage_away;
	struct ipc_action asked[WORLD_ACTIONS_MAX]; /* of the cage, not looked at yet */
	uint32_t n_asked;
	uint64_t last_action; /* number of the last that was looked at */
	char noted[64][320]; /* notes to the cage, not looked at yet */
	uint32_t n_noted;
};

/* The words of a line after the actor. */
struct words {
	const char *word[WORDS_MAX];
	unsigned n;
};

/* Ends the run. */
void world_fail(const struct world *world, const char *format, ...) __attribute__((noreturn)) _printf_(2, 3);

/* The value of `key=…` among the words, or NULL; whether a bare word is there. */
const char *words_value(const struct words *words, const char *key);
bool words_has(const struct words *words, const char *word);
uint64_t words_number(const struct world *world, const struct words *words, const char *key, uint64_t otherwise);
/* "a,b,c" as event types; "all". */
struct session_event_set world_types(const struct world *world, const char *list);

void world_start(struct world *world);
/* A few turns of the loop: enough for whatever was sent to be taken. None while it is halted. */
void world_turn(struct world *world);
struct world_question *world_question(struct world *world, const char *name);
struct world_agent *world_agent(struct world *world, const char *name);

/* The event, as JSON, must have each `path=value` among the words (but those that `hears` knows itself). */
void world_check_event(struct world *world, const struct rs_event *event, const struct words *words);

/* The actors: each does one line. False: no such verb. */
bool kernel_does(struct world *world, const char *verb, const struct words *words);
bool agent_does(struct world *world, const char *name, const char *verb, const struct words *words);
bool cage_does(struct world *world, const char *verb, const struct words *words);
bool operator_does(struct world *world, const char *verb, const struct words *words);
void kernel_init(struct world *world);
/* A process that was started by name, or an id as a number. */
uint64_t world_process(struct world *world, const char *name);
/* What the broker hands to the cage. */
int world_act(void *data, const struct ipc_action *action);
void agents_end(struct world *world);

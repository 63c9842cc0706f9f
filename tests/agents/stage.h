/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stage: real agent programs, a real broker, events that are made up.
 *
 *     synth ─▶ stage: notes when each question is asked and answered ─▶ broker ─▶ sessions ─▶ processes of agents
 *
 * Plays the cage: starts each agent with its lifeline and sends it a session. Needs no privilege. What does not hold
 * ends the run with the place, what was expected and what was found.
 */
#pragma once

#include "base/macro.h"
#include "broker/broker.h"
#include "sensor/synth.h"
#include "wire/event_build.h"

#include <sys/types.h>

#define STAGE_HOSTILE_MS 300 /* its own deadline; those of all others are 10 s */
#define STAGE_AGENTS_MAX 4u
#define STAGE_QUESTIONS_MAX 65536u

struct stage_question {
	struct sensor_question real; /* sensor NULL: asked by the test itself */
	uint64_t asked_ns;
	uint64_t answered_ns; /* 0: open */
	bool denied;
	bool cached;
};

struct stage_agent {
	const char *name;
	pid_t pid; /* 0: ended */
	int wait_status;
	int lifeline;
	bool live;
	char out_path[256]; /* its standard output, and its error output beside it: PATH.err */
};

struct stage {
	char *directory;
	struct settings *settings;
	struct session_ability *abilities;
	struct loop *loop;
	struct broker *broker;
	struct sensor sensor; /* between synth and the broker */
	struct sensor *synth;
	struct sensor_sink sink; /* the broker's */
	struct stage_question *questions;
	uint32_t n_questions;
	uint32_t n_open;
	uint64_t answered_twice;
	uint64_t longest_ns;
	uint64_t flushes;
	struct stage_agent agents[STAGE_AGENTS_MAX];
	uint32_t n_agents;
};

#define EXPECT(condition, ...) \
	do { \
		if (!(condition)) \
			stage_fail(__FILE__, __LINE__, #condition, __VA_ARGS__); \
	} while (0)
void stage_fail(const char *file, int line, const char *condition, const char *format, ...) __attribute__((noreturn))
_printf_(4, 5);

/* events_per_s 0: no synth. The names are those of the agents that will be started. */
/* Set before it begins: what slow answers may cost a minute; 0, as it is at first: an agent may be as slow as it likes.
 */
extern uint32_t stage_slow_budget_s;
void stage_begin(struct stage *stage, uint32_t events_per_s, uint64_t events_max, const char *const *names);
/* Ends what still runs, by SIGKILL, and checks that no descriptor is left over. */
void stage_end(struct stage *stage);

/* Starts one of the agents: program (in $AGENTS_DIR) and arguments. out_fd: its standard output, borrowed; -1: a file.
 */
struct stage_agent *stage_spawn(struct stage *stage, const char *name, int out_fd, const char *const *argv);
/* Sends SIGTERM and waits for it. Its exit status, or 128 + signal. */
int stage_stop(struct stage *stage, struct stage_agent *agent);

void stage_begin_events(struct stage *stage);
/* Turns the loop for this long, or until done() says so; true when it did. */
bool stage_turn(struct stage *stage, uint64_t time_ms, bool (*done)(struct stage *stage));
bool stage_all_live(struct stage *stage);
/* All events were made and all questions answered. */
bool stage_all_done(struct stage *stage);

/* Asks about a file by itself; the place in stage->questions. */
uint32_t stage_ask(struct stage *stage, const char *path, int fd, bool cacheable);
/* The same for RS_EVENT_AUTH_EXEC or RS_EVENT_AUTH_OPEN. */
uint32_t stage_ask_type(struct stage *stage, uint16_t type, const char *path, int fd, bool cacheable);

/* A number of an agent in the broker's status, e.g. "dropped". */
uint64_t stage_status(struct stage *stage, const char *agent, const char *field);
/* A text, e.g. "state"; in a static buffer. */
const char *stage_status_text(struct stage *stage, const char *agent, const char *field);

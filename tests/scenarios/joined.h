/* SPDX-License-Identifier: Apache-2.0 */
/*
 * joined: a sensor, the broker and its rings in this process, and agents built with the real SDK, each in a process of
 * its own, on the real clock. What the joined tests share.
 *
 *     sensor ─▶ broker ─▶ event ring ─▶ libringside ─▶ agent (child) ─▶ answers ─▶ broker ─▶ sensor
 */
#pragma once

#include "broker/broker.h"

#include <sys/types.h>

#define JOINED_AGENTS_MAX 160u
#define JOINED_PATIENCE_NS (60 * NS_PER_SEC)

/* What an agent tells its parent at the end. */
struct account {
	uint64_t questions;
	uint64_t answered;
	uint64_t already;
	uint64_t notify;
	uint64_t lost_told;
	uint64_t last_seq;
	uint64_t read;
	uint64_t wrong; /* came, and was not what comes next */
};

struct child {
	pid_t pid;
	int lifeline_fd;
	int report_fd;
};

struct joined {
	struct settings settings;
	struct session_ability *abilities;
	struct loop *loop;
	struct broker *broker;
	struct sensor *sensor; /* begins when all agents of the settings are live; NULL: the test is the sensor */
	struct child children[JOINED_AGENTS_MAX];
	uint32_t n_live;
	uint32_t n_agents;
};

/* What an agent's process does; its exit code: 0, and an account written to report_fd, when all is well. */
typedef int joined_agent_fn(int lifeline_fd, int report_fd);

/* Everything is granted to each agent, deadlines are 10 s. The settings may be changed until agents connect. */
void joined_setup(struct joined *run, uint32_t n_agents, uint32_t ring_kb);
/* Opens a back end by the settings. Without one, every event is mandatory and the test gives it to the sink. */
void joined_add_sensor(struct joined *run, const struct sensor_ops *ops);
void joined_teardown(struct joined *run);

/* A child and its session: number i of the settings, or, from n_agents on, an observer. */
void joined_start(struct joined *run, uint32_t i, joined_agent_fn *run_agent);
void joined_run_until_live(struct joined *run);
/* The sign to stop is an event of the platform that everybody hears, last in every ring. */
void joined_tell_to_stop(struct joined *run);
/* Turns the loop until the child has ended, and well. */
struct account joined_collect(struct joined *run, uint32_t i);
/* The first member of this name in STATUS. */
uint64_t joined_status_number(struct joined *run, const char *key);
/* How often these words stand in STATUS. */
uint32_t joined_status_count(struct joined *run, const char *words);

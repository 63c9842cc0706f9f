/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bpf_test_world: the real sensor on this kernel, for its tests: children that do things, and the events that come.
 *
 * A record is in the ring buffer before the child's call returns, so after waitpid() nothing has to be waited for.
 */
#pragma once

#include "sensor/bpf.h"
#include "sensor/process_table.h"

#include <stdbool.h>
#include <sys/types.h>

#define WORLD_EVENTS_MAX 4096

struct world {
	struct loop *loop;
	struct sensor_process_table *table;
	struct sensor *sensor;
	struct rs_event *events[WORLD_EVENTS_MAX]; /* of our children only */
	size_t n_events;
	uint16_t not_kept; /* events of this type are counted only */
	pid_t child; /* the last one; events of its descendants count too */
	uint64_t cgroup_id; /* of this process, and so of its children */
	bool moves; /* they go into others */
	uint64_t delivered[1024];
	uint64_t delivered_all;
	uint64_t lost[1024];
	uint64_t lost_all;
	uint64_t latency_ns[8192]; /* of the last events, from the kernel's time to ours */
	size_t latency_n;
};

/* Opens the sensor with everything wanted. raw: without typed tracepoints. The caller's asserts report failures. */
void world_open(struct world *world, bool raw);
void world_close(struct world *world);

void world_want_all(struct world *world);
void world_want(struct world *world, const uint16_t *types, size_t n_types);

/* Forgets the events so far, runs fn(data) in a child and takes all that is to be heard of it. Returns its status as of
 * waitpid(2); a child that fails an expectation ends with 99. */
int world_run(struct world *world, void (*fn)(void *data), void *data);
/* The same, but the child is still there when its events are taken: for what is looked up when they are. */
int world_run_staying(struct world *world, void (*fn)(void *data), void *data);
/* Takes everything that waits in the ring buffer. */
void world_pump(struct world *world);

/* Of the events since latency_n was set to 0. */
uint64_t world_latency_ns(struct world *world, unsigned percentile);

/* The nth event of a type by the child (or by any descendant, pid 0); NULL when there is none. */
const struct rs_event *world_find(const struct world *world, uint16_t type, pid_t pid, size_t nth);
/* The same, and the test fails when it is not there. */
const struct rs_event *world_expect(const struct world *world, uint16_t type);

void world_expect_str(const struct rs_event *event, struct rs_str str, const char *expected);
/* A file as stat(2) shows it at this moment, with exactly these flags; of a lexical path the path alone. */
void world_expect_file(const struct rs_event *event, const struct rs_file *file, const char *path, uint32_t flags);

/* 0, or what main() must return when this machine lets nobody load BPF programs: skipped, and says why. */
int world_available(void);

/* A main that runs all tests in one world with typed tracepoints, and again in one without: loading the programs takes
 * long where a processor is emulated. A test that changes what is wanted sets it back. */
int world_setup(void **state);
int world_teardown(void **state);
void world_set_raw(bool raw);
#define WORLD_MAIN(name, tests) \
	do { \
		int r_ = world_available(); \
		if (r_ != 0) \
			return r_; \
		r_ = cmocka_run_group_tests_name(name, tests, world_setup, world_teardown); \
		world_set_raw(true); \
		return r_ ? r_ : cmocka_run_group_tests_name(name "_raw", tests, world_setup, world_teardown); \
	} while (0)

/* In a child: ends it with 99 and a line when the condition does not hold. */
#define CHILD_EXPECT(condition) world_child_expect((condition), #condition, __FILE__, __LINE__)
void world_child_expect(bool holds, const char *condition, const char *file, int line);

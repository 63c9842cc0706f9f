/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The real broker, the real rings, the real SDK; only the sensor and the processes that start and hold agents are
 * missing. What each agent has read it says in a page that all share, so that the broker waits for the slowest
 * where an engine would count a loss: the figure is about what arrives.
 */
#include "fanout.h"

#include "base/clock.h"
#include "base/fd.h"
#include "base/macro.h"
#include "broker/broker.h"
#include "wire/catalogue.h"
#include "wire/event_build.h"

#include <errno.h>
#include <ringside/ringside.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#define AGENTS_MAX 16
#define N_EVENTS 1000000u
#define BATCH 256u /* events a turn, as the BPF sensor takes them */
#define RING_KB 4096u
#define IN_FLIGHT 4096u /* what surely fits in a ring of that size */
#define TELL_EVERY 64u

struct shared {
	struct {
		_Atomic uint64_t read;
		uint8_t padding[120]; /* no two agents in one pair of cache lines */
	} agents[AGENTS_MAX];
};

struct world {
	struct settings settings;
	struct loop *loop;
	struct broker *broker;
	struct session_ability *abilities;
	struct shared *shared;
	int n_agents, n_live;
};

/* Reads every event in order; exit status: 1 when one was missing. */
static int agent_run(int lifeline_fd, _Atomic uint64_t *read)
{
	const enum rs_event_type types[] = {RS_EVENT_EXEC, RS_EVENT_LOST};
	const struct rs_agent_opts opts = {.size = sizeof(opts), .version = "1", .fd = lifeline_fd};
	const struct rs_event *event;
	struct rs_agent *agent;
	uint64_t n = 0;
	if (rs_agent_open(&opts, &agent) < 0 || rs_agent_subscribe(agent, types, 2, NULL) < 0 ||
	    rs_agent_ready(agent) < 0)
		return 1;
	while (n < N_EVENTS) {
		if (rs_agent_next(agent, -1, &event) != 1 || event->type != RS_EVENT_EXEC)
			return 1;
		n++;
		if (n % TELL_EVERY == 0 || n == N_EVENTS)
			atomic_store_explicit(read, n, memory_order_release);
	}
	return 0;
}

static int agent_start(struct world *world, int i)
{
	int lifeline[2], session[2];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, lifeline) < 0 ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, session) < 0)
		return -errno;
	pid_t pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		fd_close(lifeline[0]);
		fd_close(session[0]);
		fd_close(session[1]);
		_exit(agent_run(lifeline[1], &world->shared->agents[i].read));
	}
	fd_close(lifeline[1]);
	int r = fd_send(lifeline[0], "s", 1, &session[1], 1); /* the lifeline stays open: it is the platform's life */
	fd_close(session[1]);
	struct ipc_session who = {.head = {.size = sizeof(who), .type = IPC_SESSION, .number = (uint64_t)i},
				  .pid = (uint32_t)pid};
	snprintf(who.name, sizeof(who.name), "agent%d", i);
	return r < 0 ? r : broker_session(world->broker, session[0], &who);
}

static void noted(void *data, uint64_t agent_index, uint64_t process_id, enum ipc_agent_state state, const char *why)
{
	struct world *world = data;
	world->n_live += state == IPC_AGENT_LIVE;
}

static void before_wait(void *data)
{
	broker_before_wait(data);
}

static int world_open(struct world *world, int n_agents)
{
	world->n_agents = n_agents;
	world->settings.n_agents = (uint32_t)n_agents;
	for (int i = 0; i < n_agents; i++) {
		struct settings_agent *agent = &world->settings.agents[i];
		snprintf(agent->name, sizeof(agent->name), "agent%d", i);
		agent->ring_kb = RING_KB;
		memset(&agent->granted, 0xff, sizeof(agent->granted));
	}
	world->abilities = calloc(catalogue_n_events, sizeof(world->abilities[0]));
	world->shared = mmap(NULL, sizeof(*world->shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (!world->abilities || world->shared == MAP_FAILED)
		return -ENOMEM;
	for (size_t i = 0; i < catalogue_n_events; i++)
		world->abilities[i].state = SESSION_MANDATORY;
	int r = loop_new(&world->loop);
	if (r < 0)
		return r;
	const struct broker_opts opts = {.loop = world->loop,
					 .settings = &world->settings,
					 .abilities = world->abilities,
					 .generation = 1,
					 .note = noted,
					 .note_data = world};
	r = broker_new(&opts, &world->broker);
	if (r < 0)
		return r;
	loop_set_before_wait(world->loop, before_wait, world->broker);
	for (int i = 0; r == 0 && i < n_agents; i++)
		r = agent_start(world, i);
	for (int turn = 0; r == 0 && world->n_live < n_agents; turn++)
		r = turn < 1000 ? loop_turn(world->loop, 10) : -ETIMEDOUT;
	return r;
}

/* An event as the BPF sensor makes it of one execution. */
static struct rs_event *event_make(void *buffer, size_t size)
{
	struct event_build build;
	static const char path[] = "/usr/bin/tool", args[] = "tool\0--with\0arguments";
	struct rs_event_exec *exec = event_build_begin(&build, buffer, size, RS_EVENT_EXEC);
	build.event->process.pid = build.event->process.tid = 1234;
	event_build_str(&build, &build.event->process.exe_path, path, sizeof(path) - 1, RS_PATH_SIZE_MAX);
	event_build_path(&build, &exec->file, path, sizeof(path) - 1);
	event_build_str(&build, &exec->args, args, sizeof(args), RS_PATH_SIZE_MAX);
	event_build_end(&build);
	return build.event;
}

static bool has_room(const struct world *world, uint64_t sent)
{
	for (int i = 0; i < world->n_agents; i++)
		if (sent + BATCH - atomic_load_explicit(&world->shared->agents[i].read, memory_order_acquire) >
		    IN_FLIGHT)
			return false;
	return true;
}

static int events_send(struct world *world)
{
	uint64_t buffer[512];
	struct rs_event *event = event_make(buffer, sizeof(buffer));
	struct sensor_sink sink = broker_sink(world->broker);
	for (uint64_t sent = 0; sent < N_EVENTS;) {
		while (!has_room(world, sent))
			sched_yield();
		for (uint32_t i = 0; i < BATCH && sent < N_EVENTS; i++, sent++)
			sink.event(sink.data, event, NULL);
		int r = loop_turn(world->loop, 0);
		if (r < 0)
			return r;
	}
	broker_before_wait(world->broker);
	return 0;
}

int fanout(int n_agents)
{
	struct world *world = calloc(1, sizeof(*world)); /* kept until the process ends */
	if (!world || n_agents < 1 || n_agents > AGENTS_MAX) {
		fprintf(stderr, "ringside-bench: expected 1 to %d agents, found %d\n", AGENTS_MAX, n_agents);
		return 2;
	}
	int r = world_open(world, n_agents), status;
	uint64_t start_ns = clock_monotonic_ns();
	if (r == 0)
		r = events_send(world);
	if (r < 0) {
		fprintf(stderr, "ringside-bench: fanout: %s\n", strerror(-r));
		return 1;
	}
	for (int i = 0; i < n_agents; i++) {
		if (wait(&status) < 0 || status != 0) {
			fprintf(stderr, "ringside-bench: fanout: an agent did not get every event\n");
			return 1;
		}
	}
	printf("fanout-%d %.1f\n", n_agents, (double)(clock_monotonic_ns() - start_ns) / N_EVENTS);
	return 0;
}

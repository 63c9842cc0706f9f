/* SPDX-License-Identifier: Apache-2.0 */
#include "joined.h"

#include "base/clock.h"
#include "base/fd.h"
#include "wire/catalogue.h"
#include "wire/event_build.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <cmocka.h>

static void noted(void *data, uint64_t agent_index, uint64_t process_id, enum ipc_agent_state state, const char *why)
{
	struct joined *run = data;
	run->n_live += state == IPC_AGENT_LIVE;
	if (run->sensor && run->n_live == run->n_agents && state == IPC_AGENT_LIVE)
		run->sensor->ops->begin(run->sensor);
}

static void before_wait(void *data)
{
	broker_before_wait(data);
}

void joined_setup(struct joined *run, uint32_t n_agents, uint32_t ring_kb)
{
	memset(run, 0, sizeof(*run));
	run->n_agents = n_agents;
	run->settings.deadline_exec_ms = run->settings.deadline_open_ms = 10000;
	run->settings.strikes_max = 3;
	run->settings.strike_window_s = 60;
	run->settings.bench_s = 60;
	run->settings.n_agents = n_agents;
	for (uint32_t i = 0; i < n_agents; i++) {
		struct settings_agent *agent = &run->settings.agents[i];
		snprintf(agent->name, sizeof(agent->name), "agent%u", i);
		agent->ring_kb = ring_kb;
		memset(&agent->granted, 0xff, sizeof(agent->granted));
	}
	run->abilities = calloc(catalogue_n_events, sizeof(run->abilities[0]));
	assert_non_null(run->abilities);
	for (size_t i = 0; i < catalogue_n_events; i++)
		run->abilities[i].state = SESSION_MANDATORY;
	assert_int_equal(loop_new(&run->loop), 0);
	const struct broker_opts opts = {.loop = run->loop,
					 .settings = &run->settings,
					 .abilities = run->abilities,
					 .generation = 1,
					 .note = noted,
					 .note_data = run};
	assert_int_equal(broker_new(&opts, &run->broker), 0);
	loop_set_before_wait(run->loop, before_wait, run->broker);
}

void joined_add_sensor(struct joined *run, const struct sensor_ops *ops)
{
	const struct sensor_start start = {
		.loop = run->loop, .settings = &run->settings, .sink = broker_sink(run->broker), .group_fd = -1};
	for (size_t i = 0; i < catalogue_n_events; i++)
		run->abilities[i].state = SESSION_UNAVAILABLE;
	assert_int_equal(ops->open(&start, &run->sensor), 0);
	ops->abilities(run->sensor, run->abilities);
	assert_int_equal(broker_add_sensor(run->broker, run->sensor), 0);
}

void joined_teardown(struct joined *run)
{
	broker_free(run->broker);
	if (run->sensor)
		run->sensor->ops->close(run->sensor);
	loop_free(run->loop);
	free(run->abilities);
}

/* A child has nothing of the platform's or of the other agents'. */
static void keep_only(int a, int b)
{
	unsigned low = (unsigned)MIN(a, b), high = (unsigned)MAX(a, b);
	if (low > 3)
		syscall(SYS_close_range, 3, low - 1, 0);
	if (high > low + 1)
		syscall(SYS_close_range, low + 1, high - 1, 0);
	syscall(SYS_close_range, high + 1, ~0U, 0);
}

void joined_start(struct joined *run, uint32_t i, joined_agent_fn *run_agent)
{
	int lifeline[2], session[2], report[2];
	assert_true(i < JOINED_AGENTS_MAX);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, lifeline), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, session), 0);
	assert_int_equal(pipe(report), 0);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		keep_only(lifeline[1], report[1]);
		_exit(run_agent(lifeline[1], report[1]));
	}
	close(lifeline[1]);
	close(report[1]);
	assert_int_equal(fd_send(lifeline[0], "s", 1, &session[1], 1), 0);
	close(session[1]);
	run->children[i] = (struct child){.pid = pid, .lifeline_fd = lifeline[0], .report_fd = report[0]};
	struct ipc_session who = {.head = {.size = sizeof(who), .type = IPC_SESSION, .number = i},
				  .pid = (uint32_t)pid,
				  .observer = i >= run->n_agents};
	snprintf(who.name, sizeof(who.name), "agent%u", i);
	/* a refusal is the agent's to hear */
	assert_true(broker_session(run->broker, session[0], &who) >= 0);
}

void joined_run_until_live(struct joined *run)
{
	uint64_t until_ns = clock_monotonic_ns() + JOINED_PATIENCE_NS;
	while (run->n_live < run->n_agents) {
		assert_int_equal(loop_turn(run->loop, 100), 0);
		assert_true(clock_monotonic_ns() < until_ns);
	}
}

void joined_tell_to_stop(struct joined *run)
{
	uint64_t buffer[512];
	struct event_build build;
	event_build_begin(&build, buffer, sizeof(buffer), RS_EVENT_CONTENT_CHANGED);
	event_build_end(&build);
	struct sensor_sink sink = broker_sink(run->broker);
	sink.event(sink.data, build.event, NULL);
}

struct account joined_collect(struct joined *run, uint32_t i)
{
	struct account account;
	uint64_t until_ns = clock_monotonic_ns() + JOINED_PATIENCE_NS;
	int status = -1;
	while (waitpid(run->children[i].pid, &status, WNOHANG) == 0) {
		kill(run->children[i].pid, SIGCONT); /* for the one that stops itself, perhaps later than we think */
		assert_int_equal(loop_turn(run->loop, 10), 0);
		assert_true(clock_monotonic_ns() < until_ns);
	}
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_int_equal(read(run->children[i].report_fd, &account, sizeof(account)), sizeof(account));
	close(run->children[i].report_fd);
	close(run->children[i].lifeline_fd);
	return account;
}

static const char *status_text(struct joined *run)
{
	static char text[1u << 20];
	struct json json;
	json_init(&json, text, sizeof(text));
	json_open_object(&json, NULL);
	broker_status_json(run->broker, &json);
	json_close_object(&json);
	assert_true(json_finish(&json) > 0);
	return text;
}

uint64_t joined_status_number(struct joined *run, const char *key)
{
	char wanted[64];
	snprintf(wanted, sizeof(wanted), "\"%s\":", key);
	const char *at = strstr(status_text(run), wanted);
	assert_non_null(at);
	return strtoull(at + strlen(wanted), NULL, 10);
}

uint32_t joined_status_count(struct joined *run, const char *words)
{
	uint32_t n = 0;
	for (const char *at = status_text(run); (at = strstr(at, words)); at += strlen(words))
		n++;
	return n;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * overload_test: the real BPF sensor + broker + agents built with the real SDK, when all is too much: one account from
 * the kernel to the agents.
 *
 *     calls ─▶ kernel's ring (too small: lost there) ─▶ broker ─▶ an agent's ring (too small: dropped there) ─▶ agent
 *
 * The kernel's ring is filled while nobody reads it; one agent is stopped meanwhile, until the last of it was handed
 * on. So both losses happen on every machine, however fast it is.
 */
#include "base/clock.h"
#include "base/fd.h"
#include "broker/broker.h"
#include "sensor/bpf.h"
#include "sensor/bpf_test_world.h"
#include "sensor/process_table.h"
#include "wire/catalogue.h"
#include "wire/event_build.h"

#include <errno.h>
#include <ringside/ringside.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define NOBODY 65534
#define CALLS 150000u /* more than the kernel's ring holds */
#define PATIENCE_NS (30 * NS_PER_SEC)
#define AMPLE_KB 65536u /* a ring that holds whatever a test makes */

enum { STOPPED, QUICK, N_AGENTS };

/* Written by the agent while it reads; the test looks. */
struct account {
	_Atomic uint64_t read;
	_Atomic uint64_t calls;
	_Atomic uint64_t last_seq;
	_Atomic uint64_t gaps; /* numbers that were skipped */
	_Atomic uint64_t lost_in_kernel; /* told, of the calls */
	_Atomic uint64_t lost_in_ring; /* told, of all types */
};

struct run {
	struct settings settings;
	struct session_ability *abilities;
	struct loop *loop;
	struct broker *broker;
	struct sensor_process_table *processes;
	struct sensor *bpf;
	struct account *accounts; /* shared */
	pid_t agents[N_AGENTS];
	int lifelines[N_AGENTS];
	uint32_t n_live;
};

/* ---- an agent ---- */

static void take(const struct rs_event *event, struct account *account)
{
	const struct rs_event_lost *lost = rs_event_lost(event);
	account->calls += event->type == RS_EVENT_KEXEC;
	account->gaps += event->seq - account->last_seq - 1;
	if (lost && lost->where == 1 && lost->event_type == RS_EVENT_KEXEC)
		account->lost_in_kernel += lost->count;
	if (lost && lost->where == 3)
		account->lost_in_ring += lost->count;
	account->read++;
	account->last_seq = event->seq; /* last: who sees it sees the rest */
}

enum role {
	HEARS_ALL,
	MUTES, /* the calls of NOBODY, until the first sign to stop; ends with the second */
	INVERTS, /* hears the calls of NOBODY alone */
};

static int mute(struct rs_agent *agent, enum role role)
{
	static const enum rs_event_type calls[] = {RS_EVENT_KEXEC};
	if (role == HEARS_ALL)
		return 0;
	int r = rs_agent_mute_number(agent, RS_MUTE_UID, NOBODY, calls, 1);
	return r == 0 && role == INVERTS ? rs_agent_invert(agent, RS_MUTE_UID, true) : r;
}

static int agent_main(int lifeline_fd, struct account *account, enum role role)
{
	static const enum rs_event_type types[] = {RS_EVENT_KEXEC, RS_EVENT_CONTENT_CHANGED};
	const struct rs_agent_opts opts = {.size = sizeof(opts), .version = "1", .fd = lifeline_fd};
	struct rs_agent *agent;
	const struct rs_event *event;
	if (rs_agent_open(&opts, &agent) < 0 || rs_agent_subscribe(agent, types, 2, NULL) < 0 ||
	    mute(agent, role) < 0 || rs_agent_ready(agent) < 0)
		return 10;
	int r;
	while ((r = rs_agent_next(agent, -1, &event)) == 1 || r == -EINTR) { /* by being stopped, too */
		if (r != 1)
			continue;
		if (event->type == RS_EVENT_CONTENT_CHANGED && role == MUTES &&
		    rs_agent_unmute_number(agent, RS_MUTE_UID, NOBODY, NULL, 0) < 0)
			return 12;
		take(event, account);
		if (event->type == RS_EVENT_CONTENT_CHANGED && role != MUTES)
			break;
		role = event->type == RS_EVENT_CONTENT_CHANGED ? HEARS_ALL : role;
	}
	rs_agent_close(agent);
	return r == 1 ? 0 : 11;
}

/* ---- the platform ---- */

static void noted(void *data, uint64_t agent_index, uint64_t process_id, enum ipc_agent_state state, const char *why)
{
	struct run *run = data;
	run->n_live += state == IPC_AGENT_LIVE;
}

static void before_wait(void *data)
{
	broker_before_wait(data);
}

static void start_agent(struct run *run, uint32_t i, enum role role)
{
	int lifeline[2], session[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, lifeline), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, session), 0);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(lifeline[0]);
		close(session[0]);
		close(session[1]);
		_exit(agent_main(lifeline[1], &run->accounts[i], role));
	}
	close(lifeline[1]);
	assert_int_equal(fd_send(lifeline[0], "s", 1, &session[1], 1), 0);
	close(session[1]);
	run->agents[i] = pid;
	run->lifelines[i] = lifeline[0];
	struct ipc_session who = {.head = {.size = sizeof(who), .type = IPC_SESSION, .number = i},
				  .pid = (uint32_t)pid};
	snprintf(who.name, sizeof(who.name), "agent%u", i);
	assert_int_equal(broker_session(run->broker, session[0], &who), 0);
}

static void setup(struct run *run, uint32_t first_ring_kb)
{
	run->settings.strikes_max = 3;
	run->settings.n_agents = N_AGENTS;
	for (uint32_t i = 0; i < N_AGENTS; i++) {
		struct settings_agent *agent = &run->settings.agents[i];
		snprintf(agent->name, sizeof(agent->name), "agent%u", i);
		agent->ring_kb = i == STOPPED ? first_ring_kb : AMPLE_KB;
		memset(&agent->granted, 0xff, sizeof(agent->granted));
	}
	run->accounts = mmap(NULL, N_AGENTS * sizeof(run->accounts[0]), PROT_READ | PROT_WRITE,
			     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(run->accounts != MAP_FAILED);
	run->abilities = calloc(catalogue_n_events, sizeof(run->abilities[0]));
	assert_non_null(run->abilities);
	assert_int_equal(loop_new(&run->loop), 0);
	assert_int_equal(process_table_new(&run->processes), 0);
	const struct broker_opts opts = {.loop = run->loop,
					 .settings = &run->settings,
					 .abilities = run->abilities,
					 .generation = 1,
					 .note = noted,
					 .note_data = run};
	assert_int_equal(broker_new(&opts, &run->broker), 0);
	loop_set_before_wait(run->loop, before_wait, run->broker);
	const struct sensor_start start = {.loop = run->loop,
					   .settings = &run->settings,
					   .sink = broker_sink(run->broker),
					   .processes = run->processes,
					   .group_fd = -1};
	assert_int_equal(sensor_bpf_ops.open(&start, &run->bpf), 0);
	sensor_bpf_ops.abilities(run->bpf, run->abilities);
	assert_int_equal(broker_add_sensor(run->broker, run->bpf), 0);
	assert_int_equal(sensor_bpf_ops.begin(run->bpf), 0);
}

static void teardown(struct run *run)
{
	for (uint32_t i = 0; i < N_AGENTS; i++)
		close(run->lifelines[i]);
	broker_free(run->broker);
	sensor_bpf_ops.close(run->bpf);
	process_table_free(run->processes);
	loop_free(run->loop);
	free(run->abilities);
	munmap(run->accounts, N_AGENTS * sizeof(run->accounts[0]));
}

/* A number of the status: the agent's, or for NULL the first of that name in the whole. */
static uint64_t status_number(struct run *run, const char *agent, const char *key)
{
	static char text[65536];
	char wanted[64];
	struct json json;
	json_init(&json, text, sizeof(text));
	json_open_object(&json, NULL);
	broker_status_json(run->broker, &json);
	json_close_object(&json);
	assert_true(json_finish(&json) > 0);
	const char *at = text;
	if (agent) {
		snprintf(wanted, sizeof(wanted), "\"name\":\"%s\"", agent);
		at = strstr(at, wanted);
		assert_non_null(at);
	}
	snprintf(wanted, sizeof(wanted), "\"%s\":", key);
	at = strstr(at, wanted);
	assert_non_null(at);
	return strtoull(at + strlen(wanted), NULL, 10);
}

static void show(struct run *run)
{
	for (uint32_t i = 0; i < N_AGENTS; i++) {
		const struct account *account = &run->accounts[i];
		char name[16];
		snprintf(name, sizeof(name), "agent%u", i);
		print_message("%s: read %lu, last number %lu, gaps %lu, told as lost %lu; engine: %lu and %lu\n", name,
			      account->read, account->last_seq, account->gaps, account->lost_in_ring,
			      status_number(run, name, "delivered"), status_number(run, name, "dropped"));
	}
}

#define TURN_UNTIL(run, condition) \
	do { \
		uint64_t until_ns_ = clock_monotonic_ns() + PATIENCE_NS; \
		while (!(condition)) { \
			assert_int_equal(loop_turn((run)->loop, 10), 0); \
			if (clock_monotonic_ns() > until_ns_) { \
				show(run); \
				fail_msg("in vain: %s", #condition); \
			} \
		} \
	} while (0)

static struct sensor_counters kernel(const struct run *run)
{
	struct sensor_counters counters;
	sensor_bpf_ops.counters(run->bpf, &counters);
	return counters;
}

/* All that the kernel has recorded so far is taken, and all its losses are told. */
static bool is_at_rest(const struct run *run)
{
	uint64_t produced, lost;
	sensor_bpf_kernel_counts(run->bpf, &produced, &lost);
	struct sensor_counters counters = kernel(run);
	return counters.taken >= produced && counters.lost == lost;
}

static bool has_read_all(struct run *run, uint32_t i)
{
	char name[16];
	snprintf(name, sizeof(name), "agent%u", i);
	uint64_t numbered = status_number(run, name, "delivered") + status_number(run, name, "dropped");
	return run->accounts[i].last_seq == numbered &&
	       run->accounts[i].lost_in_ring == status_number(run, name, "dropped");
}

/* Refused for its flags before anything is looked at; one record each. Nobody reads the kernel's ring meanwhile. */
static void flood(uint32_t n, uid_t uid)
{
	int status;
	pid_t child = fork();
	if (child == 0) {
		if (uid != 0 && setresuid(uid, uid, uid) < 0)
			_exit(2);
		for (uint32_t i = 0; i < n; i++)
			if (syscall(SYS_kexec_load, 0, 0, NULL, ~0ul) == 0)
				_exit(1);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static void tell_to_stop(struct run *run)
{
	uint64_t buffer[512];
	struct event_build build;
	event_build_begin(&build, buffer, sizeof(buffer), RS_EVENT_CONTENT_CHANGED);
	event_build_end(&build);
	struct sensor_sink sink = broker_sink(run->broker);
	sink.event(sink.data, build.event, NULL);
}

static void compare_agent(struct run *run, uint32_t i)
{
	const struct account *account = &run->accounts[i];
	char name[16];
	snprintf(name, sizeof(name), "agent%u", i);
	uint64_t delivered = status_number(run, name, "delivered"), dropped = status_number(run, name, "dropped");
	print_message("%s: %lu read + %lu dropped = %lu; of %u calls %lu read, %lu told as lost in the kernel\n", name,
		      account->read, dropped, account->last_seq, CALLS, account->calls, account->lost_in_kernel);
	assert_int_equal(delivered + dropped, account->last_seq);
	assert_int_equal(account->read, delivered);
	assert_int_equal(account->lost_in_ring, dropped);
	assert_int_equal(account->gaps, dropped);
	assert_int_equal(account->lost_in_kernel, kernel(run).lost);
}

/* kernel: calls = recorded + lost; recorded = taken. engine: numbers = delivered + dropped. agent: the same, from what
 * it read and was told. */
static void test_one_account(void **state)
{
	struct run *run = calloc(1, sizeof(*run));
	assert_non_null(run);
	setup(run, 128);
	for (uint32_t i = 0; i < N_AGENTS; i++)
		start_agent(run, i, HEARS_ALL);
	TURN_UNTIL(run, run->n_live == N_AGENTS);
	TURN_UNTIL(run, has_read_all(run, STOPPED) && is_at_rest(run));
	assert_int_equal(kill(run->agents[STOPPED], SIGSTOP), 0);
	int status;
	assert_int_equal(waitpid(run->agents[STOPPED], &status, WUNTRACED), run->agents[STOPPED]);
	flood(CALLS, 0);
	TURN_UNTIL(run, is_at_rest(run));
	assert_int_equal(kill(run->agents[STOPPED], SIGCONT), 0);
	TURN_UNTIL(run, has_read_all(run, STOPPED) && has_read_all(run, QUICK));
	tell_to_stop(run);
	for (uint32_t i = 0; i < N_AGENTS; i++) {
		TURN_UNTIL(run, waitpid(run->agents[i], &status, WNOHANG) == run->agents[i]);
		assert_int_equal(status, 0);
	}
	TURN_UNTIL(run, is_at_rest(run));

	struct sensor_counters counters = kernel(run);
	const struct account *quick = &run->accounts[QUICK], *stopped = &run->accounts[STOPPED];
	print_message("kernel: %lu recorded = %lu taken, %lu lost\n", counters.produced, counters.taken, counters.lost);
	assert_true(counters.lost > 0);
	assert_int_equal(counters.errors, 0);
	for (uint32_t i = 0; i < N_AGENTS; i++)
		compare_agent(run, i);
	assert_true(stopped->lost_in_ring > 0);
	assert_int_equal(quick->lost_in_ring, 0);
	assert_int_equal(quick->calls + quick->lost_in_kernel, CALLS);
	assert_int_equal(status_number(run, NULL, "dropped"), stopped->lost_in_ring);
	assert_int_equal(status_number(run, NULL, "delivered"), stopped->read + quick->read);
	teardown(run);
	free(run);
}

/* How many calls of NOBODY the kernel recorded, how many it muted, and that each agent read what it wants. */
static void expect_calls(struct run *run, uint64_t muted, uint64_t first, uint64_t second)
{
	const uint32_t n = 1000;
	uint64_t before = kernel(run).muted, read[] = {run->accounts[0].calls, run->accounts[1].calls};
	flood(n, NOBODY);
	TURN_UNTIL(run, is_at_rest(run) && has_read_all(run, 0) && has_read_all(run, 1));
	assert_int_equal(kernel(run).muted - before, muted);
	assert_int_equal(run->accounts[0].calls - read[0], first);
	assert_int_equal(run->accounts[1].calls - read[1], second);
}

static struct run *begin(enum role first, enum role second)
{
	struct run *run = calloc(1, sizeof(*run));
	assert_non_null(run);
	setup(run, AMPLE_KB);
	start_agent(run, 0, first);
	start_agent(run, 1, second);
	TURN_UNTIL(run, run->n_live == N_AGENTS);
	/* what can be told to the kernel is told at the next tick */
	for (uint64_t until_ns = clock_monotonic_ns() + NS_PER_SEC; clock_monotonic_ns() < until_ns;)
		assert_int_equal(loop_turn(run->loop, 10), 0);
	return run;
}

static void end(struct run *run)
{
	int status;
	for (uint32_t i = 0; i < N_AGENTS; i++) {
		kill(run->agents[i], SIGKILL);
		TURN_UNTIL(run, waitpid(run->agents[i], &status, WNOHANG) == run->agents[i]);
	}
	teardown(run);
	free(run);
}

/* What both muted is not recorded at all; once they unmute it, it is again. */
static void test_muted_by_all(void **state)
{
	struct run *run = begin(MUTES, MUTES);
	expect_calls(run, 1000, 0, 0);
	tell_to_stop(run);
	TURN_UNTIL(run, has_read_all(run, 0) && has_read_all(run, 1));
	expect_calls(run, 0, 1000, 1000);
	end(run);
}

/* One that mutes does not blind the other. */
static void test_muted_by_one(void **state)
{
	struct run *run = begin(MUTES, HEARS_ALL);
	expect_calls(run, 0, 0, 1000);
	end(run);
}

/* An inverted mute is no mute of that user. */
static void test_inverted(void **state)
{
	struct run *run = begin(INVERTS, INVERTS);
	expect_calls(run, 0, 1000, 1000);
	end(run);
	run = begin(MUTES, INVERTS);
	expect_calls(run, 0, 0, 1000);
	end(run);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_account),
		cmocka_unit_test(test_muted_by_all),
		cmocka_unit_test(test_muted_by_one),
		cmocka_unit_test(test_inverted),
	};
	int r = world_available();
	signal(SIGPIPE, SIG_IGN);
	return r ? r : cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * joined_nth_test: what joined.h shows, in small, while the Nth system call or allocation of the platform, or of the
 * agent's SDK, fails, for every N.
 *
 *     for (n = 1; ; n++) { the platform starts, an agent comes, is asked, all ends; was there an Nth call? }
 *
 * Each time: nothing crashes, hangs or leaks a descriptor; each question is answered, once; and the failure is heard
 * of: a call returned it, a session ended and the next one did better, or it was counted. A call that is interrupted
 * (EINTR) is not even that.
 *
 * usage: joined_nth_test RECORDING
 *
 * The calls go through the linker's --wrap (see meson.build), so that this works with sanitizers, too.
 */
#include "base/clock.h"
#include "base/fail_call.h"
#include "base/fd.h"
#include "base/fd_count.h"
#include "joined.h"
#include "sensor/replay.h"
#include "sensor/synth.h"
#include "wire/catalogue.h"
#include "wire/event_build.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <ringside/ringside.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>

#include <cmocka.h>

#define EVENTS 30u
#define BY_HAND 3u
#define DEADLINE_MS 3000u
#define PATIENCE_NS (30 * NS_PER_SEC)
#define CALLS_MAX 2000u
#define AGENTS_MAX 4u
#define PASSES 3u

/* ---- the Nth of these calls fails ---- */

FAIL_CALL(void *, malloc, ENOMEM, false, NULL, (size_t size), (size))
FAIL_CALL(void *, calloc, ENOMEM, false, NULL, (size_t n, size_t size), (n, size))
FAIL_CALL(void *, mmap64, ENOMEM, false, MAP_FAILED,
	  (void *at, size_t size, int protection, int flags, int fd, off_t from),
	  (at, size, protection, flags, fd, from))
FAIL_CALL(int, memfd_create, EMFILE, false, -1, (const char *name, unsigned flags), (name, flags))
FAIL_CALL(int, fallocate64, ENOSPC, false, -1, (int fd, int mode, off_t from, off_t size), (fd, mode, from, size))
FAIL_CALL(int, fcntl64, EBADF, false, -1, (int fd, int command, long argument), (fd, command, argument))
FAIL_CALL(int, pipe2, EMFILE, false, -1, (int *fds, int flags), (fds, flags))
FAIL_CALL(int, epoll_create1, EMFILE, false, -1, (int flags), (flags))
FAIL_CALL(int, epoll_ctl, ENOSPC, false, -1, (int epoll, int op, int fd, struct epoll_event *event),
	  (epoll, op, fd, event))
FAIL_CALL(int, timerfd_create, EMFILE, false, -1, (int clock, int flags), (clock, flags))
FAIL_CALL(ssize_t, getrandom, ENOSYS, false, -1, (void *bytes, size_t size, unsigned flags), (bytes, size, flags))
FAIL_CALL(int, getsockopt, ENOBUFS, false, -1, (int fd, int level, int name, void *value, socklen_t *size),
	  (fd, level, name, value, size))
FAIL_CALL(int, open64, EMFILE, false, -1, (const char *path, int flags, mode_t mode), (path, flags, mode))
FAIL_CALL(int, fstat64, EIO, false, -1, (int fd, struct stat *status), (fd, status))
FAIL_CALL(ssize_t, read, EIO, true, -1, (int fd, void *bytes, size_t size), (fd, bytes, size))
FAIL_CALL(ssize_t, write, ENOMEM, false, -1, (int fd, const void *bytes, size_t size), (fd, bytes, size))
FAIL_CALL(ssize_t, sendmsg, ENOBUFS, true, -1, (int fd, const struct msghdr *message, int flags), (fd, message, flags))
FAIL_CALL(ssize_t, recvmsg, ENOMEM, true, -1, (int fd, struct msghdr *message, int flags), (fd, message, flags))
FAIL_CALL(int, recvmmsg, ENOMEM, true, -1,
	  (int fd, struct mmsghdr *messages, unsigned n, int flags, struct timespec *timeout),
	  (fd, messages, n, flags, timeout))
FAIL_CALL(int, poll, ENOMEM, true, -1, (struct pollfd * fds, nfds_t n, int timeout_ms), (fds, n, timeout_ms))
FAIL_CALL(int, epoll_wait, EINTR, true, -1, (int epoll, struct epoll_event *events, int n, int timeout_ms),
	  (epoll, events, n, timeout_ms))

/* ---- an agent ---- */

enum agent_exit {
	AGENT_ENDED, /* the platform closed the lifeline */
	AGENT_HEARD, /* a call of the SDK returned an error */
	AGENT_WRONG,
};

struct account_nth {
	uint32_t questions;
	uint32_t answered;
	int32_t error;
	char hit[32]; /* the call of the SDK that failed */
};

static int answer(struct rs_agent *agent, const struct rs_event *event, struct account_nth *account)
{
	const struct rs_deny_opts deny = {.size = sizeof(deny), .rule = "third", .reason = "every third"};
	int fd = event->flags & RS_EVENT_HAS_FD ? rs_event_fd(agent, event) : 0;
	int r = fd < 0                                               ? fd
		: event->type == RS_EVENT_AUTH_EXEC || event->id % 3 ? rs_respond_allow(agent, event, RS_ALLOW_CACHE)
								     : rs_respond_deny(agent, event, &deny);
	account->questions++;
	account->answered += r == 0;
	return r == -EALREADY ? 0 : r;
}

static int work(struct rs_agent *agent, struct account_nth *account)
{
	static const enum rs_event_type types[] = {RS_EVENT_AUTH_EXEC, RS_EVENT_AUTH_OPEN, RS_EVENT_FORK, RS_EVENT_EXEC,
						   RS_EVENT_CONTENT_CHANGED};
	const struct rs_subscribe_opts with_fd = {.size = sizeof(with_fd), .with_fd = true};
	const struct rs_event *event;
	int r = rs_agent_subscribe(agent, types, ARRAY_SIZE(types), &with_fd);
	if (r == 0)
		r = rs_agent_mute_path(agent, RS_MUTE_EXE, "/usr/bin/muted", NULL, 0);
	if (r == 0)
		r = rs_agent_ready(agent);
	while (r == 0) {
		r = rs_agent_next(agent, -1, &event);
		if (r == 1) {
			r = event->flags & RS_EVENT_IS_AUTH ? answer(agent, event, account) : 0;
			if (r == 0 && account->questions == 2)
				r = rs_agent_content_changed(agent, "second");
		} else if (r == -EINTR) {
			r = 0;
		}
	}
	return r;
}

/* Without a failure but its own it ends only when the platform does. */
static enum agent_exit agent_main(int lifeline_fd, int report_fd)
{
	const struct rs_agent_opts opts = {.size = sizeof(opts), .version = "1", .fd = lifeline_fd};
	struct account_nth account = {0};
	struct rs_agent *agent = NULL;
	unsigned before = fd_count();
	fail_call_inside = true;
	int r = rs_agent_open(&opts, &agent);
	if (r == 0)
		r = work(agent, &account);
	rs_agent_close(agent);
	fail_call_inside = false;
	account.error = r;
	memcpy(account.hit, fail_call_hit, sizeof(account.hit));
	if (fd_count() != before - 1) /* the lifeline was the SDK's, from the first call on */
		return AGENT_WRONG;
	if (write(report_fd, &account, sizeof(account)) != sizeof(account))
		return AGENT_WRONG;
	return r == -ESHUTDOWN ? AGENT_ENDED : AGENT_HEARD;
}

/* ---- a sensor by hand, for questions with a descriptor ---- */

static uint32_t hand_answered;

static void hand_answer(struct sensor *sensor, const struct sensor_question *question, enum sensor_verdict verdict,
			bool cache)
{
	hand_answered++;
	close(question->fd);
}

static const struct sensor_ops hand_ops = {.name = "hand", .answer = hand_answer};
static struct sensor hand = {.ops = &hand_ops};

/* ---- the platform ---- */

struct run {
	struct settings settings;
	struct session_ability *abilities;
	struct loop *loop;
	struct broker *broker;
	struct sensor *synth;
	struct sensor *replay;
	pid_t pid; /* of the agent; 0: none runs */
	int lifeline_fd;
	int report_fd;
	bool session; /* one was given, and has not ended */
	bool live;
	bool begun;
	uint32_t n_agents; /* that were started */
	uint32_t n_sessions;
	uint32_t n_by_hand;
	int error; /* the first that a call of the platform returned */
	struct account_nth account; /* of the agent that ended last */
	struct account_nth first;
	bool agents_fault; /* it is the first agent's Nth call that fails */
	unsigned nth;
};

static void noted(void *data, uint64_t agent_index, uint64_t process_id, enum ipc_agent_state state, const char *why)
{
	struct run *run = data;
	if (process_id != run->n_sessions)
		return; /* the end of one that came before */
	run->live = state == IPC_AGENT_LIVE;
	run->session = state != IPC_AGENT_GONE && state != IPC_AGENT_STOPPED;
}

static void before_wait(void *data)
{
	broker_before_wait(data);
}

static int start_platform(struct run *run)
{
	const struct broker_opts opts = {.loop = run->loop,
					 .settings = &run->settings,
					 .abilities = run->abilities,
					 .generation = 1,
					 .note = noted,
					 .note_data = run};
	int r = broker_new(&opts, &run->broker);
	if (r < 0)
		return r;
	const struct sensor_start start = {
		.loop = run->loop, .settings = &run->settings, .sink = broker_sink(run->broker), .group_fd = -1};
	r = sensor_synth_ops.open(&start, &run->synth);
	if (r >= 0)
		r = sensor_replay_ops.open(&start, &run->replay);
	if (r < 0)
		return r;
	synth_limit(run->synth, EVENTS);
	loop_set_before_wait(run->loop, before_wait, run->broker);
	r = broker_add_sensor(run->broker, run->synth);
	return r < 0 ? r : broker_add_sensor(run->broker, run->replay);
}

/* Returns what a call of the platform returned; the first error is kept. */
static int platform(struct run *run, int (*call)(struct run *run))
{
	fail_call_inside = true;
	int r = call(run);
	fail_call_inside = false;
	if (r < 0 && run->error == 0)
		run->error = r;
	return r;
}

static int new_loop(struct run *run)
{
	return loop_new(&run->loop);
}

static int turn(struct run *run)
{
	return loop_turn(run->loop, 5);
}

static void start_agent(struct run *run)
{
	int lifeline[2], report[2];
	if (run->n_agents++ == AGENTS_MAX)
		fail_msg("call %u, %s: agent after agent, %s", run->nth, fail_call_hit, strerror(-run->account.error));
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, lifeline), 0);
	assert_int_equal(pipe(report), 0);
	run->pid = fork();
	assert_true(run->pid >= 0);
	if (run->pid == 0) {
		dup3(lifeline[1], 3, 0);
		dup3(report[1], 4, 0);
		syscall(SYS_close_range, 5, ~0U, 0);
		fail_call_begin(run->agents_fault && run->n_agents == 1 ? run->nth : 0);
		_exit(agent_main(3, 4));
	}
	close(lifeline[1]);
	close(report[1]);
	run->lifeline_fd = lifeline[0];
	run->report_fd = report[0];
}

static int session_fd = -1;

static int add_session(struct run *run)
{
	const struct ipc_session who = {.head = {.size = sizeof(who), .type = IPC_SESSION},
					.name = "agent",
					.pid = (uint32_t)run->pid,
					.process_id = run->n_sessions};
	return broker_session(run->broker, STEAL_FD(session_fd), &who);
}

/* As the cage does. An agent that is on its way out does not take it. */
static void give_session(struct run *run)
{
	int pair[2];
	run->n_sessions++;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	session_fd = pair[0];
	run->live = false;
	run->session = platform(run, add_session) == 0;
	(void)fd_send(run->lifeline_fd, "s", 1, &pair[1], 1); /* it may have ended: then the session does, too */
	close(pair[1]);
}

static void take_account(struct run *run, int status)
{
	if (!WIFEXITED(status) || WEXITSTATUS(status) == AGENT_WRONG)
		fail_msg("the agent ended with status 0x%x", (unsigned)status);
	assert_int_equal(read(run->report_fd, &run->account, sizeof(run->account)), sizeof(run->account));
	if (run->n_agents == 1)
		run->first = run->account;
	run->pid = 0;
	run->report_fd = fd_close(run->report_fd);
	run->lifeline_fd = fd_close(run->lifeline_fd);
}

static void look_after_agent(struct run *run)
{
	int status;
	if (run->pid != 0 && waitpid(run->pid, &status, WNOHANG) == run->pid)
		take_account(run, status);
	if (run->pid == 0)
		start_agent(run);
	if (!run->session)
		give_session(run);
	if (run->live && !run->begun) {
		run->begun = true;
		assert_int_equal(run->synth->ops->begin(run->synth), 0);
		assert_int_equal(run->replay->ops->begin(run->replay), 0);
	}
}

static int ask_by_hand(struct run *run)
{
	uint64_t buffer[512];
	struct event_build build;
	struct rs_event_auth_open *body = event_build_begin(&build, buffer, sizeof(buffer), RS_EVENT_AUTH_OPEN);
	event_build_path(&build, &body->file, "/tmp/x", 6);
	event_build_end(&build);
	build.event->monotonic_ns = clock_monotonic_ns();
	const struct sensor_question question = {.sensor = &hand, .fd = open("/dev/null", O_RDONLY | O_CLOEXEC)};
	struct sensor_sink sink = broker_sink(run->broker);
	sink.event(sink.data, build.event, &question);
	return 0;
}

/* One after the other, and only while somebody is there to be asked. */
static bool all_is_asked(struct run *run)
{
	struct replay_progress progress;
	replay_progress(run->replay, &progress);
	if (broker_n_open(run->broker) > 0 || !synth_is_done(run->synth) || !progress.ended)
		return false;
	if (!run->live) /* also one whose end was found only now, with nobody left to ask */
		return false;
	if (run->n_by_hand == BY_HAND)
		return true;
	run->n_by_hand++;
	platform(run, ask_by_hand);
	return false;
}

static void serve(struct run *run)
{
	uint64_t until_ns = clock_monotonic_ns() + PATIENCE_NS;
	while (!all_is_asked(run)) {
		look_after_agent(run);
		if (platform(run, turn) < 0)
			return; /* the engine ends, and is started again: not here */
		if (clock_monotonic_ns() > until_ns)
			fail_msg("call %u, %s: it hangs: %u agents, %u sessions, %s, %u questions open", run->nth,
				 fail_call_hit, run->n_agents, run->n_sessions, run->live ? "live" : "not live",
				 broker_n_open(run->broker));
	}
}

static int end_platform(struct run *run)
{
	broker_free(run->broker);
	return 0;
}

static void end_agent(struct run *run)
{
	uint64_t until_ns = clock_monotonic_ns() + PATIENCE_NS;
	int status = 0;
	if (run->pid == 0)
		return;
	run->lifeline_fd = fd_close(run->lifeline_fd);
	while (waitpid(run->pid, &status, WNOHANG) == 0) {
		usleep(200);
		if (clock_monotonic_ns() > until_ns) {
			kill(run->pid, SIGKILL);
			fail_msg("call %u: the agent does not end", run->nth);
		}
	}
	take_account(run, status);
}

/* ---- what must hold at the end ---- */

static uint64_t misses_of(const struct run *run)
{
	static struct joined joined;
	joined.broker = run->broker;
	return joined_status_number(&joined, "misses");
}

/* How many there were. */
static uint64_t check_questions(const struct run *run)
{
	const struct sensor *sensors[] = {run->synth, run->replay};
	uint64_t n = run->n_by_hand;
	for (size_t i = 0; i < ARRAY_SIZE(sensors); i++) {
		struct sensor_counters counters;
		sensors[i]->ops->counters(sensors[i], &counters);
		assert_int_equal(counters.errors, 0);
		assert_int_equal(counters.answered_allow + counters.answered_deny, counters.questions);
		n += counters.questions;
	}
	assert_int_equal(hand_answered, run->n_by_hand);
	return n;
}

enum outcome {
	NOTHING_FAILED,
	RETURNED, /* a call returned it, of the platform's or of the SDK's */
	ANEW, /* a session or an agent ended, and another one came */
	COUNTED, /* a question was missed, or a recording ended early */
	UNNOTICED, /* there was another way: all was done all the same */
	N_OUTCOMES,
};

static enum outcome outcome_of(const struct run *run, uint64_t misses)
{
	bool agent_heard = run->first.error != 0 && run->first.error != -ESHUTDOWN;
	if (run->agents_fault ? run->first.hit[0] == '\0' : fail_call_hit[0] == '\0')
		return NOTHING_FAILED;
	if (run->error < 0 || agent_heard)
		return RETURNED;
	if (run->n_agents > 1 || run->n_sessions > 1)
		return ANEW;
	struct replay_progress progress;
	replay_progress(run->replay, &progress);
	return misses > 0 || progress.error < 0 ? COUNTED : UNNOTICED;
}

/* What needs no way around: it is tried again until it works. A lost wake-up would be worst of all: the next one comes
 * only when the agent asks for it. */
static bool is_tried_again(const struct run *run)
{
	return run->agents_fault ? strcmp(run->first.hit, "sendmsg") == 0 : strcmp(fail_call_hit, "write") == 0;
}

static void check_all_was_done(const struct run *run, uint64_t misses, uint64_t questions)
{
	assert_int_equal(run->error, 0);
	assert_int_equal(misses, 0);
	assert_int_equal(run->n_agents, 1);
	assert_int_equal(run->n_sessions, 1);
	assert_int_equal(run->first.error, -ESHUTDOWN);
	assert_int_equal(run->first.questions, questions);
	assert_true(questions > 30);
	/* the platform may take the last allow from memory, and be gone before the agent has told it to look */
	assert_in_range(run->first.answered, questions - 1, questions);
}

static const char *recording;

static void settle(struct run *run)
{
	run->settings.deadline_exec_ms = run->settings.deadline_open_ms = DEADLINE_MS;
	run->settings.strikes_max = 1000;
	run->settings.strike_window_s = run->settings.bench_s = 60;
	run->settings.sensor_synth_per_s = 100000;
	snprintf(run->settings.replay_path, sizeof(run->settings.replay_path), "%s", recording);
	run->settings.n_agents = 1;
	strcpy(run->settings.agents[0].name, "agent");
	run->settings.agents[0].ring_kb = 128;
	memset(&run->settings.agents[0].granted, 0xff, sizeof(run->settings.agents[0].granted));
	run->abilities = calloc(catalogue_n_events, sizeof(run->abilities[0]));
	assert_non_null(run->abilities);
	for (size_t i = 0; i < catalogue_n_events; i++)
		run->abilities[i].state = SESSION_MANDATORY;
}

static enum outcome run_with(unsigned n, bool agents_fault)
{
	struct run *run = calloc(1, sizeof(*run));
	unsigned before = fd_count();
	uint64_t misses = 0;
	settle(run);
	run->lifeline_fd = run->report_fd = -1;
	run->agents_fault = agents_fault;
	run->nth = n;
	hand_answered = 0;
	fail_call_begin(agents_fault ? 0 : n);
	if (platform(run, new_loop) == 0 && platform(run, start_platform) == 0) {
		serve(run);
		misses = misses_of(run);
	}
	platform(run, end_platform);
	end_agent(run);
	enum outcome outcome = outcome_of(run, misses);
	if (run->replay) {
		uint64_t questions = check_questions(run);
		if (outcome == NOTHING_FAILED || outcome == UNNOTICED || is_tried_again(run))
			check_all_was_done(run, misses, questions);
	}
	assert_true(run->replay || outcome == RETURNED);
	sensor_synth_ops.close(run->synth);
	sensor_replay_ops.close(run->replay);
	assert_int_not_equal(run->first.error, -ETIMEDOUT); /* nobody waits for what does not come */
	loop_free(run->loop);
	free(run->abilities);
	free(run);
	assert_int_equal(fd_count(), before);
	return outcome;
}

/* Until nothing failed some times in a row: now and then there is a call more. */
static void fail_each(bool agents_fault, unsigned counts[N_OUTCOMES])
{
	for (unsigned n = 1, passed = 0; passed < PASSES; n++) {
		assert_true(n < CALLS_MAX);
		enum outcome outcome = run_with(n, agents_fault);
		counts[outcome]++;
		passed = outcome == NOTHING_FAILED ? passed + 1 : 0;
	}
	print_message("%u returned, %u done anew, %u counted, %u unnoticed\n", counts[RETURNED], counts[ANEW],
		      counts[COUNTED], counts[UNNOTICED]);
}

static void test_platform(void **state)
{
	unsigned counts[N_OUTCOMES] = {0};
	fail_call_interrupts = false;
	fail_each(false, counts);
	assert_true(counts[RETURNED] > 10); /* else it was not reached */
	assert_true(counts[ANEW] > 10);
}

static void test_agent(void **state)
{
	unsigned counts[N_OUTCOMES] = {0};
	fail_call_interrupts = false;
	fail_each(true, counts);
	assert_true(counts[RETURNED] > 10);
}

/* What a signal ends is begun anew: nobody notices. */
static void test_interrupted(void **state)
{
	unsigned counts[N_OUTCOMES] = {0};
	fail_call_interrupts = true;
	fail_each(false, counts);
	fail_each(true, counts);
	assert_true(counts[UNNOTICED] > 20);
	assert_int_equal(counts[RETURNED] + counts[ANEW] + counts[COUNTED], 0);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_platform),
		cmocka_unit_test(test_agent),
		cmocka_unit_test(test_interrupted),
	};
	if (argc != 2) {
		fprintf(stderr, "usage: joined_nth_test RECORDING\n");
		return 2;
	}
	recording = argv[1];
	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

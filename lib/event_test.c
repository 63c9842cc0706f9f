/* SPDX-License-Identifier: Apache-2.0 */
/* Events, sleeping, questions and their descriptors, answers. */
#include "agent.h"

#include "base/clock.h"
#include "base/fd.h"
#include "fake_engine.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>

#include <cmocka.h>

/* The linker sends the SDK's allocations here (--wrap). */
static int allocations;

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);

void *__wrap_malloc(size_t size)
{
	allocations++;
	return __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
	allocations++;
	return __real_calloc(n, size);
}

static struct fake_engine fake;
static struct rs_agent *agent;

static int set_up(void **state)
{
	agent = fake_open_live(&fake);
	return 0;
}

static int tear_down(void **state)
{
	rs_agent_close(agent);
	fake_deinit(&fake);
	return 0;
}

static uint64_t soon(void)
{
	return clock_monotonic_ns() + FAKE_DEADLINE_NS;
}

static uint64_t ask(uint16_t flags)
{
	return fake_event(&fake, RS_EVENT_AUTH_OPEN, flags, soon());
}

static const struct rs_event *next(void)
{
	const struct rs_event *event = NULL;
	assert_int_equal(rs_agent_next(agent, 0, &event), 1);
	return event;
}

static bool readable(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	return poll(&p, 1, 0) == 1;
}

static bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

static int null_fd(void)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	return fd;
}

static void test_events(void **state)
{
	const struct rs_event *event = NULL;
	assert_int_equal(rs_agent_next(agent, 0, &event), 0);
	assert_int_equal(rs_agent_next(agent, 1, &event), 0);
	assert_null(event);
	assert_int_equal(rs_agent_next(NULL, 0, &event), -EINVAL);
	assert_int_equal(rs_agent_next(agent, 0, NULL), -EINVAL);

	fake_event(&fake, RS_EVENT_EXEC, 0, 0);
	fake_event(&fake, RS_EVENT_EXIT, 0, 0);
	event = next();
	assert_int_equal(event->id, 1);
	assert_non_null(rs_event_exec(event));
	assert_null(rs_event_exit(event));
	assert_true(ring_used(fake.ring) > event->size); /* the event is the agent's until its next call */
	assert_int_equal(next()->type, RS_EVENT_EXIT);
	assert_int_equal(rs_agent_next(agent, 0, &event), 0);
	assert_int_equal(ring_used(fake.ring), 0);
}

static void test_copy_and_names(void **state)
{
	char json[8192];
	struct rs_event *copy = NULL;
	fake_event(&fake, RS_EVENT_EXEC, 0, 0);
	const struct rs_event *event = next();
	assert_int_equal(rs_event_copy(event, &copy), 0);
	assert_memory_equal(event, copy, event->size);
	ssize_t size = rs_event_to_json(copy, json, sizeof(json));
	assert_true(size > 0 && json[size] == '\0');
	assert_non_null(strstr(json, "\"event\":\"exec\""));
	assert_int_equal(rs_event_to_json(copy, json, (size_t)size), -ENOBUFS);
	assert_int_equal(rs_event_to_json(NULL, json, 1), -EINVAL);
	assert_int_equal(rs_event_to_json(copy, NULL, 1), -EINVAL);
	copy->size = 8;
	struct rs_event *other = NULL;
	assert_int_equal(rs_event_copy(copy, &other), -EINVAL);
	assert_int_equal(rs_event_copy(NULL, &other), -EINVAL);
	assert_null(other);
	free(copy);

	assert_string_equal(rs_event_name(RS_EVENT_AUTH_OPEN), "auth_open");
	assert_null(rs_event_name(1));
	assert_int_equal(rs_event_type_by_name("auth_open"), RS_EVENT_AUTH_OPEN);
	assert_int_equal(rs_event_type_by_name("open_auth"), -ENOENT);
	assert_int_equal(rs_event_type_by_name(NULL), -ENOENT);
}

static void *engine_thread(void *count)
{
	for (int i = 0; i < *(int *)count; i++)
		fake_event(&fake, RS_EVENT_EXEC, 0, 0);
	return NULL;
}

/* Sleeps without a time-out while the engine writes: every event wakes, none is lost. */
static void test_sleep(void **state)
{
	pthread_t thread;
	int count = 20;
	for (int round = 0; round < 50; round++) {
		assert_int_equal(pthread_create(&thread, NULL, engine_thread, &count), 0);
		for (int i = 0; i < count; i++) {
			const struct rs_event *event = NULL;
			assert_int_equal(rs_agent_next(agent, -1, &event), 1);
			assert_int_equal(event->id, round * count + i + 1);
		}
		pthread_join(thread, NULL);
	}
}

/* An agent's own loop: readable when there is something, quiet when all was taken, from the handshake on. */
static void test_own_loop(void **state)
{
	const struct rs_event *event;
	int fd = rs_agent_fd(agent);
	assert_int_equal(rs_agent_fd(NULL), -EINVAL);
	assert_false(readable(fd));
	for (int i = 0; i < 3; i++) {
		fake_event(&fake, RS_EVENT_EXEC, 0, 0);
		fake_event(&fake, RS_EVENT_EXEC, 0, 0);
		assert_true(readable(fd));
		assert_int_equal(rs_agent_next(agent, 0, &event), 1);
		assert_int_equal(rs_agent_next(agent, 0, &event), 1);
		assert_int_equal(rs_agent_next(agent, 0, &event), 0);
		assert_false(readable(fd));
	}
	uint64_t id = ask(RS_EVENT_HAS_FD);
	fake_event_fd(&fake, id, null_fd());
	assert_int_equal(rs_agent_next(agent, 0, &event), 1);
	assert_int_equal(rs_agent_next(agent, 0, &event), 0);
	assert_false(readable(fd));
	fake_crash(&fake);
	assert_true(readable(fd));
	assert_int_equal(rs_agent_next(agent, 0, &event), 0);
	assert_false(readable(fd));
}

static void on_alarm(int signal)
{
}

static void test_interrupted(void **state)
{
	struct sigaction action = {.sa_handler = on_alarm}, old;
	struct itimerval soon_and_often = {{0, 2000}, {0, 2000}}, never = {0};
	const struct rs_event *event;
	sigaction(SIGALRM, &action, &old);
	setitimer(ITIMER_REAL, &soon_and_often, NULL);
	assert_int_equal(rs_agent_next(agent, -1, &event), -EINTR);
	setitimer(ITIMER_REAL, &never, NULL);
	sigaction(SIGALRM, &old, NULL);
	fake_event(&fake, RS_EVENT_EXEC, 0, 0);
	next();
}

static void wait_for_state(pid_t pid, char wanted)
{
	char path[32], text[512], state = 0;
	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	for (uint64_t until_ns = clock_monotonic_ns() + 30 * NS_PER_SEC; state != wanted; usleep(1000)) {
		assert_true(fd_read_file(AT_FDCWD, path, text, sizeof(text)) > 0);
		state = strrchr(text, ')')[2];
		assert_true(clock_monotonic_ns() < until_ns);
	}
}

/* Stopped and continued while it sleeps, as a debugger or a frozen session does: no handler ran, so nobody hears of it.
 * epoll_wait(2) would say EINTR then. */
static void test_stopped(void **state)
{
	const struct rs_event *event;
	int status;
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(rs_agent_next(agent, -1, &event) == 1 ? 0 : 1);
	for (int i = 0; i < 3; i++) {
		wait_for_state(pid, 'S');
		assert_int_equal(kill(pid, SIGSTOP), 0);
		wait_for_state(pid, 'T');
		assert_int_equal(kill(pid, SIGCONT), 0);
	}
	wait_for_state(pid, 'S');
	fake_event(&fake, RS_EVENT_EXEC, 0, 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void test_allow_and_deny(void **state)
{
	ask(0);
	uint64_t second = ask(0);
	const struct rs_event *event = next();
	assert_true(rs_respond_time_left_ns(event) > (int64_t)(FAKE_DEADLINE_NS / 2));
	assert_int_equal(rs_respond_allow(agent, event, RS_ALLOW_CACHE), 0);
	const struct session_answer *answer = fake_receive(&fake, SESSION_ANSWER);
	assert_int_equal(answer->head.request, event->id);
	assert_int_equal(answer->verdict, SESSION_ALLOW);
	assert_int_equal(answer->flags, SESSION_ANSWER_CACHE);
	assert_int_equal(rs_respond_allow(agent, event, 0), -EALREADY);
	assert_int_equal(rs_respond_deny(agent, event, NULL), -EALREADY);

	char rule[SESSION_RULE_SIZE + 1] = {0}, reason[RS_REASON_SIZE_MAX + 2] = {0};
	memset(rule, 'r', SESSION_RULE_SIZE);
	memset(reason, 's', RS_REASON_SIZE_MAX + 1);
	struct rs_deny_opts opts = {.size = sizeof(opts), .rule = rule};
	event = next();
	assert_int_equal(event->id, second);
	assert_int_equal(rs_respond_deny(agent, event, &opts), -E2BIG);
	opts = (struct rs_deny_opts){.size = sizeof(opts), .reason = reason};
	assert_int_equal(rs_respond_deny(agent, event, &opts), -E2BIG);
	opts.size = 1;
	assert_int_equal(rs_respond_deny(agent, event, &opts), -EINVAL);
	assert_int_equal(rs_respond_allow(agent, event, 2), -EINVAL);
	assert_null(fake_receive(&fake, SESSION_ANSWER)); /* the question is still open */
	rule[SESSION_RULE_SIZE - 1] = reason[RS_REASON_SIZE_MAX] = '\0';
	opts = (struct rs_deny_opts){.size = sizeof(opts), .rule = rule, .reason = reason};
	assert_int_equal(rs_respond_deny(agent, event, &opts), 0);
	answer = fake_receive(&fake, SESSION_ANSWER);
	assert_int_equal(answer->verdict, SESSION_DENY);
	assert_string_equal(answer->rule, rule);
	assert_string_equal(answer->reason, reason);

	fake_event(&fake, RS_EVENT_EXEC, 0, 0);
	event = next(); /* no question */
	assert_int_equal(rs_respond_allow(agent, event, 0), -EINVAL);
	assert_int_equal(rs_respond_time_left_ns(event), 0);
	assert_int_equal(rs_respond_allow(agent, NULL, 0), -EINVAL);
	assert_int_equal(rs_respond_deny(NULL, event, NULL), -EINVAL);
	assert_int_equal(rs_respond_time_left_ns(NULL), 0);
}

/* Answered from a copy while later events come; one that was never asked is not sent. */
static void test_answer_later(void **state)
{
	struct rs_event *copies[3];
	for (int i = 0; i < 3; i++) {
		ask(0);
		assert_int_equal(rs_event_copy(next(), &copies[i]), 0);
	}
	for (int i = 2; i >= 0; i--) {
		assert_int_equal(rs_respond_allow(agent, copies[i], 0), 0);
		const struct session_answer *answer = fake_receive(&fake, SESSION_ANSWER);
		assert_int_equal(answer->head.request, copies[i]->id);
	}
	copies[0]->id = 12345;
	assert_int_equal(rs_respond_allow(agent, copies[0], 0), -EALREADY);
	assert_null(fake_receive(&fake, SESSION_ANSWER));
	for (int i = 0; i < 3; i++)
		free(copies[i]);
}

static void test_late(void **state)
{
	fake_event(&fake, RS_EVENT_AUTH_OPEN, 0, clock_monotonic_ns());
	const struct rs_event *event = next();
	assert_true(rs_respond_time_left_ns(event) <= 0);
	assert_int_equal(rs_respond_allow(agent, event, 0), -EALREADY);
	assert_null(fake_receive(&fake, SESSION_ANSWER));
}

/* The engine does not read: the answer waits for room until its deadline, and then says that it did not count. */
static void test_engine_does_not_read(void **state)
{
	int size = 4096, sent = 0, error = 0;
	setsockopt(agent->session_fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	agent->pending.limit = 4;
	for (; sent < 1000 && error == 0; sent++) {
		fake_event(&fake, RS_EVENT_AUTH_OPEN, 0, clock_monotonic_ns() + 20 * NS_PER_MS);
		error = rs_respond_deny(agent, next(), NULL);
	}
	assert_true(sent > 1 && sent < 1000);
	assert_int_equal(error, -EALREADY);
	for (int i = 0; i < sent - 1; i++)
		assert_non_null(fake_receive(&fake, SESSION_ANSWER));
	assert_null(fake_receive(&fake, SESSION_ANSWER));
	ask(0);
	assert_int_equal(rs_respond_deny(agent, next(), NULL), 0); /* it reads again */
}

/* Allows need no reader, as long as there is room in memory; then they go by the session, and none is lost. A session
 * that is full needs no bell. */
static void test_answers_in_memory(void **state)
{
	int size = 4096;
	setsockopt(agent->session_fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	for (unsigned i = 0; i < RING_ANSWERS; i++) {
		ask(0);
		assert_int_equal(rs_respond_allow(agent, next(), 0), 0);
	}
	while (fake_receive(&fake, SESSION_BELL))
		;
	ask(0);
	assert_int_equal(rs_respond_allow(agent, next(), 0), 0);
	for (unsigned i = 0; i < RING_ANSWERS + 1; i++)
		assert_non_null(fake_receive(&fake, SESSION_ANSWER));
	assert_null(fake_receive(&fake, SESSION_ANSWER));
	/* who looks by itself is not told */
	ring_bell(fake.ring, false);
	ask(0);
	assert_int_equal(rs_respond_allow(agent, next(), 0), 0);
	assert_null(fake_receive(&fake, SESSION_BELL));
	assert_non_null(fake_receive(&fake, SESSION_ANSWER));
}

#define SLOW_ANSWERS 50

static void *slow_engine_thread(void *ret_received)
{
	int received = 0;
	for (int i = 0; i < 10000 && received < SLOW_ANSWERS; i++) {
		usleep(300);
		received += fake_receive(&fake, SESSION_ANSWER) != NULL;
	}
	*(int *)ret_received = received;
	return NULL;
}

/* The engine is slow to read: the answers wait for it, and none is lost. */
static void test_engine_reads_late(void **state)
{
	int size = 4096, received = 0;
	pthread_t thread;
	setsockopt(agent->session_fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	assert_int_equal(pthread_create(&thread, NULL, slow_engine_thread, &received), 0);
	for (int i = 0; i < SLOW_ANSWERS; i++) {
		ask(0);
		assert_int_equal(rs_respond_deny(agent, next(), NULL), 0);
	}
	pthread_join(thread, NULL);
	assert_int_equal(received, SLOW_ANSWERS);
}

static void test_event_fd(void **state)
{
	uint64_t id = ask(RS_EVENT_HAS_FD);
	fake_event_fd(&fake, id, null_fd());
	const struct rs_event *event = next();
	int fd = rs_event_fd(agent, event);
	assert_true(fd >= 0);
	assert_int_equal(rs_event_fd(agent, event), fd);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(rs_respond_allow(agent, event, 0), 0);
	assert_false(is_open(fd));
	assert_int_equal(rs_event_fd(agent, event), -EALREADY);

	ask(0);
	event = next();
	assert_int_equal(rs_event_fd(agent, event), -ENOENT);
	assert_int_equal(rs_event_fd(NULL, event), -EINVAL);
	assert_int_equal(rs_event_fd(agent, NULL), -EINVAL);

	/* descriptors come before their events are read, behind them, or for what was answered already */
	for (uint64_t i = 0; i < 3; i++) {
		id = ask(RS_EVENT_HAS_FD);
		fake_event_fd(&fake, id, null_fd());
	}
	event = next();
	assert_int_equal(rs_respond_allow(agent, event, 0), 0);
	assert_true(rs_event_fd(agent, next()) >= 0);
	assert_true(rs_event_fd(agent, next()) >= 0);
	id = ask(RS_EVENT_HAS_FD);
	event = next();
	assert_int_equal(rs_respond_allow(agent, event, 0), 0);
	int before = fake_open_descriptors();
	fake_event_fd(&fake, id, null_fd());
	assert_int_equal(rs_agent_next(agent, 0, &event), 0);
	assert_int_equal(fake_open_descriptors(), before);
}

/* Descriptors that come while a request waits for its reply are kept for their events. */
static void test_event_fd_during_request(void **state)
{
	enum rs_event_type type = RS_EVENT_EXEC;
	uint64_t first = ask(RS_EVENT_HAS_FD), second = ask(RS_EVENT_HAS_FD);
	fake_event_fd(&fake, first, null_fd());
	fake_event_fd(&fake, second, null_fd());
	fake_reply(&fake, 0);
	assert_int_equal(rs_agent_subscribe(agent, &type, 1, NULL), 0);
	assert_true(rs_event_fd(agent, next()) >= 0);
	assert_true(rs_event_fd(agent, next()) >= 0);
}

static void *late_fd_thread(void *data)
{
	usleep(5000);
	fake_event_fd(&fake, *(uint64_t *)data, null_fd());
	return NULL;
}

static void test_event_fd_late(void **state)
{
	pthread_t thread;
	uint64_t id = ask(RS_EVENT_HAS_FD);
	const struct rs_event *event = next();
	assert_int_equal(pthread_create(&thread, NULL, late_fd_thread, &id), 0);
	assert_true(rs_event_fd(agent, event) >= 0);
	pthread_join(thread, NULL);

	fake_event(&fake, RS_EVENT_AUTH_OPEN, RS_EVENT_HAS_FD, clock_monotonic_ns() + NS_PER_MS);
	assert_int_equal(rs_event_fd(agent, next()), -ETIMEDOUT); /* it never comes */
	ask(RS_EVENT_HAS_FD);
	event = next();
	fake_crash(&fake);
	assert_int_equal(rs_event_fd(agent, event), -EALREADY); /* nor does it from an engine that is gone */
}

/* No room for a descriptor: told for that event, and the session goes on. */
static void test_event_fd_no_room(void **state)
{
	struct rlimit limit, saved;
	uint64_t id = ask(RS_EVENT_HAS_FD);
	fake_event_fd(&fake, id, null_fd());
	getrlimit(RLIMIT_NOFILE, &saved);
	int probe = dup(0);
	limit = (struct rlimit){.rlim_cur = (rlim_t)probe, .rlim_max = saved.rlim_max};
	close(probe);
	setrlimit(RLIMIT_NOFILE, &limit);
	const struct rs_event *event = next();
	int error = rs_event_fd(agent, event);
	setrlimit(RLIMIT_NOFILE, &saved);
	assert_int_equal(error, -EMFILE);
	assert_int_equal(rs_respond_allow(agent, event, 0), 0);
	assert_non_null(fake_receive(&fake, SESSION_ANSWER));
	id = ask(RS_EVENT_HAS_FD);
	fake_event_fd(&fake, id, null_fd());
	assert_true(rs_event_fd(agent, next()) >= 0);
}

/* What is never answered is let go at its deadline, also while the agent sleeps. */
static void test_event_fd_expires(void **state)
{
	const struct rs_event *event;
	uint64_t id = fake_event(&fake, RS_EVENT_AUTH_OPEN, RS_EVENT_HAS_FD, clock_monotonic_ns() + 5 * NS_PER_MS);
	fake_event_fd(&fake, id, null_fd());
	int before = fake_open_descriptors();
	next();
	assert_int_equal(fake_open_descriptors(), before + 1);
	assert_int_equal(rs_agent_next(agent, 30, &event), 0);
	assert_int_equal(fake_open_descriptors(), before);
	assert_int_equal(agent->pending.count, 0);
}

static void test_breach_while_live(void **state)
{
	struct session_event_fd message = {.head = {.size = sizeof(message), .type = SESSION_EVENT_FD, .request = 1}};
	const struct rs_event *event;
	int before = fake_open_descriptors();
	int fds[2] = {fake.session, fake.session};
	fake_send(&fake, &message, sizeof(message), fds, 2); /* one too many */
	assert_int_equal(rs_agent_next(agent, 0, &event), -EPROTO);
	assert_int_equal(fake_open_descriptors(), before - 1); /* the session is over */
	assert_int_equal(rs_agent_next(agent, 0, &event), 0); /* and the next one is waited for */
	fake_session(&fake);
	fake_welcome(&fake);
	assert_int_equal(rs_agent_next(agent, 0, &event), 0);
	fake_event(&fake, RS_EVENT_EXEC, 0, 0);
	next();
}

static void test_ring_lies(void **state)
{
	const struct rs_event *event;
	void *at;
	assert_int_equal(ring_reserve(fake.ring, 1024, &at), RING_OK);
	memset(at, 0xff, 1024);
	ring_commit(fake.ring);
	ring_wake(fake.ring);
	assert_int_equal(rs_agent_next(agent, -1, &event), -EPROTO);
	assert_int_equal(rs_agent_next(agent, 0, &event), 0);
	fake_session(&fake);
	fake_welcome(&fake);
	fake_crash(&fake);
	assert_int_equal(rs_agent_next(agent, 0, &event), 0);
}

/* Next, descriptor, answer: nothing is allocated. */
static void test_no_allocation(void **state)
{
	allocations = 0;
	for (int i = 0; i < 100; i++) {
		fake_event_fd(&fake, ask(RS_EVENT_HAS_FD), null_fd());
		const struct rs_event *event = next();
		assert_true(rs_event_fd(agent, event) >= 0);
		assert_int_equal(rs_respond_allow(agent, event, RS_ALLOW_CACHE), 0);
		assert_non_null(fake_receive(&fake, SESSION_ANSWER));
		assert_int_equal(rs_agent_next(agent, 0, &event), 0);
	}
	assert_int_equal(allocations, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_events),
		TEST(test_copy_and_names),
		TEST(test_sleep),
		TEST(test_own_loop),
		TEST(test_interrupted),
		TEST(test_stopped),
		TEST(test_allow_and_deny),
		TEST(test_answer_later),
		TEST(test_late),
		TEST(test_engine_does_not_read),
		TEST(test_answers_in_memory),
		TEST(test_engine_reads_late),
		TEST(test_event_fd),
		TEST(test_event_fd_during_request),
		TEST(test_event_fd_late),
		TEST(test_event_fd_no_room),
		TEST(test_event_fd_expires),
		TEST(test_breach_while_live),
		TEST(test_ring_lies),
		TEST(test_no_allocation),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* judge and pool together, with workers that do what they should and with workers that do not. */
#include "yara/judge.h"

#include "common/common.h"
#include "yara/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define N_EVENTS 400u
#define BAD "FORBIDDEN-BYTES"

struct platform {
	int fd; /* of every question but the first n_large; -1: none */
	int large_fd;
	unsigned n_large;
	unsigned n_answers;
	uint64_t latest_ns; /* after the deadline; 0: never */
	struct {
		uint64_t id;
		struct judge_answer answer;
	} answers[N_EVENTS];
	struct ruleset *set;
	struct pool *pool;
	struct judge *judge;
};

static struct platform platform;

static int fake_fd(void *data, const struct rs_event *event)
{
	/* asked for when a worker is free, which may be after others came */
	return event->id < platform.n_large ? platform.large_fd : platform.fd;
}

static void fake_answer(void *data, const struct rs_event *event, const struct judge_answer *answer)
{
	for (unsigned i = 0; i < platform.n_answers; i++)
		assert_int_not_equal(platform.answers[i].id, event->id);
	uint64_t now = now_ns();
	if (now > event->deadline_ns)
		platform.latest_ns = MAX(platform.latest_ns, now - event->deadline_ns);
	platform.answers[platform.n_answers].id = event->id;
	platform.answers[platform.n_answers++].answer = *answer;
}

static void begin(unsigned workers, worker_function function, bool deny_on_timeout)
{
	static const struct inspect_limits limits = {.size_max_bytes = 4u << 20, .ends_bytes = 4096};
	const struct policy policy = {.deny_on_timeout = deny_on_timeout};
	const struct judge_ops ops = {.fd = fake_fd, .answer = fake_answer};
	platform = (struct platform){.fd = memfd_create("judged", MFD_CLOEXEC)};
	platform.set = folder_rules("rule bad { strings: $a = \"" BAD "\" condition: $a }\n");
	assert_int_equal(pool_new(workers, function, &limits, platform.set, &platform.pool), 0);
	assert_int_equal(judge_new(&ops, &policy, platform.pool, &platform.judge), 0);
}

static void end(void)
{
	judge_free(platform.judge);
	pool_free(platform.pool);
	ruleset_free(platform.set);
	closep(&platform.fd);
}

static void ask(uint64_t id, uint64_t time_ms, uint64_t size, uint64_t dev, uint32_t mode)
{
	struct {
		struct rs_event event;
		struct rs_event_auth_exec body;
	} question = {.event = {.size = sizeof(question),
				.type = RS_EVENT_AUTH_EXEC,
				.flags = RS_EVENT_IS_AUTH | RS_EVENT_HAS_FD,
				.header_size = sizeof(question.event),
				.body_offset = sizeof(question.event),
				.body_size = sizeof(question.body),
				.id = id,
				.deadline_ns = now_ns() + time_ms * 1000000},
		      .body = {.file = {.size_bytes = size, .id = {.dev = dev, .ino = id}, .mode = mode}}};
	judge_take(platform.judge, &question.event);
}

/* Until there are so many answers. */
static void work(unsigned n_answers)
{
	uint64_t until = now_ns() + UINT64_C(30000000000);
	while (platform.n_answers < n_answers) {
		struct pollfd fds[POOL_WORKERS_MAX];
		assert_true(now_ns() < until);
		judge_turn(platform.judge);
		for (unsigned i = 0; i < pool_n(platform.pool); i++)
			fds[i] = (struct pollfd){.fd = pool_fd(platform.pool, i), .events = POLLIN};
		int timeout_ms = judge_timeout_ms(platform.judge);
		poll(fds, pool_n(platform.pool), platform.n_answers < n_answers ? timeout_ms : 0);
	}
}

static enum inspect_outcome outcome_of(uint64_t id)
{
	for (unsigned i = 0; i < platform.n_answers; i++)
		if (platform.answers[i].id == id)
			return platform.answers[i].answer.outcome;
	fail_msg("no answer to %llu", (unsigned long long)id);
	return INSPECT_N_OUTCOMES;
}

static void test_judged(void **state)
{
	begin(2, worker_inspect, false);
	assert_int_equal(write(platform.fd, BAD, strlen(BAD)), strlen(BAD));
	for (unsigned i = 0; i < 100; i++)
		ask(i, 60000, 10, 1, S_IFREG);
	work(100);
	assert_int_equal(judge_counters(platform.judge)->outcomes[INSPECT_MATCH], 100);
	assert_string_equal(platform.answers[0].answer.rule, "bad");
	assert_int_equal(ftruncate(platform.fd, 0), 0);
	for (unsigned i = 100; i < 200; i++)
		ask(i, 60000, 10, 1, S_IFREG);
	work(200);
	for (unsigned i = 100; i < 200; i++)
		assert_true(platform.answers[i].answer.what.cache);
	assert_int_equal(pool_counters(platform.pool)->started, 2);
	/* no worker is asked about what is no file */
	ask(300, 60000, 0, 1, S_IFIFO);
	assert_int_equal(platform.answers[200].answer.outcome, INSPECT_SPECIAL);
	assert_true(platform.answers[200].answer.what.cache);
	closep(&platform.fd);
	platform.fd = -1;
	ask(301, 60000, 0, 1, 0);
	work(202);
	assert_int_equal(outcome_of(301), INSPECT_NO_DESCRIPTOR);
	end();
}

static void hang(int socket, const struct ruleset *set, const struct inspect_limits *limits)
{
	for (;;)
		pause();
}

/* Workers that never answer: everybody is answered in time, by policy, and there are always new workers. */
static void test_hanging_workers(void **state)
{
	for (int deny = 0; deny < 2; deny++) {
		begin(2, hang, deny);
		for (unsigned i = 0; i < 10; i++)
			ask(i, 800, 10, 0, S_IFREG);
		work(10);
		for (unsigned i = 0; i < 10; i++) {
			assert_int_equal(platform.answers[i].answer.outcome, INSPECT_NO_TIME);
			assert_int_equal(platform.answers[i].answer.what.deny, deny);
			assert_false(platform.answers[i].answer.what.cache);
			assert_string_equal(platform.answers[i].answer.rule, "not-scanned");
		}
		assert_int_equal(platform.latest_ns, 0);
		assert_int_equal(pool_counters(platform.pool)->ended, 2);
		end();
	}
}

static void crash(int socket, const struct ruleset *set, const struct inspect_limits *limits)
{
	static struct worker_job job;
	int fd;
	if (worker_receive_job(socket, &job, &fd) == 1)
		abort();
}

static void lie(int socket, const struct ruleset *set, const struct inspect_limits *limits)
{
	static struct worker_job job;
	int fd;
	while (worker_receive_job(socket, &job, &fd) == 1) {
		struct worker_result result = {.number = job.number + 1000, .result.outcome = INSPECT_CLEAN};
		if (send(socket, &result, job.number % 2 ? sizeof(result) : 3, 0) < 0)
			return;
	}
}

static void quit(int socket, const struct ruleset *set, const struct inspect_limits *limits)
{
}

static void test_crashing_workers(void **state)
{
	begin(2, crash, false);
	for (unsigned i = 0; i < 5; i++)
		ask(i, 30000, 10, 0, S_IFREG);
	work(5);
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(outcome_of(i), INSPECT_CRASHED);
	assert_int_equal(pool_counters(platform.pool)->died, 5);
	end();
	/* what is no answer to what was asked is none */
	begin(2, lie, false);
	for (unsigned i = 0; i < 6; i++)
		ask(i, 30000, 10, 0, S_IFREG);
	work(6);
	for (unsigned i = 0; i < 6; i++)
		assert_int_equal(outcome_of(i), INSPECT_CRASHED);
	end();
	/* one that cannot even begin is not started without end */
	begin(2, quit, false);
	ask(1, 1000, 10, 0, S_IFREG);
	work(1);
	assert_true(pool_counters(platform.pool)->started < 100);
	end();
}

static void test_too_many(void **state)
{
	begin(1, hang, false);
	for (unsigned i = 0; i < JUDGE_QUESTIONS_MAX + 5; i++)
		ask(i, 1000, 10, 0, S_IFREG);
	assert_int_equal(platform.n_answers, 5);
	assert_int_equal(platform.answers[0].answer.outcome, INSPECT_TOO_MANY);
	work(JUDGE_QUESTIONS_MAX + 5);
	end();
}

/* Hangs with what is large. */
static void slow_with_large(int socket, const struct ruleset *set, const struct inspect_limits *limits)
{
	static struct worker_job job;
	struct stat status;
	int fd;
	while (worker_receive_job(socket, &job, &fd) == 1) {
		struct worker_result result = {.number = job.number, .result.outcome = INSPECT_CLEAN};
		while (fstat(fd, &status) == 0 && status.st_size > 0)
			pause();
		close(fd);
		if (send(socket, &result, sizeof(result), 0) < 0)
			return;
	}
}

/* Large files never hold every worker. */
static void test_small_files_get_through(void **state)
{
	begin(3, slow_with_large, false);
	platform.large_fd = memfd_create("large", MFD_CLOEXEC);
	platform.n_large = 5;
	assert_int_equal(ftruncate(platform.large_fd, 10 << 20), 0);
	judge_turn(platform.judge);
	for (unsigned i = 0; i < platform.n_large; i++) {
		ask(i, 2000, 10 << 20, 0, S_IFREG);
		judge_turn(platform.judge);
	}
	for (unsigned i = 10; i < 60; i++)
		ask(i, 20000, 10, 0, S_IFREG);
	work(50);
	for (unsigned i = 10; i < 60; i++)
		assert_int_equal(outcome_of(i), INSPECT_CLEAN);
	work(55);
	for (unsigned i = 0; i < platform.n_large; i++)
		assert_int_equal(outcome_of(i), INSPECT_NO_TIME);
	closep(&platform.large_fd);
	end();
}

/* Answers after the time of a signal. */
static void wait_for_bytes(int socket, const struct ruleset *set, const struct inspect_limits *limits)
{
	static struct worker_job job;
	struct stat status = {0};
	int fd;
	while (worker_receive_job(socket, &job, &fd) == 1) {
		struct worker_result result = {.number = job.number,
					       .result = {.outcome = INSPECT_CLEAN, .by_bytes = 1}};
		while (fstat(fd, &status) == 0 && status.st_size == 0)
			usleep(1000);
		close(fd);
		if (send(socket, &result, sizeof(result), 0) < 0)
			return;
	}
}

/* What was begun by old rules is answered by them and not cached; what waits is judged by the new ones. */
static void test_new_rules(void **state)
{
	begin(1, wait_for_bytes, false);
	ask(1, 30000, 10, 0, S_IFREG);
	judge_turn(platform.judge);
	ask(2, 30000, 10, 0, S_IFREG);
	pool_set_rules(platform.pool, platform.set);
	assert_int_equal(write(platform.fd, "x", 1), 1);
	work(2);
	assert_int_equal(platform.answers[0].id, 1);
	assert_false(platform.answers[0].answer.what.cache);
	assert_true(platform.answers[1].answer.what.cache);
	assert_int_equal(judge_counters(platform.judge)->by_old_rules, 1);
	assert_int_equal(pool_counters(platform.pool)->started, 2);
	end();
}

/* A worker has no descriptor but its socket and what it is sent, and standard ones. */
static void count_fds(int socket, const struct ruleset *set, const struct inspect_limits *limits)
{
	static struct worker_job job;
	int fd;
	while (worker_receive_job(socket, &job, &fd) == 1) {
		struct worker_result result = {.number = job.number, .result.outcome = INSPECT_CLEAN};
		for (int i = 3; i < 1024; i++)
			if (i != fd && i != socket && fcntl(i, F_GETFD) >= 0)
				result.result.outcome = INSPECT_FAILED;
		if (send(socket, &result, sizeof(result), 0) < 0)
			return;
	}
}

static void test_descriptors(void **state)
{
	int other = dup(0), far = fcntl(0, F_DUPFD, 500);
	begin(1, count_fds, false);
	ask(1, 30000, 10, 0, S_IFREG);
	work(1);
	assert_int_equal(outcome_of(1), INSPECT_CLEAN);
	end();
	close(other);
	close(far);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_judged),
		cmocka_unit_test(test_hanging_workers),
		cmocka_unit_test(test_crashing_workers),
		cmocka_unit_test(test_too_many),
		cmocka_unit_test(test_small_files_get_through),
		cmocka_unit_test(test_new_rules),
		cmocka_unit_test(test_descriptors),
	};
	signal(SIGPIPE, SIG_IGN);
	yr_initialize();
	int r = cmocka_run_group_tests(tests, NULL, NULL);
	yr_finalize();
	return r;
}

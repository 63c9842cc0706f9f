/* SPDX-License-Identifier: Apache-2.0 */
/*
 * budget_test: what is read of the kernel's files; and the start of a process while the Nth allocation, open, clone or
 * write fails, for every N: it fails with an error, or does without, and nothing is left behind.
 *
 * The calls go through the linker's --wrap (see meson.build).
 */
#include "base/clock.h"
#include "base/fd.h"
#include "base/fd_count.h"
#include "base/macro.h"
#include "cage/incarnation.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

/* ---- the Nth of these calls fails ---- */

static unsigned calls, failing; /* 0: none fails */

static bool fails(int error)
{
	if (++calls != failing)
		return false;
	errno = error;
	return true;
}

#define WRAP(type, name, error, failed, declared, passed) \
	type __real_##name declared; \
	type __wrap_##name declared; \
	type __wrap_##name declared \
	{ \
		return fails(error) ? (failed) : __real_##name passed; \
	}

WRAP(void *, calloc, ENOMEM, NULL, (size_t n, size_t size), (n, size))
WRAP(int, socketpair, EMFILE, -1, (int domain, int type, int protocol, int *pair), (domain, type, protocol, pair))
WRAP(pid_t, fork, EAGAIN, -1, (void), ())
WRAP(int, pidfd_open, EMFILE, -1, (pid_t pid, unsigned flags), (pid, flags))
WRAP(int, openat64, EMFILE, -1, (int dir, const char *path, int flags, mode_t mode), (dir, path, flags, mode))
WRAP(int, mkdirat, ENOSPC, -1, (int dir, const char *path, mode_t mode), (dir, path, mode))
WRAP(ssize_t, write, ENOSPC, -1, (int fd, const void *bytes, size_t size), (fd, bytes, size))
WRAP(int, epoll_ctl, ENOSPC, -1, (int epoll, int op, int fd, struct epoll_event *event), (epoll, op, fd, event))

struct end {
	struct loop *loop;
	bool ended;
};

static void on_started(void *data, struct incarnation *incarnation)
{
}

static void on_ended(void *data, struct incarnation *incarnation, int status)
{
	struct end *end = data;
	end->ended = true;
	incarnation_free(incarnation);
	loop_exit(end->loop);
}

/* A folder that looks like a control group as far as it is written to. */
static int make_home(char *path)
{
	assert_non_null(mkdtemp(path));
	return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static void start_with_nth(unsigned n, struct budget_home *home, bool *ret_started)
{
	static struct settings_agent settings = {
		.name = "tester", .path = "/bin/true", .memory_mb = 64, .files_max = 64, .tasks_max = 16};
	struct end end = {0};
	struct incarnation *incarnation;
	assert_int_equal(loop_new(&end.loop), 0);
	unsigned before = fd_count();
	struct incarnation_opts opts = {.loop = end.loop,
					.home = home,
					.settings = &settings,
					.uid = getuid(),
					.number = n,
					.null_fd = open("/dev/null", O_RDWR | O_CLOEXEC),
					.output_dir_fd = -1,
					.started = on_started,
					.data = &end,
					.ended = on_ended};
	calls = 0;
	failing = n;
	char why[400] = "";
	int r = incarnation_start(&opts, why, sizeof(why), &incarnation);
	assert_true(r >= 0 || strlen(why) > 10);
	*ret_started = r >= 0;
	if (r >= 0 && calls < n)
		failing = 0;
	if (r >= 0) {
		assert_int_equal(loop_run(end.loop), 0);
		assert_true(end.ended);
	}
	bool reached = calls >= n;
	failing = 0;
	fd_close(opts.null_fd);
	assert_int_equal(fd_count(), before);
	loop_free(end.loop);
	*ret_started = r >= 0 && !reached;
	assert_true(waitpid(-1, NULL, WNOHANG) < 0); /* no child is left */
}

static void nth(struct budget_home *home)
{
	bool whole = false;
	unsigned n = 0;
	while (!whole && n < 200)
		start_with_nth(++n, home, &whole);
	assert_true(whole);
	assert_true(n > 8); /* several calls did fail */
}

static void test_nth_failure(void **state)
{
	struct budget_home home;
	budget_home_init(&home, -1, "");
	nth(&home);
	budget_home_deinit(&home);
}

/* With a home whose groups do not take processes: every start says so and fails or does without. */
static void test_nth_failure_with_groups(void **state)
{
	char path[] = "/tmp/ringside-budget-XXXXXX", command[64];
	struct budget_home home = {.fd = make_home(path), .has = {[BUDGET_MEMORY] = true}};
	list_init(&home.left);
	nth(&home);
	budget_home_deinit(&home);
	snprintf(command, sizeof(command), "rm -r %s", path);
	assert_int_equal(system(command), 0);
}

/* ---- what is read ---- */

static void test_fields(void **state)
{
	static const char text[] = "low 0\nhigh 3\nmax 12\noom 2\noom_kill 1\noom_group_kill 9\n";
	uint64_t value = 77;
	assert_true(usage_field(text, "oom", &value) && value == 2);
	assert_true(usage_field(text, "oom_kill", &value) && value == 1);
	assert_true(usage_field(text, "low", &value) && value == 0);
	assert_false(usage_field(text, "oom_group", &value));
	assert_false(usage_field("", "max", &value));
	assert_false(usage_field("max\n", "max", &value));
	assert_false(usage_field("max x\n", "max", &value));
	assert_true(usage_field("max 18446744073709551615", "max", &value) && value == UINT64_MAX);
}

static void test_stat(void **state)
{
	struct usage_stat stat;
	assert_true(
		usage_parse_stat("7 (a) 9 9 9) S 1 7 7 0 -1 4194560 1 2 3 4 10 20 30 40 20 0 5 0 100 8192 6 1", &stat));
	assert_int_equal(stat.cpu_ticks, 100);
	assert_int_equal(stat.threads, 5);
	assert_int_equal(stat.resident_pages, 6);
	assert_false(usage_parse_stat("", &stat));
	assert_false(usage_parse_stat("7 (a", &stat));
	assert_false(usage_parse_stat("7 (a) S 1 7", &stat));
	assert_false(usage_parse_stat("7 (a) S 1 7 7 0 -1 4194560 1 2 3 4 10 20 -30 40 20 0 5 0 100 8192 6 1", &stat));
}

static void put(int dir_fd, const char *file, const char *text)
{
	int fd = openat(dir_fd, file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

/* Files as the kernel has them, some of them missing; what they mean for the reason of an end. */
static void test_hits(void **state)
{
	static const struct settings_agent agent = {.name = "tester", .memory_mb = 256, .files_max = 64};
	char path[] = "/tmp/ringside-budget-XXXXXX", text[80], command[64];
	struct budget budget = {.fd = make_home(path), .state_fd = -1};
	budget_look(&budget, &agent, 0, 1, true);
	assert_null(budget_why(&budget, &agent, text, sizeof(text)));
	put(budget.fd, "pids.events", "max 4\n");
	put(budget.fd, "cpu.stat", "usage_usec 1500\nnr_throttled 6\n");
	put(budget.fd, "memory.events", "oom 0\noom_kill 1\n");
	put(budget.fd, "memory.current", "4096\n");
	put(budget.fd, "memory.peak", "8192\n");
	budget_look(&budget, &agent, 0, 2, true);
	assert_int_equal(budget.hits[BUDGET_TASKS], 4);
	assert_int_equal(budget.hits[BUDGET_CPU], 6);
	assert_int_equal(budget.hits[BUDGET_MEMORY], 0);
	assert_int_equal(budget.usage.memory_bytes, 4096);
	assert_int_equal(budget.usage.memory_peak_bytes, 8192);
	assert_int_equal(budget.usage.cpu_us, 1500);
	assert_string_equal(budget_why(&budget, &agent, text, sizeof(text)),
			    "killed because the machine is out of memory");
	put(budget.fd, "memory.events", "oom 1\noom_kill 2\n");
	budget_look(&budget, &agent, 0, 3, false); /* a second has not passed */
	assert_int_equal(budget.hits[BUDGET_MEMORY], 0);
	budget_look(&budget, &agent, 0, 3 + NS_PER_SEC, false);
	assert_int_equal(budget.hits[BUDGET_MEMORY], 2);
	assert_string_equal(budget_why(&budget, &agent, text, sizeof(text)), "out of its memory budget of 256 MB");
	close(budget.fd);
	snprintf(command, sizeof(command), "rm -r %s", path);
	assert_int_equal(system(command), 0);
}

/* Kept by a limit the kernel counts nothing: a look that finds all in use is one hit, however long it stays so. */
static void test_hits_of_a_limit(void **state)
{
	static const struct settings_agent agent = {
		.name = "tester", .memory_mb = 256, .files_max = 64, .tasks_max = 8};
	char path[] = "/tmp/ringside-budget-XXXXXX", command[64];
	struct budget budget = {.fd = make_home(path), .state_fd = -1, .kept = {[BUDGET_TASKS] = BUDGET_BY_LIMIT}};
	static const struct {
		const char *tasks;
		uint64_t hits;
	} looks[] = {{"9\n", 0}, {"10\n", 1}, {"10\n", 1}, {"4\n", 1}, {"11\n", 2}};
	for (size_t i = 0; i < ARRAY_SIZE(looks); i++) {
		put(budget.fd, "pids.current", looks[i].tasks);
		budget_look(&budget, &agent, 0, i + 1, true);
		assert_int_equal(budget.hits[BUDGET_TASKS], looks[i].hits);
	}
	close(budget.fd);
	snprintf(command, sizeof(command), "rm -r %s", path);
	assert_int_equal(system(command), 0);
}

static void test_full(void **state)
{
	assert_false(budget_is_full(&(struct statvfs){.f_bavail = 1, .f_files = 9, .f_favail = 1}));
	assert_true(budget_is_full(&(struct statvfs){.f_bavail = 0, .f_files = 9, .f_favail = 1}));
	assert_true(budget_is_full(&(struct statvfs){.f_bavail = 1, .f_files = 9, .f_favail = 0}));
	assert_false(budget_is_full(&(struct statvfs){.f_bavail = 1})); /* no limit of inodes */
}

/* Every set of controllers that may be there: each budget is kept by its own, else by a limit, else not at all. */
static void test_kept_by(void **state)
{
	for (unsigned set = 0; set < 16; set++) {
		struct budget_home home = {
			.fd = set & 8 ? 0 : -1,
			.has = {[BUDGET_MEMORY] = set & 1, [BUDGET_CPU] = set & 2, [BUDGET_TASKS] = set & 4}};
		for (enum budget_kind kind = 0; kind < BUDGET_N_KINDS; kind++) {
			bool by_limit = kind != BUDGET_CPU && kind != BUDGET_DISK;
			enum budget_keeper expected = set & 8 && home.has[kind] ? BUDGET_BY_GROUP
						      : by_limit                ? BUDGET_BY_LIMIT
										: BUDGET_UNKEPT;
			assert_int_equal(budget_kept_by(&home, kind), expected);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nth_failure), cmocka_unit_test(test_nth_failure_with_groups),
		cmocka_unit_test(test_fields),      cmocka_unit_test(test_stat),
		cmocka_unit_test(test_hits),        cmocka_unit_test(test_kept_by),
		cmocka_unit_test(test_full),        cmocka_unit_test(test_hits_of_a_limit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

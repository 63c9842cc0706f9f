/* SPDX-License-Identifier: Apache-2.0 */
/* The fanotify sensor on a real kernel: open, exec, paths, self-immunity, scopes, overflow. */
#include "base/fd.h"
#include "base/macro.h"
#include "faults/world.h"
#include "sensor/who_test.h"
#include "wire/event_build.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

static const char *fs;
static struct world world;

static int tear_down(void **state)
{
	world_close(&world);
	alarm(0);
	return 0;
}

static void open_world(const struct world_opts *opts)
{
	struct world_opts with_fs = *opts;
	with_fs.fs = fs;
	world_open(&world, &with_fs);
}

static int set_up(void **state)
{
	alarm(30);
	open_world(&(struct world_opts){0});
	return 0;
}

static int set_up_alone(void **state)
{
	alarm(30);
	return 0;
}

static void test_open(void **state)
{
	struct world_shared *shared = world.shared;
	world_file(&world, "a", "x", 0644);
	uint64_t before = atomic_load(&shared->asked_open);
	assert_int_equal(world_open_file(&world, "a", O_RDONLY), 0);
	assert_int_equal(atomic_load(&shared->asked_open), before + 1);
	atomic_store(&shared->deny, 1);
	assert_int_equal(world_open_file(&world, "a", O_RDONLY), -EPERM);
	assert_int_equal(world_open_file(&world, "a", O_WRONLY), -EPERM);
	atomic_store(&shared->deny, 0);
	assert_int_equal(world_open_file(&world, "a", O_RDWR), 0);
	assert_int_equal(atomic_load(&shared->asked_open), before + 4);

	const struct rs_event *event = (const struct rs_event *)(const void *)shared->event;
	const struct rs_event_auth_open *body = rs_event_auth_open(event);
	struct stat status;
	assert_non_null(body);
	assert_null(event_check(event, event->size));
	assert_string_equal(rs_str_get(event, body->file.path, NULL), world_path(&world, "a"));
	assert_int_equal(stat(world_path(&world, "a"), &status), 0);
	assert_int_equal(body->file.id.ino, status.st_ino);
	assert_int_equal(body->file.id.dev, status.st_dev);
	assert_int_equal(body->file.size_bytes, 1);
	assert_int_equal(event->process.pid, getpid());
	assert_string_equal(event->process.comm, "faults_fanotify");
}

/* A process of a container, somebody logged in, is asked about. */
static void test_container_and_login(void **state)
{
	struct who *who = who_new();
	int status;
	world_file(&world, "a", "x", 0644);
	pid_t child = fork();
	if (child == 0)
		_exit(who_enter(who) && world_open_file(&world, "a", O_RDONLY) == 0 ? 0 : 1);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	const struct rs_event *event = (const struct rs_event *)(const void *)world.shared->event;
	assert_int_equal(event->type, RS_EVENT_AUTH_OPEN);
	who_expect(who, event);
	who_free(who);
}

static void test_exec(void **state)
{
	struct world_shared *shared = world.shared;
	world_program(&world, "program", 0755);
	assert_int_equal(world_run(&world, "program"), 0);
	assert_int_equal(atomic_load(&shared->asked_exec), 1);
	atomic_store(&shared->deny, 1);
	assert_int_equal(world_run(&world, "program"), -EPERM);
	assert_int_equal(atomic_load(&shared->asked_exec), 2);
}

static const struct rs_file *last_file(void)
{
	const struct rs_event *event = (const struct rs_event *)(const void *)world.shared->event;
	return (const struct rs_file *)(const void *)((const char *)event + event->body_offset);
}

static void expect_path(const char *path)
{
	const struct rs_event *event = (const struct rs_event *)(const void *)world.shared->event;
	size_t size;
	const char *bytes = rs_str_get(event, last_file()->path, &size);
	assert_int_equal(size, strlen(path));
	assert_memory_equal(bytes, path, size);
}

static void test_paths(void **state)
{
	static const char *const names[] = {"new\nline", "invalid-\xff\xfe-utf8", "ends (deleted)", "\x1b[31mred", " "};
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		world_file(&world, names[i], "x", 0644);
		assert_int_equal(world_open_file(&world, names[i], O_RDONLY), 0);
		expect_path(world_path(&world, names[i]));
		assert_int_equal(last_file()->flags, 0);
	}
}

/* The longest path that open(2) takes, and one that is longer, reached from within. */
static void test_long_path(void **state)
{
	char name[201];
	_cleanup_(fd_closep) int before = open(".", O_PATH | O_CLOEXEC);
	memset(name, 'd', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(chdir(world_path(&world, "")), 0);
	size_t size = strlen(world_path(&world, "")) - 1;
	char expected[4200];
	snprintf(expected, sizeof(expected), "%s", world_path(&world, ""));
	expected[size] = '\0';
	while (size + 1 + 200 + 1 + 2 < 4095) {
		assert_int_equal(mkdir(name, 0755), 0);
		assert_int_equal(chdir(name), 0);
		size += (size_t)snprintf(expected + size, sizeof(expected) - size, "/%s", name);
	}
	char last[256];
	size_t rest = 4095 - size - 1; /* the whole is 4,095 bytes and a NUL */
	memset(last, 'f', rest);
	last[rest] = '\0';
	_cleanup_(fd_closep) int fd = open(last, O_CREAT | O_RDWR | O_CLOEXEC, 0644);
	assert_true(fd >= 0);
	snprintf(expected + size, sizeof(expected) - size, "/%s", last);
	assert_int_equal(strlen(expected), 4095);
	expect_path(expected);
	assert_int_equal(last_file()->flags, 0);

	assert_int_equal(mkdir(name, 0755), 0);
	assert_int_equal(chdir(name), 0);
	_cleanup_(fd_closep) int deeper = open("deeper", O_CREAT | O_RDWR | O_CLOEXEC, 0644);
	assert_true(deeper >= 0);
	assert_int_equal(last_file()->flags, RS_FILE_PATH_CUT);
	assert_true(last_file()->id.ino != 0);
	assert_int_equal(fchdir(before), 0);
}

static void test_deleted(void **state)
{
	char path[64];
	world_file(&world, "gone", "x", 0644);
	_cleanup_(fd_closep) int fd = open(world_path(&world, "gone"), O_RDONLY | O_CLOEXEC);
	assert_int_equal(unlink(world_path(&world, "gone")), 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	_cleanup_(fd_closep) int again = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(again >= 0);
	expect_path(world_path(&world, "gone"));
	assert_int_equal(last_file()->flags, RS_FILE_DELETED);
}

/* The event's descriptor leaves no trace in the file: not even its access time. */
static void test_close_write_and_notify(void **state)
{
	struct world_shared *shared = world.shared;
	world_file(&world, "a", "x", 0644);
	assert_int_equal(atomic_load(&shared->notified), 0);
	world_command(&world, WORLD_WANT, LEDGER_WANT_CLOSE_WRITE);
	uint64_t asked = atomic_load(&shared->asked_open);
	assert_int_equal(world_open_file(&world, "a", O_RDONLY), 0);
	assert_int_equal(world_open_file(&world, "a", O_WRONLY), 0);
	world_wait(atomic_load(&shared->notified) == 1);
	assert_int_equal(((const struct rs_event *)(const void *)shared->event)->type, RS_EVENT_CLOSE_WRITE);
	expect_path(world_path(&world, "a"));
	assert_int_equal(atomic_load(&shared->asked_open), asked); /* nobody wants to be asked */

	world_command(&world, WORLD_WANT, LEDGER_WANT_OPEN | LEDGER_WANT_NOTIFY_OPEN);
	assert_int_equal(world_open_file(&world, "a", O_RDONLY), 0);
	assert_int_equal(atomic_load(&shared->asked_open), asked + 1);
	world_wait(atomic_load(&shared->notified) == 2);
	atomic_store(&shared->deny, 1);
	assert_int_equal(world_open_file(&world, "a", O_RDONLY), -EPERM);
	world_wait(atomic_load(&shared->notified) == 3);
	const struct rs_event *event = (const struct rs_event *)(const void *)shared->event;
	assert_int_equal(event->type, RS_EVENT_OPEN);
	assert_int_equal(rs_event_open(event)->denied, 1);
}

/* The rest of a moment when nobody asks: no event of any kind reaches the engine. */
static void test_want_nothing(void **state)
{
	world_file(&world, "a", "x", 0644);
	world_program(&world, "program", 0755);
	world_command(&world, WORLD_WANT, LEDGER_WANT_EXEC);
	uint64_t opens = atomic_load(&world.shared->asked_open);
	assert_int_equal(world_open_file(&world, "a", O_RDWR), 0);
	assert_int_equal(world_run(&world, "program"), 0);
	assert_int_equal(atomic_load(&world.shared->asked_open), opens);
	assert_int_equal(atomic_load(&world.shared->asked_exec), 1);
	world_command(&world, WORLD_WANT, 0);
	assert_int_equal(world_run(&world, "program"), 0);
	assert_int_equal(atomic_load(&world.shared->asked_exec), 1);
	world_command(&world, WORLD_WANT, LEDGER_WANT_OPEN | LEDGER_WANT_EXEC);
	assert_int_equal(world_run(&world, "program"), 0);
	assert_int_equal(atomic_load(&world.shared->asked_exec), 2);
	assert_true(atomic_load(&world.shared->asked_open) > opens);
}

static void test_scope(void **state)
{
	open_world(&(struct world_opts){.scope = "/in"});
	struct world_shared *shared = world.shared;
	assert_int_equal(mkdir(world_path(&world, "in"), 0755), 0);
	assert_int_equal(mkdir(world_path(&world, "inner"), 0755), 0);
	world_file(&world, "in/a", "x", 0644);
	world_file(&world, "inner/a", "x", 0644);
	uint64_t before = atomic_load(&shared->asked_open);
	atomic_store(&shared->deny, 1);
	assert_int_equal(world_open_file(&world, "inner/a", O_RDONLY), 0);
	assert_int_equal(world_open_file(&world, "in/a", O_RDONLY), -EPERM);
	assert_int_equal(atomic_load(&shared->asked_open), before + 1);
	world_look(&world);
	assert_true(shared->counters.outside >= 1);
}

static void test_answered_twice(void **state)
{
	world_file(&world, "a", "x", 0644);
	world_look(&world); /* the engine is through with the file's making */
	atomic_store(&world.shared->twice, 1);
	atomic_store(&world.shared->deny, 1);
	for (int i = 0; i < 100; i++)
		assert_int_equal(world_open_file(&world, "a", O_RDONLY), -EPERM);
	world_look(&world);
	assert_int_equal(world.shared->counters.errors, 100);
	assert_int_equal(world.shared->counters.answered_deny, 100);
}

/* More questions than the engine may have descriptors: nobody is denied for it, the keeper takes the rest. */
static void test_no_descriptors(void **state)
{
	enum { N = 300 };
	pid_t openers[N];
	open_world(&(struct world_opts){.engine_fds = LEDGER_FD_FLOOR + 512 + 100});
	world_file(&world, "a", "x", 0644);
	atomic_store(&world.shared->hold, 1);
	for (int i = 0; i < N; i++)
		openers[i] = world_opener(&world, "a", O_RDONLY);
	for (int i = 0; i < N; i++)
		assert_int_equal(world_join(openers[i]), 0);
	world_look(&world);
	assert_int_equal(world.shared->counters.errors, 0);
	assert_int_equal(world.shared->keeper.errors, 0);
	assert_true(world.shared->keeper.drained >= 1);
	assert_int_equal(world.shared->keeper.drained + world.shared->keeper.overdue, N);
	assert_int_equal(atomic_load(&world.shared->stuck), 0);
	/* the engine's late answers find nobody, and leave nothing behind */
	world_command(&world, WORLD_ANSWER_HELD, 0);
	world_look(&world);
	assert_int_equal(world.shared->counters.answered_late, world.shared->keeper.overdue);
}

/* Fewer descriptors than files that could be cached: the cache leaves room for questions. */
static void test_cache_leaves_descriptors(void **state)
{
	char name[32];
	open_world(&(struct world_opts){.engine_fds = LEDGER_FD_FLOOR + 512 + 100, .cache_entries = 4096});
	atomic_store(&world.shared->cache, 1);
	for (int i = 0; i < 300; i++) {
		snprintf(name, sizeof(name), "f%d", i);
		world_file(&world, name, "x", 0644);
		assert_int_equal(world_open_file(&world, name, O_RDONLY), 0);
	}
	world_look(&world);
	assert_int_equal(world.shared->counters.cache_size, 50);
	assert_int_equal(world.shared->counters.errors, 0);
	assert_int_equal(world.shared->keeper.drained, 0);
}

/* Scopes are written by people: through a symbolic link, with a slash at the end. */
static void test_scope_by_link(void **state)
{
	alarm(30);
	world_open_bare(&world, fs);
	assert_int_equal(mkdir(world_path(&world, "in"), 0755), 0);
	assert_int_equal(symlink("in", world_path(&world, "link")), 0);
	world_serve(&world, &(struct world_opts){.fs = fs, .scope = "/link/"});
	world_file(&world, "in/a", "x", 0644);
	world_file(&world, "out", "x", 0644);
	atomic_store(&world.shared->deny, 1);
	assert_int_equal(world_open_file(&world, "out", O_RDONLY), 0);
	assert_int_equal(world_open_file(&world, "in/a", O_RDONLY), -EPERM);
}

static void write_number(const char *path, long number)
{
	FILE *file = fopen(path, "we");
	assert_non_null(file);
	fprintf(file, "%ld", number);
	assert_int_equal(fclose(file), 0);
}

static uint64_t id_of_opener(pid_t pid)
{
	const struct rs_event *event = (const struct rs_event *)(const void *)world.shared->event;
	assert_int_equal(world_join(pid), 0);
	assert_int_equal(event->process.pid, pid);
	assert_int_equal(event->process.id & 0x3fffff, pid);
	return event->process.id;
}

static void test_pid_reuse(void **state)
{
	world_file(&world, "a", "x", 0644);
	pid_t first = world_opener(&world, "a", O_RDONLY);
	uint64_t id = id_of_opener(first);
	usleep(50000); /* start times are told in hundredths of a second */
	for (;;) { /* others take numbers too */
		write_number("/proc/sys/kernel/ns_last_pid", first - 1);
		pid_t second = world_opener(&world, "a", O_RDONLY);
		uint64_t second_id = id_of_opener(second);
		if (second != first)
			continue;
		assert_true(second_id != id);
		assert_true(second_id > id);
		return;
	}
}

/* How often the sensor knew its own. */
static uint64_t selves(void)
{
	world_look(&world);
	return world.shared->counters.self;
}

/* A process of this user that opened the file and ended; 0 or errno in ret_status. */
static pid_t opener_of(uint32_t uid, int *ret_status)
{
	const char *path = world_path(&world, "a");
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		if (setresgid(uid, uid, uid) < 0 || setresuid(uid, uid, uid) < 0)
			_exit(255);
		int fd = open(path, O_RDONLY | O_CLOEXEC);
		_exit(fd < 0 ? errno : 0);
	}
	*ret_status = world_join(pid);
	return pid;
}

/* The engine, its parent and the platform's users are never asked about; their number does not make a stranger one of
 * them. */
static void test_self(void **state)
{
	enum { PLATFORM = 64321, STRANGER = 64322 };
	struct world_shared *shared;
	int status;
	/* no deadline ends what waits for itself */
	open_world(&(struct world_opts){.platform_uid = PLATFORM, .deadline_ms = 60000});
	shared = world.shared;
	world_file(&world, "a", "x", 0644);
	atomic_store(&shared->deny, 1);
	assert_int_equal(world_open_file(&world, "a", O_RDONLY), -EPERM);
	uint64_t self = selves();
	uint64_t questions = shared->counters.questions;

	world_command(&world, WORLD_OPEN, 0);
	world_wait(atomic_load(&shared->opened) != 1);
	assert_int_equal(atomic_load(&shared->opened), 0);
	assert_int_equal(selves(), self + 1);

	atomic_store(&shared->opened, 1);
	atomic_store(&shared->daemon_opens, 1);
	world_wait(atomic_load(&shared->opened) != 1);
	assert_int_equal(atomic_load(&shared->opened), 0);
	assert_int_equal(selves(), self + 2);

	pid_t platform = opener_of(PLATFORM, &status);
	assert_int_equal(status, 0);
	assert_int_equal(selves(), self + 3);
	assert_int_equal(shared->counters.questions, questions);

	usleep(50000); /* start times are told in hundredths of a second */
	for (pid_t stranger = 0; stranger != platform;) { /* others take numbers too */
		write_number("/proc/sys/kernel/ns_last_pid", platform - 1);
		stranger = opener_of(STRANGER, &status);
		assert_int_equal(status, EPERM);
		assert_int_equal(selves(), self + 3);
		assert_int_equal(shared->counters.questions, ++questions);
	}
	assert_int_equal(atomic_load(&shared->stuck), 0);
	assert_int_equal(shared->keeper.overdue + shared->keeper.drained, 0);
}

/* The queue of notify events overflows while the engine does not read: told, and questions are not touched by it. */
static void test_overflow(void **state)
{
	enum { N = 20000 };
	char name[32];
	world_command(&world, WORLD_WANT, LEDGER_WANT_CLOSE_WRITE);
	atomic_store(&world.shared->nap, 1);
	world_command_post(&world, WORLD_NAP, 0);
	world_wait(atomic_load(&world.shared->nap) == 2);
	for (int i = 0; i < N; i++) { /* one event a file: else the kernel makes them one */
		snprintf(name, sizeof(name), "f%d", i);
		assert_int_equal(world_open_file(&world, name, O_CREAT | O_WRONLY), 0);
	}
	atomic_store(&world.shared->nap, 0);
	world_wait(atomic_load(&world.shared->lost) > 0);
	world_command(&world, WORLD_WANT, LEDGER_WANT_OPEN | LEDGER_WANT_EXEC);
	assert_in_range(atomic_load(&world.shared->notified), 16384, N - 1);
	atomic_store(&world.shared->deny, 1);
	assert_int_equal(world_open_file(&world, "f1", O_RDONLY), -EPERM);
	assert_int_equal(atomic_load(&world.shared->stuck), 0);
	world_look(&world);
	assert_int_equal(world.shared->counters.lost, 1);
}

static int run(const char *with_fs)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_open, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_container_and_login, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_exec, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_paths, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_long_path, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_deleted, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_close_write_and_notify, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_want_nothing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_scope, set_up_alone, tear_down),
		cmocka_unit_test_setup_teardown(test_answered_twice, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_no_descriptors, set_up_alone, tear_down),
		cmocka_unit_test_setup_teardown(test_cache_leaves_descriptors, set_up_alone, tear_down),
		cmocka_unit_test_setup_teardown(test_scope_by_link, set_up_alone, tear_down),
		cmocka_unit_test_setup_teardown(test_pid_reuse, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_self, set_up_alone, tear_down),
		cmocka_unit_test_setup_teardown(test_overflow, set_up, tear_down),
	};
	fs = with_fs;
	return cmocka_run_group_tests_name(with_fs, tests, NULL, NULL);
}

int main(void)
{
	world_enter_namespace();
	return run("tmpfs") + run("ext4");
}

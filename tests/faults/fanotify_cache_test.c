/* SPDX-License-Identifier: Apache-2.0 */
/* The verdict cache on a real kernel: what it spares, and that it never gives a stale allow. */
#include "base/fd.h"
#include "base/macro.h"
#include "faults/world.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

#define ENTRIES 64u
#define NOBODY 65534u

static const char *fs;
static struct world world;
static struct world_shared *shared;

static void open_world(uint32_t entries, uint32_t uid)
{
	alarm(40);
	/* a long deadline: on a busy machine the keeper would allow in the engine's place */
	world_open(&world,
		   &(struct world_opts){.fs = fs, .cache_entries = entries, .engine_uid = uid, .deadline_ms = 20000});
	shared = world.shared;
	atomic_store(&shared->cache, 1);
}

static int set_up(void **state)
{
	open_world(ENTRIES, 0);
	world_file(&world, "a", "Good", 0644);
	return 0;
}

static int set_up_alone(void **state)
{
	return 0;
}

static int set_up_unprivileged(void **state)
{
	open_world(ENTRIES, NOBODY);
	world_file(&world, "a", "Good", 0644);
	return 0;
}

static int tear_down(void **state)
{
	world_close(&world);
	alarm(0);
	return 0;
}

/* Whether this open was asked about. */
static bool asks(const char *name)
{
	uint64_t before = atomic_load(&shared->asked_open);
	assert_int_equal(world_open_file(&world, name, O_RDONLY), 0);
	return atomic_load(&shared->asked_open) != before;
}

static void put_in_cache(const char *name)
{
	asks(name);
	assert_false(asks(name));
}

static void make_old(const char *name)
{
	const struct timespec old[2] = {{.tv_sec = 1700000000}, {.tv_sec = 1700000000}};
	assert_int_equal(utimensat(AT_FDCWD, world_path(&world, name), old, 0), 0);
}

static void test_second_asks_nobody(void **state)
{
	assert_true(asks("a"));
	assert_false(asks("a"));
	world_look(&world);
	assert_int_equal(shared->counters.cache_size, 1);
	assert_int_equal(shared->counters.cache_hits, 0); /* the kernel itself */
}

/* Who allowed an open did not allow an execution. */
static void test_kinds_are_apart(void **state)
{
	world_program(&world, "program", 0755);
	put_in_cache("program");
	assert_int_equal(world_run(&world, "program"), 0);
	assert_int_equal(atomic_load(&shared->asked_exec), 1);
	assert_int_equal(world_run(&world, "program"), 0);
	assert_int_equal(atomic_load(&shared->asked_exec), 1);
	assert_false(asks("program"));
	world_look(&world);
	assert_int_equal(shared->counters.cache_size, 1); /* one file, two kinds */
	atomic_store(&shared->deny, 1);
	world_command(&world, WORLD_FLUSH, 0);
	assert_int_equal(world_run(&world, "program"), -EPERM);
	assert_int_equal(world_open_file(&world, "program", O_RDONLY), -EPERM);
}

static void test_deny_is_not_cached(void **state)
{
	atomic_store(&shared->deny, 1);
	assert_int_equal(world_open_file(&world, "a", O_RDONLY), -EPERM);
	atomic_store(&shared->deny, 0);
	assert_true(asks("a"));
}

static void test_not_asked_for(void **state)
{
	atomic_store(&shared->cache, 0);
	for (int i = 0; i < 200; i++)
		assert_true(asks("a"));
	/* a lease is taken now and then only, when no answer wants it */
	assert_in_range(atomic_load(&shared->cacheable), 64, 70);
	atomic_store(&shared->cache, 1);
	for (int i = 0; i < 64; i++)
		asks("a");
	assert_false(asks("a"));
}

static void test_write(void **state)
{
	put_in_cache("a");
	_cleanup_(fd_closep) int fd = open(world_path(&world, "a"), O_WRONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_true(asks("a")); /* before a byte was written */
	assert_int_equal(write(fd, "Bad", 3), 3);
	assert_true(asks("a"));
	assert_true(asks("a"));
}

static void test_truncate(void **state)
{
	put_in_cache("a");
	assert_int_equal(truncate(world_path(&world, "a"), 1), 0);
	assert_true(asks("a"));
	world_file(&world, "b", "Good", 0644);
	put_in_cache("b");
	assert_int_equal(world_open_file(&world, "b", O_WRONLY | O_TRUNC), 0);
	assert_true(asks("b"));
}

/* The writer was there first: no lease, no caching, as long as he or his mapping is. */
static void test_writer_before(void **state)
{
	int fd = open(world_path(&world, "a"), O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_true(asks("a"));
	assert_true(asks("a"));
	char *map = mmap(NULL, 4, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_true(map != MAP_FAILED);
	close(fd);
	assert_true(asks("a"));
	map[0] = 'B';
	assert_true(asks("a"));
	atomic_store(&shared->content, 1);
	assert_int_equal(world_open_file(&world, "a", O_RDONLY), -EPERM);
	assert_int_equal(munmap(map, 4), 0);
	make_old("a");
	assert_int_equal(world_open_file(&world, "a", O_RDONLY), -EPERM);
	world_look(&world);
	assert_true(shared->counters.cache_refused >= 4);
}

static void test_mapping_after(void **state)
{
	put_in_cache("a");
	_cleanup_(fd_closep) int fd = open(world_path(&world, "a"), O_RDWR | O_CLOEXEC);
	char *map = mmap(NULL, 4, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_true(map != MAP_FAILED);
	map[0] = 'B';
	make_old("a");
	atomic_store(&shared->content, 1);
	assert_int_equal(world_open_file(&world, "a", O_RDONLY), -EPERM);
	munmap(map, 4);
}

/* A writer comes while the question is open: the answer's caching is void. */
static void test_writer_while_pending(void **state)
{
	atomic_store(&shared->hold, 1);
	pid_t reader = world_opener(&world, "a", O_RDONLY);
	world_wait(atomic_load(&shared->held) == 1);
	assert_int_equal(atomic_load(&shared->cacheable), 1);
	pid_t writer = world_opener(&world, "a", O_WRONLY);
	world_wait(atomic_load(&shared->held) == 2);
	assert_int_equal(atomic_load(&shared->cacheable), 1); /* not for the writer's */
	atomic_store(&shared->hold, 0);
	world_command(&world, WORLD_ANSWER_HELD, 0);
	assert_int_equal(world_join(reader), 0);
	assert_int_equal(world_join(writer), 0);
	assert_true(asks("a"));
}

/* The same, and he truncates by name, which asks nobody: he waits for the lease of a question. */
static void test_truncate_while_pending(void **state)
{
	atomic_store(&shared->hold, 1);
	pid_t reader = world_opener(&world, "a", O_RDONLY);
	world_wait(atomic_load(&shared->held) == 1);
	assert_int_equal(truncate(world_path(&world, "a"), 0), 0);
	atomic_store(&shared->hold, 0);
	world_command(&world, WORLD_ANSWER_HELD, 0);
	assert_int_equal(world_join(reader), 0);
	make_old("a");
	assert_true(asks("a"));
	world_look(&world);
	assert_true(shared->counters.cache_refused >= 1);
}

static void test_rename_over(void **state)
{
	put_in_cache("a");
	world_file(&world, "b", "Bad", 0644);
	assert_int_equal(rename(world_path(&world, "b"), world_path(&world, "a")), 0);
	assert_true(asks("a"));
	/* a new name for the same bytes */
	put_in_cache("a");
	assert_int_equal(rename(world_path(&world, "a"), world_path(&world, "c")), 0);
	assert_false(asks("c"));
}

static void test_hard_link(void **state)
{
	put_in_cache("a");
	assert_int_equal(link(world_path(&world, "a"), world_path(&world, "b")), 0);
	assert_false(asks("b"));
	assert_int_equal(world_open_file(&world, "b", O_WRONLY), 0);
	assert_true(asks("a"));
}

static void test_replaced_while_judged(void **state)
{
	world_file(&world, "b", "Bad", 0644);
	atomic_store(&shared->hold, 1);
	pid_t reader = world_opener(&world, "a", O_RDONLY);
	world_wait(atomic_load(&shared->held) == 1);
	assert_int_equal(rename(world_path(&world, "b"), world_path(&world, "a")), 0);
	atomic_store(&shared->hold, 0);
	world_command(&world, WORLD_ANSWER_HELD, 0);
	assert_int_equal(world_join(reader), 0);
	assert_true(asks("a"));
}

static void test_two_readers_at_once(void **state)
{
	atomic_store(&shared->hold, 1);
	pid_t first = world_opener(&world, "a", O_RDONLY);
	pid_t second = world_opener(&world, "a", O_RDONLY);
	world_wait(atomic_load(&shared->held) == 2);
	assert_int_equal(atomic_load(&shared->cacheable), 2);
	atomic_store(&shared->hold, 0);
	world_command(&world, WORLD_ANSWER_HELD, 0);
	assert_int_equal(world_join(first), 0);
	assert_int_equal(world_join(second), 0);
	assert_false(asks("a"));
	world_look(&world);
	assert_int_equal(shared->counters.cache_size, 1);
	assert_int_equal(world_open_file(&world, "a", O_WRONLY), 0); /* nobody else's lease is left */
	assert_true(asks("a"));
}

static void test_eviction(void **state)
{
	char name[16];
	for (unsigned i = 0; i < 3 * ENTRIES; i++) {
		snprintf(name, sizeof(name), "f%u", i);
		world_file(&world, name, "x", 0644);
		put_in_cache(name);
	}
	world_look(&world);
	assert_int_equal(shared->counters.cache_size, ENTRIES);
	assert_int_equal(shared->counters.cache_removed, 2 * ENTRIES);
	assert_false(asks(name));
	assert_true(asks("f0"));
	assert_false(asks("f0"));
	/* what was evicted is free: a writer waits for nobody, even with O_NONBLOCK */
	assert_int_equal(world_open_file(&world, "f1", O_WRONLY | O_NONBLOCK), 0);
}

static void test_flush(void **state)
{
	char name[16];
	for (unsigned i = 0; i < ENTRIES; i++) {
		snprintf(name, sizeof(name), "f%u", i);
		world_file(&world, name, "x", 0644);
		put_in_cache(name);
	}
	atomic_store(&shared->hold, 1);
	pid_t reader = world_opener(&world, "a", O_RDONLY);
	world_wait(atomic_load(&shared->held) == 1);
	world_command(&world, WORLD_FLUSH, 0);
	atomic_store(&shared->hold, 0);
	world_command(&world, WORLD_ANSWER_HELD, 0);
	assert_int_equal(world_join(reader), 0);
	assert_true(asks("a")); /* that answer was of the old epoch */
	for (unsigned i = 0; i < ENTRIES; i++) {
		snprintf(name, sizeof(name), "f%u", i);
		assert_true(asks(name));
		assert_false(asks(name));
	}
	world_command(&world, WORLD_FLUSH, 0);
	world_look(&world);
	assert_int_equal(shared->counters.cache_size, 0);
	assert_int_equal(world_open_file(&world, "f1", O_WRONLY), 0);
}

static void test_off(void **state)
{
	open_world(0, 0);
	world_file(&world, "a", "x", 0644);
	assert_true(asks("a"));
	assert_true(asks("a"));
	assert_int_equal(atomic_load(&shared->cacheable), 0);
	world_command(&world, WORLD_FLUSH, 0);
	assert_true(asks("a"));
}

/* Another user with CAP_LEASE alone: files that all may read get a mark, the others are remembered. */
static void test_unprivileged(void **state)
{
	put_in_cache("a");
	world_look(&world);
	assert_int_equal(shared->counters.cache_hits, 0);
	world_file(&world, "secret", "x", 0600);
	put_in_cache("secret");
	world_look(&world);
	assert_true(shared->counters.cache_hits >= 1);
	assert_int_equal(shared->counters.cache_size, 2);
	assert_int_equal(world_open_file(&world, "secret", O_WRONLY), 0);
	assert_true(asks("secret"));
	assert_int_equal(world_open_file(&world, "a", O_WRONLY), 0);
	assert_true(asks("a"));
}

/* Marked while all might read it; then it is closed to us and written: the mark must not stay. */
static void test_unprivileged_chmod(void **state)
{
	put_in_cache("a");
	world_file(&world, "b", "x", 0644);
	put_in_cache("b");
	assert_int_equal(chmod(world_path(&world, "a"), 0600), 0);
	assert_int_equal(world_open_file(&world, "a", O_WRONLY), 0);
	assert_true(asks("a"));
	assert_false(asks("b"));
}

/* Who owns a file could close it to us while it is marked: so it is not marked, and remembered all the same. */
static void test_file_of_a_user(void **state)
{
	assert_int_equal(chown(world_path(&world, "a"), 1000, 1000), 0);
	put_in_cache("a");
	world_look(&world);
	assert_int_equal(shared->counters.cache_hits, 1);
	assert_int_equal(world_open_file(&world, "a", O_WRONLY), 0);
	assert_true(asks("a"));
}

static void test_nonblocking_writer(void **state)
{
	put_in_cache("a");
	assert_int_equal(world_open_file(&world, "a", O_WRONLY | O_NONBLOCK), -EAGAIN);
	world_wait(world_open_file(&world, "a", O_WRONLY | O_NONBLOCK) == 0);
	make_old("a");
	/* not once more: it is not cached for a while */
	assert_true(asks("a"));
	assert_true(asks("a"));
	assert_int_equal(world_open_file(&world, "a", O_WRONLY | O_NONBLOCK), 0);
}

static void test_lease_of_another(void **state)
{
	/* one that reads does not matter */
	_cleanup_(fd_closep) int fd = open(world_path(&world, "a"), O_RDONLY | O_CLOEXEC);
	signal(SIGIO, SIG_IGN);
	assert_int_equal(fcntl(fd, F_SETLEASE, F_RDLCK), 0);
	put_in_cache("a");
	assert_int_equal(fcntl(fd, F_SETLEASE, F_UNLCK), 0);
	/* one that writes would hold up the engine: the kernel denies, and everybody else goes on */
	world_file(&world, "b", "x", 0644);
	_cleanup_(fd_closep) int writer = open(world_path(&world, "b"), O_RDWR | O_CLOEXEC);
	world_wait(fcntl(writer, F_SETLEASE, F_WRLCK) == 0); /* the engine has let go */
	uint64_t cacheable = atomic_load(&shared->cacheable);
	assert_int_equal(world_open_file(&world, "b", O_RDONLY), -EPERM);
	assert_int_equal(atomic_load(&shared->cacheable), cacheable);
	world_file(&world, "c", "x", 0644);
	assert_true(asks("c"));
	world_wait(atomic_load(&shared->lost) == 1); /* named */
	assert_int_equal(fcntl(writer, F_SETLEASE, F_UNLCK), 0);
	assert_true(asks("b"));
}

static void test_young(void **state)
{
	_cleanup_(fd_closep) int fd = open(world_path(&world, "young"), O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
	assert_int_equal(write(fd, "x", 1), 1);
	fd = fd_close(fd);
	assert_true(asks("young"));
	assert_true(asks("young"));
	make_old("young");
	put_in_cache("young");
}

/* A deleted file gives its space back. */
static void test_deleted(void **state)
{
	put_in_cache("a");
	world_look(&world);
	assert_int_equal(shared->counters.cache_size, 1);
	assert_int_equal(unlink(world_path(&world, "a")), 0);
	while (world_look(&world), shared->counters.cache_size > 0)
		;
}

static int write_by_name(const char *name)
{
	_cleanup_(fd_closep) int fd = open(world_path(&world, name), O_WRONLY | O_CLOEXEC);
	return fd >= 0 && write(fd, "B", 1) == 1 ? 0 : -errno;
}

static int write_by_mapping(const char *name)
{
	_cleanup_(fd_closep) int fd = open(world_path(&world, name), O_RDWR | O_CLOEXEC);
	char *map = fd < 0 ? MAP_FAILED : mmap(NULL, 1, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		return -errno;
	*map = 'B';
	return munmap(map, 1);
}

static int write_by_truncate(const char *name)
{
	return truncate(world_path(&world, name), 0) < 0 ? -errno : write_by_name(name);
}

static int write_by_rename(const char *name)
{
	_cleanup_(fd_closep) int fd = open(world_path(&world, "other"), O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
	if (fd < 0 || write(fd, "B", 1) != 1)
		return -errno;
	return rename(world_path(&world, "other"), world_path(&world, name));
}

static int write_by_copy(const char *name)
{
	_cleanup_(fd_closep) int from = memfd_create("x", MFD_CLOEXEC);
	_cleanup_(fd_closep) int to = open(world_path(&world, name), O_WRONLY | O_CLOEXEC);
	if (write(from, "B", 1) != 1 || lseek(from, 0, SEEK_SET) < 0)
		return -errno;
	return copy_file_range(from, NULL, to, NULL, 1, 0) == 1 || write(to, "B", 1) == 1 ? 0 : -errno;
}

static void hammer(const char *path)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		int fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd >= 0)
			close(fd);
	}
}

/*
 * The property itself: from the moment a writer's call came back, nobody opens the file any more, however often it
 * was opened and cached before, while others go on opening it all the time.
 */
static void test_never_stale(void **state)
{
	static int (*const writers[])(const char *) = {write_by_name, write_by_mapping, write_by_truncate,
						       write_by_rename, write_by_copy};
	char name[16];
	unsigned n_cached = 0;
	atomic_store(&shared->content, 1);
	for (unsigned i = 0; i < 200; i++) {
		snprintf(name, sizeof(name), "s%u", i);
		world_file(&world, name, "Good", 0644);
		const char *path = world_path(&world, name);
		if (i % 2) /* not marked: remembered by the engine */
			assert_int_equal(chown(path, 1000, 1000), 0);
		pid_t other = fork();
		if (other == 0)
			hammer(path);
		for (int j = 0; j < 3; j++)
			n_cached += !asks(name);
		assert_int_equal(writers[i % ARRAY_SIZE(writers)](name), 0);
		make_old(name);
		for (int j = 0; j < 3; j++)
			assert_int_equal(world_open_file(&world, name, O_RDONLY), -EPERM);
		kill(other, SIGKILL);
		waitpid(other, NULL, 0);
	}
	world_look(&world);
	assert_int_equal(shared->keeper.overdue + shared->keeper.drained, 0);
	assert_true(shared->counters.cache_added >= 100);
	assert_int_equal(shared->counters.errors, 0);
	print_message("%u of 600 opens before the write came from the cache\n", n_cached);
}

static int run(const char *with_fs)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_second_asks_nobody, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_kinds_are_apart, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_deny_is_not_cached, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_not_asked_for, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_write, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_truncate, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_writer_before, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_mapping_after, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_writer_while_pending, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_truncate_while_pending, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_rename_over, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_hard_link, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_replaced_while_judged, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_two_readers_at_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_eviction, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_flush, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_off, set_up_alone, tear_down),
		cmocka_unit_test_setup_teardown(test_unprivileged, set_up_unprivileged, tear_down),
		cmocka_unit_test_setup_teardown(test_unprivileged_chmod, set_up_unprivileged, tear_down),
		cmocka_unit_test_setup_teardown(test_file_of_a_user, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_nonblocking_writer, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_lease_of_another, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_young, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_deleted, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_never_stale, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_never_stale, set_up_unprivileged, tear_down),
	};
	fs = with_fs;
	return cmocka_run_group_tests_name(with_fs, tests, NULL, NULL);
}

int main(void)
{
	world_enter_namespace();
	return run("tmpfs") + run("ext4");
}

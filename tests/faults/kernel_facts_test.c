/* SPDX-License-Identifier: Apache-2.0 */
/* What we take for granted of the kernel's fanotify and leases. When one of these fails on a kernel, the design does.
 */
#include "base/clock.h"
#include "base/fd.h"
#include "base/macro.h"
#include "faults/world.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <cmocka.h>

#define PERMISSIONS (FAN_OPEN_PERM | FAN_OPEN_EXEC_PERM)

static const char *fs;
static struct world world;
static int group;

static int mark(unsigned flags, uint64_t mask, int fd, const char *path)
{
	return fanotify_mark(group, flags, mask, path ? AT_FDCWD : fd, path) < 0 ? -errno : 0;
}

static int new_group(unsigned flags)
{
	int fd = fanotify_init(FAN_CLASS_CONTENT | FAN_CLOEXEC | FAN_NONBLOCK | flags,
			       O_RDONLY | O_LARGEFILE | O_CLOEXEC | O_NOATIME | O_NONBLOCK);
	assert_true(fd >= 0);
	return fd;
}

static int set_up(void **state)
{
	alarm(20);
	world_open_bare(&world, fs);
	world_file(&world, "a", "Good", 0644);
	group = new_group(FAN_UNLIMITED_QUEUE | FAN_UNLIMITED_MARKS);
	assert_int_equal(mark(FAN_MARK_ADD | FAN_MARK_FILESYSTEM, PERMISSIONS, -1, world_path(&world, "")), 0);
	return 0;
}

static int tear_down(void **state)
{
	group = fd_close(group);
	world_close(&world);
	alarm(0);
	return 0;
}

/* A child that inherited the group would hold it. */
static pid_t start_opener(const char *name, int flags)
{
	const char *path = world_path(&world, name);
	pid_t pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(group);
		_exit(open(path, flags) < 0 ? errno : 0);
	}
	return pid;
}

static int take(void)
{
	struct fanotify_event_metadata event;
	struct pollfd wait = {.fd = group, .events = POLLIN};
	poll(&wait, 1, -1);
	ssize_t size = read(group, &event, sizeof(event));
	return size == sizeof(event) ? event.fd : -errno;
}

static int answer(int fd, uint32_t response)
{
	struct fanotify_response to = {.fd = fd, .response = response};
	return write(group, &to, sizeof(to)) == sizeof(to) ? 0 : -errno;
}

static void test_unanswered_blocks(void **state)
{
	pid_t opener = start_opener("a", O_RDONLY);
	_cleanup_(fd_closep) int fd = take();
	usleep(200000);
	assert_true(world_is_running(opener));
	assert_int_equal(answer(fd, FAN_DENY), 0);
	assert_int_equal(world_join(opener), EPERM);
	assert_int_equal(answer(fd, FAN_DENY), -ENOENT);
}

/* The event's own descriptor has nothing to do with the answer. */
static void test_number_after_close(void **state)
{
	pid_t opener = start_opener("a", O_RDONLY);
	int fd = take();
	close(fd);
	assert_int_equal(answer(fd, FAN_DENY), 0);
	assert_int_equal(world_join(opener), EPERM);
}

static void test_last_descriptor_allows(void **state)
{
	pid_t taken = start_opener("a", O_RDONLY);
	_cleanup_(fd_closep) int fd = take();
	pid_t queued = start_opener("a", O_RDONLY);
	int duplicate = dup(group);
	group = fd_close(group);
	usleep(100000);
	assert_true(world_is_running(taken)); /* a duplicate keeps them */
	assert_true(world_is_running(queued));
	close(duplicate);
	assert_int_equal(world_join(taken), 0);
	assert_int_equal(world_join(queued), 0);
}

/* Another process reads; it dies; who holds a duplicate answers by the number. */
static void test_duplicate_answers(void **state)
{
	int numbers[2], number;
	pid_t opener = start_opener("a", O_RDONLY);
	assert_int_equal(pipe(numbers), 0);
	pid_t reader = fork();
	if (reader == 0) {
		for (int i = 0; i < 50; i++)
			if (dup(0) < 0) /* its numbers are others than ours */
				_exit(2);
		number = take();
		_exit(write(numbers[1], &number, sizeof(number)) != sizeof(number));
	}
	assert_int_equal(read(numbers[0], &number, sizeof(number)), sizeof(number));
	assert_int_equal(world_join(reader), 0);
	assert_true(world_is_running(opener));
	assert_true(fcntl(number, F_GETFD) < 0);
	assert_int_equal(answer(number, FAN_ALLOW), 0);
	assert_int_equal(world_join(opener), 0);
	close(numbers[0]);
	close(numbers[1]);
}

/* Two events with one number, of two readers: the answer goes to the older. Why the numbers are kept apart. */
static void test_same_number_twice(void **state)
{
	pid_t first = start_opener("a", O_RDONLY);
	pid_t reader = fork();
	if (reader == 0)
		_exit(take());
	int number = world_join(reader);
	pid_t second = start_opener("a", O_RDONLY);
	_cleanup_(fd_closep) int fd = take();
	assert_int_equal(fd, number);
	assert_int_equal(answer(number, FAN_DENY), 0);
	assert_int_equal(world_join(first), EPERM);
	assert_true(world_is_running(second));
	assert_int_equal(answer(number, FAN_ALLOW), 0);
	assert_int_equal(world_join(second), 0);
}

static void test_queue_size(void **state)
{
	int size = -1;
	assert_int_equal(ioctl(group, FIONREAD, &size), 0);
	assert_int_equal(size, 0);
	pid_t opener = start_opener("a", O_RDONLY);
	struct pollfd wait = {.fd = group, .events = POLLIN};
	assert_int_equal(poll(&wait, 1, 5000), 1);
	assert_int_equal(ioctl(group, FIONREAD, &size), 0);
	assert_int_equal(size, sizeof(struct fanotify_event_metadata));
	_cleanup_(fd_closep) int fd = take();
	assert_int_equal(ioctl(group, FIONREAD, &size), 0);
	assert_int_equal(size, 0); /* taken, not answered: not in the queue */
	assert_int_equal(poll(&wait, 1, 0), 0);
	answer(fd, FAN_ALLOW);
	assert_int_equal(world_join(opener), 0);
}

/* No descriptor for the event: the operation is denied, and the reader hears of it when he reads one at a time. */
static void test_no_descriptor_denies(void **state)
{
	struct rlimit old, limit;
	pid_t opener = start_opener("a", O_RDONLY);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	int free_fd = dup(0);
	close(free_fd);
	limit = (struct rlimit){.rlim_cur = (rlim_t)free_fd, .rlim_max = old.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	int r = take();
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	assert_int_equal(r, -EMFILE);
	assert_int_equal(world_join(opener), EPERM);
}

static void ignore(int fd, uint64_t mask)
{
	assert_int_equal(mark(FAN_MARK_ADD | FAN_MARK_IGNORED_MASK, mask, fd, NULL), 0);
}

/* Opened without being asked about. */
static int open_quietly(const char *name, int flags)
{
	assert_int_equal(mark(FAN_MARK_REMOVE | FAN_MARK_FILESYSTEM, PERMISSIONS, -1, world_path(&world, "")), 0);
	int fd = open(world_path(&world, name), flags | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(mark(FAN_MARK_ADD | FAN_MARK_FILESYSTEM, PERMISSIONS, -1, world_path(&world, "")), 0);
	return fd;
}

/* Answers allow to whatever comes until the opener is through. True: something came. */
static bool is_asked(const char *name)
{
	pid_t opener = start_opener(name, O_RDONLY);
	bool asked = false;
	while (world_is_running(opener)) {
		struct pollfd wait = {.fd = group, .events = POLLIN};
		if (poll(&wait, 1, 10) <= 0)
			continue;
		_cleanup_(fd_closep) int fd = take();
		asked |= fd >= 0;
		answer(fd, FAN_ALLOW);
	}
	assert_int_equal(world_join(opener), 0);
	return asked;
}

static void test_ignore_mark(void **state)
{
	_cleanup_(fd_closep) int fd = open_quietly("a", O_RDONLY);
	assert_true(is_asked("a"));
	ignore(fd, FAN_OPEN_EXEC_PERM);
	assert_true(is_asked("a")); /* another kind */
	ignore(fd, FAN_OPEN_PERM);
	assert_false(is_asked("a"));
	int writer = open_quietly("a", O_RDWR);
	assert_false(is_asked("a")); /* whoever only comes to write leaves it */
	char *map = mmap(NULL, 4, PROT_READ | PROT_WRITE, MAP_SHARED, writer, 0);
	assert_true(map != MAP_FAILED);
	map[0] = 'y';
	assert_int_equal(msync(map, 4, MS_SYNC), 0);
	assert_false(is_asked("a")); /* so does a store: why there are leases */
	munmap(map, 4);
	assert_int_equal(write(writer, "x", 1), 1);
	assert_true(is_asked("a")); /* write(2) takes it away */
	ignore(fd, FAN_OPEN_PERM);
	assert_true(is_asked("a")); /* and while a writer is there, it is not set, and no error told */
	close(writer);
	ignore(fd, FAN_OPEN_PERM);
	assert_false(is_asked("a"));
}

static void test_flush_takes_inode_marks_only(void **state)
{
	_cleanup_(fd_closep) int fd = open_quietly("a", O_RDONLY);
	ignore(fd, PERMISSIONS);
	assert_false(is_asked("a"));
	assert_int_equal(mark(FAN_MARK_FLUSH, 0, AT_FDCWD, NULL), 0);
	assert_true(is_asked("a"));
	assert_true(is_asked("a"));
}

/* Whoever meets a mark that is being deleted passes, and it is met for as long as somebody who saw it waits: why the
 * cache empties its marks and never deletes one. */
static void test_deleted_mark_lets_pass(void **state)
{
	_cleanup_(fd_closep) int fd = open_quietly("a", O_RDONLY);
	ignore(fd, FAN_MODIFY); /* a mark that ignores no open */
	pid_t first = start_opener("a", O_RDONLY);
	_cleanup_(fd_closep) int first_fd = take();

	ignore(fd, FAN_OPEN_PERM);
	assert_int_equal(mark(FAN_MARK_REMOVE | FAN_MARK_IGNORED_MASK, FAN_OPEN_PERM, fd, NULL), 0);
	assert_true(is_asked("a")); /* emptied */

	assert_int_equal(mark(FAN_MARK_REMOVE | FAN_MARK_IGNORED_MASK, FAN_MODIFY, fd, NULL), 0);
	assert_false(is_asked("a")); /* deleted */
	assert_int_equal(answer(first_fd, FAN_ALLOW), 0);
	assert_int_equal(world_join(first), 0);
	assert_true(is_asked("a"));
}

/* Whether an open of a file is asked about while another open of it waits for its answer, and the mark that was there
 * when that one began is taken away in between. */
static bool is_asked_after(void (*take_away)(int fd), int fd)
{
	pid_t waiting = start_opener("a", O_RDWR);
	int waiting_fd = take();
	take_away(fd);
	bool asked = is_asked("a");
	answer(waiting_fd, FAN_ALLOW);
	close(waiting_fd);
	assert_int_equal(world_join(waiting), 0);
	return asked;
}

static void keep_with(unsigned flags, uint64_t mask, int fd)
{
	assert_int_equal(mark(FAN_MARK_ADD | FAN_MARK_IGNORED_MASK | flags, mask, fd, NULL), 0);
}

static void remove_exec(int fd)
{
	assert_int_equal(mark(FAN_MARK_REMOVE | FAN_MARK_IGNORED_MASK, FAN_OPEN_EXEC_PERM, fd, NULL), 0);
}

/* With the flags that ours have: also after a write, which takes the bits of a mark that does not survive it. */
static void test_mark_removed_while_somebody_waits(void **state)
{
	const unsigned flags = FAN_MARK_IGNORED_SURV_MODIFY | FAN_MARK_EVICTABLE;
	_cleanup_(fd_closep) int fd = open_quietly("a", O_RDONLY);
	keep_with(flags, FAN_OPEN_EXEC_PERM | FAN_ACCESS, fd);
	int writer = open_quietly("a", O_WRONLY);
	assert_int_equal(write(writer, "x", 1), 1);
	close(writer);
	assert_true(is_asked_after(remove_exec, fd));
	assert_true(is_asked_after(remove_exec, fd)); /* once more, with nothing in it to remove */
	keep_with(flags, FAN_OPEN_PERM, fd);
	assert_false(is_asked("a"));
}

static int inotify;
static int watch;

static void remove_watch(int fd)
{
	assert_int_equal(inotify_rm_watch(inotify, watch), 0);
}

/* The same with a mark of anybody: a watch of inotify(7). What a mark of ours on the inode is good for: it comes
 * first in the list. */
static void test_watch_removed_while_somebody_waits(void **state)
{
	_cleanup_(fd_closep) int fd = open_quietly("a", O_RDONLY);
	inotify = inotify_init1(IN_CLOEXEC);
	watch = inotify_add_watch(inotify, world_path(&world, "a"), IN_ATTRIB);
	assert_true(watch >= 0);
	print_message("inotify watch removed while somebody waits: the next open is %s\n",
		      is_asked_after(remove_watch, fd) ? "asked about" : "let pass unasked");
	watch = inotify_add_watch(inotify, world_path(&world, "a"), IN_ATTRIB);
	keep_with(FAN_MARK_IGNORED_SURV_MODIFY | FAN_MARK_EVICTABLE, FAN_ACCESS, fd);
	assert_true(is_asked_after(remove_watch, fd));
	inotify = fd_close(inotify);
}

static void quiet(void)
{
	assert_int_equal(mark(FAN_MARK_REMOVE | FAN_MARK_FILESYSTEM, PERMISSIONS, -1, world_path(&world, "")), 0);
}

static int lease(int fd)
{
	return fcntl(fd, F_SETSIG, LEDGER_LEASE_SIGNAL) < 0 || fcntl(fd, F_SETLEASE, F_RDLCK) < 0 ? -errno : 0;
}

static int lease_signals(void)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, LEDGER_LEASE_SIGNAL);
	assert_int_equal(sigprocmask(SIG_BLOCK, &set, NULL), 0);
	int fd = signalfd(-1, &set, SFD_CLOEXEC);
	assert_true(fd >= 0);
	return fd;
}

static void test_lease_needs_no_writer(void **state)
{
	quiet();
	_cleanup_(fd_closep) int reader = open(world_path(&world, "a"), O_RDONLY | O_CLOEXEC);
	int writer = open(world_path(&world, "a"), O_RDWR | O_CLOEXEC);
	assert_int_equal(lease(reader), -EAGAIN);
	char *map = mmap(NULL, 4, PROT_READ | PROT_WRITE, MAP_SHARED, writer, 0);
	close(writer);
	assert_int_equal(lease(reader), -EAGAIN); /* the mapping is a writer */
	munmap(map, 4);
	assert_int_equal(lease(reader), 0);
}

static void expect_break(int signal_fd, int leased, const char *what)
{
	struct signalfd_siginfo info;
	assert_int_equal(read(signal_fd, &info, sizeof(info)), sizeof(info));
	if (info.ssi_fd != leased)
		fail_msg("%s: the signal names %d, not %d", what, info.ssi_fd, leased);
	assert_int_equal(fcntl(leased, F_GETLEASE), F_UNLCK); /* to be given back */
}

static pid_t truncater(void)
{
	pid_t pid = fork();
	if (pid == 0)
		_exit(truncate(world_path(&world, "a"), 1) < 0 ? errno : 0);
	return pid;
}

static void test_writers_wait_for_lease(void **state)
{
	quiet();
	_cleanup_(fd_closep) int signals = lease_signals();
	static const int flags[] = {O_WRONLY, O_RDWR, O_WRONLY | O_TRUNC, -1};
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
		_cleanup_(fd_closep) int fd = open(world_path(&world, "a"), O_RDONLY | O_CLOEXEC);
		assert_int_equal(lease(fd), 0);
		pid_t writer = flags[i] < 0 ? truncater() : start_opener("a", flags[i]);
		expect_break(signals, fd, "a writer");
		usleep(50000);
		assert_true(world_is_running(writer));
		assert_int_equal(fcntl(fd, F_SETLEASE, F_UNLCK), 0);
		assert_int_equal(world_join(writer), 0);
	}
	_cleanup_(fd_closep) int fd = open(world_path(&world, "a"), O_RDONLY | O_CLOEXEC);
	assert_int_equal(lease(fd), 0);
	assert_int_equal(world_open_file(&world, "a", O_WRONLY | O_NONBLOCK), -EAGAIN);
	expect_break(signals, fd, "a writer who does not wait");
	assert_int_equal(world_open_file(&world, "a", O_RDONLY), 0); /* readers do not mind */
}

/* The keeper gives back what the engine holds: by a duplicate that it takes out of the engine. */
static void test_lease_released_by_duplicate(void **state)
{
	quiet();
	_cleanup_(fd_closep) int signals = lease_signals();
	_cleanup_(fd_closep) int fd = open(world_path(&world, "a"), O_RDONLY | O_CLOEXEC);
	assert_int_equal(lease(fd), 0);
	pid_t owner = getpid();
	pid_t writer = start_opener("a", O_WRONLY);
	expect_break(signals, fd, "a writer");
	pid_t releaser = fork();
	if (releaser == 0) {
		close(fd);
		int pidfd = (int)syscall(SYS_pidfd_open, owner, 0);
		int taken = (int)syscall(SYS_pidfd_getfd, pidfd, fd, 0);
		_exit(fcntl(taken, F_SETLEASE, F_UNLCK) < 0 ? errno : 0);
	}
	assert_int_equal(world_join(releaser), 0);
	assert_int_equal(world_join(writer), 0);
	assert_int_equal(fcntl(fd, F_SETLEASE, F_UNLCK), -1);
}

/* A write lease of anybody: reading the event does not wait for him. */
static void test_write_lease_does_not_block_reader(void **state)
{
	_cleanup_(fd_closep) int holder = open_quietly("a", O_RDWR);
	signal(SIGIO, SIG_IGN);
	assert_int_equal(fcntl(holder, F_SETLEASE, F_WRLCK), 0);
	pid_t opener = start_opener("a", O_RDONLY);
	assert_int_equal(take(), -EAGAIN);
	assert_int_equal(world_join(opener), EPERM);
}

/* With a limit on the queue the kernel allows what it cannot queue: why the permission group has none. */
static void test_full_queue_allows(void **state)
{
	quiet();
	group = fd_close(group);
	group = new_group(0);
	uint64_t mask = FAN_OPEN_PERM | FAN_CLOSE_NOWRITE;
	long most = 16384;
	FILE *file = fopen("/proc/sys/fs/fanotify/max_queued_events", "re");
	assert_non_null(file);
	assert_int_equal(fscanf(file, "%ld", &most), 1);
	fclose(file);
	if (most > 20000)
		skip(); /* takes too long */
	for (long i = 0; i < most; i++) { /* one event a file, else they are made one */
		char name[32];
		snprintf(name, sizeof(name), "f%ld", i);
		assert_int_equal(mknod(world_path(&world, name), S_IFREG | 0644, 0), 0);
	}
	assert_int_equal(mark(FAN_MARK_ADD | FAN_MARK_FILESYSTEM, FAN_CLOSE_NOWRITE, -1, world_path(&world, "")), 0);
	for (long i = 0; i < most; i++) {
		char name[32];
		snprintf(name, sizeof(name), "f%ld", i);
		assert_int_equal(world_open_file(&world, name, O_RDONLY), 0);
	}
	assert_int_equal(mark(FAN_MARK_ADD | FAN_MARK_FILESYSTEM, mask, -1, world_path(&world, "")), 0);
	assert_int_equal(world_open_file(&world, "a", O_RDONLY), 0); /* nobody answered */
}

static int run(const char *with_fs)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_unanswered_blocks, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_number_after_close, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_last_descriptor_allows, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_duplicate_answers, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_same_number_twice, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_queue_size, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_no_descriptor_denies, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_ignore_mark, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_flush_takes_inode_marks_only, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_deleted_mark_lets_pass, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_mark_removed_while_somebody_waits, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_watch_removed_while_somebody_waits, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_lease_needs_no_writer, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_writers_wait_for_lease, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_lease_released_by_duplicate, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_write_lease_does_not_block_reader, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_full_queue_allows, set_up, tear_down),
	};
	fs = with_fs;
	return cmocka_run_group_tests_name(with_fs, tests, NULL, NULL);
}

int main(void)
{
	world_enter_namespace();
	return run("tmpfs") + run("ext4");
}

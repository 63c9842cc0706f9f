/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fanotify_nth_test: an engine's fanotify sensor opens, begins and works while its Nth call fails, for every N: either
 * it says that it cannot begin, and the next engine does, or it serves on: whoever opens a file goes on, denied is what
 * the engine denies, a file that the kernel could not open for us is told as lost, and in the end the engine, not the
 * keeper, answers.
 *
 * The engine may have few descriptors, so that it has to stop reading questions now and then, and begin again.
 */
#include "base/clock.h"
#include "base/fd.h"
#include "base/fd_count.h"
#include "base/log.h"
#include "base/macro.h"
#include "faults/fail_kernel.h"
#include "faults/world.h"
#include "sensor/process_table.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/eventfd.h>
#include <sys/fanotify.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define PATIENCE_NS (30 * NS_PER_SEC)
#define QUESTIONS_MAX 2u
#define DEADLINE_MS 40u
#define CALLS_MAX 1000u
#define PASSES 3u

static struct shared {
	_Atomic uint32_t armed; /* for the next engine that begins */
	_Atomic uint32_t interrupts; /* only what a signal may end fails */
	_Atomic uint32_t hit;
	_Atomic uint32_t denied; /* opens, by the kernel, which found no descriptor for the engine */
	char name[32];
} *told;

/* What failed, for the test's process. */
static void tell(void)
{
	memcpy(told->name, fail_call_hit, sizeof(told->name));
	atomic_store(&told->hit, 1);
}

/* Not epoll_wait(2): the world looks around every few milliseconds, so there is always one more. */
FAIL_CALL(void *, malloc, ENOMEM, false, NULL, (size_t size), (size))
FAIL_CALL(void *, calloc, ENOMEM, false, NULL, (size_t n, size_t size), (n, size))
FAIL_CALL(char *, strdup, ENOMEM, false, NULL, (const char *text), (text))
FAIL_CALL(char *, realpath, ENOMEM, false, NULL, (const char *path, char *to), (path, to))
FAIL_CALL(int, open64, EMFILE, false, -1, (const char *path, int flags, mode_t mode), (path, flags, mode))
FAIL_CALL(ssize_t, readlinkat, ENOMEM, false, -1, (int dir, const char *path, char *to, size_t size),
	  (dir, path, to, size))
FAIL_CALL(int, fstat64, ENOMEM, false, -1, (int fd, struct stat *status), (fd, status))
FAIL_CALL(int, stat64, ENOMEM, false, -1, (const char *path, struct stat *status), (path, status))
FAIL_CALL(int, fstatfs64, ENOMEM, false, -1, (int fd, struct statfs *status), (fd, status))
FAIL_CALL(int, eventfd, EMFILE, false, -1, (unsigned value, int flags), (value, flags))
FAIL_CALL(int, signalfd, EMFILE, false, -1, (int fd, const sigset_t *set, int flags), (fd, set, flags))
FAIL_CALL(int, timerfd_create, EMFILE, false, -1, (int clock, int flags), (clock, flags))

/* Of hundreds of duplicates that occupy numbers the first ones stand for all. */
static bool may_fail(int command, long argument)
{
	static unsigned duplicates;
	return (command == F_DUPFD_CLOEXEC && duplicates++ < 2) || (command == F_SETLEASE && argument == F_RDLCK);
}

int __real_fcntl64(int fd, int command, long argument);
int __wrap_fcntl64(int fd, int command, long argument);
int __wrap_fcntl64(int fd, int command, long argument)
{
	return fail_call_inside && may_fail(command, argument) && fail_call_now("fcntl", EMFILE, false)
		       ? -1
		       : __real_fcntl64(fd, command, argument);
}

/* Of questions and notices. What is read of /proc for each of them would be most of all calls. */
ssize_t __wrap_read(int fd, void *bytes, size_t size)
{
	if (size != sizeof(struct fanotify_event_metadata) || !fail_call_now("read", EINTR, true))
		return __real_read(fd, bytes, size);
	return fail_call_interrupts ? -1 : fail_read_of_event(fd, bytes, size, &told->denied);
}

/* ---- opened and closed, in this process ---- */

static bool open_with_nth(unsigned n, bool *ret_refused)
{
	struct sensor_process_table *processes;
	struct sensor *sensor = NULL;
	struct ledger *ledger = calloc(1, sizeof(*ledger));
	struct settings *settings = calloc(1, sizeof(*settings));
	struct sensor_start start = {.settings = settings, .ledger = ledger};
	unsigned before = fd_count();
	settings->n_scopes = 1;
	settings->cache_entries = 64;
	strcpy(settings->scopes[0], "/tmp");
	assert_int_equal(loop_new(&start.loop), 0);
	assert_int_equal(process_table_new(&processes), 0);
	start.processes = processes;
	start.group_fd = fanotify_init(FAN_CLASS_CONTENT | FAN_CLOEXEC | FAN_NONBLOCK, O_RDONLY);
	start.notify_fd = fanotify_init(FAN_CLASS_NOTIF | FAN_CLOEXEC | FAN_NONBLOCK, O_RDONLY);
	start.doorbell_fd = __real_eventfd(0, EFD_CLOEXEC);
	assert_true(start.group_fd >= 0 && start.notify_fd >= 0 && start.doorbell_fd >= 0);
	fail_call_begin(n);
	fail_call_inside = true;
	int r = sensor_fanotify_ops.open(&start, &sensor);
	fail_call_inside = false;
	*ret_refused = r < 0;
	assert_true(r == 0 || fail_call_hit[0] != '\0');
	if (r == 0)
		sensor_fanotify_ops.close(sensor);
	process_table_free(processes);
	loop_free(start.loop);
	free(settings);
	free(ledger);
	assert_int_equal(fd_count(), before);
	return fail_call_hit[0] != '\0';
}

static void test_open_and_close(void **state)
{
	unsigned n = 1, n_refused = 0;
	for (bool refused; open_with_nth(n, &refused); n++)
		n_refused += refused;
	print_message("%u calls failed; %u times it could not be opened\n", n - 1, n_refused);
	assert_true(n_refused > 10);
}

/* ---- at work, in an engine ---- */

static struct world world;
static struct world_shared *shared;
static unsigned nth;

static void before_sensor(void)
{
	fail_call_told = tell;
	fail_call_begin(atomic_exchange(&told->armed, 0));
	fail_call_interrupts = atomic_load(&told->interrupts);
	fail_call_inside = true;
}

static void wait_for(bool (*come)(uint64_t than), uint64_t than, const char *what)
{
	uint64_t until_ns = clock_monotonic_ns() + PATIENCE_NS;
	while (!come(than)) {
		world_pause();
		if (clock_monotonic_ns() > until_ns)
			fail_msg("call %u, %s: %s", nth, told->name, what);
	}
}

static bool is_next_engine_ready(uint64_t than)
{
	return atomic_load(&shared->ready) && atomic_load(&shared->generation) > than;
}

static bool is_obeyed(uint64_t than)
{
	return atomic_load(&shared->command) == WORLD_NONE;
}

static bool is_asked(uint64_t than)
{
	int r = world_open_file(&world, "a", O_RDONLY);
	assert_true(r == 0 || (r == -EPERM && atomic_load(&told->denied) > 0));
	return atomic_load(&shared->asked_open) > than;
}

static bool is_notified(uint64_t than)
{
	int r = world_open_file(&world, "a", O_RDONLY);
	assert_true(r == 0 || (r == -EPERM && atomic_load(&told->denied) > 0));
	return atomic_load(&shared->notified) > than;
}

static void command(enum world_command which, uint32_t argument)
{
	world_command_post(&world, which, argument);
	wait_for(is_obeyed, 0, "the engine does not go on");
}

static void open_file(int flags)
{
	uint32_t before = atomic_load(&told->denied);
	int r = world_open_file(&world, "a", flags);
	assert_int_equal(r, atomic_load(&told->denied) > before ? -EPERM : 0);
}

static void make_old(void)
{
	const struct timespec old[2] = {{.tv_sec = 1700000000}, {.tv_sec = 1700000000}};
	assert_int_equal(utimensat(AT_FDCWD, world_path(&world, "a"), old, 0), 0);
}

/* More who wait than there may be questions. */
static void crowd(void)
{
	pid_t openers[QUESTIONS_MAX + 1];
	uint32_t before = atomic_load(&told->denied), n_denied = 0;
	atomic_store(&shared->hold, 1);
	for (size_t i = 0; i < ARRAY_SIZE(openers); i++)
		openers[i] = world_opener(&world, "a", O_RDONLY);
	for (size_t i = 0; i < ARRAY_SIZE(openers); i++) {
		int status = world_join(openers[i]);
		assert_true(status == 0 || status == EPERM);
		n_denied += status == EPERM;
	}
	assert_int_equal(n_denied, atomic_load(&told->denied) - before);
	atomic_store(&shared->hold, 0);
	command(WORLD_ANSWER_HELD, 0);
}

static void work(void)
{
	open_file(O_RDONLY);
	atomic_store(&shared->deny, 1);
	int r = world_open_file(&world, "a", O_RDONLY);
	/* what cannot be looked at is not asked about */
	if (r != -EPERM && (r != 0 || strcmp(told->name, "fstat64") != 0))
		fail_msg("call %u, %s: an open that the engine denies came to %d", nth, told->name, r);
	atomic_store(&shared->deny, 0);
	atomic_store(&shared->cache, 1);
	open_file(O_RDONLY);
	open_file(O_RDONLY);
	open_file(O_WRONLY);
	atomic_store(&shared->cache, 0);
	make_old();
	crowd();
	command(WORLD_WANT, LEDGER_WANT_OPEN | LEDGER_WANT_NOTIFY_OPEN);
	wait_for(is_notified, atomic_load(&shared->notified), "no notice comes any more");
	wait_for(is_asked, atomic_load(&shared->asked_open), "the engine takes no question any more");
}

/* Whether there was an Nth call. */
static bool work_with_nth(unsigned n, bool *ret_refused)
{
	assert_true(n < CALLS_MAX);
	uint32_t generation = atomic_load(&shared->generation);
	nth = n;
	memset(told, 0, sizeof(*told));
	atomic_store(&shared->wait_status, 0);
	atomic_store(&shared->lost, 0);
	atomic_store(&told->interrupts, fail_call_interrupts);
	atomic_store(&told->armed, n);
	world_signal_engine(&world, SIGKILL);
	wait_for(is_next_engine_ready, generation, "no engine begins");
	*ret_refused = WIFEXITED(atomic_load(&shared->wait_status)) && atomic_load(&shared->wait_status) != 0;
	assert_true(!*ret_refused || atomic_load(&told->hit));
	generation = atomic_load(&shared->generation);
	work();
	assert_int_equal(atomic_load(&shared->generation), generation);
	assert_true(atomic_load(&told->denied) == 0 || atomic_load(&shared->lost) > 0);
	world_look(&world);
	assert_int_equal(shared->keeper.errors + shared->keeper.lies, 0);
	assert_int_equal(atomic_load(&shared->stuck), 0);
	return atomic_load(&told->hit);
}

static void test_each_call(void **state)
{
	unsigned refused, failed = fail_call_each(work_with_nth, PASSES, &refused);
	print_message("%u calls failed; %u times the next engine had to begin\n", failed, refused);
	assert_true(failed > 60 && refused > 10);
}

static void test_interrupted(void **state)
{
	fail_call_interrupts = true;
	unsigned refused, failed = fail_call_each(work_with_nth, PASSES, &refused);
	fail_call_interrupts = false;
	assert_true(failed > 5);
	assert_int_equal(refused, 0);
}

static int set_up(void **state)
{
	world_open(&world, &(struct world_opts){.fs = "tmpfs",
						.cache_entries = 64,
						.deadline_ms = DEADLINE_MS,
						.engine_fds = LEDGER_FD_FLOOR + 512 + QUESTIONS_MAX,
						.before_sensor = before_sensor});
	shared = world.shared;
	world_file(&world, "a", "x", 0644);
	return 0;
}

static int tear_down(void **state)
{
	world_close(&world);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_open_and_close),
		cmocka_unit_test_setup_teardown(test_each_call, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_interrupted, set_up, tear_down),
	};
	world_enter_namespace();
	told = mmap(NULL, sizeof(*told), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

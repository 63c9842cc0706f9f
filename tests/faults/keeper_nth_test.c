/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keeper_nth_test: the parent's keeper lives through an engine's whole life while its Nth call fails, for every N:
 * either it says that it cannot begin, or whoever opens a file goes on, what is to be guarded is guarded in the end,
 * an engine that stands still is found, and nothing is left open.
 *
 *     keeper ─▶ an open ─▶ an engine: started, ready, deaf ─▶ an open ─▶ wants something else ─▶ stopped, found, dead
 *         ─▶ an open ─▶ something is mounted ─▶ an open there
 *
 * The engine is a process that counts turns and takes nothing, so every question is the keeper's. A call fails as the
 * kernel lets it fail: without memory or descriptors, that is. The rest of what the keeper calls cannot.
 */
#include "base/clock.h"
#include "base/fd_count.h"
#include "base/log.h"
#include "base/macro.h"
#include "faults/fail_kernel.h"
#include "faults/waits.h"
#include "faults/world.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define PATIENCE_NS (30 * NS_PER_SEC)
#define DEADLINE_MS 20u
#define IDLE_DEADLINE_MS 250u /* so long that looks at an idle engine are as rare as they get */
#define PROMISE_MS 200u /* on top of it */
#define CALLS_MAX 2000u
#define PASSES 3u

FAIL_CALL(void *, malloc, ENOMEM, false, NULL, (size_t size), (size))
FAIL_CALL(void *, calloc, ENOMEM, false, NULL, (size_t n, size_t size), (n, size))
FAIL_CALL(void *, realloc, ENOMEM, false, NULL, (void *old, size_t size), (old, size))
FAIL_CALL(char *, strdup, ENOMEM, false, NULL, (const char *text), (text))
FAIL_CALL(char *, realpath, ENOMEM, false, NULL, (const char *path, char *to), (path, to))
FAIL_CALL(int, open64, EMFILE, false, -1, (const char *path, int flags, mode_t mode), (path, flags, mode))
FAIL_CALL(int, fanotify_init, EMFILE, false, -1, (unsigned flags, unsigned event_flags), (flags, event_flags))
FAIL_CALL(int, memfd_create, EMFILE, false, -1, (const char *name, unsigned flags), (name, flags))
FAIL_CALL(void *, mmap64, ENOMEM, false, MAP_FAILED,
	  (void *at, size_t size, int protection, int flags, int fd, off_t from),
	  (at, size, protection, flags, fd, from))
FAIL_CALL(int, eventfd, EMFILE, false, -1, (unsigned value, int flags), (value, flags))
FAIL_CALL(int, timerfd_create, EMFILE, false, -1, (int clock, int flags), (clock, flags))
FAIL_CALL(int, statx, ENOMEM, false, -1, (int dir, const char *path, int flags, unsigned mask, struct statx *status),
	  (dir, path, flags, mask, status))
FAIL_CALL(ssize_t, pread64, ENOMEM, false, -1, (int fd, void *bytes, size_t size, off_t from), (fd, bytes, size, from))
FAIL_CALL(int, epoll_wait, EINTR, true, -1, (int epoll, struct epoll_event *events, int n, int timeout_ms),
	  (epoll, events, n, timeout_ms))
FAIL_CALL(int, prlimit64, EPERM, false, -1, (pid_t pid, int what, const struct rlimit *new, struct rlimit *old),
	  (pid, what, new, old))

static _Atomic uint32_t denied; /* opens, by the kernel, which found no descriptor for us */

static ssize_t read_question(int group, void *bytes, size_t size)
{
	uint32_t before = denied;
	ssize_t r = fail_read_of_event(group, bytes, size, &denied);
	assert_true(r >= 0 || errno != EMFILE || denied == before + 1);
	return r;
}

ssize_t __wrap_read(int fd, void *bytes, size_t size)
{
	if (size == sizeof(uint64_t)) /* an eventfd's, a timer's */
		return __real_read(fd, bytes, size);
	if (!fail_call_now("read", ENOMEM, true))
		return __real_read(fd, bytes, size);
	return size == sizeof(struct fanotify_event_metadata) && !fail_call_interrupts ? read_question(fd, bytes, size)
										       : -1;
}

/* ---- a life ---- */

static struct world world;

struct life {
	struct loop *loop;
	struct keeper *keeper;
	struct settings settings;
	unsigned nth;
	pid_t engine; /* 0: none */
	bool stuck;
};

static struct life current;

static void on_stuck(void *data, const char *why)
{
	struct life *life = data;
	life->stuck = true;
	kill(life->engine, SIGKILL);
}

static void turn(struct life *life, uint64_t until_ns, const char *what)
{
	fail_call_inside = true;
	int r = loop_turn(life->loop, 5);
	fail_call_inside = false;
	assert_int_equal(r, 0);
	if (clock_monotonic_ns() > until_ns)
		fail_msg("call %u, %s: %s", life->nth, fail_call_hit, what);
}

static struct keeper_counters counters_of(const struct life *life)
{
	struct keeper_counters counters;
	keeper_get_counters(life->keeper, &counters);
	return counters;
}

/* Until it was asked about, too: what is to be guarded is guarded, soon. */
static void open_guarded(struct life *life, const char *name, const char *when)
{
	uint64_t until_ns = clock_monotonic_ns() + PATIENCE_NS, before = counters_of(life).unguarded_allowed;
	unsigned denied_before = denied;
	while (counters_of(life).unguarded_allowed == before && denied == denied_before) {
		pid_t pid = world_opener(&world, name, O_RDONLY);
		int status;
		while (waitpid(pid, &status, WNOHANG) != pid)
			turn(life, until_ns, when);
		assert_true(WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status), denied == denied_before ? 0 : EPERM);
	}
	/* the kernel's deny is not passed over in silence */
	assert_true(denied == denied_before || counters_of(life).errors > 0);
}

/* Turns, and is deaf. */
static _Noreturn void be_engine(struct ledger *ledger)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		atomic_fetch_add(&ledger->turns, 1);
		world_pause();
	}
}

static struct ledger *map_ledger(const struct life *life, int *ret_doorbell)
{
	int fds[KEEPER_N_DESCRIPTORS];
	keeper_descriptors(life->keeper, fds);
	struct ledger *ledger = mmap(NULL, sizeof(*ledger), PROT_READ | PROT_WRITE, MAP_SHARED, fds[1], 0);
	assert_ptr_not_equal(ledger, MAP_FAILED);
	*ret_doorbell = fds[3];
	return ledger;
}

static void start_engine(struct life *life, struct ledger *ledger)
{
	struct ipc_gap gap;
	life->stuck = false;
	life->engine = fork();
	assert_true(life->engine >= 0);
	if (life->engine == 0)
		be_engine(ledger);
	fail_call_inside = true;
	keeper_engine_started(life->keeper, life->engine);
	keeper_engine_ready(life->keeper, &gap);
	fail_call_inside = false;
}

/* What an agent that came would bring about. */
static void want(struct life *life, struct ledger *ledger, int doorbell, uint64_t bits)
{
	const uint64_t one = 1;
	uint64_t until_ns = clock_monotonic_ns() + PATIENCE_NS;
	uint64_t wanted = ((atomic_load(&ledger->wanted) >> LEDGER_WANT_BITS) + 1) << LEDGER_WANT_BITS | bits;
	atomic_store(&ledger->wanted, wanted);
	assert_int_equal(write(doorbell, &one, sizeof(one)), sizeof(one));
	while (atomic_load(&ledger->applied) != wanted)
		turn(life, until_ns, "what is wanted is not heard of");
}

/* It stands still: the keeper has it ended, and is told. */
static void stop_engine(struct life *life)
{
	uint64_t until_ns = clock_monotonic_ns() + PATIENCE_NS;
	int status;
	kill(life->engine, SIGSTOP);
	while (waitpid(life->engine, &status, WNOHANG) != life->engine)
		turn(life, until_ns, "an engine that stands still is not found");
	assert_true(life->stuck);
	life->engine = 0;
	fail_call_inside = true;
	keeper_engine_died(life->keeper, status);
	fail_call_inside = false;
}

static void live(struct life *life)
{
	int doorbell;
	struct ledger *ledger = map_ledger(life, &doorbell);
	want(life, ledger, doorbell, LEDGER_WANT_OPEN);
	open_guarded(life, "a", "no engine yet");
	start_engine(life, ledger);
	open_guarded(life, "a", "the engine takes nothing");
	want(life, ledger, doorbell, LEDGER_WANT_EXEC | LEDGER_WANT_CLOSE_WRITE);
	want(life, ledger, doorbell, LEDGER_WANT_OPEN | LEDGER_WANT_EXEC);
	open_guarded(life, "a", "opens are wanted again");
	stop_engine(life);
	open_guarded(life, "a", "the engine has died");
	assert_int_equal(mount("later", world_path(&world, "later"), "tmpfs", 0, NULL), 0);
	world_file(&world, "later/b", "x", 0644);
	open_guarded(life, "later/b", "it was mounted later");
	assert_int_equal(umount(world_path(&world, "later")), 0);
	munmap(ledger, sizeof(*ledger));
}

/* Nobody asked for a while. The first who does comes just after a look, and the next look is far away. */
static void live_idly(struct life *life)
{
	int doorbell;
	struct ledger *ledger = map_ledger(life, &doorbell);
	struct waits_longest longest;
	want(life, ledger, doorbell, LEDGER_WANT_OPEN);
	start_engine(life, ledger);
	uint64_t until_ns = clock_monotonic_ns() + PATIENCE_NS, before = counters_of(life).idle;
	while (counters_of(life).idle == before && counters_of(life).errors == 0)
		turn(life, until_ns, "the engine is never taken for idle");
	waits_from_now();
	open_guarded(life, "a", "after a while of nothing");
	waits_get(&longest);
	if (longest.engines_ns > (IDLE_DEADLINE_MS + PROMISE_MS) * NS_PER_MS)
		fail_msg("call %u, %s: somebody waited %.1f ms", life->nth, fail_call_hit,
			 (double)longest.engines_ns / 1e6);
	stop_engine(life);
	open_guarded(life, "a", "the idle engine has died");
	munmap(ledger, sizeof(*ledger));
}

static void settle(struct life *life)
{
	struct settings *settings = &life->settings;
	settings->sensor_fanotify = 1;
	settings->n_scopes = 1;
	snprintf(settings->scopes[0], SETTINGS_PATH_SIZE, "%s/base/link/", world.dir);
	settings->deadline_exec_ms = settings->deadline_open_ms = DEADLINE_MS;
}

/* Whether there was an Nth call. */
static bool live_with_nth(unsigned n, bool *ret_refused)
{
	const struct keeper_callbacks callbacks = {.data = &current, .engine_is_stuck = on_stuck};
	assert_true(n < CALLS_MAX);
	current = (struct life){.nth = n};
	settle(&current);
	unsigned before = fd_count();
	assert_int_equal(loop_new(&current.loop), 0);
	fail_call_begin(n);
	fail_call_inside = true;
	int r = keeper_new(current.loop, &current.settings, &callbacks, &current.keeper);
	fail_call_inside = false;
	*ret_refused = r < 0;
	if (r == 0)
		live(&current);
	else
		assert_true(fail_call_hit[0] != '\0');
	keeper_free(current.keeper);
	loop_free(current.loop);
	assert_int_equal(fd_count(), before);
	return fail_call_hit[0] != '\0';
}

static void test_each_call(void **state)
{
	unsigned refused, failed = fail_call_each(live_with_nth, PASSES, &refused);
	print_message("%u calls failed; %u times it could not begin; the kernel denied %u opens\n", failed, refused,
		      denied);
	assert_true(failed > 40 && refused > 8 && denied > 0); /* else it was not reached */
}

static void test_interrupted(void **state)
{
	denied = 0;
	fail_call_interrupts = true;
	unsigned refused, failed = fail_call_each(live_with_nth, PASSES, &refused);
	fail_call_interrupts = false;
	assert_true(failed > 10);
	assert_int_equal(refused + denied, 0);
}

/* What could fail is to say that a question shall wake the keeper. */
static void test_idle(void **state)
{
	const struct keeper_callbacks callbacks = {.data = &current, .engine_is_stuck = on_stuck};
	unsigned n = 1;
	fail_call_only = "epoll_ctl";
	for (bool hit = true; hit; n++) {
		current = (struct life){.nth = n};
		settle(&current);
		current.settings.deadline_exec_ms = current.settings.deadline_open_ms = IDLE_DEADLINE_MS;
		assert_int_equal(loop_new(&current.loop), 0);
		fail_call_begin(0);
		assert_int_equal(keeper_new(current.loop, &current.settings, &callbacks, &current.keeper), 0);
		fail_call_begin(n);
		live_idly(&current);
		hit = fail_call_hit[0] != '\0';
		keeper_free(current.keeper);
		loop_free(current.loop);
	}
	fail_call_only = NULL;
	assert_true(n > 2); /* else it was not reached */
}

static int set_up(void **state)
{
	char path[128];
	world_open_bare(&world, "tmpfs");
	snprintf(path, sizeof(path), "%s/base/link", world.dir);
	if (symlink("../fs", path) < 0)
		return -1;
	world_file(&world, "a", "x", 0644);
	return mkdir(world_path(&world, "later"), 0755);
}

static int tear_down(void **state)
{
	world_close(&world);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_call),
		cmocka_unit_test(test_interrupted),
		cmocka_unit_test(test_idle),
	};
	world_enter_namespace();
	waits_begin();
	log_init("keeper", LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, set_up, tear_down);
}

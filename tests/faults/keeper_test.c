/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The keeper on a real kernel: whatever becomes of the engine, whoever waits goes on, and a loaded machine ends no
 * engine. What passes or fails is decided by answers, counters, and the promise about time: no operation waits longer
 * than its deadline and 200 ms, what the machine took from it and from the keeper not counted (waits.h).
 */
#include "base/clock.h"
#include "base/fd.h"
#include "base/macro.h"
#include "daemon/keeper_judge.h"
#include "faults/waits.h"
#include "faults/world.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

#define N_OPENERS 50
#define DEADLINE_MS 250 /* of an open, where a test says nothing else */
#define PROMISE_MS 200 /* on top of it */

static struct world world;
static struct world_shared *shared;
static pid_t openers[N_OPENERS];

static void open_world(const struct world_opts *opts)
{
	struct world_opts with_fs = *opts;
	alarm(60);
	with_fs.fs = "tmpfs";
	world_open(&world, &with_fs);
	shared = world.shared;
	world_file(&world, "a", "x", 0644);
	world_look(&world);
	waits_from_now();
}

/* Whether what happens to the engine happens to one that the keeper looks at rarely. */
static bool is_idle;

static void be_idle(void)
{
	uint64_t n = 0;
	if (!is_idle)
		return;
	world_look(&world);
	n = shared->keeper.idle;
	world_wait((world_look(&world), shared->keeper.idle) >= n + 2);
}

static int set_up(void **state)
{
	is_idle = false;
	open_world(&(struct world_opts){.cache_entries = 64});
	return 0;
}

static int set_up_idle(void **state)
{
	set_up(state);
	is_idle = true;
	be_idle();
	return 0;
}

static int set_up_alone(void **state)
{
	return 0;
}

static int tear_down(void **state)
{
	world_close(&world);
	alarm(0);
	return 0;
}

static uint64_t sum(const struct keeper_counters *counters)
{
	return counters->unguarded_allowed + counters->unguarded_denied + counters->overdue;
}

/* Many who wait for an engine that holds all their questions. */
static void let_them_wait(unsigned n)
{
	atomic_store(&shared->hold, 1);
	for (unsigned i = 0; i < n; i++)
		openers[i] = world_opener(&world, "a", O_RDONLY);
	world_wait(atomic_load(&shared->held) == n);
}

/* left_ns: of the longest wait, when all is taken off that the machine took. */
static void kept(const char *what, const struct waits_longest *longest, uint64_t left_ns, unsigned bound_ms)
{
	print_message(
		"%s: the longest of %llu waits was %.1f ms, %.1f ms without what the machine took; promised: %u ms\n",
		what, (unsigned long long)longest->n, (double)longest->waited_ns / 1e6, (double)left_ns / 1e6,
		bound_ms);
	if (left_ns > bound_ms * NS_PER_MS)
		fail_msg("%s: somebody waited %.1f ms, and the promise is %u ms", what, (double)left_ns / 1e6,
			 bound_ms);
}

/* Whatever was opened since the world was, or since waits_from_now(). */
static void promise_kept(const char *what, unsigned deadline_ms)
{
	struct waits_longest longest;
	waits_get(&longest);
	kept(what, &longest, longest.keepers_ns, deadline_ms + PROMISE_MS);
}

static void join(unsigned n, int status)
{
	for (unsigned i = 0; i < n; i++)
		assert_int_equal(world_join(openers[i]), status);
}

static void all_go_on(unsigned n, int status, const char *what)
{
	join(n, status);
	promise_kept(what, DEADLINE_MS);
}

/* Whose engine died, at waits_from_now(): no deadline is waited for. */
static void all_go_on_at_once(unsigned n, int status, const char *what)
{
	struct waits_longest longest;
	join(n, status);
	waits_get(&longest);
	assert_int_equal(longest.n, n);
	kept(what, &longest, longest.engines_ns, PROMISE_MS);
}

static void engine_comes_back(uint32_t generation)
{
	world_wait(atomic_load(&shared->ready) && atomic_load(&shared->generation) > generation);
	atomic_store(&shared->hold, 0);
	uint64_t asked = atomic_load(&shared->asked_open);
	assert_int_equal(world_open_file(&world, "a", O_RDONLY), 0);
	assert_int_equal(atomic_load(&shared->asked_open), asked + 1);
}

/* Long enough that only the engine's death ends a wait, however busy the machine is. */
#define NEVER_DUE_MS 20000

static void test_killed(void **state)
{
	open_world(&(struct world_opts){.cache_entries = 64, .deadline_ms = NEVER_DUE_MS});
	let_them_wait(N_OPENERS);
	uint32_t generation = atomic_load(&shared->generation);
	uint64_t start_ns = clock_monotonic_ns();
	waits_from_now();
	world_signal_engine(&world, SIGKILL);
	all_go_on_at_once(N_OPENERS, 0, "engine killed");
	engine_comes_back(generation);
	print_message("engine back, serving, %.1f ms after it was killed\n",
		      (double)(clock_monotonic_ns() - start_ns) / 1e6);
	assert_int_equal(shared->gap.unguarded_allowed, N_OPENERS);
	assert_int_equal(shared->gap.head.number, 2);
	assert_non_null(strstr(shared->gap.why, "signal 9"));
	world_look(&world);
	assert_int_equal(shared->keeper.restarts, 1);
	assert_int_equal(shared->keeper.overdue, 0);
	assert_int_equal(atomic_load(&shared->stuck), 0);
}

/* Questions that the engine took and did not enter in the ledger: found by their numbers. */
static void test_killed_with_unentered(void **state)
{
	world_command_post(&world, WORLD_TAKE, 20);
	world_wait(atomic_load(&shared->taking));
	for (unsigned i = 0; i < 20; i++)
		openers[i] = world_opener(&world, "a", O_RDONLY);
	world_wait(!atomic_load(&shared->taking) || !atomic_load(&shared->ready));
	waits_from_now();
	world_signal_engine(&world, SIGKILL);
	all_go_on_at_once(20, 0, "engine killed with questions that nobody entered");
}

static void test_killed_deny(void **state)
{
	open_world(&(struct world_opts){.loss = SETTINGS_LOSS_DENY, .deadline_ms = NEVER_DUE_MS});
	let_them_wait(N_OPENERS);
	uint32_t generation = atomic_load(&shared->generation);
	atomic_store(&shared->restart, 0);
	waits_from_now();
	world_signal_engine(&world, SIGKILL);
	all_go_on_at_once(N_OPENERS, EPERM, "engine killed, deny");
	world_wait(!atomic_load(&shared->ready));
	/* no engine: denied at once */
	assert_int_equal(world_open_file(&world, "a", O_RDONLY), -EPERM);
	atomic_store(&shared->restart, 1);
	atomic_store(&shared->hold, 0);
	atomic_store(&shared->start, 1);
	engine_comes_back(generation);
	assert_int_equal(shared->gap.unguarded_denied, N_OPENERS + 1);
	assert_int_equal(shared->gap.unguarded_allowed, 0);
}

static void test_stopped(void **state)
{
	let_them_wait(N_OPENERS);
	uint32_t generation = atomic_load(&shared->generation);
	world_signal_engine(&world, SIGSTOP);
	all_go_on(N_OPENERS, 0, "engine stopped");
	engine_comes_back(generation);
	assert_true(atomic_load(&shared->stuck) >= 1);
	assert_non_null(strstr(shared->stuck_why, "stopped"));
	assert_non_null(strstr(shared->gap.why, "stopped"));
	/* held by the engine, or already overdue when it was found stopped */
	world_look(&world);
	assert_int_equal(shared->keeper.unguarded_allowed + shared->keeper.overdue, N_OPENERS);
}

/* Asked before anybody looks at it. */
static void test_stopped_then_asked(void **state)
{
	uint32_t generation = atomic_load(&shared->generation);
	world_signal_engine(&world, SIGSTOP);
	for (unsigned i = 0; i < 10; i++)
		openers[i] = world_opener(&world, "a", O_RDONLY);
	all_go_on(10, 0, "engine stopped, then asked");
	engine_comes_back(generation);
}

/* A question now and then: the keeper, which each of them wakes, leaves it to the engine. */
static void test_seldom_asked(void **state)
{
	uint64_t longest_ns = 0;
	open_world(&(struct world_opts){.cache_entries = 64, .deadline_ms = NEVER_DUE_MS});
	is_idle = true;
	for (int i = 0; i < 3; i++) {
		uint64_t asked = atomic_load(&shared->asked_open);
		be_idle();
		uint64_t start_ns = clock_monotonic_ns();
		assert_int_equal(world_open_file(&world, "a", O_RDONLY), 0);
		longest_ns = MAX(longest_ns, clock_monotonic_ns() - start_ns);
		assert_int_equal(atomic_load(&shared->asked_open), asked + 1);
	}
	print_message("asked after a while of nothing: %.1f ms at the most\n", (double)longest_ns / 1e6);
	world_look(&world);
	assert_int_equal(shared->keeper.overdue + shared->keeper.drained, 0);
	assert_int_equal(atomic_load(&shared->stuck), 0);
}

/* Stopped while nobody waits: found all the same. */
static void test_stopped_idle(void **state)
{
	uint32_t generation = atomic_load(&shared->generation);
	uint64_t start_ns = clock_monotonic_ns();
	world_signal_engine(&world, SIGSTOP);
	engine_comes_back(generation);
	print_message("idle engine stopped: back after %.1f ms\n", (double)(clock_monotonic_ns() - start_ns) / 1e6);
	assert_int_equal(shared->gap.unguarded_allowed, 0);
}

static void test_traced(void **state)
{
	uint32_t generation = atomic_load(&shared->generation);
	pid_t engine = atomic_load(&shared->engine);
	if (ptrace(PTRACE_SEIZE, engine, NULL, NULL) < 0 || ptrace(PTRACE_INTERRUPT, engine, NULL, NULL) < 0)
		fail_msg("ptrace: %s", strerror(errno));
	waitpid(engine, NULL, __WALL);
	world_wait(atomic_load(&shared->stuck) > 0);
	waitpid(engine, NULL, __WALL); /* killed: a tracer has to hear of it first */
	engine_comes_back(generation);
}

static void test_spinning(void **state)
{
	let_them_wait(5);
	uint32_t generation = atomic_load(&shared->generation);
	uint64_t start_ns = clock_monotonic_ns();
	world_command(&world, WORLD_SPIN, 0);
	for (unsigned i = 5; i < 10; i++)
		openers[i] = world_opener(&world, "a", O_RDONLY); /* these it does not even take */
	all_go_on(10, 0, "engine in a loop");
	engine_comes_back(generation);
	print_message("engine in a loop: back after %.1f ms\n", (double)(clock_monotonic_ns() - start_ns) / 1e6);
	assert_non_null(strstr(shared->stuck_why, "loop"));
}

/* Processor time that the engine got so far. */
static uint64_t engine_run_ns(void)
{
	char path[48], text[128] = "";
	unsigned long long run_ns = 0;
	snprintf(path, sizeof(path), "/proc/%d/schedstat", atomic_load(&shared->engine));
	if (fd_read_file(AT_FDCWD, path, text, sizeof(text)) > 0)
		sscanf(text, "%llu", &run_ns);
	return run_ns;
}

/* A long turn that goes on is no loop that stands still; who waits is answered meanwhile, a writer too. */
static void test_long_turn(void **state)
{
	atomic_store(&shared->cache, 1);
	assert_int_equal(world_open_file(&world, "a", O_RDONLY), 0);
	assert_int_equal(world_open_file(&world, "a", O_RDONLY), 0);
	world_look(&world);
	assert_int_equal(shared->counters.cache_size, 1);
	pid_t engine = atomic_load(&shared->engine);
	world_file(&world, "b", "x", 0644);
	uint64_t begin_ns = engine_run_ns();
	world_command_post(&world, WORLD_STEP, 0);
	world_wait(atomic_load(&shared->nap) == 2);
	openers[0] = world_opener(&world, "b", O_RDONLY);
	openers[1] = world_opener(&world, "a", O_WRONLY);
	all_go_on(2, 0, "engine in a long turn");
	world_wait(engine_run_ns() > begin_ns + 2 * KEEPER_SPIN_NS);
	uint64_t looks = atomic_load(&shared->looks);
	world_wait(atomic_load(&shared->looks) >= looks + 2);
	assert_int_equal(shared->keeper.rescued, 1);
	assert_int_equal(atomic_load(&shared->stuck), 0);
	atomic_store(&shared->nap, 0);
	assert_int_equal(world_open_file(&world, "b", O_RDONLY), 0);
	assert_int_equal(atomic_load(&shared->engine), engine);
}

static void test_asleep(void **state)
{
	uint32_t generation = atomic_load(&shared->generation);
	world_command(&world, WORLD_SLEEP, 0);
	openers[0] = world_opener(&world, "a", O_RDONLY);
	all_go_on(1, 0, "engine asleep");
	assert_int_equal(atomic_load(&shared->stuck), 0); /* it is late, not more */
	while (!atomic_load(&shared->stuck)) {
		openers[0] = world_opener(&world, "a", O_RDONLY);
		assert_int_equal(world_join(openers[0]), 0);
	}
	promise_kept("engine asleep until it is ended", DEADLINE_MS);
	engine_comes_back(generation);
	assert_non_null(strstr(shared->stuck_why, "sleeps"));
}

/* The loop turns, nothing is taken: answered from the queue, the engine lives. */
static void test_takes_nothing(void **state)
{
	world_command(&world, WORLD_STOP_TAKING, 0);
	for (unsigned i = 0; i < 10; i++)
		openers[i] = world_opener(&world, "a", O_RDONLY);
	all_go_on(10, 0, "engine takes nothing");
	assert_int_equal(atomic_load(&shared->stuck), 0);
	uint64_t looks = atomic_load(&shared->looks);
	world_wait(atomic_load(&shared->looks) >= looks + 2);
	assert_int_equal(shared->keeper.drained, 10);
}

/* An engine that takes one question now and then: who is asked last is not left waiting for all before him. */
static void test_takes_slowly(void **state)
{
	world_command(&world, WORLD_TAKE_SLOWLY, 150);
	for (unsigned i = 0; i < 10; i++)
		openers[i] = world_opener(&world, "a", O_RDONLY);
	all_go_on(10, 0, "engine takes one question in 150 ms");
	assert_int_equal(atomic_load(&shared->stuck), 0);
	uint64_t looks = atomic_load(&shared->looks);
	world_wait(atomic_load(&shared->looks) >= looks + 2);
	assert_true(shared->keeper.drained > 0);
}

/* Its time runs while it waits in the queue: an engine that takes it late does not make it later still. */
static void test_taken_late(void **state)
{
	atomic_store(&shared->hold, 1);
	world_command_post(&world, WORLD_NAP, 0);
	world_wait(atomic_load(&shared->nap) == 2);
	uint64_t end_ns = clock_monotonic_ns() + (DEADLINE_MS - 40) * NS_PER_MS;
	for (unsigned i = 0; i < 10; i++)
		openers[i] = world_opener(&world, "a", O_RDONLY);
	while (clock_monotonic_ns() < end_ns)
		world_pause();
	atomic_store(&shared->nap, 0);
	all_go_on(10, 0, "engine takes all late");
	assert_int_equal(atomic_load(&shared->stuck), 0);
}

/* An engine that forgets to answer: each question is answered in its place, after its deadline, and it lives. */
static void test_overdue(void **state)
{
	uint64_t start_ns = clock_monotonic_ns();
	let_them_wait(N_OPENERS);
	all_go_on(N_OPENERS, 0, "engine answers nothing");
	assert_true(clock_monotonic_ns() - start_ns >= DEADLINE_MS * NS_PER_MS);
	world_look(&world);
	assert_int_equal(shared->keeper.overdue, N_OPENERS);
	assert_int_equal(atomic_load(&shared->stuck), 0);
	/* its own answers come too late for all, and do no harm to a question that has the same number since */
	world_command(&world, WORLD_DENY_HELD, 0);
	atomic_store(&shared->hold, 0);
	for (int i = 0; i < N_OPENERS; i++)
		assert_int_equal(world_open_file(&world, "a", O_RDONLY), 0);
	world_look(&world);
	assert_int_equal(shared->counters.answered_late, N_OPENERS);
	assert_int_equal(shared->counters.errors, 0);
}

static void repeat(const char *name, bool run)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;)
		if (run)
			world_run(&world, name);
		else
			world_open_file(&world, name, O_RDONLY);
}

static void repeat_good(void)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (int i = 0; i < 100; i++)
		if (world_open_file(&world, "good", O_RDONLY) != 0)
			_exit(1);
	_exit(0);
}

/*
 * The kernel takes an answer for a number, whoever had it. Engine and keeper answer at the same time, for thousands
 * of questions: the engine around the moment at which they are overdue. Denies are under way all the time, by the
 * engine for `bad` and by the keeper for what is run; an open of `good` must never get one of them.
 */
static void test_race_of_answers(void **state)
{
	enum { N_GOOD = 60, N_BAD = 30, N_RUN = 10 };
	pid_t load[N_BAD + N_RUN], good[N_GOOD];
	open_world(&(struct world_opts){.deadline_ms = 5, .loss_exec = SETTINGS_LOSS_DENY});
	world_file(&world, "good", "Good", 0644);
	world_file(&world, "bad", "Bad", 0644);
	world_program(&world, "program", 0755);
	atomic_store(&shared->content, 1);
	atomic_store(&shared->delay_ms, 5 + 50);
	for (size_t i = 0; i < ARRAY_SIZE(load); i++)
		if ((load[i] = fork()) == 0)
			repeat(i < N_BAD ? "bad" : "program", i >= N_BAD);
	for (size_t i = 0; i < N_GOOD; i++)
		if ((good[i] = fork()) == 0)
			repeat_good();
	for (size_t i = 0; i < N_GOOD; i++)
		assert_int_equal(world_join(good[i]), 0);
	for (size_t i = 0; i < ARRAY_SIZE(load); i++) {
		kill(load[i], SIGKILL);
		waitpid(load[i], NULL, 0);
	}
	world_look(&world);
	assert_int_equal(shared->counters.errors, 0);
	assert_int_equal(shared->keeper.errors, 0);
	assert_int_equal(shared->keeper.lies, 0);
	assert_int_equal(atomic_load(&shared->stuck), 0);
	print_message("%llu answers by the engine, %llu by the keeper, %llu of the engine's came late\n",
		      (unsigned long long)(shared->counters.answered_allow + shared->counters.answered_deny),
		      (unsigned long long)shared->keeper.overdue, (unsigned long long)shared->counters.answered_late);
	/* else it was no race */
	assert_true(shared->keeper.overdue > 100);
	assert_true(shared->counters.answered_allow > 100);
}

/* An engine that writes what it likes into the ledger: counted, and who waits goes on. */
static void test_lies(void **state)
{
	uint32_t generation = atomic_load(&shared->generation);
	world_command(&world, WORLD_LIE, 0);
	for (int i = 0; i < 20; i++)
		assert_int_equal(world_open_file(&world, "a", O_RDONLY), 0);
	world_wait((world_look(&world), shared->keeper.lies) > 1000);
	world_signal_engine(&world, SIGKILL);
	engine_comes_back(generation);
	assert_int_equal(world_open_file(&world, "a", O_RDONLY), 0);
	assert_int_equal(atomic_load(&shared->stuck), 0);
}

static void burn(void)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	setpriority(PRIO_PROCESS, 0, -15);
	for (volatile uint64_t i = 0;; i = i + 1)
		;
}

/* Every processor is busy with something that is more important than the engine: late, and not ended for it. */
static void test_starved(void **state)
{
	open_world(&(struct world_opts){.engine_nice = 19, .cache_entries = 64});
	pid_t engine = atomic_load(&shared->engine);
	long n = sysconf(_SC_NPROCESSORS_ONLN) * 3;
	pid_t busy[64];
	n = MIN(n, (long)ARRAY_SIZE(busy));
	for (long i = 0; i < n; i++)
		if ((busy[i] = fork()) == 0)
			burn();
	setpriority(PRIO_PROCESS, 0, -16);
	uint64_t end_ns = clock_monotonic_ns() + 6 * NS_PER_SEC;
	while (clock_monotonic_ns() < end_ns)
		assert_int_equal(world_open_file(&world, "a", O_RDONLY), 0);
	for (long i = 0; i < n; i++) {
		kill(busy[i], SIGKILL);
		waitpid(busy[i], NULL, 0);
	}
	setpriority(PRIO_PROCESS, 0, 0);
	world_look(&world);
	promise_kept("starved engine", DEADLINE_MS);
	print_message("starved engine: %llu answered by the keeper\n",
		      (unsigned long long)(shared->keeper.overdue + shared->keeper.drained));
	assert_int_equal(atomic_load(&shared->stuck), 0);
	assert_int_equal(atomic_load(&shared->engine), engine);
}

/* The engine cannot hear that a writer waits for its lease: the keeper lets him go. */
static void test_writer_and_deaf_engine(void **state)
{
	atomic_store(&shared->cache, 1);
	assert_int_equal(world_open_file(&world, "a", O_RDONLY), 0);
	assert_int_equal(world_open_file(&world, "a", O_RDONLY), 0);
	world_look(&world);
	assert_int_equal(shared->counters.cache_size, 1);
	world_command(&world, WORLD_WANT, LEDGER_WANT_EXEC); /* the writer's open asks nobody */
	be_idle();
	world_command(&world, WORLD_SLEEP, 0);
	openers[0] = world_opener(&world, "a", O_WRONLY);
	all_go_on(1, 0, "writer of a cached file, engine deaf");
	uint64_t looks = atomic_load(&shared->looks);
	world_wait(atomic_load(&shared->looks) >= looks + 2);
	assert_int_equal(shared->keeper.rescued, 1);
	assert_int_equal(atomic_load(&shared->stuck), 0);
}

/* No engine from the start. */
static void test_none(void **state)
{
	alarm(60);
	world_open(&world, &(struct world_opts){.fs = "tmpfs", .no_engine = true, .loss = SETTINGS_LOSS_DENY});
	shared = world.shared;
	assert_int_equal(world_open_file(&world, "x", O_CREAT | O_WRONLY), -EPERM);
	world_start_engine(&world);
	assert_int_equal(shared->gap.unguarded_denied, 1);
	assert_int_equal(shared->gap.head.number, 1);
	world_file(&world, "x", "x", 0644);
}

/* Allowed by the kernel: nobody is left to ask. */
static void test_daemon_killed(void **state)
{
	let_them_wait(N_OPENERS);
	waits_from_now();
	kill(world.daemon, SIGKILL);
	all_go_on_at_once(N_OPENERS, 0, "daemon killed");
	waitpid(world.daemon, NULL, 0);
	world.daemon = 0;
}

/* Mounted later, below the scope: guarded as soon as it is noticed. And nothing of ours keeps it from going. */
static void test_new_mount(void **state)
{
	assert_int_equal(mkdir(world_path(&world, "later"), 0755), 0);
	/* in the daemon's namespace, which is the test's */
	assert_int_equal(mount("later", world_path(&world, "later"), "tmpfs", 0, NULL), 0);
	uint64_t asked;
	do {
		world_pause();
		asked = atomic_load(&shared->asked_open);
		assert_int_equal(world_open_file(&world, "later/x", O_CREAT | O_WRONLY), 0);
	} while (atomic_load(&shared->asked_open) == asked);
	world_look(&world);
	assert_int_equal(shared->keeper.file_systems, 2);
	assert_int_equal(umount(world_path(&world, "later")), 0);
	world_wait((world_look(&world), shared->keeper.file_systems) == 1);
}

/* Everything that was taken was answered, by one or the other, over a life with many deaths. */
static void test_many_deaths(void **state)
{
	pid_t load[4];
	for (size_t i = 0; i < ARRAY_SIZE(load); i++) {
		load[i] = fork();
		if (load[i] == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			for (;;)
				if (world_open_file(&world, "a", O_RDONLY) != 0)
					_exit(1);
		}
	}
	for (int i = 0; i < 20; i++) {
		uint32_t generation = atomic_load(&shared->generation);
		usleep(20000);
		world_signal_engine(&world, SIGKILL);
		world_wait(atomic_load(&shared->ready) && atomic_load(&shared->generation) > generation);
	}
	for (size_t i = 0; i < ARRAY_SIZE(load); i++) {
		assert_true(world_is_running(load[i])); /* none was ever denied */
		kill(load[i], SIGKILL);
		waitpid(load[i], NULL, 0);
	}
	promise_kept("an engine killed twenty times", DEADLINE_MS);
	world_look(&world);
	assert_int_equal(shared->keeper.restarts, 20);
	assert_int_equal(shared->keeper.errors, 0);
	assert_int_equal(shared->keeper.lies, 0);
	assert_true(sum(&shared->keeper) > 0);
}

/* The same with an engine that had nothing to do for a while. */
#define IDLE(test) {#test " after a while of nothing", test, set_up_idle, tear_down, NULL}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_killed, set_up_alone, tear_down),
		cmocka_unit_test_setup_teardown(test_killed_with_unentered, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_killed_deny, set_up_alone, tear_down),
		cmocka_unit_test_setup_teardown(test_stopped, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_stopped_idle, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_traced, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_spinning, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_long_turn, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_asleep, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_takes_nothing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_takes_slowly, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_taken_late, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_overdue, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_race_of_answers, set_up_alone, tear_down),
		cmocka_unit_test_setup_teardown(test_lies, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_starved, set_up_alone, tear_down),
		cmocka_unit_test_setup_teardown(test_writer_and_deaf_engine, set_up, tear_down),
		IDLE(test_stopped_idle),
		IDLE(test_stopped_then_asked),
		IDLE(test_spinning),
		IDLE(test_asleep),
		IDLE(test_takes_nothing),
		IDLE(test_takes_slowly),
		IDLE(test_overdue),
		IDLE(test_lies),
		IDLE(test_writer_and_deaf_engine),
		cmocka_unit_test_setup_teardown(test_seldom_asked, set_up_alone, tear_down),
		cmocka_unit_test_setup_teardown(test_none, set_up_alone, tear_down),
		cmocka_unit_test_setup_teardown(test_daemon_killed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_new_mount, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_many_deaths, set_up, tear_down),
	};
	world_enter_namespace();
	waits_begin();
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An engine that is killed at each step that it makes for a question, an answer, or a writer who waits for a lease:
 * whoever waits goes on, in time and with the right result; the next engine serves; and what the last one left in the
 * kernel's cache of verdicts is nobody's answer.
 */
#include "base/clock.h"
#include "base/macro.h"
#include "faults/steps.h"
#include "faults/waits.h"
#include "faults/world.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define DEADLINE_MS 250
#define PROMISE_MS 200
#define STEPS_MAX 500u
#define PASSES 3u

enum result {
	ALLOWED,
	DENIED,
	AS_ANSWERED, /* allowed by the keeper, denied once the engine had answered */
};

struct journey {
	const char *name;
	enum steps_from from;
	enum result result;
	uint32_t loss; /* enum settings_loss_policy */
	bool deny;
	bool cache;
	bool cached; /* it is in the cache already */
	bool foreign; /* the file is not root's: remembered by the engine, not marked */
	bool write; /* instead of reading */
};

static const struct journey journeys[] = {
	{"an open that is allowed", STEPS_OPEN, ALLOWED},
	{"an open that is denied, as on loss", STEPS_OPEN, DENIED, .deny = true, .loss = SETTINGS_LOSS_DENY},
	{"an open that is denied", STEPS_OPEN, AS_ANSWERED, .deny = true},
	{"an open that is cached", STEPS_OPEN, ALLOWED, .cache = true},
	{"an open that is remembered", STEPS_OPEN, ALLOWED, .cache = true, .foreign = true},
	{"an open that was remembered", STEPS_OPEN, ALLOWED, .cache = true, .foreign = true, .cached = true},
	{"an execution that is allowed", STEPS_EXEC, ALLOWED},
	{"an execution that is denied, as on loss", STEPS_EXEC, DENIED, .deny = true, .loss = SETTINGS_LOSS_DENY},
	{"an execution that is cached", STEPS_EXEC, ALLOWED, .cache = true},
	{"an execution of what is cached for opens", STEPS_EXEC, ALLOWED, .cache = true, .cached = true},
	{"a late answer", STEPS_ANSWER, ALLOWED},
	{"a late answer that is cached", STEPS_ANSWER, ALLOWED, .cache = true},
	{"a late deny, as on loss", STEPS_ANSWER, DENIED, .deny = true, .loss = SETTINGS_LOSS_DENY},
	{"a writer of what is cached", STEPS_LEASE, ALLOWED, .cache = true, .cached = true, .write = true},
	{"a writer of what is remembered", STEPS_LEASE, ALLOWED, .cache = true, .cached = true, .foreign = true,
	 .write = true},
};

static struct world world;
static struct world_shared *shared;

/* It was written to just now; the cache takes only what is older. */
static void make_old(void)
{
	const struct timespec old[2] = {{.tv_sec = 1700000000}, {.tv_sec = 1700000000}};
	assert_int_equal(utimensat(AT_FDCWD, world_path(&world, "program"), old, 0), 0);
}

static bool asks(void)
{
	uint64_t before = atomic_load(&shared->asked_open);
	assert_int_equal(world_open_file(&world, "program", O_RDONLY), 0);
	return atomic_load(&shared->asked_open) != before;
}

static pid_t runner(void)
{
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		execl(world_path(&world, "program"), "true", (char *)NULL);
		_exit(errno);
	}
	return pid;
}

/* One who waits, and the engine at work for him. */
static pid_t set_out(const struct journey *journey, unsigned n)
{
	if (journey->from == STEPS_ANSWER) {
		atomic_store(&shared->hold, 1);
		pid_t pid = world_opener(&world, "program", O_RDONLY);
		world_wait(atomic_load(&shared->held) == 1);
		atomic_store(&shared->hold, 0);
		steps_arm(journey->from, n);
		world_command_post(&world, journey->deny ? WORLD_DENY_HELD : WORLD_ANSWER_HELD, 0);
		return pid;
	}
	steps_arm(journey->from, n);
	return journey->from == STEPS_EXEC ? runner()
					   : world_opener(&world, "program", journey->write ? O_WRONLY : O_RDONLY);
}

static void check_result(const struct journey *journey, int status, bool *denied)
{
	if (journey->result != AS_ANSWERED) {
		assert_int_equal(status, journey->result == DENIED ? EPERM : 0);
		return;
	}
	assert_true(status == 0 || status == EPERM);
	assert_true(status == EPERM || !*denied); /* once answered it stays so, at whatever step the engine dies */
	*denied = status == EPERM;
}

/* The next engine asks, also about what the last one had cached, and sees what is written. */
static void check_next(bool was_killed)
{
	atomic_store(&shared->deny, 0);
	atomic_store(&shared->cache, 0);
	if (was_killed)
		assert_true(asks());
	assert_int_equal(world_open_file(&world, "program", O_WRONLY), 0);
	atomic_store(&shared->deny, 1);
	assert_int_equal(world_open_file(&world, "program", O_RDONLY), -EPERM);
	atomic_store(&shared->deny, 0);
	assert_true(asks());
	make_old();
}

/* False: the engine came through. */
static bool kill_at(const struct journey *journey, unsigned n, bool *denied)
{
	uint32_t generation = atomic_load(&shared->generation);
	atomic_store(&shared->cache, journey->cache);
	if (journey->cached) {
		asks();
		world_look(&world);
		assert_int_equal(shared->counters.cache_size, 1);
	}
	atomic_store(&shared->deny, journey->deny);
	waits_from_now();
	check_result(journey, world_join(set_out(journey, n)), denied);
	world_wait(steps_passed() || (atomic_load(&shared->ready) && atomic_load(&shared->generation) > generation));
	bool passed = steps_passed();
	/* a command that the dead engine had not finished */
	atomic_store(&shared->command, WORLD_NONE);
	atomic_store(&shared->held, 0);
	check_next(!passed);
	return !passed;
}

/* What the engine had learned would stand in the way: that the file is written to. */
static void start_anew(void)
{
	uint32_t generation = atomic_load(&shared->generation);
	world_signal_engine(&world, SIGKILL);
	world_wait(atomic_load(&shared->ready) && atomic_load(&shared->generation) > generation);
}

/* Until it came through some times in a row: now and then there is a step more. Returns how often it was killed. */
static unsigned kill_at_each(const struct journey *journey)
{
	struct waits_longest longest;
	uint64_t worst_ns = 0;
	unsigned killed = 0;
	bool denied = false;
	for (unsigned n = 1, passed = 0; passed < PASSES; n++) {
		assert_true(n < STEPS_MAX);
		bool dead = kill_at(journey, n, &denied);
		killed += dead;
		passed = dead ? 0 : passed + 1;
		waits_get(&longest);
		worst_ns = MAX(worst_ns, longest.keepers_ns);
		if (longest.keepers_ns > (DEADLINE_MS + PROMISE_MS) * NS_PER_MS)
			fail_msg("killed at step %u: somebody waited %.1f ms", n, (double)longest.keepers_ns / 1e6);
		if (!dead) {
			assert_true(steps_made() < n);
			start_anew();
		}
	}
	print_message("%s: killed at %u steps; the longest wait %.1f ms\n", journey->name, killed,
		      (double)worst_ns / 1e6);
	if (journey->result == AS_ANSWERED)
		assert_true(denied);
	return killed;
}

static void take_journey(const struct journey *journey)
{
	alarm(120);
	world_open(&world,
		   &(struct world_opts){
			   .fs = "tmpfs", .cache_entries = 64, .loss = journey->loss, .in_engine = steps_in_engine});
	shared = world.shared;
	world_program(&world, "program", 0755);
	if (journey->foreign)
		assert_int_equal(chown(world_path(&world, "program"), 1000, 1000), 0);
	world_look(&world);
	assert_true(kill_at_each(journey) > 4); /* else nothing was tried */
	world_look(&world);
	assert_int_equal(shared->keeper.errors, 0);
	assert_int_equal(shared->keeper.lies, 0);
	assert_int_equal(atomic_load(&shared->stuck), 0);
	world_close(&world);
	alarm(0);
}

static void test_journey(void **state)
{
	take_journey(*state);
}

int main(void)
{
	struct CMUnitTest tests[ARRAY_SIZE(journeys)];
	for (size_t i = 0; i < ARRAY_SIZE(journeys); i++)
		tests[i] = (struct CMUnitTest){.name = journeys[i].name,
					       .test_func = test_journey,
					       .initial_state = (void *)(uintptr_t)&journeys[i]};
	world_enter_namespace();
	waits_begin();
	steps_begin();
	return cmocka_run_group_tests_name("steps", tests, NULL, NULL);
}

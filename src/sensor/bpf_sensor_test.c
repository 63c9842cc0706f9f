/* SPDX-License-Identifier: Apache-2.0 */
/* The sensor as a whole on this kernel: losses that add up, life without privilege, what is wanted, and what it takes
 * for granted of the kernel. */
#include "base/clock.h"
#include "base/fd.h"
#include "sensor/bpf_test_world.h"
#include "sensor/process_proc.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/sched.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define NOBODY 65534

/* One record, and nothing else happens: refused for its flags before anything is looked at. */
static long harmless_call(void)
{
	return syscall(SYS_kexec_load, 0, 0, NULL, ~0ul);
}

static void do_calls(void *data)
{
	for (size_t i = *(const size_t *)data; i > 0; i--)
		CHILD_EXPECT(harmless_call() < 0);
}

static uint64_t count_calls(const struct world *world)
{
	return world->delivered[RS_EVENT_KEXEC] + world->lost[RS_EVENT_KEXEC];
}

/* More than the ring buffer holds, with nobody reading: every call is delivered or counted as lost, and what the
 * process table lives on had its reserve. */
static void test_overload_adds_up(void **state)
{
	struct world *world = *state;
	size_t n = 150000;
	int status;
	uint64_t before = count_calls(world);
	world->not_kept = RS_EVENT_KEXEC;
	world_pump(world);
	pid_t child = fork();
	if (child == 0) {
		do_calls(&n);
		_exit(42);
	}
	world->child = child;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(WEXITSTATUS(status), 42);
	uint64_t produced, lost;
	world_pump(world);
	sensor_bpf_kernel_counts(world->sensor, &produced, &lost);
	world_pump(world);
	for (int turn = 0; turn < 10; turn++) /* until the next count is told */
		assert_int_equal(loop_turn(world->loop, 50), 0);
	assert_true(count_calls(world) - before == n);
	assert_true(world->lost[RS_EVENT_KEXEC] > 0);
	assert_true(world->delivered[RS_EVENT_KEXEC] > 0);
	assert_true(world->lost_all == lost);
	world->not_kept = 0;
	/* its own end came after the flood */
	assert_int_equal(rs_event_exit(world_expect(world, RS_EVENT_EXIT))->code, 42);
	assert_int_equal(world->lost[RS_EVENT_EXIT] + world->lost[RS_EVENT_FORK] + world->lost[RS_EVENT_EXEC], 0);
	struct sensor_counters counters;
	world->sensor->ops->counters(world->sensor, &counters);
	assert_true(counters.lost == lost);
	assert_int_equal(counters.errors, 0);
	assert_true(counters.events == world->delivered_all);
}

/* The same while we read: nothing is lost that was told as delivered, whatever the ratio. */
static void test_flood_while_reading(void **state)
{
	struct world *world = *state;
	size_t n = 60000;
	int status = 0;
	world_pump(world);
	uint64_t before = count_calls(world);
	pid_t child = fork();
	if (child == 0) {
		do_calls(&n);
		_exit(0);
	}
	while (waitpid(child, &status, WNOHANG) == 0)
		assert_int_equal(loop_turn(world->loop, 1), 0);
	world_pump(world);
	for (int turn = 0; turn < 10; turn++)
		assert_int_equal(loop_turn(world->loop, 50), 0);
	assert_true(count_calls(world) - before == n);
}

/* At a rate that keeps the sensor looking by itself, and at one that wakes it each time: how late an event is. */
static void test_latency(void **state)
{
	static const struct {
		const char *name;
		long pause_ns;
		size_t n;
	} rates[] = {{"seldom", 2000000, 300}, {"often", 20000, 5000}};
	struct world *world = *state;
	for (size_t r = 0; r < ARRAY_SIZE(rates); r++) {
		world_pump(world);
		uint64_t before = world->delivered[RS_EVENT_KEXEC];
		int status;
		pid_t child = fork();
		if (child == 0) {
			const struct timespec pause = {.tv_nsec = rates[r].pause_ns};
			for (size_t i = 0; i < rates[r].n; i++) {
				harmless_call();
				nanosleep(&pause, NULL);
			}
			_exit(0);
		}
		world->latency_n = 0;
		while (waitpid(child, &status, WNOHANG) == 0)
			assert_int_equal(loop_turn(world->loop, 100), 0);
		world_pump(world);
		assert_int_equal(world->delivered[RS_EVENT_KEXEC] - before, rates[r].n);
		print_message("%s: p50 %lu us, p99 %lu us\n", rates[r].name,
			      (unsigned long)(world_latency_ns(world, 50) / NS_PER_US),
			      (unsigned long)(world_latency_ns(world, 99) / NS_PER_US));
		/* Half of them, for a machine that is busy with other things; a record that nobody was woken for
		 * would wait for the next count, 100 ms. */
		assert_true(world_latency_ns(world, 50) < 20 * NS_PER_MS);
	}
}

static void do_nothing(void *data)
{
}

/* What nobody wants makes no record; what was taken off comes back. */
static void test_want(void **state)
{
	struct world *world = *state;
	size_t one = 1;
	static const uint16_t kexec[] = {RS_EVENT_KEXEC}, exec[] = {RS_EVENT_EXEC};
	world_want(world, exec, 1);
	world_run(world, do_calls, &one);
	assert_null(world_find(world, RS_EVENT_KEXEC, 0, 0));
	assert_non_null(world_find(world, RS_EVENT_EXIT, 0, 0)); /* the process table lives on it */
	world_want(world, kexec, 1);
	world_run(world, do_calls, &one);
	assert_non_null(world_find(world, RS_EVENT_KEXEC, 0, 0));
	world_want(world, NULL, 0);
	world_run(world, do_calls, &one);
	assert_null(world_find(world, RS_EVENT_KEXEC, 0, 0));
	world_want_all(world);
}

static int on_child_done(void *data, uint32_t events)
{
	*(bool *)data = true;
	return 0;
}

static void start_others_and_tell(int fd)
{
	usleep(3000); /* until who waits for us sleeps */
	for (int i = 0; i < 3; i++)
		if (fork() == 0)
			_exit(0);
	while (wait(NULL) > 0)
		;
	CHILD_EXPECT(write(fd, "", 1) == 1);
	_exit(0);
}

/* How many records were taken by the time a child says that it has started others and they have ended. */
static uint64_t taken_meanwhile(struct world *world)
{
	struct loop_source *source;
	bool is_done = false;
	int done[2];
	world_pump(world);
	uint64_t before = sensor_bpf_taken(world->sensor);
	assert_int_equal(pipe2(done, O_CLOEXEC), 0);
	assert_int_equal(loop_add_fd(world->loop, done[0], EPOLLIN, on_child_done, &is_done, &source), 0);
	pid_t child = fork();
	if (child == 0)
		start_others_and_tell(done[1]);
	while (!is_done)
		assert_int_equal(loop_turn(world->loop, 10000), 0);
	uint64_t taken = sensor_bpf_taken(world->sensor) - before;
	loop_source_remove(source);
	close(done[0]);
	close(done[1]);
	assert_int_equal(waitpid(child, NULL, 0), child);
	return taken;
}

/* Processes that nobody wants to hear of wake nobody; whoever looks for one finds it all the same. */
static void test_silent(void **state)
{
	static const uint16_t wanted[] = {RS_EVENT_FORK, RS_EVENT_EXEC, RS_EVENT_EXIT};
	enum { ROUNDS = 20 };
	struct world *world = *state;
	unsigned silent = 0;
	size_t one = 1;
	world_want(world, wanted, ARRAY_SIZE(wanted));
	for (int i = 0; i < ROUNDS; i++)
		assert_true(taken_meanwhile(world) > 0);
	world_want(world, NULL, 0);
	for (int i = 0; i < ROUNDS; i++)
		silent += taken_meanwhile(world) == 0;
	assert_true(silent > 0); /* now and then it looks by itself */
	world_run(world, do_calls, &one);
	assert_non_null(world_find(world, RS_EVENT_EXIT, 0, 0));
	world_want_all(world);
}

/* While nobody tells of users, a lookup finds a change by itself. */
static void do_wait_as_nobody(void *data)
{
	CHILD_EXPECT(setresuid(NOBODY, NOBODY, NOBODY) == 0);
	CHILD_EXPECT(write(((int *)data)[1], "x", 1) == 1);
	pause();
}

static void test_users_without_reports(void **state)
{
	struct world *world = *state;
	int ready[2];
	char byte;
	world_want(world, NULL, 0);
	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	pid_t child = fork();
	if (child == 0)
		do_wait_as_nobody(ready);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	world_pump(world);
	const struct process_entry *entry = process_table_get(world->table, child);
	assert_non_null(entry);
	assert_int_equal(entry->process.uid, NOBODY);
	world_want_all(world);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	close(ready[0]);
	close(ready[1]);
}

static pid_t fork_as(pid_t pid)
{
	struct clone_args args = {.exit_signal = SIGCHLD, .set_tid = (uintptr_t)&pid, .set_tid_size = 1};
	return (pid_t)syscall(SYS_clone3, &args, sizeof(args));
}

/* The same pid twice, one after the other: two processes. */
static void test_pid_reuse(void **state)
{
	struct world *world = *state;
	world_run(world, do_nothing, NULL);
	const struct rs_process first = world_expect(world, RS_EVENT_EXIT)->process;
	assert_true(process_table_has_ended(world->table, first.id));
	usleep(20000); /* a clock tick and more */
	pid_t again = fork_as(world->child);
	if (again == 0) {
		pause();
		_exit(0);
	}
	assert_int_equal(again, (pid_t)first.pid);
	world_pump(world);
	const struct process_entry *second = process_table_get(world->table, again);
	assert_non_null(second);
	assert_true(second->process.id != first.id);
	assert_false(process_table_has_ended(world->table, second->process.id));
	kill(again, SIGKILL);
	waitpid(again, NULL, 0);
}

static void wait_for_end(struct world *world, pid_t child)
{
	int status;
	world->child = child;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(WEXITSTATUS(status), 3);
	world_pump(world);
}

/* As the engine: opened with privilege, used without. */
static void without_privilege(void *data)
{
	struct world *world = malloc(sizeof(*world));
	static const uint16_t kexec[] = {RS_EVENT_KEXEC};
	world_open(world, *(bool *)data);
	CHILD_EXPECT(setgroups(0, NULL) == 0 && setresgid(NOBODY, NOBODY, NOBODY) == 0);
	CHILD_EXPECT(setresuid(NOBODY, NOBODY, NOBODY) == 0);
	for (int turn = 0; turn < 2; turn++) {
		pid_t child = fork();
		if (child == 0) {
			harmless_call();
			_exit(3);
		}
		wait_for_end(world, child);
		const struct rs_event *event = world_expect(world, RS_EVENT_KEXEC);
		CHILD_EXPECT(event->process.uid == NOBODY && event->process.exe_path.size > 0);
		world_expect(world, RS_EVENT_EXIT);
		/* taken off, and on again */
		world_want(world, NULL, 0);
		world_want(world, kexec, 1);
	}
	world_close(world);
	_exit(0);
}

static void test_without_privilege(void **state)
{
	for (int raw = 0; raw < 2; raw++) {
		int status;
		bool with_raw = raw;
		pid_t child = fork();
		if (child == 0)
			without_privilege(&with_raw);
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_int_equal(status, 0);
	}
}

static uint64_t muted(const struct world *world)
{
	struct sensor_counters counters;
	world->sensor->ops->counters(world->sensor, &counters);
	return counters.muted;
}

static void do_mixed(void *data)
{
	size_t n = 500;
	CHILD_EXPECT(setresuid(NOBODY, NOBODY, NOBODY) == 0);
	do_calls(&n);
	CHILD_EXPECT(listen(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), 1) == 0);
}

/* What a child did while `mutes` were in the kernel: its calls, and what else it did. */
static size_t calls_seen(struct world *world, const struct sensor_mute *mutes, size_t n)
{
	uint64_t calls = world->delivered[RS_EVENT_KEXEC];
	world->sensor->ops->mute(world->sensor, mutes, n);
	assert_int_equal(WEXITSTATUS(world_run(world, do_mixed, NULL)), 0);
	/* the table's own, and other types, come in any case */
	world_expect(world, RS_EVENT_EXIT);
	world_expect(world, RS_EVENT_CREDENTIALS);
	world_expect(world, RS_EVENT_LISTEN);
	world->sensor->ops->mute(world->sensor, NULL, 0);
	return world->delivered[RS_EVENT_KEXEC] - calls;
}

/* What all have muted never reaches the ring, and is counted; of a type that is muted only; and never what the process
 * table lives on. */
static void test_mute_user(void **state)
{
	struct world *world = *state;
	struct sensor_mute mute = {.number = NOBODY, .user = true}, other = {.number = NOBODY + 1, .user = true};
	uint64_t before = muted(world);
	session_set_add(&mute.types, RS_EVENT_KEXEC);
	session_set_add(&mute.types, RS_EVENT_EXIT);
	session_set_add(&mute.types, RS_EVENT_CREDENTIALS);
	other.types = mute.types;
	assert_int_equal(calls_seen(world, &mute, 1), 0);
	assert_int_equal(muted(world) - before, 500);
	assert_int_equal(calls_seen(world, NULL, 0), 500);
	assert_int_equal(calls_seen(world, &other, 1), 500);
	assert_int_equal(muted(world) - before, 500);
}

/* A process, by its unique id; as many others as there is room for do not change it. */
static void test_mute_process(void **state)
{
	struct world *world = *state;
	struct sensor_mute *mutes = calloc(SENSOR_MUTES_MAX, sizeof(*mutes));
	uint64_t before = muted(world), calls = world->delivered[RS_EVENT_KEXEC], id = 0;
	size_t n = 300;
	int go[2], status;
	assert_int_equal(pipe(go), 0);
	pid_t child = fork();
	if (child == 0) {
		char byte;
		for (int round = 0; round < 2; round++) {
			if (read(go[0], &byte, 1) != 1)
				_exit(1);
			do_calls(&n);
			kill(getpid(), SIGSTOP);
		}
		_exit(0);
	}
	id = process_table_get(world->table, child)->process.id;
	for (size_t i = 0; i < SENSOR_MUTES_MAX; i++) {
		mutes[i].number = i == SENSOR_MUTES_MAX / 2 ? id : id + (i + 1) * 4096;
		memset(&mutes[i].types, 0xff, sizeof(mutes[i].types));
	}
	world->sensor->ops->mute(world->sensor, mutes, SENSOR_MUTES_MAX);
	assert_int_equal(write(go[1], "g", 1), 1);
	assert_int_equal(waitpid(child, &status, WUNTRACED), child);
	assert_true(WIFSTOPPED(status));
	world_pump(world);
	assert_int_equal(world->delivered[RS_EVENT_KEXEC] - calls, 0);
	assert_int_equal(muted(world) - before, n);
	world->sensor->ops->mute(world->sensor, NULL, 0);
	kill(child, SIGCONT);
	assert_int_equal(write(go[1], "g", 1), 1);
	assert_int_equal(waitpid(child, &status, WUNTRACED), child);
	assert_true(WIFSTOPPED(status));
	kill(child, SIGCONT);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	world_pump(world);
	assert_int_equal(world->delivered[RS_EVENT_KEXEC] - calls, n);
	close(go[0]);
	close(go[1]);
	free(mutes);
}

/* Every type of the table has a state; each that this kernel refuses has a reason; those that cannot be bypassed say
 * so. */
static void test_abilities(void **state)
{
	struct world *world = *state;
	struct session_ability abilities[256] = {0};
	assert_true(catalogue_n_events <= ARRAY_SIZE(abilities));
	world->sensor->ops->abilities(world->sensor, abilities);
	size_t n_available = 0;
	for (size_t i = 0; i < catalogue_n_events; i++) {
		uint16_t type = catalogue_events[i].number;
		if (abilities[i].event_type == 0)
			continue; /* not ours */
		assert_int_equal(abilities[i].event_type, type);
		bool process = type == RS_EVENT_FORK || type == RS_EVENT_EXEC || type == RS_EVENT_EXIT ||
			       type == RS_EVENT_SIGNAL;
		assert_int_equal(abilities[i].state == SESSION_MANDATORY, process);
		assert_true(process || abilities[i].reason[0] != '\0');
		n_available += abilities[i].state != SESSION_UNAVAILABLE;
	}
	assert_int_equal(n_available, 29);
}

static void test_no_descriptor_left(void **state)
{
	int before = open("/dev/null", O_RDONLY | O_CLOEXEC), after;
	struct world *world = malloc(sizeof(*world));
	close(before);
	world_open(world, false);
	world_close(world);
	free(world);
	after = open("/dev/null", O_RDONLY | O_CLOEXEC);
	close(after);
	assert_int_equal(before, after);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_overload_adds_up),
		cmocka_unit_test(test_flood_while_reading),
		cmocka_unit_test(test_latency),
		cmocka_unit_test(test_want),
		cmocka_unit_test(test_silent),
		cmocka_unit_test(test_users_without_reports),
		cmocka_unit_test(test_mute_user),
		cmocka_unit_test(test_mute_process),
		cmocka_unit_test(test_pid_reuse),
		cmocka_unit_test(test_abilities),
		cmocka_unit_test(test_without_privilege),
		cmocka_unit_test(test_no_descriptor_left),
	};
	WORLD_MAIN("bpf_sensor", tests);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/bpf_test_world.h"

#include "base/clock.h"
#include "base/macro.h"
#include "sensor/bpf_load.h"
#include "sensor/process_proc.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define EXIT_NO_BPF 77 /* meson: skipped */

void world_child_expect(bool holds, const char *condition, const char *file, int line)
{
	if (holds)
		return;
	fprintf(stderr, "%s:%d: in the child: expected %s; errno %s\n", file, line, condition, strerror(errno));
	_exit(99);
}

/* Of the child: itself, or one of its descendants, whose ancestors are all in the list of events by then. */
static bool is_ours(const struct world *world, const struct rs_event *event)
{
	uint32_t pid = event->process.pid, parent = event->process.parent_pid;
	if (pid == (uint32_t)world->child || parent == (uint32_t)world->child)
		return true;
	for (size_t i = 0; i < world->n_events; i++)
		if (world->events[i]->process.pid == pid || world->events[i]->process.pid == parent)
			return true;
	return false;
}

static bool is_kernel_thread(const struct rs_process *process)
{
	return process->pid == 2 || process->parent_pid == 2;
}

/* What every event says of who did it, whoever that is. */
static void check_process(const struct rs_event *event)
{
	const struct rs_process *process = &event->process;
	assert_true(process->pid != 0 && process->tid != 0);
	assert_true(process->id == process_id(process->start_ns / PROCESS_TICK_NS, process->pid));
	assert_true(process->parent_pid == 0 ? process->parent_id == 0
					     : process_id_pid(process->parent_id) == process->parent_pid);
	/* who had ended before its record was looked at, and was never seen before, has no executable any more */
	assert_true(process->exe_path.size > 0 || is_kernel_thread(process) || process->flags & RS_PROCESS_PARTIAL);
	assert_true(process->cgroup_id != 0);
}

/* And of ours, which were known from their fork on: all of it. */
static void check_our_process(const struct world *world, const struct rs_event *event)
{
	const struct rs_process *process = &event->process;
	assert_int_equal(process->flags & RS_PROCESS_PARTIAL, 0);
	assert_true(process->exe_path.size > 0 && process->parent_pid != 0);
	if (!world->moves)
		assert_true(process->cgroup_id == world->cgroup_id);
}

static void on_event(void *data, struct rs_event *event, const struct sensor_question *question)
{
	struct world *world = data;
	assert_null(question);
	assert_null(event_check(event, event->size));
	check_process(event);
	world->delivered[event->type]++;
	world->delivered_all++;
	if (event->type == RS_EVENT_KEXEC && world->latency_n < ARRAY_SIZE(world->latency_ns))
		world->latency_ns[world->latency_n++] = clock_monotonic_ns() - event->monotonic_ns;
	if (world->child == 0 || event->type == world->not_kept || world->n_events == WORLD_EVENTS_MAX ||
	    !is_ours(world, event))
		return;
	check_our_process(world, event);
	struct rs_event *copy = malloc(event->size);
	memcpy(copy, event, event->size);
	world->events[world->n_events++] = copy;
}

static void on_lost(void *data, uint16_t type, uint64_t count)
{
	struct world *world = data;
	world->lost[type] += count;
	world->lost_all += count;
}

static void forget_events(struct world *world)
{
	while (world->n_events > 0)
		free(world->events[--world->n_events]);
}

void world_want(struct world *world, const uint16_t *types, size_t n_types)
{
	struct session_event_set set = {0};
	for (size_t i = 0; i < n_types; i++)
		session_set_add(&set, types[i]);
	world->sensor->ops->want(world->sensor, &set);
}

void world_want_all(struct world *world)
{
	struct session_event_set set;
	memset(&set, 0xff, sizeof(set));
	world->sensor->ops->want(world->sensor, &set);
}

void world_open(struct world *world, bool raw)
{
	memset(world, 0, sizeof(*world));
	assert_int_equal(loop_new(&world->loop), 0);
	assert_int_equal(process_table_new(&world->table), 0);
	const struct sensor_start start = {
		.loop = world->loop,
		.sink = {.data = world, .event = on_event, .lost = on_lost},
		.processes = world->table,
		.group_fd = -1,
	};
	int r = raw ? sensor_bpf_open_raw(&start, &world->sensor) : sensor_bpf_ops.open(&start, &world->sensor);
	assert_int_equal(r, 0);
	world_want_all(world);
	const struct process_entry *self = process_table_get(world->table, getpid());
	assert_non_null(self);
	world->cgroup_id = self->process.cgroup_id;
	assert_int_equal(world->sensor->ops->begin(world->sensor), 0);
}

void world_close(struct world *world)
{
	forget_events(world);
	sensor_bpf_ops.close(world->sensor);
	process_table_free(world->table);
	loop_free(world->loop);
}

void world_pump(struct world *world)
{
	uint64_t produced, lost;
	/* what others on this machine do goes on: as far as it was when we began */
	sensor_bpf_kernel_counts(world->sensor, &produced, &lost);
	for (int turn = 0; sensor_bpf_taken(world->sensor) < produced; turn++) {
		assert_true(turn < 100000);
		assert_int_equal(loop_turn(world->loop, 200), 0);
	}
}

static int compare(const void *a, const void *b)
{
	uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
	return (left > right) - (left < right);
}

uint64_t world_latency_ns(struct world *world, unsigned percentile)
{
	assert_true(world->latency_n > 0);
	qsort(world->latency_ns, world->latency_n, sizeof(world->latency_ns[0]), compare);
	return world->latency_ns[(world->latency_n - 1) * percentile / 100];
}

static int run(struct world *world, void (*fn)(void *data), void *data, bool stays)
{
	/* cmocka's handlers would go on with the tests in the child */
	static const int fatal[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGSYS};
	int go[2], done[2], stay[2], status;
	char byte;
	world_pump(world);
	forget_events(world);
	assert_int_equal(pipe(go), 0);
	assert_int_equal(pipe(done), 0);
	assert_int_equal(pipe(stay), 0);
	pid_t child = fork();
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (size_t i = 0; i < ARRAY_SIZE(fatal); i++)
			signal(fatal[i], SIG_DFL);
		close(go[1]);
		CHILD_EXPECT(read(go[0], &byte, 1) == 0);
		close(go[0]);
		close(done[0]);
		close(stay[1]);
		if (!stays) { /* nor has it descriptors that others do not expect */
			close(done[1]);
			close(stay[0]);
		}
		fn(data);
		if (stays) {
			CHILD_EXPECT(write(done[1], "d", 1) == 1);
			CHILD_EXPECT(read(stay[0], &byte, 1) == 0);
		}
		_exit(0);
	}
	world->child = child;
	close(go[0]);
	close(go[1]);
	close(done[1]);
	close(stay[0]);
	if (stays && read(done[0], &byte, 1) == 1)
		world_pump(world);
	close(done[0]);
	close(stay[1]);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_false(WIFEXITED(status) && WEXITSTATUS(status) == 99);
	world_pump(world);
	return status;
}

int world_run(struct world *world, void (*fn)(void *data), void *data)
{
	return run(world, fn, data, false);
}

int world_run_staying(struct world *world, void (*fn)(void *data), void *data)
{
	return run(world, fn, data, true);
}

const struct rs_event *world_find(const struct world *world, uint16_t type, pid_t pid, size_t nth)
{
	for (size_t i = 0; i < world->n_events; i++) {
		const struct rs_event *event = world->events[i];
		if (event->type == type && (pid == 0 || event->process.pid == (uint32_t)pid) && nth-- == 0)
			return event;
	}
	return NULL;
}

const struct rs_event *world_expect(const struct world *world, uint16_t type)
{
	const struct rs_event *event = world_find(world, type, world->child, 0);
	if (!event) {
		for (size_t i = 0; i < world->n_events && i < 20; i++)
			fprintf(stderr, "event %u of pid %u\n", world->events[i]->type, world->events[i]->process.pid);
		fail_msg("no event of type %u by pid %d", type, (int)world->child);
	}
	return event;
}

static bool raw_tracepoints;

int world_setup(void **state)
{
	struct world *world = malloc(sizeof(*world));
	world_open(world, raw_tracepoints);
	*state = world;
	return 0;
}

int world_teardown(void **state)
{
	world_close(*state);
	free(*state);
	return 0;
}

void world_expect_str(const struct rs_event *event, struct rs_str str, const char *expected)
{
	assert_string_equal(rs_str_get(event, str, NULL), expected);
}

/* A file as stat(2) shows it now. */
void world_expect_file(const struct rs_event *event, const struct rs_file *file, const char *path, uint32_t flags)
{
	struct stat st;
	world_expect_str(event, file->path, path);
	assert_int_equal(file->flags, flags);
	if (flags & RS_FILE_PATH_LEXICAL)
		return;
	assert_int_equal(stat(path, &st), 0);
	assert_true(file->id.dev == st.st_dev);
	assert_true(file->id.ino == st.st_ino);
	assert_int_equal(file->mode, st.st_mode);
	assert_int_equal(file->uid, st.st_uid);
	assert_int_equal(file->size_bytes, st.st_size);
	assert_true(file->mtime_ns == (uint64_t)st.st_mtim.tv_sec * NS_PER_SEC + (uint64_t)st.st_mtim.tv_nsec);
}

void world_set_raw(bool raw)
{
	raw_tracepoints = raw;
}

int world_available(void)
{
	struct bpf_programs *programs;
	int r = bpf_programs_new(false, &programs);
	if (r == 0) {
		bpf_programs_free(programs);
		return 0;
	}
	fprintf(stderr, "skipped: the kernel refuses all BPF programs (%s): run as root\n", strerror(-r));
	return r == -EPERM || r == -EACCES || r == -ENOSYS ? EXIT_NO_BPF : 1;
}

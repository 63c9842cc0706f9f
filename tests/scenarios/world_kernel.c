/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel of a scenario: asks, tells, loses; keeps what it was answered. */
#include "base/clock.h"
#include "sensor/process_proc.h"
#include "sensor/process_table_internal.h"
#include "tests/scenarios/world.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct world *world_of(struct sensor *sensor)
{
	return container_of(sensor, struct world, sensor);
}

static void answer(struct sensor *sensor, const struct sensor_question *asked, enum sensor_verdict verdict, bool cache)
{
	struct world *world = world_of(sensor);
	struct world_question *question = &world->questions[asked->handle];
	question->times++;
	if (question->times > 1)
		world_fail(world, "%s was answered %u times", question->name, question->times);
	if (cache && (!asked->cacheable || verdict == SENSOR_DENY))
		world_fail(world, "%s may not be cached", question->name);
	question->answered = true;
	question->denied = verdict == SENSOR_DENY;
	question->cached = cache;
	if (asked->fd >= 0)
		close(asked->fd);
}

static void flush_cache(struct sensor *sensor)
{
	world_of(sensor)->flushed++;
}

static void want(struct sensor *sensor, const struct session_event_set *types)
{
	world_of(sensor)->wanted = *types;
}

static const struct sensor_ops ops = {.name = "scenario", .answer = answer, .flush_cache = flush_cache, .want = want};

/* Nothing is learnt from /proc: the table is over a folder without processes. */
void kernel_init(struct world *world)
{
	world->sensor.ops = &ops;
	int folder_fd = open("/proc/self/ns", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (folder_fd < 0 || process_table_new_at(folder_fd, -1, 1000, &world->table) < 0)
		world_fail(world, "no table of processes");
	process_table_set_live(world->table, true);
}

uint64_t world_process(struct world *world, const char *name)
{
	char *end;
	for (uint32_t i = world->n_processes; i > 0; i--)
		if (strcmp(world->processes[i - 1].name, name) == 0)
			return world->processes[i - 1].id;
	uint64_t id = strtoull(name, &end, 0);
	if (end == name || *end)
		world_fail(world, "no process was called %s", name);
	return id;
}

/* starts NAME pid= [start= exe= uid= parent=PID login=]; an empty exe: the platform could not learn it */
static void starts(struct world *world, const struct words *words)
{
	const char *exe = words_value(words, "exe");
	struct rs_process process = {.pid = (uint32_t)words_number(world, words, "pid", 4242),
				     .parent_pid = (uint32_t)words_number(world, words, "parent", 1),
				     .uid = (uint32_t)words_number(world, words, "uid", 1000),
				     .login_session = (uint32_t)words_number(world, words, "login", UINT32_MAX)};
	if (world->n_processes == WORLD_PROCESSES_MAX)
		world_fail(world, "too many processes for a scenario");
	process.id = words_number(world, words, "start", 7) << 22 | process.pid;
	process.tid = process.pid;
	for (uint32_t i = 0; i < world->n_processes; i++)
		if ((uint32_t)process_id_pid(world->processes[i].id) == process.parent_pid)
			process.parent_id = world->processes[i].id;
	process.euid = process.uid;
	struct world_process *named = &world->processes[world->n_processes++];
	snprintf(named->name, sizeof(named->name), "%s", words->word[0]);
	named->id = process.id;
	process_table_put(world->table, &process, exe ? exe : "/usr/bin/sleep", "");
}

struct world_question *world_question(struct world *world, const char *name)
{
	for (uint32_t i = world->n_questions; i > 0; i--)
		if (strcmp(world->questions[i - 1].name, name) == 0)
			return &world->questions[i - 1];
	world_fail(world, "nothing was called %s", name);
}

static struct rs_file *file_field(struct rs_event *event)
{
	const struct catalogue_event *row = catalogue_find(event->type);
	for (uint32_t i = 0; i < row->n_fields; i++)
		if (row->fields[i].kind == CATALOGUE_FILE)
			return (struct rs_file *)(void *)((char *)event + event->body_offset + row->fields[i].offset);
	return NULL;
}

/* words: NAME TYPE [PATH] [key=value …] */
static void make(struct world *world, struct event_build *build, void *buffer, size_t size, const struct words *words)
{
	const struct catalogue_event *row = catalogue_find_name(words->word[1]);
	const char *exe = words_value(words, "exe"), *to = words_value(words, "to");
	if (!row)
		world_fail(world, "no such event: %s", words->word[1]);
	event_build_begin(build, buffer, size, row->number);
	struct rs_process *process = &build->event->process;
	process->pid = process->tid = (uint32_t)words_number(world, words, "pid", 4242);
	process->id = words_number(world, words, "process", process->pid);
	process->uid = process->euid = (uint32_t)words_number(world, words, "uid", 1000);
	process->cgroup_id = words_number(world, words, "cgroup", 1);
	process->exe.dev = 1;
	process->exe.ino = words_number(world, words, "exe_ino", 7);
	exe = exe ? exe : "/usr/bin/cat";
	event_build_str(build, &process->exe_path, exe, strlen(exe), RS_PATH_SIZE_MAX);
	struct rs_file *file = file_field(build->event);
	if (file && words->n > 2 && words->word[2][0] == '/') {
		event_build_path(build, file, words->word[2], strlen(words->word[2]));
		file->id.dev = 1;
		file->id.ino = words_number(world, words, "ino", world->next_ino++);
		file->uid = (uint32_t)words_number(world, words, "owner", 0);
		file->mode = (uint32_t)words_number(world, words, "mode", 0100755);
	}
	if (row->number == RS_EVENT_RENAME && to) {
		struct rs_event_rename *body = (struct rs_event_rename *)(void *)((char *)file);
		event_build_path(build, &body->destination, to, strlen(to));
	}
	event_build_end(build);
	build->event->monotonic_ns = world->now_ns;
	build->event->wall_ns = world->now_ns;
}

static void emit(struct world *world, const struct words *words, const char *name, bool ask)
{
	uint64_t buffer[2048];
	struct event_build build;
	struct sensor_sink sink = broker_sink(world->broker);
	if (world->n_questions == WORLD_QUESTIONS_MAX)
		world_fail(world, "too many questions for a scenario");
	struct world_question *question = &world->questions[world->n_questions++];
	snprintf(question->name, sizeof(question->name), "%s", name);
	make(world, &build, buffer, sizeof(buffer), words);
	const struct sensor_question asked = {.sensor = &world->sensor,
					      .fd = words_has(words, "fd") ? open("/dev/null", O_RDONLY | O_CLOEXEC)
									   : -1,
					      .handle = (uint64_t)(question - world->questions),
					      .cacheable = !words_has(words, "uncacheable")};
	sink.event(sink.data, build.event, ask ? &asked : NULL);
	question->id = build.event->id;
	question->answered |= !ask;
}

static void emit_all(struct world *world, const struct words *words, bool ask)
{
	uint64_t times = words_number(world, words, "times", 1), batch = words_number(world, words, "batch", 16);
	if (words->n < 2)
		world_fail(world, "expected a name and the event's type");
	world_start(world);
	for (uint64_t i = 0; i < times; i++) {
		char name[48];
		snprintf(name, sizeof(name), times > 1 ? "%.20s.%" PRIu64 : "%.31s", words->word[0], i);
		emit(world, words, name, ask);
		if (i % batch == batch - 1)
			world_turn(world);
	}
	world_turn(world);
}

static void expect(struct world *world, const struct words *words)
{
	struct world_question *question = world_question(world, words->word[0]);
	const char *found = !question->answered ? "waiting" : question->denied ? "denied" : "allowed";
	if (words->n < 2 || strcmp(found, words->word[1]) != 0)
		world_fail(world, "expected %s %s, found it %s", words->word[0], words->n < 2 ? "?" : words->word[1],
			   found);
	if (question->cached != words_has(words, "cached"))
		world_fail(world, "%s is %s", words->word[0], question->cached ? "cached" : "not cached");
}

/* kernel expects NAME allowed|denied|waiting [cached] · flushed N · all allowed|denied · wants TYPES */
static void expects(struct world *world, const struct words *words)
{
	const char *what = words->n ? words->word[0] : "";
	if (strcmp(what, "flushed") == 0) {
		uint64_t expected = words->n > 1 ? strtoull(words->word[1], NULL, 10) : 1;
		if (world->flushed != expected)
			world_fail(world,
				   "expected the cache flushed %" PRIu64 " times since last asked, found %" PRIu64,
				   expected, world->flushed);
		world->flushed = 0;
	} else if (strcmp(what, "wants") == 0 && words->n > 1) {
		struct session_event_set set = world_types(world, words->word[1]);
		if (memcmp(&set, &world->wanted, sizeof(set)) != 0)
			world_fail(world, "the broker wants other events");
	} else if (strcmp(what, "all") == 0 && words->n > 1) {
		bool denied = strcmp(words->word[1], "denied") == 0;
		for (uint32_t i = 0; i < world->n_questions; i++)
			if (!world->questions[i].answered || world->questions[i].denied != denied)
				world_fail(world, "%s is not %s", world->questions[i].name, words->word[1]);
	} else {
		expect(world, words);
	}
}

bool kernel_does(struct world *world, const char *verb, const struct words *words)
{
	if (strcmp(verb, "asks") == 0) {
		emit_all(world, words, true);
	} else if (strcmp(verb, "tells") == 0) {
		emit_all(world, words, false);
	} else if (strcmp(verb, "loses") == 0 && words->n >= 1) {
		world_start(world);
		struct sensor_sink sink = broker_sink(world->broker);
		const struct catalogue_event *row = words->n > 1 ? catalogue_find_name(words->word[1]) : NULL;
		sink.lost(sink.data, row ? row->number : 0, strtoull(words->word[0], NULL, 10));
		world_turn(world);
	} else if (strcmp(verb, "starts") == 0 && words->n >= 1) {
		starts(world, words);
	} else if (strcmp(verb, "ends") == 0 && words->n >= 1) {
		process_table_exit(world->table, world_process(world, words->word[0]));
	} else if (strcmp(verb, "expects") == 0) {
		expects(world, words);
	} else {
		return false;
	}
	return true;
}

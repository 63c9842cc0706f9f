/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/synth.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/macro.h"
#include "sensor/made.h"
#include "wire/event_build.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdalign.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define TICK_NS NS_PER_MS
#define FIRST_PID 100000u
#define PID_LIMIT (1u << 22)
#define DEV 0x5359u
#define BUFFER_SIZE 4096u

struct synth_process {
	uint64_t serial; /* 0: this place is free */
	uint64_t parent_serial;
	uint32_t program; /* number of its tool */
	uint32_t uid;
};

struct synth {
	struct sensor sensor;
	struct made made;
	struct loop_source *timer;
	uint64_t rate_per_s;
	uint64_t credit; /* events × nanoseconds */
	uint64_t last_ns;
	uint64_t limit;
	uint64_t random;
	uint64_t last_serial;
	uint32_t n_processes;
	struct synth_process processes[SYNTH_PROCESSES];
	struct synth_counts counts;
	alignas(8) char buffer[BUFFER_SIZE];
};

static struct synth *synth_of(struct sensor *sensor)
{
	return container_of(sensor, struct synth, sensor);
}

/* splitmix64: the same numbers on every run. */
static uint64_t draw(struct synth *synth, uint64_t below)
{
	uint64_t z = synth->random += UINT64_C(0x9e3779b97f4a7c15);
	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return (z ^ z >> 31) % below;
}

static uint32_t pid_of(uint64_t serial)
{
	return FIRST_PID + (uint32_t)(serial % (PID_LIMIT - FIRST_PID));
}

/* As in struct rs_process; a pid comes back, an id does not. */
static uint64_t id_of(uint64_t serial)
{
	return serial << 22 | pid_of(serial);
}

static struct synth_process *process_draw(struct synth *synth)
{
	size_t from = draw(synth, SYNTH_PROCESSES);
	for (size_t i = 0; i < SYNTH_PROCESSES; i++) {
		struct synth_process *process = &synth->processes[(from + i) % SYNTH_PROCESSES];
		if (process->serial)
			return process;
	}
	return &synth->processes[0];
}

static void fill_program(struct event_build *build, struct rs_file_id *id, struct rs_str *path, uint32_t program)
{
	char text[64];
	int size = snprintf(text, sizeof(text), "/synth/bin/tool-%u", program);
	*id = (struct rs_file_id){.dev = DEV, .ino = 100000 + program};
	event_build_str(build, path, text, (size_t)size, RS_PATH_SIZE_MAX);
}

static void fill_process(struct event_build *build, struct rs_process *to, const struct synth_process *process)
{
	to->id = id_of(process->serial);
	to->parent_id = id_of(process->parent_serial);
	to->start_ns = process->serial * 10 * NS_PER_MS;
	to->pid = to->tid = pid_of(process->serial);
	to->parent_pid = pid_of(process->parent_serial);
	to->uid = to->euid = to->gid = to->egid = process->uid;
	to->login_uid = to->login_session = UINT32_MAX;
	snprintf(to->comm, sizeof(to->comm), "tool-%u", process->program);
	fill_program(build, &to->exe, &to->exe_path, process->program);
}

static void fill_file(struct synth *synth, struct event_build *build, struct rs_file *file, bool program)
{
	uint32_t number = (uint32_t)draw(synth, SYNTH_FILES);
	char text[64];
	int size = snprintf(text, sizeof(text), program ? "/synth/bin/tool-%u" : "/synth/file-%u", number);
	file->id = (struct rs_file_id){.dev = DEV, .ino = program ? 100000 + number : 200000 + number};
	file->size_bytes = 1000 + number;
	file->mtime_ns = file->ctime_ns = NS_PER_SEC * (1000000 + number);
	file->mode = 0100000 | (program ? 0755 : 0644);
	event_build_path(build, file, text, (size_t)size);
}

/* Each kind: the body, after the process has been drawn. */

static void make_fork(struct synth *synth, struct event_build *build, struct synth_process *process, void *body)
{
	struct rs_event_fork *fork = body;
	struct synth_process *child = process;
	while (child->serial != 0)
		child = &synth->processes[draw(synth, SYNTH_PROCESSES)];
	*child = (struct synth_process){.serial = ++synth->last_serial,
					.parent_serial = process->serial,
					.program = process->program,
					.uid = process->uid};
	synth->n_processes++;
	fill_process(build, &fork->child, child);
}

static void make_exec(struct synth *synth, struct event_build *build, struct synth_process *process, void *body)
{
	struct rs_event_exec *exec = body;
	static const char args[] = "tool\0--with\0arguments";
	exec->file.id = build->event->process.exe;
	exec->file.mode = 0100755;
	exec->file.path = build->event->process.exe_path;
	event_build_str(build, &exec->args, args, sizeof(args), RS_PATH_SIZE_MAX);
	exec->args_count = 3;
}

static void make_exit(struct synth *synth, struct event_build *build, struct synth_process *process, void *body)
{
	struct rs_event_exit *exit_body = body;
	exit_body->code = (uint32_t)draw(synth, 2);
	process->serial = 0;
	synth->n_processes--;
}

static void make_open(struct synth *synth, struct event_build *build, struct synth_process *process, void *body)
{
	fill_file(synth, build, &((struct rs_event_open *)body)->file, false);
}

static void make_connect(struct synth *synth, struct event_build *build, struct synth_process *process, void *body)
{
	struct rs_event_connect *connect = body;
	uint32_t address = htonl(0xc0000200 | (uint32_t)draw(synth, 256)); /* 192.0.2.0/24, for documentation */
	connect->remote.family = AF_INET;
	connect->remote.port = 443;
	memcpy(connect->remote.bytes, &address, sizeof(address));
	connect->protocol = IPPROTO_TCP;
}

static void make_auth_exec(struct synth *synth, struct event_build *build, struct synth_process *process, void *body)
{
	fill_file(synth, build, &((struct rs_event_auth_exec *)body)->file, true);
}

static void make_auth_open(struct synth *synth, struct event_build *build, struct synth_process *process, void *body)
{
	fill_file(synth, build, &((struct rs_event_auth_open *)body)->file, false);
}

static const struct {
	uint16_t type;
	unsigned share; /* of 100 */
	void (*make)(struct synth *synth, struct event_build *build, struct synth_process *process, void *body);
} kinds[SYNTH_N_KINDS] = {
	[SYNTH_FORK] = {RS_EVENT_FORK, 10, make_fork},
	[SYNTH_EXEC] = {RS_EVENT_EXEC, 10, make_exec},
	[SYNTH_EXIT] = {RS_EVENT_EXIT, 10, make_exit},
	[SYNTH_OPEN] = {RS_EVENT_OPEN, 40, make_open},
	[SYNTH_CONNECT] = {RS_EVENT_CONNECT, 10, make_connect},
	[SYNTH_AUTH_EXEC] = {RS_EVENT_AUTH_EXEC, 5, make_auth_exec},
	[SYNTH_AUTH_OPEN] = {RS_EVENT_AUTH_OPEN, 15, make_auth_open},
};

static enum synth_kind kind_draw(struct synth *synth)
{
	uint64_t at = draw(synth, 100);
	unsigned kind = 0;
	for (unsigned sum = kinds[0].share; at >= sum && kind + 1 < SYNTH_N_KINDS; sum += kinds[kind].share)
		kind++;
	/* the last process stays, and no more than the table holds are made */
	if (kind == SYNTH_EXIT && synth->n_processes == 1)
		kind = SYNTH_FORK;
	if (kind == SYNTH_FORK && synth->n_processes == SYNTH_PROCESSES)
		kind = SYNTH_EXIT;
	return (enum synth_kind)kind;
}

static void make_one(struct synth *synth)
{
	struct event_build build;
	enum synth_kind kind = kind_draw(synth);
	struct synth_process *process = process_draw(synth);
	void *body = event_build_begin(&build, synth->buffer, sizeof(synth->buffer), kinds[kind].type);
	if (kind == SYNTH_EXEC)
		process->program = (uint32_t)draw(synth, SYNTH_FILES);
	fill_process(&build, &build.event->process, process);
	kinds[kind].make(synth, &build, process, body);
	event_build_end(&build);
	build.event->wall_ns = clock_wall_ns();
	synth->counts.made[kind]++;
	made_deliver(&synth->made, &synth->sensor, build.event);
}

static void credit_add(struct synth *synth, uint64_t now_ns)
{
	uint64_t most = synth->rate_per_s * NS_PER_SEC;
	uint64_t elapsed_ns = now_ns > synth->last_ns ? now_ns - synth->last_ns : 0;
	uint64_t lost_s = elapsed_ns / NS_PER_SEC;
	synth->last_ns = now_ns;
	synth->counts.held_back += lost_s * synth->rate_per_s;
	synth->credit += (elapsed_ns % NS_PER_SEC) * synth->rate_per_s;
	if (synth->credit > most) {
		synth->counts.held_back += (synth->credit - most) / NS_PER_SEC;
		synth->credit = most;
	}
}

static bool is_done(const struct synth *synth)
{
	return synth->limit != 0 && synth->made.counters.events >= synth->limit;
}

static int on_timer(void *data, uint64_t now_ns)
{
	struct synth *synth = data;
	credit_add(synth, now_ns);
	for (unsigned i = 0; i < SYNTH_BATCH && synth->credit >= NS_PER_SEC && !is_done(synth); i++) {
		if (!made_may_ask(&synth->made))
			break;
		synth->credit -= NS_PER_SEC;
		make_one(synth);
	}
	if (is_done(synth))
		return 0;
	bool behind = synth->credit >= NS_PER_SEC && made_may_ask(&synth->made);
	return loop_source_arm(synth->timer, behind ? 1 : now_ns + TICK_NS);
}

static struct sensor *synth_close(struct sensor *sensor)
{
	if (!sensor)
		return NULL;
	struct synth *synth = synth_of(sensor);
	loop_source_remove(synth->timer);
	free(synth);
	return NULL;
}

static int synth_open(const struct sensor_start *start, struct sensor **ret)
{
	struct synth *synth = calloc(1, sizeof(*synth));
	if (!synth)
		return -ENOMEM;
	synth->sensor.ops = &sensor_synth_ops;
	synth->made.sink = start->sink;
	synth->rate_per_s = start->settings->sensor_synth_per_s;
	synth->processes[0].serial = synth->last_serial = synth->n_processes = 1;
	int r = loop_add_timer(start->loop, on_timer, synth, &synth->timer);
	if (r < 0) {
		log_error("synth: no timer: %s", strerror(-r));
		synth_close(&synth->sensor);
		return r;
	}
	*ret = &synth->sensor;
	return 0;
}

static int synth_begin(struct sensor *sensor)
{
	struct synth *synth = synth_of(sensor);
	synth->last_ns = clock_monotonic_ns();
	return loop_source_arm(synth->timer, 1);
}

static void synth_answer(struct sensor *sensor, const struct sensor_question *question, enum sensor_verdict verdict,
			 bool cache)
{
	struct synth *synth = synth_of(sensor);
	if (made_answer(&synth->made, question, verdict) && cache)
		synth->made.counters.cache_refused++;
}

static void copy_counters(const struct sensor *sensor, struct sensor_counters *ret)
{
	*ret = ((const struct synth *)(const void *)sensor)->made.counters;
}

static void synth_abilities(const struct sensor *sensor, struct session_ability *abilities)
{
	made_abilities(abilities, "generated load: answers change nothing");
}

void synth_counts(const struct sensor *sensor, struct synth_counts *ret)
{
	*ret = ((const struct synth *)(const void *)sensor)->counts;
}

void synth_limit(struct sensor *sensor, uint64_t events)
{
	synth_of(sensor)->limit = events;
}

bool synth_is_done(const struct sensor *sensor)
{
	return is_done((const struct synth *)(const void *)sensor);
}

const struct sensor_ops sensor_synth_ops = {
	.name = "synth",
	.open = synth_open,
	.begin = synth_begin,
	.answer = synth_answer,
	.counters = copy_counters,
	.abilities = synth_abilities,
	.close = synth_close,
};

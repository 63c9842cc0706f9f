/* SPDX-License-Identifier: Apache-2.0 */
#include "stage.h"

#include "base/clock.h"
#include "base/fd.h"
#include "base/fd_count.h"
#include "base/log.h"
#include "read_json.h"
#include "wire/catalogue.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define MEMORY_MAX (512u << 20)
#define FILES_MAX 64u

static struct stage *current; /* for the last words */
static unsigned fds_before;

uint32_t stage_slow_budget_s;

/* What the agents said last. */
static void show_errors(const struct stage *stage)
{
	for (uint32_t i = 0; i < stage->n_agents; i++) {
		char path[300], line[512];
		snprintf(path, sizeof(path), "%s.err", stage->agents[i].out_path);
		FILE *file = fopen(path, "re");
		while (file && fgets(line, sizeof(line), file))
			fprintf(stderr, "    %s: %s", stage->agents[i].name, line);
		if (file)
			fclose(file);
	}
}

void stage_fail(const char *file, int line, const char *condition, const char *format, ...)
{
	va_list args;
	fprintf(stderr, "%s:%d: expected %s: ", file, line, condition);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	if (current) {
		show_errors(current);
		for (uint32_t i = 0; i < current->n_agents; i++)
			if (current->agents[i].pid > 0)
				kill(current->agents[i].pid, SIGKILL);
	}
	exit(1);
}

/* Between synth and broker: the same event, a question of our own. */
static void on_event(void *data, struct rs_event *event, const struct sensor_question *question)
{
	struct stage *stage = data;
	struct sensor_question ours = {.sensor = &stage->sensor, .fd = -1, .handle = stage->n_questions};
	if (!question) {
		stage->sink.event(stage->sink.data, event, NULL);
		return;
	}
	EXPECT(stage->n_questions < STAGE_QUESTIONS_MAX, "too many questions for this test");
	stage->questions[stage->n_questions++] =
		(struct stage_question){.real = *question, .asked_ns = clock_monotonic_ns()};
	stage->n_open++;
	stage->sink.event(stage->sink.data, event, &ours);
}

static void on_answer(struct sensor *sensor, const struct sensor_question *question, enum sensor_verdict verdict,
		      bool cache)
{
	struct stage *stage = container_of(sensor, struct stage, sensor);
	struct stage_question *entry = &stage->questions[question->handle];
	if (entry->answered_ns != 0) {
		stage->answered_twice++;
		return;
	}
	entry->answered_ns = clock_monotonic_ns();
	entry->denied = verdict == SENSOR_DENY;
	entry->cached = cache;
	stage->n_open--;
	stage->longest_ns = MAX(stage->longest_ns, entry->answered_ns - entry->asked_ns);
	if (entry->real.sensor)
		sensor_answer(&entry->real, verdict, cache);
}

static void on_flush(struct sensor *sensor)
{
	container_of(sensor, struct stage, sensor)->flushes++;
}

static const struct sensor_ops stage_ops = {.name = "stage", .answer = on_answer, .flush_cache = on_flush};

static void on_note(void *data, uint64_t index, uint64_t process_id, enum ipc_agent_state state, const char *why)
{
	struct stage *stage = data;
	if (index < stage->n_agents)
		stage->agents[index].live = state == IPC_AGENT_LIVE;
}

static void before_wait(void *data)
{
	broker_before_wait(((struct stage *)data)->broker);
}

static void fill_settings(struct settings *settings, const char *const *names)
{
	/* long: a busy machine must not make a good agent late; the one that is meant to be late has its own */
	settings->deadline_exec_ms = settings->deadline_open_ms = 10000;
	settings->strikes_max = 1000000; /* benches are for the broker's own tests */
	settings->strike_window_s = 60;
	settings->bench_s = 60; /* longer than any case: who is benched stays so */
	settings->essential_deny = 1;
	settings->slow_share_percent = 50;
	settings->slow_budget_s = stage_slow_budget_s;
	for (; *names; names++) {
		struct settings_agent *agent = &settings->agents[settings->n_agents++];
		snprintf(agent->name, sizeof(agent->name), "%s", *names);
		agent->enabled = 1;
		agent->denies_per_min = 1000000;
		if (strcmp(*names, "hostile") == 0)
			agent->deadline_exec_ms = agent->deadline_open_ms = STAGE_HOSTILE_MS;
		memset(&agent->granted, 0xff, sizeof(agent->granted));
	}
}

static void start_synth(struct stage *stage, uint64_t events_max)
{
	struct sensor_start start = {.loop = stage->loop,
				     .settings = stage->settings,
				     .sink = {.data = stage, .event = on_event},
				     .group_fd = -1};
	EXPECT(sensor_synth_ops.open(&start, &stage->synth) == 0, "synth does not open");
	sensor_synth_ops.abilities(stage->synth, stage->abilities);
	synth_limit(stage->synth, events_max);
}

void stage_begin(struct stage *stage, uint32_t events_per_s, uint64_t events_max, const char *const *names)
{
	log_init("stage", LOG_LEVEL_ERROR);
	fds_before = fd_count();
	*stage = (struct stage){.sensor.ops = &stage_ops};
	current = stage;
	stage->directory = strdup("/tmp/ringside-stage-XXXXXX");
	EXPECT(stage->directory && mkdtemp(stage->directory), "%s", strerror(errno));
	stage->settings = calloc(1, sizeof(*stage->settings));
	stage->questions = calloc(STAGE_QUESTIONS_MAX, sizeof(*stage->questions));
	stage->abilities = calloc(catalogue_n_events, sizeof(*stage->abilities));
	EXPECT(stage->settings && stage->questions && stage->abilities, "no memory");
	fill_settings(stage->settings, names);
	stage->settings->sensor_synth_per_s = events_per_s;
	EXPECT(loop_new(&stage->loop) == 0, "no loop");
	start_synth(stage, events_max);
	struct broker_opts opts = {.loop = stage->loop,
				   .settings = stage->settings,
				   .abilities = stage->abilities,
				   .generation = 1,
				   .note = on_note,
				   .note_data = stage};
	EXPECT(broker_new(&opts, &stage->broker) == 0, "no broker");
	stage->sink = broker_sink(stage->broker);
	EXPECT(broker_add_sensor(stage->broker, &stage->sensor) == 0, "the broker takes no sensor");
	loop_set_before_wait(stage->loop, before_wait, stage);
}

static void be_agent(const struct stage_agent *agent, int lifeline, int out_fd, const char *const *argv)
{
	char path[512], number[16];
	const char *directory = getenv("AGENTS_DIR");
	struct rlimit memory = {MEMORY_MAX, MEMORY_MAX}, files = {FILES_MAX, FILES_MAX};
	snprintf(path, sizeof(path), "%s.err", agent->out_path);
	int err_fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	setrlimit(RLIMIT_AS, &memory);
	setrlimit(RLIMIT_NOFILE, &files);
	dup2(out_fd, STDOUT_FILENO);
	dup2(err_fd, STDERR_FILENO);
	snprintf(number, sizeof(number), "%d", lifeline);
	setenv(SESSION_FD_ENV, number, 1);
	fcntl(lifeline, F_SETFD, 0);
	snprintf(path, sizeof(path), "%s/%s", directory ? directory : ".", argv[0]);
	union {
		const char *const *in;
		char *const *out;
	} args = {.in = argv}; /* execv(2) does not change them */
	execv(path, args.out);
	_exit(127);
}

static void send_session(struct stage *stage, struct stage_agent *agent, uint32_t index)
{
	int pair[2];
	EXPECT(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0, "%s", strerror(errno));
	struct ipc_session who = {.head = {.size = sizeof(who), .type = IPC_SESSION, .number = index},
				  .pid = (uint32_t)agent->pid};
	snprintf(who.name, sizeof(who.name), "%s", agent->name);
	EXPECT(fd_send(agent->lifeline, "s", 1, &pair[0], 1) == 0, "the lifeline of %s is gone", agent->name);
	close(pair[0]);
	EXPECT(broker_session(stage->broker, pair[1], &who) == 0, "the broker took no session of %s", agent->name);
}

struct stage_agent *stage_spawn(struct stage *stage, const char *name, int out_fd, const char *const *argv)
{
	int pair[2];
	uint32_t index = stage->n_agents;
	EXPECT(index < STAGE_AGENTS_MAX && strcmp(stage->settings->agents[index].name, name) == 0,
	       "agents are started in the order of the settings");
	struct stage_agent *agent = &stage->agents[stage->n_agents++];
	*agent = (struct stage_agent){.name = name};
	snprintf(agent->out_path, sizeof(agent->out_path), "%s/%s", stage->directory, name);
	_cleanup_(fd_closep) int file_fd = open(agent->out_path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	EXPECT(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0, "%s", strerror(errno));
	agent->pid = fork();
	if (agent->pid == 0)
		be_agent(agent, pair[1], out_fd >= 0 ? out_fd : file_fd, argv);
	EXPECT(agent->pid > 0, "%s", strerror(errno));
	close(pair[1]);
	agent->lifeline = pair[0];
	send_session(stage, agent, index);
	return agent;
}

static bool reap(struct stage_agent *agent)
{
	if (agent->pid > 0 && waitpid(agent->pid, &agent->wait_status, WNOHANG | WUNTRACED) == agent->pid &&
	    !WIFSTOPPED(agent->wait_status))
		agent->pid = 0;
	return agent->pid == 0;
}

int stage_stop(struct stage *stage, struct stage_agent *agent)
{
	if (agent->pid > 0)
		kill(agent->pid, SIGTERM);
	for (int i = 0; i < 500 && !reap(agent); i++)
		stage_turn(stage, 10, NULL);
	EXPECT(agent->pid == 0, "%s did not end in five seconds after SIGTERM", agent->name);
	return WIFEXITED(agent->wait_status) ? WEXITSTATUS(agent->wait_status) : 128 + WTERMSIG(agent->wait_status);
}

static void remove_directory(const char *path)
{
	char name[512];
	DIR *directory = opendir(path);
	struct dirent *entry;
	while (directory && (entry = readdir(directory))) {
		snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
		unlink(name);
	}
	closedir(directory);
	rmdir(path);
}

void stage_end(struct stage *stage)
{
	for (uint32_t i = 0; i < stage->n_agents; i++) {
		struct stage_agent *agent = &stage->agents[i];
		if (agent->pid > 0) {
			kill(agent->pid, SIGKILL);
			waitpid(agent->pid, &agent->wait_status, 0);
			agent->pid = 0;
		}
	}
	stage_turn(stage, 50, NULL);
	for (uint32_t i = 0; i < stage->n_agents; i++)
		close(stage->agents[i].lifeline);
	stage->broker = broker_free(stage->broker);
	sensor_synth_ops.close(stage->synth);
	loop_free(stage->loop);
	unsigned fds_after = fd_count();
	EXPECT(fds_after == fds_before, "%u descriptors before, %u after", fds_before, fds_after);
	EXPECT(stage->answered_twice == 0, "%llu questions were answered twice",
	       (unsigned long long)stage->answered_twice);
	remove_directory(stage->directory);
	free(stage->directory);
	free(stage->settings);
	free(stage->questions);
	free(stage->abilities);
	current = NULL;
}

void stage_begin_events(struct stage *stage)
{
	EXPECT(sensor_synth_ops.begin(stage->synth) == 0, "synth does not begin");
}

bool stage_turn(struct stage *stage, uint64_t time_ms, bool (*done)(struct stage *stage))
{
	uint64_t until_ns = clock_monotonic_ns() + time_ms * NS_PER_MS;
	for (;;) {
		if (done && done(stage))
			return true;
		uint64_t now_ns = clock_monotonic_ns();
		if (now_ns >= until_ns)
			return false;
		uint64_t left_ms = (until_ns - now_ns) / NS_PER_MS + 1;
		EXPECT(loop_turn(stage->loop, (int)MIN(left_ms, UINT64_C(20))) == 0, "the loop ended");
		for (uint32_t i = 0; i < stage->n_agents; i++)
			reap(&stage->agents[i]);
	}
}

bool stage_all_live(struct stage *stage)
{
	for (uint32_t i = 0; i < stage->n_agents; i++)
		if (!stage->agents[i].live)
			return false;
	return true;
}

bool stage_all_done(struct stage *stage)
{
	return stage->n_open == 0 && synth_is_done(stage->synth);
}

/* What the sensor would learn of a file. */
static void describe(struct rs_file *file, int fd)
{
	struct stat status;
	if (fd < 0 || fstat(fd, &status) < 0)
		return;
	file->id = (struct rs_file_id){.dev = status.st_dev, .ino = status.st_ino};
	file->size_bytes = (uint64_t)status.st_size;
	file->mode = status.st_mode;
}

uint32_t stage_ask(struct stage *stage, const char *path, int fd, bool cacheable)
{
	return stage_ask_type(stage, RS_EVENT_AUTH_EXEC, path, fd, cacheable);
}

uint32_t stage_ask_type(struct stage *stage, uint16_t type, const char *path, int fd, bool cacheable)
{
	static uint64_t buffer[1024];
	struct event_build build;
	void *body = event_build_begin(&build, buffer, sizeof(buffer), type);
	struct rs_file *file = type == RS_EVENT_AUTH_OPEN ? &((struct rs_event_auth_open *)body)->file
							  : &((struct rs_event_auth_exec *)body)->file;
	describe(file, fd);
	event_build_path(&build, file, path, strlen(path));
	event_build_end(&build);
	build.event->monotonic_ns = clock_monotonic_ns();
	build.event->wall_ns = clock_wall_ns();
	uint32_t place = stage->n_questions++;
	EXPECT(place < STAGE_QUESTIONS_MAX, "too many questions for this test");
	stage->questions[place] = (struct stage_question){.asked_ns = clock_monotonic_ns()};
	stage->n_open++;
	struct sensor_question question = {.sensor = &stage->sensor, .fd = fd, .handle = place, .cacheable = cacheable};
	stage->sink.event(stage->sink.data, build.event, &question);
	return place;
}

const char *stage_status_text(struct stage *stage, const char *agent, const char *field)
{
	static char buffer[65536], text[256];
	struct json json;
	json_init(&json, buffer, sizeof(buffer));
	json_open_object(&json, NULL);
	broker_status_json(stage->broker, &json);
	json_close_object(&json);
	EXPECT(json_finish(&json) > 0, "the status is too long");
	EXPECT(read_agent_field(buffer, agent, field, text, sizeof(text)), "no %s of %s in %s", field, agent, buffer);
	return text;
}

uint64_t stage_status(struct stage *stage, const char *agent, const char *field)
{
	return strtoull(stage_status_text(stage, agent, field), NULL, 10);
}

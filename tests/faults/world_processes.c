/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The two processes of a small world: a daemon that does what the parent does with its keeper, and an engine that
 * does what rules in shared memory say.
 */
#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/macro.h"
#include "faults/world.h"
#include "sensor/process_table.h"

#include <cap-ng.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

#define HELD_MAX 20000u
#define LOOK_NS (5 * NS_PER_MS)

/* ---- engine ---- */

struct engine {
	struct world *world;
	struct world_shared *shared;
	struct loop *loop;
	struct sensor *sensor;
	struct ledger *ledger;
	struct loop_source *timer;
	int group_fd;
	uint32_t n_held;
	struct sensor_question held[HELD_MAX];
	uint32_t n_delayed;
	struct delayed {
		struct sensor_question question;
		uint64_t due_ns;
	} delayed[HELD_MAX];
};

static struct engine engine;

static void give(const struct sensor_question *question, enum sensor_verdict verdict)
{
	sensor_answer(question, verdict, atomic_load(&engine.shared->cache) && question->cacheable);
	if (atomic_load(&engine.shared->twice))
		sensor_answer(question, verdict == SENSOR_DENY ? SENSOR_ALLOW : SENSOR_DENY, false);
}

static enum sensor_verdict judge(const struct sensor_question *question)
{
	char first;
	if (atomic_load(&engine.shared->content))
		return pread(question->fd, &first, 1, 0) == 1 && first == 'B' ? SENSOR_DENY : SENSOR_ALLOW;
	return atomic_load(&engine.shared->deny) ? SENSOR_DENY : SENSOR_ALLOW;
}

static void delay(const struct sensor_question *question, uint32_t delay_ms)
{
	static uint32_t n;
	/* its time may have begun long before it was taken */
	uint64_t due_ns = clock_monotonic_ns() + (n++ * 7 % 10 * (delay_ms + 4)) * NS_PER_MS / 9;
	engine.delayed[engine.n_delayed++] = (struct delayed){.question = *question, .due_ns = due_ns};
}

static void answer_delayed(uint64_t now_ns)
{
	for (uint32_t i = 0; i < engine.n_delayed;) {
		struct delayed *delayed = &engine.delayed[i];
		if (delayed->due_ns > now_ns) {
			i++;
			continue;
		}
		struct sensor_question question = delayed->question;
		*delayed = engine.delayed[--engine.n_delayed];
		give(&question, judge(&question));
	}
}

static void on_event(void *unused, struct rs_event *event, const struct sensor_question *question)
{
	struct world_shared *shared = engine.shared;
	memcpy(shared->event, event, event->size);
	if (!question) {
		atomic_fetch_add(&shared->notified, 1);
		return;
	}
	atomic_fetch_add(event->type == RS_EVENT_AUTH_EXEC ? &shared->asked_exec : &shared->asked_open, 1);
	atomic_fetch_add(&shared->cacheable, question->cacheable);
	if (atomic_load(&shared->hold) && engine.n_held < HELD_MAX) {
		engine.held[engine.n_held++] = *question;
		atomic_store(&shared->held, engine.n_held);
		return;
	}
	if (atomic_load(&shared->delay_ms) && engine.n_delayed < HELD_MAX)
		delay(question, atomic_load(&shared->delay_ms));
	else
		give(question, judge(question));
}

static void on_lost(void *unused, uint16_t type, uint64_t count)
{
	atomic_fetch_add(&engine.shared->lost, count);
}

static void answer_held(enum sensor_verdict verdict)
{
	for (uint32_t i = 0; i < engine.n_held; i++)
		give(&engine.held[i], verdict);
	engine.n_held = 0;
	atomic_store(&engine.shared->held, 0);
}

static void want(uint32_t bits)
{
	static const uint16_t types[] = {RS_EVENT_AUTH_OPEN, RS_EVENT_AUTH_EXEC, RS_EVENT_CLOSE_WRITE, RS_EVENT_OPEN};
	struct session_event_set set = {0};
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (bits >> i & 1)
			session_set_add(&set, types[i]);
	engine.sensor->ops->want(engine.sensor, &set);
}

static void lie(void)
{
	static const uint64_t values[] = {1, 2, 3, 1000, UINT64_MAX, UINT64_C(1) << 63, 0};
	static const int32_t fds[] = {-1, INT32_MIN, INT32_MAX, 0, 2, 255, 256, 300, LEDGER_FD_LIMIT, 70000};
	for (uint32_t i = 1000; i < LEDGER_SLOTS; i++) {
		struct ledger_slot *slot = &engine.ledger->slots[i];
		atomic_store(&slot->fd, fds[i % ARRAY_SIZE(fds)]);
		atomic_store(&slot->deny, 0);
		atomic_store(&slot->deadline_ns, values[i % ARRAY_SIZE(values)]);
	}
	atomic_store(&engine.ledger->taken, UINT64_MAX);
	atomic_store(&engine.ledger->answered, 7);
	atomic_store(&engine.ledger->next_event_id, UINT64_MAX);
	atomic_store(&engine.ledger->wanted, UINT64_MAX);
	engine.ledger->magic = 0;
	engine.ledger->n_slots = UINT32_MAX;
}

/* Turns on meanwhile, so that the keeper finds nothing wrong before they are all taken. */
static void take(uint32_t n)
{
	struct fanotify_event_metadata event;
	atomic_store(&engine.shared->taking, 1);
	while (n > 0) {
		atomic_fetch_add(&engine.ledger->turns, 1);
		if (read(engine.group_fd, &event, sizeof(event)) == sizeof(event))
			n--;
		else
			world_pause();
	}
	atomic_store(&engine.shared->taking, 0);
}

static void check(int r, const char *what)
{
	if (r >= 0)
		return;
	log_error("%s: %s", what, strerror(-r));
	_exit(3);
}

static void take_slowly(uint32_t ms)
{
	struct fanotify_event_metadata event;
	for (;;) {
		uint64_t next_ns = clock_monotonic_ns() + ms * NS_PER_MS;
		if (read(engine.group_fd, &event, sizeof(event)) == sizeof(event)) {
			struct fanotify_response allow = {.fd = event.fd, .response = FAN_ALLOW};
			check(write(engine.group_fd, &allow, sizeof(allow)) < 0 ? -errno : 0, "write");
			close(event.fd);
			atomic_fetch_add(&engine.ledger->taken, 1);
		}
		while (clock_monotonic_ns() < next_ns) {
			atomic_fetch_add(&engine.ledger->turns, 1);
			world_pause();
		}
	}
}

static void *open_one(void *world)
{
	atomic_store(&((struct world *)world)->shared->opened, world_open_file(world, "a", O_RDONLY));
	return NULL;
}

/* Another thread: this one has to answer. */
static void open_beside(void)
{
	pthread_t thread;
	atomic_store(&engine.shared->opened, 1);
	check(-pthread_create(&thread, NULL, open_one, engine.world), "pthread_create");
	pthread_detach(thread);
}

static void obey(void)
{
	uint32_t command = atomic_load(&engine.shared->command);
	switch ((enum world_command)command) {
	case WORLD_NONE:
		return;
	case WORLD_FLUSH:
		engine.sensor->ops->flush_cache(engine.sensor);
		break;
	case WORLD_ANSWER_HELD:
		answer_held(SENSOR_ALLOW);
		break;
	case WORLD_DENY_HELD:
		answer_held(SENSOR_DENY);
		break;
	case WORLD_SPIN:
		atomic_store(&engine.shared->command, WORLD_NONE);
		for (volatile uint64_t i = 0;; i = i + 1)
			;
	case WORLD_SLEEP:
		atomic_store(&engine.shared->command, WORLD_NONE);
		for (;;)
			pause();
	case WORLD_STOP_TAKING:
		/* as if something had gone wrong with the source */
		loop_source_remove(engine.timer);
		atomic_store(&engine.shared->command, WORLD_NONE);
		for (;;) {
			atomic_fetch_add(&engine.ledger->turns, 1);
			world_pause();
		}
	case WORLD_NAP:
		atomic_store(&engine.shared->nap, 2);
		while (atomic_load(&engine.shared->nap))
			world_pause();
		break;
	case WORLD_STEP:
		atomic_store(&engine.shared->nap, 2);
		while (atomic_load(&engine.shared->nap))
			atomic_fetch_add(&engine.ledger->steps, 1);
		break;
	case WORLD_LIE:
		lie();
		break;
	case WORLD_OPEN:
		open_beside();
		break;
	case WORLD_TAKE:
		take(atomic_load(&engine.shared->argument));
		break;
	case WORLD_TAKE_SLOWLY:
		atomic_store(&engine.shared->command, WORLD_NONE);
		take_slowly(atomic_load(&engine.shared->argument));
		break;
	case WORLD_WANT:
		want(atomic_load(&engine.shared->argument));
		break;
	}
	atomic_store(&engine.shared->command, WORLD_NONE);
}

static int on_engine_timer(void *unused, uint64_t now_ns)
{
	uint64_t next_ns = now_ns + (atomic_load(&engine.shared->delay_ms) ? LOOK_NS / 20 : LOOK_NS);
	obey();
	answer_delayed(now_ns);
	engine.sensor->ops->counters(engine.sensor, &engine.shared->counters);
	atomic_fetch_add(&engine.shared->engine_looks, 1);
	return loop_source_arm(engine.timer, next_ns);
}

static void on_turn(void *unused)
{
	atomic_fetch_add(&engine.ledger->turns, 1);
}

/* Another user with CAP_LEASE and nothing else. */
static void drop_to(uint32_t uid)
{
	capng_clear(CAPNG_SELECT_BOTH);
	capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, CAP_LEASE);
	check(capng_change_id((int)uid, (int)uid, CAPNG_DROP_SUPP_GRP | CAPNG_CLEAR_BOUNDING), "capng_change_id");
	prctl(PR_SET_DUMPABLE, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL); /* a change of user forgets it */
}

_Noreturn void world_engine(struct world *world, const int fds[KEEPER_N_DESCRIPTORS], int ready_fd)
{
	struct sensor_process_table *processes;
	struct rlimit limit = {.rlim_cur = world->opts.engine_fds, .rlim_max = world->opts.engine_fds};
	log_init("engine", LOG_LEVEL_WARNING);
	engine.world = world;
	engine.shared = world->shared;
	engine.group_fd = fds[0];
	engine.ledger = mmap(NULL, sizeof(struct ledger), PROT_READ | PROT_WRITE, MAP_SHARED, fds[1], 0);
	check(engine.ledger == MAP_FAILED ? -errno : 0, "ledger");
	check(loop_new(&engine.loop), "loop");
	check(process_table_new(&processes), "processes");
	if (world->opts.platform_uid)
		process_table_add_platform_uids(processes, world->opts.platform_uid, world->opts.platform_uid);
	if (limit.rlim_cur)
		check(setrlimit(RLIMIT_NOFILE, &limit) < 0 ? -errno : 0, "setrlimit");
	if (world->opts.engine_uid)
		drop_to(world->opts.engine_uid);
	struct sensor_start start = {.loop = engine.loop,
				     .settings = &world->settings,
				     .sink = {.event = on_event, .lost = on_lost},
				     .processes = processes,
				     .group_fd = fds[0],
				     .notify_fd = fds[2],
				     .doorbell_fd = fds[3],
				     .ledger = engine.ledger};
	if (world->opts.before_sensor)
		world->opts.before_sensor();
	check(sensor_fanotify_ops.open(&start, &engine.sensor), "sensor");
	check(loop_add_timer(engine.loop, on_engine_timer, NULL, &engine.timer), "timer");
	loop_source_arm(engine.timer, 1);
	loop_set_before_wait(engine.loop, on_turn, NULL);
	if (world->opts.in_engine)
		world->opts.in_engine(fds[0]);
	check(sensor_fanotify_ops.begin(engine.sensor), "begin");
	check(write(ready_fd, "r", 1) < 0 ? -errno : 0, "ready");
	close(ready_fd);
	check(setpriority(PRIO_PROCESS, 0, world->opts.engine_nice) < 0 ? -errno : 0, "nice");
	check(loop_run(engine.loop), "loop");
	_exit(0);
}

/* ---- daemon ---- */

struct parent {
	struct world *world;
	struct loop *loop;
	struct keeper *keeper;
	struct loop_source *timer;
	struct loop_source *ready;
	pid_t engine;
	int ready_fd;
	int child_fd; /* signalfd of SIGCHLD */
};

static struct parent parent;

static int on_ready(void *unused, uint32_t events)
{
	char byte;
	bool good = read(parent.ready_fd, &byte, 1) == 1;
	parent.ready = loop_source_remove(parent.ready);
	parent.ready_fd = fd_close(parent.ready_fd);
	if (!good)
		return 0;
	keeper_engine_ready(parent.keeper, &parent.world->shared->gap);
	atomic_store(&parent.world->shared->engine, parent.engine);
	atomic_fetch_add(&parent.world->shared->generation, 1);
	atomic_store(&parent.world->shared->ready, 1);
	return 0;
}

static void start_engine(void)
{
	int fds[KEEPER_N_DESCRIPTORS];
	int pipe_fds[2];
	sigset_t none;
	check(pipe(pipe_fds) < 0 ? -errno : 0, "pipe");
	keeper_descriptors(parent.keeper, fds);
	parent.engine = fork();
	check(parent.engine < 0 ? -errno : 0, "fork");
	if (parent.engine == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		close(pipe_fds[0]);
		world_engine(parent.world, fds, pipe_fds[1]);
	}
	close(pipe_fds[1]);
	parent.ready_fd = pipe_fds[0];
	keeper_engine_started(parent.keeper, parent.engine);
	check(loop_add_fd(parent.loop, parent.ready_fd, EPOLLIN, on_ready, NULL, &parent.ready), "ready");
}

static int on_child(void *unused, uint32_t events)
{
	struct signalfd_siginfo info;
	struct world_shared *shared = parent.world->shared;
	int status;
	if (read(parent.child_fd, &info, sizeof(info)) < 0 || waitpid(parent.engine, &status, WNOHANG) != parent.engine)
		return 0;
	atomic_store(&shared->ready, 0);
	atomic_store(&shared->engine, 0);
	atomic_store(&shared->wait_status, status);
	keeper_engine_died(parent.keeper, status);
	if (atomic_load(&shared->restart))
		start_engine();
	return 0;
}

static void on_stuck(void *unused, const char *why)
{
	snprintf(parent.world->shared->stuck_why, IPC_TEXT_SIZE, "%s", why);
	atomic_fetch_add(&parent.world->shared->stuck, 1);
	kill(parent.engine, SIGKILL);
}

static int on_parent_timer(void *unused, uint64_t now_ns)
{
	keeper_get_counters(parent.keeper, &parent.world->shared->keeper);
	atomic_fetch_add(&parent.world->shared->looks, 1);
	if (atomic_exchange(&parent.world->shared->start, 0))
		start_engine();
	if (atomic_exchange(&parent.world->shared->daemon_opens, 0))
		open_one(parent.world);
	return loop_source_arm(parent.timer, now_ns + LOOK_NS);
}

_Noreturn void world_daemon(struct world *world)
{
	sigset_t set;
	const struct keeper_callbacks callbacks = {.engine_is_stuck = on_stuck};
	log_init("daemon", LOG_LEVEL_WARNING);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	alarm(0);
	parent.world = world;
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	parent.child_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	struct loop_source *children;
	check(loop_new(&parent.loop), "loop");
	check(loop_add_fd(parent.loop, parent.child_fd, EPOLLIN, on_child, NULL, &children), "signalfd");
	check(loop_add_timer(parent.loop, on_parent_timer, NULL, &parent.timer), "timer");
	check(keeper_new(parent.loop, &world->settings, &callbacks, &parent.keeper), "keeper");
	/* as the parent does, see daemon/priority.c */
	const struct sched_param param = {.sched_priority = 1};
	if (sched_setscheduler(0, SCHED_RR | SCHED_RESET_ON_FORK, &param) < 0)
		setpriority(PRIO_PROCESS, 0, -20);
	loop_source_arm(parent.timer, 1);
	check(loop_run(parent.loop), "loop");
	_exit(0);
}

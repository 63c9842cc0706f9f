/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/keeper.h"

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/macro.h"
#include "daemon/keeper_answer.h"
#include "daemon/keeper_judge.h"
#include "daemon/scope.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/fanotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>

#define LOOK_NS (60 * NS_PER_MS) /* between two looks at a quiet engine */
#define LOOK_IDLE_NS (300 * NS_PER_MS) /* and at one that nobody has asked anything for IDLE_AFTER; at the most */
#define LOOK_SOON_NS (10 * NS_PER_MS) /* after the first question to such a one */
#define IDLE_AFTER_NS (1 * NS_PER_SEC)
#define IDLE_RUN_NS (20 * NS_PER_MS) /* of processor time without a turn: it is up to something */
#define LISTEN_AGAIN_NS (10 * NS_PER_MS) /* when the kernel had no room for that */
#define LOOK_AGAIN_NS (40 * NS_PER_MS) /* and when something was not in order */
#define SERVE_PER_TURN 64u
#define DRAIN_PER_LOOK 4096u
#define TAKES_PER_LOOK_MAX UINT64_C(1000000) /* more between two looks is a lie */

/* Permission events need no limit on their queue: each of them has a task that waits, and with a limit the kernel
 * allows what finds no room. Notify events have nobody waiting: a limit, and what is beyond is reported as lost.
 * O_NOATIME: that we look at a file must not show in it. O_NONBLOCK: anybody can take a write lease on a file of his
 * and not let go of it; without, reading the event of an open of such a file would wait for him up to
 * fs.lease-break-time (45 s), in the engine and then here. With it the kernel denies this open instead, once: its
 * opener would have had to wait too, and finds the lease broken when he tries again. */
#define PERMISSION_GROUP (FAN_CLASS_CONTENT | FAN_CLOEXEC | FAN_NONBLOCK | FAN_UNLIMITED_QUEUE | FAN_UNLIMITED_MARKS)
#define NOTIFY_GROUP (FAN_CLASS_NOTIF | FAN_CLOEXEC | FAN_NONBLOCK | FAN_UNLIMITED_MARKS)
#define EVENT_FLAGS (O_RDONLY | O_LARGEFILE | O_CLOEXEC | O_NOATIME | O_NONBLOCK)

struct engine {
	pid_t pid; /* 0: none */
	bool ready;
	int stat_fd;
	int schedstat_fd;
	int status_fd;
	struct keeper_sample baseline; /* when its loop last had turned, or gone a step */
	uint64_t run_ns; /* at the last look, as the kernel says */
	bool run_unread; /* it turned since then: what it ran meanwhile is not counted */
	uint64_t counted_ns; /* of it, see keeper_run_count() */
	uint64_t turns; /* at the last look, without steps */
	uint64_t wanted_since_ns; /* 0: nobody waits */
	uint64_t taken; /* at the last look */
	uint64_t left; /* what left the queue since it is watched, by whoever's hand */
	struct queue_looks looks; /* ours: those in the ledger are for the engine, which could write there */
	uint64_t queued_since_ns; /* of the first in the queue, at the latest; 0: it was empty at the last look */
	bool signalled; /* at the last look a signal of a lease waited, and the loop has not turned since */
	uint64_t busy_ns; /* when there last was something to look at */
	bool idle; /* looked at rarely; the next question tells */
};

struct keeper {
	const struct settings *settings;
	struct keeper_callbacks callbacks;
	struct scope *scope;
	struct keeper_answer answer;
	struct keeper_counters counters;
	struct ledger *ledger;
	int group_fd;
	int notify_fd;
	int ledger_fd;
	int doorbell_fd;
	struct loop_source *serving;
	struct loop_source *doorbell;
	struct loop_source *timer;
	bool deaf; /* it is to serve, and does not hear of questions */
	struct engine engine;
	uint64_t generation;
	uint64_t next_event_id;
	uint64_t gap_since_ns;
	struct keeper_counters gap_start;
	const char *stuck_why; /* why the keeper wanted it ended; NULL: it did not */
	char ended_why[IPC_TEXT_SIZE];
};

static uint64_t shortest_ns(const struct settings *settings)
{
	return MIN(settings->deadline_exec_ms, settings->deadline_open_ms) * NS_PER_MS;
}

/* What the marks must send when nobody told yet: what has to be denied without an engine. */
static uint64_t initial_wanted(const struct settings *settings)
{
	return (settings->on_engine_loss_exec == SETTINGS_LOSS_DENY ? LEDGER_WANT_EXEC : 0) |
	       (settings->on_engine_loss_open == SETTINGS_LOSS_DENY ? LEDGER_WANT_OPEN : 0);
}

static void apply_wanted(struct keeper *keeper)
{
	uint64_t wanted = atomic_load(&keeper->ledger->wanted);
	if (keeper->scope) {
		uint64_t bits = wanted | initial_wanted(keeper->settings);
		scope_set_masks(keeper->scope,
				(bits & LEDGER_WANT_OPEN ? FAN_OPEN_PERM : 0) |
					(bits & LEDGER_WANT_EXEC ? FAN_OPEN_EXEC_PERM : 0),
				(bits & LEDGER_WANT_NOTIFY_OPEN ? FAN_OPEN : 0) |
					(bits & LEDGER_WANT_CLOSE_WRITE ? FAN_CLOSE_WRITE : 0));
	}
	atomic_store(&keeper->ledger->applied, wanted);
}

static int on_doorbell(void *data, uint32_t unused)
{
	struct keeper *keeper = data;
	uint64_t count;
	if (read(keeper->doorbell_fd, &count, sizeof(count)) < 0 && errno != EAGAIN)
		keeper->counters.errors++;
	if (atomic_load(&keeper->ledger->wanted) != atomic_load(&keeper->ledger->applied))
		apply_wanted(keeper);
	return 0;
}

/* False: the kernel has no room for it. Not to listen always succeeds. */
static bool listen_to_queue(struct keeper *keeper, uint32_t epoll_events)
{
	bool good = loop_source_set_events(keeper->serving, epoll_events) == 0;
	keeper->counters.errors += !good;
	return good;
}

static uint64_t queue_limit_ns(const struct keeper *keeper)
{
	return shortest_ns(keeper->settings) + KEEPER_GRACE_NS;
}

static void left_queue(struct keeper *keeper, uint64_t left)
{
	keeper->engine.left = left;
	atomic_store(&keeper->ledger->left_otherwise, left - keeper->engine.taken);
}

/* What the engine took since the last look. */
static void count_taken(struct keeper *keeper)
{
	struct engine *engine = &keeper->engine;
	uint64_t taken = atomic_load(&keeper->ledger->taken);
	uint64_t n = taken - engine->taken;
	bool lie = n > TAKES_PER_LOOK_MAX;
	keeper->counters.lies += lie;
	engine->taken = taken;
	left_queue(keeper, engine->left + (lie ? 0 : n));
}

/* How many wait, and with it what was taken until then. */
static uint64_t count_queued(struct keeper *keeper)
{
	int size = 0;
	do {
		count_taken(keeper);
		if (ioctl(keeper->group_fd, FIONREAD, &size) < 0)
			keeper->counters.errors++;
	} while (size > 0 && atomic_load(&keeper->ledger->taken) != keeper->engine.taken);
	return (unsigned)size / FAN_EVENT_METADATA_LEN;
}

/* Who waits there, and since when. */
static void look_into_queue(struct keeper *keeper, uint64_t now_ns)
{
	struct engine *engine = &keeper->engine;
	uint64_t n = count_queued(keeper);
	uint64_t seen = atomic_load(&engine->looks.last);
	engine->queued_since_ns = 0;
	if (engine->left + n < seen) /* some left it uncounted */
		left_queue(keeper, seen - n);
	if (n == 0)
		return;
	uint64_t apart_ns = queue_limit_ns(keeper) / (QUEUE_LOOKS - 8);
	queue_looks_note(&engine->looks, engine->left + n, now_ns, apart_ns);
	queue_looks_note(&keeper->ledger->looks, engine->left + n, now_ns, apart_ns);
	engine->queued_since_ns = queue_looks_since(&engine->looks, engine->left + 1);
	if (engine->queued_since_ns == 0)
		engine->queued_since_ns = now_ns; /* too soon after the last look that was kept */
}

/* The first question to an idle engine, which has not taken it yet. Not looked at in this moment: it would keep the
 * engine, which has just been woken, from its processor. */
static int hear_of_question(struct keeper *keeper)
{
	struct engine *engine = &keeper->engine;
	uint64_t now_ns = clock_monotonic_ns();
	engine->idle = false;
	engine->busy_ns = now_ns;
	look_into_queue(keeper, now_ns);
	return loop_source_arm(keeper->timer, now_ns + LOOK_SOON_NS);
}

static int on_question(void *data, uint32_t unused)
{
	struct keeper *keeper = data;
	if (keeper->engine.ready)
		return keeper->engine.idle ? hear_of_question(keeper) : 0;
	keeper_answer_queue(&keeper->answer, SERVE_PER_TURN);
	return 0;
}

/* Nobody else answers: who cannot be told of questions looks for them, and tries again. */
static int serve(struct keeper *keeper, bool yes)
{
	keeper->deaf = !listen_to_queue(keeper, yes ? EPOLLIN : 0);
	return keeper->deaf ? loop_source_arm(keeper->timer, clock_monotonic_ns() + LISTEN_AGAIN_NS) : 0;
}

static int serve_deaf(struct keeper *keeper)
{
	keeper_answer_queue(&keeper->answer, DRAIN_PER_LOOK);
	return serve(keeper, true);
}

static int open_proc(pid_t pid, const char *file)
{
	char path[48];
	snprintf(path, sizeof(path), "/proc/%d/%s", pid, file);
	return open(path, O_RDONLY | O_CLOEXEC);
}

/* Also later, when there was no descriptor for it before: an engine that cannot be looked at is never found stuck. */
static void open_files(struct keeper *keeper)
{
	struct engine *engine = &keeper->engine;
	int *const fds[] = {&engine->stat_fd, &engine->schedstat_fd, &engine->status_fd};
	static const char *const names[] = {"stat", "schedstat", "status"};
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
		if (*fds[i] < 0)
			*fds[i] = open_proc(engine->pid, names[i]);
		/* there are kernels without schedstat */
		keeper->counters.errors += *fds[i] < 0 && errno != ENOENT;
	}
}

/* Its state, and whether the signal of a lease, or of more of them than fit, waits for it. */
static bool read_status(const struct engine *engine, char *ret_state, bool *ret_signalled)
{
	char text[4096];
	ssize_t size = pread(engine->status_fd, text, sizeof(text) - 1, 0);
	text[size > 0 ? size : 0] = '\0';
	const char *state = strstr(text, "\nState:\t"), *pending = strstr(text, "\nShdPnd:\t");
	if (!state || !pending)
		return false;
	*ret_state = state[strlen("\nState:\t")];
	*ret_signalled = strtoull(pending + strlen("\nShdPnd:\t"), NULL, 16) &
			 (UINT64_C(1) << (LEDGER_LEASE_SIGNAL - 1) | UINT64_C(1) << (SIGIO - 1));
	return true;
}

static bool has_lease_signal(const struct engine *engine)
{
	char state;
	bool signalled;
	return read_status(engine, &state, &signalled) && signalled;
}

static bool read_sample(struct engine *engine, struct keeper_sample *sample)
{
	char stat[1024] = "";
	char schedstat[128] = "";
	if (pread(engine->stat_fd, stat, sizeof(stat) - 1, 0) <= 0)
		return false;
	if (engine->schedstat_fd >= 0 && pread(engine->schedstat_fd, schedstat, sizeof(schedstat) - 1, 0) < 0)
		return false;
	if (!keeper_sample_parse(sample, stat, schedstat))
		return false;
	if (engine->run_unread)
		engine->run_ns = sample->run_ns;
	engine->run_unread = false;
	engine->counted_ns = keeper_run_count(engine->counted_ns, engine->run_ns, sample->run_ns);
	engine->run_ns = sample->run_ns;
	sample->run_ns = engine->counted_ns;
	return true;
}

/* Whatever has waited so long in the queue is answered. Returns whether something was. */
static bool look_at_queue(struct keeper *keeper, uint64_t now_ns)
{
	struct engine *engine = &keeper->engine;
	look_into_queue(keeper, now_ns);
	unsigned n = 0;
	while (engine->queued_since_ns && n < DRAIN_PER_LOOK &&
	       engine->queued_since_ns + queue_limit_ns(keeper) <= now_ns) {
		uint64_t before = engine->left;
		n += keeper_answer_queue(&keeper->answer, 1);
		left_queue(keeper, before + 1);
		engine->queued_since_ns = queue_looks_since(&engine->looks, engine->left + 1);
	}
	keeper->counters.drained += n;
	return n > 0;
}

/* A writer waits for a lease, and the engine has not heard of it for two looks. Looks at an idle one are far apart:
 * that it turned since the last does not mean that it still does. */
static void look_at_leases(struct keeper *keeper)
{
	struct engine *engine = &keeper->engine;
	uint64_t turns = atomic_load(&keeper->ledger->turns);
	bool before = engine->signalled;
	bool turned = turns != engine->turns; /* a step within a long turn takes no signal */
	engine->turns = turns;
	engine->signalled = (!turned || engine->idle) && has_lease_signal(engine);
	if (before && engine->signalled && !turned)
		keeper_answer_leases(&keeper->answer, engine->pid);
}

static uint64_t count_turns(const struct ledger *ledger)
{
	return atomic_load(&ledger->turns) + atomic_load(&ledger->steps);
}

static void judge(struct keeper *keeper, bool wanted, uint64_t now_ns)
{
	struct engine *engine = &keeper->engine;
	struct keeper_sample now = {.turns = count_turns(keeper->ledger)};
	open_files(keeper);
	if (!read_sample(engine, &now))
		return; /* it ends just now: the daemon will hear of it */
	if (wanted && !engine->wanted_since_ns) {
		engine->wanted_since_ns = now_ns;
		engine->baseline.wait_ns = now.wait_ns;
		engine->baseline.major_faults = now.major_faults;
	}
	now.wanted_ns = engine->wanted_since_ns ? now_ns - engine->wanted_since_ns + 1 : 0;
	look_at_leases(keeper);
	enum keeper_verdict verdict = keeper_judge(&engine->baseline, &now);
	keeper->counters.starved += verdict == KEEPER_STARVED;
	if (now.turns != engine->baseline.turns) {
		engine->baseline = now;
		engine->wanted_since_ns = 0;
	}
	if (!keeper_verdict_kills(verdict))
		return;
	keeper->stuck_why = keeper_verdict_why(verdict);
	keeper_answer_flush(&keeper->answer);
	keeper->callbacks.engine_is_stuck(keeper->callbacks.data, keeper->stuck_why);
}

/* One file tells all that is left to know of an idle engine whose loop turned since the last look. */
static bool is_well(struct keeper *keeper)
{
	struct engine *engine = &keeper->engine;
	uint64_t turns = atomic_load(&keeper->ledger->turns);
	char state;
	bool signalled;
	if (!engine->idle || turns == engine->turns || !read_status(engine, &state, &signalled) || signalled ||
	    keeper_is_halted(state))
		return false;
	engine->turns = turns;
	engine->baseline.turns = count_turns(keeper->ledger);
	engine->wanted_since_ns = 0;
	engine->run_unread = true;
	return true;
}

static uint64_t earlier(uint64_t a_ns, uint64_t b_ns)
{
	return b_ns && b_ns < a_ns ? b_ns : a_ns;
}

static uint64_t idle_look_ns(const struct settings *settings)
{
	return MAX(MIN(LOOK_IDLE_NS, shortest_ns(settings) + KEEPER_GRACE_NS), LOOK_NS);
}

/*
 * Whether nothing has happened for a while: then looks may be rare. What the bound of keeper.h hangs on meanwhile:
 * - a question that the engine takes is found in the ledger by the next look, soon after it is overdue at the latest;
 * - one that it does not take wakes us;
 * - a writer who waits for a lease is found by the next look, and let go by the one after it, which is soon.
 */
static bool look_at_idleness(struct keeper *keeper, bool busy, uint64_t now_ns)
{
	struct engine *engine = &keeper->engine;
	bool before = engine->idle;
	if (busy || engine->counted_ns - engine->baseline.run_ns >= IDLE_RUN_NS)
		engine->busy_ns = now_ns;
	engine->idle = now_ns - engine->busy_ns >= IDLE_AFTER_NS;
	if (engine->idle != before && !listen_to_queue(keeper, engine->idle ? EPOLLIN | EPOLLONESHOT : 0))
		engine->idle = false;
	keeper->counters.idle += engine->idle;
	return engine->idle;
}

static int on_look(void *data, uint64_t now_ns)
{
	struct keeper *keeper = data;
	struct engine *engine = &keeper->engine;
	uint64_t next_overdue_ns;
	if (!engine->ready)
		return keeper->deaf ? serve_deaf(keeper) : 0;
	uint64_t taken = engine->taken;
	/* answer first, judge after */
	bool wanted = keeper_answer_overdue(&keeper->answer, now_ns, &next_overdue_ns) > 0;
	wanted |= look_at_queue(keeper, now_ns);
	if (wanted || !is_well(keeper))
		judge(keeper, wanted, now_ns);
	if (!engine->ready)
		return 0; /* the callback ended it */
	bool uneasy = wanted || engine->signalled || keeper->stuck_why;
	bool busy = uneasy || next_overdue_ns || engine->queued_since_ns || engine->taken != taken;
	uint64_t next_ns = now_ns + (uneasy ? LOOK_AGAIN_NS : LOOK_NS);
	if (look_at_idleness(keeper, busy, now_ns))
		next_ns = now_ns + idle_look_ns(keeper->settings);
	next_ns = earlier(next_ns, next_overdue_ns);
	if (engine->queued_since_ns)
		next_ns = earlier(next_ns, engine->queued_since_ns + queue_limit_ns(keeper));
	return loop_source_arm(keeper->timer, MAX(next_ns, now_ns + NS_PER_MS));
}

static int open_groups(struct keeper *keeper)
{
	keeper->group_fd = fanotify_init(PERMISSION_GROUP, EVENT_FLAGS);
	if (keeper->group_fd >= 0)
		keeper->notify_fd = fanotify_init(NOTIFY_GROUP, EVENT_FLAGS);
	if (keeper->notify_fd >= 0)
		return 0;
	int error = errno;
	log_error("fanotify_init: %s; the kernel must be built with CONFIG_FANOTIFY_ACCESS_PERMISSIONS, and ringsided "
		  "needs CAP_SYS_ADMIN",
		  strerror(error));
	return -error;
}

static int open_ledger(struct keeper *keeper)
{
	keeper->ledger_fd = fd_memfd("ringside-ledger", sizeof(struct ledger));
	if (keeper->ledger_fd < 0)
		return keeper->ledger_fd;
	void *map = mmap(NULL, sizeof(struct ledger), PROT_READ | PROT_WRITE, MAP_SHARED, keeper->ledger_fd, 0);
	if (map == MAP_FAILED)
		return -errno;
	keeper->ledger = map;
	keeper->ledger->magic = LEDGER_MAGIC;
	keeper->ledger->n_slots = LEDGER_SLOTS;
	atomic_store(&keeper->ledger->next_event_id, 1);
	keeper->next_event_id = 1;
	keeper->doorbell_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return keeper->doorbell_fd < 0 ? -errno : 0;
}

static int attach(struct keeper *keeper, struct loop *loop)
{
	int r = loop_add_fd(loop, keeper->group_fd, EPOLLIN, on_question, keeper, &keeper->serving);
	if (r >= 0)
		r = loop_add_fd(loop, keeper->doorbell_fd, EPOLLIN, on_doorbell, keeper, &keeper->doorbell);
	if (r >= 0)
		r = loop_add_timer(loop, on_look, keeper, &keeper->timer);
	if (r >= 0 && keeper->settings->sensor_fanotify)
		r = scope_new(loop, keeper->settings, keeper->group_fd, keeper->notify_fd, &keeper->scope);
	return r;
}

int keeper_new(struct loop *loop, const struct settings *settings, const struct keeper_callbacks *callbacks,
	       struct keeper **ret)
{
	struct keeper *keeper = calloc(1, sizeof(*keeper));
	if (!keeper)
		return -ENOMEM;
	*keeper = (struct keeper){.settings = settings,
				  .callbacks = *callbacks,
				  .group_fd = -1,
				  .notify_fd = -1,
				  .ledger_fd = -1,
				  .doorbell_fd = -1,
				  .engine = {.stat_fd = -1, .schedstat_fd = -1, .status_fd = -1},
				  .gap_since_ns = clock_monotonic_ns()};
	snprintf(keeper->ended_why, sizeof(keeper->ended_why), "the platform was started");
	int r = open_groups(keeper);
	if (r >= 0)
		r = open_ledger(keeper);
	if (r >= 0)
		r = attach(keeper, loop);
	if (r < 0) {
		keeper_free(keeper);
		return r;
	}
	keeper->answer = (struct keeper_answer){.group_fd = keeper->group_fd,
						.ledger = keeper->ledger,
						.settings = settings,
						.counters = &keeper->counters};
	apply_wanted(keeper);
	*ret = keeper;
	return 0;
}

static void engine_forget(struct keeper *keeper)
{
	fd_close(keeper->engine.stat_fd);
	fd_close(keeper->engine.schedstat_fd);
	fd_close(keeper->engine.status_fd);
	keeper->engine = (struct engine){.stat_fd = -1, .schedstat_fd = -1, .status_fd = -1};
}

struct keeper *keeper_free(struct keeper *keeper)
{
	if (!keeper)
		return NULL;
	scope_free(keeper->scope);
	loop_source_remove(keeper->serving);
	loop_source_remove(keeper->doorbell);
	loop_source_remove(keeper->timer);
	engine_forget(keeper);
	if (keeper->ledger)
		munmap(keeper->ledger, sizeof(*keeper->ledger));
	fd_close(keeper->ledger_fd);
	fd_close(keeper->doorbell_fd);
	fd_close(keeper->notify_fd);
	fd_close(keeper->group_fd);
	free(keeper);
	return NULL;
}

void keeper_descriptors(const struct keeper *keeper, int ret_fds[KEEPER_N_DESCRIPTORS])
{
	ret_fds[0] = keeper->group_fd;
	ret_fds[1] = keeper->ledger_fd;
	ret_fds[2] = keeper->notify_fd;
	ret_fds[3] = keeper->doorbell_fd;
}

void keeper_engine_started(struct keeper *keeper, pid_t pid)
{
	struct rlimit limit = {.rlim_cur = LEDGER_FD_LIMIT, .rlim_max = LEDGER_FD_LIMIT};
	engine_forget(keeper);
	keeper->stuck_why = NULL;
	keeper->engine.pid = pid;
	open_files(keeper);
	/* more than we may give it is refused: then what it has must do, and what it cannot take we drain */
	if (prlimit(pid, RLIMIT_NOFILE, &limit, NULL) < 0)
		log_info("the engine keeps its limit of descriptors: %s", strerror(errno));
}

void keeper_engine_ready(struct keeper *keeper, struct ipc_gap *ret_gap)
{
	uint64_t now_ns = clock_monotonic_ns();
	struct engine *engine = &keeper->engine;
	serve(keeper, false);
	engine->ready = true;
	engine->busy_ns = now_ns;
	engine->taken = atomic_load(&keeper->ledger->taken);
	left_queue(keeper, 0);
	engine->turns = atomic_load(&keeper->ledger->turns);
	engine->baseline.turns = count_turns(keeper->ledger);
	read_sample(engine, &engine->baseline);
	loop_source_arm(keeper->timer, now_ns + LOOK_AGAIN_NS);

	*ret_gap = (struct ipc_gap){
		.head = {.size = sizeof(*ret_gap), .type = IPC_GAP, .number = ++keeper->generation},
		.gap_ns = now_ns - keeper->gap_since_ns,
		.unguarded_allowed = keeper->counters.unguarded_allowed - keeper->gap_start.unguarded_allowed,
		.unguarded_denied = keeper->counters.unguarded_denied - keeper->gap_start.unguarded_denied,
	};
	memcpy(ret_gap->why, keeper->ended_why, sizeof(ret_gap->why));
}

static void describe_end(struct keeper *keeper, int wait_status)
{
	char how[64];
	if (WIFSIGNALED(wait_status))
		snprintf(how, sizeof(how), "killed by signal %d", WTERMSIG(wait_status));
	else
		snprintf(how, sizeof(how), "exited with %d", WEXITSTATUS(wait_status));
	if (keeper->stuck_why)
		snprintf(keeper->ended_why, sizeof(keeper->ended_why), "%s: %s", how, keeper->stuck_why);
	else
		snprintf(keeper->ended_why, sizeof(keeper->ended_why), "%s", how);
}

/* What the next engine goes on from. Ids rise, whatever the last one wrote. */
static void reset_ledger(struct keeper *keeper)
{
	struct ledger *ledger = keeper->ledger;
	uint64_t id = atomic_load(&ledger->next_event_id);
	keeper->counters.lies += id < keeper->next_event_id || id > INT64_MAX;
	if (id > keeper->next_event_id && id <= INT64_MAX)
		keeper->next_event_id = id;
	atomic_store(&ledger->next_event_id, keeper->next_event_id);
	atomic_store(&ledger->turns, 0);
	atomic_store(&ledger->steps, 0);
	atomic_store(&ledger->turn_ns, 0);
	atomic_store(&ledger->taken, 0);
	atomic_store(&ledger->left_otherwise, 0);
	queue_looks_forget(&ledger->looks);
	atomic_store(&ledger->answered, 0);
	atomic_store(&ledger->already, 0);
	atomic_store(&ledger->sleeping, 0);
	ledger->magic = LEDGER_MAGIC;
	ledger->n_slots = LEDGER_SLOTS;
}

void keeper_engine_died(struct keeper *keeper, int wait_status)
{
	bool was_ready = keeper->engine.ready;
	describe_end(keeper, wait_status);
	if (was_ready) {
		keeper->gap_since_ns = clock_monotonic_ns();
		keeper->gap_start = keeper->counters;
	}
	/* an engine that was never ready may have taken questions all the same. Who waits is answered first: see
	 * keeper_answer_flush() */
	keeper_answer_everything(&keeper->answer);
	keeper_answer_queue(&keeper->answer, DRAIN_PER_LOOK);
	keeper_answer_flush(&keeper->answer);
	keeper->counters.restarts++;
	loop_source_arm(keeper->timer, 0);
	reset_ledger(keeper);
	engine_forget(keeper);
	serve(keeper, true);
	keeper_answer_queue(&keeper->answer, SERVE_PER_TURN);
}

void keeper_get_counters(const struct keeper *keeper, struct keeper_counters *ret)
{
	struct scope_counters scope = {0};
	if (keeper->scope)
		scope_get_counters(keeper->scope, &scope);
	*ret = keeper->counters;
	ret->file_systems = scope.marked;
}

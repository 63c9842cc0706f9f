/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fanotify: auth events for open and exec, notify events for open and close after write, on whole file systems.
 *
 *     permission group ─▶ read one ─▶ ledger ─▶ ours? outside? cached? ─▶ allow at once
 *                                        └─▶ lease ─▶ event ─▶ sink ─▶ … ─▶ answer ─▶ ledger freed, closed or kept
 *     notify group ─▶ event ─▶ sink
 *
 * Owns its ends of both groups and the descriptor of each event until it is answered; the cache owns those it keeps.
 * Must not open a file by name once it has begun (the question would come to the thread that opens), nor log between
 * taking a question and answering it. Marks belong to the keeper; what is wanted is told through the ledger.
 *
 * A read(2) that cannot open the event's file makes the kernel deny the operation. So nothing is read when
 * descriptors could run out; the keeper takes over what stays in the queue for long. One event is read at a time:
 * of several, the kernel would not tell which could not be opened.
 */
#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "sensor/event_fds.h"
#include "sensor/fanotify_file.h"
#include "sensor/fanotify_pending.h"
#include "sensor/process_table.h"
#include "sensor/sensor.h"
#include "sensor/verdict_cache.h"
#include "wire/promise.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/resource.h>

#define EVENTS_PER_TURN 32
#define FDS_RESERVED 512u /* for the rest of the engine: sessions, rings */
#define PAUSE_NS (20 * NS_PER_MS) /* after the kernel could not open a file for us */
#define SWEEP_NS (5 * NS_PER_MS) /* until the keeper has finished an answer */
#define APPLY_WAIT_NS (50 * NS_PER_MS) /* for the keeper to follow what is wanted */
#define CACHE_SETTLE_NS (2 * NS_PER_SEC)
#define CACHE_SHY_NS (60 * NS_PER_SEC)
#define CACHE_BRIEF_NS (5 * NS_PER_SEC)

struct fanotify {
	struct sensor sensor;
	const struct settings *settings;
	struct sensor_sink sink;
	struct sensor_process_table *processes;
	struct ledger *ledger;
	struct loop *loop;
	struct loop_source *questions;
	struct loop_source *notices;
	struct loop_source *timer; /* ends a pause, sweeps what is held */
	struct pending pending;
	struct verdict_cache *cache;
	struct event_fds fds;
	struct sensor_counters counters;
	int group_fd;
	int notify_fd;
	int doorbell_fd;
	int proc_fds_dir;
	pid_t own_pid;
	pid_t parent_pid;
	uint32_t questions_max; /* by the limit of descriptors */
	bool begun;
	uint64_t emptied_ns; /* when the queue of questions was last found empty */
	bool reading;
	bool want_set;
	uint32_t n_scopes; /* 0: every file of the marked file systems is in scope */
	char *scopes[SETTINGS_SCOPES_MAX]; /* without symbolic links */
	uint64_t want_serial;
	char path[RS_PATH_SIZE_MAX + 64];
	_Alignas(8) char event[32768];
};

static struct fanotify *of(struct sensor *sensor)
{
	return container_of(sensor, struct fanotify, sensor);
}

/* What one event says of its file. */
struct subject {
	struct stat status;
	const char *path;
	size_t path_size;
	uint32_t file_flags;
};

/* Within a turn that may be long: to the keeper. */
static void alive(void *data)
{
	struct fanotify *fanotify = data;
	atomic_fetch_add(&fanotify->ledger->steps, 1);
}

/* To read may need memory that the kernel has not: on_timer() tries again. */
static void set_reading(struct fanotify *fanotify, bool reading)
{
	if (fanotify->reading == reading)
		return;
	if (loop_source_set_events(fanotify->questions, reading ? EPOLLIN : 0) == 0) {
		fanotify->reading = reading;
		return;
	}
	fanotify->counters.errors++;
	loop_source_arm(fanotify->timer, clock_monotonic_ns() + PAUSE_NS);
}

static bool has_room(const struct fanotify *fanotify)
{
	return fanotify->pending.n_used + verdict_cache_n_fds(fanotify->cache) < fanotify->questions_max;
}

/* Bounded: the keeper answers what stays in the queue meanwhile. */
static void pause_reading(struct fanotify *fanotify)
{
	set_reading(fanotify, false);
	loop_source_arm(fanotify->timer, clock_monotonic_ns() + PAUSE_NS);
}

/* To the kernel. False: it does not wait for this answer any more. */
static bool respond(struct fanotify *fanotify, int fd, bool deny)
{
	struct fanotify_response response = {.fd = fd, .response = deny ? FAN_DENY : FAN_ALLOW};
	if (write(fanotify->group_fd, &response, sizeof(response)) == sizeof(response)) {
		if (deny)
			fanotify->counters.answered_deny++;
		else
			fanotify->counters.answered_allow++;
		return true;
	}
	if (errno == ENOENT) {
		fanotify->counters.answered_late++;
		atomic_fetch_add(&fanotify->ledger->already, 1);
	} else {
		fanotify->counters.errors++;
	}
	return false;
}

/* After the answer, whoever gave it. A number by which the keeper is just answering is neither closed nor kept: kept,
 * it might be closed before the keeper is through. */
static void release(struct fanotify *fanotify, struct pending_question *question, bool kept)
{
	int fd = question->fd;
	bool held = pending_release(&fanotify->pending, question) == PENDING_HELD;
	atomic_fetch_add(&fanotify->ledger->answered, 1);
	if (kept && !held)
		return;
	if (kept)
		verdict_cache_forget(fanotify->cache, fd);
	else
		verdict_cache_unlease(fanotify->cache, fd);
	if (held)
		loop_source_arm(fanotify->timer, clock_monotonic_ns() + SWEEP_NS);
	else
		event_fds_close(&fanotify->fds, fd);
}

static void allow_at_once(struct fanotify *fanotify, struct pending_question *question)
{
	respond(fanotify, question->fd, false);
	release(fanotify, question, false);
}

static bool is_self(struct fanotify *fanotify, pid_t pid)
{
	return pid == fanotify->own_pid || pid == fanotify->parent_pid ||
	       (pid > 0 && process_table_is_platform(fanotify->processes, pid));
}

/* A path that cannot be told is asked about. */
static bool is_outside(const struct fanotify *fanotify, const struct subject *subject)
{
	if (fanotify->n_scopes == 0 || subject->path_size == 0)
		return false;
	for (uint32_t i = 0; i < fanotify->n_scopes; i++) {
		size_t size = strlen(fanotify->scopes[i]);
		if (subject->path_size >= size && memcmp(subject->path, fanotify->scopes[i], size) == 0 &&
		    (subject->path[size] == '/' || subject->path[size] == '\0'))
			return false;
	}
	return true;
}

static bool learn_subject(struct fanotify *fanotify, int fd, struct subject *subject)
{
	if (fstat(fd, &subject->status) < 0)
		return false;
	subject->path = fanotify->path;
	subject->path_size = fanotify_file_path(fanotify->proc_fds_dir, fd, &subject->status, fanotify->path,
						sizeof(fanotify->path), &subject->file_flags);
	return true;
}

/* The file is the first field of each body that we fill. */
static struct rs_event *build_event(struct fanotify *fanotify, uint16_t type, pid_t pid, const struct subject *subject)
{
	struct event_build build;
	struct rs_file *file = event_build_begin(&build, fanotify->event, sizeof(fanotify->event), type);
	build.event->monotonic_ns = clock_monotonic_ns();
	build.event->wall_ns = clock_wall_ns();
	fanotify_file_fill(&build, file, &subject->status, subject->path, subject->path_size, subject->file_flags);
	process_table_fill(fanotify->processes, pid, 0, &build, &build.event->process);
	event_build_end(&build);
	fanotify->counters.events++;
	return build.event;
}

static void ask(struct fanotify *fanotify, struct pending_question *question, const struct subject *subject)
{
	uint16_t type = question->mask == FAN_OPEN_EXEC_PERM ? RS_EVENT_AUTH_EXEC : RS_EVENT_AUTH_OPEN;
	/* before anybody looks at the file */
	bool cacheable = verdict_cache_lease(fanotify->cache, question->fd, &subject->status);
	struct rs_event *event = build_event(fanotify, type, question->pid, subject);
	struct sensor_question asked = {.sensor = &fanotify->sensor,
					.fd = question->fd,
					.handle = pending_handle(&fanotify->pending, question),
					.cacheable = cacheable};
	fanotify->counters.questions++;
	fanotify->sink.event(fanotify->sink.data, event, &asked);
}

static void consider(struct fanotify *fanotify, struct pending_question *question)
{
	struct subject subject;
	if (is_self(fanotify, question->pid)) {
		fanotify->counters.self++;
		allow_at_once(fanotify, question);
		return;
	}
	if (!learn_subject(fanotify, question->fd, &subject)) {
		fanotify->counters.errors++;
		allow_at_once(fanotify, question);
		return;
	}
	question->key = (struct verdict_key){.dev = subject.status.st_dev, .ino = subject.status.st_ino};
	if (is_outside(fanotify, &subject)) {
		fanotify->counters.outside++;
		allow_at_once(fanotify, question);
	} else if (verdict_cache_has(fanotify->cache, question->key, question->mask)) {
		allow_at_once(fanotify, question);
	} else {
		ask(fanotify, question, &subject);
	}
}

/* An event is no longer there, whatever it was. */
static void left_queue(struct fanotify *fanotify)
{
	atomic_fetch_add(&fanotify->ledger->taken, 1);
}

/* Of the event that was just read and is not counted yet. It came after the queue was last found empty. */
static uint64_t asked_ns(const struct fanotify *fanotify)
{
	const struct ledger *ledger = fanotify->ledger;
	uint64_t place = atomic_load(&ledger->taken) + atomic_load(&ledger->left_otherwise) + 1;
	uint64_t since_ns = queue_looks_since(&ledger->looks, place);
	return since_ns ? MAX(since_ns, fanotify->emptied_ns) : clock_monotonic_ns();
}

static void on_permission_event(struct fanotify *fanotify, const struct fanotify_event_metadata *event)
{
	const struct settings *settings = fanotify->settings;
	bool exec = event->mask & FAN_OPEN_EXEC_PERM;
	uint32_t deadline_ms = exec ? settings->deadline_exec_ms : settings->deadline_open_ms;
	uint32_t on_loss = exec ? settings->on_engine_loss_exec : settings->on_engine_loss_open;
	struct pending_question *question =
		pending_take(&fanotify->pending, event->fd, asked_ns(fanotify) + deadline_ms * NS_PER_MS,
			     on_loss == SETTINGS_LOSS_DENY);
	left_queue(fanotify);
	if (!question) { /* has_room() saw to it */
		fanotify->counters.errors++;
		respond(fanotify, event->fd, false);
		event_fds_close(&fanotify->fds, event->fd);
		return;
	}
	question->pid = event->pid;
	question->mask = exec ? FAN_OPEN_EXEC_PERM : FAN_OPEN_PERM;
	process_table_refresh(fanotify->processes); /* who asks may have been born, or have executed, a moment ago */
	consider(fanotify, question);
}

static void report_lost(struct fanotify *fanotify, uint16_t type, uint64_t count)
{
	fanotify->counters.lost += count;
	fanotify->sink.lost(fanotify->sink.data, type, count);
}

/* One event. 1: taken, 0: none there, <0: the kernel could not give one, -errno. */
static int take_event(int group_fd, struct fanotify_event_metadata *event)
{
	ssize_t size = read(group_fd, event, sizeof(*event));
	if (size < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	return size == sizeof(*event) && event->vers == FANOTIFY_METADATA_VERSION ? 1 : -EPROTO;
}

static int on_questions(void *data, uint32_t unused)
{
	struct fanotify *fanotify = data;
	struct fanotify_event_metadata event;
	for (int i = 0; i < EVENTS_PER_TURN; i++) {
		if (!has_room(fanotify)) {
			pause_reading(fanotify);
			break;
		}
		int r = take_event(fanotify->group_fd, &event);
		if (r == 0) {
			fanotify->emptied_ns = clock_monotonic_ns();
			/* woken for an event that is none: a write lease is on its file, and the kernel denied the
			 * open (see daemon/keeper.c); or the keeper took it */
			if (i == 0) {
				left_queue(fanotify);
				report_lost(fanotify, 0, 1);
			}
			break;
		}
		if (r < 0) {
			/* the kernel denied the operation, since it could not open its file for us */
			fanotify->counters.errors++;
			left_queue(fanotify);
			report_lost(fanotify, 0, 1);
			pause_reading(fanotify);
			break;
		}
		if (event.mask & FAN_Q_OVERFLOW)
			report_lost(fanotify, 0, 1);
		else if (event.fd >= 0)
			on_permission_event(fanotify, &event);
		else
			left_queue(fanotify);
		alive(fanotify); /* the table of processes may have had a thousand records to take first */
	}
	return 0;
}

static void notify(struct fanotify *fanotify, uint16_t type, pid_t pid, const struct subject *subject)
{
	fanotify->sink.event(fanotify->sink.data, build_event(fanotify, type, pid, subject), NULL);
}

static void on_notify_event(struct fanotify *fanotify, const struct fanotify_event_metadata *event)
{
	struct subject subject;
	process_table_refresh(fanotify->processes);
	if (is_self(fanotify, event->pid)) {
		fanotify->counters.self++;
		return;
	}
	if (!learn_subject(fanotify, event->fd, &subject)) {
		fanotify->counters.errors++;
		return;
	}
	if (is_outside(fanotify, &subject)) {
		fanotify->counters.outside++;
		return;
	}
	/* the kernel may have made one event of several of the same file and process */
	if (event->mask & FAN_OPEN)
		notify(fanotify, RS_EVENT_OPEN, event->pid, &subject);
	if (event->mask & FAN_CLOSE_WRITE)
		notify(fanotify, RS_EVENT_CLOSE_WRITE, event->pid, &subject);
}

static int on_notices(void *data, uint32_t unused)
{
	struct fanotify *fanotify = data;
	struct fanotify_event_metadata event;
	for (int i = 0; i < EVENTS_PER_TURN; i++) {
		int r = take_event(fanotify->notify_fd, &event);
		if (r == 0)
			break;
		if (r < 0) {
			fanotify->counters.errors++;
			report_lost(fanotify, 0, 1);
			break;
		}
		if (event.mask & FAN_Q_OVERFLOW) /* the kernel does not say how many: at least one */
			report_lost(fanotify, 0, 1);
		if (event.fd < 0)
			continue;
		on_notify_event(fanotify, &event);
		event_fds_close(&fanotify->fds, event.fd);
		alive(fanotify);
	}
	return 0;
}

static int on_timer(void *data, uint64_t now_ns)
{
	struct fanotify *fanotify = data;
	int fd;
	while ((fd = pending_sweep(&fanotify->pending)) >= 0)
		event_fds_close(&fanotify->fds, fd);
	if (pending_is_holding(&fanotify->pending))
		loop_source_arm(fanotify->timer, now_ns + SWEEP_NS);
	else if (!fanotify->reading && !has_room(fanotify))
		loop_source_arm(fanotify->timer, now_ns + PAUSE_NS);
	if (fanotify->begun && has_room(fanotify))
		set_reading(fanotify, true);
	return 0;
}

/* A denied open is no open to the kernel: who wants notify events of opens hears of it from here. */
static void notify_denied(struct fanotify *fanotify, const struct pending_question *question)
{
	struct subject subject;
	uint64_t wanted = atomic_load(&fanotify->ledger->wanted);
	if (question->mask != FAN_OPEN_PERM || !(wanted & LEDGER_WANT_NOTIFY_OPEN) ||
	    !learn_subject(fanotify, question->fd, &subject))
		return;
	struct rs_event *event = build_event(fanotify, RS_EVENT_OPEN, question->pid, &subject);
	struct rs_event_open *body = (struct rs_event_open *)(void *)((char *)event + event->body_offset);
	body->denied = 1;
	fanotify->sink.event(fanotify->sink.data, event, NULL);
}

static void fanotify_answer(struct sensor *sensor, const struct sensor_question *asked, enum sensor_verdict verdict,
			    bool cache)
{
	struct fanotify *fanotify = of(sensor);
	struct pending_question *question = pending_find(&fanotify->pending, asked->handle);
	if (!question) {
		fanotify->counters.errors++; /* answered twice */
		return;
	}
	bool deny = verdict == SENSOR_DENY;
	enum verdict_cache_result kept = VERDICT_CACHE_REFUSED;
	if (!deny && cache)
		kept = verdict_cache_keep(fanotify->cache, question->fd, question->key, question->mask);
	bool ours = respond(fanotify, question->fd, deny);
	if (deny && ours)
		notify_denied(fanotify, question);
	release(fanotify, question, kept == VERDICT_CACHE_KEPT);
}

static void fanotify_flush_cache(struct sensor *sensor)
{
	verdict_cache_flush(of(sensor)->cache);
}

static void fanotify_counters(const struct sensor *sensor, struct sensor_counters *ret)
{
	const struct fanotify *fanotify = (const struct fanotify *)(const void *)sensor; /* its first member */
	struct verdict_cache_counters cache;
	verdict_cache_get_counters(fanotify->cache, &cache);
	*ret = fanotify->counters;
	ret->errors += cache.errors;
	ret->cache_added = cache.added;
	ret->cache_removed = cache.removed;
	ret->cache_refused = cache.refused;
	ret->cache_size = cache.size;
	ret->cache_hits = cache.hits;
}

static void fanotify_abilities(const struct sensor *sensor, struct session_ability *abilities)
{
	for (size_t i = 0; i < catalogue_n_events; i++) {
		const struct promise *promise = promise_find(catalogue_events[i].number);
		if (!promise || promise->source != PROMISE_FANOTIFY)
			continue;
		abilities[i].event_type = promise->type;
		abilities[i].state = promise->state;
		snprintf(abilities[i].reason, sizeof(abilities[i].reason), "%s", promise->reason);
	}
}

struct want_row {
	uint16_t type;
	uint64_t bit;
};

static const struct want_row want_rows[] = {
	{RS_EVENT_AUTH_EXEC, LEDGER_WANT_EXEC},
	{RS_EVENT_AUTH_OPEN, LEDGER_WANT_OPEN},
	{RS_EVENT_OPEN, LEDGER_WANT_NOTIFY_OPEN},
	{RS_EVENT_CLOSE_WRITE, LEDGER_WANT_CLOSE_WRITE},
};

/* Waits, bounded, until the keeper's marks follow: an agent that was told that it is ready shall miss nothing. */
static void publish_wanted(struct fanotify *fanotify, uint64_t bits)
{
	const struct timespec step = {.tv_nsec = 200000};
	const uint64_t one = 1;
	uint64_t before = atomic_load(&fanotify->ledger->wanted);
	if (fanotify->want_set && (before & ((1u << LEDGER_WANT_BITS) - 1)) == bits)
		return;
	fanotify->want_set = true;
	uint64_t wanted = ((before >> LEDGER_WANT_BITS) + 1) << LEDGER_WANT_BITS | bits;
	atomic_store(&fanotify->ledger->wanted, wanted);
	if (fanotify->doorbell_fd < 0 || write(fanotify->doorbell_fd, &one, sizeof(one)) < 0)
		return;
	for (uint64_t waited_ns = 0; waited_ns < APPLY_WAIT_NS; waited_ns += (uint64_t)step.tv_nsec) {
		if (atomic_load(&fanotify->ledger->applied) == wanted)
			return;
		nanosleep(&step, NULL);
	}
}

static void fanotify_want(struct sensor *sensor, const struct session_event_set *types)
{
	uint64_t bits = 0;
	for (size_t i = 0; i < ARRAY_SIZE(want_rows); i++)
		if (session_set_has(types, want_rows[i].type))
			bits |= want_rows[i].bit;
	publish_wanted(of(sensor), bits);
}

static uint32_t limit_of_questions(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return 0;
	rlim_t usable = limit.rlim_cur < LEDGER_FD_LIMIT ? limit.rlim_cur : LEDGER_FD_LIMIT;
	return usable > LEDGER_FD_FLOOR + FDS_RESERVED ? (uint32_t)usable - LEDGER_FD_FLOOR - FDS_RESERVED : 0;
}

static int fanotify_begin(struct sensor *sensor)
{
	struct fanotify *fanotify = of(sensor);
	int r = event_fds_init(&fanotify->fds);
	if (r < 0) {
		log_error("cannot keep descriptors below %d free of events: %s", LEDGER_FD_FLOOR, strerror(-r));
		return r;
	}
	/* anew: the limit may have changed with the privilege. Half of the descriptors are for questions */
	fanotify->questions_max = limit_of_questions();
	verdict_cache_limit(fanotify->cache, fanotify->questions_max / 2);
	if (!fanotify->want_set)
		publish_wanted(fanotify, LEDGER_WANT_OPEN | LEDGER_WANT_EXEC);
	fanotify->begun = true;
	set_reading(fanotify, true);
	return fanotify->notices ? loop_source_set_events(fanotify->notices, EPOLLIN) : 0;
}

static struct sensor *fanotify_close(struct sensor *sensor)
{
	struct fanotify *fanotify = of(sensor);
	/* whoever still waits goes on: the keeper holds the group, closing it here allows nobody */
	for (uint32_t i = 0; fanotify->pending.slots && i < LEDGER_SLOTS; i++) {
		if (!fanotify->pending.slots[i].used)
			continue;
		allow_at_once(fanotify, &fanotify->pending.slots[i]);
		alive(fanotify);
	}
	verdict_cache_free(fanotify->cache);
	pending_deinit(&fanotify->pending);
	loop_source_remove(fanotify->questions);
	loop_source_remove(fanotify->notices);
	loop_source_remove(fanotify->timer);
	event_fds_deinit(&fanotify->fds);
	fd_close(fanotify->proc_fds_dir);
	fd_close(fanotify->doorbell_fd);
	fd_close(fanotify->notify_fd);
	fd_close(fanotify->group_fd);
	for (uint32_t i = 0; i < fanotify->n_scopes; i++)
		free(fanotify->scopes[i]);
	free(fanotify);
	return NULL;
}

static void close_kept(void *data, int fd)
{
	event_fds_close(&((struct fanotify *)data)->fds, fd);
}

static int open_cache(struct fanotify *fanotify)
{
	const char *lasting[SETTINGS_SCOPES_MAX + 8] = {"/", "/usr", "/var", "/home", "/opt", "/srv"};
	uint32_t n = 6;
	for (uint32_t i = 0; i < fanotify->settings->n_scopes; i++)
		lasting[n++] = fanotify->settings->scopes[i];
	struct verdict_cache_opts opts = {.group_fd = fanotify->group_fd,
					  .entries_max = fanotify->settings->cache_entries,
					  .settle_ns = CACHE_SETTLE_NS,
					  .shy_ns = CACHE_SHY_NS,
					  .brief_ns = CACHE_BRIEF_NS,
					  .close_fd = close_kept,
					  .data = fanotify,
					  .alive = alive,
					  .lasting = lasting,
					  .n_lasting = n};
	return verdict_cache_new(fanotify->loop, &opts, &fanotify->cache);
}

/* Paths as the kernel will write them. */
static int resolve_scopes(struct fanotify *fanotify)
{
	const struct settings *settings = fanotify->settings;
	for (uint32_t i = 0; i < settings->n_scopes && i < SETTINGS_SCOPES_MAX; i++) {
		char *path = realpath(settings->scopes[i], NULL);
		if (!path && errno == ENOMEM)
			return -ENOMEM;
		if (!path)
			path = strdup(settings->scopes[i]); /* the keeper has said that it is not there */
		if (!path)
			return -ENOMEM;
		fanotify->scopes[fanotify->n_scopes++] = path;
	}
	return 0;
}

/* "/" among them: no filter. */
static void drop_scopes_when_whole(struct fanotify *fanotify)
{
	bool whole = false;
	for (uint32_t i = 0; i < fanotify->n_scopes; i++)
		whole |= strcmp(fanotify->scopes[i], "/") == 0;
	while (whole && fanotify->n_scopes > 0)
		free(fanotify->scopes[--fanotify->n_scopes]);
}

static int attach(struct fanotify *fanotify)
{
	int r = loop_add_fd(fanotify->loop, fanotify->group_fd, 0, on_questions, fanotify, &fanotify->questions);
	if (r >= 0 && fanotify->notify_fd >= 0)
		r = loop_add_fd(fanotify->loop, fanotify->notify_fd, 0, on_notices, fanotify, &fanotify->notices);
	if (r >= 0)
		r = loop_add_timer(fanotify->loop, on_timer, fanotify, &fanotify->timer);
	if (r >= 0)
		r = pending_init(&fanotify->pending, fanotify->ledger);
	if (r >= 0)
		r = fanotify->proc_fds_dir = fanotify_file_dir();
	if (r >= 0)
		r = resolve_scopes(fanotify);
	drop_scopes_when_whole(fanotify);
	return r < 0 ? r : open_cache(fanotify);
}

/* What was given is consumed, whatever comes of it. */
static void close_start(const struct sensor_start *start)
{
	fd_close(start->group_fd);
	if (start->notify_fd > 0)
		fd_close(start->notify_fd);
	if (start->doorbell_fd > 0)
		fd_close(start->doorbell_fd);
}

static int fanotify_open(const struct sensor_start *start, struct sensor **ret)
{
	struct fanotify *fanotify = calloc(1, sizeof(*fanotify));
	if (!fanotify) {
		close_start(start);
		return -ENOMEM;
	}
	fanotify->sensor.ops = &sensor_fanotify_ops;
	fanotify->settings = start->settings;
	fanotify->sink = start->sink;
	fanotify->processes = start->processes;
	fanotify->ledger = start->ledger;
	fanotify->loop = start->loop;
	fanotify->group_fd = start->group_fd;
	fanotify->notify_fd = start->notify_fd > 0 ? start->notify_fd : -1;
	fanotify->doorbell_fd = start->doorbell_fd > 0 ? start->doorbell_fd : -1;
	fanotify->proc_fds_dir = -1;
	fanotify->fds.occupant = -1;
	fanotify->own_pid = getpid();
	fanotify->parent_pid = getppid();
	fanotify->questions_max = limit_of_questions();
	int r = fanotify->questions_max > 0 ? attach(fanotify) : -EMFILE;
	if (r < 0) {
		log_error("cannot set up the fanotify sensor: %s (it needs a limit of open files above %u)",
			  strerror(-r), LEDGER_FD_FLOOR + FDS_RESERVED);
		fanotify_close(&fanotify->sensor);
		return r;
	}
	*ret = &fanotify->sensor;
	return 0;
}

const struct sensor_ops sensor_fanotify_ops = {
	.name = "fanotify",
	.open = fanotify_open,
	.begin = fanotify_begin,
	.answer = fanotify_answer,
	.flush_cache = fanotify_flush_cache,
	.counters = fanotify_counters,
	.abilities = fanotify_abilities,
	.want = fanotify_want,
	.close = fanotify_close,
};

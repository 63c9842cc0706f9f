/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/replay.h"

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/macro.h"
#include "sensor/made.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

struct replay {
	struct sensor sensor;
	struct made made;
	struct recording_reader *reader;
	struct loop_source *timer;
	struct rs_event *next; /* read, and waiting for its moment or for room; the reader's */
	uint64_t next_due_ns;
	uint64_t last_recorded_ns;
	bool original_pace;
	bool begun;
	bool ended;
	int error;
	uint64_t platform_left_out;
	unsigned n_logs;
};

static struct replay *replay_of(struct sensor *sensor)
{
	return container_of(sensor, struct replay, sensor);
}

static int open_file(const char *path, struct recording_reader **ret)
{
	char problem[RECORDING_PROBLEM_SIZE];
	struct stat st;
	_cleanup_(fd_closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &st) < 0) {
		int r = -errno;
		log_error("replay %s: cannot be opened: %s; name a recording that this user can read", path,
			  strerror(-r));
		return r;
	}
	if (!S_ISREG(st.st_mode)) {
		log_error("replay %s: expected a regular file, found mode %o", path, st.st_mode);
		return -EINVAL;
	}
	int r = recording_reader_new(STEAL_FD(fd), ret, problem);
	if (r == RECORDING_FOREIGN)
		log_error("replay %s: the file %s", path, problem);
	else if (r < 0)
		log_error("replay %s: cannot be read: %s", path, strerror(-r));
	return r == RECORDING_FOREIGN ? -EINVAL : r;
}

static void finish(struct replay *replay, int error)
{
	const struct recording_counters *counters = recording_reader_counters(replay->reader);
	replay->ended = true;
	replay->error = error;
	if (error < 0)
		log_error("replay: reading ended: %s", strerror(-error));
	log_notice("replay ended: %" PRIu64 " events, %" PRIu64 " of them questions; %" PRIu64
		   " records of the platform left out, %" PRIu64 " refused, %" PRIu64 " damaged places, %" PRIu64
		   " bytes torn at the end",
		   replay->made.counters.events, replay->made.counters.questions, replay->platform_left_out,
		   counters->refused, counters->damaged, counters->torn_bytes);
}

static void count_damage(struct replay *replay)
{
	replay->made.counters.errors++;
	if (replay->n_logs < REPLAY_LOGS_MAX)
		log_warning("replay: %s: skipped", recording_problem(replay->reader));
	if (++replay->n_logs == REPLAY_LOGS_MAX)
		log_warning("replay: more damage is counted and not shown");
}

static void schedule(struct replay *replay, uint64_t now_ns)
{
	uint64_t recorded_ns = replay->next->monotonic_ns;
	uint64_t pause_ns = 0;
	if (replay->last_recorded_ns != 0 && recorded_ns > replay->last_recorded_ns)
		pause_ns = MIN(recorded_ns - replay->last_recorded_ns, REPLAY_PAUSE_MAX_NS);
	replay->last_recorded_ns = recorded_ns;
	replay->next_due_ns = (replay->next_due_ns ? replay->next_due_ns : now_ns) + pause_ns;
}

/* One record into replay->next, or one step nearer to it. False at the end. */
static bool read_one(struct replay *replay, uint64_t now_ns)
{
	int r = recording_next(replay->reader, &replay->next);
	if (r == RECORDING_OK) {
		schedule(replay, now_ns);
		return true;
	}
	replay->next = NULL;
	if (r == RECORDING_REFUSED || r == RECORDING_DAMAGED)
		count_damage(replay);
	if (r < 0 || r == RECORDING_END)
		finish(replay, MIN(r, 0));
	return r >= 0 && r != RECORDING_END;
}

static void play_one(struct replay *replay)
{
	struct rs_event *event = STEAL(replay->next);
	if (made_by_sensors(catalogue_find(event->type)))
		made_deliver(&replay->made, &replay->sensor, event);
	else
		replay->platform_left_out++;
}

static int on_timer(void *data, uint64_t now_ns)
{
	struct replay *replay = data;
	for (unsigned i = 0; i < REPLAY_BATCH; i++) {
		if (!replay->next && !read_one(replay, now_ns))
			return 0;
		if (!replay->next)
			continue;
		/* on_answer() goes on */
		if (!made_may_ask(&replay->made))
			return 0;
		if (replay->original_pace && replay->next_due_ns > now_ns)
			return loop_source_arm(replay->timer, replay->next_due_ns);
		play_one(replay);
	}
	return loop_source_arm(replay->timer, 1);
}

static struct sensor *replay_close(struct sensor *sensor)
{
	if (!sensor)
		return NULL;
	struct replay *replay = replay_of(sensor);
	loop_source_remove(replay->timer);
	recording_reader_free(replay->reader);
	free(replay);
	return NULL;
}

static int replay_open(const struct sensor_start *start, struct sensor **ret)
{
	struct replay *replay = calloc(1, sizeof(*replay));
	if (!replay)
		return -ENOMEM;
	replay->sensor.ops = &sensor_replay_ops;
	replay->made.sink = start->sink;
	replay->original_pace = start->settings->replay_original_pace != 0;
	int r = open_file(start->settings->replay_path, &replay->reader);
	if (r == 0) {
		r = loop_add_timer(start->loop, on_timer, replay, &replay->timer);
		if (r < 0)
			log_error("replay: no timer: %s", strerror(-r));
	}
	if (r < 0) {
		replay_close(&replay->sensor);
		return r;
	}
	*ret = &replay->sensor;
	return 0;
}

static int replay_begin(struct sensor *sensor)
{
	struct replay *replay = replay_of(sensor);
	replay->begun = true;
	return loop_source_arm(replay->timer, 1);
}

static void on_answer(struct sensor *sensor, const struct sensor_question *question, enum sensor_verdict verdict,
		      bool cache)
{
	struct replay *replay = replay_of(sensor);
	bool was_full = !made_may_ask(&replay->made);
	if (!made_answer(&replay->made, question, verdict))
		return;
	if (cache)
		replay->made.counters.cache_refused++;
	if (was_full && replay->begun && !replay->ended) {
		int r = loop_source_arm(replay->timer, 1);
		if (r < 0)
			finish(replay, r);
	}
}

static void replay_counters(const struct sensor *sensor, struct sensor_counters *ret)
{
	*ret = ((const struct replay *)(const void *)sensor)->made.counters;
}

static void replay_abilities(const struct sensor *sensor, struct session_ability *abilities)
{
	made_abilities(abilities, "from a recording: answers change nothing");
}

void replay_progress(const struct sensor *sensor, struct replay_progress *ret)
{
	const struct replay *replay = (const struct replay *)(const void *)sensor;
	*ret = (struct replay_progress){.ended = replay->ended,
					.error = replay->error,
					.platform_left_out = replay->platform_left_out,
					.recording = *recording_reader_counters(replay->reader)};
}

const struct sensor_ops sensor_replay_ops = {
	.name = "replay",
	.open = replay_open,
	.begin = replay_begin,
	.answer = on_answer,
	.counters = replay_counters,
	.abilities = replay_abilities,
	.close = replay_close,
};

/* SPDX-License-Identifier: Apache-2.0 */
/* What an agent can do with a question instead of answering it well. Without a question they are done at once. */
#include "common/common.h"
#include "hostile/mode.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define AS_MISS "answer as the operator said for a miss, at its deadline; a strike, then the bench"
#define AS_CRASH "answer at once as for a miss; start the agent again"

int mode_hang(struct raw *raw, const struct mode *mode, const struct rs_event *event)
{
	for (;;)
		pause();
}

static int ignore(struct raw *raw, const struct mode *mode, const struct rs_event *event)
{
	return MODE_GO_ON;
}

static int late(struct raw *raw, const struct mode *mode, const struct rs_event *event)
{
	if (!event)
		return MODE_ANSWER;
	int64_t left_ns = rs_respond_time_left_ns(event);
	usleep((useconds_t)(MAX(left_ns, 0) / 1000 + 100000));
	return raw_answer(raw, event->id, RAW_DENY, 0) < 0 ? -EPIPE : MODE_GO_ON;
}

/* number: at which share of its deadline each question is answered. Those that came together are answered together. */
static int just_in_time(struct raw *raw, const struct mode *mode, const struct rs_event *event)
{
	if (!event)
		return MODE_ANSWER;
	uint64_t allowed_ns = event->deadline_ns - event->monotonic_ns, now = now_ns();
	uint64_t until_ns = event->monotonic_ns + allowed_ns / 100 * (uint64_t)mode->number;
	if (until_ns > now && until_ns - now < allowed_ns)
		usleep((useconds_t)((until_ns - now) / 1000));
	return MODE_ANSWER;
}

unsigned mode_minute_ms = 60000;

/* In the first minute it denies one thing, in the second two … */
static int creep(struct raw *raw, const struct mode *mode, const struct rs_event *event)
{
	static uint64_t began_ns, minute, denied;
	if (!event)
		return MODE_ANSWER;
	uint64_t now = now_ns();
	began_ns = began_ns ? began_ns : now;
	uint64_t this_minute = (now - began_ns) / (UINT64_C(1000000) * mode_minute_ms);
	denied = this_minute == minute ? denied : 0;
	minute = this_minute;
	if (denied > minute)
		return MODE_ANSWER;
	denied++;
	return raw_answer(raw, event->id, RAW_DENY, 0) < 0 ? -EPIPE : MODE_GO_ON;
}

static int twice(struct raw *raw, const struct mode *mode, const struct rs_event *event)
{
	if (!event)
		return MODE_ANSWER;
	raw_answer(raw, event->id, RAW_ALLOW, 0);
	return raw_answer(raw, event->id, RAW_DENY, 0) < 0 ? -EPIPE : MODE_GO_ON;
}

static int deny(struct raw *raw, const struct mode *mode, const struct rs_event *event)
{
	return event && raw_answer(raw, event->id, RAW_DENY, (uint32_t)mode->number) < 0 ? -EPIPE : MODE_GO_ON;
}

/* Denies what is over, what is still to come, and what can never be. Ids near this one may be its own questions. */
static int forge(struct raw *raw, const struct mode *mode, const struct rs_event *event)
{
	uint64_t id = event ? event->id : 1000;
	for (uint64_t i = 1; i <= 100; i++) {
		raw_answer(raw, id > i ? id - i : 1, RAW_DENY, RAW_ANSWER_CACHE);
		raw_answer(raw, id + 1000000 + i, RAW_DENY, 0);
	}
	raw_answer(raw, 0, RAW_DENY, 0);
	return raw_answer(raw, UINT64_MAX, RAW_DENY, 0) < 0 ? -EPIPE : MODE_ANSWER;
}

static int do_abort(struct raw *raw, const struct mode *mode, const struct rs_event *event)
{
	struct rlimit none = {0};
	setrlimit(RLIMIT_CORE, &none);
	signal(mode->number, SIG_DFL);
	raise(mode->number);
	return MODE_ANSWER;
}

static int do_exit(struct raw *raw, const struct mode *mode, const struct rs_event *event)
{
	_exit(mode->number);
}

static int bye(struct raw *raw, const struct mode *mode, const struct rs_event *event)
{
	struct raw_bye message = {.head = {.size = sizeof(message), .type = RAW_BYE}, .reason = "hostile"};
	raw_send(raw, &message, sizeof(message), NULL, 0);
	return -EPIPE;
}

static int hang_up(struct raw *raw, const struct mode *mode, const struct rs_event *event)
{
	return -EPIPE;
}

static int spin(struct raw *raw, const struct mode *mode, const struct rs_event *event)
{
	while (raw->session >= 0)
		atomic_signal_fence(memory_order_seq_cst);
	return MODE_ANSWER;
}

static int stop(struct raw *raw, const struct mode *mode, const struct rs_event *event)
{
	raise(SIGSTOP);
	return MODE_ANSWER;
}

static int close_all(struct raw *raw, const struct mode *mode, const struct rs_event *event)
{
	close_range(3, ~0u, 0);
	return mode_hang(raw, mode, event);
}

/* Waits a moment for the descriptor of this question. */
static int fd_of(struct raw *raw, const struct rs_event *event)
{
	static char bytes[RAW_MESSAGE_MAX];
	for (int i = 0; i < 10 && event && (event->flags & RS_EVENT_HAS_FD) && raw->event_fd_id != event->id; i++)
		if (raw_receive(raw, bytes, sizeof(bytes), 10) < 0)
			return -EPIPE;
	return event && raw->event_fd_id == event->id ? raw->event_fd : -ENOENT;
}

/* The file offset and the flags of the descriptor are shared with all who got it. */
static int spoil_fd(struct raw *raw, const struct mode *mode, const struct rs_event *event)
{
	int fd = fd_of(raw, event);
	if (fd >= 0) {
		lseek(fd, INT64_C(1) << 40, SEEK_SET);
		fcntl(fd, F_SETFL, O_NONBLOCK | O_APPEND | O_ASYNC);
		posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
		raw->done++;
	}
	return MODE_ANSWER;
}

static int lock_fd(struct raw *raw, const struct mode *mode, const struct rs_event *event)
{
	static int last = -1;
	int fd = fd_of(raw, event);
	if (fd < 0)
		return MODE_ANSWER;
	int error = flock(fd, LOCK_EX | LOCK_NB) < 0 ? errno : 0;
	if (error != last)
		say("%s: %s", mode->name, error ? strerror(error) : "THE FILE IS LOCKED");
	last = error;
	raw->done++;
	return MODE_ANSWER;
}

/* Each write must fail: the descriptor is read-only, whatever name it is opened by. */
static int write_fd(struct raw *raw, const struct mode *mode, const struct rs_event *event)
{
	char name[64];
	int fd = fd_of(raw, event);
	if (fd < 0)
		return MODE_ANSWER;
	bool written = write(fd, "x", 1) >= 0 || ftruncate(fd, 0) >= 0 || fchmod(fd, 0777) >= 0;
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	_cleanup_(closep) int again = open(name, O_WRONLY | O_CLOEXEC);
	say("%s: %s", mode->name, written || again >= 0 ? "THE FILE COULD BE CHANGED" : "the kernel refused");
	return MODE_ANSWER;
}

const struct mode modes_question[] = {
	{"hang", MODE_ASKED, mode_hang, "never does anything again", AS_MISS, 0},
	{"ignore", MODE_ASKED, ignore, "never answers, but goes on reading", AS_MISS, 0},
	{"late", MODE_ASKED, late, "denies 100 ms after the deadline", AS_MISS "; ignore and count the answer", 0},
	{"slow", MODE_ASKED, just_in_time, "answers each question at 90 % of its deadline",
	 "count what it makes the machine wait; bench it when that is too much", 90},
	{"just-in-time", MODE_ASKED, just_in_time, "answers each question at 98 % of its deadline",
	 "the same; count what comes too late after all", 98},
	{"creep", MODE_ASKED, creep, "denies one thing in the first minute, two in the second …",
	 "brake it within the hour, before it has denied 25 programs that ran here before", 0},
	{"twice", MODE_ASKED, twice, "allows, then denies", "take the first, count the second", 0},
	{"deny", MODE_ASKED, deny, "denies everything", "override it on the essential set; brake a storm", 0},
	{"deny-cache", MODE_ASKED, deny, "denies everything, for ever", "the same; cache no deny it was not asked to",
	 RAW_ANSWER_CACHE},
	{"forge", MODE_ASKED, forge, "denies 202 questions it was not asked",
	 "change nothing; end the session, count a protocol error", 0},
	{"abort", MODE_ASKED, do_abort, "aborts", AS_CRASH, SIGABRT},
	{"segv", MODE_ASKED, do_abort, "ends by SIGSEGV", AS_CRASH, SIGSEGV},
	{"kill", MODE_ASKED, do_abort, "ends by SIGKILL", AS_CRASH, SIGKILL},
	{"exit", MODE_ASKED, do_exit, "exits with 1", AS_CRASH, 1},
	{"exit-0", MODE_ASKED, do_exit, "exits with 0, without a goodbye", AS_CRASH, 0},
	{"bye", MODE_ASKED, bye, "says goodbye", "answer at once as for a miss; no crash", 0},
	{"hang-up", MODE_ASKED, hang_up, "closes its session", AS_CRASH, 0},
	{"close-all", MODE_ASKED, close_all, "closes every descriptor and lives on", AS_CRASH, 0},
	{"spin", MODE_ASKED, spin, "loops for ever", AS_MISS, 0},
	{"stop", MODE_ASKED, stop, "stops itself (SIGSTOP)", AS_MISS, 0},
	{"spoil-fd", MODE_ASKED, spoil_fd, "moves the offset of the passed descriptor and changes its flags",
	 "never depend on them", 0},
	{"lock-fd", MODE_ASKED, lock_fd, "takes an exclusive flock(2) on the passed descriptor",
	 "have the kernel refuse it: an agent's jail allows no locks", 0},
	{"write-fd", MODE_ASKED, write_fd, "tries to change the file it was asked about", "pass it read-only", 0},
};
const size_t n_modes_question = ARRAY_SIZE(modes_question);

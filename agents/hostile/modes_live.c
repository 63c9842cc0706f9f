/* SPDX-License-Identifier: Apache-2.0 */
/* What an agent can do to its session, its ring and its machine once it is live. */
#include "common/common.h"
#include "hostile/mode.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <unistd.h>

#define REFUSE "end the session, count a protocol error"
#define LIED "notice the lie at the next event, end the session"
#define COUNTED "count each, slow nobody else down"
#define FLOOD 100000

/* A message of each kind, right in everything. */
struct message {
	size_t size;
	union {
		struct raw_head head;
		struct raw_answer answer;
		struct raw_mute mute;
		struct raw_subscribe subscribe;
		struct raw_content content;
		struct raw_action action;
		char bytes[100000];
	};
};

/* start << 22 | pid, as in struct rs_process; of nobody when it cannot be read. */
static uint64_t process_id_of(int pid)
{
	char path[32], text[1024];
	unsigned long long start = 0;
	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t size = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (fd >= 0)
		close(fd);
	text[size > 0 ? size : 0] = '\0';
	const char *at = strrchr(text, ')');
	if (!at || sscanf(at + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu",
			  &start) != 1)
		start = 1;
	return (uint64_t)start << 22 | (uint64_t)pid;
}

static struct message *message_of(uint16_t type, size_t size)
{
	static struct message message;
	memset(&message, 0, sizeof(message));
	message.size = size;
	message.head = (struct raw_head){.size = (uint32_t)size, .type = type, .request = 77};
	return &message;
}

static struct message *good_answer(void)
{
	struct message *message = message_of(RAW_ANSWER, sizeof(struct raw_answer));
	message->answer.verdict = RAW_DENY;
	return message;
}

static struct message *good_mute(void)
{
	struct message *message = message_of(RAW_MUTE, sizeof(struct raw_mute));
	message->mute.kind = RAW_MUTE_EXE;
	message->mute.op = RAW_MUTE_ADD;
	message->mute.size = (uint32_t)snprintf(message->mute.bytes, sizeof(message->mute.bytes), "/bin/hostile");
	return message;
}

static struct message *good_subscribe(void)
{
	struct message *message = message_of(RAW_SUBSCRIBE, sizeof(struct raw_subscribe));
	message->subscribe.events.words[RS_EVENT_EXEC / 64] = UINT64_C(1) << RS_EVENT_EXEC % 64;
	return message;
}

static struct message *good_content(void)
{
	return message_of(RAW_CONTENT, sizeof(struct raw_content));
}

/* pid 1 of the machine, or of whatever this runs in. */
static struct message *good_action(void)
{
	struct message *message = message_of(RAW_ACTION, sizeof(struct raw_action));
	message->action.kind = RAW_ACTION_KILL;
	message->action.process_id = process_id_of(1);
	return message;
}

static struct message *action_short(void)
{
	struct message *message = good_action();
	message->size -= 1;
	return message;
}

static struct message *action_kind(void)
{
	struct message *message = good_action();
	message->action.kind = 99;
	return message;
}

static struct message *action_nobody(void)
{
	struct message *message = good_action();
	message->action.process_id = 0;
	return message;
}

static struct message *action_unterminated(void)
{
	struct message *message = good_action();
	memset(message->action.rule, 'r', sizeof(message->action.rule));
	memset(message->action.reason, 'r', sizeof(message->action.reason));
	return message;
}

static struct message *answer_short(void)
{
	struct message *message = good_answer();
	message->size -= 1;
	return message;
}

static struct message *answer_long(void)
{
	struct message *message = good_answer();
	message->size = message->head.size = 60000;
	return message;
}

static struct message *answer_size_lie(void)
{
	struct message *message = good_answer();
	message->head.size = 65535;
	return message;
}

static struct message *answer_verdict(void)
{
	struct message *message = good_answer();
	message->answer.verdict = 7;
	return message;
}

static struct message *answer_flags(void)
{
	struct message *message = good_answer();
	message->answer.flags = 0xffffff00;
	return message;
}

static struct message *answer_unterminated(void)
{
	struct message *message = good_answer();
	memset(message->answer.rule, 'r', sizeof(message->answer.rule));
	memset(message->answer.reason, 'r', sizeof(message->answer.reason));
	return message;
}

static struct message *mute_size_lie(void)
{
	struct message *message = good_mute();
	message->mute.size = UINT32_MAX;
	return message;
}

static struct message *mute_size_whole(void)
{
	struct message *message = good_mute();
	memset(message->mute.bytes, 'm', sizeof(message->mute.bytes));
	message->mute.size = sizeof(message->mute.bytes) + 1;
	return message;
}

static struct message *mute_kind(void)
{
	struct message *message = good_mute();
	message->mute.kind = 99;
	return message;
}

static struct message *mute_op(void)
{
	struct message *message = good_mute();
	message->mute.op = 0;
	return message;
}

static struct message *subscribe_unknown(void)
{
	struct message *message = good_subscribe();
	memset(&message->subscribe.events, 0xff, sizeof(message->subscribe.events));
	return message;
}

static struct message *subscribe_flags(void)
{
	struct message *message = good_subscribe();
	message->subscribe.flags = 0xffffffff;
	return message;
}

static struct message *engines_own(void)
{
	return message_of(RAW_WELCOME, sizeof(struct raw_welcome));
}

static struct message *event_fd_forged(void)
{
	return message_of(RAW_EVENT_FD, sizeof(struct raw_head));
}

static struct message *type_unknown(void)
{
	return message_of(4711, sizeof(struct raw_head));
}

static struct message *garbage(void)
{
	struct message *message = message_of(0, 5000);
	if (getrandom(message->bytes, 5000, 0) < 0)
		message->bytes[0] = 1;
	return message;
}

static struct message *empty(void)
{
	return message_of(0, 0);
}

static struct message *(*const makers[])(void) = {
	good_answer,
	good_mute,
	good_subscribe,
	good_content,
	answer_short,
	answer_long,
	answer_size_lie,
	answer_verdict,
	answer_flags,
	answer_unterminated,
	mute_size_lie,
	mute_size_whole,
	mute_kind,
	mute_op,
	subscribe_unknown,
	subscribe_flags,
	engines_own,
	event_fd_forged,
	type_unknown,
	garbage,
	empty,
	good_action,
	action_short,
	action_kind,
	action_nobody,
	action_unterminated,
};

static int send_once(struct raw *raw, const struct mode *mode, const struct rs_event *event)
{
	const struct message *message = makers[mode->number]();
	int r = raw_send(raw, message->bytes, message->size, NULL, 0);
	if (r < 0)
		say("%s: the kernel did not take it: %s", mode->name, strerror(-r));
	return mode_report(raw, mode);
}

/* Many times the same, each a little different where that matters; replies are not waited for, but read. */
static int flood(struct raw *raw, const struct mode *mode, const struct rs_event *event)
{
	static char bytes[RAW_MESSAGE_MAX];
	struct message *message = makers[mode->number]();
	for (uint64_t i = 0; i < FLOOD; i++) {
		message->head.request = 1000000 + i;
		if (message->head.type == RAW_MUTE)
			message->mute.size = (uint32_t)snprintf(message->mute.bytes, sizeof(message->mute.bytes),
								"/bin/hostile-%llu", (unsigned long long)i);
		if (message->head.type == RAW_CONTENT)
			snprintf(message->content.version, sizeof(message->content.version), "%llu",
				 (unsigned long long)i);
		if (raw_send(raw, message->bytes, message->size, NULL, 0) < 0)
			return -EPIPE;
		while (raw_receive(raw, bytes, sizeof(bytes), 0) > 0)
			;
	}
	say("%s: %d messages sent", mode->name, FLOOD);
	return MODE_ANSWER;
}

/* Asks for the end of what must not end: whoever is above it, itself, and one whose number it has wrong. */
static int kill_all(struct raw *raw, const struct mode *mode, const struct rs_event *event)
{
	const struct {
		const char *who;
		uint64_t id;
	} targets[] = {{"process 1", process_id_of(1)},
		       {"its parent", process_id_of(getppid())},
		       {"itself", process_id_of(getpid())},
		       {"the next after it", process_id_of(getpid() + 1)},
		       {"the one before it", process_id_of(getpid() - 1)},
		       {"a start that never was", process_id_of(getpid()) + (UINT64_C(1) << 22)}};
	for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
		struct message *message = good_action();
		message->action.process_id = targets[i].id;
		int error = raw_request(raw, &message->action, sizeof(message->action));
		if (error == -EPIPE)
			return error;
		say("%s: kill %s: %s", mode->name, targets[i].who, error == 0 ? "ACCEPTED" : strerror(-error));
	}
	return MODE_ANSWER;
}

/* Asks and asks, and never takes a reply: the engine's side of the session fills up. */
static int never_receive(struct raw *raw, const struct mode *mode, const struct rs_event *event)
{
	const struct message *message = good_subscribe();
	for (int i = 0; i < FLOOD; i++)
		if (raw_send(raw, message->bytes, message->size, NULL, 0) < 0)
			return -EPIPE;
	return mode_hang(raw, mode, event);
}

/* The cursor as it must never be. The numbers of the rows below. */
static int cursor(struct raw *raw, const struct mode *mode, const struct rs_event *event)
{
	uint64_t head = atomic_load(&raw->head->head), random;
	const uint64_t lies[] = {head + 8, 0, raw->tail + 1, UINT64_MAX, UINT64_MAX - 7, head + raw->ring_size};
	if (getrandom(&random, sizeof(random), 0) != (ssize_t)sizeof(random))
		random = 5;
	bool is_random = (size_t)mode->number == ARRAY_SIZE(lies);
	atomic_store(&raw->cursor->tail, is_random ? random : lies[mode->number]);
	atomic_store(&raw->cursor->waiting, is_random ? (uint32_t)random : 0xffffffff);
	return is_random ? MODE_AGAIN : mode_hang(raw, mode, event);
}

/* Every byte of the page that is ours. */
static int cursor_page(struct raw *raw, const struct mode *mode, const struct rs_event *event)
{
	if (getrandom(raw->cursor, (size_t)sysconf(_SC_PAGESIZE), 0) < 0)
		return -EPIPE;
	return mode_hang(raw, mode, event);
}

static void tried(const struct mode *mode, const char *what, bool worked)
{
	say("%s: %s: %s", mode->name, what, worked ? "IT WORKED" : strerror(errno));
}

/* What the seals of the two shared files must refuse. */
static int break_seals(struct raw *raw, const struct mode *mode, const struct rs_event *event)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	void *at = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, raw->ring_fd, 0);
	tried(mode, "map the ring for writing", at != MAP_FAILED);
	tried(mode, "make the mapped ring writable", mprotect(raw->head, page, PROT_READ | PROT_WRITE) == 0);
	tried(mode, "write to the ring's file", pwrite(raw->ring_fd, "x", 1, 0) == 1);
	tried(mode, "shrink the ring", ftruncate(raw->ring_fd, 0) == 0);
	tried(mode, "punch a hole into the ring",
	      fallocate(raw->ring_fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, (off_t)page) == 0);
	tried(mode, "shrink the cursor", ftruncate(raw->cursor_fd, 0) == 0);
	tried(mode, "grow the cursor", ftruncate(raw->cursor_fd, 1 << 20) == 0);
	tried(mode, "seal the cursor against writing", fcntl(raw->cursor_fd, F_ADD_SEALS, F_SEAL_WRITE) == 0);
	return MODE_ANSWER;
}

static int punch_cursor(struct raw *raw, const struct mode *mode, const struct rs_event *event)
{
	if (fallocate(raw->cursor_fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096) < 0)
		tried(mode, "punch a hole into the cursor", false);
	return mode_hang(raw, mode, event);
}

/* The reading end of the wake-up is ours, too: take what is in it, and make it blocking. */
static int spoil_wake(struct raw *raw, const struct mode *mode, const struct rs_event *event)
{
	fcntl(raw->wake_fd, F_SETFL, 0);
	fcntl(raw->wake_fd, F_SETPIPE_SZ, 4096);
	while (raw->session >= 0) {
		atomic_store(&raw->cursor->waiting, 1);
		usleep(100);
	}
	return MODE_ANSWER;
}

static int eat_fds(struct raw *raw, const struct mode *mode, const struct rs_event *event)
{
	int n = 0;
	while (dup(raw->session) >= 0)
		n++;
	say("%s: %d descriptors, then: %s", mode->name, n, strerror(errno));
	return MODE_ANSWER;
}

const struct mode modes_live[] = {
	{"never-read", MODE_LIVE, mode_hang, "never reads an event", "drop and count; deny nobody anything", 0},
	{"never-receive", MODE_LIVE, never_receive, "asks 100,000 times and takes no reply", "end it; wait for nothing",
	 0},
	{"flood-answers", MODE_LIVE, flood, "100,000 answers to questions that never were", REFUSE, 0},
	{"flood-mutes", MODE_LIVE, flood, "100,000 mutes", "refuse those beyond its limit", 1},
	{"flood-subscribe", MODE_LIVE, flood, "subscribes 100,000 times", COUNTED, 2},
	{"flood-content", MODE_LIVE, flood, "changes its content 100,000 times",
	 "flush caches no more often than it can", 3},
	{"flood-actions", MODE_LIVE, flood, "asks 100,000 times for the end of process 1",
	 "refuse and count those beyond its limit", 21},
	{"kill-all", MODE_LIVE, kill_all, "asks for the end of process 1, the platform and itself", "refuse each", 0},
	{"action-short", MODE_LIVE, send_once, "an ACTION without its last byte", REFUSE, 22},
	{"action-kind", MODE_LIVE, send_once, "an ACTION of kind 99", REFUSE, 23},
	{"action-nobody", MODE_LIVE, send_once, "an ACTION about process 0", REFUSE, 24},
	{"action-unterminated", MODE_LIVE, send_once, "an ACTION whose rule and reason do not end", REFUSE, 25},
	{"answer-short", MODE_LIVE, send_once, "an ANSWER without its last byte", REFUSE, 4},
	{"answer-long", MODE_LIVE, send_once, "an ANSWER of 60,000 bytes", REFUSE, 5},
	{"answer-size-lie", MODE_LIVE, send_once, "an ANSWER that says it is longer than it is", REFUSE, 6},
	{"answer-verdict", MODE_LIVE, send_once, "verdict 7", REFUSE, 7},
	{"answer-flags", MODE_LIVE, send_once, "unknown flags", REFUSE, 8},
	{"answer-unterminated", MODE_LIVE, send_once, "rule and reason that do not end", REFUSE, 9},
	{"mute-size-lie", MODE_LIVE, send_once, "a mute that says its path has 4 GB", REFUSE, 10},
	{"mute-size-over", MODE_LIVE, send_once, "a mute whose path is one byte too long", REFUSE, 11},
	{"mute-kind", MODE_LIVE, send_once, "a mute of kind 99", REFUSE, 12},
	{"mute-op", MODE_LIVE, send_once, "a mute that does nothing known", REFUSE, 13},
	{"subscribe-unknown", MODE_LIVE, send_once, "subscribes to numbers that are no events", "refuse, or end it",
	 14},
	{"subscribe-flags", MODE_LIVE, send_once, "subscribes with unknown flags", REFUSE, 15},
	{"engines-own", MODE_LIVE, send_once, "sends a WELCOME", REFUSE, 16},
	{"event-fd-forged", MODE_LIVE, send_once, "sends an EVENT_FD", REFUSE, 17},
	{"type-unknown", MODE_LIVE, send_once, "a message of type 4711", REFUSE, 18},
	{"garbage", MODE_LIVE, send_once, "5,000 random bytes", REFUSE, 19},
	{"empty", MODE_LIVE, send_once, "a datagram of no bytes", REFUSE, 20},
	{"cursor-ahead", MODE_LIVE, cursor, "has read what was not written yet", LIED, 0},
	{"cursor-back", MODE_LIVE, cursor, "moves its cursor back to 0", LIED, 1},
	{"cursor-odd", MODE_LIVE, cursor, "a cursor between two records", LIED, 2},
	{"cursor-max", MODE_LIVE, cursor, "a cursor of 2^64-1", LIED, 3},
	{"cursor-max-even", MODE_LIVE, cursor, "a cursor of 2^64-8", LIED, 4},
	{"cursor-lap", MODE_LIVE, cursor, "a cursor one ring ahead", LIED, 5},
	{"cursor-random", MODE_LIVE, cursor, "another random cursor after each event", LIED, 6},
	{"cursor-page", MODE_LIVE, cursor_page, "fills its whole page with garbage", LIED, 0},
	{"cursor-hole", MODE_LIVE, punch_cursor, "takes the memory of its cursor page away", "read zeros there: " LIED,
	 0},
	{"break-seals", MODE_LIVE, break_seals, "tries to write to, shrink and seal what is shared",
	 "let the kernel refuse", 0},
	{"spoil-wake", MODE_LIVE, spoil_wake, "never empties its wake-up, and asks for more", "never wait for it", 0},
	{"eat-fds", MODE_LIVE, eat_fds, "opens descriptors until -EMFILE", "go on: its questions come without one", 0},
};
const size_t n_modes_live = ARRAY_SIZE(modes_live);

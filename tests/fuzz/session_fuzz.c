/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session_fuzz: what an agent may send, against a whole broker: handshake, requests, answers, in any order and form.
 *
 *     input: records of  kind (1 byte) · size (2 bytes, little endian) · that many bytes
 *         kind 1 … 11   a datagram of this session type whose head is right; the bytes are its body, the rest is 0
 *         kind 128      the bytes are the datagram
 *         kind 129      the kernel asks a question
 *         kind 130      time passes: as many milliseconds as the first two bytes say
 *         kind 131      garbage is written into the cursor of the ring
 *
 *         kind 132      whoever acts says what came of an action: number from the last, outcome, by the first two bytes
 *
 * After each input: another agent has heard everything and still votes, every question was answered exactly once, no
 * descriptor is left behind, and nobody but the one process that may be ended was to be ended.
 */
#include "base/clock.h"
#include "base/fd.h"
#include "base/macro.h"
#include "broker/broker.h"
#include "ring/ring.h"
#include "sensor/process_table_internal.h"
#include "tests/fuzz/fuzz.h"
#include "wire/catalogue.h"
#include "wire/event_build.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

#define QUESTIONS 256
#define MORTAL (UINT64_C(5) << 22 | 4242) /* the one process that may be ended */
#define INIT (UINT64_C(1) << 22 | 1)
#define OWN (UINT64_C(1) << 22 | 300)

struct side {
	int fd;
	int cursor_fd;
	struct ring_reader *ring;
};

static struct loop *loop;
static struct broker *broker;
static struct settings settings;
static struct session_ability *abilities;
static uint64_t now_ns;
static uint8_t answered[QUESTIONS];
static uint32_t n_asked;
static uint64_t last_id;
static struct side witness;
static struct sensor_process_table *processes;
static uint64_t last_action;

#define CHECK(condition) \
	do { \
		if (!(condition)) \
			fuzz_fail(__FILE__, __LINE__, #condition); \
	} while (0)

static void answer(struct sensor *sensor, const struct sensor_question *question, enum sensor_verdict verdict,
		   bool cache)
{
	answered[question->handle]++;
}

static const struct sensor_ops ops = {.name = "fuzz", .answer = answer};
static struct sensor sensor = {.ops = &ops};

static uint64_t get_now(void *data)
{
	return now_ns;
}

/* Of init and this very process, only the third may be asked for. */
static int act(void *data, const struct ipc_action *action)
{
	CHECK(ipc_check(action, sizeof(*action)) == NULL);
	CHECK(action->outcome != 0 || action->process_id == MORTAL);
	last_action = action->head.number;
	return now_ns / NS_PER_MS % 5 == 4 ? -EAGAIN : 0;
}

static void know(uint64_t id)
{
	const struct rs_process process = {.id = id, .pid = id & 0x3fffff, .tid = id & 0x3fffff, .uid = 1000};
	process_table_put(processes, &process, "/usr/bin/sleep", "");
}

static void before_wait(void *data)
{
	broker_before_wait(data);
}

static void turn(void)
{
	for (int i = 0; i < 3; i++)
		CHECK(loop_turn(loop, 0) == 0);
}

/* What the engine sent: the ring is taken, the rest thrown away. */
static void drain(struct side *side)
{
	static uint64_t buffer[SESSION_MESSAGE_MAX / 8];
	int fds[FD_MESSAGE_MAX];
	size_t n_fds;
	ssize_t size;
	while ((size = fd_receive(side->fd, buffer, sizeof(buffer), fds, &n_fds)) > 0) {
		const struct session_welcome *welcome = (const void *)buffer;
		CHECK(session_check_from_engine(buffer, (size_t)size) == NULL);
		if (welcome->head.type == SESSION_WELCOME && n_fds == 3 && !side->ring) {
			side->cursor_fd = dup(fds[1]);
			CHECK(ring_reader_new(fds, welcome->ring_size_bytes, &side->ring) == 0);
			n_fds = 0;
		}
		for (size_t i = 0; i < n_fds; i++)
			fd_close(fds[i]);
	}
}

static void connect_side(struct side *side, uint64_t index)
{
	int pair[2];
	struct ipc_session who = {.head = {.size = sizeof(who), .type = IPC_SESSION, .number = index}, .pid = 7};
	CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
	*side = (struct side){.fd = pair[0], .cursor_fd = -1};
	CHECK(broker_session(broker, pair[1], &who) == 0);
	turn();
}

static void disconnect_side(struct side *side)
{
	side->fd = fd_close(side->fd);
	side->cursor_fd = fd_close(side->cursor_fd);
	side->ring = ring_reader_free(side->ring);
	turn();
}

static void put(struct side *side, const void *message, size_t size)
{
	(void)fd_send(side->fd, message, size, NULL, 0);
	turn();
	drain(side);
}

static void setup(void)
{
	settings.deadline_exec_ms = settings.deadline_open_ms = 250;
	settings.strikes_max = UINT32_MAX;
	settings.strike_window_s = 1;
	settings.bench_s = 1;
	settings.n_agents = 2;
	for (uint32_t i = 0; i < 2; i++) {
		snprintf(settings.agents[i].name, sizeof(settings.agents[i].name), "agent%u", i);
		settings.agents[i].ring_kb = 128;
		settings.agents[i].actions = SETTINGS_ACTION_KILL;
		memset(&settings.agents[i].granted, 0xff, sizeof(settings.agents[i].granted));
	}
	abilities = calloc(catalogue_n_events, sizeof(abilities[0]));
	CHECK(abilities);
	for (size_t i = 0; i < catalogue_n_events; i++)
		abilities[i].state = SESSION_MANDATORY;
	now_ns = 1000 * NS_PER_SEC;
	CHECK(loop_new(&loop) == 0);
	int folder_fd = open("/proc/self/ns", O_PATH | O_DIRECTORY | O_CLOEXEC);
	CHECK(process_table_new_at(folder_fd, -1, 100, &processes) == 0);
	process_table_set_live(processes, true);
	know(INIT);
	know(OWN);
	know(MORTAL);
	const struct broker_opts opts = {.loop = loop,
					 .settings = &settings,
					 .abilities = abilities,
					 .generation = 1,
					 .now = get_now,
					 .processes = processes,
					 .own_pid = 300,
					 .act = act};
	CHECK(broker_new(&opts, &broker) == 0);
	CHECK(broker_add_sensor(broker, &sensor) == 0);
	loop_set_before_wait(loop, before_wait, broker);

	struct session_hello hello = {.head = {.size = sizeof(hello), .type = SESSION_HELLO, .request = 1},
				      .contract_lowest = 1,
				      .contract_highest = 1};
	struct session_subscribe subscribe = {
		.head = {.size = sizeof(subscribe), .type = SESSION_SUBSCRIBE, .request = 2}};
	struct session_ready ready = {.head = {.size = sizeof(ready), .type = SESSION_READY, .request = 3}};
	session_set_add(&subscribe.events, RS_EVENT_AUTH_OPEN);
	connect_side(&witness, 1);
	put(&witness, &hello, sizeof(hello));
	put(&witness, &subscribe, sizeof(subscribe));
	put(&witness, &ready, sizeof(ready));
	CHECK(witness.ring);
}

/* The witness allows each question; then nobody but the fuzzed agent can hold it up. */
static void witness_allows(uint64_t id)
{
	const struct rs_event *event;
	bool heard = false;
	while (ring_peek(witness.ring, &event) == RING_OK) {
		heard |= event->id == id;
		ring_consume(witness.ring);
	}
	CHECK(heard);
	struct session_answer message = {.head = {.size = sizeof(message), .type = SESSION_ANSWER, .request = id},
					 .verdict = SESSION_ALLOW,
					 .flags = SESSION_ANSWER_CACHE};
	put(&witness, &message, sizeof(message));
}

static void ask(const uint8_t *bytes, size_t size)
{
	uint64_t buffer[512];
	struct event_build build;
	if (n_asked == QUESTIONS)
		return;
	struct rs_event_auth_open *body = event_build_begin(&build, buffer, sizeof(buffer), RS_EVENT_AUTH_OPEN);
	event_build_path(&build, &body->file, (const char *)bytes, MIN(size, 2000));
	event_build_end(&build);
	build.event->monotonic_ns = now_ns;
	const struct sensor_question question = {.sensor = &sensor, .fd = -1, .handle = n_asked++, .cacheable = true};
	struct sensor_sink sink = broker_sink(broker);
	sink.event(sink.data, build.event, &question);
	last_id = build.event->id;
	turn();
	witness_allows(last_id);
}

static void lie(const struct side *side, const uint8_t *bytes, size_t size)
{
	if (side->cursor_fd < 0)
		return;
	void *cursor = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, side->cursor_fd, 0);
	if (cursor == MAP_FAILED)
		return;
	memcpy(cursor, bytes, MIN(size, 128));
	munmap(cursor, 4096);
}

static void datagram(struct side *side, uint8_t type, const uint8_t *bytes, size_t size)
{
	static const size_t sizes[] = {
		[SESSION_HELLO] = sizeof(struct session_hello),
		[SESSION_SUBSCRIBE] = sizeof(struct session_subscribe),
		[SESSION_MUTE] = sizeof(struct session_mute),
		[SESSION_READY] = sizeof(struct session_ready),
		[SESSION_ANSWER] = sizeof(struct session_answer),
		[SESSION_CONTENT] = sizeof(struct session_content),
		[SESSION_BYE] = sizeof(struct session_bye),
		[SESSION_ACTION] = sizeof(struct session_action),
	};
	static uint64_t buffer[SESSION_MESSAGE_MAX / 8];
	size_t whole = type < ARRAY_SIZE(sizes) && sizes[type] ? sizes[type] : sizeof(struct session_head) + size;
	struct session_head *head = (void *)buffer;
	memset(buffer, 0, whole);
	memcpy(head + 1, bytes, MIN(size, whole - sizeof(*head)));
	*head = (struct session_head){.size = (uint32_t)whole, .type = type, .request = 5};
	if (type == SESSION_ACTION && size > 16) /* mostly somebody who is there */
		((struct session_action *)(void *)buffer)->process_id =
			((const uint64_t[]){MORTAL, INIT, OWN, MORTAL + (1 << 22)})[bytes[16] % 4];
	if (type == SESSION_ANSWER) /* the last question, or one near it */
		head->request = last_id + (size ? (uint64_t)(int64_t)(int8_t)bytes[size - 1] : 0);
	put(side, buffer, whole);
}

static void play(struct side *side, uint8_t kind, const uint8_t *bytes, size_t size)
{
	if (kind == 129)
		ask(bytes, size);
	else if (kind == 130)
		now_ns += (size >= 2 ? bytes[0] + bytes[1] * UINT64_C(256) : 1) * NS_PER_MS;
	else if (kind == 131)
		lie(side, bytes, size);
	else if (kind == 132)
		broker_action_done(broker, last_action - (size ? bytes[0] % 4 : 0),
				   size > 1 ? bytes[1] % 6 + 1 : IPC_ACTION_GONE, 0);
	else if (kind >= 128)
		put(side, bytes, size);
	else
		datagram(side, kind, bytes, size);
	if (kind == 130)
		broker_run_timers(broker);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct side side;
	if (!broker)
		setup();
	n_asked = 0;
	memset(answered, 0, sizeof(answered));
	connect_side(&side, 0);
	while (size >= 3) {
		size_t n = MIN((size_t)(data[1] + data[2] * 256), size - 3);
		play(&side, data[0], data + 3, n);
		data += 3 + n;
		size -= 3 + n;
	}
	disconnect_side(&side);
	/* its end releases what it owed; and it stands before the platform as at the first time */
	ask((const uint8_t *)"/after", 6);
	for (uint32_t i = 0; i < n_asked; i++)
		CHECK(answered[i] == 1);
	CHECK(broker_n_open(broker) == 0);
	now_ns += 7200 * NS_PER_SEC;
	broker_run_timers(broker);
	turn();
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The agents of a scenario. They speak struct session_* by hand, not by the SDK: so they can also do what the SDK never
 * does. Each has one request open at a time.
 */
#include "base/fd.h"
#include "tests/scenarios/world.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

/* As in ring.c: what a hostile reader writes. */
struct cursor {
	_Atomic uint64_t tail;
	uint64_t not_lied_about[15];
	_Atomic uint64_t answers;
};

static struct world_agent *find(struct world *world, const char *name)
{
	for (uint32_t i = world->n_agents; i > 0; i--)
		if (strcmp(world->agents[i - 1].name, name) == 0)
			return &world->agents[i - 1];
	return NULL;
}

struct world_agent *world_agent(struct world *world, const char *name)
{
	struct world_agent *agent = find(world, name);
	if (!agent)
		world_fail(world, "%s never connected", name);
	return agent;
}

/* Takes what the engine sent: WELCOME, REPLY, EVENT_FD, or the end. */
static void receive(struct world *world, struct world_agent *agent)
{
	static uint64_t buffer[SESSION_MESSAGE_MAX / 8];
	const struct session_head *head = (const void *)buffer;
	int fds[FD_MESSAGE_MAX];
	size_t n_fds;
	ssize_t size;
	while (agent->fd >= 0 && (size = fd_receive(agent->fd, buffer, sizeof(buffer), fds, &n_fds)) != -EAGAIN) {
		if (size < 0) {
			agent->ended = true;
			return;
		}
		if (head->type == SESSION_WELCOME && n_fds == 3) {
			memcpy(&agent->welcome, buffer, sizeof(agent->welcome));
			agent->cursor_fd = fcntl(fds[1], F_DUPFD_CLOEXEC, 3);
			if (ring_reader_new(fds, agent->welcome.ring_size_bytes, &agent->ring) < 0)
				world_fail(world, "%s got something that is no ring", agent->name);
			continue;
		}
		if (head->type == SESSION_REPLY) {
			const struct session_reply *reply = (const void *)buffer;
			agent->error = reply->error;
			memcpy(agent->text, reply->text, sizeof(agent->text));
		}
		if (head->type == SESSION_EVENT_FD) {
			agent->fds += n_fds;
			agent->fd_event = head->request;
		}
		for (size_t i = 0; i < n_fds; i++)
			fd_close(fds[i]);
	}
}

static void send_raw(struct world *world, struct world_agent *agent, const void *message, size_t size)
{
	/* an agent whose session the engine has just ended gets EPIPE: expectations about that come later */
	int r = fd_send(agent->fd, message, size, NULL, 0);
	if (r < 0 && (world->halted || (r != -EPIPE && r != -ECONNRESET && r != -EAGAIN)))
		world_fail(world, "%s cannot send: %s", agent->name, strerror(-r));
	world_turn(world);
	receive(world, agent);
}

static struct session_head head_of(struct world_agent *agent, uint16_t type, size_t size)
{
	return (struct session_head){.size = (uint32_t)size, .type = type, .request = ++agent->next_request};
}

/* After a request: the error must be the one that the line names, or none. */
static void expect_error(struct world *world, const struct world_agent *agent, const struct words *words)
{
	static const struct {
		const char *name;
		int error;
	} errors[] = {{"EACCES", -EACCES}, {"EOPNOTSUPP", -EOPNOTSUPP}, {"ENOSPC", -ENOSPC},
		      {"ENOENT", -ENOENT}, {"EPROTO", -EPROTO},         {"EUSERS", -EUSERS},
		      {"EPERM", -EPERM},   {"ESRCH", -ESRCH},           {"EBUSY", -EBUSY},
		      {"EAGAIN", -EAGAIN}, {"EMSGSIZE", -EMSGSIZE},     {"EPROTONOSUPPORT", -EPROTONOSUPPORT}};
	const char *name = words_value(words, "error");
	int expected = 0;
	for (size_t i = 0; name && i < ARRAY_SIZE(errors); i++)
		if (strcmp(errors[i].name, name) == 0)
			expected = errors[i].error;
	if (name && expected == 0)
		world_fail(world, "no such error: %s", name);
	if (agent->error != expected)
		world_fail(world, "expected %s, found %s (%s)", name ? name : "no error", strerror(-agent->error),
			   agent->text);
}

static void send_hello(struct world *world, struct world_agent *agent, const struct words *words)
{
	const char *version = words_value(words, "version"), *content = words_value(words, "content");
	struct session_hello hello = {.head = head_of(agent, SESSION_HELLO, sizeof(hello))};
	hello.contract_lowest = (uint32_t)words_number(world, words, "lowest", 1);
	hello.contract_highest = (uint32_t)words_number(world, words, "highest", 1);
	snprintf(hello.sdk_version, sizeof(hello.sdk_version), "scenario");
	snprintf(hello.version, sizeof(hello.version), "%s", version ? version : "1.0");
	snprintf(hello.content_version, sizeof(hello.content_version), "%s", content ? content : "");
	send_raw(world, agent, &hello, sizeof(hello));
}

/* NAME connects [as AGENT] [observer] [silent] [version=] [content=] [error=] */
static void connects(struct world *world, const char *name, const struct words *words)
{
	const char *as = name;
	int pair[2];
	const int room = 1 << 20; /* for what is sent while the loop is halted; the kernel gives what it has */
	for (unsigned i = 0; i + 1 < words->n; i++)
		if (strcmp(words->word[i], "as") == 0)
			as = words->word[i + 1];
	struct ipc_session who = {.head = {.size = sizeof(who), .type = IPC_SESSION, .number = UINT64_MAX},
				  .pid = 500 + world->n_agents,
				  .observer = words_has(words, "observer")};
	for (uint32_t i = 0; i < world->settings.n_agents; i++)
		if (strcmp(world->settings.agents[i].name, as) == 0)
			who.head.number = i;
	snprintf(who.name, sizeof(who.name), "%s", as);
	world_start(world);
	if (world->n_agents == WORLD_AGENTS_MAX || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		world_fail(world, "no socket for %s", name);
	setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
	struct world_agent *agent = &world->agents[world->n_agents++];
	*agent = (struct world_agent){.fd = pair[0], .cursor_fd = -1};
	snprintf(agent->name, sizeof(agent->name), "%s", name);
	if (broker_session(world->broker, pair[1], &who) < 0)
		world_fail(world, "the broker failed");
	if (!words_has(words, "silent"))
		send_hello(world, agent, words);
	else
		world_turn(world);
	receive(world, agent);
	expect_error(world, agent, words);
	if (!agent->ring && !words_has(words, "silent") && !words_value(words, "error"))
		world_fail(world, "%s got no WELCOME", name);
}

static void subscribes(struct world *world, struct world_agent *agent, const struct words *words, bool remove)
{
	struct session_subscribe message = {.head = head_of(agent, SESSION_SUBSCRIBE, sizeof(message))};
	message.events = world_types(world, words->n ? words->word[0] : "");
	message.deadline_ms = (uint32_t)words_number(world, words, "deadline", 0);
	message.flags = (words_has(words, "fd") ? SESSION_SUBSCRIBE_WITH_FD : 0) |
			(words_has(words, "essential") ? SESSION_SUBSCRIBE_STATE_ESSENTIAL : 0) |
			(remove ? SESSION_SUBSCRIBE_REMOVE : 0);
	agent->error = INT32_MAX;
	send_raw(world, agent, &message, sizeof(message));
	expect_error(world, agent, words);
}

/* NAME mutes KIND VALUE [types=a,b]; unmutes the same; clears KIND; inverts KIND 0|1 */
static void mutes(struct world *world, struct world_agent *agent, enum session_mute_op op, const struct words *words)
{
	static const char *const kinds[] = {"",       "process",       "exe", "exe-prefix",
					    "target", "target-prefix", "uid", "cgroup"};
	struct session_mute message = {.head = head_of(agent, SESSION_MUTE, sizeof(message)), .op = op};
	const char *value = words->n > 1 ? words->word[1] : "", *types = words_value(words, "types");
	for (uint32_t i = 1; i < ARRAY_SIZE(kinds) && words->n; i++)
		if (strcmp(kinds[i], words->word[0]) == 0)
			message.kind = i;
	if (value[0] == '/') {
		message.size = (uint32_t)strlen(value);
		memcpy(message.bytes, value, message.size);
	} else {
		message.number = strtoull(value, NULL, 0);
	}
	if (types)
		message.events = world_types(world, types);
	agent->error = INT32_MAX;
	send_raw(world, agent, &message, sizeof(message));
	expect_error(world, agent, words);
}

static void answer_in_memory(struct world *world, struct world_agent *agent, const struct session_answer *message)
{
	const struct ring_answer allow = {.id = message->head.request, .at_ns = world->now_ns, .flags = message->flags};
	bool bell;
	if (ring_answer(agent->ring, &allow, &bell) != RING_OK)
		world_fail(world, "no room for an answer in memory");
	if (!bell)
		world_fail(world, "the engine sleeps, and does not want to be told");
	const struct session_bell told = {.head = {.size = sizeof(told), .type = SESSION_BELL}};
	send_raw(world, agent, &told, sizeof(told));
}

static void answer(struct world *world, struct world_agent *agent, uint64_t id, bool deny, const struct words *words)
{
	const char *rule = words_value(words, "rule"), *reason = words_value(words, "reason");
	struct session_answer message = {.head = {.size = sizeof(message), .type = SESSION_ANSWER, .request = id},
					 .verdict = deny ? SESSION_DENY : SESSION_ALLOW,
					 .flags = words_has(words, "cache") ? SESSION_ANSWER_CACHE : 0};
	if (world->memory && !deny && !rule && !reason && agent->ring) {
		answer_in_memory(world, agent, &message);
		return;
	}
	snprintf(message.rule, sizeof(message.rule), "%s", rule ? rule : "");
	snprintf(message.reason, sizeof(message.reason), "%s", reason ? reason : "");
	send_raw(world, agent, &message, sizeof(message));
}

/* The next event of its ring, copied; NULL: none. Numbers must rise by one, or by what a `lost` event tells. */
static const struct rs_event *next_event(struct world *world, struct world_agent *agent)
{
	static uint64_t copy[RS_EVENT_SIZE_MAX / 8];
	const struct rs_event *event = NULL;
	world_turn(world);
	receive(world, agent);
	enum ring_result result = agent->ring ? ring_peek(agent->ring, &event) : RING_EMPTY;
	if (result == RING_LIED)
		world_fail(world, "%s found a record that makes no sense", agent->name);
	if (result != RING_OK)
		return NULL;
	const char *wrong = event_check(event, event->size);
	if (wrong)
		world_fail(world, "%s got a bad event: %s", agent->name, wrong);
	memcpy(copy, event, event->size);
	ring_consume(agent->ring);
	event = (const void *)copy;
	const struct rs_event_lost *lost = rs_event_lost(event);
	if (lost && lost->where >= 3)
		agent->told_lost += lost->count;
	if (event->seq <= agent->last_seq)
		world_fail(world, "%s got number %" PRIu64 " after %" PRIu64, agent->name, event->seq, agent->last_seq);
	agent->last_seq = event->seq;
	agent->read++;
	return event;
}

/* NAME hears EVENT [QUESTION] [field checks] · nothing */
static void hears(struct world *world, struct world_agent *agent, const struct words *words)
{
	const struct rs_event *event = next_event(world, agent);
	const char *expected = words->n ? words->word[0] : "";
	const char *found = event ? catalogue_find(event->type)->name : "nothing";
	if (strcmp(expected, found) != 0)
		world_fail(world, "expected %s to hear %s, found %s", agent->name, expected, found);
	if (!event)
		return;
	if (words->n > 1 && !strchr(words->word[1], '=') && event->id != world_question(world, words->word[1])->id)
		world_fail(world, "%s heard another %s than %s", agent->name, found, words->word[1]);
	if (words_value(words, "shadow") && !(event->flags & RS_EVENT_SHADOW))
		world_fail(world, "the event does not say that the agent is a shadow");
	world_check_event(world, event, words);
	const struct rs_event_lost *lost = rs_event_lost(event);
	if (lost && lost->count != words_number(world, words, "count", lost->count))
		world_fail(world, "%" PRIu64 " are told as lost", lost->count);
	uint64_t deadline = words_number(world, words, "deadline", 0);
	if (deadline && event->deadline_ns != event->monotonic_ns + deadline * 1000000)
		world_fail(world, "its deadline is %" PRIu64 " ns after the question",
			   event->deadline_ns - event->monotonic_ns);
}

/* Reads all there is; answers each question when asked to. */
static void reads_all(struct world *world, struct world_agent *agent, const char *what, const struct words *words)
{
	const struct rs_event *event;
	while ((event = next_event(world, agent)))
		if (what && (event->flags & RS_EVENT_IS_AUTH))
			answer(world, agent, event->id, strcmp(what, "denies") == 0, words);
}

/* hears of EVENT [path=value …]: reads on until it has heard one. */
static void hears_of(struct world *world, struct world_agent *agent, const struct words *words)
{
	const struct rs_event *event;
	while ((event = next_event(world, agent))) {
		if (strcmp(catalogue_find(event->type)->name, words->word[1]) != 0)
			continue;
		world_check_event(world, event, words);
		return;
	}
	world_fail(world, "%s never heard of %s", agent->name, words->word[1]);
}

static void lies(struct world *world, struct world_agent *agent, const struct words *words)
{
	struct cursor *cursor = mmap(NULL, sizeof(*cursor), PROT_READ | PROT_WRITE, MAP_SHARED, agent->cursor_fd, 0);
	if (cursor == MAP_FAILED)
		world_fail(world, "no cursor to lie in");
	if (words_value(words, "answers"))
		atomic_store(&cursor->answers, words_number(world, words, "answers", 0));
	else
		atomic_store(&cursor->tail, words_number(world, words, "tail", UINT64_MAX));
	munmap(cursor, sizeof(*cursor));
}

static void changes_content(struct world *world, struct world_agent *agent, const struct words *words)
{
	struct session_content message = {.head = head_of(agent, SESSION_CONTENT, sizeof(message))};
	snprintf(message.version, sizeof(message.version), "%s", words->n ? words->word[0] : "");
	send_raw(world, agent, &message, sizeof(message));
}

static void leaves(struct world *world, struct world_agent *agent, const struct words *words)
{
	struct session_bye message = {.head = head_of(agent, SESSION_BYE, sizeof(message))};
	snprintf(message.reason, sizeof(message.reason), "%s", words->n ? words->word[0] : "");
	send_raw(world, agent, &message, sizeof(message));
}

/* NAME asks kill PROCESS [rule= reason= times= error=]: the last of the times must have this error */
static void asks(struct world *world, struct world_agent *agent, const struct words *words)
{
	const char *rule = words_value(words, "rule"), *reason = words_value(words, "reason");
	uint64_t times = words_number(world, words, "times", 1);
	if (words->n < 2 || strcmp(words->word[0], "kill") != 0)
		world_fail(world, "expected what %s asks for: kill PROCESS", agent->name);
	for (uint64_t i = 0; i < times; i++) {
		struct session_action message = {.head = head_of(agent, SESSION_ACTION, sizeof(message)),
						 .kind = SESSION_ACTION_KILL,
						 .process_id = world_process(world, words->word[1])};
		snprintf(message.rule, sizeof(message.rule), "%s", rule ? rule : "");
		snprintf(message.reason, sizeof(message.reason), "%s", reason ? reason : "");
		agent->error = INT32_MAX;
		send_raw(world, agent, &message, sizeof(message));
	}
	expect_error(world, agent, words);
	const char *text = words_value(words, "why");
	if (text && !strstr(agent->text, text))
		world_fail(world, "expected %s to be told '%s', found '%s'", agent->name, text, agent->text);
}

/* Datagrams that no SDK would send. size: of the datagram, head.size: what it says of itself. */
static const struct {
	const char *name;
	uint16_t type;
	size_t size;
	uint32_t head_size;
	uint16_t reserved;
	int fill; /* bytes after the head */
} broken[] = {
	{"short", SESSION_HELLO, 8, 8, 0, 0},
	{"head-only", SESSION_HELLO, 16, 16, 0, 0},
	{"cut", SESSION_ANSWER, sizeof(struct session_answer) - 8, sizeof(struct session_answer) - 8, 0, 0},
	{"long", SESSION_ANSWER, sizeof(struct session_answer) + 8, sizeof(struct session_answer) + 8, 0, 0},
	{"wrong-size", SESSION_ANSWER, sizeof(struct session_answer), 16, 0, 0},
	{"no-size", SESSION_ANSWER, sizeof(struct session_answer), 0, 0, 0},
	{"huge-size", SESSION_ANSWER, sizeof(struct session_answer), UINT32_MAX, 0, 0},
	{"no-type", 0, 64, 64, 0, 0},
	{"unknown-type", 999, 64, 64, 0, 0},
	{"engine-type", SESSION_WELCOME, sizeof(struct session_welcome), sizeof(struct session_welcome), 0, 0},
	{"reserved", SESSION_READY, sizeof(struct session_ready), sizeof(struct session_ready), 1, 0},
	{"no-verdict", SESSION_ANSWER, sizeof(struct session_answer), sizeof(struct session_answer), 0, 0},
	{"garbage-answer", SESSION_ANSWER, sizeof(struct session_answer), sizeof(struct session_answer), 0, 0xaa},
	{"garbage-mute", SESSION_MUTE, sizeof(struct session_mute), sizeof(struct session_mute), 0, 0xff},
	{"garbage-subscribe", SESSION_SUBSCRIBE, sizeof(struct session_subscribe), sizeof(struct session_subscribe), 0,
	 0xff},
	{"garbage-hello", SESSION_HELLO, sizeof(struct session_hello), sizeof(struct session_hello), 0, 0x41},
	{"garbage-content", SESSION_CONTENT, sizeof(struct session_content), sizeof(struct session_content), 0, 0x41},
	{"no-action", SESSION_ACTION, sizeof(struct session_action), sizeof(struct session_action), 0, 0},
	{"garbage-action", SESSION_ACTION, sizeof(struct session_action), sizeof(struct session_action), 0, 0x41},
	{"short-action", SESSION_ACTION, 24, 24, 0, 0},
	{"garbage-bye", SESSION_BYE, sizeof(struct session_bye), sizeof(struct session_bye), 0, 0x41},
	{"too-long", SESSION_HELLO, SESSION_MESSAGE_MAX + 8, SESSION_MESSAGE_MAX + 8, 0, 0},
	{"empty", 0, 0, 0, 0, 0},
	{"hello", SESSION_HELLO, 0, 0, 0, 0},
};

static void sends(struct world *world, struct world_agent *agent, const struct words *words)
{
	static char bytes[SESSION_MESSAGE_MAX + 8];
	const char *name = words->n ? words->word[0] : "";
	if (strcmp(name, "hello") == 0) {
		send_hello(world, agent, words);
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(broken); i++) {
		if (strcmp(broken[i].name, name) != 0)
			continue;
		memset(bytes, broken[i].fill, sizeof(bytes));
		const struct session_head head = {.size = broken[i].head_size,
						  .type = broken[i].type,
						  .reserved = broken[i].reserved,
						  .request = 77};
		memcpy(bytes, &head, sizeof(head));
		send_raw(world, agent, bytes, broken[i].size);
		return;
	}
	world_fail(world, "nobody knows how to send '%s'", name);
}

static void ended(struct world *world, struct world_agent *agent, const struct words *words)
{
	world_turn(world);
	receive(world, agent);
	if (!agent->ended)
		world_fail(world, "expected the session of %s ended, found it open", agent->name);
	if (words->n && !strstr(agent->text, words->word[0]))
		world_fail(world, "expected %s to be told '%s', found '%s'", agent->name, words->word[0], agent->text);
}

static void welcome_is(struct world *world, const struct world_agent *agent, const struct words *words)
{
	const struct {
		const char *name;
		uint64_t value;
	} fields[] = {{"missed", agent->welcome.missed},
		      {"shadow", agent->welcome.shadow},
		      {"pending_max", agent->welcome.pending_max},
		      {"contract", agent->welcome.contract},
		      {"fds", agent->fds}};
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		if (words_number(world, words, fields[i].name, fields[i].value) != fields[i].value)
			world_fail(world, "%s has %s %" PRIu64, agent->name, fields[i].name, fields[i].value);
}

static void answers(struct world *world, struct world_agent *agent, const char *verb, const struct words *words)
{
	bool deny = strcmp(verb, "denies") == 0;
	const char *what = words->n ? words->word[0] : "";
	if (strcmp(what, "each") == 0) {
		reads_all(world, agent, verb, words);
		return;
	}
	uint64_t id = what[0] == '@' ? strtoull(what + 1, NULL, 10) : world_question(world, what)->id;
	for (uint64_t times = words_number(world, words, "times", 1); times > 0; times--)
		answer(world, agent, id, deny, words);
}

static void stops_reading(struct world *world, struct world_agent *agent)
{
	agent->fd = fd_close(agent->fd);
	world_turn(world);
}

static bool does(struct world *world, struct world_agent *agent, const char *verb, const struct words *words);

/* NAME connects times=N: NAME.0, NAME.1 … */
static void connect_all(struct world *world, const char *name, const struct words *words)
{
	uint64_t times = words_number(world, words, "times", 0);
	char one[64];
	if (times == 0)
		connects(world, name, words);
	for (uint64_t i = 0; i < times; i++) {
		snprintf(one, sizeof(one), "%.40s.%" PRIu64, name, i);
		connects(world, one, words);
	}
}

bool agent_does(struct world *world, const char *name, const char *verb, const struct words *words)
{
	size_t size = strlen(name);
	bool done = size > 0 && name[size - 1] == '*';
	if (strcmp(verb, "connects") == 0) {
		connect_all(world, name, words);
		return true;
	}
	if (!done)
		return does(world, world_agent(world, name), verb, words);
	for (uint32_t i = 0; i < world->n_agents && done; i++)
		if (strncmp(world->agents[i].name, name, size - 1) == 0)
			done = does(world, &world->agents[i], verb, words);
	return done;
}

static bool does(struct world *world, struct world_agent *agent, const char *verb, const struct words *words)
{
	if (strcmp(verb, "subscribes") == 0 || strcmp(verb, "unsubscribes") == 0)
		subscribes(world, agent, words, verb[0] == 'u');
	else if (strcmp(verb, "mutes") == 0)
		mutes(world, agent, SESSION_MUTE_ADD, words);
	else if (strcmp(verb, "unmutes") == 0)
		mutes(world, agent, SESSION_MUTE_REMOVE, words);
	else if (strcmp(verb, "clears") == 0)
		mutes(world, agent, SESSION_MUTE_CLEAR, words);
	else if (strcmp(verb, "inverts") == 0)
		mutes(world, agent, SESSION_MUTE_INVERT, words);
	else if (strcmp(verb, "readies") == 0)
		send_raw(world, agent,
			 &(struct session_ready){head_of(agent, SESSION_READY, sizeof(struct session_ready))},
			 sizeof(struct session_ready));
	else if (strcmp(verb, "allows") == 0 || strcmp(verb, "denies") == 0)
		answers(world, agent, verb, words);
	else if (strcmp(verb, "asks") == 0)
		asks(world, agent, words);
	else if (strcmp(verb, "hears") == 0 && words->n > 1 && strcmp(words->word[0], "of") == 0)
		hears_of(world, agent, words);
	else if (strcmp(verb, "hears") == 0)
		hears(world, agent, words);
	else if (strcmp(verb, "reads") == 0)
		reads_all(world, agent, NULL, words);
	else if (strcmp(verb, "lies") == 0)
		lies(world, agent, words);
	else if (strcmp(verb, "changes") == 0)
		changes_content(world, agent, words);
	else if (strcmp(verb, "leaves") == 0)
		leaves(world, agent, words);
	else if (strcmp(verb, "crashes") == 0)
		stops_reading(world, agent);
	else if (strcmp(verb, "sends") == 0)
		sends(world, agent, words);
	else if (strcmp(verb, "ends") == 0)
		ended(world, agent, words);
	else if (strcmp(verb, "has") == 0)
		welcome_is(world, agent, words);
	else
		return false;
	return true;
}

void agents_end(struct world *world)
{
	for (uint32_t i = 0; i < world->n_agents; i++) {
		fd_close(world->agents[i].fd);
		fd_close(world->agents[i].cursor_fd);
		ring_reader_free(world->agents[i].ring);
	}
}

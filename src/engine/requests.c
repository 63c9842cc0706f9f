/* SPDX-License-Identifier: Apache-2.0 */
/*
 * requests: what others say to the engine.
 *
 *     parent: GROUP, GAP, STOP     cage: SESSION, AGENT_ENDED, ACTION_DONE     control: REQUEST ─▶ table ─▶ JSON ─▶
 * REPLY
 *
 * A message that the sender has no business with is dropped with a line in the log; descriptors that are not taken
 * are closed.
 */
#include "base/fd.h"
#include "base/log.h"
#include "engine/engine.h"
#include "wire/order.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

#define DENIALS_DEFAULT 100u
#define JSON_FIRST (256u << 10)
#define JSON_MAX (64u << 20)

/* ---- requests of control ---- */

struct call {
	struct engine *engine;
	const struct ipc_request *request;
	int *fd; /* came along; -1: none; taken by setting it to -1 */
	int error; /* 0 or -errno */
	char message[256]; /* for the error */
};

static void fail(struct call *call, int error, const char *format, ...) _printf_(3, 4);

static void fail(struct call *call, int error, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	vsnprintf(call->message, sizeof(call->message), format, args);
	va_end(args);
	call->error = error;
}

static void do_status(struct call *call, struct json *json)
{
	status_json(call->engine, json);
}

static void do_explain(struct call *call, struct json *json)
{
	if (!broker_explain_json(call->engine->broker, json, call->request->argument))
		fail(call, -ENOENT,
		     "event %" PRIu64 " is no question that is remembered: the last 4,096 are, and the last 1,024 "
		     "that were denied, missed or overridden",
		     call->request->argument);
}

static void do_denials(struct call *call, struct json *json)
{
	uint64_t n = call->request->argument;
	json_open_object(json, NULL);
	broker_denials_json(call->engine->broker, json, "denials", n ? n : DENIALS_DEFAULT);
	json_close_object(json);
}

static void do_doctor(struct call *call, struct json *json)
{
	doctor_json(call->engine, json);
}

static void do_nothing(struct json *json)
{
	json_open_object(json, NULL);
	json_close_object(json);
}

static void do_events(struct call *call, struct json *json)
{
	struct ipc_session who = {.head = {.size = sizeof(who), .type = IPC_SESSION}, .observer = 1};
	struct ucred cred = {0};
	socklen_t size = sizeof(cred);
	int type = 0;
	socklen_t type_size = sizeof(type);
	if (*call->fd < 0 || getsockopt(*call->fd, SOL_SOCKET, SO_TYPE, &type, &type_size) < 0 ||
	    type != SOCK_SEQPACKET) {
		fail(call, -EINVAL, "expected one end of a SOCK_SEQPACKET pair with the request, found none");
		return;
	}
	if (getsockopt(*call->fd, SOL_SOCKET, SO_PEERCRED, &cred, &size) == 0) {
		who.pid = (uint32_t)cred.pid;
		who.uid = cred.uid;
	}
	snprintf(who.name, sizeof(who.name), "events-%u", who.pid);
	int r = broker_session(call->engine->broker, STEAL_FD(*call->fd), &who);
	if (r != 0)
		fail(call, r < 0 ? r : -EUSERS, "the session was refused: too many are open");
	else
		do_nothing(json);
}

static void do_agent(struct call *call, struct json *json)
{
	static const struct {
		const char *verb;
		int (*act)(struct broker *broker, const char *name, const char *why);
	} verbs[] = {{"bench", broker_bench}, {"unbench", broker_unbench}};
	struct order order;
	char why[ORDER_WORDS_SIZE];
	const char *wrong = order_parse(call->request->text, &order);
	if (wrong) {
		fail(call, -EINVAL, "%s", wrong);
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++) {
		if (strcmp(order.verb, verbs[i].verb) != 0)
			continue;
		if (verbs[i].act(call->engine->broker, order.name, order_words(&order, "", why)) < 0) {
			fail(call, -ENOENT, "there is no agent '%s'", order.name);
			return;
		}
		do_nothing(json);
		return;
	}
	fail(call, -EINVAL, "expected bench or unbench, found '%s'", order.verb);
}

static void (*const calls[])(struct call *call, struct json *json) = {
	[IPC_REQUEST_STATUS] = do_status, [IPC_REQUEST_EXPLAIN] = do_explain, [IPC_REQUEST_DOCTOR] = do_doctor,
	[IPC_REQUEST_EVENTS] = do_events, [IPC_REQUEST_AGENT] = do_agent,     [IPC_REQUEST_DENIALS] = do_denials,
};

/* Only requests that change nothing come here twice: those whose text did not fit. */
static ssize_t run_call(struct call *call, char **buffer, size_t *capacity)
{
	struct json json;
	json_init(&json, *buffer, *capacity);
	calls[call->request->kind](call, &json);
	if (call->error) {
		json_init(&json, *buffer, *capacity);
		json_open_object(&json, NULL);
		json_string(&json, "error", call->message);
		json_close_object(&json);
	}
	ssize_t size = json_finish(&json);
	if (size >= 0 || json.size > JSON_MAX)
		return size;
	char *larger = realloc(*buffer, json.size + 1);
	if (!larger)
		return -ENOMEM;
	*buffer = larger;
	*capacity = json.size + 1;
	return -EAGAIN;
}

/* fd: came along, or -1; consumed. */
static void answer(struct engine *engine, const struct ipc_request *request, int fd)
{
	struct call call = {.engine = engine, .request = request, .fd = &fd};
	size_t capacity = JSON_FIRST;
	_cleanup_(freep) char *buffer = malloc(capacity);
	ssize_t size = buffer ? -EAGAIN : -ENOMEM;
	for (int tries = 0; size == -EAGAIN && tries < 4; tries++)
		size = run_call(&call, &buffer, &capacity);
	fd_close(fd);
	int r = size < 0 ? (int)size
			 : process_reply(engine->process, PROCESS_CONTROL, request->head.number, call.error, buffer,
					 (size_t)size);
	if (r < 0)
		log_warning("an answer to %s was lost: %s", topology_name(PROCESS_CONTROL), strerror(-r));
}

/* Writing a status takes tens of microseconds: whoever waits for a verdict comes first. */
static bool only_looks(uint32_t kind)
{
	return kind == IPC_REQUEST_STATUS || kind == IPC_REQUEST_EXPLAIN || kind == IPC_REQUEST_DENIALS ||
	       kind == IPC_REQUEST_DOCTOR;
}

static void on_request(struct engine *engine, enum process_role from, const struct ipc_head *message, int *fds,
		       size_t n_fds)
{
	const struct ipc_request *request = (const struct ipc_request *)(const void *)message;
	if (request->kind == 0 || request->kind >= ARRAY_SIZE(calls) || !calls[request->kind])
		log_warning("%s asked for request %u, which the engine does not know", topology_name(from),
			    request->kind);
	else if (only_looks(request->kind) && engine->n_looks < ENGINE_LOOKS_MAX)
		engine->looks[engine->n_looks++] = *request;
	else
		answer(engine, request, n_fds > 0 ? STEAL_FD(fds[0]) : -1);
}

void requests_answer_looks(struct engine *engine)
{
	for (uint32_t i = 0; i < engine->n_looks; i++)
		answer(engine, &engine->looks[i], -1);
	engine->n_looks = 0;
}

/* ---- what parent and cage tell ---- */

static void on_group(struct engine *engine, enum process_role from, const struct ipc_head *message, int *fds,
		     size_t n_fds)
{
	int *const places[] = {&engine->group_fd, NULL, &engine->notify_fd, &engine->doorbell_fd};
	if (engine->have_group || n_fds < 2)
		return;
	void *ledger = mmap(NULL, sizeof(struct ledger), PROT_READ | PROT_WRITE, MAP_SHARED, fds[1], 0);
	if (ledger == MAP_FAILED) {
		log_error("the ledger cannot be mapped: %s", strerror(errno));
		return;
	}
	engine->ledger = ledger;
	engine->have_group = true;
	for (size_t i = 0; i < n_fds && i < ARRAY_SIZE(places); i++)
		if (places[i])
			*places[i] = STEAL_FD(fds[i]);
}

static void on_gap(struct engine *engine, enum process_role from, const struct ipc_head *message, int *fds,
		   size_t n_fds)
{
	const struct ipc_gap *gap = (const struct ipc_gap *)(const void *)message;
	char why[IPC_TEXT_SIZE];
	/* the first engine of this parent replaces none: that nothing was judged before it is no gap */
	if (gap->head.number <= 1)
		return;
	memcpy(why, gap->why, sizeof(why));
	why[sizeof(why) - 1] = '\0';
	broker_gap(engine->broker, gap->gap_ns, gap->unguarded_allowed + gap->unguarded_denied, why);
}

static void on_stop(struct engine *engine, enum process_role from, const struct ipc_head *message, int *fds,
		    size_t n_fds)
{
	loop_exit(engine->loop);
}

static void add_session(struct engine *engine, int fd, const struct ipc_session *who)
{
	int r = broker_session(engine->broker, fd, who);
	if (r < 0)
		log_error("no session for agent %" PRIu64 ": %s", who->head.number, strerror(-r));
}

static void on_session(struct engine *engine, enum process_role from, const struct ipc_head *message, int *fds,
		       size_t n_fds)
{
	const struct ipc_session *who = (const struct ipc_session *)(const void *)message;
	if (n_fds < 1)
		return;
	if (engine->broker) {
		add_session(engine, STEAL_FD(fds[0]), who);
	} else if (engine->n_early < ENGINE_EARLY_MAX) {
		engine->early[engine->n_early].who = *who;
		engine->early[engine->n_early++].fd = STEAL_FD(fds[0]);
	}
}

void requests_take_early(struct engine *engine)
{
	for (uint32_t i = 0; i < engine->n_early; i++)
		add_session(engine, engine->early[i].fd, &engine->early[i].who);
	engine->n_early = 0;
}

static void on_agent_ended(struct engine *engine, enum process_role from, const struct ipc_head *message, int *fds,
			   size_t n_fds)
{
	const struct ipc_agent_note *note = (const struct ipc_agent_note *)(const void *)message;
	if (engine->broker)
		broker_agent_ended(engine->broker, note->head.number, note->process_id,
				   note->why[0] ? note->why : "its process ended");
}

static void on_kept(struct engine *engine, enum process_role from, const struct ipc_head *message, int *fds,
		    size_t n_fds)
{
	for (size_t i = 0; i < n_fds && engine->n_kept < ENGINE_KEPT_MAX && !engine->have_group; i++)
		engine->kept[engine->n_kept++] = STEAL_FD(fds[i]);
}

static void on_action_done(struct engine *engine, enum process_role from, const struct ipc_head *message, int *fds,
			   size_t n_fds)
{
	const struct ipc_action_done *done = (const struct ipc_action_done *)(const void *)message;
	broker_action_done(engine->broker, done->head.number, (enum ipc_action_outcome)done->outcome, done->error);
}

static const struct {
	void (*act)(struct engine *engine, enum process_role from, const struct ipc_head *message, int *fds,
		    size_t n_fds);
	enum process_role from;
	bool needs_broker;
} messages[] = {
	[IPC_GROUP] = {on_group, PROCESS_PARENT, false},     [IPC_KEPT] = {on_kept, PROCESS_PARENT, false},
	[IPC_STOP] = {on_stop, PROCESS_PARENT, false},       [IPC_GAP] = {on_gap, PROCESS_PARENT, true},
	[IPC_SESSION] = {on_session, PROCESS_CAGE, false},   [IPC_AGENT_ENDED] = {on_agent_ended, PROCESS_CAGE, true},
	[IPC_REQUEST] = {on_request, PROCESS_CONTROL, true}, [IPC_ACTION_DONE] = {on_action_done, PROCESS_CAGE, true},
};

void requests_keep(void *data, const int *fds, size_t n_fds)
{
	struct engine *engine = data;
	for (size_t at = 0; at < n_fds; at += FD_MESSAGE_MAX) {
		struct ipc_head message = {.size = sizeof(message), .type = IPC_KEEP, .number = at};
		int r = process_send(engine->process, PROCESS_PARENT, &message, fds + at,
				     MIN(n_fds - at, FD_MESSAGE_MAX));
		if (r < 0)
			log_warning("the parent keeps nothing for the next engine: %s", strerror(-r));
	}
}

int requests_message(void *data, enum process_role from, const struct ipc_head *message, int *fds, size_t n_fds)
{
	struct engine *engine = data;
	uint16_t type = message->type;
	bool known = type < ARRAY_SIZE(messages) && messages[type].act && messages[type].from == from;
	if (known && (engine->broker || !messages[type].needs_broker))
		messages[type].act(engine, from, message, fds, n_fds);
	else
		log_warning("%s sent a message of type %u, which the engine does not expect %s", topology_name(from),
			    type, known ? "yet" : "from there");
	for (size_t i = 0; i < n_fds; i++)
		fd_close(fds[i]);
	return 0;
}

void requests_note(void *data, uint64_t agent_index, uint64_t process_id, enum ipc_agent_state state, const char *why)
{
	struct engine *engine = data;
	struct ipc_agent_note note = {.head = {.size = sizeof(note), .type = IPC_AGENT_NOTE, .number = agent_index},
				      .state = state,
				      .process_id = process_id};
	snprintf(note.why, sizeof(note.why), "%s", why);
	if (state == IPC_AGENT_LIVE || state == IPC_AGENT_BENCHED)
		engine->agents_here |= UINT64_C(1) << agent_index;
	/* a cage that is not there, or does not keep up, asks for STATUS when it is back */
	(void)process_send(engine->process, PROCESS_CAGE, &note, NULL, 0);
	engine_begin_when_ready(engine, clock_monotonic_ns());
}

int requests_act(void *data, const struct ipc_action *action)
{
	struct engine *engine = data;
	return process_send(engine->process, PROCESS_CAGE, action, NULL, 0);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every form of a datagram that must not pass session_check() or ipc_check(): cut, lengthened, from the wrong side,
 * and with each field at a value that it may not have.
 */
#include "wire/session.h"

#include "base/macro.h"
#include "wire/ipc.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

#include <cmocka.h>

#define N_ABILITIES 3

/* Room for every datagram and for one that is too long. */
union message {
	uint64_t align;
	struct session_head head;
	struct session_hello hello;
	struct {
		struct session_welcome welcome;
		struct session_ability abilities[N_ABILITIES];
	};
	struct session_subscribe subscribe;
	struct session_mute mute;
	struct session_reply reply;
	struct session_answer answer;
	struct session_content content;
	struct session_bye bye;
	struct session_action action;
	struct ipc_head ipc;
	struct ipc_gap ipc_gap;
	struct ipc_cgroup ipc_cgroup;
	struct ipc_session ipc_session;
	struct ipc_agent_note ipc_agent_note;
	struct ipc_request ipc_request;
	struct ipc_reply ipc_reply;
	struct ipc_action ipc_action;
	struct ipc_action_done ipc_action_done;
	char bytes[IPC_MESSAGE_MAX + 64];
};

typedef const char *check_fn(const void *bytes, size_t size);

struct sample {
	const char *name;
	check_fn *check;
	uint16_t type;
	uint32_t size;
	uint32_t size_max; /* 0: size */
	void (*fill)(union message *m);
};

static void fill_hello(union message *m)
{
	m->hello.contract_lowest = m->hello.contract_highest = 1;
	strcpy(m->hello.sdk_version, "1");
	memset(m->hello.version, 'v', sizeof(m->hello.version) - 1);
}

static void fill_subscribe(union message *m)
{
	session_set_add(&m->subscribe.events, RS_EVENT_AUTH_EXEC);
	m->subscribe.flags = SESSION_SUBSCRIBE_WITH_FD | SESSION_SUBSCRIBE_STATE_ESSENTIAL;
	m->subscribe.deadline_ms = 100;
}

static void fill_unsubscribe(union message *m)
{
	session_set_add(&m->subscribe.events, RS_EVENT_EXIT);
	m->subscribe.flags = SESSION_SUBSCRIBE_REMOVE;
}

static void fill_mute_path(union message *m)
{
	m->mute.kind = SESSION_MUTE_EXE;
	m->mute.op = SESSION_MUTE_ADD;
	m->mute.size = RS_PATH_SIZE_MAX;
	memset(m->mute.bytes, '/', RS_PATH_SIZE_MAX);
}

static void fill_mute_number(union message *m)
{
	m->mute.kind = SESSION_MUTE_UID;
	m->mute.op = SESSION_MUTE_REMOVE;
	m->mute.number = UINT64_MAX;
	session_set_add(&m->mute.events, RS_EVENT_FORK);
}

static void fill_mute_clear(union message *m)
{
	m->mute.kind = SESSION_MUTE_TARGET;
	m->mute.op = SESSION_MUTE_CLEAR;
}

static void fill_mute_invert(union message *m)
{
	m->mute.kind = SESSION_MUTE_PROCESS;
	m->mute.op = SESSION_MUTE_INVERT;
	m->mute.number = 1;
}

static void fill_answer(union message *m)
{
	m->answer.verdict = SESSION_DENY;
	m->answer.flags = SESSION_ANSWER_CACHE;
	strcpy(m->answer.rule, "R1");
	memset(m->answer.reason, 'r', RS_REASON_SIZE_MAX);
}

static void fill_action(union message *m)
{
	m->action.kind = SESSION_ACTION_KILL;
	m->action.process_id = UINT64_MAX;
	memset(m->action.rule, 'R', sizeof(m->action.rule) - 1);
	memset(m->action.reason, 'r', RS_REASON_SIZE_MAX);
}

static void fill_welcome(union message *m)
{
	m->welcome.contract = 1;
	m->welcome.n_abilities = N_ABILITIES;
	m->welcome.pending_max = 1;
	strcpy(m->welcome.name, "agent");
	for (uint16_t i = 0; i < N_ABILITIES; i++)
		m->abilities[i] = (struct session_ability){.event_type = (uint16_t)(RS_EVENT_TYPE_LIMIT - 1 - i),
							   .state = (uint8_t)i,
							   .granted = 1,
							   .reason = "why"};
}

static void fill_reply(union message *m)
{
	m->reply.error = -EACCES;
}

static void fill_ipc_session(union message *m)
{
	m->ipc_session.observer = 1;
	strcpy(m->ipc_session.name, "agent");
}

static void fill_ipc_note(union message *m)
{
	m->ipc_agent_note.state = IPC_AGENT_GONE;
}

static void fill_ipc_request(union message *m)
{
	m->ipc_request.kind = IPC_REQUEST_DENIALS;
	memset(m->ipc_request.text, 't', IPC_TEXT_SIZE - 1);
}

static void fill_ipc_reply(union message *m)
{
	m->ipc_reply.error = -ENOENT;
	m->ipc_reply.more = 1;
}

static void fill_ipc_action(union message *m)
{
	m->ipc_action.kind = SESSION_ACTION_KILL;
	m->ipc_action.outcome = IPC_ACTION_REFUSED;
	m->ipc_action.error = -EPERM;
	memset(m->ipc_action.agent, 'a', sizeof(m->ipc_action.agent) - 1);
	memset(m->ipc_action.exe, '/', sizeof(m->ipc_action.exe) - 1);
}

static void fill_ipc_action_done(union message *m)
{
	m->ipc_action_done.outcome = IPC_ACTION_FAILED;
	m->ipc_action_done.error = -EIO;
}

enum {
	HELLO,
	SUBSCRIBE,
	UNSUBSCRIBE,
	MUTE_PATH,
	MUTE_NUMBER,
	MUTE_CLEAR,
	MUTE_INVERT,
	ANSWER,
	CONTENT,
	BYE,
	WELCOME,
	REPLY,
	GAP,
	CGROUP,
	SESSION,
	NOTE,
	REQUEST,
	IPC_ANSWER,
	ACTION,
	ORDER,
	DONE,
};

#define WELCOME_SIZE (sizeof(struct session_welcome) + N_ABILITIES * sizeof(struct session_ability))

static const struct sample samples[] = {
	[HELLO] = {"hello", session_check, SESSION_HELLO, sizeof(struct session_hello), 4096, fill_hello},
	[SUBSCRIBE] = {"subscribe", session_check, SESSION_SUBSCRIBE, sizeof(struct session_subscribe), 0,
		       fill_subscribe},
	[UNSUBSCRIBE] = {"unsubscribe", session_check, SESSION_SUBSCRIBE, sizeof(struct session_subscribe), 0,
			 fill_unsubscribe},
	[MUTE_PATH] = {"mute path", session_check, SESSION_MUTE, sizeof(struct session_mute), 0, fill_mute_path},
	[MUTE_NUMBER] = {"mute number", session_check, SESSION_MUTE, sizeof(struct session_mute), 0, fill_mute_number},
	[MUTE_CLEAR] = {"mute clear", session_check, SESSION_MUTE, sizeof(struct session_mute), 0, fill_mute_clear},
	[MUTE_INVERT] = {"mute invert", session_check, SESSION_MUTE, sizeof(struct session_mute), 0, fill_mute_invert},
	[ANSWER] = {"answer", session_check, SESSION_ANSWER, sizeof(struct session_answer), 0, fill_answer},
	[CONTENT] = {"content", session_check, SESSION_CONTENT, sizeof(struct session_content), 0, NULL},
	[BYE] = {"bye", session_check, SESSION_BYE, sizeof(struct session_bye), 0, NULL},
	[WELCOME] = {"welcome", session_check_from_engine, SESSION_WELCOME, WELCOME_SIZE, 0, fill_welcome},
	[REPLY] = {"reply", session_check_from_engine, SESSION_REPLY, sizeof(struct session_reply), 0, fill_reply},
	[GAP] = {"gap", ipc_check, IPC_GAP, sizeof(struct ipc_gap), 0, NULL},
	[CGROUP] = {"cgroup", ipc_check, IPC_CGROUP, sizeof(struct ipc_cgroup), 0, NULL},
	[SESSION] = {"session", ipc_check, IPC_SESSION, sizeof(struct ipc_session), 0, fill_ipc_session},
	[NOTE] = {"note", ipc_check, IPC_AGENT_NOTE, sizeof(struct ipc_agent_note), 0, fill_ipc_note},
	[REQUEST] = {"request", ipc_check, IPC_REQUEST, sizeof(struct ipc_request), 0, fill_ipc_request},
	[IPC_ANSWER] = {"reply", ipc_check, IPC_REPLY, sizeof(struct ipc_reply), IPC_MESSAGE_MAX, fill_ipc_reply},
	[ACTION] = {"action", session_check, SESSION_ACTION, sizeof(struct session_action), 0, fill_action},
	[ORDER] = {"order", ipc_check, IPC_ACTION, sizeof(struct ipc_action), 0, fill_ipc_action},
	[DONE] = {"done", ipc_check, IPC_ACTION_DONE, sizeof(struct ipc_action_done), 0, fill_ipc_action_done},
	{"ready", session_check, SESSION_READY, sizeof(struct session_ready), 0, NULL},
	{"event fd", session_check_from_engine, SESSION_EVENT_FD, sizeof(struct session_event_fd), 0, NULL},
	{"peer", ipc_check, IPC_PEER, sizeof(struct ipc_head), 0, NULL},
	{"group", ipc_check, IPC_GROUP, sizeof(struct ipc_head), 0, NULL},
	{"stop", ipc_check, IPC_STOP, sizeof(struct ipc_head), 0, NULL},
	{"ipc ready", ipc_check, IPC_READY, sizeof(struct ipc_head), 0, NULL},
	{"agent ended", ipc_check, IPC_AGENT_ENDED, sizeof(struct ipc_agent_note), 0, fill_ipc_note},
};

static union message message;

static union message *fresh(const struct sample *sample)
{
	memset(&message, 0, sizeof(message));
	message.head.size = sample->size;
	message.head.type = sample->type;
	message.head.request = UINT64_MAX;
	if (sample->fill)
		sample->fill(&message);
	return &message;
}

static void test_good(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(samples); i++) {
		const char *wrong = samples[i].check(fresh(&samples[i]), samples[i].size);
		if (wrong)
			fail_msg("%s: %s", samples[i].name, wrong);
	}
}

static void test_sizes(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(samples); i++) {
		const struct sample *sample = &samples[i];
		uint32_t size_max = sample->size_max ? sample->size_max : sample->size;
		for (uint32_t size = 0; size <= size_max + 9 && size < sizeof(message); size++) {
			union message *m = fresh(sample);
			m->head.size = size;
			bool expected = size >= sample->size && size <= size_max;
			if ((sample->check(m, size) == NULL) != expected)
				fail_msg("%s of %u bytes", sample->name, size);
			m->head.size = size + 8; /* does not agree with the datagram */
			if (!sample->check(m, size))
				fail_msg("%s of %u bytes, wrong in the head", sample->name, size);
		}
	}
}

static void test_heads(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(samples); i++) {
		const struct sample *sample = &samples[i];
		union message *m = fresh(sample);
		m->head.reserved = 1;
		assert_non_null(sample->check(m, sample->size));
		static const uint16_t unknown[] = {0, 200, 255, 256, UINT16_MAX};
		for (size_t j = 0; j < ARRAY_SIZE(unknown); j++) {
			m = fresh(sample);
			m->head.type = unknown[j];
			assert_non_null(sample->check(m, sample->size));
		}
		/* what one side may send, the other may not */
		if (sample->check != ipc_check) {
			check_fn *other = sample->check == session_check ? session_check_from_engine : session_check;
			assert_non_null(other(fresh(sample), sample->size));
		}
	}
}

static void refuse(const char *what, const struct sample *sample, const union message *m)
{
	if (!sample->check(m, sample->size))
		fail_msg("accepted %s with %s", sample->name, what);
}

#define BAD(index, statement) \
	do { \
		union message *m = fresh(&samples[index]); \
		statement; \
		refuse(#statement, &samples[index], m); \
	} while (0)
#define UNTERMINATED(field) memset(field, 'x', sizeof(field))
#define HIDDEN(field) (field)[sizeof(field) - 1] = 'x', (field)[sizeof(field) - 2] = '\0'
#define SET_UNKNOWN(set, type) (set).words[(type) / 64] |= UINT64_C(1) << ((type) % 64)

static void test_handshake(void **state)
{
	BAD(HELLO, UNTERMINATED(m->hello.sdk_version));
	BAD(HELLO, UNTERMINATED(m->hello.version));
	BAD(HELLO, UNTERMINATED(m->hello.content_version));
	BAD(HELLO, HIDDEN(m->hello.sdk_version));
	BAD(HELLO, HIDDEN(m->hello.version));
	BAD(HELLO, HIDDEN(m->hello.content_version));
	BAD(HELLO, m->hello.contract_lowest = 0);
	BAD(HELLO, m->hello.contract_lowest = 2);
	BAD(HELLO, m->hello.contract_highest = 0);
	BAD(WELCOME, m->welcome.n_abilities = 0);
	BAD(WELCOME, m->welcome.n_abilities = N_ABILITIES + 1);
	BAD(WELCOME, m->welcome.n_abilities = UINT32_MAX);
	BAD(WELCOME, m->welcome.n_abilities = N_ABILITIES + (UINT32_C(1) << 25)); /* same size modulo 2^32 */
	BAD(WELCOME, m->welcome.shadow = 2);
	BAD(WELCOME, m->welcome.pending_max = 0);
	BAD(WELCOME, m->welcome.pending_max = SESSION_PENDING_MAX + 1);
	BAD(WELCOME, UNTERMINATED(m->welcome.name));
	BAD(WELCOME, HIDDEN(m->welcome.name));
	BAD(WELCOME, memset(m->welcome.name, 0, sizeof(m->welcome.name)));
	BAD(WELCOME, m->abilities[N_ABILITIES - 1].event_type = RS_EVENT_TYPE_LIMIT);
	BAD(WELCOME, m->abilities[0].state = SESSION_MANDATORY + 1);
	BAD(WELCOME, m->abilities[1].granted = 2);
	BAD(WELCOME, UNTERMINATED(m->abilities[2].reason));
	BAD(WELCOME, HIDDEN(m->abilities[2].reason));
	BAD(REPLY, m->reply.error = 1);
	BAD(REPLY, m->reply.error = -4096);
	BAD(REPLY, m->reply.error = INT32_MIN);
	BAD(REPLY, m->reply.reserved = 1);
	BAD(REPLY, UNTERMINATED(m->reply.text));
	BAD(REPLY, HIDDEN(m->reply.text));
}

static void test_requests(void **state)
{
	BAD(SUBSCRIBE, m->subscribe.flags |= 8);
	BAD(SUBSCRIBE, m->subscribe.flags |= UINT32_C(1) << 31);
	BAD(SUBSCRIBE, m->subscribe.flags |= SESSION_SUBSCRIBE_REMOVE);
	BAD(SUBSCRIBE, memset(&m->subscribe.events, 0, sizeof(m->subscribe.events)));
	BAD(SUBSCRIBE, SET_UNKNOWN(m->subscribe.events, 0));
	BAD(SUBSCRIBE, SET_UNKNOWN(m->subscribe.events, RS_EVENT_TYPE_LIMIT - 1));
	BAD(UNSUBSCRIBE, m->subscribe.deadline_ms = 1);
	BAD(MUTE_PATH, m->mute.kind = 0);
	BAD(MUTE_PATH, m->mute.kind = SESSION_MUTE_CGROUP + 1);
	BAD(MUTE_PATH, m->mute.kind = UINT32_MAX);
	BAD(MUTE_PATH, m->mute.kind = SESSION_MUTE_UID);
	BAD(MUTE_PATH, m->mute.op = 0);
	BAD(MUTE_PATH, m->mute.op = SESSION_MUTE_INVERT + 1);
	BAD(MUTE_PATH, m->mute.op = SESSION_MUTE_CLEAR);
	BAD(MUTE_PATH, m->mute.number = 1);
	BAD(MUTE_PATH, m->mute.reserved = 1);
	BAD(MUTE_PATH, m->mute.size = 0);
	BAD(MUTE_PATH, m->mute.size = RS_PATH_SIZE_MAX - 1); /* a byte behind the path */
	BAD(MUTE_PATH, m->mute.size = RS_PATH_SIZE_MAX + 1);
	BAD(MUTE_PATH, m->mute.size = UINT32_MAX);
	BAD(MUTE_PATH, m->mute.bytes[0] = 'x');
	BAD(MUTE_PATH, m->mute.bytes[RS_PATH_SIZE_MAX - 1] = '\0');
	BAD(MUTE_PATH, SET_UNKNOWN(m->mute.events, 99));
	BAD(MUTE_NUMBER, SET_UNKNOWN(m->mute.events, 99));
	BAD(MUTE_NUMBER, m->mute.kind = SESSION_MUTE_TARGET_PREFIX);
	BAD(MUTE_NUMBER, m->mute.size = 1);
	BAD(MUTE_NUMBER, m->mute.bytes[7] = 'x');
	BAD(MUTE_CLEAR, m->mute.number = 1);
	BAD(MUTE_CLEAR, session_set_add(&m->mute.events, RS_EVENT_EXEC));
	BAD(MUTE_INVERT, m->mute.number = 2);
	BAD(MUTE_INVERT, session_set_add(&m->mute.events, RS_EVENT_EXEC));
	BAD(MUTE_INVERT, m->mute.size = 1);
	BAD(ANSWER, m->answer.verdict = 0);
	BAD(ANSWER, m->answer.verdict = SESSION_DENY + 1);
	BAD(ANSWER, m->answer.flags = 2);
	BAD(ANSWER, m->answer.flags = UINT32_MAX);
	BAD(ANSWER, UNTERMINATED(m->answer.rule));
	BAD(ANSWER, UNTERMINATED(m->answer.reason));
	BAD(ANSWER, HIDDEN(m->answer.rule));
	BAD(ANSWER, HIDDEN(m->answer.reason));
	BAD(ACTION, m->action.kind = 0);
	BAD(ACTION, m->action.kind = SESSION_ACTION_KILL + 1);
	BAD(ACTION, m->action.reserved = 1);
	BAD(ACTION, m->action.process_id = 0);
	BAD(ACTION, m->head.request = 0);
	BAD(ACTION, UNTERMINATED(m->action.rule));
	BAD(ACTION, UNTERMINATED(m->action.reason));
	BAD(ACTION, HIDDEN(m->action.rule));
	BAD(ACTION, HIDDEN(m->action.reason));
	BAD(CONTENT, UNTERMINATED(m->content.version));
	BAD(CONTENT, HIDDEN(m->content.version));
	BAD(BYE, UNTERMINATED(m->bye.reason));
	BAD(BYE, HIDDEN(m->bye.reason));
}

static void test_ipc(void **state)
{
	BAD(GAP, UNTERMINATED(m->ipc_gap.why));
	BAD(CGROUP, UNTERMINATED(m->ipc_cgroup.why));
	BAD(SESSION, m->ipc_session.observer = 2);
	BAD(SESSION, m->ipc_session.reserved = 1);
	BAD(SESSION, UNTERMINATED(m->ipc_session.name));
	BAD(NOTE, m->ipc_agent_note.state = 0);
	BAD(NOTE, m->ipc_agent_note.state = IPC_AGENT_GONE + 1);
	BAD(NOTE, UNTERMINATED(m->ipc_agent_note.why));
	BAD(REQUEST, m->ipc_request.kind = 0);
	BAD(REQUEST, m->ipc_request.kind = IPC_REQUEST_ACTIONS + 1);
	BAD(REQUEST, m->ipc_request.reserved = 1);
	BAD(REQUEST, UNTERMINATED(m->ipc_request.text));
	BAD(IPC_ANSWER, m->ipc_reply.error = 1);
	BAD(IPC_ANSWER, m->ipc_reply.error = -4096);
	BAD(IPC_ANSWER, m->ipc_reply.more = 2);
	BAD(ORDER, m->ipc_action.kind = 0);
	BAD(ORDER, m->ipc_action.kind = SESSION_ACTION_KILL + 1);
	BAD(ORDER, m->ipc_action.outcome = IPC_ACTION_UNKNOWN + 1);
	BAD(ORDER, m->ipc_action.outcome = 0); /* with an error */
	BAD(ORDER, m->ipc_action.error = 1);
	BAD(ORDER, m->ipc_action.error = -4096);
	BAD(ORDER, m->ipc_action.reserved = 1);
	BAD(ORDER, UNTERMINATED(m->ipc_action.agent));
	BAD(ORDER, UNTERMINATED(m->ipc_action.version));
	BAD(ORDER, UNTERMINATED(m->ipc_action.content_version));
	BAD(ORDER, UNTERMINATED(m->ipc_action.rule));
	BAD(ORDER, UNTERMINATED(m->ipc_action.reason));
	BAD(ORDER, UNTERMINATED(m->ipc_action.exe));
	BAD(DONE, m->ipc_action_done.outcome = 0);
	BAD(DONE, m->ipc_action_done.outcome = IPC_ACTION_UNKNOWN + 1);
	BAD(DONE, m->ipc_action_done.error = 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),      cmocka_unit_test(test_sizes),    cmocka_unit_test(test_heads),
		cmocka_unit_test(test_handshake), cmocka_unit_test(test_requests), cmocka_unit_test(test_ipc),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

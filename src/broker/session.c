/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session: what agents send: read in batches, checked by session_check(), handed to one row of the table.
 *
 *     socket ─▶ recvmmsg ─▶ session_check ─▶ handler ─▶ REPLY
 *
 * Descriptors that an agent attaches are thrown away by the kernel: no room for them is offered. Whatever does not
 * pass ends the session (agent_doom()), with a strike.
 */
#include "broker/pushdown.h"
#include "broker/state.h"
#include "wire/catalogue.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define BATCH 8u

static void reply(struct agent *agent, uint64_t request, int error, const char *format, ...) _printf_(4, 5);

static void reply(struct agent *agent, uint64_t request, int error, const char *format, ...)
{
	struct session_reply message = {.head = {.size = sizeof(message), .type = SESSION_REPLY, .request = request},
					.error = error};
	va_list args;
	va_start(args, format);
	vsnprintf(message.text, sizeof(message.text), format, args);
	va_end(args);
	if (agent_send(agent, &message, NULL, 0) < 0)
		agent_doom(agent, LIFE_ERROR, "does not read the replies to its requests");
}

void session_broke(struct agent *agent, uint64_t request, int error, const char *what)
{
	agent->standing->errors++;
	reply(agent, request, error, "%s", what);
	agent_doom(agent, LIFE_ERROR, "broke the protocol: %s", what);
}

static bool granted(const struct agent *agent, const struct catalogue_event *row)
{
	if (agent->observer)
		return !row->auth;
	return session_set_has(&agent->standing->settings->granted, row->number);
}

static bool is_platform(const struct catalogue_event *row)
{
	return strcmp(row->family, "platform") == 0;
}

/* Whether this event exists on this machine. */
static enum session_ability_state ability_of(const struct broker *broker, size_t i)
{
	if (is_platform(&catalogue_events[i]))
		return SESSION_MANDATORY;
	return broker->opts.abilities ? broker->opts.abilities[i].state : SESSION_UNAVAILABLE;
}

/* Several sensors write over each other's words: what a longer one left behind the end must not cross. */
static void pad(char *text, size_t size)
{
	size_t length = strnlen(text, size - 1);
	memset(text + length, 0, size - length);
}

static void fill_abilities(const struct agent *agent, struct session_ability *abilities)
{
	const struct broker *broker = agent->broker;
	for (size_t i = 0; i < catalogue_n_events; i++) {
		if (broker->opts.abilities)
			abilities[i] = broker->opts.abilities[i];
		abilities[i].event_type = catalogue_events[i].number;
		abilities[i].state = ability_of(broker, i);
		abilities[i].granted = granted(agent, &catalogue_events[i]);
		if (is_platform(&catalogue_events[i]))
			memset(abilities[i].reason, 0, sizeof(abilities[i].reason));
		pad(abilities[i].reason, sizeof(abilities[i].reason));
	}
}

static uint64_t ring_bytes(const struct agent *agent)
{
	const struct settings_agent *settings = agent->standing->settings;
	uint64_t wanted = !settings           ? BROKER_OBSERVER_RING_BYTES
			  : settings->ring_kb ? (uint64_t)settings->ring_kb << 10
					      : BROKER_RING_BYTES;
	uint64_t bytes = RING_SIZE_MIN;
	while (bytes < wanted && bytes < RING_SIZE_MAX)
		bytes *= 2;
	return bytes;
}

static int send_welcome(struct agent *agent, uint64_t request, uint64_t bytes)
{
	size_t size = sizeof(struct session_welcome) + catalogue_n_events * sizeof(struct session_ability);
	_cleanup_(freep) struct session_welcome *welcome = calloc(1, size);
	if (!welcome)
		return -ENOMEM;
	welcome->head = (struct session_head){.size = (uint32_t)size, .type = SESSION_WELCOME, .request = request};
	welcome->contract = SESSION_CONTRACT;
	welcome->n_abilities = (uint32_t)catalogue_n_events;
	welcome->ring_size_bytes = bytes;
	welcome->generation = agent->broker->opts.generation;
	welcome->missed = roster_missed(agent->standing);
	welcome->shadow = agent->standing->settings && agent->standing->settings->shadow;
	welcome->pending_max = agent->pending_max;
	memcpy(welcome->name, agent->standing->name, sizeof(welcome->name));
	fill_abilities(agent, (struct session_ability *)(welcome + 1));
	int fds[3];
	ring_writer_fds(agent->ring, fds);
	return agent_send(agent, welcome, fds, 3);
}

static int set_identity(struct agent *agent, const struct identity *template)
{
	struct identity *identity;
	int r = identity_new(template, &identity);
	if (r < 0)
		return r;
	identity_unref(agent->identity);
	agent->identity = identity;
	identity_unref(agent->standing->identity);
	agent->standing->identity = identity_ref(identity);
	return 0;
}

static void on_hello(struct agent *agent, const void *message)
{
	const struct session_hello *hello = message;
	struct identity identity = {.agent_index = agent->standing->index};
	uint64_t request = hello->head.request, bytes = ring_bytes(agent);
	if (agent->welcomed) {
		session_broke(agent, request, -EPROTO, "expected HELLO once, found another");
		return;
	}
	if (hello->contract_lowest > SESSION_CONTRACT || hello->contract_highest < SESSION_CONTRACT) {
		reply(agent, request, -EPROTONOSUPPORT,
		      "expected contract %u among those the agent speaks, found %u to %u: build it with an SDK that "
		      "speaks contract %u",
		      SESSION_CONTRACT, hello->contract_lowest, hello->contract_highest, SESSION_CONTRACT);
		agent_doom(agent, LIFE_CRASH, "speaks no contract version that this platform speaks");
		return;
	}
	memcpy(identity.name, agent->standing->name, sizeof(identity.name));
	memcpy(identity.version, hello->version, sizeof(identity.version));
	memcpy(identity.content_version, hello->content_version, sizeof(identity.content_version));
	int r = set_identity(agent, &identity);
	if (r >= 0)
		r = ring_writer_new(bytes, &agent->ring);
	if (r < 0) {
		reply(agent, request, r, "no memory for an event ring of %llu KiB: make ring_kb smaller",
		      (unsigned long long)bytes >> 10);
		agent_doom(agent, LIFE_CRASH, "no memory for its event ring");
		return;
	}
	agent->welcomed = true;
	if (send_welcome(agent, request, bytes) < 0)
		agent_doom(agent, LIFE_CRASH, "did not take its WELCOME");
}

/* Why this type cannot be subscribed to; 0: it can. */
static int may_subscribe(const struct agent *agent, size_t i)
{
	if (!granted(agent, &catalogue_events[i]))
		return -EACCES;
	return ability_of(agent->broker, i) == SESSION_UNAVAILABLE ? -EOPNOTSUPP : 0;
}

static void subscribe(struct agent *agent, uint16_t type, const struct session_subscribe *subscribe)
{
	struct broker *broker = agent->broker;
	if (subscribe->flags & SESSION_SUBSCRIBE_REMOVE) {
		agent->subscribed.words[type / 64] &= ~(UINT64_C(1) << (type % 64));
		agent_set_remove(&broker->wants[type], agent->slot);
		return;
	}
	session_set_add(&agent->subscribed, type);
	agent_set_add(&broker->wants[type], agent->slot);
	agent->flags[type] = (uint8_t)subscribe->flags;
	agent->deadline_ms[type] = subscribe->deadline_ms;
}

static const char too_many_changes[] =
	"expected at most 240 changes of content or subscriptions a minute, found more: each makes everybody's cached "
	"verdicts void";

/* All of it or nothing. */
static void on_subscribe(struct agent *agent, const void *message)
{
	const struct session_subscribe *wish = message;
	bool remove = wish->flags & SESSION_SUBSCRIBE_REMOVE;
	for (size_t i = 0; i < catalogue_n_events && !remove; i++) {
		const struct catalogue_event *row = &catalogue_events[i];
		int error = session_set_has(&wish->events, row->number) ? may_subscribe(agent, i) : 0;
		if (error == 0)
			continue;
		reply(agent, wish->head.request, error,
		      error == -EACCES ? "%s is not granted to this agent: the operator's settings name what is"
				       : "%s is not available on this machine: see rs_agent_ability() for the reason",
		      row->name);
		return;
	}
	if (life_votes(agent->state) && !standing_may_change(agent->standing)) {
		session_broke(agent, wish->head.request, -EBUSY, too_many_changes);
		return;
	}
	for (size_t i = 0; i < catalogue_n_events; i++)
		if (session_set_has(&wish->events, catalogue_events[i].number))
			subscribe(agent, catalogue_events[i].number, wish);
	agent->broker->wants_changed = true;
	/* what others had cached it must see from now on */
	if (life_votes(agent->state) && !remove)
		broker_flush_cache(agent->broker);
	reply(agent, wish->head.request, 0, "%s", "");
}

static void on_mute(struct agent *agent, const void *message)
{
	const struct session_mute *mute = message;
	int r = 0;
	if (!agent->mutes)
		r = mutes_new(&agent->mutes);
	if (r == 0)
		r = mutes_change(agent->mutes, mute);
	if (mute->op == SESSION_MUTE_ADD && r == 0)
		pushdown_note(agent->broker);
	else
		pushdown_stop(agent->broker);
	if (r == -ENOSPC)
		reply(agent, mute->head.request, r, "expected at most %u mutes of %u bytes in all; remove some first",
		      MUTE_ENTRIES_MAX, MUTE_BYTES_MAX);
	else
		reply(agent, mute->head.request, r, "%s", r < 0 ? strerror(-r) : "");
}

static void on_ready(struct agent *agent, const void *message)
{
	const struct standing *standing = agent->standing;
	bool shadow = standing->settings && standing->settings->shadow;
	enum life_event event = standing->benched_until_ns != 0 ? LIFE_READY_BENCHED
				: shadow                        ? LIFE_READY_SHADOW
								: LIFE_READY;
	const struct session_ready *ready = message;
	if (agent->state != LIFE_CONNECTING) {
		session_broke(agent, ready->head.request, -EPROTO, "expected READY once, found another");
		return;
	}
	if (roster_is_superseded(agent))
		roster_step(agent, LIFE_SUPERSEDED, "a newer session of this agent is live");
	else
		roster_step(agent, event, "ready");
}

void session_answered(struct agent *agent, const struct session_answer *answer, uint64_t answered_ns)
{
	if (agent->state == LIFE_CONNECTING)
		session_broke(agent, answer->head.request, -EPROTO,
			      "expected READY before any answer, found an answer");
	else
		arbiter_answer(agent, answer, answered_ns);
}

static void on_answer(struct agent *agent, const void *message)
{
	session_answered(agent, message, broker_now(agent->broker));
}

/* What it tells of was taken before this message. */
static void on_bell(struct agent *agent, const void *message)
{
	(void)agent;
	(void)message;
}

static void on_content(struct agent *agent, const void *message)
{
	const struct session_content *content = message;
	struct identity identity = *agent->identity;
	if (!standing_may_change(agent->standing)) {
		session_broke(agent, content->head.request, -EBUSY, too_many_changes);
		return;
	}
	memcpy(identity.content_version, content->version, sizeof(identity.content_version));
	if (set_identity(agent, &identity) < 0) {
		agent_doom(agent, LIFE_CRASH, "no memory for its new content version");
		return;
	}
	agent->broker->content_epoch++;
	if (life_votes(agent->state))
		broker_flush_cache(agent->broker);
	announce_content_changed(agent);
	reply(agent, content->head.request, 0, "%s", "");
}

static void on_action(struct agent *agent, const void *message)
{
	const struct session_action *action = message;
	const char *why = "";
	if (agent->state == LIFE_CONNECTING) {
		session_broke(agent, action->head.request, -EPROTO,
			      "expected READY before any action, found an action");
		return;
	}
	int error = action_ask(agent, action, &why);
	reply(agent, action->head.request, error, "%s", why);
}

static void on_bye(struct agent *agent, const void *message)
{
	const struct session_bye *bye = message;
	agent_doom(agent, LIFE_BYE, "%s", bye->reason[0] ? bye->reason : "said goodbye");
}

static const struct {
	void (*handle)(struct agent *agent, const void *message);
	bool first; /* may come before WELCOME */
} handlers[] = {
	[SESSION_HELLO] = {on_hello, true},    [SESSION_SUBSCRIBE] = {on_subscribe, false},
	[SESSION_MUTE] = {on_mute, false},     [SESSION_READY] = {on_ready, false},
	[SESSION_ANSWER] = {on_answer, false}, [SESSION_CONTENT] = {on_content, false},
	[SESSION_BYE] = {on_bye, true},        [SESSION_ACTION] = {on_action, false},
	[SESSION_BELL] = {on_bell, false},
};

static void take(struct agent *agent, const void *message, size_t size)
{
	const struct session_head *head = message;
	uint64_t request = size >= sizeof(*head) ? head->request : 0;
	const char *wrong = session_check(message, size);
	if (!wrong && (head->type >= ARRAY_SIZE(handlers) || !handlers[head->type].handle))
		wrong = "expected a type that an agent may send, found another";
	if (!wrong && !agent->welcomed && !handlers[head->type].first)
		wrong = "expected HELLO first, found another message";
	if (wrong)
		session_broke(agent, request, -EPROTO, wrong);
	else
		handlers[head->type].handle(agent, message);
}

static void take_end(struct agent *agent, uint32_t epoll_events)
{
	agent->hung_up = true;
	if (epoll_events & (EPOLLHUP | EPOLLRDHUP))
		agent_doom(agent, LIFE_CRASH, "its session ended without a goodbye");
	else
		session_broke(agent, 0, -EPROTO, "expected a message, found an empty datagram");
}

int session_readable(void *data, uint32_t epoll_events)
{
	struct agent *agent = data;
	struct mmsghdr messages[BATCH] = {0};
	struct iovec vectors[BATCH];
	char *buffer = agent->broker->receive_buffer;
	for (uint32_t i = 0; i < BATCH; i++) {
		vectors[i] = (struct iovec){buffer + i * SESSION_MESSAGE_MAX, SESSION_MESSAGE_MAX};
		messages[i].msg_hdr = (struct msghdr){.msg_iov = &vectors[i], .msg_iovlen = 1};
	}
	int n = recvmmsg(agent->fd, messages, BATCH, MSG_DONTWAIT, NULL);
	answers_take_from(agent); /* what it said before these */
	if (n < 0) {
		if (errno != EAGAIN && errno != EINTR)
			agent_doom(agent, LIFE_CRASH, "its session broke: %s", strerror(errno));
		return 0;
	}
	for (int i = 0; i < n && !agent->doomed; i++) {
		if (messages[i].msg_len == 0)
			take_end(agent, epoll_events);
		else if (messages[i].msg_hdr.msg_flags & MSG_TRUNC)
			session_broke(agent, 0, -EMSGSIZE, "expected at most 32,768 bytes in a message, found more");
		else
			take(agent, vectors[i].iov_base, messages[i].msg_len);
	}
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * respond: answers, and the descriptors of questions.
 *
 * An answer is sent only while its question is held (pending.h): once, before its deadline, to the engine that asked.
 * So what the caller is told is what happened. The way of an allow is one look-up, and one system call when the engine
 * sleeps. Allows and what is sent by the session are taken in the order in which they were given.
 */
#include "agent.h"

#include "base/clock.h"
#include "base/fd.h"

#include <errno.h>
#include <string.h>

/* The ring by which the engine of this session reads allows; NULL: none. */
static struct ring_reader *way_back(struct rs_agent *agent)
{
	return agent->state == LINK_OPEN && agent->ring.session == agent->session ? agent->ring.reader : NULL;
}

/* An allow without a system call, as long as the engine looks. False: there is no room, or no engine. */
static bool answer_in_memory(struct rs_agent *agent, const struct session_answer *message, uint64_t now_ns,
			     uint64_t until_ns, int *ret_error)
{
	const struct session_bell bell = {.head = {.size = sizeof(bell), .type = SESSION_BELL}};
	const struct ring_answer allow = {.id = message->head.request, .at_ns = now_ns, .flags = message->flags};
	struct ring_reader *reader = way_back(agent);
	bool ring = false;
	if (message->verdict != SESSION_ALLOW || !reader || ring_answer(reader, &allow, &ring) != RING_OK)
		return false;
	*ret_error = ring ? fd_send(agent->session_fd, &bell, sizeof(bell), NULL, 0) : 0;
	/* a session that is full of what the engine has not read tells it as well */
	if (*ret_error == -EAGAIN)
		*ret_error = 0;
	/* without the bell it would sleep on: the answer is there, and the program waits for all of its deadline */
	if (*ret_error < 0)
		*ret_error = link_send(agent, &bell, sizeof(bell), until_ns);
	return true;
}

static int answer(struct rs_agent *agent, const struct rs_event *event, struct session_answer *message)
{
	struct pending_entry *entry = pending_find(&agent->pending, event->id);
	if (!entry)
		return -EALREADY;
	uint64_t deadline_ns = entry->deadline_ns;
	int error = -ETIMEDOUT;
	message->head = (struct session_head){.size = sizeof(*message), .type = SESSION_ANSWER, .request = event->id};
	uint64_t now_ns = clock_monotonic_ns();
	if (now_ns < deadline_ns && !answer_in_memory(agent, message, now_ns, deadline_ns, &error))
		error = link_send(agent, message, sizeof(*message), deadline_ns);
	pending_remove(&agent->pending, entry);
	return error < 0 ? -EALREADY : 0;
}

static bool is_question(const struct rs_agent *agent, const struct rs_event *event)
{
	return agent && event && (event->flags & RS_EVENT_IS_AUTH);
}

int rs_respond_allow(struct rs_agent *agent, const struct rs_event *event, uint32_t flags)
{
	struct session_answer message = {.verdict = SESSION_ALLOW};
	if (!is_question(agent, event) || (flags & ~(uint32_t)RS_ALLOW_CACHE))
		return -EINVAL;
	if (flags & RS_ALLOW_CACHE)
		message.flags = SESSION_ANSWER_CACHE;
	return answer(agent, event, &message);
}

int rs_respond_deny(struct rs_agent *agent, const struct rs_event *event, const struct rs_deny_opts *opts)
{
	struct session_answer message = {.verdict = SESSION_DENY};
	struct rs_deny_opts known;
	if (!is_question(agent, event))
		return -EINVAL;
	int error = agent_copy_opts(&known, sizeof(known), opts);
	if (error == 0)
		error = agent_copy_text(message.rule, sizeof(message.rule), known.rule);
	if (error == 0)
		error = agent_copy_text(message.reason, sizeof(message.reason), known.reason);
	return error < 0 ? error : answer(agent, event, &message);
}

int64_t rs_respond_time_left_ns(const struct rs_event *event)
{
	return event && event->deadline_ns ? (int64_t)(event->deadline_ns - clock_monotonic_ns()) : 0;
}

int rs_event_fd(struct rs_agent *agent, const struct rs_event *event)
{
	if (!agent || !event)
		return -EINVAL;
	if (!(event->flags & RS_EVENT_HAS_FD))
		return -ENOENT;
	for (;;) {
		const struct pending_entry *entry = pending_find(&agent->pending, event->id);
		if (!entry)
			return -EALREADY;
		if (entry->fd != -ENODATA)
			return entry->fd;
		/* the event was read before the engine had sent it: it follows at once */
		int error = link_step(agent, entry->deadline_ns);
		if (error < 0)
			return error;
	}
}

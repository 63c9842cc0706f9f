/* SPDX-License-Identifier: Apache-2.0 */
/*
 * next: the way of an event into the agent's hands, and sleep when there is none.
 *
 *     ring ─▶ current event ─▶ agent ─▶ (next call) consumed
 *
 * A ring outlives its session: what the last engine wrote is read before the next one's ring. Only rs_agent_next()
 * consumes and changes rings, so that an event stays valid whatever else the agent calls.
 */
#include "agent.h"

#include "base/clock.h"
#include "base/macro.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <sys/epoll.h>

#define POLLS_PER_LOOK 16 /* looks at memory between two looks at the clock */
#define FD_LOOKAHEAD 16 /* datagrams to look through for an event's descriptor before the agent gets the event */

/* Not left to the closing of the descriptor: the engine holds this end, too. */
static void ring_quieten(struct rs_agent *agent, struct agent_ring *ring)
{
	if (ring->reader)
		epoll_ctl(agent->epoll_fd, EPOLL_CTL_DEL, ring_reader_fd(ring->reader), NULL);
}

void rings_quieten(struct rs_agent *agent)
{
	ring_quieten(agent, &agent->ring);
	ring_quieten(agent, &agent->ring_next);
}

static void ring_deinit(struct rs_agent *agent, struct agent_ring *ring)
{
	ring_quieten(agent, ring);
	ring_reader_free(ring->reader);
	*ring = (struct agent_ring){0};
}

void rings_deinit(struct rs_agent *agent)
{
	ring_deinit(agent, &agent->ring);
	ring_deinit(agent, &agent->ring_next);
	agent->current = false;
}

int rings_add(struct rs_agent *agent, const int fds[3], size_t size_bytes)
{
	struct agent_ring ring = {.session = agent->session};
	struct epoll_event event = {.events = EPOLLIN, .data.u32 = AGENT_RING};
	int error = ring_reader_new(fds, size_bytes, &ring.reader);
	if (error < 0)
		return error;
	if (epoll_ctl(agent->epoll_fd, EPOLL_CTL_ADD, ring_reader_fd(ring.reader), &event) < 0) {
		error = -errno;
		ring_reader_free(ring.reader);
		return error;
	}
	/* from here on the agent's own loop may sleep without having called rs_agent_next() */
	ring.waiting = ring_prepare_wait(ring.reader);

	const struct rs_event *unread;
	ring_deinit(agent, &agent->ring_next);
	if (agent->ring.reader && (agent->current || ring_peek(agent->ring.reader, &unread) == RING_OK)) {
		agent->ring_next = ring;
	} else {
		ring_deinit(agent, &agent->ring);
		agent->ring = ring;
	}
	return 0;
}

/* Registers a question, and takes its descriptor in when it is there already. */
static void hold_question(struct rs_agent *agent, const struct rs_event *event)
{
	pending_ask(&agent->pending, event->id, event->deadline_ns);
	if (!(event->flags & RS_EVENT_HAS_FD))
		return;
	for (int i = 0; i < FD_LOOKAHEAD && agent->state == LINK_OPEN; i++) {
		const struct pending_entry *entry = pending_find(&agent->pending, event->id);
		if (!entry || entry->fd != -ENODATA)
			return;
		int error = link_receive(agent);
		if (error == -EAGAIN)
			return;
		if (error < 0)
			agent->error = error;
	}
}

/* 1: *ret is the next event; 0: there is none; -EPROTO. */
static int take_event(struct rs_agent *agent, const struct rs_event **ret)
{
	while (agent->ring.reader) {
		enum ring_result result = ring_peek(agent->ring.reader, ret);
		if (result == RING_OK) {
			agent->current = true;
			/* the question of an engine that is gone is over already */
			if (((*ret)->flags & RS_EVENT_IS_AUTH) && agent->ring.session == agent->session &&
			    agent->state == LINK_OPEN)
				hold_question(agent, *ret);
			return 1;
		}
		bool live = agent->ring.session == agent->session;
		if (result == RING_EMPTY && !agent->ring_next.reader)
			return 0;
		ring_deinit(agent, &agent->ring);
		agent->ring = agent->ring_next;
		agent->ring_next = (struct agent_ring){0};
		if (result == RING_LIED) {
			if (live)
				link_end(agent);
			return -EPROTO;
		}
	}
	return 0;
}

static bool ring_has_event(const struct rs_agent *agent)
{
	const struct rs_event *event;
	return agent->ring.reader && ring_peek(agent->ring.reader, &event) != RING_EMPTY;
}

/* Events go first: a descriptor in the session then finds its question, and the end of a session its ring read. */
static int act(struct rs_agent *agent, const struct epoll_event *event)
{
	int error = 0;
	if (event->data.u32 == AGENT_LIFELINE)
		error = link_receive_lifeline(agent);
	else if (event->data.u32 == AGENT_SESSION && agent->session_fd >= 0 && !ring_has_event(agent))
		error = link_receive(agent);
	else if (event->data.u32 == AGENT_RING && (event->events & EPOLLHUP))
		link_end(agent); /* nobody can write the ring any more: its engine is gone */
	return error == -EAGAIN ? 0 : error;
}

/* Looks at the ring for a moment, while that pays: then an event comes, and nobody has to be woken. */
static enum busy_poll_outcome poll_ring(struct rs_agent *agent, uint64_t begin_ns)
{
	struct agent_ring *ring = &agent->ring;
	if (!ring->reader || !busy_poll_is_worth_it(&agent->poll))
		return BUSY_POLL_SLEPT;
	if (ring->waiting) {
		ring_finish_wait(ring->reader);
		ring->waiting = false;
	}
	do {
		for (int i = 0; i < POLLS_PER_LOOK; i++) {
			if (ring_has_event(agent))
				return BUSY_POLL_PAID;
			busy_poll_relax();
		}
		sched_yield(); /* who has work to do on this processor goes first */
	} while (clock_monotonic_ns() - begin_ns < BUSY_POLL_NS);
	return BUSY_POLL_IN_VAIN;
}

/* False: an event came meanwhile. */
static bool announce_sleep(struct agent_ring *ring)
{
	if (!ring->reader)
		return true;
	if (ring->waiting)
		ring_finish_wait(ring->reader);
	ring->waiting = ring_prepare_wait(ring->reader);
	return ring->waiting;
}

static int milliseconds(uint64_t now_ns, uint64_t until_ns)
{
	if (until_ns == UINT64_MAX)
		return -1;
	return now_ns < until_ns ? (int)MIN((until_ns - now_ns + NS_PER_MS - 1) / NS_PER_MS, INT32_MAX) : 0;
}

/* As epoll_wait(2) for one event: acting on it may change what the others were about. It is poll(2) that sleeps: only a
 * signal's handler ends that, but epoll_wait(2) also a stop that is over (SIGCONT), of which no agent knows. */
static int sleep_for_one(struct rs_agent *agent, struct epoll_event *event, int timeout_ms)
{
	struct pollfd fd = {.fd = agent->epoll_fd, .events = POLLIN};
	*event = (struct epoll_event){.data.u32 = AGENT_NOTHING}; /* when poll(2) was woken in vain */
	if (timeout_ms == 0)
		return epoll_wait(agent->epoll_fd, event, 1, 0);
	int n = poll(&fd, 1, timeout_ms);
	if (n <= 0)
		return n;
	return epoll_wait(agent->epoll_fd, event, 1, 0) < 0 ? -1 : 1;
}

/* 1: look again; 0: time is over; -errno. *until_ns is 0 at first. */
static int wait_for_more(struct rs_agent *agent, int timeout_ms, uint64_t *until_ns)
{
	struct epoll_event event;
	if (agent->error) {
		int error = agent->error;
		agent->error = 0;
		return error;
	}
	if (agent->state == LINK_NONE && agent->lifeline_fd < 0)
		return -ESHUTDOWN;
	uint64_t begin_ns = clock_monotonic_ns(), now_ns = begin_ns;
	enum busy_poll_outcome outcome = timeout_ms != 0 ? poll_ring(agent, begin_ns) : BUSY_POLL_SLEPT;
	if (outcome == BUSY_POLL_PAID) {
		busy_poll_note(&agent->poll, outcome, clock_monotonic_ns() - begin_ns);
		return 1;
	}
	if (!announce_sleep(&agent->ring))
		return 1;

	pending_expire(&agent->pending, now_ns);
	if (*until_ns == 0)
		*until_ns = timeout_ms < 0 ? UINT64_MAX : now_ns + (uint64_t)timeout_ms * NS_PER_MS;
	uint64_t wake_ns = MIN(*until_ns, agent->pending.earliest_ns);
	int n = sleep_for_one(agent, &event, milliseconds(now_ns, wake_ns));
	if (n < 0)
		return -errno;
	if (timeout_ms != 0)
		busy_poll_note(&agent->poll, outcome, clock_monotonic_ns() - begin_ns);
	if (n == 0)
		return wake_ns == *until_ns ? 0 : 1;
	int error = act(agent, &event);
	return error < 0 ? error : 1;
}

int rs_agent_next(struct rs_agent *agent, int timeout_ms, const struct rs_event **ret)
{
	uint64_t until_ns = 0;
	if (!agent || !ret)
		return -EINVAL;
	if (agent->current)
		ring_consume(agent->ring.reader);
	agent->current = false;
	for (;;) {
		int result = take_event(agent, ret);
		if (result == 0)
			result = wait_for_more(agent, timeout_ms, &until_ns);
		else
			return result;
		if (result <= 0)
			return result;
	}
}

int rs_agent_fd(const struct rs_agent *agent)
{
	return agent ? agent->epoll_fd : -EINVAL;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* agent: one session's way out: its ring, its numbers, its drops. */
#include "base/fd.h"
#include "broker/only.h"
#include "broker/state.h"
#include "wire/event_build.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define LOST_WHERE_KERNEL 1u
#define LOST_WHERE_RING 3u
#define LOST_WHERE_BUDGET 4u

void agent_doom(struct agent *agent, enum life_event how, const char *format, ...)
{
	va_list args;
	if (agent->doomed)
		return;
	agent->doomed = true;
	agent->doom = how;
	va_start(args, format);
	vsnprintf(agent->doom_why, sizeof(agent->doom_why), format, args);
	va_end(args);
	agent_set_add(&agent->broker->doomed, agent->slot);
	/* from here on it is neither asked nor told anything */
	agent_set_remove(&agent->broker->voting, agent->slot);
	agent_set_remove(&agent->broker->listening, agent->slot);
}

int agent_send(struct agent *agent, const void *message, const int *fds, size_t n_fds)
{
	const struct session_head *head = message;
	return fd_send(agent->fd, message, head->size, fds, n_fds);
}

/* Room in the ring; a cursor that makes no sense ends the session. */
static void *reserve(struct agent *agent, size_t size)
{
	void *to;
	if (agent->doomed || !agent->ring)
		return NULL;
	enum ring_result result = ring_reserve(agent->ring, size, &to);
	if (result == RING_OK)
		return to;
	if (result == RING_LIED) {
		agent->standing->errors++;
		agent_doom(agent, LIFE_ERROR,
			   "its cursor in the event ring made no sense: it must only move forward, to ends of records");
	}
	return NULL;
}

static void commit(struct agent *agent)
{
	ring_commit(agent->ring);
	agent_set_add(&agent->broker->dirty, agent->slot);
	agent->standing->delivered++;
	agent->broker->delivered++;
}

static void drops_add(struct drops *drops, uint16_t type, uint64_t seq)
{
	if (drops->count[type]++ == 0)
		drops->first[type] = seq;
	session_set_add(&drops->types, type);
	drops->any = true;
}

static void note_drop(struct agent *agent, uint16_t type, uint64_t seq)
{
	drops_add(&agent->lost, type, seq);
	agent_set_add(&agent->broker->lossy, agent->slot);
	agent->standing->dropped++;
	agent->broker->dropped++;
}

/* A `lost` event gets its numbers only when there is room for it: it is never itself lost. */
static bool put_lost(struct agent *agent, const struct rs_event_lost *lost)
{
	uint64_t buffer[256];
	struct event_build build;
	void *body = event_build_begin(&build, buffer, sizeof(buffer), RS_EVENT_LOST);
	memcpy(body, lost, sizeof(*lost));
	build.event->process.pid = (uint32_t)agent->who.pid;
	build.event->process.id = agent->who.process_id;
	build.event->process.flags = RS_PROCESS_PARTIAL | RS_PROCESS_PLATFORM;
	size_t size = event_build_end(&build);
	void *to = reserve(agent, size);
	if (!to)
		return false;
	build.event->id = broker_next_id(agent->broker);
	build.event->monotonic_ns = broker_now(agent->broker);
	build.event->wall_ns = clock_wall_ns();
	build.event->seq = ++agent->seq;
	build.event->type_seq = ++agent->type_seq[RS_EVENT_LOST];
	memcpy(to, buffer, size);
	commit(agent);
	return true;
}

static bool tell_type(struct agent *agent, struct drops *drops, uint16_t type, uint32_t where)
{
	const struct rs_event_lost lost = {
		.count = drops->count[type], .first_seq = drops->first[type], .event_type = type, .where = where};
	if (!put_lost(agent, &lost))
		return false;
	drops->count[type] = 0;
	drops->types.words[type / 64] &= ~(UINT64_C(1) << (type % 64));
	return true;
}

static bool tell(struct agent *agent, struct drops *drops, uint32_t where)
{
	for (uint32_t word = 0; word < ARRAY_SIZE(drops->types.words); word++)
		while (drops->types.words[word] != 0) {
			uint32_t bit = (uint32_t)__builtin_ctzll(drops->types.words[word]);
			if (!tell_type(agent, drops, (uint16_t)(word * 64 + bit), where))
				return false;
		}
	drops->any = false;
	return true;
}

bool agent_tell_lost(struct agent *agent)
{
	if (!tell(agent, &agent->unseen, LOST_WHERE_KERNEL) || !tell(agent, &agent->lost, LOST_WHERE_RING))
		return false;
	agent_set_remove(&agent->broker->lossy, agent->slot);
	return true;
}

void agent_tell_over(struct agent *agent)
{
	if (agent->over.any)
		tell(agent, &agent->over, LOST_WHERE_BUDGET);
}

/* They have no numbers of this agent's. What cannot be told now is told with what is lost until there is room. */
void agent_tell_lost_in_kernel(struct agent *agent, uint16_t type, uint64_t count)
{
	struct drops *unseen = &agent->unseen;
	unseen->count[type] += count;
	session_set_add(&unseen->types, type);
	unseen->any = true;
	agent_set_add(&agent->broker->lossy, agent->slot);
	agent_tell_lost(agent);
}

/* In the ring an event says whether its descriptor comes, so that nobody waits for one that does not. */
static bool send_fd(struct agent *agent, struct rs_event *event, int fd)
{
	const struct session_event_fd message = {
		.head = {.size = sizeof(message), .type = SESSION_EVENT_FD, .request = event->id}};
	/* any failure: the agent's buffer is full, it holds too many descriptors in flight, or it is gone */
	if (agent_send(agent, &message, &fd, 1) < 0)
		return false;
	event->flags |= RS_EVENT_HAS_FD;
	return true;
}

enum agent_delivery agent_deliver(struct agent *agent, const struct rs_event *event, uint16_t flags,
				  uint64_t deadline_ns, int fd)
{
	/* what was lost is told before what came later */
	if (agent->lost.any || agent->unseen.any)
		agent_tell_lost(agent);
	uint64_t seq = ++agent->seq, type_seq = ++agent->type_seq[event->type];
	struct rs_event *to = reserve(agent, event->size);
	if (!to) {
		note_drop(agent, event->type, seq);
		return AGENT_RING_FULL;
	}
	memcpy(to, event, event->size);
	to->seq = seq;
	to->type_seq = type_seq;
	to->flags |= flags;
	to->deadline_ns = deadline_ns;
	bool sent = fd < 0 || send_fd(agent, to, fd);
	commit(agent);
	return sent ? AGENT_DELIVERED : AGENT_SOCKET_FULL;
}

void agent_wake(struct agent *agent)
{
	if (!agent->ring || ring_wake(agent->ring) >= 0)
		agent_set_remove(&agent->broker->dirty, agent->slot);
	else
		agent_set_add(&agent->broker->dirty, agent->slot);
}

void agent_notify(struct agent *agent, const struct rs_event *event)
{
	struct standing *standing = agent->standing;
	uint32_t limit = standing->settings ? standing->settings->events_per_s : 0;
	if (limit == 0 || event_budget_take(&standing->budget, limit, broker_now(agent->broker))) {
		agent_tell_over(agent);
		agent_deliver(agent, event, 0, 0, -1);
		return;
	}
	agent->type_seq[event->type]++;
	drops_add(&agent->over, event->type, ++agent->seq);
	standing->over_budget++;
	agent->broker->over_budget++;
}

bool agent_wants(const struct agent *agent, const struct rs_event *event)
{
	if (!only_wants(agent->standing->settings, event))
		return false;
	if (!agent->mutes)
		return true;
	bool state = event->type == RS_EVENT_FORK || event->type == RS_EVENT_EXEC || event->type == RS_EVENT_EXIT;
	if (state && (agent->flags[event->type] & SESSION_SUBSCRIBE_STATE_ESSENTIAL))
		return true;
	return !mutes_match(agent->mutes, event);
}

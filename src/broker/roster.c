/* SPDX-License-Identifier: Apache-2.0 */
/*
 * roster: the sessions in their slots, and the life of each, by the table in verdict/agent_life.h.
 *
 *     ipc session ─▶ roster_add ─▶ session.c: HELLO … READY ─▶ roster_step ─▶ live … ─▶ gone: freed
 *
 * A session owns its descriptor, ring and mutes, and a charge of one slot. Dooms and benches that were marked while
 * events were on their way are carried out by roster_settle().
 */
#include "base/fd.h"
#include "broker/state.h"
#include "wire/catalogue.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static void refuse(struct broker *broker, int fd, int error, const char *text)
{
	struct session_reply reply = {.head = {.size = sizeof(reply), .type = SESSION_REPLY}, .error = error};
	snprintf(reply.text, sizeof(reply.text), "%s", text);
	/* best effort: the session ends anyway */
	(void)fd_send(fd, &reply, sizeof(reply), NULL, 0);
	fd_close(fd);
	broker->refused_sessions++;
}

static void agent_free(struct agent *agent)
{
	loop_source_remove(agent->source);
	fd_close(agent->fd);
	ring_writer_free(agent->ring);
	mutes_free(agent->mutes);
	identity_unref(agent->identity);
	standing_free(agent->own_standing);
	free(agent);
}

static void agent_freep(struct agent **agent)
{
	if (*agent)
		agent_free(*agent);
}

static int add(struct broker *broker, int fd, const struct ipc_session *who, struct standing *standing, uint32_t slot)
{
	_cleanup_(agent_freep) struct agent *agent = calloc(1, sizeof(*agent));
	if (!agent) {
		fd_close(fd);
		return -ENOMEM;
	}
	agent->broker = broker;
	agent->fd = fd;
	agent->slot = slot;
	agent->who = *who;
	agent->who.name[sizeof(agent->who.name) - 1] = '\0';
	agent->observer = who->observer;
	agent->serial = ++broker->serial;
	agent->since_ns = broker_now(broker);
	agent->state = LIFE_CONNECTING;
	if (who->observer) {
		int r = standing_new(broker, NULL, UINT32_MAX, agent->who.name, &agent->own_standing);
		if (r < 0)
			return r;
		standing = agent->own_standing;
	}
	agent->standing = standing;
	uint32_t pending_max = standing->settings ? standing->settings->pending_max : 0;
	agent->pending_max = pending_max ? pending_max : BROKER_PENDING_MAX;
	int r = loop_add_fd(broker->opts.loop, fd, EPOLLIN, session_readable, agent, &agent->source);
	if (r < 0)
		return r;
	agent_set_remove(&broker->free_slots, slot);
	broker->agents[slot] = STEAL(agent);
	return 0;
}

int roster_add(struct broker *broker, int fd, const struct ipc_session *who)
{
	char text[WHY_SIZE];
	uint32_t slot;
	struct agent_set free_slots = broker->free_slots;
	struct standing *standing = NULL;
	if (!who->observer && who->head.number < broker->n_standings)
		standing = broker->standings[who->head.number];
	if (!who->observer && !standing) {
		snprintf(text, sizeof(text), "expected an agent of the settings (0 to %u), found number %llu",
			 broker->n_standings ? broker->n_standings - 1 : 0, (unsigned long long)who->head.number);
		refuse(broker, fd, -ENOENT, text);
		return 1;
	}
	if (!agent_set_take(&free_slots, &slot)) {
		snprintf(text, sizeof(text),
			 "%u sessions are open, which is the limit; close one (an observer, or an agent) and try again",
			 BROKER_AGENTS_MAX);
		refuse(broker, fd, -EUSERS, text);
		return 1;
	}
	return add(broker, fd, who, standing, slot);
}

/* How many questions of these types were asked so far. */
static uint64_t asked_of(const struct broker *broker, const struct session_event_set *types)
{
	uint64_t n = 0;
	for (uint16_t type = 0; type < RS_EVENT_TYPE_LIMIT; type++)
		if (session_set_has(types, type))
			n += broker->asked_of_type[type];
	return n;
}

static void close_session(struct agent *agent)
{
	struct broker *broker = agent->broker;
	struct standing *standing = agent->standing;
	if (standing->newest == agent->serial) {
		standing->last_subscribed = agent->subscribed;
		standing->asked_then = asked_of(broker, &agent->subscribed);
	}
	for (uint32_t type = 0; type < RS_EVENT_TYPE_LIMIT; type++)
		agent_set_remove(&broker->wants[type], agent->slot);
	agent_set_remove(&broker->dirty, agent->slot);
	agent_set_remove(&broker->lossy, agent->slot);
	agent_set_remove(&broker->doomed, agent->slot);
	agent_set_remove(&broker->owing, agent->slot);
	broker->agents[agent->slot] = NULL;
	agent_set_add(&broker->free_slots, agent->slot);
	broker->wants_changed = true;
	agent_free(agent);
}

uint64_t roster_missed(struct standing *standing)
{
	struct broker *broker = standing->broker;
	uint64_t missed = asked_of(broker, &standing->last_subscribed) - standing->asked_then;
	return missed + (broker->gap && !standing->told_gap ? broker->gap_unguarded : 0);
}

/* Whether what happens to this session happened to the agent: no other session of it is live. */
static bool speaks_for_agent(const struct agent *agent)
{
	const struct standing *standing = agent->standing;
	return standing->newest == agent->serial || standing->state == LIFE_GONE || standing->state == LIFE_CONNECTING;
}

static void note(struct agent *agent, enum ipc_agent_state state, const char *why)
{
	const struct broker_opts *opts = &agent->broker->opts;
	if (opts->note && agent->standing->settings)
		opts->note(opts->note_data, agent->standing->index, agent->who.process_id, state, why);
}

static void update_sets(struct agent *agent)
{
	struct broker *broker = agent->broker;
	const struct {
		struct agent_set *set;
		bool in;
	} sets[] = {
		{&broker->voting, life_votes(agent->state) && !agent->observer},
		{&broker->listening, life_listens(agent->state)},
		{&broker->shadow, agent->state == LIFE_SHADOW},
	};
	for (size_t i = 0; i < ARRAY_SIZE(sets); i++) {
		if (sets[i].in && !agent->doomed)
			agent_set_add(sets[i].set, agent->slot);
		else
			agent_set_remove(sets[i].set, agent->slot);
	}
	broker->wants_changed = true;
	if (speaks_for_agent(agent)) {
		if (agent->standing->state != agent->state)
			agent->standing->since_ns = broker_now(broker);
		agent->standing->state = agent->state;
		agent->standing->pid = agent->who.pid;
	}
}

bool roster_is_superseded(const struct agent *agent)
{
	const struct broker *broker = agent->broker;
	for (uint32_t slot = 0; slot < BROKER_AGENTS_MAX; slot++) {
		const struct agent *other = broker->agents[slot];
		if (other && !other->doomed && other->standing == agent->standing && other->serial > agent->serial &&
		    life_listens(other->state))
			return true;
	}
	return false;
}

static void supersede_older(struct agent *agent)
{
	struct broker *broker = agent->broker;
	for (uint32_t slot = 0; slot < BROKER_AGENTS_MAX; slot++) {
		struct agent *other = broker->agents[slot];
		if (!other || other == agent || other->standing != agent->standing || other->serial > agent->serial)
			continue;
		roster_step(other, LIFE_SUPERSEDED, "a newer session of this agent is live");
		other = broker->agents[slot];
		if (other && other->pending == 0)
			agent_doom(other, LIFE_DRAINED, "replaced by a newer session");
	}
}

static void say_started(struct agent *agent, const char *why)
{
	struct broker *broker = agent->broker;
	roster_tell_crash(agent->standing, NULL);
	if (!agent->observer)
		announce_agent_started(agent);
	note(agent, agent->state == LIFE_BENCHED ? IPC_AGENT_BENCHED : IPC_AGENT_LIVE, why);
	if (!broker->gap || agent->observer || agent->standing->told_gap)
		return;
	agent->standing->told_gap = true;
	announce_engine_restarted(agent);
}

void roster_tell_crash(struct standing *standing, const char *why)
{
	struct crash *crash = &standing->crash;
	char text[WHY_SIZE];
	if (crash->due_ns == 0)
		return;
	snprintf(text, sizeof(text), "%s", why ? why : standing->why);
	memcpy(standing->why, text, sizeof(text));
	crash->due_ns = 0;
	announce_agent_crashed(standing, &crash->who, text, crash->pending);
}

/* The end of its session is heard here before the end of its process is in the cage, which knows more: whoever waited
 * for a verdict goes on at once, only the telling waits. */
static void say_crashed(struct agent *agent, const char *why, uint32_t pending)
{
	struct standing *standing = agent->standing;
	uint64_t wait_ns = agent->broker->opts.crash_wait_ns;
	roster_tell_crash(standing, NULL);
	if (!agent->hung_up || wait_ns == 0) {
		announce_agent_crashed(standing, &agent->who, why, pending);
		return;
	}
	standing->crash =
		(struct crash){.due_ns = broker_now(agent->broker) + wait_ns, .who = agent->who, .pending = pending};
}

static const enum decision_miss miss_of[LIFE_N_EVENTS] = {
	[LIFE_BENCH] = MISS_BENCHED,
	[LIFE_BYE] = MISS_ENDED,
};

void roster_step(struct agent *agent, enum life_event event, const char *why)
{
	struct life_step step = life_next(agent->state, event);
	struct standing *standing = agent->standing;
	uint32_t pending = agent->pending;
	if (step.actions & LIFE_SUPERSEDE) {
		standing->newest = agent->serial;
		standing->away_until_ns = 0;
	}
	agent->state = step.next;
	update_sets(agent);

	/* in this order: first nobody waits any more, then it is said, then it is gone */
	if (step.actions & LIFE_RELEASE)
		arbiter_release(agent, miss_of[event] ? miss_of[event] : MISS_CRASHED);
	if (step.actions & LIFE_FLUSH && !agent->observer)
		broker_flush_cache(agent->broker);
	if (step.actions & LIFE_SUPERSEDE && !agent->observer)
		supersede_older(agent);
	if (step.actions & LIFE_SAY_STARTED)
		say_started(agent, why);
	if (step.actions & LIFE_SAY_BENCHED)
		note(agent, IPC_AGENT_BENCHED, why);
	if (step.actions & LIFE_SAY_UNBENCHED)
		note(agent, IPC_AGENT_LIVE, why);
	if (step.actions & (LIFE_SAY_CRASHED | LIFE_SAY_STOPPED))
		snprintf(standing->why, sizeof(standing->why), "%s", why);
	if (step.actions & LIFE_SAY_CRASHED) {
		if (standing->newest == agent->serial)
			standing->away_until_ns = broker_now(agent->broker) + BROKER_AWAY_NS;
		if (!agent->observer)
			say_crashed(agent, why, pending);
		note(agent, IPC_AGENT_GONE, why);
	}
	if (step.actions & LIFE_SAY_STOPPED) {
		if (!agent->observer)
			announce_agent_stopped(agent, why);
		note(agent, IPC_AGENT_STOPPED, why);
	}
	if (step.actions & LIFE_STRIKE)
		standing_strike(standing, why);
	if (step.actions & LIFE_CLOSE)
		close_session(agent);
}

static void step_all(struct standing *standing, enum life_event event, const char *why)
{
	struct broker *broker = standing->broker;
	for (uint32_t slot = 0; slot < BROKER_AGENTS_MAX; slot++)
		if (broker->agents[slot] && broker->agents[slot]->standing == standing)
			roster_step(broker->agents[slot], event, why);
}

static void bench(struct standing *standing)
{
	struct broker *broker = standing->broker;
	uint64_t until_ns = UINT64_MAX;
	standing->bench_due = standing->storming = false;
	if (!standing->bench_by_operator) {
		struct strikes_bench length =
			strikes_begin_bench(&standing->strikes, &broker->limits, broker_now(broker));
		until_ns = length.until_ns;
		standing->roll_back_wanted |= length.roll_back;
	}
	deny_storm_reset(standing->storm);
	slowness_reset(&standing->slowness);
	if (standing->roll_back_wanted) {
		/* the act is the package manager's; here it is said that it is wanted */
		size_t size = strlen(standing->why);
		snprintf(standing->why + size, sizeof(standing->why) - size,
			 "; benched twice within an hour: its last-known-good version is wanted");
	}
	standing->benched_until_ns = until_ns;
	standing->since_ns = broker_now(broker); /* also one that is gone is benched from now on */
	char why[WHY_SIZE];
	memcpy(why, standing->why, sizeof(why));
	announce_agent_benched(standing, why);
	step_all(standing, LIFE_BENCH, why);
}

void roster_unbench(struct standing *standing, const char *why)
{
	if (standing->benched_until_ns == 0)
		return;
	standing->benched_until_ns = 0;
	standing->since_ns = broker_now(standing->broker);
	announce_agent_unbenched(standing);
	bool shadow = standing->settings && standing->settings->shadow;
	step_all(standing, shadow ? LIFE_UNBENCH_SHADOW : LIFE_UNBENCH, why);
	standing->why[0] = '\0';
}

static void settle_benches(struct broker *broker)
{
	broker->bench_due = false;
	for (uint32_t i = 0; i < broker->n_standings; i++)
		if (broker->standings[i]->bench_due)
			bench(broker->standings[i]);
}

void roster_settle(struct broker *broker)
{
	uint32_t slot;
	/* each round ends sessions or benches agents, of which there are few: it comes to an end */
	while (!agent_set_empty(&broker->doomed) || broker->bench_due) {
		while (agent_set_take(&broker->doomed, &slot)) {
			struct agent *agent = broker->agents[slot];
			char why[WHY_SIZE];
			if (!agent)
				continue;
			memcpy(why, agent->doom_why, sizeof(why));
			roster_step(agent, agent->doom, why);
		}
		if (broker->bench_due)
			settle_benches(broker);
	}
}

/* With nobody to ask the kernel would not ask at all, and what goes by unguarded would not be counted. A crashed agent
 * is back soon as a rule. */
void roster_add_away(const struct broker *broker, struct session_event_set *wanted)
{
	for (uint32_t i = 0; i < broker->n_standings; i++) {
		const struct standing *standing = broker->standings[i];
		for (size_t j = 0; standing->away_until_ns != 0 && j < catalogue_n_events; j++)
			if (catalogue_events[j].auth &&
			    session_set_has(&standing->last_subscribed, catalogue_events[j].number))
				session_set_add(wanted, catalogue_events[j].number);
	}
}

static void stay_away(struct standing *standing)
{
	char why[WHY_SIZE];
	snprintf(why, sizeof(why),
		 "agent %s has been away for %u s; what it alone would be asked is not counted until it is back",
		 standing->name, (unsigned)(BROKER_AWAY_NS / NS_PER_SEC));
	standing->away_until_ns = 0;
	standing->broker->wants_changed = true;
	announce_unguarded(standing->broker, 0, why);
}

void roster_tick(struct broker *broker, uint64_t now_ns)
{
	for (uint32_t i = 0; i < broker->n_standings; i++) {
		struct standing *standing = broker->standings[i];
		if (standing->crash.due_ns != 0 && standing->crash.due_ns <= now_ns)
			roster_tell_crash(standing, NULL);
		if (standing->away_until_ns != 0 && standing->away_until_ns <= now_ns)
			stay_away(standing);
		if (standing->benched_until_ns != 0 && standing->benched_until_ns <= now_ns)
			roster_unbench(standing, "its bench is over");
	}
	for (uint32_t slot = 0; slot < BROKER_AGENTS_MAX; slot++) {
		struct agent *agent = broker->agents[slot];
		if (agent && agent->state == LIFE_CONNECTING && now_ns - agent->since_ns >= BROKER_HELLO_NS)
			agent_doom(agent, LIFE_CRASH, "did not finish its handshake (HELLO … READY) in 10 s");
	}
}

void roster_free(struct broker *broker)
{
	for (uint32_t slot = 0; slot < BROKER_AGENTS_MAX; slot++) {
		if (!broker->agents[slot])
			continue;
		agent_free(broker->agents[slot]);
		broker->agents[slot] = NULL;
	}
}

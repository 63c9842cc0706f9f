/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arbiter: a question, from the sensor's hand-over to the answer.
 *
 *     arbiter_ask ─▶ each voter's ring ─▶ arbiter_answer | arbiter_expire | arbiter_release ─▶ cast ─▶ decide ─▶ finish
 *
 * Owns the duty to answer: decide() is the only place that calls sensor_answer(), once a question. It answers first;
 * events, strikes and the log come after. Nothing here ends a session: that is marked and carried out later.
 */
#include "broker/state.h"
#include "wire/catalogue.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static uint64_t mix(uint64_t a, uint64_t b)
{
	uint64_t hash = (a ^ UINT64_C(0x9e3779b97f4a7c15)) * UINT64_C(0xbf58476d1ce4e5b9) ^ b;
	return (hash ^ hash >> 31) * UINT64_C(0x94d049bb133111eb);
}

static const struct rs_file *file_of(const struct rs_event *event)
{
	const struct catalogue_event *row = catalogue_find(event->type);
	for (uint32_t i = 0; row && i < row->n_fields; i++)
		if (row->fields[i].kind == CATALOGUE_FILE)
			return (const struct rs_file *)(const void *)((const char *)event + event->body_offset +
								      row->fields[i].offset);
	return NULL;
}

/* What was asked about, as a number. */
static uint64_t target_key(const struct rs_event *event)
{
	const struct rs_file *file = file_of(event);
	if (!file)
		return event->type;
	if (file->id.ino != 0)
		return mix(file->id.dev, file->id.ino);
	size_t size;
	const char *path = rs_str_get(event, file->path, &size);
	uint64_t key = 0;
	for (size_t i = 0; i < size; i++)
		key = mix(key, (unsigned char)path[i]);
	return key;
}

static bool is_essential(const struct broker *broker, const struct rs_event *event)
{
	const struct rs_file *file = file_of(event);
	if (!file || broker->settings->essential_deny || (file->flags & RS_FILE_PATH_LEXICAL))
		return false;
	size_t size;
	const char *path = rs_str_get(event, file->path, &size);
	/* group root may write: only root is in it as a rule, and Debian has such files */
	bool trusted = file->uid == 0 && !(file->mode & 0002) && (!(file->mode & 0020) || file->gid == 0);
	return essential_has(broker->essential, path, size, trusted);
}

/* Looked at only when there is a deny. The kept event serves, unless its path had to be shortened. */
static bool question_is_essential(const struct broker *broker, const struct question *question)
{
	const struct rs_event *event = question_event(question);
	return event->flags & RS_EVENT_CUT ? question->essential : is_essential(broker, event);
}

/* The platform's, or the shorter one that the operator set for this agent. */
static uint64_t operator_deadline_ns(const struct broker *broker, const struct settings_agent *agent, uint16_t type)
{
	bool exec = type == RS_EVENT_AUTH_EXEC;
	uint32_t ms = exec ? broker->settings->deadline_exec_ms : broker->settings->deadline_open_ms;
	uint32_t agents_ms = !agent ? 0 : exec ? agent->deadline_exec_ms : agent->deadline_open_ms;
	return (agents_ms != 0 ? MIN(agents_ms, ms) : ms) * NS_PER_MS;
}

static bool is_open(const struct question_voter *voter)
{
	return voter->answer == DECISION_NONE;
}

static void keep(struct broker *broker, const struct question *question, struct decision_log *log)
{
	struct decision *decision = decision_log_begin(log, question_size_max(question));
	if (!decision)
		return;
	question_write(question, decision);
	decision_log_commit(log);
}

static void finish(struct broker *broker, struct question *question)
{
	keep(broker, question, broker->decisions);
	if (question->notable)
		keep(broker, question, broker->notable);
	question_release(broker->questions, question);
}

static uint8_t why_of(const struct question *question)
{
	if (question->denied)
		return question->voters[question->ballot.decider].miss ? DECISION_A_MISS_DENIED
								       : DECISION_AN_AGENT_DENIED;
	if (question->ballot.voters == 0)
		return question->why; /* said by who asked */
	return question->ballot.missed ? DECISION_A_MISS_ALLOWED : DECISION_ALL_ALLOWED;
}

/* The answer to the kernel. */
static void decide(struct broker *broker, struct question *question, uint64_t now_ns)
{
	const struct sensor_question *sensor_question = &question->sensor_question;
	question->denied = question->ballot.decision == BALLOT_DENIED;
	question->cached = ballot_may_cache(&question->ballot) && sensor_question->cacheable &&
			   question->everybody_asked && question->cache_epoch == broker->cache_epoch;
	sensor_answer(sensor_question, question->denied ? SENSOR_DENY : SENSOR_ALLOW, question->cached);

	question->latency_ns = now_ns > question->asked_ns ? now_ns - question->asked_ns : 0;
	question->why = why_of(question);
	question->notable = question->denied || question->ballot.missed || question->override;
	histogram_add(&broker->latency, question->latency_ns);
	broker->allowed += !question->denied;
	broker->denied += question->denied;
	broker->missed += question->ballot.missed;
	broker->overridden += question->override != OVERRIDE_NONE;

	const struct rs_event *event = question_event(question);
	if (event->type == RS_EVENT_AUTH_EXEC && !question->denied)
		ran_before_add(&broker->ran, file_of(event)->id);
	if (question->denied)
		announce_denied(broker, question, &question->voters[question->ballot.decider]);
}

/* One voter is heard. True: the question is finished and gone. */
static bool cast(struct broker *broker, struct question *question, uint16_t i, enum ballot_vote vote, uint64_t now_ns)
{
	struct question_voter *voter = &question->voters[i];
	bool was_open = question->ballot.decision == BALLOT_OPEN;
	voter->counted = was_open && !voter->shadow;
	voter->latency_ns = now_ns > question->asked_ns ? now_ns - question->asked_ns : 0;
	ballot_cast(&question->ballot, i, voter->shadow, vote);
	if (was_open && question->ballot.decision != BALLOT_OPEN)
		decide(broker, question, now_ns);

	struct agent *agent = voter->agent;
	voter->agent = NULL;
	if (agent) {
		if (--agent->pending == 0)
			agent_set_remove(&broker->owing, agent->slot);
		if (agent->state == LIFE_RETIRING && agent->pending == 0)
			agent_doom(agent, LIFE_DRAINED, "replaced by a newer session");
	}
	question->n_open--;
	return question->n_open == 0;
}

/* The deny of a counted voter while the question is open: whether it is applied. */
static enum decision_override override_deny(struct broker *broker, struct question *question, struct standing *standing,
					    uint64_t now_ns)
{
	static const uint8_t storms[] = {[DENY_STORM_CALM] = OVERRIDE_NONE,
					 [DENY_STORM_TOO_MANY] = OVERRIDE_STORM_LIMIT,
					 [DENY_STORM_KNOWN_PROGRAMS] = OVERRIDE_STORM_PROGRAMS};
	if (question_is_essential(broker, question))
		return OVERRIDE_ESSENTIAL;
	if (standing->storming) /* the rest of a storm in the same turn */
		return OVERRIDE_STORM_LIMIT;
	const struct rs_event *event = question_event(question);
	return storms[deny_storm_add(standing->storm, standing->settings->denies_per_min,
				     mix(event->process.exe.dev, event->process.exe.ino), target_key(event),
				     question->ran_before, now_ns)];
}

/* What an override means for the agent. After the kernel has its answer. */
static void follow_override(struct broker *broker, struct question *question, struct standing *standing,
			    const struct identity *identity, enum decision_override override)
{
	char why[WHY_SIZE];
	announce_overridden(broker, question, identity, decision_override_text(override));
	snprintf(why, sizeof(why), "its deny of event %" PRIu64 " was overridden: %s", question->id,
		 decision_override_text(override));
	if (override == OVERRIDE_ESSENTIAL)
		standing_strike(standing, why);
	else if (!standing->storming)
		standing_mark_bench(standing, false, why);
	standing->storming |= override != OVERRIDE_ESSENTIAL;
}

static void answer_deny(struct agent *agent, struct question *question, uint16_t i, uint64_t now_ns)
{
	struct broker *broker = agent->broker;
	struct standing *standing = agent->standing;
	const struct question_voter *voter = &question->voters[i];
	enum decision_override override = OVERRIDE_NONE;
	bool shadow = voter->shadow;
	if (!shadow && question->ballot.decision == BALLOT_OPEN)
		override = override_deny(broker, question, standing, now_ns);
	if (override != OVERRIDE_NONE)
		question->override = override;
	bool finished = cast(broker, question, i, override == OVERRIDE_NONE ? BALLOT_DENY : BALLOT_OVERRIDDEN, now_ns);
	if (shadow)
		announce_overridden(broker, question, voter->identity, "shadow");
	else if (override != OVERRIDE_NONE)
		follow_override(broker, question, standing, voter->identity, override);
	if (finished)
		finish(broker, question);
}

/* A machine that was paused, suspended or starved wakes with all its deadlines over: then a miss is nobody's fault. */
static void strike_for_miss(struct standing *standing, const struct question *question, uint64_t late_ns)
{
	char why[WHY_SIZE];
	if (late_ns >= BROKER_STOOD_STILL_NS) {
		standing->excused++;
		return;
	}
	snprintf(why, sizeof(why), "missed the deadline of event %" PRIu64 " (%s)", question->id,
		 catalogue_find(question_event(question)->type)->name);
	standing_strike(standing, why);
}

static void miss(struct broker *broker, struct question *question, uint16_t i, enum decision_miss how, uint64_t now_ns)
{
	struct question_voter *voter = &question->voters[i];
	struct standing *standing = broker->standings[voter->identity->agent_index];
	uint16_t type = question_event(question)->type;
	bool denies = session_set_has(&standing->settings->deny_on_miss, type);
	bool counts = !voter->shadow && question->ballot.decision == BALLOT_OPEN;
	bool overridden = denies && counts && question_is_essential(broker, question);

	voter->answer = how == MISS_CRASHED ? DECISION_CRASHED : DECISION_MISSED;
	voter->miss = how;
	standing->misses++;
	if (overridden) {
		question->override = OVERRIDE_ESSENTIAL;
		question->ballot.missed = true;
	}
	bool finished = cast(broker, question, i,
			     overridden ? BALLOT_OVERRIDDEN
			     : denies   ? BALLOT_MISS_DENY
					: BALLOT_MISS_ALLOW,
			     now_ns);
	if (overridden)
		announce_overridden(broker, question, voter->identity, decision_override_text(OVERRIDE_ESSENTIAL));
	if (how == MISS_DEADLINE)
		strike_for_miss(standing, question, now_ns - voter->deadline_ns);
	if (finished)
		finish(broker, question);
}

static void add_voter(struct question *question, struct agent *agent, uint64_t deadline_ns)
{
	struct question_voter *voter = &question->voters[question->n_voters++];
	*voter = (struct question_voter){
		.agent = agent,
		.identity = identity_ref(agent->identity),
		.deadline_ns = deadline_ns,
		.shadow = agent->state == LIFE_SHADOW,
	};
	question->n_open++;
	ballot_add(&question->ballot, voter->shadow);
	if (agent->pending++ == 0) {
		agent_set_add(&agent->broker->owing, agent->slot);
		agent->looked_ns = broker_now(agent->broker);
	}
	agent->standing->questions++;
}

/* Puts the question before one voter. How it was missed at once, or MISS_NONE. */
static enum decision_miss pose(struct broker *broker, const struct question *question, struct agent *agent,
			       const struct question_voter *voter, const struct rs_event *event)
{
	int fd = question->sensor_question.fd;
	bool with_fd = fd >= 0 && (agent->flags[event->type] & SESSION_SUBSCRIBE_WITH_FD);
	if (agent->pending > agent->pending_max)
		return MISS_PENDING_MAX;
	static const enum decision_miss misses[] = {[AGENT_DELIVERED] = MISS_NONE,
						    [AGENT_RING_FULL] = MISS_RING_FULL,
						    [AGENT_SOCKET_FULL] = MISS_SOCKET_FULL};
	return misses[agent_deliver(agent, event, voter->shadow ? RS_EVENT_SHADOW : 0, voter->deadline_ns,
				    with_fd ? fd : -1)];
}

static uint64_t voter_deadline_ns(const struct broker *broker, const struct agent *agent, uint16_t type,
				  uint64_t asked_ns)
{
	uint64_t deadline_ns = operator_deadline_ns(broker, agent->standing->settings, type);
	uint64_t own_ns = agent->deadline_ms[type] * NS_PER_MS;
	return asked_ns + (own_ns != 0 ? MIN(own_ns, deadline_ns) : deadline_ns);
}

/* Whether an allow by these voters speaks for everybody who wants to be asked this kind of question: somebody may have
 * muted this one, and would want to hear of the next one about the same file. */
static bool everybody(const struct broker *broker, uint16_t type, struct agent_set asked)
{
	for (uint32_t i = 0; i < BROKER_AGENTS_MAX / 64; i++) {
		uint64_t want = broker->wants[type].words[i];
		if (want & broker->voting.words[i] & ~broker->shadow.words[i] & ~asked.words[i])
			return false;
	}
	return true;
}

static void pose_to_all(struct broker *broker, struct question *question, const struct rs_event *event)
{
	enum decision_miss missed[BROKER_AGENTS_MAX];
	uint64_t due_ns = UINT64_MAX;
	bool any = false;
	for (uint16_t i = 0; i < question->n_voters; i++) {
		struct question_voter *voter = &question->voters[i];
		missed[i] = pose(broker, question, voter->agent, voter, event);
		due_ns = MIN(due_ns, voter->deadline_ns);
		any |= missed[i] != MISS_NONE;
	}
	/* not with the rest at the end of the turn: somebody waits */
	for (uint16_t i = 0; i < question->n_voters; i++)
		if (missed[i] == MISS_NONE)
			agent_wake(question->voters[i].agent);
	question_set_due(broker->questions, question, due_ns);
	/* only now, when all were asked: the last miss may finish the question */
	for (uint16_t i = 0, n = question->n_voters; any && i < n; i++)
		if (missed[i] != MISS_NONE)
			miss(broker, question, i, missed[i], broker_now(broker));
}

static uint64_t asked_at_ns(const struct rs_event *event, uint64_t now_ns)
{
	bool sane = event->monotonic_ns <= now_ns && now_ns - event->monotonic_ns < NS_PER_SEC;
	return sane && !(event->flags & RS_EVENT_REPLAYED) ? event->monotonic_ns : now_ns;
}

/* The table is full: allowed, or denied when the operator set that for a miss of any agent that would be asked. */
static void ask_without_room(struct broker *broker, const struct rs_event *event,
			     const struct sensor_question *sensor_question, struct agent_set set)
{
	bool deny = false;
	uint32_t slot;
	while (agent_set_take(&set, &slot)) {
		struct standing *standing = broker->agents[slot]->standing;
		standing->misses++;
		deny |= broker->agents[slot]->state == LIFE_LIVE &&
			session_set_has(&standing->settings->deny_on_miss, event->type);
	}
	deny = deny && !is_essential(broker, event);
	sensor_answer(sensor_question, deny ? SENSOR_DENY : SENSOR_ALLOW, false);
	broker->allowed += !deny;
	broker->denied += deny;
	broker->missed++;
}

void arbiter_ask(struct broker *broker, struct rs_event *event, const struct sensor_question *sensor_question)
{
	uint64_t now_ns = broker_now(broker);
	struct agent_set set = agent_set_both(&broker->wants[event->type], &broker->voting);
	struct agent_set rest = set, asked = {0};
	uint32_t slot;

	broker->asked++;
	broker->asked_of_type[event->type]++;
	struct question *question = question_take(broker->questions, event);
	if (!question) {
		ask_without_room(broker, event, sensor_question, set);
		return;
	}
	question->sensor_question = *sensor_question;
	question->asked_ns = asked_at_ns(event, now_ns);
	question->cache_epoch = broker->cache_epoch;
	if (question_event(question)->flags & RS_EVENT_CUT)
		question->essential = is_essential(broker, event);
	question->why = agent_set_empty(&set) ? DECISION_UNGUARDED : DECISION_MUTED;
	if (event->type == RS_EVENT_AUTH_EXEC)
		question->ran_before = ran_before_has(&broker->ran, file_of(event)->id);

	ballot_init(&question->ballot);
	while (agent_set_take(&rest, &slot)) {
		struct agent *agent = broker->agents[slot];
		if (!agent_wants(agent, event)) {
			agent->standing->muted++;
			continue;
		}
		agent_set_add(&asked, slot);
		add_voter(question, agent, voter_deadline_ns(broker, agent, event->type, question->asked_ns));
	}
	question->everybody_asked = sensor_question->cacheable && everybody(broker, event->type, asked);
	if (ballot_start(&question->ballot) != BALLOT_OPEN) {
		if (question->n_voters > 0)
			question->why = DECISION_ONLY_SHADOW;
		broker->unguarded += question->why == DECISION_UNGUARDED;
		decide(broker, question, now_ns);
	}
	if (question->n_voters == 0)
		finish(broker, question);
	else
		pose_to_all(broker, question, event);
}

static struct question_voter *voter_of(struct question *question, const struct agent *agent)
{
	for (uint16_t i = 0; i < question->n_voters; i++)
		if (question->voters[i].agent == agent)
			return &question->voters[i];
	return NULL;
}

/* An answer to an open question by an agent that was heard or has missed. False: it was never asked. */
static bool answer_again(struct question *question, uint32_t agent_index)
{
	for (uint16_t i = 0; i < question->n_voters; i++) {
		struct question_voter *voter = &question->voters[i];
		if (voter->identity->agent_index != agent_index)
			continue;
		if (voter->answer == DECISION_MISSED)
			voter->answer = DECISION_LATE;
		return true;
	}
	return false;
}

/* An answer to a question that is closed: corrects the record. False: the agent was never asked. */
static bool answer_to_closed(struct agent *agent, struct decision *decision)
{
	struct decision_voice *voices = decision_voices(decision);
	for (uint16_t i = 0; i < decision->n_voices; i++) {
		if (voices[i].agent_index != agent->standing->index)
			continue;
		if (voices[i].answer == DECISION_MISSED)
			voices[i].answer = DECISION_LATE;
		return true;
	}
	return false;
}

/* Late, given twice, or forged. */
static void answer_stray(struct agent *agent, struct question *question, uint64_t id)
{
	struct broker *broker = agent->broker;
	struct decision *closed = decision_log_find(broker->decisions, id);
	struct decision *notable = decision_log_find(broker->notable, id);
	bool known = question && answer_again(question, agent->standing->index);
	if (closed)
		known |= answer_to_closed(agent, closed);
	if (notable)
		known |= answer_to_closed(agent, notable);
	/* what the log does not reach back to, or an engine before this one asked, is taken for late */
	known |= id < broker->first_event_id || (!closed && id <= decision_log_dropped_id(broker->decisions));
	if (known) {
		agent->standing->late++;
		return;
	}
	agent->standing->errors++;
	agent_doom(agent, LIFE_ERROR, "answered event %" PRIu64 ", which it was not asked about", id);
}

void arbiter_answer(struct agent *agent, const struct session_answer *answer, uint64_t answered_ns)
{
	struct broker *broker = agent->broker;
	uint64_t now_ns = broker_now(broker);
	struct question *question = question_find(broker->questions, answer->head.request);
	struct question_voter *voter = question ? voter_of(question, agent) : NULL;
	if (!voter) {
		answer_stray(agent, question, answer->head.request);
		return;
	}
	uint16_t i = (uint16_t)(voter - question->voters);
	/* the timer may be behind: what counts is the time, not who came first to this thread */
	if (answered_ns > voter->deadline_ns) {
		miss(broker, question, i, MISS_DEADLINE, now_ns);
		answer_stray(agent, question_find(broker->questions, answer->head.request), answer->head.request);
		return;
	}
	bool deny = answer->verdict == SESSION_DENY;
	bool waited = question->ballot.decision == BALLOT_OPEN && !voter->shadow;
	voter->answer = deny ? DECISION_DENY : DECISION_ALLOW;
	voter->cache = answer->flags & SESSION_ANSWER_CACHE;
	voter->rule = question_keep_text(question, answer->rule, deny);
	voter->reason = question_keep_text(question, answer->reason, deny);
	agent->standing->denies += deny;
	agent->standing->allows += !deny;
	histogram_add(&agent->standing->latency,
		      answered_ns > question->asked_ns ? answered_ns - question->asked_ns : 0);
	/* measured by what the operator allows: who asks for a shorter time is not slow when it uses that up */
	if (waited)
		standing_answered(
			agent->standing, question->asked_ns, answered_ns,
			operator_deadline_ns(broker, agent->standing->settings, question_event(question)->type));
	if (deny)
		answer_deny(agent, question, i, now_ns);
	else if (cast(broker, question, i, voter->cache ? BALLOT_ALLOW_CACHE : BALLOT_ALLOW, now_ns))
		finish(broker, question);
}

void arbiter_release(struct agent *agent, enum decision_miss how)
{
	struct broker *broker = agent->broker;
	uint64_t now_ns = broker_now(broker);
	uint32_t n = 0;
	if (agent->pending == 0)
		return;
	/* first all, then one by one: a finished question moves others in the table */
	for (uint32_t i = 0; i < question_table_n(broker->questions); i++)
		if (voter_of(question_at(broker->questions, i), agent))
			broker->scratch[n++] = question_at(broker->questions, i);
	for (uint32_t i = 0; i < n; i++) {
		struct question *question = broker->scratch[i];
		miss(broker, question, (uint16_t)(voter_of(question, agent) - question->voters), how, now_ns);
	}
}

/* The voters of one question whose time is over; then when it is due next. */
static void expire(struct broker *broker, struct question *question, uint64_t now_ns)
{
	uint64_t due_ns = UINT64_MAX;
	for (uint16_t i = 0, n = question->n_voters; i < n; i++) {
		const struct question_voter *voter = &question->voters[i];
		if (!is_open(voter))
			continue;
		if (voter->deadline_ns > now_ns) {
			due_ns = MIN(due_ns, voter->deadline_ns);
			continue;
		}
		bool last = question->n_open == 1;
		miss(broker, question, i, MISS_DEADLINE, now_ns);
		if (last)
			return;
	}
	question_set_due(broker->questions, question, due_ns);
}

void arbiter_expire(struct broker *broker, uint64_t now_ns)
{
	struct question *question;
	while ((question = question_table_due(broker->questions)) && question->due_ns <= now_ns)
		expire(broker, question, now_ns);
}

void arbiter_end(struct broker *broker)
{
	for (uint32_t i = 0; i < question_table_n(broker->questions); i++) {
		struct question *question = question_at(broker->questions, i);
		if (question->ballot.decision == BALLOT_OPEN)
			sensor_answer(&question->sensor_question, SENSOR_ALLOW, false);
	}
}

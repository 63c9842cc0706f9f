/* SPDX-License-Identifier: Apache-2.0 */
/* report: what the operator asks the broker, as JSON. Not on the way of an event. */
#include "broker/state.h"

#include <string.h>

/* As pairs: what a bucket ends at, and how many fell into it; so that whoever looks twice learns what fell in between.
 */
static void latency_json(struct json *json, const struct histogram *histogram)
{
	uint64_t end_ns, count;
	uint32_t bucket = 0;
	json_open_array(json, "latency_ns");
	while (histogram_next(histogram, &bucket, &end_ns, &count)) {
		json_u64(json, NULL, end_ns);
		json_u64(json, NULL, count);
	}
	json_close_array(json);
}

static void questions_json(const struct broker *broker, struct json *json)
{
	json_open_object(json, "questions");
	json_u64(json, "asked", broker->asked);
	json_u64(json, "allowed", broker->allowed);
	json_u64(json, "denied", broker->denied);
	json_u64(json, "missed", broker->missed);
	json_u64(json, "overridden", broker->overridden);
	json_u64(json, "unguarded", broker->unguarded);
	json_u64(json, "pending", broker->asked - broker->allowed - broker->denied);
	json_u64(json, "p50_us", histogram_permille(&broker->latency, 500) / NS_PER_US);
	json_u64(json, "p99_us", histogram_permille(&broker->latency, 990) / NS_PER_US);
	latency_json(json, &broker->latency);
	json_close_object(json);
}

static void agent_json(const struct standing *standing, enum life_state state, uint32_t pending, struct json *json)
{
	const struct identity *identity = standing->identity;
	uint64_t now_ns = broker_now(standing->broker);
	json_open_object(json, NULL);
	json_string(json, "name", standing->name);
	json_string(json, "version", identity ? identity->version : "");
	json_string(json, "content_version", identity ? identity->content_version : "");
	json_string(json, "state", standing->benched_until_ns ? "benched" : life_name(state));
	json_u64(json, "pid", state == LIFE_GONE ? 0 : standing->pid);
	json_u64(json, "questions", standing->questions);
	json_u64(json, "allows", standing->allows);
	json_u64(json, "denies", standing->denies);
	json_u64(json, "misses", standing->misses);
	json_u64(json, "excused", standing->excused);
	json_u64(json, "late", standing->late);
	json_u64(json, "slow", standing->slow);
	json_u64(json, "strikes", standing->struck);
	json_u64(json, "delivered", standing->delivered);
	json_u64(json, "dropped", standing->dropped);
	json_u64(json, "actions", standing->actions);
	json_u64(json, "actions_done", standing->actions_done);
	json_u64(json, "actions_refused", standing->actions_refused);
	json_u64(json, "actions_limited", standing->actions_limited);
	json_u64(json, "over_budget", standing->over_budget);
	json_u64(json, "pending", pending);
	json_u64(json, "p50_us", histogram_permille(&standing->latency, 500) / NS_PER_US);
	json_u64(json, "p99_us", histogram_permille(&standing->latency, 990) / NS_PER_US);
	latency_json(json, &standing->latency);
	json_string(json, "why", standing->why);
	json_u64(json, "since_s", (now_ns - standing->since_ns) / NS_PER_SEC);
	if (standing->order_ns) {
		json_string(json, "order", standing->order);
		json_u64(json, "order_ms", (now_ns - standing->order_ns) / NS_PER_MS);
	}
	json_close_object(json);
}

static uint32_t pending_of(const struct broker *broker, const struct standing *standing)
{
	uint32_t pending = 0;
	for (uint32_t slot = 0; slot < BROKER_AGENTS_MAX; slot++)
		if (broker->agents[slot] && broker->agents[slot]->standing == standing)
			pending += broker->agents[slot]->pending;
	return pending;
}

void broker_status_json(struct broker *broker, struct json *json)
{
	questions_json(broker, json);
	json_open_object(json, "events");
	json_u64(json, "delivered", broker->delivered);
	json_u64(json, "dropped", broker->dropped);
	json_u64(json, "over_budget", broker->over_budget);
	json_close_object(json);
	json_open_array(json, "agents");
	for (uint32_t i = 0; i < broker->n_standings; i++)
		agent_json(broker->standings[i], broker->standings[i]->state, pending_of(broker, broker->standings[i]),
			   json);
	for (uint32_t slot = 0; slot < BROKER_AGENTS_MAX; slot++)
		if (broker->agents[slot] && broker->agents[slot]->observer)
			agent_json(broker->agents[slot]->standing, broker->agents[slot]->state, 0, json);
	json_close_array(json);
}

bool broker_explain_json(struct broker *broker, struct json *json, uint64_t event_id)
{
	struct question *question = question_find(broker->questions, event_id);
	if (question) {
		_cleanup_(freep) struct decision *decision = malloc(question_size_max(question));
		if (!decision)
			return false;
		question_write(question, decision);
		if (question->ballot.decision == BALLOT_OPEN)
			decision->why = DECISION_WAITING;
		decision_json(json, NULL, decision);
		return true;
	}
	struct decision *decision = decision_log_find(broker->decisions, event_id);
	if (!decision)
		decision = decision_log_find(broker->notable, event_id);
	if (decision)
		decision_json(json, NULL, decision);
	return decision != NULL;
}

void broker_denials_json(struct broker *broker, struct json *json, const char *key, uint64_t n_max)
{
	struct decision *decision;
	json_open_array(json, key);
	for (uint32_t i = 0; i < n_max && (decision = decision_log_newest(broker->notable, i)); i++)
		decision_json(json, NULL, decision);
	json_close_array(json);
}

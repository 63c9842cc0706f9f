/* SPDX-License-Identifier: Apache-2.0 */
/* report: what the operator asks the broker, as JSON. Not on the way of an event. */
#include "broker/state.h"

#include <string.h>

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
	json_close_object(json);
}

static void agent_json(const struct standing *standing, enum life_state state, uint32_t pending, struct json *json)
{
	const struct identity *identity = standing->identity;
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
	json_u64(json, "late", standing->late);
	json_u64(json, "slow", standing->slow);
	json_u64(json, "strikes", standing->struck);
	json_u64(json, "delivered", standing->delivered);
	json_u64(json, "dropped", standing->dropped);
	json_u64(json, "pending", pending);
	json_u64(json, "p50_us", histogram_permille(&standing->latency, 500) / NS_PER_US);
	json_u64(json, "p99_us", histogram_permille(&standing->latency, 990) / NS_PER_US);
	json_string(json, "why", standing->why);
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

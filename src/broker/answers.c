/* SPDX-License-Identifier: Apache-2.0 */
/*
 * answers: allows that agents leave in memory, without a system call on either side.
 *
 *     agent: ring_answer() ─▶ cursor memory ─▶ answers_take ─▶ arbiter_answer
 *
 * Denies, which carry words, come by the session. What an agent says of the time of an answer is believed as far as it
 * can be true: after the last look at its answers, and not after now.
 */
#include "broker/state.h"

#include <errno.h>

#define FEW_QUESTIONS 16u
#define ANSWERS_PER_TURN 64u /* of one agent */

static void take_one(struct agent *agent, const struct ring_answer *answer, uint64_t now_ns)
{
	const struct session_answer message = {
		.head = {.size = sizeof(message), .type = SESSION_ANSWER, .request = answer->id},
		.verdict = SESSION_ALLOW,
		.flags = answer->flags,
	};
	const char *wrong = session_check(&message, sizeof(message));
	if (!wrong && answer->reserved != 0)
		wrong = "expected 0 in a reserved field, found another value";
	if (wrong)
		session_broke(agent, answer->id, -EPROTO, wrong);
	else
		session_answered(agent, &message, MAX(agent->looked_ns, MIN(answer->at_ns, now_ns)));
}

void answers_take_from(struct agent *agent)
{
	struct ring_answer answer;
	if (!agent->ring || agent->doomed)
		return;
	uint64_t now_ns = broker_now(agent->broker);
	/* it may go on writing, and others have a share in the turn */
	for (uint32_t i = 0; i < ANSWERS_PER_TURN && !agent->doomed; i++) {
		enum ring_result result = ring_take_answer(agent->ring, &answer);
		if (result == RING_EMPTY)
			break;
		if (result == RING_LIED)
			session_broke(agent, 0, -EPROTO,
				      "expected a count of answers that rises by no more than fit, found another");
		else
			take_one(agent, &answer, now_ns);
	}
	agent->looked_ns = now_ns;
}

void answers_take(struct broker *broker)
{
	struct agent_set owing = broker->owing;
	uint32_t slot;
	while (agent_set_take(&owing, &slot))
		answers_take_from(broker->agents[slot]);
}

void answers_take_all(struct broker *broker)
{
	for (uint32_t slot = 0; slot < BROKER_AGENTS_MAX; slot++)
		if (broker->agents[slot])
			answers_take_from(broker->agents[slot]);
}

uint32_t broker_n_awaited(const struct broker *broker)
{
	uint32_t n = 0;
	for (size_t i = 0; i < ARRAY_SIZE(broker->owing.words); i++)
		n += (uint32_t)__builtin_popcountll(broker->owing.words[i]);
	return n;
}

void broker_hear_nobody(struct broker *broker)
{
	struct agent_set owing = broker->owing;
	uint32_t slot;
	while (agent_set_take(&owing, &slot))
		ring_bell(broker->agents[slot]->ring, false);
}

bool broker_has_answer(const struct broker *broker)
{
	struct agent_set owing = broker->owing;
	uint32_t slot;
	while (agent_set_take(&owing, &slot))
		if (ring_has_answer(broker->agents[slot]->ring))
			return true;
	return false;
}

/* Without this one nothing is decided. */
static void hear_one_of(struct question *question)
{
	struct agent *one = NULL;
	for (uint16_t i = 0; i < question->n_voters; i++) {
		const struct question_voter *voter = &question->voters[i];
		if (voter->agent && (!one || !voter->shadow))
			one = voter->agent;
	}
	if (one)
		ring_bell(one->ring, true);
}

bool broker_may_sleep(struct broker *broker)
{
	struct agent_set owing = broker->owing;
	uint32_t slot, n = question_table_n(broker->questions);
	if (n <= FEW_QUESTIONS)
		for (uint32_t i = 0; i < n; i++)
			hear_one_of(question_at(broker->questions, i));
	else
		while (agent_set_take(&owing, &slot))
			ring_bell(broker->agents[slot]->ring, true);
	return !broker_has_answer(broker);
}

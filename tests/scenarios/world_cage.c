/* SPDX-License-Identifier: Apache-2.0 */
/* The cage of a scenario: keeps what the broker hands to it, and answers when the scenario says so. */
#include "tests/scenarios/world.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

int world_act(void *data, const struct ipc_action *action)
{
	struct world *world = data;
	const char *wrong = ipc_check(action, sizeof(*action));
	if (wrong)
		world_fail(world, "the cage is told what is not well formed: %s", wrong);
	if (world->cage_away)
		return -ENOTCONN;
	if (world->n_asked == WORLD_ACTIONS_MAX)
		world_fail(world, "the cage is asked more than a scenario holds");
	world->asked[world->n_asked++] = *action;
	return 0;
}

static void check(struct world *world, const struct words *words, const char *key, const char *found)
{
	const char *expected = words_value(words, key);
	if (expected && strcmp(expected, found) != 0)
		world_fail(world, "expected %s=%s, found '%s'", key, expected, found);
}

/* is asked kill PROCESS [key=value …] */
static void is_asked(struct world *world, const struct words *words)
{
	if (world->n_asked == 0)
		world_fail(world, "the cage is asked nothing");
	struct ipc_action action = world->asked[0];
	memmove(&world->asked[0], &world->asked[1], sizeof(world->asked) - sizeof(world->asked[0]));
	world->n_asked--;
	world->last_action = action.head.number;
	uint64_t id = words->n > 2 ? world_process(world, words->word[2]) : 0;
	if (words->n < 3 || strcmp(ipc_action_name(action.kind), words->word[1]) != 0 || action.process_id != id)
		world_fail(world, "the cage is asked %s of process %" PRIu64, ipc_action_name(action.kind),
			   action.process_id);
	char error[16], uid[16];
	snprintf(error, sizeof(error), "%d", -action.error);
	snprintf(uid, sizeof(uid), "%u", action.uid);
	const char *outcome = words_value(words, "outcome");
	check(world, &(struct words){.word = {"outcome=to-do"}, .n = outcome ? 0 : 1}, "outcome",
	      action.outcome ? ipc_outcome_name(action.outcome) : "to-do");
	check(world, words, "outcome", action.outcome ? ipc_outcome_name(action.outcome) : "to-do");
	check(world, words, "error", error);
	check(world, words, "uid", uid);
	check(world, words, "agent", action.agent);
	check(world, words, "version", action.version);
	check(world, words, "content", action.content_version);
	check(world, words, "rule", action.rule);
	check(world, words, "reason", action.reason);
	check(world, words, "exe", action.exe);
}

static void answers(struct world *world, const struct words *words)
{
	uint32_t outcome = IPC_ACTION_DONE_WELL;
	while (outcome <= IPC_ACTION_UNKNOWN && strcmp(ipc_outcome_name(outcome), words->word[0]) != 0)
		outcome++;
	if (outcome > IPC_ACTION_UNKNOWN)
		world_fail(world, "no such outcome: %s", words->word[0]);
	broker_action_done(world->broker, words_number(world, words, "number", world->last_action), outcome,
			   -(int)words_number(world, words, "error", 0));
	world_turn(world);
}

bool cage_does(struct world *world, const char *verb, const struct words *words)
{
	world_start(world);
	if (strcmp(verb, "is") == 0 && words->n == 2 && strcmp(words->word[1], "nothing") == 0) {
		if (world->n_asked > 0)
			world_fail(world, "the cage is asked %s by %s", ipc_action_name(world->asked[0].kind),
				   world->asked[0].agent);
	} else if (strcmp(verb, "is") == 0 && words->n > 1) {
		is_asked(world, words);
	} else if (strcmp(verb, "answers") == 0 && words->n > 0) {
		answers(world, words);
	} else if (strcmp(verb, "goes") == 0 || strcmp(verb, "comes") == 0) {
		world->cage_away = verb[0] == 'g';
	} else {
		return false;
	}
	return true;
}

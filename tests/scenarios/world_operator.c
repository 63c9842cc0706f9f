/* SPDX-License-Identifier: Apache-2.0 */
/* The operator of a scenario: benches, looks at status and explanations (as the CLI gets them: JSON), and adds up. */
#include "tests/scenarios/world.h"
#include "wire/event_json.h"

#include <inttypes.h>
#define json_bool json_c_bool /* its name for a type is that of a function of base/json.h */
#include <json-c/json.h>
#undef json_bool
#include <stdio.h>
#include <string.h>

#define JSON_SIZE (16u << 20)

static struct json_object *parse(struct world *world, struct json *json)
{
	ssize_t size = json_finish(json);
	struct json_object *root = size < 0 ? NULL : json_tokener_parse(json->buffer);
	if (!root)
		world_fail(world, "what the broker wrote is not JSON (%zd): %.300s", size, json->buffer);
	return root;
}

static char *json_buffer(void)
{
	static char *buffer;
	if (!buffer)
		buffer = malloc(JSON_SIZE);
	return buffer;
}

static struct json_object *status(struct world *world)
{
	struct json json;
	world_start(world);
	world_turn(world);
	json_init(&json, json_buffer(), JSON_SIZE);
	json_open_object(&json, NULL);
	broker_status_json(world->broker, &json);
	json_close_object(&json);
	return parse(world, &json);
}

/* A dotted path: names, or numbers of places in arrays. NULL: not there. */
static struct json_object *at(struct json_object *object, const char *path)
{
	char copy[256];
	snprintf(copy, sizeof(copy), "%s", path);
	for (char *save, *part = strtok_r(copy, ".", &save); part && object; part = strtok_r(NULL, ".", &save)) {
		if (json_object_is_type(object, json_type_array))
			object = json_object_array_get_idx(object, strtoul(part, NULL, 10));
		else if (!json_object_object_get_ex(object, part, &object))
			object = NULL;
	}
	return object;
}

/* words: PATH VALUE [contains]; values compare as text. */
static void compare(struct world *world, struct json_object *root, const char *path, const char *expected,
		    bool contains)
{
	struct json_object *object = at(root, path);
	const char *found = object ? json_object_get_string(object) : "null";
	bool same = contains ? strstr(found, expected) != NULL : strcmp(found, expected) == 0;
	if (!same)
		world_fail(world, "expected %s %s '%s', found '%s'", path, contains ? "containing" : "=", expected,
			   found);
}

/* PATH VALUE pairs; `~VALUE`: contains. */
static void compare_all(struct world *world, struct json_object *root, const struct words *words, unsigned from)
{
	for (unsigned i = from; i + 1 < words->n; i += 2) {
		const char *value = words->word[i + 1];
		compare(world, root, words->word[i], value + (value[0] == '~'), value[0] == '~');
	}
}

void world_check_event(struct world *world, const struct rs_event *event, const struct words *words)
{
	static const char *const known[] = {"deadline=", "count=", "shadow="};
	struct json json;
	json_init(&json, json_buffer(), JSON_SIZE);
	event_json_write(&json, NULL, event);
	struct json_object *root = parse(world, &json);
	for (unsigned i = 1; i < words->n; i++) {
		char path[128];
		const char *equals = strchr(words->word[i], '=');
		bool ours = equals && equals - words->word[i] < (ptrdiff_t)sizeof(path);
		for (size_t j = 0; ours && j < ARRAY_SIZE(known); j++)
			ours = strncmp(words->word[i], known[j], strlen(known[j])) != 0;
		if (!ours)
			continue;
		snprintf(path, sizeof(path), "%.*s", (int)(equals - words->word[i]), words->word[i]);
		compare(world, root, path, equals + 1 + (equals[1] == '~'), equals[1] == '~');
	}
	json_object_put(root);
}

/* operator sees PATH VALUE … · operator sees agent NAME PATH VALUE … */
static void sees(struct world *world, const struct words *words)
{
	struct json_object *root = status(world), *scope = root;
	unsigned from = 0;
	if (words->n > 2 && strcmp(words->word[0], "agent") == 0) {
		struct json_object *agents = at(root, "agents");
		scope = NULL;
		from = 2;
		for (size_t i = 0; i < json_object_array_length(agents); i++) {
			struct json_object *agent = json_object_array_get_idx(agents, i);
			if (strcmp(json_object_get_string(at(agent, "name")), words->word[1]) == 0)
				scope = agent;
		}
		if (!scope)
			world_fail(world, "status knows no agent %s", words->word[1]);
	}
	compare_all(world, scope, words, from);
	json_object_put(root);
}

/* operator explains NAME PATH VALUE … · operator explains NAME unknown */
static void explains(struct world *world, const struct words *words)
{
	struct json json;
	world_start(world);
	json_init(&json, json_buffer(), JSON_SIZE);
	bool known = broker_explain_json(world->broker, &json, world_question(world, words->word[0])->id);
	if (known == words_has(words, "unknown"))
		world_fail(world, "%s is %s", words->word[0], known ? "known" : "not known");
	if (!known)
		return;
	struct json_object *root = parse(world, &json);
	compare_all(world, root, words, 1);
	json_object_put(root);
}

/* operator lists PATH VALUE … (the denials) */
static void lists(struct world *world, const struct words *words)
{
	struct json json;
	world_start(world);
	json_init(&json, json_buffer(), JSON_SIZE);
	json_open_object(&json, NULL);
	broker_denials_json(world->broker, &json, "denials", 2000);
	json_close_object(&json);
	struct json_object *root = parse(world, &json);
	for (unsigned i = 0; i + 1 < words->n; i += 2) {
		if (strcmp(words->word[i], "count") != 0)
			compare(world, at(root, "denials"), words->word[i], words->word[i + 1], false);
		else if (json_object_array_length(at(root, "denials")) != strtoul(words->word[i + 1], NULL, 10))
			world_fail(world, "%zu are listed", json_object_array_length(at(root, "denials")));
	}
	json_object_put(root);
}

/* Takes what is in an agent's ring. How many that were. */
static uint64_t read_rest(struct world_agent *agent)
{
	const struct rs_event *event;
	uint64_t n = 0;
	for (; agent->ring && ring_peek(agent->ring, &event) == RING_OK; n++) {
		const struct rs_event_lost *lost = rs_event_lost(event);
		agent->told_lost += lost && lost->where >= 3 ? lost->count : 0;
		agent->last_seq = event->seq;
		agent->read++;
		ring_consume(agent->ring);
	}
	return n;
}

/* Until all is told: there is room for `lost` events now. Returns what all agents have read. */
static uint64_t read_all(struct world *world)
{
	uint64_t read = 0;
	for (uint64_t more = 1; more > 0;) {
		more = 0;
		for (uint32_t i = 0; i < world->n_agents; i++)
			more += read_rest(&world->agents[i]);
		world_turn(world);
	}
	for (uint32_t i = 0; i < world->n_agents; i++) {
		const struct world_agent *agent = &world->agents[i];
		read += agent->read;
		/* of a session that has ended nothing more is told */
		if (!agent->ended && agent->fd >= 0 && agent->read + agent->told_lost != agent->last_seq)
			world_fail(world, "%s read %" PRIu64 " events and was told of %" PRIu64 " as lost, of %" PRIu64,
				   agent->name, agent->read, agent->told_lost, agent->last_seq);
	}
	return read;
}

/* The kernel's answers, the broker's counters and what agents read must be one account. */
static void adds_up(struct world *world)
{
	uint64_t allowed = 0, denied = 0, waiting = 0;
	uint64_t read = read_all(world);
	struct json_object *root = status(world);
	for (uint32_t i = 0; i < world->n_questions; i++) {
		const struct world_question *question = &world->questions[i];
		allowed += question->times && !question->denied;
		denied += question->times && question->denied;
		waiting += !question->answered;
	}
	char expected[24];
	const struct {
		const char *path;
		uint64_t value;
	} sums[] = {{"questions.asked", allowed + denied + waiting},
		    {"questions.allowed", allowed},
		    {"questions.denied", denied},
		    {"questions.pending", waiting}};
	for (size_t i = 0; i < ARRAY_SIZE(sums); i++) {
		snprintf(expected, sizeof(expected), "%" PRIu64, sums[i].value);
		compare(world, root, sums[i].path, expected, false);
	}
	uint64_t delivered = (uint64_t)json_object_get_int64(at(root, "events.delivered"));
	if (read != delivered)
		world_fail(world, "agents read %" PRIu64 " events, the broker delivered %" PRIu64, read, delivered);
	json_object_put(root);
}

/* operator hears-note AGENT STATE: the next note to the cage. */
static void noted(struct world *world, const struct words *words)
{
	char expected[128];
	snprintf(expected, sizeof(expected), "%s %s", words->word[0], words->n > 1 ? words->word[1] : "");
	if (world->n_noted == 0 || strncmp(world->noted[0], expected, strlen(expected)) != 0)
		world_fail(world, "expected the cage to be told '%s', found '%s'", expected,
			   world->n_noted ? world->noted[0] : "nothing");
	memmove(world->noted[0], world->noted[1], sizeof(world->noted) - sizeof(world->noted[0]));
	world->n_noted--;
}

static void gap(struct world *world, const struct words *words)
{
	world_start(world);
	broker_gap(world->broker, words_number(world, words, "ms", 0) * 1000000,
		   words_number(world, words, "unguarded", 0), "killed by signal 9");
}

bool operator_does(struct world *world, const char *verb, const struct words *words)
{
	world_start(world);
	if (strcmp(verb, "sees") == 0) {
		sees(world, words);
	} else if (strcmp(verb, "explains") == 0 && words->n) {
		explains(world, words);
	} else if (strcmp(verb, "lists") == 0) {
		lists(world, words);
	} else if (strcmp(verb, "adds") == 0) {
		adds_up(world);
	} else if (strcmp(verb, "notes") == 0 && words->n) {
		noted(world, words);
	} else if (strcmp(verb, "restarts") == 0) {
		gap(world, words);
	} else if (strcmp(verb, "benches") == 0 && words->n) {
		if (broker_bench(world->broker, words->word[0], "by the operator") < 0)
			world_fail(world, "no such agent");
		world_turn(world);
	} else if (strcmp(verb, "unbenches") == 0 && words->n) {
		if (broker_unbench(world->broker, words->word[0], "by the operator") < 0)
			world_fail(world, "no such agent");
		world_turn(world);
	} else if (strcmp(verb, "ends") == 0 && words->n) {
		for (uint32_t i = 0; i < world->settings.n_agents; i++)
			if (strcmp(world->settings.agents[i].name, words->word[0]) == 0)
				broker_agent_ended(world->broker, i, 0, "its process was killed by signal 9");
		world_turn(world);
	} else {
		return false;
	}
	return true;
}

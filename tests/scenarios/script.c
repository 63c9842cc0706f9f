/* SPDX-License-Identifier: Apache-2.0 */
/*
 * script: plays scenario files. A line is `actor verb words…`; `#` begins a comment; "…" keeps spaces together.
 *
 *     scenario FILE.scn …
 *
 * Actors: `settings` and `agent` (before everything else), `kernel`, `time`, `loop`, `cage`, `operator`, and any name
 * of an agent. tests/scenarios/README.md lists the verbs.
 */
#include "base/clock.h"
#include "tests/scenarios/world.h"
#include "wire/catalogue.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void world_fail(const struct world *world, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	fprintf(stderr, "%s:%u: ", world->file, world->line);
	vfprintf(stderr, format, args);
	fprintf(stderr, "\n");
	va_end(args);
	exit(1);
}

const char *words_value(const struct words *words, const char *key)
{
	size_t size = strlen(key);
	for (unsigned i = 0; i < words->n; i++)
		if (strncmp(words->word[i], key, size) == 0 && words->word[i][size] == '=')
			return words->word[i] + size + 1;
	return NULL;
}

bool words_has(const struct words *words, const char *word)
{
	for (unsigned i = 0; i < words->n; i++)
		if (strcmp(words->word[i], word) == 0)
			return true;
	return false;
}

static uint64_t number(const struct world *world, const char *text)
{
	char *end;
	errno = 0;
	uint64_t value = strtoull(text, &end, 0);
	if (errno || end == text || *end)
		world_fail(world, "expected a number, found '%s'", text);
	return value;
}

uint64_t words_number(const struct world *world, const struct words *words, const char *key, uint64_t otherwise)
{
	const char *value = words_value(words, key);
	return value ? number(world, value) : otherwise;
}

struct session_event_set world_types(const struct world *world, const char *list)
{
	struct session_event_set set = {0};
	char copy[512];
	snprintf(copy, sizeof(copy), "%s", list);
	for (char *save, *name = strtok_r(copy, ",", &save); name; name = strtok_r(NULL, ",", &save)) {
		bool all = strcmp(name, "all") == 0;
		const struct catalogue_event *row = catalogue_find_name(name);
		if (!row && !all)
			world_fail(world, "expected names of events, found '%s'", name);
		for (size_t i = 0; all && i < catalogue_n_events; i++)
			session_set_add(&set, catalogue_events[i].number);
		if (row)
			session_set_add(&set, row->number);
	}
	return set;
}

#define SETTING(name) {#name, offsetof(struct settings, name)}
static const struct {
	const char *name;
	size_t offset;
} settings_numbers[] = {
	SETTING(deadline_exec_ms),   SETTING(deadline_open_ms), SETTING(strikes_max),
	SETTING(strike_window_s),    SETTING(bench_s),          SETTING(essential_deny),
	SETTING(slow_share_percent), SETTING(slow_budget_s),    SETTING(uid_base),
};

static void set(struct world *world, const char *key, const struct words *words)
{
	const char *value = words->n ? words->word[0] : "";
	if (world->broker)
		world_fail(world, "settings come before everything else");
	if (strcmp(key, "essential_tool") == 0) { /* after all that are no tools */
		if (world->settings.n_essential_tools++ == 0)
			world->settings.essential_tools_first = world->settings.n_essential;
		key = "essential";
	}
	if (strcmp(key, "essential") == 0) {
		if (world->settings.n_essential == SETTINGS_ESSENTIAL_MAX)
			world_fail(world, "too many essential paths");
		snprintf(world->settings.essential[world->settings.n_essential++], SETTINGS_PATH_SIZE, "%s", value);
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(settings_numbers); i++)
		if (strcmp(settings_numbers[i].name, key) == 0) {
			*(uint32_t *)(void *)((char *)&world->settings + settings_numbers[i].offset) =
				(uint32_t)number(world, value);
			return;
		}
	world_fail(world, "no such setting: %s", key);
}

static void add_only(struct settings_agent *agent, const char *list)
{
	for (size_t size; list && agent->n_only < SETTINGS_ONLY_MAX; list += size + (list[size] == ',')) {
		size = strcspn(list, ",");
		if (size == 0)
			break;
		snprintf(agent->only[agent->n_only++], SETTINGS_PATH_SIZE, "%.*s", (int)size, list);
	}
}

static void add_agent(struct world *world, const char *name, const struct words *words)
{
	const char *denied = words_value(words, "deny_on_miss"), *granted = words_value(words, "granted");
	if (world->broker || world->settings.n_agents == SETTINGS_AGENTS_MAX)
		world_fail(world, "agents come before everything else, and are 64 at most");
	struct settings_agent *agent = &world->settings.agents[world->settings.n_agents++];
	snprintf(agent->name, sizeof(agent->name), "%s", name);
	agent->enabled = 1;
	agent->shadow = words_has(words, "shadow");
	agent->pending_max = (uint32_t)words_number(world, words, "pending_max", 0);
	agent->events_per_s = (uint32_t)words_number(world, words, "events_per_s", 0);
	agent->ring_kb = (uint32_t)words_number(world, words, "ring_kb", 128);
	agent->denies_per_min = (uint32_t)words_number(world, words, "denies_per_min", 60);
	agent->deadline_open_ms = (uint32_t)words_number(world, words, "deadline_open", 0);
	agent->deadline_exec_ms = (uint32_t)words_number(world, words, "deadline_exec", 0);
	agent->actions = words_has(words, "kill") ? SETTINGS_ACTION_KILL : 0;
	agent->actions_per_min = (uint32_t)words_number(world, words, "actions_per_min", 0);
	agent->granted = world_types(world, granted ? granted : "all");
	add_only(agent, words_value(words, "only"));
	if (denied)
		agent->deny_on_miss = world_types(world, denied);
}

/* run: the timers go off; else the platform has not come to look at its clock yet. */
static void pass_time(struct world *world, const char *amount, bool run)
{
	char *end;
	uint64_t value = strtoull(amount, &end, 10);
	uint64_t unit = strcmp(end, "ms") == 0 ? NS_PER_MS : strcmp(end, "s") == 0 ? NS_PER_SEC : 0;
	if (unit == 0)
		world_fail(world, "expected a time like 250ms or 3s, found '%s'", amount);
	world_start(world);
	world->now_ns += value * unit;
	if (!run)
		return;
	broker_run_timers(world->broker);
	world_turn(world);
}

static void turn(struct world *world, int n)
{
	for (int i = 0; i < n; i++)
		if (loop_turn(world->loop, 0) < 0)
			world_fail(world, "the loop ended");
}

void world_turn(struct world *world)
{
	if (!world->halted)
		turn(world, 4);
}

/* loop halts · loop turns [N] · loop goes on */
static bool loop_does(struct world *world, const char *verb, const struct words *words)
{
	world_start(world);
	if (strcmp(verb, "turns") == 0 && world->halted)
		turn(world, words->n ? (int)number(world, words->word[0]) : 1);
	else if (strcmp(verb, "halts") == 0)
		world->halted = true;
	else if (strcmp(verb, "goes") == 0)
		world->halted = false;
	else
		return false;
	return true;
}

static unsigned split(char *line, const char **words)
{
	unsigned n = 0;
	for (char *p = line; *p && n < WORDS_MAX;) {
		while (isspace((unsigned char)*p))
			*p++ = '\0';
		if (*p == '#' || *p == '\0')
			break;
		char *to = p;
		bool quoted = false;
		words[n++] = p;
		for (; *p && (quoted || !isspace((unsigned char)*p)); p++) {
			if (*p == '"')
				quoted = !quoted;
			else
				*to++ = *p;
		}
		char *next = *p ? p + 1 : p;
		*to = '\0';
		p = next;
	}
	return n;
}

static void play_line(struct world *world, char *line)
{
	const char *words[WORDS_MAX];
	unsigned n = split(line, words);
	struct words rest = {.n = n > 2 ? n - 2 : 0};
	if (n == 0)
		return;
	if (n == 1)
		world_fail(world, "expected an actor and a verb, found only '%s'", words[0]);
	memcpy(rest.word, words + 2, rest.n * sizeof(words[0]));
	const char *actor = words[0], *verb = words[1];
	bool done = true;
	if (strcmp(actor, "settings") == 0)
		set(world, verb, &rest);
	else if (strcmp(actor, "agent") == 0)
		add_agent(world, verb, &rest);
	else if (strcmp(actor, "time") == 0 && rest.n == 1)
		pass_time(world, rest.word[0], strcmp(verb, "passes") == 0);
	else if (strcmp(actor, "loop") == 0)
		done = loop_does(world, verb, &rest);
	else if (strcmp(actor, "kernel") == 0)
		done = kernel_does(world, verb, &rest);
	else if (strcmp(actor, "cage") == 0)
		done = cage_does(world, verb, &rest);
	else if (strcmp(actor, "operator") == 0)
		done = operator_does(world, verb, &rest);
	else
		done = agent_does(world, actor, verb, &rest);
	if (!done)
		world_fail(world, "%s cannot '%s'", actor, verb);
}

static uint64_t world_now(void *data)
{
	return ((struct world *)data)->now_ns;
}

static void world_note(void *data, uint64_t agent_index, uint64_t process_id, enum ipc_agent_state state,
		       const char *why)
{
	static const char *const names[] = {"", "starting", "live", "benched", "stopped", "crashed", "gone"};
	struct world *world = data;
	char name[SESSION_NAME_SIZE];
	memcpy(name, world->settings.agents[agent_index].name, sizeof(name));
	if (world->n_noted < ARRAY_SIZE(world->noted))
		snprintf(world->noted[world->n_noted++], sizeof(world->noted[0]), "%s %s %s", name, names[state], why);
}

static void before_wait(void *data)
{
	broker_before_wait(data);
}

void world_start(struct world *world)
{
	if (world->broker)
		return;
	world->abilities = calloc(catalogue_n_events, sizeof(world->abilities[0]));
	for (size_t i = 0; world->abilities && i < catalogue_n_events; i++)
		world->abilities[i].state =
			catalogue_events[i].number == RS_EVENT_KEXEC ? SESSION_UNAVAILABLE : SESSION_MANDATORY;
	const struct broker_opts opts = {.loop = world->loop,
					 .settings = &world->settings,
					 .abilities = world->abilities,
					 .generation = 1,
					 .now = world_now,
					 .now_data = world,
					 .note = world_note,
					 .note_data = world,
					 .processes = world->table,
					 .own_pid = WORLD_ENGINE_PID,
					 .parent_pid = WORLD_PARENT_PID,
					 .act = world_act,
					 .act_data = world};
	if (broker_new(&opts, &world->broker) < 0 || broker_add_sensor(world->broker, &world->sensor) < 0)
		world_fail(world, "no broker");
	loop_set_before_wait(world->loop, before_wait, world->broker);
}

static void play(const char *file, bool memory)
{
	static struct world world;
	char line[16384];
	FILE *stream = fopen(file, "re");
	memset(&world, 0, sizeof(world));
	world.file = file;
	world.memory = memory;
	if (!stream || loop_new(&world.loop) < 0)
		world_fail(&world, "cannot begin: %s", strerror(errno));
	world.now_ns = 1000 * NS_PER_SEC;
	world.next_ino = 1000;
	world.questions = calloc(WORLD_QUESTIONS_MAX, sizeof(world.questions[0]));
	world.settings.deadline_exec_ms = 1000;
	world.settings.deadline_open_ms = 250;
	world.settings.strikes_max = 3;
	world.settings.strike_window_s = 60;
	world.settings.bench_s = 300;
	kernel_init(&world);
	while (fgets(line, sizeof(line), stream)) {
		world.line++;
		play_line(&world, line);
	}
	fclose(stream);
	operator_does(&world, "adds", &(struct words){.word = {"up"}, .n = 1});
	agents_end(&world);
	broker_free(world.broker);
	process_table_free(world.table);
	loop_free(world.loop);
	free(world.questions);
	free(world.abilities);
	printf("ok %s%s\n", file, memory ? ", allows in memory" : "");
}

int main(int argc, char **argv)
{
	/* each twice: agents that send all their answers, and agents that leave plain allows in memory */
	for (int i = 1; i < argc; i++) {
		play(argv[i], false);
		play(argv[i], true);
	}
	return argc > 1 ? 0 : 2;
}

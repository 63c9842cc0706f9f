/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/broker.h"

#include "broker/pushdown.h"
#include "broker/state.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define DECISIONS_MAX 4096u
#define DECISIONS_BYTES (8u << 20)
#define NOTABLE_MAX 1024u
#define NOTABLE_BYTES (4u << 20)
#define RECEIVE_SIZE (8u * SESSION_MESSAGE_MAX)

static uint64_t file_key(struct rs_file_id file)
{
	uint64_t key = (file.dev + 1) * UINT64_C(0x9e3779b97f4a7c15) ^ file.ino;
	key ^= key >> 30;
	return (key * UINT64_C(0xbf58476d1ce4e5b9)) | 1;
}

bool ran_before_has(const struct ran_before *ran, struct rs_file_id file)
{
	uint64_t key = file_key(file);
	return file.ino != 0 && ran->keys[(key >> 32) % BROKER_RAN_SLOTS] == key;
}

void ran_before_add(struct ran_before *ran, struct rs_file_id file)
{
	uint64_t key = file_key(file);
	if (file.ino != 0)
		ran->keys[(key >> 32) % BROKER_RAN_SLOTS] = key;
}

uint64_t broker_next_id(struct broker *broker)
{
	/* one writer: the engine's only thread */
	uint64_t id = atomic_load_explicit(broker->next_event_id, memory_order_relaxed);
	atomic_store_explicit(broker->next_event_id, id + 1, memory_order_relaxed);
	return id;
}

void broker_flush_cache(struct broker *broker)
{
	broker->cache_epoch++;
	for (uint32_t i = 0; i < broker->n_sensors; i++)
		if (broker->sensors[i]->ops->flush_cache)
			broker->sensors[i]->ops->flush_cache(broker->sensors[i]);
}

void broker_publish(struct broker *broker, struct rs_event *event)
{
	struct agent_set set = agent_set_both(&broker->wants[event->type], &broker->listening);
	uint32_t slot;
	while (agent_set_take(&set, &slot)) {
		struct agent *agent = broker->agents[slot];
		if (agent_wants(agent, event))
			agent_notify(agent, event);
		else
			agent->standing->muted++;
	}
}

static void on_event(void *data, struct rs_event *event, const struct sensor_question *question)
{
	struct broker *broker = data;
	event->id = broker_next_id(broker);
	if (question) {
		arbiter_ask(broker, event, question);
		return;
	}
	const struct rs_event_exec *exec = rs_event_exec(event);
	if (exec)
		ran_before_add(&broker->ran, exec->file.id);
	broker_publish(broker, event);
}

static void on_lost(void *data, uint16_t type, uint64_t count)
{
	struct broker *broker = data;
	struct agent_set set = broker->listening;
	uint32_t slot;
	broker->lost_in_kernel += count;
	if (type >= RS_EVENT_TYPE_LIMIT)
		type = 0;
	if (type != 0)
		set = agent_set_both(&set, &broker->wants[type]);
	while (agent_set_take(&set, &slot))
		agent_tell_lost_in_kernel(broker->agents[slot], type, count);
}

struct sensor_sink broker_sink(struct broker *broker)
{
	return (struct sensor_sink){.data = broker, .event = on_event, .lost = on_lost};
}

int broker_add_sensor(struct broker *broker, struct sensor *sensor)
{
	if (broker->n_sensors == BROKER_SENSORS_MAX)
		return -ENOSPC;
	broker->sensors[broker->n_sensors++] = sensor;
	broker->wants_changed = true;
	return 0;
}

static void report_unguarded(struct broker *broker)
{
	uint64_t count = broker->unguarded - broker->unguarded_told;
	if (count == 0)
		return;
	bool benched = false;
	for (uint32_t i = 0; i < broker->n_standings; i++)
		benched |= broker->standings[i]->benched_until_ns != 0;
	broker->unguarded_told = broker->unguarded;
	announce_unguarded(broker, count, benched ? "an agent is benched" : "no agent asked for them");
}

/* Not each turn: a flood would become one of `lost` events. */
static void tell_over_budget(struct broker *broker, uint64_t now_ns)
{
	struct agent_set set = broker->listening;
	uint32_t slot;
	if (now_ns - broker->over_told_ns < BROKER_TICK_NS / 2) /* ticks are not quite even */
		return;
	broker->over_told_ns = now_ns;
	while (agent_set_take(&set, &slot))
		agent_tell_over(broker->agents[slot]);
}

void broker_run_timers(struct broker *broker)
{
	uint64_t now_ns = broker_now(broker);
	tell_over_budget(broker, now_ns);
	answers_take_all(broker);
	arbiter_expire(broker, now_ns);
	roster_tick(broker, now_ns);
	pushdown_renew(broker);
	action_tick(broker, now_ns);
	if (now_ns - broker->unguarded_at_ns >= NS_PER_SEC) {
		broker->unguarded_at_ns = now_ns;
		report_unguarded(broker);
	}
}

static int on_deadline(void *data, uint64_t now_ns)
{
	struct broker *broker = data;
	broker->armed_ns = 0;
	answers_take(broker); /* given in time and not read yet is not late */
	arbiter_expire(broker, broker_now(broker));
	return 0;
}

static int on_tick(void *data, uint64_t now_ns)
{
	struct broker *broker = data;
	broker_run_timers(broker);
	return loop_source_arm(broker->tick_timer, clock_next_ns(now_ns, BROKER_TICK_NS));
}

/* Re-armed only to be earlier: deadlines mostly rise, and a timer that fires too early costs less than a system call
 * for each question. */
static void arm_deadline(struct broker *broker)
{
	const struct question *next = question_table_due(broker->questions);
	if (!next || next->due_ns == UINT64_MAX || (broker->armed_ns != 0 && broker->armed_ns <= next->due_ns))
		return;
	broker->armed_ns = next->due_ns;
	loop_source_arm(broker->deadline_timer, next->due_ns);
}

static void tell_wants(struct broker *broker)
{
	struct session_event_set wanted = {0};
	broker->wants_changed = false;
	pushdown_stop(broker); /* before anybody new is to hear */
	for (uint16_t type = 0; type < RS_EVENT_TYPE_LIMIT; type++) {
		struct agent_set set = agent_set_both(&broker->wants[type], &broker->listening);
		if (!agent_set_empty(&set))
			session_set_add(&wanted, type);
	}
	roster_add_away(broker, &wanted);
	for (uint32_t i = 0; i < broker->n_sensors; i++)
		if (broker->sensors[i]->ops->want)
			broker->sensors[i]->ops->want(broker->sensors[i], &wanted);
}

static void wake(struct broker *broker)
{
	uint32_t slot;
	struct agent_set lossy = agent_set_both(&broker->lossy, &broker->listening);
	while (agent_set_take(&lossy, &slot))
		agent_tell_lost(broker->agents[slot]);
	struct agent_set dirty = broker->dirty; /* who cannot be woken now stays in there for the next turn */
	while (agent_set_take(&dirty, &slot))
		agent_wake(broker->agents[slot]);
}

void broker_before_wait(struct broker *broker)
{
	answers_take(broker);
	roster_settle(broker);
	if (broker->wants_changed)
		tell_wants(broker);
	wake(broker);
	roster_settle(broker); /* a cursor that lied was found while telling of drops */
	arm_deadline(broker);
}

static void add_essential(struct essential *essential, const char *path)
{
	char resolved[RS_PATH_SIZE_MAX], *real = realpath(path, NULL);
	size_t size = strlen(path);
	essential_add(essential, path);
	/* events carry the path the kernel knows: /bin/sh comes as /usr/bin/dash */
	if (!real)
		return;
	bool prefix = size > 1 && path[size - 1] == '/';
	if ((size_t)snprintf(resolved, sizeof(resolved), "%s%s", real, prefix ? "/" : "") < sizeof(resolved))
		essential_add(essential, resolved);
	free(real);
}

static int setup_essential(struct broker *broker)
{
	const struct settings *settings = broker->settings;
	uint32_t n = MIN(settings->n_essential, SETTINGS_ESSENTIAL_MAX);
	int r = essential_new(2 * SETTINGS_ESSENTIAL_MAX, &broker->essential);
	if (r == 0)
		r = essential_new(2 * SETTINGS_ESSENTIAL_MAX, &broker->essential_tools);
	for (uint32_t i = 0; r == 0 && i < n; i++) {
		add_essential(broker->essential, settings->essential[i]);
		if (i >= settings->essential_tools_first &&
		    i - settings->essential_tools_first < settings->n_essential_tools)
			add_essential(broker->essential_tools, settings->essential[i]);
	}
	return r;
}

static int setup_standings(struct broker *broker)
{
	const struct settings *settings = broker->settings;
	uint32_t n = MIN(settings->n_agents, SETTINGS_AGENTS_MAX);
	for (uint32_t i = 0; i < n; i++) {
		int r = standing_new(broker, &settings->agents[i], i, settings->agents[i].name, &broker->standings[i]);
		if (r < 0)
			return r;
		broker->n_standings++;
	}
	return 0;
}

static int setup_timers(struct broker *broker)
{
	struct loop *loop = broker->opts.loop;
	int r = loop_add_timer(loop, on_deadline, broker, &broker->deadline_timer);
	if (r == 0)
		r = loop_add_timer(loop, on_tick, broker, &broker->tick_timer);
	return r < 0 ? r : loop_source_arm(broker->tick_timer, clock_monotonic_ns() + BROKER_TICK_NS);
}

static void setup_numbers(struct broker *broker)
{
	const struct settings *settings = broker->settings;
	broker->next_event_id = broker->opts.next_event_id ? broker->opts.next_event_id : &broker->own_event_id;
	if (atomic_load(broker->next_event_id) == 0)
		atomic_store(broker->next_event_id, 1); /* 0 is no event */
	broker->first_event_id = atomic_load(broker->next_event_id);
	broker->limits = (struct strikes_limits){.strikes_max = settings->strikes_max,
						 .window_ns = settings->strike_window_s * NS_PER_SEC,
						 .bench_ns = settings->bench_s * NS_PER_SEC};
	broker->slow_limits = (struct slowness_limits){.share_percent = settings->slow_share_percent,
						       .budget_ns = settings->slow_budget_s * NS_PER_SEC};
	for (uint32_t slot = 0; slot < BROKER_AGENTS_MAX; slot++)
		agent_set_add(&broker->free_slots, slot);
	broker->unguarded_at_ns = broker->over_told_ns = broker_now(broker);
}

static void broker_freep(struct broker **broker)
{
	broker_free(*broker);
}

int broker_new(const struct broker_opts *opts, struct broker **ret)
{
	_cleanup_(broker_freep) struct broker *broker = calloc(1, sizeof(*broker));
	if (!broker)
		return -ENOMEM;
	broker->opts = *opts;
	broker->settings = opts->settings;
	setup_numbers(broker);
	broker->receive_buffer = malloc(RECEIVE_SIZE);
	broker->pushed = calloc(SENSOR_MUTES_MAX, sizeof(broker->pushed[0]));
	int r = broker->receive_buffer && broker->pushed ? 0 : -ENOMEM;
	if (r == 0)
		r = setup_essential(broker);
	if (r == 0)
		r = setup_standings(broker);
	if (r == 0)
		r = question_table_new(QUESTIONS_MAX, &broker->questions);
	if (r == 0)
		r = decision_log_new(DECISIONS_MAX, DECISIONS_BYTES, &broker->decisions);
	if (r == 0)
		r = decision_log_new(NOTABLE_MAX, NOTABLE_BYTES, &broker->notable);
	if (r == 0)
		r = setup_timers(broker);
	if (r < 0)
		return r;
	*ret = STEAL(broker);
	return 0;
}

struct broker *broker_free(struct broker *broker)
{
	if (!broker)
		return NULL;
	if (broker->questions)
		arbiter_end(broker);
	roster_free(broker);
	question_table_free(broker->questions);
	decision_log_free(broker->decisions);
	decision_log_free(broker->notable);
	essential_free(broker->essential);
	essential_free(broker->essential_tools);
	for (uint32_t i = 0; i < broker->n_standings; i++)
		standing_free(broker->standings[i]);
	loop_source_remove(broker->deadline_timer);
	loop_source_remove(broker->tick_timer);
	free(broker->receive_buffer);
	free(broker->pushed);
	free(broker);
	return NULL;
}

int broker_session(struct broker *broker, int fd, const struct ipc_session *who)
{
	return roster_add(broker, fd, who);
}

void broker_agent_ended(struct broker *broker, uint64_t agent_index, uint64_t process_id, const char *why)
{
	for (uint32_t slot = 0; slot < BROKER_AGENTS_MAX; slot++) {
		struct agent *agent = broker->agents[slot];
		if (agent && !agent->observer && agent->standing->index == agent_index &&
		    (process_id == 0 || agent->who.process_id == process_id))
			agent_doom(agent, LIFE_CRASH, "%s", why);
	}
	if (agent_index < broker->n_standings && broker->standings[agent_index]->crash.who.process_id == process_id)
		roster_tell_crash(broker->standings[agent_index], why);
}

int broker_bench(struct broker *broker, const char *name, const char *why)
{
	struct standing *standing = standing_find(broker, name);
	if (!standing)
		return -ENOENT;
	standing_order(standing, "benched", why);
	standing_mark_bench(standing, true, why);
	return 0;
}

int broker_unbench(struct broker *broker, const char *name, const char *why)
{
	struct standing *standing = standing_find(broker, name);
	if (!standing)
		return -ENOENT;
	standing_order(standing, "unbenched", why);
	roster_unbench(standing, why);
	return 0;
}

void broker_gap(struct broker *broker, uint64_t gap_ns, uint64_t unguarded, const char *why)
{
	broker->gap = true;
	broker->gap_ns = gap_ns;
	broker->gap_unguarded = unguarded;
	snprintf(broker->gap_why, sizeof(broker->gap_why), "%s", why);
	for (uint32_t slot = 0; slot < BROKER_AGENTS_MAX; slot++) {
		struct agent *agent = broker->agents[slot];
		if (!agent || !agent_set_has(&broker->listening, slot) || agent->standing->told_gap)
			continue;
		/* like `lost`, agents are told even when they did not subscribe; observers only when they did */
		agent->standing->told_gap = true;
		if (!agent->observer || agent_set_has(&broker->wants[RS_EVENT_ENGINE_RESTARTED], slot))
			announce_engine_restarted(agent);
	}
}

uint32_t broker_n_open(const struct broker *broker)
{
	return question_table_n(broker->questions);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine: kernel ─▶ sensors ─▶ broker ─▶ agents, and back. Started by ringsided only.
 *
 *     process_enter ─▶ IPC_GROUP ─▶ broker, sensors (with privilege) ─▶ process_drop ─▶ agents come ─▶ READY, begin
 *
 * It says READY and begins to take events when every enabled agent is live, or after AGENTS_WAIT_NS: until then the
 * parent's keeper answers, by the operator's policy. In each turn of its loop it counts the turn, and the steps in it,
 * in the ledger, so that the parent can tell a late engine from a stuck one.
 */
#include "base/busy_poll.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "engine/engine.h"
#include "wire/catalogue.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define GROUP_WAIT_NS (10 * NS_PER_SEC)
#define AGENTS_WAIT_NS (400 * NS_PER_MS)
#define CRASH_WAIT_NS (250 * NS_PER_MS) /* for the cage to hear of the end of a process, and to say why */
#define TICK_NS (250 * NS_PER_MS)

static int wait_for_group(struct engine *engine)
{
	uint64_t until_ns = clock_monotonic_ns() + GROUP_WAIT_NS;
	while (!engine->have_group && clock_monotonic_ns() < until_ns) {
		int r = loop_turn(engine->loop, 100);
		if (r < 0)
			return r;
	}
	if (engine->have_group)
		return 0;
	log_error("expected the fanotify group and the ledger from the parent within 10 s, found nothing");
	return -ETIMEDOUT;
}

static void before_wait(void *data)
{
	struct engine *engine = data;
	broker_before_wait(engine->broker);
	requests_answer_looks(engine);
	_Atomic uint64_t *turns = engine->ledger ? &engine->ledger->turns : &engine->turns;
	atomic_fetch_add_explicit(turns, 1, memory_order_relaxed);
	if (engine->ledger)
		atomic_store_explicit(&engine->ledger->turn_ns, clock_monotonic_ns(), memory_order_relaxed);
}

/* A turn may be a callback for each of 64 agents at once: each of them goes on with it. */
static void after_call(void *data)
{
	struct engine *engine = data;
	if (engine->ledger)
		atomic_fetch_add_explicit(&engine->ledger->steps, 1, memory_order_relaxed);
}

void engine_begin_when_ready(struct engine *engine, uint64_t now_ns)
{
	bool all = (engine->agents_here & engine->agents_wanted) == engine->agents_wanted;
	if (engine->began || (!all && now_ns - engine->began_ns < AGENTS_WAIT_NS))
		return;
	engine->began = true;
	int r = process_ready(engine->process);
	if (r < 0)
		log_error("the parent does not hear READY: %s", strerror(-r));
	sensors_begin(engine);
}

/* Also without events the loop turns: a heartbeat. */
static int on_tick(void *data, uint64_t now_ns)
{
	struct engine *engine = data;
	engine_begin_when_ready(engine, now_ns);
	return loop_source_arm(engine->tick, clock_next_ns(now_ns, engine->began ? TICK_NS : TICK_NS / 10));
}

static void count_generation(struct engine *engine)
{
	engine->generation = engine->ledger ? atomic_fetch_add(&engine->ledger->engines, 1) + 1 : 1;
	for (uint32_t i = 0; i < engine->settings->n_agents && i < SETTINGS_AGENTS_MAX; i++)
		if (engine->settings->agents[i].enabled)
			engine->agents_wanted |= UINT64_C(1) << i;
}

static int make_broker(struct engine *engine)
{
	engine->abilities = calloc(catalogue_n_events, sizeof(engine->abilities[0]));
	if (!engine->abilities)
		return -ENOMEM;
	const struct broker_opts opts = {
		.loop = engine->loop,
		.settings = engine->settings,
		.abilities = engine->abilities,
		.generation = engine->generation,
		.next_event_id = engine->ledger ? &engine->ledger->next_event_id : NULL,
		.note = requests_note,
		.note_data = engine,
		.processes = engine->processes,
		.own_pid = (uint32_t)getpid(),
		.parent_pid = (uint32_t)getppid(),
		.act = requests_act,
		.act_data = engine,
		.crash_wait_ns = CRASH_WAIT_NS,
	};
	return broker_new(&opts, &engine->broker);
}

/* What the platform and its agents open is nobody's question: an agent must not wait for another, or for itself. */
static void spare_own_users(struct engine *engine)
{
	const struct settings *settings = engine->settings;
	if (settings->uid_base != 0)
		process_table_add_platform_uids(engine->processes, settings->uid_base,
						settings->uid_base + SETTINGS_UID_RANGE - 1);
	for (uint32_t i = 0; i < settings->n_agents && i < SETTINGS_AGENTS_MAX; i++)
		if (settings->agents[i].uid != 0)
			process_table_add_platform_uids(engine->processes, settings->agents[i].uid,
							settings->agents[i].uid);
}

/* Everything that needs privilege. */
static int prepare(struct engine *engine)
{
	int r = wait_for_group(engine);
	if (r < 0)
		return r;
	count_generation(engine);
	r = process_table_new(&engine->processes);
	if (r >= 0)
		spare_own_users(engine);
	if (r >= 0)
		r = make_broker(engine);
	if (r >= 0)
		r = process_table_scan(engine->processes);
	if (r >= 0)
		r = sensors_open(engine);
	if (r < 0)
		log_error("the engine cannot be prepared: %s", strerror(-r));
	return r;
}

/* Agents answer within microseconds, the kernel asks when it likes: who looks for its next question holds a processor
 * that whoever asks it may need. And it is they who need the processors when there are not more of these than of them.
 */
static bool expects_answer(void *data)
{
	const struct engine *engine = data;
	uint32_t n = broker_n_awaited(engine->broker);
	broker_hear_nobody(engine->broker);
	return n > 0 && n < engine->n_processors;
}

static bool has_answer(void *data)
{
	return broker_has_answer(((const struct engine *)data)->broker);
}

static bool may_sleep(void *data)
{
	return broker_may_sleep(((const struct engine *)data)->broker);
}

static int run(struct engine *engine)
{
	int r = process_drop(engine->process);
	if (r >= 0)
		r = loop_add_timer(engine->loop, on_tick, engine, &engine->tick);
	if (r < 0)
		return r;
	engine->began_ns = clock_monotonic_ns();
	engine->n_processors = busy_poll_processors();
	loop_set_before_wait(engine->loop, before_wait, engine);
	loop_set_after_call(engine->loop, after_call, engine);
	const struct loop_waiting waiting = {
		.expects = expects_answer, .has_come = has_answer, .may_sleep = may_sleep, .data = engine};
	loop_set_waiting(engine->loop, &waiting);
	requests_take_early(engine);
	loop_source_arm(engine->tick, engine->began_ns + TICK_NS / 10);
	engine_begin_when_ready(engine, engine->began_ns);
	return process_run(engine->process);
}

static void end(struct engine *engine)
{
	loop_set_before_wait(engine->loop, NULL, NULL);
	loop_set_after_call(engine->loop, NULL, NULL);
	loop_source_remove(engine->tick);
	/* first what is open is answered, then the sensors go, which need not answer any more */
	broker_free(engine->broker);
	sensors_close(engine);
	process_table_free(engine->processes);
	free(engine->abilities);
	fd_close(engine->group_fd);
	fd_close(engine->notify_fd);
	fd_close(engine->doorbell_fd);
	process_free(engine->process);
}

int main(void)
{
	static struct engine engine = {.group_fd = -1, .notify_fd = -1, .doorbell_fd = -1};
	static const struct process_handlers handlers = {
		.data = &engine, .message = requests_message, .ready_later = true};
	if (process_enter(PROCESS_ENGINE, &handlers, &engine.process) < 0)
		return 1;
	engine.settings = process_settings(engine.process);
	engine.loop = process_loop(engine.process);
	int r = prepare(&engine);
	if (r >= 0)
		r = run(&engine);
	end(&engine);
	return r < 0 ? 1 : 0;
}

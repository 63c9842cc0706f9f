/* SPDX-License-Identifier: Apache-2.0 */
/* agent_life: the actions of the table in life.h, and what became of a process. */
#include "cage/agent.h"

#include "base/clock.h"
#include "base/log.h"
#include "cage/jail.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#define GRACE_NS (3 * NS_PER_SEC) /* from SIGTERM to SIGKILL */
#define NEWCOMER_NS (15 * NS_PER_SEC) /* from its start to live; the engine gives a handshake 10 s */
#define DRAIN_MORE_NS (1 * NS_PER_SEC) /* beyond the longest deadline of a question */

/* -- processes that ended ---------------------------------------------------------------------------------- */

/* Users that the configuration names may belong to other programs too. */
static bool uid_is_ours(const struct agent *agent, uint32_t uid)
{
	return agent->settings.uid == 0 || agent->settings.uid != uid;
}

static bool agent_has_uid(const struct agent *agent, uint32_t uid)
{
	if ((agent->current && agent->current->opts.uid == uid) ||
	    (agent->newcomer && agent->newcomer->opts.uid == uid))
		return true;
	list_for_each (link, &agent->parting)
		if (list_entry(link, struct incarnation, link)->opts.uid == uid)
			return true;
	return false;
}

/* What it left behind; not while another process of this user runs, of this agent or, after a reload, of another. */
static void sweep(const struct agent *agent, uint32_t uid)
{
	list_for_each (link, &agent->agents->list)
		if (agent_has_uid(list_entry(link, struct agent, link), uid))
			return;
	if (uid_is_ours(agent, uid))
		jail_sweep(uid);
}

/* Takes it out of the agent, with its hits. */
static void detach(struct agent *agent, struct incarnation *incarnation)
{
	for (enum budget_kind kind = 0; kind < BUDGET_N_KINDS; kind++)
		agent->hits[kind] += incarnation->budget.hits[kind];
	if (agent->current == incarnation)
		agent->current = NULL;
	if (agent->newcomer == incarnation)
		agent->newcomer = NULL;
	list_remove(&incarnation->link);
}

/* Whether it was the third end by itself within ten minutes; ends that were ordered do not count. */
static enum life_event count_end(struct agent *agent)
{
	bool on_purpose = agent->state == LIFE_STOPPING || agent->state == LIFE_RESTARTING;
	if (!on_purpose && life_crashed(&agent->crashes, clock_monotonic_ns()))
		return LIFE_ENDED_OFTEN;
	return LIFE_ENDED;
}

static void current_ended(struct agent *agent, struct incarnation *incarnation, int status)
{
	bool on_purpose = agent->state == LIFE_STOPPING || agent->state == LIFE_RESTARTING;
	incarnation_describe(incarnation, status, agent->why, sizeof(agent->why));
	if (on_purpose)
		log_info("agent %s: %s", agent->settings.name, agent->why);
	else
		log_warning("agent %s: %s", agent->settings.name, agent->why);
	agent_tell_engine(agent, incarnation, status, on_purpose, agent->why);
	incarnation_free(incarnation);
	agent_step(agent, count_end(agent));
}

static void newcomer_ended(struct agent *agent, struct incarnation *incarnation, int status)
{
	bool by_us = incarnation->parting == INCARNATION_KILLED && WIFSIGNALED(status);
	if (!by_us || !agent->newcomer_why[0])
		incarnation_describe(incarnation, status, agent->newcomer_why, sizeof(agent->newcomer_why));
	/* one that never had a process had no session either */
	if (incarnation_process_id(incarnation) != 0)
		agent_tell_engine(agent, incarnation, status, false, agent->newcomer_why);
	incarnation_free(incarnation);
	agent_step(agent, LIFE_NEW_GONE);
}

static void parting_ended(struct agent *agent, struct incarnation *incarnation, int status)
{
	char why[400];
	incarnation_describe(incarnation, status, why, sizeof(why));
	log_info("agent %s: process %llu, which was replaced, %s", agent->settings.name,
		 (unsigned long long)incarnation_process_id(incarnation) & 0x3fffff, why);
	if (incarnation_process_id(incarnation) != 0)
		agent_tell_engine(agent, incarnation, status, true, why);
	incarnation_free(incarnation);
	agent_settle(agent);
}

static void on_ended(void *data, struct incarnation *incarnation, int status)
{
	struct agent *agent = data;
	bool was_current = agent->current == incarnation, was_newcomer = agent->newcomer == incarnation;
	detach(agent, incarnation);
	sweep(agent, incarnation->opts.uid);
	if (was_current)
		current_ended(agent, incarnation, status);
	else if (was_newcomer)
		newcomer_ended(agent, incarnation, status);
	else
		parting_ended(agent, incarnation, status);
}

/* -- actions ----------------------------------------------------------------------------------------------- */

static void on_started(void *data, struct incarnation *incarnation)
{
	struct agent *agent = data;
	const struct jail_process *jail = &incarnation->jail;
	char text[160];
	jail_describe(jail->missing, text, sizeof(text));
	log_info("agent %s: started, pid %d, user %u, jail %s", agent->settings.name, jail->pid, incarnation->opts.uid,
		 text);
	if (jail->missing)
		log_warning("agent %s: its jail is %s: %s", agent->settings.name, text, jail->text);
	if (!incarnation->parting)
		agent_send_session(agent, incarnation);
}

static int spawn(struct agent *agent, bool beside, char *why, size_t why_size, struct incarnation **ret)
{
	struct agents *agents = agent->agents;
	struct incarnation_opts opts = {
		.loop = process_loop(agents->process),
		.home = &agents->home,
		.settings = &agent->settings,
		.uid = agent->uid,
		.number = ++agents->n_started,
		.beside = beside,
		.null_fd = agents->null_fd,
		.output_dir_fd = agents->output_dir_fd,
		.data = agent,
		.started = on_started,
		.ended = on_ended,
	};
	return incarnation_start(&opts, why, why_size, ret);
}

static void do_spawn(struct agent *agent)
{
	agent->restarts += agent->started_before;
	agent->started_before = true;
	loop_source_arm(agent->timer, 0);
	if (spawn(agent, false, agent->why, sizeof(agent->why), &agent->current) >= 0)
		return;
	log_warning("agent %s: %s", agent->settings.name, agent->why);
	agent_step(agent, count_end(agent));
}

/* On its way out, by this step first. */
static void part(struct agent *agent, struct incarnation *incarnation, enum incarnation_parting step)
{
	const struct settings *settings = process_settings(agent->agents->process);
	uint64_t drain_ns = MAX(settings->deadline_exec_ms, settings->deadline_open_ms) * NS_PER_MS + DRAIN_MORE_NS;
	list_append(&agent->parting, &incarnation->link);
	incarnation_part(incarnation, step, drain_ns);
}

static void drop_newcomer(struct agent *agent)
{
	struct incarnation *newcomer = STEAL(agent->newcomer);
	if (newcomer)
		part(agent, newcomer, INCARNATION_KILLED);
}

static void do_ask(struct agent *agent)
{
	drop_newcomer(agent);
	jail_ask(&agent->current->jail);
	loop_source_arm(agent->timer, clock_monotonic_ns() + GRACE_NS);
}

static void do_kill(struct agent *agent)
{
	jail_kill(&agent->current->jail);
	budget_kill(&agent->current->budget);
}

static void do_wait(struct agent *agent)
{
	uint64_t now_ns = clock_monotonic_ns();
	loop_source_arm(agent->timer, now_ns + life_backoff_ns(&agent->crashes, now_ns));
}

static void do_give_up(struct agent *agent)
{
	size_t used = strlen(agent->why);
	snprintf(agent->why + used, sizeof(agent->why) - used, ", %u times within 10 minutes", LIFE_CRASHES_MAX);
	log_error("agent %s: %s; it stays down until `ringside agents start %s`", agent->settings.name, agent->why,
		  agent->settings.name);
}

static void do_beside(struct agent *agent)
{
	drop_newcomer(agent);
	agent->upgrade_why[0] = agent->newcomer_why[0] = '\0';
	loop_source_arm(agent->timer, clock_monotonic_ns() + NEWCOMER_NS);
	if (spawn(agent, true, agent->newcomer_why, sizeof(agent->newcomer_why), &agent->newcomer) >= 0)
		return;
	agent_step(agent, LIFE_NEW_GONE);
}

static void do_switch(struct agent *agent)
{
	struct incarnation *old = agent->current;
	agent->current = STEAL(agent->newcomer);
	agent->upgrades++;
	log_notice("agent %s: upgraded in place; pid %d answers, pid %d ends", agent->settings.name,
		   incarnation_pid(agent->current), incarnation_pid(old));
	part(agent, old, INCARNATION_DRAINS);
}

static void do_abandon(struct agent *agent)
{
	const char *why = agent->newcomer_why[0] ? agent->newcomer_why : "it was not live within 15 s";
	drop_newcomer(agent);
	agent->upgrades_failed++;
	snprintf(agent->upgrade_why, sizeof(agent->upgrade_why),
		 "its new process was taken away: %s; the old one goes on", why);
	log_error("agent %s: %s", agent->settings.name, agent->upgrade_why);
}

static void do_promote(struct agent *agent)
{
	agent->current = STEAL(agent->newcomer);
	agent->restarts++;
}

static void do_nothing(struct agent *agent)
{
}

static void (*const actions[])(struct agent *agent) = {
	[LIFE_DO_NOTHING] = do_nothing, [LIFE_DO_SPAWN] = do_spawn,   [LIFE_DO_ASK] = do_ask,
	[LIFE_DO_KILL] = do_kill,       [LIFE_DO_WAIT] = do_wait,     [LIFE_DO_GIVE_UP] = do_give_up,
	[LIFE_DO_BESIDE] = do_beside,   [LIFE_DO_SWITCH] = do_switch, [LIFE_DO_ABANDON] = do_abandon,
	[LIFE_DO_PROMOTE] = do_promote,
};

/* Actions that may take another step themselves; that one settles. */
static bool steps_itself(const struct agent *agent, enum life_action action)
{
	return (action == LIFE_DO_SPAWN && !agent->current) || (action == LIFE_DO_BESIDE && !agent->newcomer);
}

void agent_step(struct agent *agent, enum life_event event)
{
	struct life_step next = life_next(agent->state, event);
	if (next.state != agent->state) {
		agent->since_ns = clock_monotonic_ns();
		if (agent->state == LIFE_BACKOFF || agent->state == LIFE_UPGRADING)
			loop_source_arm(agent->timer, 0);
	}
	agent->state = next.state;
	actions[next.action](agent);
	if (!steps_itself(agent, next.action))
		agent_settle(agent);
}

/* -- the end ----------------------------------------------------------------------------------------------- */

static bool is_down(const struct agent *agent)
{
	return !life_has_process(agent->state) && !agent->newcomer && list_empty(&agent->parting);
}

bool agents_all_down(const struct agents *agents)
{
	list_for_each (link, &agents->list)
		if (!is_down(list_entry(link, struct agent, link)))
			return false;
	return true;
}

void agent_settle(struct agent *agent)
{
	struct agents *agents = agent->agents;
	if (agent->removed && is_down(agent))
		agent_free(agent);
	if (agents->stopped && agents_all_down(agents))
		agents->stopped(agents->stopped_data);
}

struct agent *agent_free(struct agent *agent)
{
	list_remove(&agent->link);
	incarnation_free(agent->current);
	incarnation_free(agent->newcomer);
	list_for_each_safe (link, &agent->parting)
		incarnation_free(list_entry(link, struct incarnation, link));
	loop_source_remove(agent->timer);
	free(agent);
	return NULL;
}

struct incarnation *agent_find(const struct agent *agent, uint64_t process_id)
{
	struct incarnation *const places[] = {agent->current, agent->newcomer};
	if (process_id == 0)
		return agent->current;
	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		if (places[i] && incarnation_process_id(places[i]) == process_id)
			return places[i];
	list_for_each (link, &agent->parting)
		if (incarnation_process_id(list_entry(link, struct incarnation, link)) == process_id)
			return list_entry(link, struct incarnation, link);
	return NULL;
}

void agent_drained(struct incarnation *incarnation)
{
	incarnation_part(incarnation, INCARNATION_ASKED, 0);
}

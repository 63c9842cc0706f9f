/* SPDX-License-Identifier: Apache-2.0 */
/*
 * action: what agents ask the platform to do. Not on the way of an event.
 *
 *     session.c ─▶ action_ask: rate, grant, target ─▶ REPLY, action_asked ─▶ opts.act() (journal, and do it)
 *     opts.act()'s answer ─▶ action_settle, or 10 s ─▶ action_done
 *
 * Decides only whether it may be done. Whoever acts journals first, and is told of what was refused as well, so that
 * the journal has both. Owns the actions under way: a fixed number of slots. An action is one row of `kinds`.
 */
#include "broker/state.h"
#include "sensor/process_proc.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define ACTION_WAIT_NS (10 * NS_PER_SEC) /* more than whoever acts takes, so that it stays the one who says */
#define ACTION_WINDOW_NS (60 * NS_PER_SEC)
#define KERNEL_THREADS 2u /* pid of the parent of all kernel threads */
#define ANCESTORS_MAX 16
#define DELETED " (deleted)" /* what the kernel writes behind the path of a program that is no longer there */

struct target {
	uint64_t id;
	bool known;
	struct rs_process process; /* its rs_str fields are not used */
	char exe[RS_PATH_SIZE_MAX + 1];
};

struct refusal {
	int error;
	const char *why;
};

/* ---- kill: who must not be ended ---- */

static bool is_init(struct broker *broker, const struct target *target)
{
	return target->process.pid == 1;
}

static bool is_kernel_thread(struct broker *broker, const struct target *target)
{
	const struct rs_process *process = &target->process;
	return process->pid == KERNEL_THREADS || process->parent_pid == KERNEL_THREADS;
}

static bool has_session(const struct broker *broker, const struct rs_process *process)
{
	for (uint32_t slot = 0; slot < BROKER_AGENTS_MAX; slot++) {
		const struct agent *agent = broker->agents[slot];
		if (agent && !agent->observer && agent->who.pid == process->pid)
			return true;
	}
	return false;
}

static bool has_agents_user(const struct settings *settings, uint32_t uid)
{
	if (uid >= settings->uid_base && uid - settings->uid_base < SETTINGS_UID_RANGE && settings->uid_base != 0)
		return true;
	for (uint32_t i = 0; i < settings->n_agents; i++)
		if (settings->agents[i].uid != 0 && settings->agents[i].uid == uid)
			return true;
	return false;
}

static bool is_ours(struct broker *broker, const struct target *target)
{
	const struct rs_process *process = &target->process;
	return process->flags & RS_PROCESS_PLATFORM || process->pid == broker->opts.own_pid ||
	       process->pid == broker->opts.parent_pid || has_session(broker, process) ||
	       has_agents_user(broker->settings, process->uid);
}

static bool is_unknown_program(struct broker *broker, const struct target *target)
{
	return target->exe[0] == '\0' && !broker->settings->essential_deny;
}

/* By its path alone, other than for verdicts: to spare a program that only looks essential costs a kill, to end one
 * that is costs the machine. */
static bool is_in(const struct essential *set, const char *exe)
{
	size_t size = strlen(exe), deleted = strlen(DELETED);
	if (size > deleted && strcmp(exe + size - deleted, DELETED) == 0)
		size -= deleted;
	return essential_has(set, exe, size, true);
}

/* Whether a shell, or another tool that one repairs with, is somebody's who is logged in, or was started by what is
 * essential itself: init, a login, a package manager. One below a server is not. What cannot be told is spared. */
static bool is_attended(struct broker *broker, const struct rs_process *tool)
{
	uint64_t parent_id = tool->parent_id;
	if (tool->login_session != UINT32_MAX)
		return true;
	for (int i = 0; i < ANCESTORS_MAX; i++) {
		const struct process_entry *parent =
			process_table_get(broker->opts.processes, (pid_t)process_id_pid(parent_id));
		if (!parent || parent->process.id != parent_id || !parent->exe_path[0])
			return true;
		if (!is_in(broker->essential_tools, parent->exe_path))
			return is_in(broker->essential, parent->exe_path);
		parent_id = parent->process.parent_id;
	}
	return true;
}

static bool is_essential(struct broker *broker, const struct target *target)
{
	if (broker->settings->essential_deny || !is_in(broker->essential, target->exe))
		return false;
	return !is_in(broker->essential_tools, target->exe) || is_attended(broker, &target->process);
}

static const struct {
	bool (*is)(struct broker *broker, const struct target *target);
	const char *why;
} spared[] = {
	{is_init, "process 1 is not ended"},
	{is_kernel_thread, "threads of the kernel are not ended"},
	{is_ours, "it is a process of the platform or of an agent"},
	{is_unknown_program, "its program is not known here, so it cannot be told from the essential set"},
	{is_essential, "its program is in the essential set"},
};

/* The entry of exactly this process while it lives. A lookup may read /proc anew, where this process sees fewer
 * programs than at its start: what was known of the program stays. */
static bool find_target(struct broker *broker, uint64_t id, struct target *ret)
{
	struct sensor_process_table *table = broker->opts.processes;
	*ret = (struct target){.id = id};
	if (!table || process_table_has_ended(table, id))
		return false;
	const struct process_entry *entry = process_table_peek(table, id);
	if (entry)
		snprintf(ret->exe, sizeof(ret->exe), "%s", entry->exe_path);
	entry = process_table_get(table, (pid_t)process_id_pid(id));
	if (!entry || entry->process.id != id)
		return false;
	if (entry->exe_path[0])
		snprintf(ret->exe, sizeof(ret->exe), "%s", entry->exe_path);
	ret->process = entry->process;
	ret->known = true;
	return true;
}

static struct refusal may_kill(struct broker *broker, const struct target *target)
{
	for (size_t i = 0; i < ARRAY_SIZE(spared); i++)
		if (spared[i].is(broker, target))
			return (struct refusal){-EPERM, spared[i].why};
	return (struct refusal){0, ""};
}

/* ---- all kinds ---- */

static const struct action_kind {
	uint32_t grant; /* enum settings_action */
	struct refusal (*may)(struct broker *broker, const struct target *target);
} kinds[] = {
	[SESSION_ACTION_KILL] = {SETTINGS_ACTION_KILL, may_kill},
};

static struct refusal refusal_of(struct agent *agent, const struct session_action *message, struct target *target)
{
	const struct action_kind *kind = &kinds[message->kind];
	const struct settings_agent *settings = agent->standing->settings;
	bool known = find_target(agent->broker, message->process_id, target);
	if (!settings || !(settings->actions & kind->grant))
		return (struct refusal){-EACCES, "not granted to this agent: the operator's settings name what is"};
	if (!life_votes(agent->state))
		return (struct refusal){-EACCES, "the agent is benched: its verdicts do not count, and neither do its "
						 "actions"};
	if (!known)
		return (struct refusal){-ESRCH, "no such process lives, or it was never seen here"};
	return kind->may(agent->broker, target);
}

static struct action *free_slot(struct broker *broker)
{
	for (uint32_t i = 0; i < BROKER_ACTIONS_MAX; i++)
		if (!broker->actions[i].standing)
			return &broker->actions[i];
	return NULL;
}

/* A path that is too long keeps its end, which tells more. */
static void copy_end(char *to, size_t size, const char *from)
{
	size_t length = strlen(from);
	snprintf(to, size, "%s", from + (length >= size ? length - size + 1 : 0));
}

/* Hands it to whoever journals and acts. */
static int hand_over(struct agent *agent, const struct session_action *message, const struct target *target,
		     const struct action *action, int outcome, int error)
{
	struct broker *broker = agent->broker;
	struct ipc_action order = {
		.head = {.size = sizeof(order), .type = IPC_ACTION, .number = action->id},
		.kind = message->kind,
		.outcome = (uint32_t)outcome,
		.error = error,
		.agent_index = agent->standing->index,
		.process_id = message->process_id,
		.request = message->head.request,
		.uid = target->known ? target->process.uid : UINT32_MAX,
	};
	memcpy(order.agent, agent->identity->name, sizeof(order.agent));
	memcpy(order.version, agent->identity->version, sizeof(order.version));
	memcpy(order.content_version, agent->identity->content_version, sizeof(order.content_version));
	memcpy(order.rule, message->rule, sizeof(order.rule));
	memcpy(order.reason, message->reason, sizeof(order.reason));
	copy_end(order.exe, sizeof(order.exe), target->exe);
	return broker->opts.act ? broker->opts.act(broker->opts.act_data, &order) : -ENOTCONN;
}

static void settle(struct action *action, uint32_t outcome, int error)
{
	struct standing *standing = action->standing;
	standing->actions_done += outcome == IPC_ACTION_DONE_WELL;
	announce_action_done(action, outcome, error);
	*action = (struct action){0};
}

/* Told, and journaled when somebody is there who does that. */
static int refuse(struct agent *agent, const struct session_action *message, const struct target *target,
		  struct action *action, struct refusal refusal)
{
	agent->standing->actions_refused++;
	action->id = broker_next_id(agent->broker);
	announce_action_asked(agent, action, refusal.error);
	if (hand_over(agent, message, target, action, IPC_ACTION_REFUSED, refusal.error) < 0)
		agent->broker->actions_unjournaled++;
	return refusal.error;
}

static int accept(struct agent *agent, const struct session_action *message, const struct target *target,
		  struct action *action, const char **ret_why)
{
	struct broker *broker = agent->broker;
	bool shadow = agent->standing->settings->shadow;
	struct action *slot = free_slot(broker);
	if (!slot) {
		*ret_why = "too many actions are under way; ask again";
		return refuse(agent, message, target, action, (struct refusal){-EBUSY, NULL});
	}
	action->id = broker_next_id(broker);
	int r = hand_over(agent, message, target, action, shadow ? IPC_ACTION_SHADOW : 0, 0);
	announce_action_asked(agent, action, r < 0 ? -EAGAIN : 0);
	if (r < 0) {
		agent->standing->actions_refused++;
		broker->actions_unjournaled++;
		*ret_why = "the part of the platform that acts is not there now; ask again";
		return -EAGAIN;
	}
	*slot = *action;
	if (shadow)
		settle(slot, IPC_ACTION_SHADOW, 0);
	return 0;
}

int action_ask(struct agent *agent, const struct session_action *message, const char **ret_why)
{
	struct standing *standing = agent->standing;
	const struct settings_agent *settings = standing->settings;
	uint32_t limit = settings && settings->actions_per_min ? settings->actions_per_min : BROKER_ACTIONS_PER_MIN;
	struct target target;
	standing->actions++;
	/* before all else: what is refused costs an event and a line of the journal, too */
	if (!rate_take(&standing->action_rate, limit, ACTION_WINDOW_NS, broker_now(agent->broker))) {
		standing->actions_limited++;
		*ret_why = "more actions within a minute than its limit (actions_per_minute)";
		return -EBUSY;
	}
	struct action action = {.standing = standing,
				.request = message->head.request,
				.asked_ns = broker_now(agent->broker),
				.process_id = message->process_id,
				.kind = message->kind,
				.who = agent->who};
	memcpy(action.rule, message->rule, sizeof(action.rule));
	memcpy(action.reason, message->reason, sizeof(action.reason));
	struct refusal refusal = refusal_of(agent, message, &target);
	*ret_why = refusal.why;
	if (refusal.error < 0)
		return refuse(agent, message, &target, &action, refusal);
	return accept(agent, message, &target, &action, ret_why);
}

void broker_action_done(struct broker *broker, uint64_t number, enum ipc_action_outcome outcome, int error)
{
	for (uint32_t i = 0; i < BROKER_ACTIONS_MAX; i++) {
		if (!broker->actions[i].standing || broker->actions[i].id != number)
			continue;
		settle(&broker->actions[i], outcome, error);
		return;
	}
	broker->actions_stray++; /* of the engine before this one, or later than 10 s */
}

void action_tick(struct broker *broker, uint64_t now_ns)
{
	for (uint32_t i = 0; i < BROKER_ACTIONS_MAX; i++) {
		struct action *action = &broker->actions[i];
		if (action->standing && now_ns - action->asked_ns >= ACTION_WAIT_NS)
			settle(action, IPC_ACTION_UNKNOWN, -ETIMEDOUT);
	}
}

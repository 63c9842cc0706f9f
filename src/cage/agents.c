/* SPDX-License-Identifier: Apache-2.0 */
#include "cage/agents.h"

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "cage/agent.h"
#include "cage/jail.h"
#include "wire/order.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define UID_OFFSET 100u /* of the first agent from uid_base */
#define TICK_NS (1 * NS_PER_SEC)

/* -- sessions ---------------------------------------------------------------------------------------------- */

void agent_send_session(struct agent *agent, struct incarnation *incarnation)
{
	int pair[2];
	if (!agent->agents->engine_up || !incarnation || incarnation_pid(incarnation) == 0)
		return;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0) {
		log_error("agent %s: no session: %s", agent->settings.name, strerror(errno));
		return;
	}
	struct ipc_session session = {
		.head = {.size = sizeof(session), .type = IPC_SESSION, .number = agent->index},
		.pid = (uint32_t)incarnation_pid(incarnation),
		.uid = incarnation->opts.uid,
		.process_id = incarnation_process_id(incarnation),
	};
	memcpy(session.name, agent->settings.name, sizeof(session.name));
	int r = process_send(agent->agents->process, PROCESS_ENGINE, &session, &pair[0], 1);
	if (r >= 0)
		r = incarnation_send_session(incarnation, pair[1]);
	/* an agent that does not take sessions from its lifeline fills it: it gets none until it does */
	if (r < 0)
		log_warning("agent %s: a session could not be handed over: %s", agent->settings.name, strerror(-r));
	fd_close(pair[0]);
	fd_close(pair[1]);
}

void agent_tell_engine(struct agent *agent, const struct incarnation *incarnation, int wait_status, bool on_purpose,
		       const char *why)
{
	struct ipc_agent_note note = {
		.head = {.size = sizeof(note), .type = IPC_AGENT_ENDED, .number = agent->index},
		.state = on_purpose ? IPC_AGENT_STOPPED : IPC_AGENT_CRASHED,
		.wait_status = wait_status,
		.process_id = incarnation_process_id(incarnation),
	};
	snprintf(note.why, sizeof(note.why), "%s", why);
	if (agent->agents->engine_up && !agent->removed)
		process_send(agent->agents->process, PROCESS_ENGINE, &note, NULL, 0);
}

/* Those on their way out have nobody to answer any more when the engine is gone. */
static void drain_all(struct agents *agents)
{
	list_for_each (link, &agents->list) {
		struct agent *agent = list_entry(link, struct agent, link);
		list_for_each (at, &agent->parting)
			agent_drained(list_entry(at, struct incarnation, link));
	}
}

void agents_engine_up(struct agents *agents)
{
	agents->engine_up = true;
	drain_all(agents); /* it is another engine */
	list_for_each (link, &agents->list) {
		struct agent *agent = list_entry(link, struct agent, link);
		agent_send_session(agent, agent->current);
		agent_send_session(agent, agent->newcomer);
	}
}

void agents_engine_down(struct agents *agents)
{
	agents->engine_up = false;
	drain_all(agents);
}

/* What the engine says of one process becomes an event of its agent's life. */
static void note_process(struct agent *agent, struct incarnation *incarnation, uint32_t state, const char *why)
{
	bool works = state == IPC_AGENT_LIVE || state == IPC_AGENT_BENCHED;
	/* a session ends with its process, whose end says more and is about to be told */
	bool lost = state == IPC_AGENT_GONE && !incarnation_has_ended(incarnation);
	if (incarnation == agent->current && works) {
		agent_step(agent, LIFE_CALLED_LIVE);
	} else if (incarnation == agent->current && lost) {
		agent_step(agent, LIFE_LOST);
	} else if (incarnation == agent->newcomer && works) {
		agent_step(agent, LIFE_NEW_LIVE);
	} else if (incarnation == agent->newcomer && lost) {
		snprintf(agent->newcomer_why, sizeof(agent->newcomer_why), "%s", why);
		/* its end tells more, if it came to that by itself */
		incarnation_part(incarnation, INCARNATION_KILLED, 0);
	} else if (incarnation->parting && (lost || state == IPC_AGENT_STOPPED)) {
		agent_drained(incarnation);
	}
}

void agents_note(struct agents *agents, const struct ipc_agent_note *note)
{
	list_for_each (link, &agents->list) {
		struct agent *agent = list_entry(link, struct agent, link);
		if (agent->removed || agent->index != note->head.number)
			continue;
		struct incarnation *incarnation = agent_find(agent, note->process_id);
		if (incarnation)
			note_process(agent, incarnation, note->state, note->why);
		return;
	}
}

/* -- settings ---------------------------------------------------------------------------------------------- */

static uint32_t uid_of(const struct settings *settings, uint32_t index)
{
	uint32_t uid = settings->agents[index].uid;
	return uid ? uid : settings->uid_base + UID_OFFSET + index;
}

static struct agent *find(struct agents *agents, const char *name)
{
	list_for_each (link, &agents->list) {
		struct agent *agent = list_entry(link, struct agent, link);
		if (!agent->removed && strcmp(agent->settings.name, name) == 0)
			return agent;
	}
	return NULL;
}

static int on_timer(void *data, uint64_t now_ns)
{
	agent_step(data, LIFE_TIMER);
	return 0;
}

static void add(struct agents *agents, const struct settings *settings, uint32_t index)
{
	struct agent *agent = calloc(1, sizeof(*agent));
	if (!agent || loop_add_timer(process_loop(agents->process), on_timer, agent, &agent->timer) < 0) {
		log_error("agent %s: no room for it", settings->agents[index].name);
		free(agent);
		return;
	}
	agent->agents = agents;
	agent->settings = settings->agents[index];
	agent->index = index;
	agent->uid = uid_of(settings, index);
	agent->since_ns = clock_monotonic_ns();
	list_init(&agent->parting);
	list_append(&agents->list, &agent->link);
	if (agent->settings.enabled)
		agent_step(agent, LIFE_START);
}

static void change(struct agent *agent, const struct settings *settings, uint32_t index)
{
	const struct settings_agent *new = &settings->agents[index];
	uint32_t uid = uid_of(settings, index);
	bool same = settings_same_process(&agent->settings, new) && agent->uid == uid;
	bool was_enabled = agent->settings.enabled;
	agent->settings = *new;
	agent->index = index;
	agent->uid = uid;
	if (was_enabled && !new->enabled)
		agent_step(agent, LIFE_STOP);
	else if (!was_enabled && new->enabled)
		agent_step(agent, LIFE_START);
	else if (!same)
		agent_step(agent, LIFE_UPGRADE);
}

static bool is_named(const struct settings *settings, const char *name)
{
	for (uint32_t i = 0; i < settings->n_agents; i++)
		if (strcmp(settings->agents[i].name, name) == 0)
			return true;
	return false;
}

void agents_follow(struct agents *agents, const struct settings *settings, bool engine_stays)
{
	if (!engine_stays) {
		/* the engine of the old settings knows other numbers; it is being started anew */
		process_disconnect(agents->process, PROCESS_ENGINE);
		agents_engine_down(agents);
	}
	list_for_each_safe (link, &agents->list) {
		struct agent *agent = list_entry(link, struct agent, link);
		if (agent->removed || is_named(settings, agent->settings.name))
			continue;
		agent->removed = true;
		agent_step(agent, LIFE_STOP);
	}
	for (uint32_t i = 0; i < settings->n_agents; i++) {
		struct agent *agent = find(agents, settings->agents[i].name);
		if (agent)
			change(agent, settings, i);
		else
			add(agents, settings, i);
	}
}

/* -- budgets ----------------------------------------------------------------------------------------------- */

/* The first hit of each kind by each process; the rest is counted only. */
static void watch_budget(const struct agent *agent, struct incarnation *incarnation, uint64_t now_ns)
{
	uint64_t before[BUDGET_N_KINDS];
	if (!incarnation)
		return;
	struct budget *budget = &incarnation->budget;
	memcpy(before, budget->hits, sizeof(before));
	incarnation_look(incarnation, now_ns);
	for (enum budget_kind kind = 0; kind < BUDGET_N_KINDS; kind++)
		if (before[kind] == 0 && budget->hits[kind] > 0)
			log_notice("agent %s: it ran into its budget of %s; counted in ringside status from now on",
				   agent->settings.name, budget_name(kind));
}

static int on_tick(void *data, uint64_t now_ns)
{
	struct agents *agents = data;
	budget_home_tidy(&agents->home);
	list_for_each (link, &agents->list) {
		struct agent *agent = list_entry(link, struct agent, link);
		watch_budget(agent, agent->current, now_ns);
		watch_budget(agent, agent->newcomer, now_ns);
	}
	bool idle = list_empty(&agents->list) && agents->home.n_left == 0;
	return loop_source_arm(agents->tick, idle ? 0 : now_ns + TICK_NS);
}

void agents_use_groups(struct agents *agents, int fd, const char *why)
{
	budget_home_deinit(&agents->home);
	budget_home_init(&agents->home, fd, why);
}

/* -- the rest of the interface ----------------------------------------------------------------------------- */

/* ringsided made it for us. */
static int open_output_dir(const struct settings *settings)
{
	char path[SETTINGS_PATH_SIZE + sizeof("/agents")];
	snprintf(path, sizeof(path), "%s/agents", settings->run_dir);
	int fd = open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		log_warning("%s: %s; what agents print is lost", path, strerror(errno));
	return fd;
}

int agents_new(struct process *process, struct agents **ret)
{
	struct agents *agents = calloc(1, sizeof(*agents));
	if (!agents)
		return -ENOMEM;
	agents->process = process;
	list_init(&agents->list);
	budget_home_init(&agents->home, -1, "");
	agents->null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	agents->output_dir_fd = open_output_dir(process_settings(process));
	int r = agents->null_fd < 0 ? -errno : loop_add_timer(process_loop(process), on_tick, agents, &agents->tick);
	if (r < 0) {
		log_error("/dev/null, or a timer: %s", strerror(-r));
		agents_free(agents);
		return r;
	}
	*ret = agents;
	return 0;
}

void agents_begin(struct agents *agents, const struct settings *settings)
{
	/* what an earlier cage left when it was killed; its agents died with it, what they had started did not */
	jail_sweep_range(settings->uid_base + UID_OFFSET, SETTINGS_AGENTS_MAX);
	agents_follow(agents, settings, true);
	loop_source_arm(agents->tick, clock_monotonic_ns() + TICK_NS);
}

struct agents *agents_free(struct agents *agents)
{
	if (!agents)
		return NULL;
	list_for_each_safe (link, &agents->list)
		agent_free(list_entry(link, struct agent, link));
	budget_home_deinit(&agents->home);
	loop_source_remove(agents->tick);
	fd_close(agents->null_fd);
	fd_close(agents->output_dir_fd);
	free(agents);
	return NULL;
}

enum agents_request agents_request(struct agents *agents, const char *text)
{
	static const struct {
		const char *verb, *done;
		enum life_event event;
	} verbs[] = {{"start", "started", LIFE_START},
		     {"stop", "stopped", LIFE_STOP},
		     {"restart", "restarted", LIFE_RESTART},
		     {"upgrade", "upgraded", LIFE_UPGRADE}};
	struct order order;
	if (order_parse(text, &order))
		return AGENTS_UNKNOWN_VERB;
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++) {
		if (strcmp(order.verb, verbs[i].verb) != 0)
			continue;
		struct agent *agent = find(agents, order.name);
		if (!agent)
			return AGENTS_UNKNOWN_AGENT;
		if (verbs[i].event == LIFE_UPGRADE && !life_has_process(agent->state))
			return AGENTS_NOT_RUNNING;
		order_words(&order, verbs[i].done, agent->order);
		agent->order_ns = clock_monotonic_ns();
		log_notice("agent %s: %s", agent->settings.name, agent->order);
		/* whoever asks starts with a clean record */
		agent->crashes = (struct life_crashes){0};
		agent_step(agent, verbs[i].event);
		return AGENTS_DONE;
	}
	return AGENTS_UNKNOWN_VERB;
}

void agents_stop_all(struct agents *agents, void (*done)(void *data), void *data)
{
	drain_all(agents);
	list_for_each_safe (link, &agents->list)
		agent_step(list_entry(link, struct agent, link), LIFE_STOP);
	agents->stopped = done;
	agents->stopped_data = data;
	if (agents_all_down(agents))
		done(data);
}

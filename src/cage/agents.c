/* SPDX-License-Identifier: Apache-2.0 */
#include "cage/agents.h"

#include "base/clock.h"
#include "base/fd.h"
#include "base/list.h"
#include "base/log.h"
#include "cage/jail.h"
#include "cage/life.h"
#include "wire/order.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>

#define GRACE_NS (3 * NS_PER_SEC) /* from SIGTERM to SIGKILL */
#define UID_OFFSET 100u /* of the first agent from uid_base */

struct agent {
	struct agents *agents;
	struct list link;
	struct settings_agent settings; /* as its process was, or will be, started */
	uint32_t index; /* in the settings at hand */
	uint32_t uid;
	bool removed; /* no longer in the settings: freed when its process is gone */
	enum life_state state;
	struct life_crashes crashes;
	pid_t pid;
	uint64_t process_id;
	int pidfd;
	struct loop_source *pidfd_source;
	struct loop_source *timer;
	int lifeline; /* our end; only sent on */
	uint64_t since_ns;
	uint64_t restarts;
	bool started_before;
	char why[160];
	char order[ORDER_WORDS_SIZE]; /* the operator's last, and its reason */
	uint64_t order_ns; /* 0: none */
};

struct agents {
	struct process *process;
	struct list list;
	int null_fd;
	bool engine_up;
	void (*stopped)(void *data);
	void *stopped_data;
};

static void step(struct agent *agent, enum life_event event);

/* -- sessions ---------------------------------------------------------------------------------------------- */

/* A pair of its own for each session: the engine reads the one end, the agent finds the other on its lifeline. */
static void send_session(struct agent *agent)
{
	int pair[2];
	if (!agent->agents->engine_up || agent->lifeline < 0)
		return;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0) {
		log_error("agent %s: no session: %s", agent->settings.name, strerror(errno));
		return;
	}
	struct ipc_session session = {
		.head = {.size = sizeof(session), .type = IPC_SESSION, .number = agent->index},
		.pid = (uint32_t)agent->pid,
		.uid = agent->uid,
		.process_id = agent->process_id,
	};
	memcpy(session.name, agent->settings.name, sizeof(session.name));
	int r = process_send(agent->agents->process, PROCESS_ENGINE, &session, &pair[0], 1);
	if (r >= 0)
		r = fd_send(agent->lifeline, "s", 1, &pair[1], 1);
	/* an agent that does not take sessions from its lifeline fills it: it gets none until it does */
	if (r < 0)
		log_warning("agent %s: a session could not be handed over: %s", agent->settings.name, strerror(-r));
	fd_close(pair[0]);
	fd_close(pair[1]);
}

static void tell_engine(struct agent *agent, int wait_status, bool on_purpose)
{
	struct ipc_agent_note note = {
		.head = {.size = sizeof(note), .type = IPC_AGENT_ENDED, .number = agent->index},
		.state = on_purpose ? IPC_AGENT_STOPPED : IPC_AGENT_CRASHED,
		.wait_status = wait_status,
	};
	snprintf(note.why, sizeof(note.why), "%s", agent->why);
	if (agent->agents->engine_up && !agent->removed)
		process_send(agent->agents->process, PROCESS_ENGINE, &note, NULL, 0);
}

/* -- processes --------------------------------------------------------------------------------------------- */

/* Users that the configuration names may belong to other programs too. */
static bool uid_is_ours(const struct agent *agent)
{
	return agent->settings.uid == 0;
}

static void release(struct agent *agent)
{
	agent->pidfd_source = loop_source_remove(agent->pidfd_source);
	agent->pidfd = fd_close(agent->pidfd);
	agent->lifeline = fd_close(agent->lifeline);
	agent->pid = 0;
}

static void describe(struct agent *agent, int status)
{
	if (WIFSIGNALED(status))
		snprintf(agent->why, sizeof(agent->why), "ended by signal %d (%s)", WTERMSIG(status),
			 strsignal(WTERMSIG(status)));
	else
		snprintf(agent->why, sizeof(agent->why), "exited with %d", WEXITSTATUS(status));
}

/* Whether it was the third end by itself within ten minutes; ends that were ordered do not count. */
static enum life_event count_end(struct agent *agent)
{
	bool on_purpose = agent->state == LIFE_STOPPING || agent->state == LIFE_RESTARTING;
	if (!on_purpose && life_crashed(&agent->crashes, clock_monotonic_ns()))
		return LIFE_ENDED_OFTEN;
	return LIFE_ENDED;
}

static int on_ended(void *data, uint32_t events)
{
	struct agent *agent = data;
	int status;
	if (waitpid(agent->pid, &status, WNOHANG) != agent->pid)
		return 0;
	bool on_purpose = agent->state == LIFE_STOPPING || agent->state == LIFE_RESTARTING;
	jail_kill(agent->pid); /* what it left in its process group */
	if (uid_is_ours(agent))
		jail_sweep(agent->uid);
	release(agent);
	describe(agent, status);
	if (on_purpose)
		log_info("agent %s: %s", agent->settings.name, agent->why);
	else
		log_warning("agent %s: %s", agent->settings.name, agent->why);
	tell_engine(agent, status, on_purpose);
	step(agent, count_end(agent));
	return 0;
}

static int make_lifeline(struct agent *agent, int *ret_theirs)
{
	int pair[2];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0)
		return -errno;
	/* the agent blocks on its end as it likes; whatever it writes goes nowhere */
	fcntl(pair[1], F_SETFL, 0);
	shutdown(pair[0], SHUT_RD);
	agent->lifeline = pair[0];
	*ret_theirs = pair[1];
	return 0;
}

static int try_spawn(struct agent *agent)
{
	struct loop *loop = process_loop(agent->agents->process);
	_cleanup_(fd_closep) int theirs = -1;
	int r = make_lifeline(agent, &theirs);
	if (r < 0)
		return r;
	struct jail jail = {
		.agent = &agent->settings, .uid = agent->uid, .lifeline_fd = theirs, .null_fd = agent->agents->null_fd};
	r = jail_start(&jail, &agent->pid, &agent->process_id);
	if (r < 0)
		return r;
	agent->pidfd = pidfd_open(agent->pid, 0);
	r = agent->pidfd < 0 ? -errno : loop_add_fd(loop, agent->pidfd, EPOLLIN, on_ended, agent, &agent->pidfd_source);
	if (r < 0) {
		jail_kill(agent->pid);
		waitpid(agent->pid, NULL, 0);
	}
	return r;
}

static void do_spawn(struct agent *agent)
{
	agent->restarts += agent->started_before;
	agent->started_before = true;
	loop_source_arm(agent->timer, 0);
	int r = try_spawn(agent);
	if (r < 0) {
		release(agent);
		snprintf(agent->why, sizeof(agent->why), "could not be started: %s", strerror(-r));
		step(agent, count_end(agent));
		return;
	}
	log_info("agent %s: started, pid %d, user %u", agent->settings.name, agent->pid, agent->uid);
	send_session(agent);
}

/* -- life -------------------------------------------------------------------------------------------------- */

static void do_ask(struct agent *agent)
{
	jail_ask(agent->pid);
	loop_source_arm(agent->timer, clock_monotonic_ns() + GRACE_NS);
}

static void do_kill(struct agent *agent)
{
	jail_kill(agent->pid);
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

static void do_nothing(struct agent *agent)
{
}

static void (*const actions[])(struct agent *agent) = {
	[LIFE_DO_NOTHING] = do_nothing, [LIFE_DO_SPAWN] = do_spawn, [LIFE_DO_ASK] = do_ask,
	[LIFE_DO_KILL] = do_kill,       [LIFE_DO_WAIT] = do_wait,   [LIFE_DO_GIVE_UP] = do_give_up,
};

static struct agent *agent_free(struct agent *agent)
{
	list_remove(&agent->link);
	if (agent->pid > 0) {
		jail_kill(agent->pid);
		waitpid(agent->pid, NULL, 0);
	}
	release(agent);
	loop_source_remove(agent->timer);
	free(agent);
	return NULL;
}

static bool all_down(const struct agents *agents)
{
	list_for_each (link, &agents->list)
		if (life_has_process(list_entry(link, struct agent, link)->state))
			return false;
	return true;
}

/* After each step: an agent that left the settings goes with its process; a stop of all may be complete. */
static void settle(struct agent *agent)
{
	struct agents *agents = agent->agents;
	if (agent->removed && !life_has_process(agent->state))
		agent_free(agent);
	if (agents->stopped && all_down(agents))
		agents->stopped(agents->stopped_data);
}

static void step(struct agent *agent, enum life_event event)
{
	struct life_step next = life_next(agent->state, event);
	if (next.state != agent->state) {
		agent->since_ns = clock_monotonic_ns();
		if (agent->state == LIFE_BACKOFF)
			loop_source_arm(agent->timer, 0);
	}
	agent->state = next.state;
	actions[next.action](agent);
	if (next.action != LIFE_DO_SPAWN || agent->pid > 0)
		settle(agent);
}

static int on_timer(void *data, uint64_t now_ns)
{
	step(data, LIFE_TIMER);
	return 0;
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

/* What its process is made of; grants, deadlines and the ring are the engine's matter. */
static bool same_process(const struct agent *agent, const struct settings_agent *new, uint32_t uid)
{
	const struct settings_agent *old = &agent->settings;
	return strcmp(old->path, new->path) == 0 &&
	       old->n_args == new->n_args &&memcmp(old->args, new->args, sizeof(old->args)) == 0 &&
	       old->memory_mb == new->memory_mb && old->files_max == new->files_max && agent->uid == uid;
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
	agent->pidfd = agent->lifeline = -1;
	agent->since_ns = clock_monotonic_ns();
	list_append(&agents->list, &agent->link);
	if (agent->settings.enabled)
		step(agent, LIFE_START);
}

static void change(struct agent *agent, const struct settings *settings, uint32_t index)
{
	const struct settings_agent *new = &settings->agents[index];
	uint32_t uid = uid_of(settings, index);
	bool same = same_process(agent, new, uid), was_enabled = agent->settings.enabled;
	agent->settings = *new;
	agent->index = index;
	agent->uid = uid;
	if (was_enabled && !new->enabled)
		step(agent, LIFE_STOP);
	else if (!was_enabled && new->enabled)
		step(agent, LIFE_START);
	else if (!same && agent->state != LIFE_OFF)
		step(agent, LIFE_RESTART);
}

static bool is_named(const struct settings *settings, const char *name)
{
	for (uint32_t i = 0; i < settings->n_agents; i++)
		if (strcmp(settings->agents[i].name, name) == 0)
			return true;
	return false;
}

void agents_follow(struct agents *agents, const struct settings *settings)
{
	/* the engine of the old settings knows other numbers; it is being started anew */
	process_disconnect(agents->process, PROCESS_ENGINE);
	agents->engine_up = false;
	list_for_each_safe (link, &agents->list) {
		struct agent *agent = list_entry(link, struct agent, link);
		if (agent->removed || is_named(settings, agent->settings.name))
			continue;
		agent->removed = true;
		step(agent, LIFE_STOP);
	}
	for (uint32_t i = 0; i < settings->n_agents; i++) {
		struct agent *agent = find(agents, settings->agents[i].name);
		if (agent)
			change(agent, settings, i);
		else
			add(agents, settings, i);
	}
}

/* -- the rest of the interface ----------------------------------------------------------------------------- */

int agents_new(struct process *process, struct agents **ret)
{
	struct agents *agents = calloc(1, sizeof(*agents));
	if (!agents)
		return -ENOMEM;
	agents->process = process;
	list_init(&agents->list);
	agents->null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (agents->null_fd < 0) {
		int error = -errno;
		log_error("/dev/null: %s", strerror(-error));
		free(agents);
		return error;
	}
	*ret = agents;
	return 0;
}

struct agents *agents_free(struct agents *agents)
{
	if (!agents)
		return NULL;
	list_for_each_safe (link, &agents->list)
		agent_free(list_entry(link, struct agent, link));
	fd_close(agents->null_fd);
	free(agents);
	return NULL;
}

void agents_engine_up(struct agents *agents)
{
	agents->engine_up = true;
	list_for_each (link, &agents->list)
		send_session(list_entry(link, struct agent, link));
}

void agents_engine_down(struct agents *agents)
{
	agents->engine_up = false;
}

void agents_note(struct agents *agents, const struct ipc_agent_note *note)
{
	list_for_each (link, &agents->list) {
		struct agent *agent = list_entry(link, struct agent, link);
		if (agent->removed || agent->index != note->head.number)
			continue;
		if (note->state == IPC_AGENT_LIVE)
			step(agent, LIFE_CALLED_LIVE);
		else if (note->state == IPC_AGENT_GONE && agent->pid > 0)
			step(agent, LIFE_LOST);
		return;
	}
}

enum agents_request agents_request(struct agents *agents, const char *text)
{
	static const struct {
		const char *verb, *done;
		enum life_event event;
	} verbs[] = {{"start", "started", LIFE_START},
		     {"stop", "stopped", LIFE_STOP},
		     {"restart", "restarted", LIFE_RESTART}};
	struct order order;
	if (order_parse(text, &order))
		return AGENTS_UNKNOWN_VERB;
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++) {
		if (strcmp(order.verb, verbs[i].verb) != 0)
			continue;
		struct agent *agent = find(agents, order.name);
		if (!agent)
			return AGENTS_UNKNOWN_AGENT;
		order_words(&order, verbs[i].done, agent->order);
		agent->order_ns = clock_monotonic_ns();
		log_notice("agent %s: %s", agent->settings.name, agent->order);
		/* whoever asks starts with a clean record */
		agent->crashes = (struct life_crashes){0};
		step(agent, verbs[i].event);
		return AGENTS_DONE;
	}
	return AGENTS_UNKNOWN_VERB;
}

void agents_stop_all(struct agents *agents, void (*done)(void *data), void *data)
{
	list_for_each_safe (link, &agents->list)
		step(list_entry(link, struct agent, link), LIFE_STOP);
	agents->stopped = done;
	agents->stopped_data = data;
	if (all_down(agents))
		done(data);
}

void agents_to_json(const struct agents *agents, struct json *json)
{
	uint64_t now_ns = clock_monotonic_ns();
	json_open_object(json, NULL);
	json_open_array(json, "agents");
	list_for_each (link, &agents->list) {
		const struct agent *agent = list_entry(link, struct agent, link);
		json_open_object(json, NULL);
		json_string(json, "name", agent->settings.name);
		json_u64(json, "pid", (uint64_t)agent->pid);
		json_u64(json, "uid", agent->uid);
		json_string(json, "state", life_name(agent->state));
		json_u64(json, "restarts", agent->restarts);
		json_u64(json, "since_s", (now_ns - agent->since_ns) / NS_PER_SEC);
		json_string(json, "why", agent->why);
		if (agent->order_ns) {
			json_string(json, "order", agent->order);
			json_u64(json, "order_ms", (now_ns - agent->order_ns) / NS_PER_MS);
		}
		json_close_object(json);
	}
	json_close_array(json);
	json_close_object(json);
}

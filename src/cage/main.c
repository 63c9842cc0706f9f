/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ringside-cage: starts the agents, watches them, starts them again, ends them.
 *
 *     parent ─▶ settings, stop        engine ◀─▶ sessions, notes        control ─▶ status, orders about agents
 *     engine ─▶ actions that agents asked for (act.h) ─▶ journal, outcome
 *
 * Must never read a byte that an agent wrote: there is no descriptor here from which it could. Rule and reason of an
 * action come from the engine, and pass through to the journal unread.
 */
#include "base/fd.h"
#include "base/log.h"
#include "cage/act.h"
#include "cage/agents.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define STATUS_SIZE_MAX (256u << 10)
#define DOCTOR_SIZE_MAX 8192
#define CGROUP_WAIT_MS 10000

struct cage {
	struct process *process;
	struct agents *agents;
	struct journal *journal; /* NULL: it cannot be opened */
	struct acts *acts;
	bool have_cgroup; /* the parent said where agents' control groups may be made, or that they may not */
	uint64_t refused; /* messages that were not theirs to send */
};

static void reply(struct cage *cage, const struct ipc_request *request, int error, const char *text)
{
	process_reply(cage->process, PROCESS_CONTROL, request->head.number, error, text, strlen(text));
}

static void on_status(struct cage *cage, const struct ipc_request *request)
{
	static char text[STATUS_SIZE_MAX];
	struct json json;
	json_init(&json, text, sizeof(text));
	agents_to_json(cage->agents, &json);
	if (json_finish(&json) < 0)
		reply(cage, request, -ENOBUFS, "{\"error\": \"the cage's status does not fit\"}");
	else
		reply(cage, request, 0, text);
}

static void on_doctor(struct cage *cage, const struct ipc_request *request)
{
	char text[DOCTOR_SIZE_MAX];
	struct json json;
	json_init(&json, text, sizeof(text));
	agents_doctor_json(cage->agents, &json);
	if (json_finish(&json) < 0)
		reply(cage, request, -ENOBUFS, "{\"error\": \"the cage's notes do not fit\"}");
	else
		reply(cage, request, 0, text);
}

static void on_agent(struct cage *cage, const struct ipc_request *request)
{
	static const struct {
		int error;
		const char *text;
	} answers[] = {
		[AGENTS_DONE] = {0, "{\"done\": true}"},
		[AGENTS_UNKNOWN_VERB] = {-EINVAL,
					 "{\"error\": \"expected start, stop, restart or upgrade and the name of "
					 "an agent\"}"},
		[AGENTS_UNKNOWN_AGENT] = {-ENOENT,
					  "{\"error\": \"there is no agent of this name; see ringside status\"}"},
		[AGENTS_NOT_RUNNING] = {-ESRCH,
					"{\"error\": \"this agent does not run, so there is nothing to upgrade in "
					"place; start it\"}"},
	};
	enum agents_request result = agents_request(cage->agents, request->text);
	reply(cage, request, answers[result].error, answers[result].text);
}

static void on_request(struct cage *cage, const struct ipc_request *request)
{
	if (request->kind == IPC_REQUEST_STATUS)
		on_status(cage, request);
	else if (request->kind == IPC_REQUEST_AGENT)
		on_agent(cage, request);
	else if (request->kind == IPC_REQUEST_DOCTOR)
		on_doctor(cage, request);
	else
		reply(cage, request, -EINVAL, "{\"error\": \"the cage answers to status, doctor and agent only\"}");
}

static void on_stopped(void *data)
{
	struct cage *cage = data;
	loop_exit(process_loop(cage->process));
}

/* -- actions ----------------------------------------------------------------------------------------------- */

static void on_action_done(void *data, uint64_t number, enum ipc_action_outcome outcome, int error)
{
	struct cage *cage = data;
	struct ipc_action_done done = {.head = {.size = sizeof(done), .type = IPC_ACTION_DONE, .number = number},
				       .outcome = outcome,
				       .error = error};
	/* an engine that is not there hears nothing; the journal has it */
	(void)process_send(cage->process, PROCESS_ENGINE, &done, NULL, 0);
}

static struct target_ours ours(const struct cage *cage)
{
	const struct settings *settings = process_settings(cage->process);
	return (struct target_ours){.parent = getppid(),
				    .uid_first = settings->uid_base,
				    .uid_last = settings->uid_base + SETTINGS_UID_RANGE - 1};
}

/* With privilege, while files can be made in state_dir. Without a journal agents live, and nothing is done for them. */
static int open_journal(struct cage *cage)
{
	const struct settings *settings = process_settings(cage->process);
	int r = journal_open(settings->state_dir, true, &cage->journal);
	if (r < 0)
		log_error("%s: the journal of actions cannot be opened: %s; no action of an agent is done until it can",
			  settings->state_dir, strerror(-r));
	const struct acts_opts opts = {.loop = process_loop(cage->process),
				       .journal = cage->journal,
				       .ours = ours(cage),
				       .done = on_action_done,
				       .data = cage};
	return acts_new(&opts, &cage->acts);
}

static void on_settings(struct cage *cage, const struct ipc_head *message, int fd)
{
	int r = process_renew_settings(cage->process, fd);
	if (r < 0) {
		log_error("new settings: %s; the old ones stay", strerror(-r));
		return;
	}
	const struct target_ours spared = ours(cage);
	acts_set_ours(cage->acts, &spared);
	agents_follow(cage->agents, process_settings(cage->process), message->number == IPC_SETTINGS_ENGINE_STAYS);
}

static void on_cgroup(struct cage *cage, const struct ipc_head *message, int *fds, size_t n_fds)
{
	const struct ipc_cgroup *cgroup = (const struct ipc_cgroup *)(const void *)message;
	if (cage->have_cgroup)
		return;
	agents_use_groups(cage->agents, n_fds == 1 ? STEAL_FD(fds[0]) : -1, cgroup->why);
	cage->have_cgroup = true;
}

static int on_message(void *data, enum process_role from, const struct ipc_head *message, int *fds, size_t n_fds)
{
	struct cage *cage = data;
	if (from == PROCESS_PARENT && message->type == IPC_SETTINGS && n_fds == 1) {
		on_settings(cage, message, fds[0]);
		return 0;
	}
	bool cgroup = from == PROCESS_PARENT && message->type == IPC_CGROUP;
	if (cgroup)
		on_cgroup(cage, message, fds, n_fds);
	for (size_t i = 0; i < n_fds; i++)
		fd_close(fds[i]);
	if (from == PROCESS_PARENT && message->type == IPC_STOP)
		agents_stop_all(cage->agents, on_stopped, cage);
	else if (from == PROCESS_ENGINE && message->type == IPC_AGENT_NOTE)
		agents_note(cage->agents, (const struct ipc_agent_note *)(const void *)message);
	else if (from == PROCESS_ENGINE && message->type == IPC_ACTION)
		acts_ask(cage->acts, (const struct ipc_action *)(const void *)message);
	else if (from == PROCESS_CONTROL && message->type == IPC_REQUEST)
		on_request(cage, (const struct ipc_request *)(const void *)message);
	else if (!cgroup && cage->refused++ == 0)
		log_warning("a message of type %u from %s is not theirs to send; it is ignored, as are more of them",
			    message->type, topology_name(from));
	return 0;
}

static void on_peer(void *data, enum process_role role, bool up)
{
	struct cage *cage = data;
	if (role == PROCESS_ENGINE && up)
		agents_engine_up(cage->agents);
	else if (role == PROCESS_ENGINE)
		agents_engine_down(cage->agents);
}

/* Before any agent is started. With the user it runs under: only then is tried what it will do. */
static int wait_for_cgroup(struct cage *cage)
{
	for (int waited_ms = 0; !cage->have_cgroup && waited_ms < CGROUP_WAIT_MS; waited_ms += 100) {
		int r = loop_turn(process_loop(cage->process), 100);
		if (r < 0)
			return r;
	}
	if (!cage->have_cgroup)
		log_error("expected to hear from the parent within 10 s where control groups may be made");
	return cage->have_cgroup ? 0 : -ETIMEDOUT;
}

int main(void)
{
	struct cage cage = {0};
	struct process_handlers handlers = {.data = &cage, .message = on_message, .peer = on_peer};
	int r = process_enter(PROCESS_CAGE, &handlers, &cage.process);
	if (r >= 0)
		r = agents_new(cage.process, &cage.agents);
	if (r >= 0)
		r = open_journal(&cage);
	if (r >= 0)
		r = process_drop(cage.process);
	if (r >= 0)
		r = wait_for_cgroup(&cage);
	if (r >= 0) {
		agents_begin(cage.agents, process_settings(cage.process));
		r = process_run(cage.process);
	}
	acts_free(cage.acts);
	journal_free(cage.journal);
	agents_free(cage.agents);
	process_free(cage.process);
	return r < 0;
}

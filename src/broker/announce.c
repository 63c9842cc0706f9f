/* SPDX-License-Identifier: Apache-2.0 */
/*
 * announce: the platform events 701 … 716: what Ringside itself did.
 *
 *     broker ─▶ announce_* ─▶ broker_publish ─▶ whoever subscribed
 *
 * Always after a question was answered, never before.
 */
#include "broker/state.h"
#include "sensor/process_proc.h"
#include "wire/event_build.h"

#include <string.h>
#include <unistd.h>

#define TEXT_SIZE_MAX 512u

static void *begin(struct broker *broker, struct event_build *build, uint16_t type)
{
	void *body = event_build_begin(build, broker->event_buffer, sizeof(broker->event_buffer), type);
	struct rs_process *process = &build->event->process;
	process->pid = process->tid = (uint32_t)getpid();
	process->login_uid = process->login_session = UINT32_MAX;
	process->flags = RS_PROCESS_PARTIAL | RS_PROCESS_PLATFORM;
	memcpy(process->comm, "ringside-engine", sizeof("ringside-engine"));
	return body;
}

static void by_process(struct event_build *build, const struct ipc_session *who)
{
	struct rs_process *process = &build->event->process;
	process->id = who->process_id;
	process->pid = process->tid = who->pid;
	process->uid = process->euid = who->uid;
	memset(process->comm, 0, sizeof(process->comm));
	memcpy(process->comm, who->name, MIN(strlen(who->name), sizeof(process->comm) - 1));
}

static void by_agent(struct event_build *build, const struct agent *agent)
{
	by_process(build, &agent->who);
}

static void put(struct event_build *build, struct rs_str *str, const char *text)
{
	event_build_str(build, str, text, strlen(text), TEXT_SIZE_MAX);
}

static struct rs_event *stamp(struct broker *broker, struct event_build *build, uint64_t id)
{
	event_build_end(build);
	build->event->id = id;
	build->event->monotonic_ns = broker_now(broker);
	build->event->wall_ns = clock_wall_ns();
	return build->event;
}

static struct rs_event *end(struct broker *broker, struct event_build *build)
{
	return stamp(broker, build, broker_next_id(broker));
}

static void publish(struct broker *broker, struct event_build *build)
{
	broker_publish(broker, end(broker, build));
}

/* The first file of the question's event. */
static void put_file(struct event_build *build, struct rs_file *to, const struct rs_event *from)
{
	const struct catalogue_event *row = catalogue_find(from->type);
	for (uint32_t i = 0; i < row->n_fields; i++) {
		if (row->fields[i].kind != CATALOGUE_FILE)
			continue;
		memcpy(to, (const char *)from + from->body_offset + row->fields[i].offset, sizeof(*to));
		size_t size;
		const char *path = rs_str_get(from, to->path, &size);
		event_build_path(build, to, path, size);
		return;
	}
}

void announce_agent_started(struct agent *agent)
{
	struct event_build build;
	struct rs_event_agent_started *body = begin(agent->broker, &build, RS_EVENT_AGENT_STARTED);
	by_agent(&build, agent);
	put(&build, &body->agent, agent->identity->name);
	put(&build, &body->version, agent->identity->version);
	publish(agent->broker, &build);
}

void announce_agent_benched(struct standing *standing, const char *why)
{
	struct event_build build;
	struct rs_event_agent_benched *body = begin(standing->broker, &build, RS_EVENT_AGENT_BENCHED);
	put(&build, &body->agent, standing->name);
	put(&build, &body->why, why);
	publish(standing->broker, &build);
}

void announce_agent_unbenched(struct standing *standing)
{
	struct event_build build;
	struct rs_event_agent_unbenched *body = begin(standing->broker, &build, RS_EVENT_AGENT_UNBENCHED);
	put(&build, &body->agent, standing->name);
	publish(standing->broker, &build);
}

void announce_agent_crashed(struct standing *standing, const struct ipc_session *who, const char *why, uint32_t pending)
{
	struct event_build build;
	struct rs_event_agent_crashed *body = begin(standing->broker, &build, RS_EVENT_AGENT_CRASHED);
	by_process(&build, who);
	put(&build, &body->agent, standing->name);
	put(&build, &body->why, why);
	body->pending = pending;
	publish(standing->broker, &build);
}

void announce_agent_stopped(struct agent *agent, const char *why)
{
	struct event_build build;
	struct rs_event_agent_stopped *body = begin(agent->broker, &build, RS_EVENT_AGENT_STOPPED);
	by_agent(&build, agent);
	put(&build, &body->agent, agent->standing->name);
	put(&build, &body->why, why);
	publish(agent->broker, &build);
}

void announce_strike(struct standing *standing, const char *why, uint32_t strikes)
{
	struct event_build build;
	struct rs_event_agent_strike *body = begin(standing->broker, &build, RS_EVENT_AGENT_STRIKE);
	put(&build, &body->agent, standing->name);
	put(&build, &body->why, why);
	body->strikes = strikes;
	publish(standing->broker, &build);
}

void announce_overridden(struct broker *broker, const struct question *question, const struct identity *identity,
			 const char *why)
{
	struct event_build build;
	const struct rs_event *event = question_event(question);
	struct rs_event_verdict_overridden *body = begin(broker, &build, RS_EVENT_VERDICT_OVERRIDDEN);
	event_build_process(&build, &build.event->process, event, &event->process);
	put(&build, &body->agent, identity->name);
	put(&build, &body->why, why);
	put_file(&build, &body->file, event);
	body->question = question->id;
	publish(broker, &build);
}

void announce_denied(struct broker *broker, const struct question *question, const struct question_voter *voter)
{
	struct event_build build;
	const struct rs_event *event = question_event(question);
	struct rs_event_denied *body = begin(broker, &build, RS_EVENT_DENIED);
	event_build_process(&build, &build.event->process, event, &event->process);
	put(&build, &body->agent, voter->identity->name);
	put(&build, &body->version, voter->identity->version);
	put(&build, &body->content_version, voter->identity->content_version);
	put(&build, &body->rule, voter->rule ? question->texts + voter->rule : "");
	put(&build, &body->reason, voter->reason ? question->texts + voter->reason : decision_miss_text(voter->miss));
	put_file(&build, &body->file, event);
	body->question = question->id;
	body->latency_ns = question->latency_ns;
	body->event_type = event->type;
	publish(broker, &build);
}

void announce_content_changed(struct agent *agent)
{
	struct event_build build;
	struct rs_event_content_changed *body = begin(agent->broker, &build, RS_EVENT_CONTENT_CHANGED);
	by_agent(&build, agent);
	put(&build, &body->agent, agent->identity->name);
	put(&build, &body->version, agent->identity->content_version);
	body->epoch = agent->broker->content_epoch;
	publish(agent->broker, &build);
}

void announce_unguarded(struct broker *broker, uint64_t count, const char *why)
{
	struct event_build build;
	struct rs_event_unguarded *body = begin(broker, &build, RS_EVENT_UNGUARDED);
	put(&build, &body->why, why);
	body->count = count;
	publish(broker, &build);
}

/* Known to the table, living or just ended; else what its id says. */
static void put_target(struct broker *broker, struct event_build *build, struct rs_process *to, uint64_t id)
{
	if (broker->opts.processes && process_table_fill_id(broker->opts.processes, id, 0, build, to))
		return;
	*to = (struct rs_process){.id = id, .pid = process_id_pid(id), .tid = process_id_pid(id)};
	to->login_uid = to->login_session = UINT32_MAX;
	to->flags = RS_PROCESS_PARTIAL;
}

void announce_action_asked(struct agent *agent, const struct action *action, int refused)
{
	struct broker *broker = agent->broker;
	struct event_build build;
	struct rs_event_action_asked *body = begin(broker, &build, RS_EVENT_ACTION_ASKED);
	by_agent(&build, agent);
	put(&build, &body->agent, agent->identity->name);
	put(&build, &body->version, agent->identity->version);
	put(&build, &body->content_version, agent->identity->content_version);
	put(&build, &body->action, ipc_action_name(action->kind));
	put(&build, &body->rule, action->rule);
	put(&build, &body->reason, action->reason);
	put_target(broker, &build, &body->target, action->process_id);
	body->request = action->request;
	body->refused = (uint32_t)-refused;
	broker_publish(broker, stamp(broker, &build, action->id));
}

/* Those of its sessions that broker_publish() left out. */
static void tell_asker(const struct standing *standing, const struct rs_event *event)
{
	struct broker *broker = standing->broker;
	struct agent_set set = broker->listening;
	uint32_t slot;
	while (agent_set_take(&set, &slot)) {
		struct agent *agent = broker->agents[slot];
		bool told = agent_set_has(&broker->wants[event->type], slot) && agent_wants(agent, event);
		if (agent->standing == standing && !told)
			agent_deliver(agent, event, 0, 0, -1);
	}
}

void announce_action_done(const struct action *action, uint32_t outcome, int error)
{
	struct broker *broker = action->standing->broker;
	struct event_build build;
	struct rs_event_action_done *body = begin(broker, &build, RS_EVENT_ACTION_DONE);
	by_process(&build, &action->who);
	put(&build, &body->agent, action->standing->name);
	put(&build, &body->action, ipc_action_name(action->kind));
	put(&build, &body->rule, action->rule);
	put(&build, &body->reason, action->reason);
	put(&build, &body->outcome, ipc_outcome_name(outcome));
	put_target(broker, &build, &body->target, action->process_id);
	body->action_id = action->id;
	body->request = action->request;
	body->latency_ns = broker_now(broker) - action->asked_ns;
	body->error = (uint32_t)-error;
	struct rs_event *event = end(broker, &build);
	broker_publish(broker, event);
	tell_asker(action->standing, event);
}

void announce_engine_restarted(struct agent *agent)
{
	struct broker *broker = agent->broker;
	struct event_build build;
	struct rs_event_engine_restarted *body = begin(broker, &build, RS_EVENT_ENGINE_RESTARTED);
	put(&build, &body->why, broker->gap_why);
	body->gap_ns = broker->gap_ns;
	body->unguarded = broker->gap_unguarded;
	agent_deliver(agent, end(broker, &build), 0, 0, -1);
}

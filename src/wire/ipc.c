/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/ipc.h"

#include "base/macro.h"
#include "wire/form.h"

static const char not_terminated[] = "expected a string that ends in NUL, found none";
static const char not_zero[] = "expected 0 in a reserved field, found another value";

static const char *check_gap(const void *bytes)
{
	const struct ipc_gap *gap = bytes;
	return form_terminated(gap->why, sizeof(gap->why)) ? NULL : not_terminated;
}

static const char *check_cgroup(const void *bytes)
{
	const struct ipc_cgroup *cgroup = bytes;
	return form_terminated(cgroup->why, sizeof(cgroup->why)) ? NULL : not_terminated;
}

static const char *check_session(const void *bytes)
{
	const struct ipc_session *session = bytes;
	if (session->reserved != 0)
		return not_zero;
	if (session->observer > 1)
		return "expected observer 0 or 1, found another value";
	return form_terminated(session->name, sizeof(session->name)) ? NULL : not_terminated;
}

static const char *check_agent_note(const void *bytes)
{
	const struct ipc_agent_note *note = bytes;
	if (note->state < IPC_AGENT_STARTING || note->state > IPC_AGENT_GONE)
		return "expected a state of enum ipc_agent_state, found another number";
	return form_terminated(note->why, sizeof(note->why)) ? NULL : not_terminated;
}

static const char *check_request(const void *bytes)
{
	const struct ipc_request *request = bytes;
	if (request->kind < IPC_REQUEST_STATUS || request->kind > IPC_REQUEST_ACTIONS)
		return "expected a kind of enum ipc_request_kind, found another number";
	if (request->reserved != 0)
		return not_zero;
	return form_terminated(request->text, sizeof(request->text)) ? NULL : not_terminated;
}

static const char *check_reply(const void *bytes)
{
	const struct ipc_reply *reply = bytes;
	if (!form_errno(reply->error))
		return "expected 0 or a negative errno value, found another number";
	return reply->more <= 1 ? NULL : "expected more 0 or 1, found another value";
}

static const char *check_action(const void *bytes)
{
	const struct ipc_action *action = bytes;
	const struct {
		const char *text;
		size_t size;
	} texts[] = {{action->agent, sizeof(action->agent)},
		     {action->version, sizeof(action->version)},
		     {action->content_version, sizeof(action->content_version)},
		     {action->rule, sizeof(action->rule)},
		     {action->reason, sizeof(action->reason)},
		     {action->exe, sizeof(action->exe)}};
	if (action->kind != SESSION_ACTION_KILL)
		return "expected a kind of enum session_action_kind, found another number";
	if (action->outcome > IPC_ACTION_UNKNOWN || !form_errno(action->error))
		return "expected an outcome of enum ipc_action_outcome and 0 or a negative errno value, found others";
	if (action->outcome == 0 && action->error != 0)
		return "expected no error of an action that is to be done, found one";
	if (action->reserved != 0)
		return not_zero;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		if (!form_terminated(texts[i].text, texts[i].size))
			return not_terminated;
	return NULL;
}

static const char *check_action_done(const void *bytes)
{
	const struct ipc_action_done *done = bytes;
	if (done->outcome < IPC_ACTION_DONE_WELL || done->outcome > IPC_ACTION_UNKNOWN)
		return "expected an outcome of enum ipc_action_outcome, found another number";
	return form_errno(done->error) ? NULL : "expected 0 or a negative errno value, found another number";
}

static const struct form forms[] = {
	[IPC_PEER] = {sizeof(struct ipc_head), 0, NULL},
	[IPC_GROUP] = {sizeof(struct ipc_head), 0, NULL},
	[IPC_STOP] = {sizeof(struct ipc_head), 0, NULL},
	[IPC_GAP] = {sizeof(struct ipc_gap), 0, check_gap},
	[IPC_READY] = {sizeof(struct ipc_head), 0, NULL},
	[IPC_SESSION] = {sizeof(struct ipc_session), 0, check_session},
	[IPC_AGENT_ENDED] = {sizeof(struct ipc_agent_note), 0, check_agent_note},
	[IPC_AGENT_NOTE] = {sizeof(struct ipc_agent_note), 0, check_agent_note},
	[IPC_REQUEST] = {sizeof(struct ipc_request), 0, check_request},
	[IPC_SETTINGS] = {sizeof(struct ipc_head), 0, NULL},
	[IPC_BROKEN] = {sizeof(struct ipc_head), 0, NULL},
	[IPC_KEEP] = {sizeof(struct ipc_head), 0, NULL},
	[IPC_KEPT] = {sizeof(struct ipc_head), 0, NULL},
	[IPC_ACTION] = {sizeof(struct ipc_action), 0, check_action},
	[IPC_ACTION_DONE] = {sizeof(struct ipc_action_done), 0, check_action_done},
	[IPC_PING] = {sizeof(struct ipc_head), 0, NULL},
	[IPC_PONG] = {sizeof(struct ipc_head), 0, NULL},
	[IPC_CGROUP] = {sizeof(struct ipc_cgroup), 0, check_cgroup},
	[IPC_REPLY] = {sizeof(struct ipc_reply), IPC_MESSAGE_MAX, check_reply},
};

const char *ipc_check(const void *bytes, size_t size)
{
	return form_check(forms, ARRAY_SIZE(forms), bytes, size);
}

static const char *const action_names[] = {[SESSION_ACTION_KILL] = "kill"};
static const char *const outcome_names[] = {
	[IPC_ACTION_DONE_WELL] = "done",  [IPC_ACTION_GONE] = "gone",     [IPC_ACTION_FAILED] = "failed",
	[IPC_ACTION_REFUSED] = "refused", [IPC_ACTION_SHADOW] = "shadow", [IPC_ACTION_UNKNOWN] = "unknown",
};

const char *ipc_action_name(uint32_t kind)
{
	return kind < ARRAY_SIZE(action_names) && action_names[kind] ? action_names[kind] : "?";
}

const char *ipc_outcome_name(uint32_t outcome)
{
	return outcome < ARRAY_SIZE(outcome_names) && outcome_names[outcome] ? outcome_names[outcome] : "?";
}

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
	if (request->kind < IPC_REQUEST_STATUS || request->kind > IPC_REQUEST_DENIALS)
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
	[IPC_PING] = {sizeof(struct ipc_head), 0, NULL},
	[IPC_PONG] = {sizeof(struct ipc_head), 0, NULL},
	[IPC_CGROUP] = {sizeof(struct ipc_cgroup), 0, check_cgroup},
	[IPC_REPLY] = {sizeof(struct ipc_reply), IPC_MESSAGE_MAX, check_reply},
};

const char *ipc_check(const void *bytes, size_t size)
{
	return form_check(forms, ARRAY_SIZE(forms), bytes, size);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * subscribe: the calls that change what the engine delivers.
 *
 *     arguments ─▶ request ─▶ checked as the engine will check it ─▶ engine ─▶ wants (for the next engine)
 */
#include "agent.h"

#include "base/macro.h"
#include "wire/catalogue.h"

#include <errno.h>
#include <string.h>

static const struct session_ability *find_ability(const struct rs_agent *agent, uint32_t type)
{
	for (uint32_t i = 0; i < agent->n_abilities; i++)
		if (agent->abilities[i].event_type == type)
			return &agent->abilities[i];
	return NULL;
}

static bool is_type(enum rs_event_type type)
{
	return (uint32_t)type < RS_EVENT_TYPE_LIMIT && catalogue_find((uint16_t)type);
}

int rs_agent_ability(const struct rs_agent *agent, enum rs_event_type type, struct rs_ability *ret)
{
	if (!agent || !ret || ret->size < sizeof(*ret) || !is_type(type))
		return -EINVAL;
	const struct session_ability *ability = find_ability(agent, type);
	ret->state = ability ? (enum rs_ability_state)ability->state : RS_UNAVAILABLE;
	ret->granted = ability && ability->granted;
	ret->reason = ability ? ability->reason : "this engine does not know the event";
	return 0;
}

static int fill_set(const enum rs_event_type *types, size_t n_types, struct session_event_set *ret)
{
	if (n_types > 0 && !types)
		return -EINVAL;
	for (size_t i = 0; i < n_types; i++) {
		if (!is_type(types[i]))
			return -EINVAL;
		session_set_add(ret, (uint16_t)types[i]);
	}
	return 0;
}

/* The engine accepts it, or nothing has changed. */
static int request(struct rs_agent *agent, union wants_request *message)
{
	int error = wants_prepare(&agent->wants, message);
	if (error == 0)
		error = link_request(agent, &message->head);
	if (error == 0)
		wants_apply(&agent->wants, message);
	return error;
}

int rs_agent_subscribe(struct rs_agent *agent, const enum rs_event_type *types, size_t n_types,
		       const struct rs_subscribe_opts *opts)
{
	union wants_request message = {
		.subscribe = {.head = {.size = sizeof(message.subscribe), .type = SESSION_SUBSCRIBE}}};
	struct rs_subscribe_opts known;
	int error = agent_copy_opts(&known, sizeof(known), opts);
	if (error < 0)
		return error;
	if (!agent || n_types == 0 || fill_set(types, n_types, &message.subscribe.events) < 0)
		return -EINVAL;
	for (size_t i = 0; i < n_types; i++) {
		const struct session_ability *ability = find_ability(agent, types[i]);
		if (!ability || ability->state == SESSION_UNAVAILABLE)
			return -EOPNOTSUPP;
		if (!ability->granted)
			return -EACCES;
	}
	message.subscribe.deadline_ms = known.deadline_ms;
	message.subscribe.flags = (known.with_fd ? SESSION_SUBSCRIBE_WITH_FD : 0u) |
				  (known.state_essential ? SESSION_SUBSCRIBE_STATE_ESSENTIAL : 0u);
	return request(agent, &message);
}

int rs_agent_unsubscribe(struct rs_agent *agent, const enum rs_event_type *types, size_t n_types)
{
	union wants_request message = {
		.subscribe = {.head = {.size = sizeof(message.subscribe), .type = SESSION_SUBSCRIBE},
			      .flags = SESSION_SUBSCRIBE_REMOVE}};
	if (!agent || n_types == 0 || fill_set(types, n_types, &message.subscribe.events) < 0)
		return -EINVAL;
	return request(agent, &message);
}

/* What all mutes are alike in; the kinds of the contract and of the wire have the same numbers. */
static int mute(struct rs_agent *agent, enum session_mute_op op, enum rs_mute_kind kind, const char *path,
		uint64_t number, const enum rs_event_type *types, size_t n_types)
{
	union wants_request message = {.mute = {.head = {.size = sizeof(message.mute), .type = SESSION_MUTE},
						.kind = (uint32_t)kind,
						.op = op,
						.number = number}};
	size_t size = path ? strlen(path) : 0;
	if (size > sizeof(message.mute.bytes))
		return -ENAMETOOLONG;
	message.mute.size = (uint32_t)size;
	if (size > 0)
		memcpy(message.mute.bytes, path, size);
	if (!agent || fill_set(types, types ? n_types : 0, &message.mute.events) < 0 || (types && n_types == 0) ||
	    session_check(&message, sizeof(message.mute)) != NULL)
		return -EINVAL;
	return request(agent, &message);
}

int rs_agent_mute_path(struct rs_agent *agent, enum rs_mute_kind kind, const char *path,
		       const enum rs_event_type *types, size_t n_types)
{
	return path ? mute(agent, SESSION_MUTE_ADD, kind, path, 0, types, n_types) : -EINVAL;
}

int rs_agent_mute_number(struct rs_agent *agent, enum rs_mute_kind kind, uint64_t number,
			 const enum rs_event_type *types, size_t n_types)
{
	return mute(agent, SESSION_MUTE_ADD, kind, NULL, number, types, n_types);
}

int rs_agent_unmute_path(struct rs_agent *agent, enum rs_mute_kind kind, const char *path,
			 const enum rs_event_type *types, size_t n_types)
{
	return path ? mute(agent, SESSION_MUTE_REMOVE, kind, path, 0, types, n_types) : -EINVAL;
}

int rs_agent_unmute_number(struct rs_agent *agent, enum rs_mute_kind kind, uint64_t number,
			   const enum rs_event_type *types, size_t n_types)
{
	return mute(agent, SESSION_MUTE_REMOVE, kind, NULL, number, types, n_types);
}

int rs_agent_unmute_all(struct rs_agent *agent, enum rs_mute_kind kind)
{
	return mute(agent, SESSION_MUTE_CLEAR, kind, NULL, 0, NULL, 0);
}

int rs_agent_invert(struct rs_agent *agent, enum rs_mute_kind kind, bool inverted)
{
	return mute(agent, SESSION_MUTE_INVERT, kind, NULL, inverted, NULL, 0);
}

int rs_agent_ready(struct rs_agent *agent)
{
	if (!agent)
		return -EINVAL;
	if (agent->ready)
		return -EALREADY;
	int error = link_open(agent);
	if (error < 0)
		return error;
	agent->ready = true;
	return link_send_ready(agent);
}

int rs_agent_content_changed(struct rs_agent *agent, const char *content_version)
{
	struct session_content content = {.head = {.size = sizeof(content), .type = SESSION_CONTENT}};
	if (!agent || !content_version)
		return -EINVAL;
	int error = agent_copy_text(content.version, sizeof(content.version), content_version);
	if (error == 0)
		error = link_request(agent, &content.head);
	if (error == 0)
		memcpy(agent->content_version, content.version, sizeof(agent->content_version));
	return error;
}

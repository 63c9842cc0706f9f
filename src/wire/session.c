/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/session.h"

#include "base/macro.h"
#include "wire/catalogue.h"
#include "wire/form.h"

#define PADDED(field) form_padded(field, sizeof(field))

static const char not_terminated[] = "expected strings that end in NUL and are filled up with NUL, found other bytes";

static const char *check_set(const struct session_event_set *set)
{
	for (uint16_t type = 0; type < RS_EVENT_TYPE_LIMIT; type++)
		if (session_set_has(set, type) && !catalogue_find(type))
			return "expected event types of the catalogue, found a bit for another number";
	return NULL;
}

static const char *check_hello(const void *bytes)
{
	const struct session_hello *hello = bytes;
	if (!PADDED(hello->sdk_version) || !PADDED(hello->version) || !PADDED(hello->content_version))
		return not_terminated;
	if (hello->contract_lowest == 0 || hello->contract_lowest > hello->contract_highest)
		return "expected contract versions from 1 upward, lowest first; found an empty range";
	return NULL;
}

static const char *check_subscribe(const void *bytes)
{
	const struct session_subscribe *subscribe = bytes;
	const uint32_t known = SESSION_SUBSCRIBE_WITH_FD | SESSION_SUBSCRIBE_STATE_ESSENTIAL | SESSION_SUBSCRIBE_REMOVE;
	if (subscribe->flags & ~known)
		return "expected flags of enum session_subscribe_flags, found another bit";
	if ((subscribe->flags & SESSION_SUBSCRIBE_REMOVE) &&
	    (subscribe->flags != SESSION_SUBSCRIBE_REMOVE || subscribe->deadline_ms != 0))
		return "expected REMOVE alone, found options beside it";
	if (form_zero(&subscribe->events, sizeof(subscribe->events)))
		return "expected at least one event type, found none";
	return check_set(&subscribe->events);
}

/* One path, added or removed. */
static const char *check_mute_path(const struct session_mute *mute)
{
	if (mute->number != 0)
		return "expected a mute by path without a number, found one";
	if (mute->size == 0 || mute->size > sizeof(mute->bytes))
		return "expected a path of 1 to 4,096 bytes, found another size";
	if (mute->bytes[0] != '/' || memchr(mute->bytes, '\0', mute->size))
		return "expected a path that begins with / and holds no NUL, found other bytes";
	return check_set(&mute->events);
}

static bool kind_is_path(uint32_t kind)
{
	return kind >= SESSION_MUTE_EXE && kind <= SESSION_MUTE_TARGET_PREFIX;
}

static const char *check_mute(const void *bytes)
{
	const struct session_mute *mute = bytes;
	if (mute->kind < SESSION_MUTE_PROCESS || mute->kind > SESSION_MUTE_CGROUP)
		return "expected a kind of enum session_mute_kind, found another number";
	if (mute->op < SESSION_MUTE_ADD || mute->op > SESSION_MUTE_INVERT)
		return "expected an operation of enum session_mute_op, found another number";
	if (mute->reserved != 0)
		return "expected 0 in a reserved field, found another value";
	if (mute->size > sizeof(mute->bytes) || !form_zero(mute->bytes + mute->size, sizeof(mute->bytes) - mute->size))
		return "expected zeros behind the path, found other bytes";
	bool one = mute->op == SESSION_MUTE_ADD || mute->op == SESSION_MUTE_REMOVE;
	if (one && kind_is_path(mute->kind))
		return check_mute_path(mute);
	if (mute->size != 0)
		return "expected no path for this kind and operation, found one";
	if (one)
		return check_set(&mute->events);
	if (!form_zero(&mute->events, sizeof(mute->events)))
		return "expected no event types for this operation: it is for all; found some";
	if (mute->number > (mute->op == SESSION_MUTE_INVERT ? 1 : 0))
		return "expected 0 (or 1 to invert) as number, found another";
	return NULL;
}

static const char *check_answer(const void *bytes)
{
	const struct session_answer *answer = bytes;
	if (answer->verdict != SESSION_ALLOW && answer->verdict != SESSION_DENY)
		return "expected allow (1) or deny (2), found another verdict";
	if (answer->flags & ~(uint32_t)SESSION_ANSWER_CACHE)
		return "expected flags of enum session_answer_flags, found another bit";
	return PADDED(answer->rule) && PADDED(answer->reason) ? NULL : not_terminated;
}

static const char *check_content(const void *bytes)
{
	return PADDED(((const struct session_content *)bytes)->version) ? NULL : not_terminated;
}

static const char *check_action(const void *bytes)
{
	const struct session_action *action = bytes;
	if (action->kind != SESSION_ACTION_KILL)
		return "expected a kind of enum session_action_kind, found another number";
	if (action->reserved != 0)
		return "expected 0 in a reserved field, found another value";
	if (action->process_id == 0)
		return "expected the id of a process, found 0";
	if (action->head.request == 0)
		return "expected a request number from 1, found 0: it names the action";
	return PADDED(action->rule) && PADDED(action->reason) ? NULL : not_terminated;
}

static const char *check_bye(const void *bytes)
{
	return PADDED(((const struct session_bye *)bytes)->reason) ? NULL : not_terminated;
}

static const char *check_welcome(const void *bytes)
{
	const struct session_welcome *welcome = bytes;
	const struct session_ability *abilities = (const struct session_ability *)(welcome + 1);
	size_t size = welcome->head.size - sizeof(*welcome);
	if (size % sizeof(*abilities) != 0 || size / sizeof(*abilities) != welcome->n_abilities)
		return "expected as many abilities as the head says, found another size";
	if (welcome->shadow > 1 || welcome->pending_max == 0 || welcome->pending_max > SESSION_PENDING_MAX)
		return "expected shadow 0 or 1 and pending_max from 1 to 65,536, found another value";
	if (!PADDED(welcome->name) || welcome->name[0] == '\0')
		return "expected the agent's name, found none";
	for (uint32_t i = 0; i < welcome->n_abilities; i++) {
		if (abilities[i].event_type >= RS_EVENT_TYPE_LIMIT || abilities[i].state > SESSION_MANDATORY ||
		    abilities[i].granted > 1)
			return "expected abilities with known type, state and grant, found another value";
		if (!PADDED(abilities[i].reason))
			return not_terminated;
	}
	return NULL;
}

static const char *check_reply(const void *bytes)
{
	const struct session_reply *reply = bytes;
	if (!form_errno(reply->error) || reply->reserved != 0)
		return "expected 0 or a negative errno value, and 0 in a reserved field; found another value";
	return PADDED(reply->text) ? NULL : not_terminated;
}

static const struct form from_agent[] = {
	[SESSION_HELLO] = {sizeof(struct session_hello), 4096, check_hello},
	[SESSION_SUBSCRIBE] = {sizeof(struct session_subscribe), 0, check_subscribe},
	[SESSION_MUTE] = {sizeof(struct session_mute), 0, check_mute},
	[SESSION_READY] = {sizeof(struct session_ready), 0, NULL},
	[SESSION_ANSWER] = {sizeof(struct session_answer), 0, check_answer},
	[SESSION_CONTENT] = {sizeof(struct session_content), 0, check_content},
	[SESSION_BYE] = {sizeof(struct session_bye), 0, check_bye},
	[SESSION_ACTION] = {sizeof(struct session_action), 0, check_action},
	[SESSION_BELL] = {sizeof(struct session_bell), 0, NULL},
};

static const struct form from_engine[] = {
	[SESSION_WELCOME] = {sizeof(struct session_welcome), SESSION_MESSAGE_MAX, check_welcome},
	[SESSION_REPLY] = {sizeof(struct session_reply), 0, check_reply},
	[SESSION_EVENT_FD] = {sizeof(struct session_event_fd), 0, NULL},
};

const char *session_check(const void *bytes, size_t size)
{
	return form_check(from_agent, ARRAY_SIZE(from_agent), bytes, size);
}

const char *session_check_from_engine(const void *bytes, size_t size)
{
	return form_check(from_engine, ARRAY_SIZE(from_engine), bytes, size);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* What agents/hostile has written down of the wire is what the platform speaks. Nothing to run: it compiles or not. */
#include "hostile/raw.h"
#include "wire/session.h"

#define SAME_SIZE(theirs, ours) _Static_assert(sizeof(struct theirs) == sizeof(struct ours), "size of " #ours)
#define SAME_FIELD(theirs, ours, field) \
	_Static_assert(offsetof(struct theirs, field) == offsetof(struct ours, field), #ours "." #field)
#define SAME_VALUE(theirs, ours) _Static_assert((unsigned)(theirs) == (unsigned)(ours), #ours)

SAME_SIZE(raw_head, session_head);
SAME_FIELD(raw_head, session_head, type);
SAME_FIELD(raw_head, session_head, request);
SAME_SIZE(raw_hello, session_hello);
SAME_FIELD(raw_hello, session_hello, contract_highest);
SAME_FIELD(raw_hello, session_hello, content_version);
SAME_SIZE(raw_welcome, session_welcome);
SAME_FIELD(raw_welcome, session_welcome, ring_size_bytes);
SAME_FIELD(raw_welcome, session_welcome, name);
SAME_SIZE(raw_subscribe, session_subscribe);
SAME_FIELD(raw_subscribe, session_subscribe, flags);
SAME_SIZE(raw_mute, session_mute);
SAME_FIELD(raw_mute, session_mute, op);
SAME_FIELD(raw_mute, session_mute, size);
SAME_FIELD(raw_mute, session_mute, bytes);
SAME_SIZE(raw_reply, session_reply);
SAME_FIELD(raw_reply, session_reply, error);
SAME_FIELD(raw_reply, session_reply, text);
SAME_SIZE(raw_answer, session_answer);
SAME_FIELD(raw_answer, session_answer, verdict);
SAME_FIELD(raw_answer, session_answer, rule);
SAME_FIELD(raw_answer, session_answer, reason);
SAME_SIZE(raw_content, session_content);
SAME_SIZE(raw_bye, session_bye);
SAME_SIZE(raw_action, session_action);
SAME_FIELD(raw_action, session_action, process_id);
SAME_FIELD(raw_action, session_action, rule);
SAME_FIELD(raw_action, session_action, reason);
SAME_VALUE(RAW_HELLO, SESSION_HELLO);
SAME_VALUE(RAW_WELCOME, SESSION_WELCOME);
SAME_VALUE(RAW_SUBSCRIBE, SESSION_SUBSCRIBE);
SAME_VALUE(RAW_MUTE, SESSION_MUTE);
SAME_VALUE(RAW_REPLY, SESSION_REPLY);
SAME_VALUE(RAW_READY, SESSION_READY);
SAME_VALUE(RAW_ANSWER, SESSION_ANSWER);
SAME_VALUE(RAW_EVENT_FD, SESSION_EVENT_FD);
SAME_VALUE(RAW_CONTENT, SESSION_CONTENT);
SAME_VALUE(RAW_BYE, SESSION_BYE);
SAME_VALUE(RAW_ACTION, SESSION_ACTION);
SAME_VALUE(RAW_ACTION_KILL, SESSION_ACTION_KILL);
SAME_VALUE(RAW_ALLOW, SESSION_ALLOW);
SAME_VALUE(RAW_DENY, SESSION_DENY);
SAME_VALUE(RAW_ANSWER_CACHE, SESSION_ANSWER_CACHE);
SAME_VALUE(RAW_WITH_FD, SESSION_SUBSCRIBE_WITH_FD);
SAME_VALUE(RAW_MUTE_EXE, SESSION_MUTE_EXE);
SAME_VALUE(RAW_MUTE_ADD, SESSION_MUTE_ADD);
SAME_VALUE(RAW_MESSAGE_MAX, SESSION_MESSAGE_MAX);

int main(void)
{
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session: what an agent and the engine say to each other over their SOCK_SEQPACKET session, one struct a datagram.
 * The contract's normative text is docs/CONTRACT.md; this is its form.
 *
 *     agent                       engine
 *       HELLO       ─────────────▶
 *                   ◀─────────────  WELCOME + descriptors: ring, cursor, wake pipe   (or REPLY with an error)
 *       SUBSCRIBE, MUTE, CONTENT ▶
 *                   ◀─────────────  REPLY (each, in order)
 *       READY       ─────────────▶  no reply; from here on events come through the ring
 *                   ◀─────────────  EVENT_FD + descriptor, for events with RS_EVENT_HAS_FD
 *       ANSWER …    ─────────────▶  no reply
 *       ACTION      ─────────────▶
 *                   ◀─────────────  REPLY: accepted or not; what came of it comes as an action_done event
 *       BYE         ─────────────▶  no reply; then end of stream
 *
 * The session itself comes over the lifeline, a SOCK_SEQPACKET pair that outlives engines: a datagram of one byte
 * with one descriptor is a new session, which takes the place of the one before. Nothing is sent the other way.
 *
 * An event with a descriptor: the engine commits the record, sends EVENT_FD, then wakes the ring; so one wake-up
 * brings both. Ids of events rise within a session, in the ring and in EVENT_FD alike.
 *
 * Mutes: ADD of what is muted already adds event types, REMOVE takes event types away (all zero: all of them), the
 * mute is gone with its last. What was never muted can be removed.
 *
 * Everything an agent sends is checked by session_check() before anything else looks at it. A datagram that does
 * not pass is a protocol error: counted, a strike, and the session ends.
 */
#pragma once

#include <ringside/events.h>

#define SESSION_CONTRACT 1u
#define SESSION_NAME_SIZE 64u
#define SESSION_VERSION_SIZE 64u
#define SESSION_RULE_SIZE 64u
#define SESSION_MESSAGE_MAX 32768u
#define SESSION_PENDING_MAX 65536u
#define SESSION_FD_ENV "RINGSIDE_FD" /* number of the lifeline descriptor an agent is started with */

enum session_type {
	SESSION_HELLO = 1,
	SESSION_WELCOME = 2,
	SESSION_SUBSCRIBE = 3,
	SESSION_MUTE = 4,
	SESSION_REPLY = 5,
	SESSION_READY = 6,
	SESSION_ANSWER = 7,
	SESSION_EVENT_FD = 8,
	SESSION_CONTENT = 9,
	SESSION_BYE = 10,
	SESSION_ACTION = 11,
	SESSION_BELL = 12,
};

struct session_head {
	uint32_t size; /* of the datagram */
	uint16_t type;
	uint16_t reserved;
	uint64_t request; /* chosen by the sender, comes back in REPLY; in ANSWER and EVENT_FD: the event's id */
};

/* One bit an event type. */
struct session_event_set {
	uint64_t words[RS_EVENT_TYPE_LIMIT / 64];
};

struct session_hello {
	struct session_head head;
	uint32_t contract_lowest;
	uint32_t contract_highest;
	char sdk_version[SESSION_VERSION_SIZE]; /* all strings NUL-terminated and NUL-padded */
	char version[SESSION_VERSION_SIZE];
	char content_version[SESSION_VERSION_SIZE];
};

enum session_ability_state {
	SESSION_UNAVAILABLE = 0,
	SESSION_DISCRETIONARY = 1, /* it can be bypassed or missed; the reason says how */
	SESSION_MANDATORY = 2,
};

struct session_ability {
	uint16_t event_type;
	uint8_t state;
	uint8_t granted;
	char reason[124]; /* in words, for doctor and for the agent's log */
};

struct session_welcome {
	struct session_head head;
	uint32_t contract;
	uint32_t n_abilities; /* struct session_ability follow */
	uint64_t ring_size_bytes;
	uint64_t generation; /* of the engine: rises with each restart */
	uint64_t missed; /* auth events answered without this agent since its last session, when known */
	uint32_t shadow; /* 1: answers are recorded, not applied */
	uint32_t pending_max; /* questions that may be open towards this agent at a time, 1 … SESSION_PENDING_MAX */
	char name[SESSION_NAME_SIZE];
};

enum session_subscribe_flags {
	SESSION_SUBSCRIBE_WITH_FD = 1 << 0, /* auth events bring a read-only descriptor */
	SESSION_SUBSCRIBE_STATE_ESSENTIAL = 1 << 1, /* fork, exec and exit come even from muted processes */
	SESSION_SUBSCRIBE_REMOVE = 1 << 2, /* unsubscribe */
};

struct session_subscribe {
	struct session_head head;
	struct session_event_set events;
	uint32_t flags;
	uint32_t deadline_ms; /* 0: the operator's; more than the operator's is cut to it */
};

enum session_mute_kind {
	SESSION_MUTE_PROCESS = 1, /* number: the process's unique id */
	SESSION_MUTE_EXE = 2, /* bytes: path of the executable */
	SESSION_MUTE_EXE_PREFIX = 3,
	SESSION_MUTE_TARGET = 4, /* bytes: path of a file in the event */
	SESSION_MUTE_TARGET_PREFIX = 5,
	SESSION_MUTE_UID = 6, /* number */
	SESSION_MUTE_CGROUP = 7, /* number: cgroup id */
};

enum session_mute_op {
	SESSION_MUTE_ADD = 1,
	SESSION_MUTE_REMOVE = 2,
	SESSION_MUTE_CLEAR = 3, /* all of this kind */
	SESSION_MUTE_INVERT = 4, /* number 1: only what matches is delivered; 0: back to normal. Per kind;
				    path kinds invert with their prefix kind */
};

struct session_mute {
	struct session_head head;
	uint32_t kind;
	uint32_t op;
	struct session_event_set events; /* for which types; all zero: for all */
	uint64_t number;
	uint32_t size; /* of bytes */
	uint32_t reserved;
	char bytes[RS_PATH_SIZE_MAX];
};

struct session_reply {
	struct session_head head; /* request: of what it answers */
	int32_t error; /* 0 or -errno */
	uint32_t reserved;
	char text[240];
};

struct session_ready {
	struct session_head head;
};

enum session_answer_flags {
	SESSION_ANSWER_CACHE = 1 << 0, /* holds for the bytes of this file until they or an agent's content change */
};

enum session_verdict {
	SESSION_ALLOW = 1,
	SESSION_DENY = 2,
};

struct session_answer {
	struct session_head head;
	uint32_t verdict;
	uint32_t flags;
	char rule[SESSION_RULE_SIZE];
	char reason[RS_REASON_SIZE_MAX + 1];
};

/* What an agent may ask the platform to do. Numbers are never used again; each has its bit in enum settings_action. */
enum session_action_kind {
	SESSION_ACTION_KILL = 1, /* process_id: who is to end */
};

/* The request number of the head names the action in `action_done`. */
struct session_action {
	struct session_head head;
	uint32_t kind;
	uint32_t reserved;
	uint64_t process_id; /* unique id, see struct rs_process */
	char rule[SESSION_RULE_SIZE];
	char reason[RS_REASON_SIZE_MAX + 1];
};

/* There are answers in the ring's cursor memory (ring.h), and the engine sleeps. */
struct session_bell {
	struct session_head head;
};

/* engine → agent, with one descriptor */
struct session_event_fd {
	struct session_head head;
};

struct session_content {
	struct session_head head;
	char version[SESSION_VERSION_SIZE];
};

struct session_bye {
	struct session_head head;
	char reason[RS_REASON_SIZE_MAX + 1];
};

static inline int session_set_has(const struct session_event_set *set, uint16_t type)
{
	return type < RS_EVENT_TYPE_LIMIT && (set->words[type / 64] >> (type % 64) & 1);
}

static inline void session_set_add(struct session_event_set *set, uint16_t type)
{
	if (type < RS_EVENT_TYPE_LIMIT)
		set->words[type / 64] |= UINT64_C(1) << (type % 64);
}

_Static_assert(sizeof(struct session_head) == 16, "wire size");
_Static_assert(sizeof(struct session_hello) == 216, "wire size");
_Static_assert(sizeof(struct session_ability) == 128, "wire size");
_Static_assert(sizeof(struct session_welcome) == 120, "wire size");
_Static_assert(sizeof(struct session_subscribe) == 152, "wire size");
_Static_assert(sizeof(struct session_mute) == 4264, "wire size");
_Static_assert(sizeof(struct session_reply) == 264, "wire size");
_Static_assert(sizeof(struct session_answer) == 344, "wire size");
_Static_assert(sizeof(struct session_action) == 352, "wire size");
_Static_assert(sizeof(struct session_content) == 80, "wire size");
_Static_assert(sizeof(struct session_bye) == 272, "wire size");

/*
 * Whether a datagram is well formed: size of its type, strings terminated and padded, enums and event types known,
 * reserved fields zero, no field set that its neighbours make meaningless. NULL when it is, else a sentence (static)
 * that says what was expected. bytes must be 8-aligned. A HELLO alone may be longer than ours: it comes before the
 * two agree on a contract.
 */
const char *session_check(const void *bytes, size_t size); /* what an agent may send */
const char *session_check_from_engine(const void *bytes, size_t size); /* what the engine may send */

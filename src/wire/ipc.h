/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ipc: what our own processes say to each other over SOCK_SEQPACKET pairs, one struct a datagram. Who may talk to
 * whom is in ipc/topology.c.
 *
 * A process does not trust its peer more than the table says: a datagram that does not pass ipc_check() ends the
 * link, and the parent starts the process anew.
 */
#pragma once

#include "wire/session.h"

#define IPC_MESSAGE_MAX 65536u
#define IPC_TEXT_SIZE 240u

enum ipc_type {
	/* parent → child */
	IPC_PEER = 1, /* number: enum process_role of the other end; 1 descriptor */
	IPC_GROUP = 2, /* to the engine: descriptors: fanotify group, ledger memfd, group of close-write events,
			  doorbell eventfd (see keeper_descriptors() and struct sensor_start) */
	IPC_STOP = 3, /* finish in order, then exit 0 */
	IPC_GAP = 4, /* to the engine: struct ipc_gap */
	/* child → parent */
	IPC_READY = 5,
	/* cage → engine */
	IPC_SESSION = 6, /* struct ipc_session, 1 descriptor: the engine's end of an agent's session */
	IPC_AGENT_ENDED = 7, /* struct ipc_agent_note: its process is gone */
	/* engine → cage */
	IPC_AGENT_NOTE = 8, /* struct ipc_agent_note: live, struck, benched, lost its session */
	/* control → engine, cage, parent; and back */
	IPC_REQUEST = 9, /* struct ipc_request, perhaps descriptors */
	IPC_REPLY = 10, /* struct ipc_reply, text follows */
	/* parent → cage */
	IPC_SETTINGS = 11, /* 1 descriptor: new settings, sealed, in the place of those it was started with; number:
			      enum ipc_settings */
	/* child → parent */
	IPC_BROKEN = 12, /* number: enum process_role of a peer that sent what is not well formed */
	IPC_KEEP = 13, /* from the engine, before READY: descriptors that the next engine is to get; number: place of
			  the first in the whole list; 0 begins a new list */
	/* parent → engine */
	IPC_KEPT = 14, /* what the last engine gave by KEEP, the same way; comes before GROUP */
	/* engine → cage */
	IPC_ACTION = 15, /* struct ipc_action: to be journaled and, unless it was refused, done */
	/* cage → engine */
	IPC_ACTION_DONE = 16, /* struct ipc_action_done: what came of it */
	/* parent → cage, first of all */
	IPC_CGROUP = 17, /* struct ipc_cgroup; 1 descriptor: the folder of its control group; none: there is none */
	/* parent → child, and back with the same number: its loop turns */
	IPC_PING = 18,
	IPC_PONG = 19,
};

struct ipc_head {
	uint32_t size;
	uint16_t type;
	uint16_t reserved;
	uint64_t number;
};

/* What happened while no engine read the group; counted by the keeper. */
struct ipc_gap {
	struct ipc_head head; /* number: generation of this engine, 1 for the first */
	uint64_t gap_ns;
	uint64_t unguarded_allowed;
	uint64_t unguarded_denied;
	char why[IPC_TEXT_SIZE];
};

struct ipc_session {
	struct ipc_head head; /* number: index of the agent in settings */
	uint32_t pid;
	uint32_t uid;
	uint32_t observer; /* 1: a notify-only session for `ringside events`, not an agent of the settings */
	uint32_t reserved;
	uint64_t process_id; /* unique id, see struct rs_process */
	char name[SESSION_NAME_SIZE];
};

enum ipc_settings {
	IPC_SETTINGS_ENGINE_RESTARTS = 0,
	IPC_SETTINGS_ENGINE_STAYS = 1, /* what it looks at is as before */
};

/* Where the cage may make control groups for agents, and what stood in the way of more. */
struct ipc_cgroup {
	struct ipc_head head; /* number: 0 */
	char why[IPC_TEXT_SIZE]; /* "": nothing did */
};

enum ipc_agent_state {
	IPC_AGENT_STARTING = 1,
	IPC_AGENT_LIVE = 2,
	IPC_AGENT_BENCHED = 3,
	IPC_AGENT_STOPPED = 4, /* on purpose */
	IPC_AGENT_CRASHED = 5,
	IPC_AGENT_GONE = 6, /* its session ended but its process may live */
};

struct ipc_agent_note {
	struct ipc_head head; /* number: index of the agent in settings */
	uint32_t state; /* enum ipc_agent_state */
	int32_t wait_status; /* of its process, as waitpid(2) gives it; IPC_AGENT_ENDED only */
	char why[IPC_TEXT_SIZE];
	uint64_t process_id; /* which of its processes: there are two while it is upgraded */
};

enum ipc_request_kind {
	IPC_REQUEST_STATUS = 1, /* every process answers with its own part */
	IPC_REQUEST_EXPLAIN = 2, /* number: event id */
	IPC_REQUEST_DOCTOR = 3,
	IPC_REQUEST_EVENTS = 4, /* control → engine with 1 descriptor: serve a notify-only session on it */
	IPC_REQUEST_AGENT = 5, /* control → cage: text "stop NAME", "start NAME", "restart NAME"; to the engine: "bench
				  NAME", "unbench NAME"; perhaps a reason behind a newline: see order.h */
	IPC_REQUEST_DENIALS = 6, /* the newest denies, newest first; number: how many at most */
	IPC_REQUEST_ACTIONS = 7, /* the journal of actions, newest first; argument: how many at most, 0: as many as fit;
				    text: "agent=NAME outcome=NAME", either or none; control answers by itself */
};

struct ipc_request {
	struct ipc_head head; /* number: chosen by the asker */
	uint32_t kind;
	uint32_t reserved;
	uint64_t argument;
	char text[IPC_TEXT_SIZE];
};

struct ipc_reply {
	struct ipc_head head; /* number: of the request; JSON text follows */
	int32_t error; /* 0 or -errno; then the text is {"error": "…"} */
	uint32_t more; /* 1: another REPLY with the rest of the text follows */
};

/* What came of an action. Numbers are kept in the journal: never used again. */
enum ipc_action_outcome {
	IPC_ACTION_DONE_WELL = 1, /* the process was killed and is gone */
	IPC_ACTION_GONE = 2, /* it had ended before, or another process has its number now */
	IPC_ACTION_FAILED = 3, /* error says why */
	IPC_ACTION_REFUSED = 4, /* by the engine, error says why; nothing was done */
	IPC_ACTION_SHADOW = 5, /* the agent is a shadow: recorded, nothing was done */
	IPC_ACTION_UNKNOWN = 6, /* the cage ended, or did not answer: the journal may know more */
};

/* The engine has checked all of it; the cage keeps the texts for the journal and looks at none of them. */
struct ipc_action {
	struct ipc_head head; /* number: of the action, the id of its action_asked event */
	uint32_t kind; /* enum session_action_kind */
	uint32_t outcome; /* 0: do it; else it is settled and only to be journaled: enum ipc_action_outcome */
	int32_t error; /* 0 or -errno, with an outcome */
	uint32_t agent_index; /* in settings; UINT32_MAX: an observer */
	uint64_t process_id; /* of the target */
	uint64_t request; /* the agent's own number */
	uint32_t uid; /* of the target */
	uint32_t reserved;
	char agent[SESSION_NAME_SIZE]; /* all strings NUL-terminated */
	char version[SESSION_VERSION_SIZE];
	char content_version[SESSION_VERSION_SIZE];
	char rule[SESSION_RULE_SIZE];
	char reason[RS_REASON_SIZE_MAX + 1];
	char exe[512]; /* of the target; too long a path keeps its end; "" when it is not known */
};

struct ipc_action_done {
	struct ipc_head head; /* number: of the action */
	uint32_t outcome; /* enum ipc_action_outcome */
	int32_t error; /* 0 or -errno */
};

_Static_assert(sizeof(struct ipc_action) == 1080, "wire size");
_Static_assert(sizeof(struct ipc_action_done) == 24, "wire size");
_Static_assert(sizeof(struct ipc_head) == 16, "wire size");
_Static_assert(sizeof(struct ipc_gap) == 280, "wire size");
_Static_assert(sizeof(struct ipc_cgroup) == 256, "wire size");
_Static_assert(sizeof(struct ipc_session) == 104, "wire size");
_Static_assert(sizeof(struct ipc_agent_note) == 272, "wire size");
_Static_assert(sizeof(struct ipc_request) == 272, "wire size");
_Static_assert(sizeof(struct ipc_reply) == 24, "wire size");

/* "kill" …; "?" for a number that is none: rows of the tables of what agents may ask for, and of what came of it. */
const char *ipc_action_name(uint32_t kind);
const char *ipc_outcome_name(uint32_t outcome);

/* Whether a datagram is well formed: size of its type, strings terminated, enums known, reserved fields zero. NULL
 * when it is, else a sentence (static). bytes must be 8-aligned. */
const char *ipc_check(const void *bytes, size_t size);

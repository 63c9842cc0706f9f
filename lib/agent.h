/* SPDX-License-Identifier: Apache-2.0 */
/*
 * agent: the insides of struct rs_agent, shared by the files of this folder.
 *
 *     agent.c      open, close, what the handshake told
 *     link.c       lifeline and session: states, datagrams, requests       owns both sockets
 *     wants.c      what to ask of the next engine
 *     subscribe.c  the calls that make requests
 *     next.c       the event rings, sleeping                               owns the rings
 *     pending.c    questions held and their descriptors                    owns these descriptors
 *     respond.c    answers
 *     event.c      calls about one event
 *
 * No threads, no globals, no signals, no log. After the handshake nothing is allocated but for what a request adds.
 */
#pragma once

#include "base/busy_poll.h"
#include "pending.h"
#include "ring/ring.h"
#include "wants.h"

#include <ringside/ringside.h>

#define AGENT_REPLY_TIMEOUT_MS 30000 /* for an engine that is there to answer a request */

/*
 *   NONE ──lifeline brings a session──▶ HELLO ──WELCOME──▶ REPLAY ──last REPLY──▶ OPEN
 *     ◀──────────────────── end of stream, or a breach of contract ────────────────┘ (from each of them)
 */
enum link_state {
	LINK_NONE,
	LINK_HELLO,
	LINK_REPLAY,
	LINK_OPEN,
	LINK_N_STATES,
};

enum agent_source {
	AGENT_LIFELINE,
	AGENT_SESSION,
	AGENT_RING,
	AGENT_NOTHING,
};

struct agent_ring {
	struct ring_reader *reader; /* NULL: none */
	uint64_t session; /* number of the session that brought it */
	bool waiting; /* sleep is announced to the writer */
};

struct rs_agent {
	int epoll_fd;
	int lifeline_fd; /* -1 once it has ended */
	int session_fd; /* -1 in LINK_NONE */
	enum link_state state;
	uint64_t session; /* counts sessions */
	int error; /* found outside of rs_agent_next(), for it to return; 0 or -errno */

	/* the one request that waits for its reply */
	uint64_t last_request;
	uint64_t awaited; /* 0: none */
	int reply_error;
	uint32_t reply_timeout_ms;
	uint64_t reply_until_ns; /* CLOCK_MONOTONIC */
	union wants_request request;

	struct wants wants;
	struct wants_cursor replay;
	bool ready;

	struct agent_ring ring; /* being read */
	struct agent_ring ring_next; /* of a newer session: read when the other is empty */
	struct busy_poll poll; /* of `ring` */
	bool current; /* the oldest record of `ring` is in the agent's hands */
	struct pending pending;

	uint32_t n_abilities;
	struct session_ability *abilities;
	bool shadow;
	char name[SESSION_NAME_SIZE];
	char version[SESSION_VERSION_SIZE];
	char content_version[SESSION_VERSION_SIZE];

	_Alignas(8) char buffer[SESSION_MESSAGE_MAX]; /* one datagram */
};

/*
 * Copies options of any contract: what an older caller does not know is 0; what a newer caller set and this library
 * does not know is -E2BIG. from may be NULL. -EINVAL when its size is not set.
 */
int agent_copy_opts(void *to, size_t to_size, const void *from);

/* The string with NULs behind it; NULL is "". -E2BIG when it does not fit with its end. */
int agent_copy_text(char *to, size_t to_size, const char *text);

/* Takes one datagram in and acts on it. 0: done (look at the state), -EAGAIN: there is none, else the error that
 * the agent must hear; the session is over then. */
int link_receive(struct rs_agent *agent);
/* The same for the lifeline: perhaps a new session. */
int link_receive_lifeline(struct rs_agent *agent);
/* Waits for one datagram of the session or the lifeline, and acts on it. -ETIMEDOUT, -ESHUTDOWN (both have ended). */
int link_step(struct rs_agent *agent, uint64_t until_ns);
/* Waits until the session is open. */
int link_open(struct rs_agent *agent);
/* Ends the session; the rings stay. */
void link_end(struct rs_agent *agent);
/* Sends, waiting for room if it must. -ETIMEDOUT, -EPIPE (the session has ended), -EAGAIN never. */
int link_send(struct rs_agent *agent, const void *message, size_t size, uint64_t until_ns);
/* Sends a request and waits for its reply, over restarts of the engine. Numbers it. The engine's error or ours. */
int link_request(struct rs_agent *agent, struct session_head *request);

/* Tells the engine that events may come. 0 also when it has just gone: the next one is told. */
int link_send_ready(struct rs_agent *agent);

/* A new session's ring. Consumes the descriptors, also on failure. */
int rings_add(struct rs_agent *agent, const int fds[3], size_t size_bytes);
/* Their session is over: what is in them can be read, but they wake nobody any more. */
void rings_quieten(struct rs_agent *agent);
void rings_deinit(struct rs_agent *agent);

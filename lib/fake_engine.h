/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fake_engine: the other end of an agent, for tests: cage and engine in one, as honest as the test wants.
 *
 * Nothing runs beside the test: what the engine will say is queued before the agent's call that reads it, and what
 * the agent said is read afterwards. Numbers of requests are foreseen: HELLO and each request take the next.
 */
#pragma once

#include "ring/ring.h"
#include "wire/session.h"

#include <ringside/ringside.h>

#define FAKE_RING_SIZE RING_SIZE_MIN
#define FAKE_DEADLINE_NS UINT64_C(30000000000)

struct fake_engine {
	int lifeline; /* -1: ended */
	int agent_end; /* of the lifeline: for rs_agent_open() */
	int session; /* -1: none */
	struct ring_writer *ring;
	uint64_t request; /* number of the agent's last request */
	uint64_t next_id;
	uint32_t mode; /* of the file of an auth_exec event */
	struct {
		struct session_welcome head;
		struct session_ability abilities[8];
	} welcome; /* what fake_welcome() sends */
};

void fake_init(struct fake_engine *fake);
void fake_deinit(struct fake_engine *fake);

/* The agent's rs_agent_open(), version "1.2", content "c3". */
int fake_open(struct fake_engine *fake, struct rs_agent **ret);
/* fake_init() and a handshake that goes well. */
struct rs_agent *fake_open_live(struct fake_engine *fake);
/* How many descriptors this process has. */
int fake_open_descriptors(void);

/* A new session over the lifeline; the agent will say HELLO. */
void fake_session(struct fake_engine *fake);
/* WELCOME with a new ring. */
void fake_welcome(struct fake_engine *fake);
/* Any datagram with any descriptors. */
void fake_send(struct fake_engine *fake, const void *message, size_t size, const int *fds, size_t n_fds);
/* The reply to the agent's next request. */
void fake_reply(struct fake_engine *fake, int error);
/* What the agent has sent, which must be of this type and well formed; NULL when there is nothing. */
const void *fake_receive(struct fake_engine *fake, enum session_type type);
/* The engine is gone. */
void fake_crash(struct fake_engine *fake);

/* Puts an event into the ring and wakes the agent. Returns its id. */
uint64_t fake_event(struct fake_engine *fake, uint16_t type, uint16_t flags, uint64_t deadline_ns);
/* The descriptor of an event; consumed. */
void fake_event_fd(struct fake_engine *fake, uint64_t id, int fd);

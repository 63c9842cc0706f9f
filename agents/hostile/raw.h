/* SPDX-License-Identifier: Apache-2.0 */
/*
 * raw: the wire of contract 1, written down once more, so that a program can break its rules. The SDK keeps them.
 *
 *     lifeline ─▶ raw_connect() ─▶ raw_hello() ─▶ raw_request() … ─▶ raw_next(), raw_answer()
 *
 * docs/CONTRACT.md is the text; a test compares these structs with the platform's own.
 */
#pragma once

#include "common/tally.h"

#include <ringside/ringside.h>
#include <stdatomic.h>

#define RAW_MESSAGE_MAX 32768u
#define RAW_ENV "RINGSIDE_FD"

enum raw_type {
	RAW_HELLO = 1,
	RAW_WELCOME = 2,
	RAW_SUBSCRIBE = 3,
	RAW_MUTE = 4,
	RAW_REPLY = 5,
	RAW_READY = 6,
	RAW_ANSWER = 7,
	RAW_EVENT_FD = 8,
	RAW_CONTENT = 9,
	RAW_BYE = 10,
	RAW_ACTION = 11,
};

enum raw_verdict {
	RAW_ALLOW = 1,
	RAW_DENY = 2,
};

#define RAW_ANSWER_CACHE 1u
#define RAW_WITH_FD 1u
#define RAW_MUTE_EXE 2u
#define RAW_MUTE_ADD 1u
#define RAW_ACTION_KILL 1u

struct raw_head {
	uint32_t size;
	uint16_t type;
	uint16_t reserved;
	uint64_t request;
};

struct raw_set {
	uint64_t words[RS_EVENT_TYPE_LIMIT / 64];
};

struct raw_hello {
	struct raw_head head;
	uint32_t contract_lowest;
	uint32_t contract_highest;
	char sdk_version[64];
	char version[64];
	char content_version[64];
};

struct raw_welcome {
	struct raw_head head;
	uint32_t contract;
	uint32_t n_abilities;
	uint64_t ring_size_bytes;
	uint64_t generation;
	uint64_t missed;
	uint32_t shadow;
	uint32_t pending_max;
	char name[64];
};

struct raw_subscribe {
	struct raw_head head;
	struct raw_set events;
	uint32_t flags;
	uint32_t deadline_ms;
};

struct raw_mute {
	struct raw_head head;
	uint32_t kind;
	uint32_t op;
	struct raw_set events;
	uint64_t number;
	uint32_t size;
	uint32_t reserved;
	char bytes[RS_PATH_SIZE_MAX];
};

struct raw_reply {
	struct raw_head head;
	int32_t error;
	uint32_t reserved;
	char text[240];
};

struct raw_answer {
	struct raw_head head;
	uint32_t verdict;
	uint32_t flags;
	char rule[64];
	char reason[RS_REASON_SIZE_MAX + 1];
};

struct raw_content {
	struct raw_head head;
	char version[64];
};

struct raw_bye {
	struct raw_head head;
	char reason[RS_REASON_SIZE_MAX + 1];
};

struct raw_action {
	struct raw_head head;
	uint32_t kind;
	uint32_t reserved;
	uint64_t process_id;
	char rule[64];
	char reason[RS_REASON_SIZE_MAX + 1];
};

/* Head page of the ring, and the page that is the reader's. */
struct raw_ring_head {
	_Atomic uint64_t head;
};

struct raw_cursor {
	_Atomic uint64_t tail;
	uint8_t padding[56];
	_Atomic uint32_t waiting;
};

struct raw {
	int lifeline;
	int session; /* -1: none */
	int ring_fd, cursor_fd, wake_fd;
	struct raw_ring_head *head;
	const char *data; /* ring_size bytes, twice in a row */
	struct raw_cursor *cursor;
	uint64_t ring_size;
	uint64_t tail;
	uint64_t requests;
	int event_fd; /* the newest that came; -1: none */
	uint64_t event_fd_id;
	uint64_t event[RS_EVENT_SIZE_MAX / 8]; /* a copy of the newest event */
	char name[64]; /* the agent's, once there was a session */
	uint64_t done; /* how often the mode tried what it is for, where that is not seen from outside */
	struct tally tally; /* of all events that raw_next() gave and all answers of raw_answer() */
};

/* All fields without a session. The lifeline's number is in the environment. -ENOTCONN. */
int raw_init(struct raw *raw);
/* Closes and unmaps what belongs to the session. */
void raw_hang_up(struct raw *raw);

/* Waits for a session on the lifeline. -EPIPE when there will be none any more, -ETIMEDOUT. */
int raw_connect(struct raw *raw, int timeout_ms);

/* One datagram, as it is; waits while the peer's queue is full. -errno. */
int raw_send(const struct raw *raw, const void *bytes, size_t size, const int *fds, size_t n_fds);
/* One datagram; descriptors among it are kept in raw->event_fd (EVENT_FD), or closed. Its size, 0: time is over,
 * -EPIPE: the session has ended. */
ssize_t raw_receive(struct raw *raw, void *bytes, size_t size, int timeout_ms);

struct raw_hello raw_good_hello(void);
/* HELLO, WELCOME, ring mapped. -errno. */
int raw_hello(struct raw *raw);
/* Sends with a request number of its own and waits for the reply; its error. */
int raw_request(struct raw *raw, void *message, size_t size);
int raw_subscribe(struct raw *raw, const enum rs_event_type *types, size_t n, uint32_t flags);
int raw_ready(const struct raw *raw);

/* 1: raw->event is the next event (a copy; consumed), 0: time is over, -EPIPE: the session has ended. */
int raw_next(struct raw *raw, int timeout_ms);
int raw_answer(struct raw *raw, uint64_t id, uint32_t verdict, uint32_t flags);

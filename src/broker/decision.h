/* SPDX-License-Identifier: Apache-2.0 */
/*
 * decision: what is kept of one question: the event (compact), who was asked, who said what, and the outcome.
 *
 *     question (open, slot of the table) ─▶ decision_write ─▶ bytes in the decision log ─▶ decision_json ─▶ explain
 *
 * A written decision is one flat record without pointers:
 *     struct decision | event | struct decision_voice … | texts
 */
#pragma once

#include "base/json.h"
#include "wire/session.h"

#include <stdbool.h>

/* A compact event: head, body, and the strings that matter, cut to what fits; a path keeps its end. */
#define DECISION_EVENT_SIZE 1536u

enum decision_answer {
	DECISION_NONE, /* asked, not heard yet */
	DECISION_ALLOW,
	DECISION_DENY,
	DECISION_MISSED,
	DECISION_LATE,
	DECISION_CRASHED,
	DECISION_N_ANSWERS,
};

enum decision_why {
	DECISION_ALL_ALLOWED,
	DECISION_AN_AGENT_DENIED,
	DECISION_A_MISS_ALLOWED,
	DECISION_A_MISS_DENIED,
	DECISION_UNGUARDED, /* nobody to ask */
	DECISION_MUTED, /* everybody who could be asked muted it */
	DECISION_ONLY_SHADOW, /* only shadow agents were asked */
	DECISION_NO_ROOM, /* too many questions are open: as if all had missed */
	DECISION_WAITING,
	DECISION_N_WHYS,
};

enum decision_override {
	OVERRIDE_NONE,
	OVERRIDE_ESSENTIAL,
	OVERRIDE_STORM_LIMIT,
	OVERRIDE_STORM_PROGRAMS,
	OVERRIDE_N,
};

enum decision_miss {
	MISS_NONE,
	MISS_DEADLINE,
	MISS_RING_FULL,
	MISS_SOCKET_FULL,
	MISS_PENDING_MAX,
	MISS_CRASHED,
	MISS_BENCHED,
	MISS_ENDED,
	MISS_NO_ROOM,
	MISS_N,
};

struct decision_voice {
	uint64_t latency_ns;
	uint32_t agent_index; /* in settings */
	uint16_t name; /* offsets in the texts; 0: none */
	uint16_t version;
	uint16_t content_version;
	uint16_t rule;
	uint16_t reason;
	uint8_t answer; /* enum decision_answer */
	uint8_t miss; /* enum decision_miss */
	bool cache;
	bool shadow;
	bool counted; /* its answer came before the decision and was not shadow */
	uint8_t reserved[5];
};

struct decision {
	uint32_t size; /* of the record */
	uint32_t event_size;
	uint32_t texts_size;
	uint16_t n_voices;
	bool denied;
	bool cached;
	bool missed;
	uint8_t why; /* enum decision_why */
	uint8_t override; /* enum decision_override */
	uint8_t reserved[5];
	uint64_t id;
	uint64_t latency_ns; /* of the decision; 0 while it waits */
};

/* The sentence for each. */
const char *decision_override_text(enum decision_override override);
const char *decision_miss_text(enum decision_miss miss);

/* The parts of a record. */
const struct rs_event *decision_event(const struct decision *decision);
struct decision_voice *decision_voices(struct decision *decision);

/* Copies an event into a buffer of DECISION_EVENT_SIZE (8-aligned), shortening strings. Returns its size. */
uint32_t decision_compact(const struct rs_event *event, void *buffer);

/* One explain object. */
void decision_json(struct json *json, const char *key, const struct decision *decision);

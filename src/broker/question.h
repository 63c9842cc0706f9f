/* SPDX-License-Identifier: Apache-2.0 */
/*
 * question: the table of open questions: slots taken once at the start, a hash by event id, a heap by the next
 * deadline. What a question means, arbiter.c knows; here it is only kept.
 *
 *     question_take ─▶ (answers, misses) ─▶ question_write into the decision log ─▶ question_release
 *
 * A question stays in the table after its decision until every agent that was asked has answered or missed: what the
 * others said belongs to its record.
 */
#pragma once

#include "broker/agent_set.h"
#include "broker/decision.h"
#include "broker/identity.h"
#include "sensor/sensor.h"
#include "verdict/ballot.h"

#define QUESTIONS_MAX 4096u /* open at a time: each is a blocked system call */
#define QUESTION_TEXTS_SIZE 2048u

struct agent;

struct question_voter {
	struct agent *agent; /* NULL once it was heard, or is gone */
	struct identity *identity;
	uint64_t deadline_ns;
	uint64_t latency_ns;
	uint16_t rule; /* offsets in the question's texts; 0: none */
	uint16_t reason;
	uint8_t answer; /* enum decision_answer; DECISION_NONE: owes one */
	uint8_t miss; /* enum decision_miss */
	bool shadow;
	bool cache;
	bool counted;
};

struct question {
	uint64_t id;
	struct sensor_question sensor_question;
	uint64_t asked_ns; /* when the kernel asked */
	uint64_t cache_epoch; /* of the broker when it was asked */
	uint64_t latency_ns;
	struct ballot ballot;
	bool everybody_asked; /* no agent that wants files was left out by a mute or a type it did not subscribe to */
	bool essential; /* said only for an event that had to be shortened */
	bool ran_before;
	bool denied;
	bool cached;
	bool notable; /* worth the second log: denied, overridden, missed */
	uint8_t why;
	uint8_t override;
	uint16_t n_voters;
	uint16_t n_open; /* voters that owe an answer */
	uint16_t texts_size;
	uint32_t event_size;
	/* the table's own */
	uint32_t heap_at;
	uint64_t due_ns;
	struct question *next; /* in its bucket, or among the free */
	/* large parts last */
	uint64_t event[DECISION_EVENT_SIZE / 8];
	struct question_voter voters[BROKER_AGENTS_MAX];
	char texts[QUESTION_TEXTS_SIZE];
};

struct question_table;

int question_table_new(uint32_t n_max, struct question_table **ret);
struct question_table *question_table_free(struct question_table *table);
uint32_t question_table_n(const struct question_table *table);

/* A fresh question with this event (made compact); due never. NULL: the table is full. */
struct question *question_take(struct question_table *table, const struct rs_event *event);
struct question *question_find(struct question_table *table, uint64_t id);
/* Any open question by number, 0 … question_table_n() - 1, in no order; the order changes with due times. */
struct question *question_at(struct question_table *table, uint32_t i);
/* When question_table_due() has to give it next. */
void question_set_due(struct question_table *table, struct question *question, uint64_t due_ns);
/* The one with the earliest due time; NULL when there is none. */
struct question *question_table_due(struct question_table *table);
/* Forgets it and gives back its identities. */
void question_release(struct question_table *table, struct question *question);

static inline const struct rs_event *question_event(const struct question *question)
{
	return (const struct rs_event *)(const void *)question->event;
}

/* Keeps a text of an answer; texts of allows leave room for those of a deny. Returns its offset, 0 when there is no
 * room or nothing to keep. */
uint16_t question_keep_text(struct question *question, const char *text, bool deny);

/* Writes it down as it is now. size_max: see question_size_max(). */
size_t question_size_max(const struct question *question);
void question_write(const struct question *question, struct decision *to);

/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/question.h"

#include "base/macro.h"

#include <errno.h>
#include <string.h>

#define BUCKETS 8192u
#define NAMES_SIZE (SESSION_NAME_SIZE + 2 * SESSION_VERSION_SIZE)
#define ALLOW_TEXTS_SIZE (QUESTION_TEXTS_SIZE / 2)

struct question_table {
	struct question *slots;
	uint32_t n_max;
	struct question *free;
	struct question **heap;
	uint32_t n;
	struct question *buckets[BUCKETS];
};

int question_table_new(uint32_t n_max, struct question_table **ret)
{
	struct question_table *table = calloc(1, sizeof(*table));
	if (!table)
		return -ENOMEM;
	/* calloc() gives pages that are not there until they are used; the free list is last in, first out: the
	 * memory in use follows the number of questions that were ever open at once. */
	table->slots = calloc(n_max, sizeof(table->slots[0]));
	table->heap = calloc(n_max, sizeof(struct question *));
	if (!table->slots || !table->heap) {
		question_table_free(table);
		return -ENOMEM;
	}
	table->n_max = n_max;
	*ret = table;
	return 0;
}

struct question_table *question_table_free(struct question_table *table)
{
	if (!table)
		return NULL;
	while (table->n > 0)
		question_release(table, table->heap[0]);
	free(table->slots);
	free(table->heap);
	free(table);
	return NULL;
}

uint32_t question_table_n(const struct question_table *table)
{
	return table->n;
}

static void heap_put(struct question_table *table, uint32_t at, struct question *question)
{
	table->heap[at] = question;
	question->heap_at = at;
}

static void heap_up(struct question_table *table, struct question *question)
{
	uint32_t at = question->heap_at;
	while (at > 0 && table->heap[(at - 1) / 2]->due_ns > question->due_ns) {
		heap_put(table, at, table->heap[(at - 1) / 2]);
		at = (at - 1) / 2;
	}
	heap_put(table, at, question);
}

static void heap_down(struct question_table *table, struct question *question)
{
	uint32_t at = question->heap_at;
	for (;;) {
		uint32_t child = 2 * at + 1;
		if (child >= table->n)
			break;
		if (child + 1 < table->n && table->heap[child + 1]->due_ns < table->heap[child]->due_ns)
			child++;
		if (table->heap[child]->due_ns >= question->due_ns)
			break;
		heap_put(table, at, table->heap[child]);
		at = child;
	}
	heap_put(table, at, question);
}

struct question *question_take(struct question_table *table, const struct rs_event *event)
{
	/* slots that were never used come after those that were given back */
	struct question *question = table->free;
	if (question)
		table->free = question->next;
	else if (table->n < table->n_max)
		question = &table->slots[table->n];
	else
		return NULL;
	memset(question, 0, offsetof(struct question, event));
	question->id = event->id;
	question->texts_size = 1; /* offset 0 means none */
	question->texts[0] = '\0';
	question->event_size = decision_compact(event, question->event);
	question->due_ns = UINT64_MAX;
	question->next = table->buckets[event->id % BUCKETS];
	table->buckets[event->id % BUCKETS] = question;
	heap_put(table, table->n, question);
	table->n++;
	return question;
}

struct question *question_find(struct question_table *table, uint64_t id)
{
	struct question *question = table->buckets[id % BUCKETS];
	while (question && question->id != id)
		question = question->next;
	return question;
}

struct question *question_at(struct question_table *table, uint32_t i)
{
	return i < table->n ? table->heap[i] : NULL;
}

void question_set_due(struct question_table *table, struct question *question, uint64_t due_ns)
{
	question->due_ns = due_ns;
	heap_up(table, question);
	heap_down(table, question);
}

struct question *question_table_due(struct question_table *table)
{
	return table->n > 0 ? table->heap[0] : NULL;
}

void question_release(struct question_table *table, struct question *question)
{
	struct question **link = &table->buckets[question->id % BUCKETS];
	while (*link != question)
		link = &(*link)->next;
	*link = question->next;

	struct question *last = table->heap[--table->n];
	if (last != question) {
		heap_put(table, question->heap_at, last);
		heap_up(table, last);
		heap_down(table, last);
	}
	for (uint16_t i = 0; i < question->n_voters; i++)
		question->voters[i].identity = identity_unref(question->voters[i].identity);
	question->next = table->free;
	table->free = question;
}

uint16_t question_keep_text(struct question *question, const char *text, bool deny)
{
	size_t size = strlen(text) + 1;
	if (size == 1 || question->texts_size + size > (deny ? QUESTION_TEXTS_SIZE : ALLOW_TEXTS_SIZE))
		return 0;
	uint16_t at = question->texts_size;
	memcpy(question->texts + at, text, size);
	question->texts_size = (uint16_t)(at + size);
	return at;
}

size_t question_size_max(const struct question *question)
{
	return sizeof(struct decision) + question->event_size +
	       question->n_voters * (sizeof(struct decision_voice) + NAMES_SIZE) + question->texts_size + 8;
}

static uint16_t put_text(char *texts, size_t *size, const char *text)
{
	size_t length = strlen(text);
	if (length == 0 || *size + length + 1 > UINT16_MAX)
		return 0;
	size_t at = *size;
	memcpy(texts + at, text, length + 1);
	*size = at + length + 1;
	return (uint16_t)at;
}

void question_write(const struct question *question, struct decision *to)
{
	*to = (struct decision){
		.event_size = question->event_size,
		.n_voices = question->n_voters,
		.denied = question->denied,
		.cached = question->cached,
		.missed = question->ballot.missed,
		.why = question->why,
		.override = question->override,
		.id = question->id,
		.latency_ns = question->latency_ns,
	};
	memcpy(to + 1, question->event, question->event_size);
	struct decision_voice *voices = decision_voices(to);
	char *texts = (char *)(voices + question->n_voters);
	size_t texts_size = question->texts_size;
	memcpy(texts, question->texts, texts_size);
	for (uint16_t i = 0; i < question->n_voters; i++) {
		const struct question_voter *voter = &question->voters[i];
		voices[i] = (struct decision_voice){
			.latency_ns = voter->latency_ns,
			.agent_index = voter->identity->agent_index,
			.name = put_text(texts, &texts_size, voter->identity->name),
			.version = put_text(texts, &texts_size, voter->identity->version),
			.content_version = put_text(texts, &texts_size, voter->identity->content_version),
			.rule = voter->rule,
			.reason = voter->reason,
			.answer = voter->answer,
			.miss = voter->miss,
			.cache = voter->cache,
			.shadow = voter->shadow,
			.counted = voter->counted,
		};
	}
	to->texts_size = (uint32_t)texts_size;
	to->size = (uint32_t)(texts + texts_size - (char *)to);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ring: the shared-memory event ring: one writer (the engine), one reader (an agent).
 *
 *     writer ─▶ [ head page | data, mapped twice in a row ] ─▶ reader           ring memfd, F_SEAL_FUTURE_WRITE:
 *     writer ◀─ [ cursor page | answers ] ◀─ reader                             cursor memfd, the reader writes it
 *     writer ─▶ wake pipe ─▶ reader                                             one byte when the reader sleeps
 *
 * Records are whole events, 8-aligned, contiguous (the second mapping takes care of the wrap). `head` and `tail`
 * count bytes since the start and never wrap. The reader may be hostile: the writer copies the cursor once and
 * accepts it only when it moved forward, lies on no more than head, and is 8-aligned; anything else is
 * RING_LIED. The writer cannot be stopped by the reader; a full ring is RING_FULL and the caller counts the drop.
 *
 * Wake-up: the reader sets `waiting` in its cursor page before it sleeps on the pipe and looks once more; the
 * writer, after publishing, takes `waiting` back and writes a byte only when it was set. Both sides use sequentially
 * consistent operations on `head` and `waiting`, so that one of them always sees the other. It is a pipe and not an
 * eventfd because O_NONBLOCK of an eventfd belongs to both sides: a hostile reader could clear it, fill the counter,
 * and stop the writer. The two ends of a pipe have each their own.
 *
 * Answers go the other way: plain allows of questions, the most frequent thing an agent has to say, without a system
 * call on either side while the writer looks. Before it sleeps it says of whom it wants to be woken (the bell); such a
 * reader tells it by its session that there is an answer. The same kind of handshake as above keeps one from missing
 * the other. The writer copies an answer once and takes any value as possible.
 *
 * Pure shared memory: no other I/O than the pipe. The ring owns its descriptors and mappings. What the reader sees
 * of a record, only the writer can change: the reader trusts the writer not to change it until it is consumed.
 */
#pragma once

#include <ringside/event.h>
#include <stdbool.h>
#include <stdint.h>

enum ring_result {
	RING_OK = 0,
	RING_FULL = 1, /* no room */
	RING_EMPTY = 2, /* nothing new */
	RING_LIED =
		3, /* writer: the cursor, or the count of answers, makes no sense; reader: the record makes no sense */
};

#define RING_ANSWERS 1024u /* that fit before the writer takes one */

/* An allow. */
struct ring_answer {
	uint64_t id; /* of the question's event */
	uint64_t at_ns; /* CLOCK_MONOTONIC: when it was given, says the reader */
	uint32_t flags; /* enum session_answer_flags */
	uint32_t reserved; /* 0 */
};

#define RING_SIZE_MIN (128u << 10)
#define RING_SIZE_MAX (256u << 20)

struct ring_writer;
struct ring_reader;

/* size_bytes: power of two within the limits, else -EINVAL. All memory is taken here: -ENOMEM, never later. */
int ring_writer_new(size_t size_bytes, struct ring_writer **ret);
struct ring_writer *ring_writer_free(struct ring_writer *writer);
/* Borrowed, to be sent to the reader: ring (sealed against its writes), cursor, reading end of the wake pipe. */
void ring_writer_fds(const struct ring_writer *writer, int ret_fds[3]);

/*
 * Room for a record of this size (multiple of 8, at most RS_EVENT_SIZE_MAX); *ret is where to write it. Nothing is
 * visible before ring_commit(). RING_OK, RING_FULL, RING_LIED.
 */
enum ring_result ring_reserve(struct ring_writer *writer, size_t size, void **ret);
/* Publishes what was reserved last. Does not wake. */
void ring_commit(struct ring_writer *writer);
/* Wakes the reader when it waits. Call once after a batch. 1: a wake-up was sent; 0: it needs none; -errno: it waits
 * still: call again. */
int ring_wake(struct ring_writer *writer);
/* Bytes that the reader has not consumed, as far as it tells the truth. */
size_t ring_used(const struct ring_writer *writer);

/* The oldest answer that was not taken. RING_OK, RING_EMPTY, RING_LIED. */
enum ring_result ring_take_answer(struct ring_writer *writer, struct ring_answer *ret);
bool ring_has_answer(const struct ring_writer *writer);
/* Whether the reader is to tell of its next answers, as it does until it is told otherwise. After turning it on look
 * once more with ring_has_answer(). */
void ring_bell(struct ring_writer *writer, bool on);

/* Consumes the three descriptors, also on failure. -EINVAL when they are not a ring of this size. */
int ring_reader_new(const int fds[3], size_t size_bytes, struct ring_reader **ret);
struct ring_reader *ring_reader_free(struct ring_reader *reader);
/* The wake pipe, borrowed: readable when it is worth looking. */
int ring_reader_fd(const struct ring_reader *reader);
/* The oldest record that was not consumed; stays valid until ring_consume(). RING_OK, RING_EMPTY, RING_LIED. */
enum ring_result ring_peek(struct ring_reader *reader, const struct rs_event **ret);
void ring_consume(struct ring_reader *reader);
/* Announces sleep. True: nothing there, sleep on ring_reader_fd(); false: look again first (and it was taken back). */
bool ring_prepare_wait(struct ring_reader *reader);
/* After waking: takes the announcement back and empties the pipe. Look before the next ring_prepare_wait(). */
void ring_finish_wait(struct ring_reader *reader);

/* Answers. RING_OK, RING_FULL (say it another way). *ret_bell: the writer sleeps, and wants to be told. */
enum ring_result ring_answer(struct ring_reader *reader, const struct ring_answer *answer, bool *ret_bell);

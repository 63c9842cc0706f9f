/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ring: the shared-memory event ring: one writer (the engine), one reader (an agent).
 *
 *     writer ─▶ [ head page | data, mapped twice in a row ] ─▶ reader           ring memfd, F_SEAL_FUTURE_WRITE:
 *     writer ◀─ [ cursor page ] ◀─ reader                                       cursor memfd, the reader writes it
 *
 * Records are whole events, 8-aligned, contiguous (the second mapping takes care of the wrap). `head` and `tail`
 * count bytes since the start and never wrap. The reader may be hostile: the writer copies the cursor once and
 * accepts it only when it moved forward, lies on no more than head, and is 8-aligned; anything else is
 * RING_LIED. The writer cannot be stopped by the reader; a full ring is RING_FULL and the caller counts the drop.
 *
 * Wake-up: the reader sets `waiting` in its cursor page before it sleeps on the eventfd and looks once more; the
 * writer, after publishing, writes the eventfd only when `waiting` is set (both sides with a full fence between).
 *
 * Pure shared memory: no other I/O than the eventfd. The ring owns its descriptors and mappings.
 */
#pragma once

#include <ringside/event.h>
#include <stdbool.h>

enum ring_result {
	RING_OK = 0,
	RING_FULL = 1,  /* writer: no room */
	RING_EMPTY = 2, /* reader: nothing new */
	RING_LIED = 3,  /* writer: the cursor makes no sense; reader: the record makes no sense */
};

#define RING_SIZE_MIN 65536u * 2u
#define RING_SIZE_MAX (256u << 20)

struct ring_writer;
struct ring_reader;

/* size_bytes: power of two within the limits, else -EINVAL. */
int ring_writer_new(size_t size_bytes, struct ring_writer **ret);
struct ring_writer *ring_writer_free(struct ring_writer *writer);
/* Borrowed, to be sent to the reader: ring (sealed against its writes), cursor, eventfd. */
void ring_writer_fds(const struct ring_writer *writer, int ret_fds[3]);

/*
 * Room for a record of this size (multiple of 8); *ret is where to write it. Nothing is visible before
 * ring_commit(). RING_OK, RING_FULL, RING_LIED.
 */
enum ring_result ring_reserve(struct ring_writer *writer, size_t size, void **ret);
/* Publishes what was reserved last. Does not wake. */
void ring_commit(struct ring_writer *writer);
/* Wakes the reader when it waits. True when a wake-up was sent. Call once after a batch. */
bool ring_wake(struct ring_writer *writer);
/* Bytes that the reader has not consumed, as far as it tells the truth. */
size_t ring_used(const struct ring_writer *writer);

/* Consumes the three descriptors, also on failure. -EINVAL when they are not a ring of this size. */
int ring_reader_new(const int fds[3], size_t size_bytes, struct ring_reader **ret);
struct ring_reader *ring_reader_free(struct ring_reader *reader);
/* The eventfd, borrowed. */
int ring_reader_fd(const struct ring_reader *reader);
/* The oldest record that was not consumed; stays valid until ring_consume(). RING_OK, RING_EMPTY, RING_LIED. */
enum ring_result ring_peek(struct ring_reader *reader, const struct rs_event **ret);
void ring_consume(struct ring_reader *reader);
/* Announces sleep. True: nothing there, sleep on the eventfd; false: look again first. */
bool ring_prepare_wait(struct ring_reader *reader);
/* After waking: takes the announcement back and empties the eventfd. */
void ring_finish_wait(struct ring_reader *reader);

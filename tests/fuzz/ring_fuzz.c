/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Both sides of the event ring against a peer that writes anything into its shared memory.
 *
 *     first byte even: 8 bytes of head, then the bytes of the ring, for the reader
 *     odd: steps of 9 bytes for the writer: how much to write (times 8), then what the cursor says
 */
#include "ring/ring.c" /* its structs: the peer's memory */

#include "tests/fuzz/fuzz.h"
#include "wire/event_json.h"

#include <string.h>

static struct ring_writer *writer;
static struct ring_reader *reader;

static void set_up(void)
{
	int fds[3];
	FUZZ_EXPECT(ring_writer_new(RING_SIZE_MIN, &writer) == 0);
	ring_writer_fds(writer, fds);
	for (size_t i = 0; i < 3; i++)
		fds[i] = dup(fds[i]);
	FUZZ_EXPECT(ring_reader_new(fds, RING_SIZE_MIN, &reader) == 0);
}

static void read_anything(const uint8_t *data, size_t size)
{
	static char text[EVENT_JSON_SIZE_MAX];
	const struct rs_event *event;
	uint64_t head;
	if (size < sizeof(head))
		return;
	memcpy(&head, data, sizeof(head));
	memset(writer->map.data, 0, RING_SIZE_MIN);
	memcpy(writer->map.data, data + sizeof(head), MIN(size - sizeof(head), RING_SIZE_MIN));
	atomic_store(&writer->map.head->head, head);
	reader->tail = 0;
	reader->peeked = 0;
	while (ring_peek(reader, &event) == RING_OK) {
		FUZZ_EXPECT(event->size >= sizeof(*event) && event->size <= RS_EVENT_SIZE_MAX && event->size % 8 == 0);
		FUZZ_EXPECT(reader->tail + event->size <= head && head <= RING_SIZE_MIN);
		FUZZ_EXPECT((uint64_t)event->body_offset + event->body_size <= event->size);
		event_json(event, text, sizeof(text));
		ring_consume(reader);
	}
	FUZZ_EXPECT(ring_prepare_wait(reader) == (reader->tail == head));
	ring_finish_wait(reader);
}

static void write_anyway(const uint8_t *data, size_t size)
{
	struct ring_cursor *cursor = writer->map.cursor;
	writer->head = writer->tail = writer->reserved = 0;
	for (; size >= 9; data += 9, size -= 9) {
		uint64_t said, before = writer->tail;
		size_t wanted = 8 + data[0] * 64u;
		void *at;
		memcpy(&said, data + 1, sizeof(said));
		atomic_store(&cursor->tail, said);
		atomic_store(&cursor->waiting, data[1]);
		enum ring_result result = ring_reserve(writer, wanted, &at);
		bool true_word = said >= before && said <= writer->head && said % 8 == 0;
		FUZZ_EXPECT((result == RING_LIED) == !true_word);
		FUZZ_EXPECT(ring_used(writer) <= RING_SIZE_MIN);
		if (result != RING_OK)
			continue;
		FUZZ_EXPECT(writer->head - said + wanted <= RING_SIZE_MIN);
		memset(at, data[0], wanted);
		ring_commit(writer);
		ring_wake(writer);
		FUZZ_EXPECT(atomic_load(&cursor->waiting) == 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!writer)
		set_up();
	if (size > 0 && data[0] % 2 == 0)
		read_anything(data + 1, size - 1);
	else if (size > 0)
		write_anyway(data + 1, size - 1);
	return 0;
}

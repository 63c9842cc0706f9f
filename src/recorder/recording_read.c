/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reader. At a place that is no record it seeks: it looks at every following multiple of 8 until a frame, its
 * checksum and its event agree. One call looks at and sums up at most SEEK_BUDGET bytes.
 */
#include "base/fd.h"
#include "recorder/crc32c.h"
#include "recorder/recording.h"
#include "wire/event_build.h"
#include "wire/session.h"

#include <errno.h>
#include <inttypes.h>
#include <stdalign.h>
#include <stdio.h>
#include <string.h>

#define BUFFER_SIZE (4u * RS_EVENT_SIZE_MAX)
#define SEEK_BUDGET (1u << 20)

struct recording_reader {
	int fd;
	bool ended; /* read(2) said so */
	bool seeking; /* the bytes at `begin` are no record */
	bool ran_out; /* seeking because the file ended within what looked like a record */
	uint64_t offset; /* of `begin` in the file */
	uint64_t bad_offset;
	size_t begin, end; /* what of the buffer is filled */
	struct recording_header header;
	struct recording_counters counters;
	char problem[RECORDING_PROBLEM_SIZE];
	alignas(8) unsigned char buffer[BUFFER_SIZE];
};

enum frame_result {
	FRAME_GOOD,
	FRAME_REFUSED, /* frame and checksum agree, event_check() does not */
	FRAME_BAD,
	FRAME_SHORT, /* the file ends before the frame does */
};

/* Reads until `wanted` bytes lie in the buffer or the file ends. */
static int fill(struct recording_reader *reader, size_t wanted)
{
	if (reader->end - reader->begin >= wanted || reader->ended)
		return 0;
	memmove(reader->buffer, reader->buffer + reader->begin, reader->end - reader->begin);
	reader->end -= reader->begin;
	reader->begin = 0;
	while (reader->end < wanted && !reader->ended) {
		ssize_t r = read(reader->fd, reader->buffer + reader->end, BUFFER_SIZE - reader->end);
		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -errno;
		reader->ended = r == 0;
		reader->end += (size_t)r;
	}
	return 0;
}

static void advance(struct recording_reader *reader, size_t size)
{
	reader->begin += size;
	reader->offset += size;
}

/* Judges the bytes at `begin`. *ret_size: of the whole record. The sentence is for FRAME_BAD and FRAME_REFUSED. */
static int frame_look(struct recording_reader *reader, size_t *ret_size, char *sentence, size_t sentence_size)
{
	struct recording_frame frame;
	int r = fill(reader, sizeof(frame));
	if (r < 0)
		return r;
	*ret_size = 0;
	size_t have = reader->end - reader->begin;
	if (have < sizeof(frame)) {
		snprintf(sentence, sentence_size, "%zu bytes, expected a frame of %zu", have, sizeof(frame));
		return FRAME_SHORT;
	}
	memcpy(&frame, reader->buffer + reader->begin, sizeof(frame));
	if (frame.magic != RECORDING_FRAME_MAGIC || frame.reserved != 0) {
		snprintf(sentence, sentence_size, "expected a frame that begins with %#x, found %#x",
			 RECORDING_FRAME_MAGIC, frame.magic);
		return FRAME_BAD;
	}
	if (frame.size < sizeof(struct rs_event) || frame.size > RS_EVENT_SIZE_MAX || frame.size % 8 != 0) {
		snprintf(sentence, sentence_size, "a size of %" PRIu32 ", expected a multiple of 8 from %zu to %u",
			 frame.size, sizeof(struct rs_event), RS_EVENT_SIZE_MAX);
		return FRAME_BAD;
	}
	r = fill(reader, sizeof(frame) + frame.size);
	if (r < 0)
		return r;
	have = reader->end - reader->begin;
	if (have < sizeof(frame) + frame.size) {
		snprintf(sentence, sentence_size, "the file ends %zu bytes into a record of %zu", have,
			 sizeof(frame) + frame.size);
		return FRAME_SHORT;
	}
	*ret_size = sizeof(frame) + frame.size;
	const unsigned char *event = reader->buffer + reader->begin + sizeof(frame);
	uint32_t crc = crc32c(crc32c(0, &frame.size, sizeof(frame.size)), event, frame.size);
	if (crc != frame.crc) {
		snprintf(sentence, sentence_size, "checksum %#" PRIx32 ", expected %#" PRIx32, crc, frame.crc);
		return FRAME_BAD;
	}
	const char *why = event_check(event, frame.size);
	if (why)
		snprintf(sentence, sentence_size, "not a well-formed event: %s", why);
	return why ? FRAME_REFUSED : FRAME_GOOD;
}

static void problem_set(struct recording_reader *reader, const char *sentence)
{
	reader->bad_offset = reader->offset;
	snprintf(reader->problem, sizeof(reader->problem), "record at byte %" PRIu64 ": %s", reader->offset, sentence);
}

/* What was skipped is known: says what it was. */
static int seek_end(struct recording_reader *reader, bool at_end_of_file)
{
	uint64_t skipped = reader->offset - reader->bad_offset;
	reader->seeking = false;
	if (at_end_of_file && reader->ran_out) {
		reader->counters.torn_bytes += skipped;
		return RECORDING_TORN;
	}
	reader->counters.damaged++;
	reader->counters.skipped_bytes += skipped;
	return RECORDING_DAMAGED;
}

static int seek(struct recording_reader *reader)
{
	char ignored[8];
	size_t size, spent = 0;
	while (spent < SEEK_BUDGET) {
		int r = frame_look(reader, &size, ignored, sizeof(ignored));
		if (r < 0)
			return r;
		if (r == FRAME_GOOD || r == FRAME_REFUSED)
			return seek_end(reader, false);
		size_t step = MIN(reader->end - reader->begin, (size_t)8);
		if (step == 0)
			return seek_end(reader, true);
		advance(reader, step);
		spent += step + size;
	}
	return RECORDING_AGAIN;
}

int recording_next(struct recording_reader *reader, struct rs_event **ret)
{
	char sentence[RECORDING_PROBLEM_SIZE - 40];
	size_t size;
	if (reader->seeking)
		return seek(reader);
	int r = fill(reader, 1);
	if (r < 0)
		return r;
	if (reader->begin == reader->end)
		return RECORDING_END;
	r = frame_look(reader, &size, sentence, sizeof(sentence));
	if (r < 0)
		return r;
	if (r == FRAME_GOOD) {
		*ret = (struct rs_event *)(void *)(reader->buffer + reader->begin + sizeof(struct recording_frame));
		advance(reader, size);
		reader->counters.records++;
		return RECORDING_OK;
	}
	problem_set(reader, sentence);
	if (r == FRAME_REFUSED) {
		advance(reader, size);
		reader->counters.refused++;
		return RECORDING_REFUSED;
	}
	reader->seeking = true;
	reader->ran_out = r == FRAME_SHORT;
	advance(reader, MIN(reader->end - reader->begin, (size_t)8));
	return seek(reader);
}

/* NULL when this version can read it, else a sentence. */
static const char *header_look(struct recording_reader *reader, char *sentence, size_t size)
{
	struct recording_header *header = &reader->header;
	if (reader->end < sizeof(*header)) {
		snprintf(sentence, size, "is %zu bytes long, expected a header of %zu bytes: not a recording",
			 reader->end, sizeof(*header));
		return sentence;
	}
	memcpy(header, reader->buffer, sizeof(*header));
	if (header->magic != RECORDING_MAGIC)
		return "does not begin with RINGSREC: not a recording of a machine of this byte order";
	if (header->version != RECORDING_VERSION || header->size != sizeof(*header)) {
		snprintf(sentence, size, "has version %" PRIu32 " of the format, expected %u: made by another Ringside",
			 header->version, RECORDING_VERSION);
		return sentence;
	}
	if (header->crc != crc32c(0, header, offsetof(struct recording_header, crc)))
		return "has a damaged header: its checksum does not agree";
	if (header->contract != SESSION_CONTRACT) {
		snprintf(sentence, size, "holds events of contract %" PRIu32 ", expected %u", header->contract,
			 SESSION_CONTRACT);
		return sentence;
	}
	if (!memchr(header->boot_id, '\0', sizeof(header->boot_id)) ||
	    !memchr(header->kernel, '\0', sizeof(header->kernel)))
		return "has a damaged header: a string in it does not end";
	return NULL;
}

int recording_reader_new(int fd, struct recording_reader **ret, char problem[RECORDING_PROBLEM_SIZE])
{
	_cleanup_(fd_closep) int own_fd = fd;
	_cleanup_(freep) struct recording_reader *reader = calloc(1, sizeof(*reader));
	if (!reader)
		return -ENOMEM;
	reader->fd = fd;
	int r = fill(reader, sizeof(struct recording_header));
	if (r < 0)
		return r;
	char sentence[RECORDING_PROBLEM_SIZE];
	const char *why = header_look(reader, sentence, sizeof(sentence));
	if (why) {
		snprintf(problem, RECORDING_PROBLEM_SIZE, "%s", why);
		return RECORDING_FOREIGN;
	}
	advance(reader, sizeof(struct recording_header));
	STEAL_FD(own_fd);
	*ret = STEAL(reader);
	return 0;
}

struct recording_reader *recording_reader_free(struct recording_reader *reader)
{
	if (!reader)
		return NULL;
	fd_close(reader->fd);
	free(reader);
	return NULL;
}

const struct recording_header *recording_reader_header(const struct recording_reader *reader)
{
	return &reader->header;
}

const struct recording_counters *recording_reader_counters(const struct recording_reader *reader)
{
	return &reader->counters;
}

const char *recording_problem(const struct recording_reader *reader)
{
	return reader->problem;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * recording: a file of events: what the replay sensor plays and the flight recorder keeps.
 *
 *     event ─▶ recording_write() ─▶ file ─▶ recording_next() ─▶ event_check() ─▶ event
 *
 *     file:   struct recording_header | record | record | …
 *     record: struct recording_frame | one event, a multiple of 8 bytes
 *
 * Everything is in the byte order of the machine that wrote it; a file of the other order fails the magic number.
 * The reader takes any bytes: a record is given out only when its frame, its checksum and event_check() agree. What
 * does not agree is named with its offset and skipped up to the next good record. The end of a file whose last
 * record was being written is `torn`: expected after a power cut, counted, no error.
 *
 * Owns the descriptor. Must not open files by name, and must not map them: another process can cut a mapped file,
 * and then reading it would end this process.
 */
#pragma once

#include <ringside/event.h>
#include <stdint.h>

#define RECORDING_MAGIC UINT64_C(0x43455253474e4952) /* "RINGSREC" */
#define RECORDING_FRAME_MAGIC 0x56455352u /* "RSEV" */
#define RECORDING_VERSION 1u
#define RECORDING_PROBLEM_SIZE 192u

struct recording_header {
	uint64_t magic;
	uint32_t version;
	uint32_t size; /* of this struct */
	uint32_t contract;
	uint32_t reserved;
	uint64_t wall_ns; /* when the recording began */
	uint64_t monotonic_ns; /* the same moment */
	char boot_id[40]; /* /proc/sys/kernel/random/boot_id, NUL-terminated */
	char kernel[128]; /* uname(2) release, NUL-terminated */
	uint32_t reserved2;
	uint32_t crc; /* crc32c of all before it */
};

struct recording_frame {
	uint32_t magic;
	uint32_t size; /* of the event */
	uint32_t crc; /* crc32c of `size` and of the event's bytes */
	uint32_t reserved;
};

_Static_assert(sizeof(struct recording_header) == 216, "wire size");
_Static_assert(sizeof(struct recording_frame) == 16, "wire size");

enum recording_result {
	RECORDING_OK = 0,
	RECORDING_END = 1,
	RECORDING_TORN = 2, /* the file ends within a record; the next call says RECORDING_END */
	RECORDING_DAMAGED = 3, /* bytes that are no record were skipped; see recording_problem() */
	RECORDING_REFUSED = 4, /* a whole record whose event is not well formed was skipped; the same */
	RECORDING_AGAIN = 5, /* still skipping: call again, now or later. Keeps one call bounded */
	RECORDING_FOREIGN = 6, /* recording_reader_new(): not a recording that this version can read */
};

struct recording_counters {
	uint64_t records; /* given out */
	uint64_t refused; /* whole, but event_check() said no */
	uint64_t damaged; /* places where the reader had to look for the next record */
	uint64_t skipped_bytes; /* of these */
	uint64_t torn_bytes; /* of an unfinished record at the end */
};

struct recording_reader;
struct recording_writer;

/*
 * Reads and checks the header. Consumes fd, also on failure. 0; RECORDING_FOREIGN with a sentence in problem;
 * -errno.
 */
int recording_reader_new(int fd, struct recording_reader **ret, char problem[RECORDING_PROBLEM_SIZE]);
struct recording_reader *recording_reader_free(struct recording_reader *reader);

const struct recording_header *recording_reader_header(const struct recording_reader *reader);
const struct recording_counters *recording_reader_counters(const struct recording_reader *reader);

/*
 * The next event, 8-aligned, valid until the next call; the caller may write to it. An enum recording_result, or
 * -errno of read(2).
 */
int recording_next(struct recording_reader *reader, struct rs_event **ret);

/* What the last DAMAGED, REFUSED or TORN was about: offset, what was expected, what was found. */
const char *recording_problem(const struct recording_reader *reader);

/*
 * Begins a recording: empties the file and writes the header. Consumes fd (a regular file, open for writing), also on
 * failure. -errno.
 */
int recording_writer_new(int fd, struct recording_writer **ret);
/* Closes without fsync(2): what a power cut takes from the end is what the reader calls torn. */
struct recording_writer *recording_writer_free(struct recording_writer *writer);

/*
 * Appends one event, which must pass event_check(). -errno; the record is then not part of the file: the next
 * write begins where it would have begun.
 */
int recording_write(struct recording_writer *writer, const struct rs_event *event);

/* Bytes of the file that are whole records, header included. */
uint64_t recording_writer_size(const struct recording_writer *writer);

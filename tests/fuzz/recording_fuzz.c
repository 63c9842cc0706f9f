/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A recording of any bytes: every record given out passes event_check(), every byte is accounted for, and reading ends.
 * The input is what follows a good header; when its first byte is odd, it is the whole file.
 */
#include "recorder/crc32c.h"
#include "recorder/recording.h"
#include "tests/fuzz/fuzz.h"
#include "wire/event_build.h"
#include "wire/session.h"

#include <sys/mman.h>
#include <unistd.h>

#define EXPECT(condition) \
	do { \
		if (!(condition)) \
			fuzz_fail(__FILE__, __LINE__, #condition); \
	} while (0)

static struct recording_header good_header(void)
{
	struct recording_header header = {.magic = RECORDING_MAGIC,
					  .version = RECORDING_VERSION,
					  .size = sizeof(header),
					  .contract = SESSION_CONTRACT};
	header.crc = crc32c(0, &header, offsetof(struct recording_header, crc));
	return header;
}

/* Bytes of the records that came, frames included. */
static uint64_t read_all(struct recording_reader *reader)
{
	struct rs_event *event;
	uint64_t bytes = 0;
	int r;
	while ((r = recording_next(reader, &event)) != RECORDING_END) {
		EXPECT(r >= 0);
		if (r != RECORDING_OK)
			continue;
		EXPECT(!event_check(event, event->size));
		bytes += sizeof(struct recording_frame) + event->size;
	}
	return bytes;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char problem[RECORDING_PROBLEM_SIZE];
	struct recording_reader *reader;
	struct recording_header header = good_header();
	if (size == 0)
		return 0;
	int fd = memfd_create("fuzz", MFD_CLOEXEC);
	bool whole = data[0] & 1;
	EXPECT(fd >= 0);
	EXPECT(whole || write(fd, &header, sizeof(header)) == (ssize_t)sizeof(header));
	EXPECT(write(fd, data + 1, size - 1) == (ssize_t)(size - 1) && lseek(fd, 0, SEEK_SET) == 0);
	int r = recording_reader_new(fd, &reader, problem);
	if (r == RECORDING_FOREIGN && whole)
		return 0;
	EXPECT(r == 0);
	uint64_t bytes = read_all(reader);
	const struct recording_counters *counters = recording_reader_counters(reader);
	uint64_t body = size - 1 - (whole ? sizeof(header) : 0);
	/* refused records are neither given out nor skipped: only with them may bytes be missing */
	uint64_t told = bytes + counters->skipped_bytes + counters->torn_bytes;
	EXPECT(told == body || (counters->refused > 0 && told < body));
	recording_reader_free(reader);
	return 0;
}

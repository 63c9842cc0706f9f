/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fd.h"
#include "recorder/crc32c.h"
#include "recorder/recording.h"
#include "wire/event_build.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include <cmocka.h>

#define N_EVENTS 20

/* A file with N_EVENTS events; where each record begins, and after the last, the end. */
struct fixture {
	int fd;
	uint64_t offsets[N_EVENTS + 1];
};

static const struct rs_event *make_event(uint32_t number)
{
	alignas(8) static char buffer[8192];
	char path[4096];
	struct event_build build;
	struct rs_event_open *body = event_build_begin(&build, buffer, sizeof(buffer), RS_EVENT_OPEN);
	memset(path, 'a' + (int)(number % 26), sizeof(path));
	event_build_path(&build, &body->file, path, number * 100 % sizeof(path));
	body->open_flags = number;
	build.event->id = number;
	event_build_end(&build);
	return build.event;
}

static int setup(void **state)
{
	static struct fixture fixture;
	struct recording_writer *writer;
	fixture.fd = memfd_create("recording", MFD_CLOEXEC);
	assert_true(fixture.fd >= 0);
	assert_int_equal(recording_writer_new(dup(fixture.fd), &writer), 0);
	for (uint32_t i = 0; i < N_EVENTS; i++) {
		fixture.offsets[i] = recording_writer_size(writer);
		assert_int_equal(recording_write(writer, make_event(i)), 0);
	}
	fixture.offsets[N_EVENTS] = recording_writer_size(writer);
	recording_writer_free(writer);
	*state = &fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;
	close(fixture->fd);
	return 0;
}

static struct recording_reader *reader_of(const struct fixture *fixture)
{
	struct recording_reader *reader;
	char problem[RECORDING_PROBLEM_SIZE] = "";
	int fd = dup(fixture->fd);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	assert_int_equal(recording_reader_new(fd, &reader, problem), 0);
	return reader;
}

/* Reads to the end; which events came, as bits. */
static uint32_t read_all(struct recording_reader *reader, unsigned counts[7])
{
	uint32_t seen = 0;
	for (;;) {
		struct rs_event *event;
		int r = recording_next(reader, &event);
		assert_true(r >= 0 && r < 7);
		counts[r]++;
		if (r == RECORDING_END)
			return seen;
		if (r != RECORDING_OK)
			continue;
		const struct rs_event *expected = make_event((uint32_t)event->id);
		assert_int_equal(event->size, expected->size);
		assert_memory_equal(event, expected, event->size);
		assert_false(seen >> event->id & 1);
		seen |= 1u << event->id;
	}
}

#define ALL_EVENTS ((1u << N_EVENTS) - 1)

static void test_crc_of_the_rfc(void **state)
{
	unsigned char bytes[32] = {0};
	assert_int_equal(crc32c(0, bytes, sizeof(bytes)), 0x8a9136aa);
	memset(bytes, 0xff, sizeof(bytes));
	assert_int_equal(crc32c(0, bytes, sizeof(bytes)), 0x62a8ab43);
	assert_int_equal(crc32c(crc32c(0, "1234", 4), "56789", 5), 0xe3069283);
}

static void test_what_is_written_is_read(void **state)
{
	struct recording_reader *reader = reader_of(*state);
	unsigned counts[7] = {0};
	assert_int_equal(read_all(reader, counts), ALL_EVENTS);
	assert_int_equal(counts[RECORDING_OK], N_EVENTS);
	assert_int_equal(counts[RECORDING_END], 1);
	assert_int_equal(recording_reader_counters(reader)->records, N_EVENTS);
	assert_int_equal(strlen(recording_reader_header(reader)->boot_id), 36);
	assert_true(recording_reader_header(reader)->kernel[0] != '\0');
	recording_reader_free(reader);
}

/* Cut at every byte of the last two records: all whole records come, the rest is torn and counted. */
static void test_torn_tail_at_each_byte(void **state)
{
	struct fixture *fixture = *state;
	for (uint64_t size = fixture->offsets[N_EVENTS]; size >= fixture->offsets[N_EVENTS - 2]; size--) {
		assert_int_equal(ftruncate(fixture->fd, (off_t)size), 0);
		uint32_t whole = N_EVENTS - 2;
		while (whole < N_EVENTS && fixture->offsets[whole + 1] <= size)
			whole++;
		struct recording_reader *reader = reader_of(fixture);
		unsigned counts[7] = {0};
		assert_int_equal(read_all(reader, counts), (1u << whole) - 1);
		assert_int_equal(counts[RECORDING_TORN], size > fixture->offsets[whole]);
		assert_int_equal(counts[RECORDING_DAMAGED], 0);
		assert_int_equal(recording_reader_counters(reader)->torn_bytes, size - fixture->offsets[whole]);
		recording_reader_free(reader);
	}
}

/* One wrong byte at any place of a record costs this record only, and the message names its offset. */
static void test_one_wrong_byte(void **state)
{
	struct fixture *fixture = *state;
	for (uint64_t at = fixture->offsets[3]; at < fixture->offsets[4]; at++) {
		unsigned char byte, wrong;
		assert_int_equal(pread(fixture->fd, &byte, 1, (off_t)at), 1);
		wrong = byte ^ 0x41;
		assert_int_equal(pwrite(fixture->fd, &wrong, 1, (off_t)at), 1);
		struct recording_reader *reader = reader_of(fixture);
		struct rs_event *event;
		unsigned counts[7] = {0};
		char expected[64];
		for (int i = 0; i < 3; i++)
			assert_int_equal(recording_next(reader, &event), RECORDING_OK);
		assert_int_equal(recording_next(reader, &event), RECORDING_DAMAGED);
		snprintf(expected, sizeof(expected), "record at byte %llu: ", (unsigned long long)fixture->offsets[3]);
		assert_non_null(strstr(recording_problem(reader), expected));
		assert_int_equal(read_all(reader, counts), ALL_EVENTS & ~0xfu);
		assert_int_equal(recording_reader_counters(reader)->damaged, 1);
		assert_int_equal(recording_reader_counters(reader)->skipped_bytes,
				 fixture->offsets[4] - fixture->offsets[3]);
		recording_reader_free(reader);
		assert_int_equal(pwrite(fixture->fd, &byte, 1, (off_t)at), 1);
	}
}

/* Checksum right, event wrong: refused by event_check(), the rest goes on. */
static void test_wrong_event_in_good_frame(void **state)
{
	struct fixture *fixture = *state;
	alignas(8) char bytes[8192];
	struct recording_frame frame = {.magic = RECORDING_FRAME_MAGIC};
	memcpy(bytes, make_event(1), make_event(1)->size);
	struct rs_event *event = (struct rs_event *)(void *)bytes;
	((struct rs_event_open *)(void *)(bytes + event->body_offset))->file.path.size = 60000;
	frame.size = event->size;
	frame.crc = crc32c(crc32c(0, &frame.size, 4), bytes, frame.size);
	assert_int_equal(pwrite(fixture->fd, &frame, sizeof(frame), (off_t)fixture->offsets[1]), sizeof(frame));
	assert_int_equal(pwrite(fixture->fd, bytes, frame.size, (off_t)fixture->offsets[1] + 16), frame.size);
	struct recording_reader *reader = reader_of(fixture);
	unsigned counts[7] = {0};
	assert_int_equal(read_all(reader, counts), ALL_EVENTS & ~2u);
	assert_int_equal(counts[RECORDING_REFUSED], 1);
	assert_non_null(strstr(recording_problem(reader), "outside"));
	recording_reader_free(reader);
}

/* Megabytes of frames that promise more than is true: each call stays bounded, the records behind are found. */
static void test_garbage_in_the_middle(void **state)
{
	struct fixture *fixture = *state;
	enum { SIZE = 1 << 17 };
	static char tail[1 << 16];
	struct recording_frame frames[2] = {{.magic = RECORDING_FRAME_MAGIC, .size = 16384},
					    {.magic = RECORDING_FRAME_MAGIC, .size = 16384}};
	uint64_t from = fixture->offsets[5], size = fixture->offsets[N_EVENTS] - from;
	assert_true(size <= sizeof(tail));
	assert_int_equal(pread(fixture->fd, tail, size, (off_t)from), size);
	for (uint64_t i = 0; i < SIZE; i += sizeof(frames))
		assert_int_equal(pwrite(fixture->fd, frames, sizeof(frames), (off_t)(from + i)), sizeof(frames));
	assert_int_equal(pwrite(fixture->fd, tail, size, (off_t)(from + SIZE)), size);
	struct recording_reader *reader = reader_of(fixture);
	unsigned counts[7] = {0};
	assert_int_equal(read_all(reader, counts), ALL_EVENTS);
	assert_int_equal(counts[RECORDING_DAMAGED], 1);
	assert_true(counts[RECORDING_AGAIN] > 100);
	assert_int_equal(recording_reader_counters(reader)->skipped_bytes, SIZE);
	recording_reader_free(reader);
}

static void expect_foreign(const struct fixture *fixture, const char *sentence)
{
	struct recording_reader *reader = NULL;
	char problem[RECORDING_PROBLEM_SIZE] = "";
	int fd = dup(fixture->fd);
	lseek(fd, 0, SEEK_SET);
	assert_int_equal(recording_reader_new(fd, &reader, problem), RECORDING_FOREIGN);
	assert_null(reader);
	assert_non_null(strstr(problem, sentence));
	assert_int_equal(fcntl(fd, F_GETFD), -1);
}

static void write_header(const struct fixture *fixture, struct recording_header header, bool sum)
{
	if (sum)
		header.crc = crc32c(0, &header, offsetof(struct recording_header, crc));
	assert_int_equal(pwrite(fixture->fd, &header, sizeof(header), 0), sizeof(header));
}

static void test_foreign_headers(void **state)
{
	struct fixture *fixture = *state;
	struct recording_header good, header;
	assert_int_equal(pread(fixture->fd, &good, sizeof(good), 0), sizeof(good));
	header = good;
	header.magic = __builtin_bswap64(header.magic);
	write_header(fixture, header, true);
	expect_foreign(fixture, "byte order");
	header = good;
	header.version = 9;
	write_header(fixture, header, true);
	expect_foreign(fixture, "version 9");
	header = good;
	header.contract = 7;
	write_header(fixture, header, true);
	expect_foreign(fixture, "contract 7, expected 1");
	header = good;
	header.wall_ns++;
	write_header(fixture, header, false);
	expect_foreign(fixture, "damaged header");
	header = good;
	memset(header.kernel, 'x', sizeof(header.kernel));
	write_header(fixture, header, true);
	expect_foreign(fixture, "does not end");
	assert_int_equal(ftruncate(fixture->fd, sizeof(header) - 1), 0);
	expect_foreign(fixture, "215 bytes long");
	assert_int_equal(ftruncate(fixture->fd, 0), 0);
	expect_foreign(fixture, "0 bytes long");
}

/* A write that fails half way leaves the file whole, and the next write goes where that one should have gone. */
static void test_disk_full(void **state)
{
	struct fixture *fixture = *state;
	struct recording_writer *writer;
	struct rlimit old, small;
	char path[] = "/tmp/recording-test-XXXXXX";
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	unlink(path);
	close(fixture->fd);
	fixture->fd = dup(fd);
	assert_int_equal(recording_writer_new(fd, &writer), 0);
	assert_int_equal(recording_write(writer, make_event(0)), 0);
	uint64_t size = recording_writer_size(writer);
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	small = (struct rlimit){.rlim_cur = size + 100, .rlim_max = old.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	assert_int_equal(recording_write(writer, make_event(1)), -EFBIG);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	assert_int_equal(recording_writer_size(writer), size);
	unsigned counts[7] = {0};
	struct recording_reader *reader = reader_of(fixture);
	assert_int_equal(read_all(reader, counts), 1);
	assert_int_equal(counts[RECORDING_TORN], 0);
	recording_reader_free(reader);
	assert_int_equal(recording_write(writer, make_event(2)), 0);
	recording_writer_free(writer);
	reader = reader_of(fixture);
	assert_int_equal(read_all(reader, counts), 1 | 4);
	assert_int_equal(recording_reader_counters(reader)->damaged, 0);
	recording_reader_free(reader);
}

static void test_writer_refuses_what_the_reader_would(void **state)
{
	struct fixture *fixture = *state;
	struct recording_writer *writer;
	alignas(8) char bytes[8192];
	memcpy(bytes, make_event(1), make_event(1)->size);
	((struct rs_event *)(void *)bytes)->type = 999;
	assert_int_equal(recording_writer_new(dup(fixture->fd), &writer), 0);
	assert_int_equal(recording_write(writer, (struct rs_event *)(void *)bytes), -EINVAL);
	recording_writer_free(writer);
	assert_int_equal(recording_writer_new(open("/dev/null", O_RDONLY | O_CLOEXEC), &writer), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_crc_of_the_rfc),
		cmocka_unit_test_setup_teardown(test_what_is_written_is_read, setup, teardown),
		cmocka_unit_test_setup_teardown(test_torn_tail_at_each_byte, setup, teardown),
		cmocka_unit_test_setup_teardown(test_one_wrong_byte, setup, teardown),
		cmocka_unit_test_setup_teardown(test_wrong_event_in_good_frame, setup, teardown),
		cmocka_unit_test_setup_teardown(test_garbage_in_the_middle, setup, teardown),
		cmocka_unit_test_setup_teardown(test_foreign_headers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_disk_full, setup, teardown),
		cmocka_unit_test_setup_teardown(test_writer_refuses_what_the_reader_would, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

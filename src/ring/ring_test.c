/* SPDX-License-Identifier: Apache-2.0 */
#include "ring/ring.c" /* its structs: to lie in the cursor, and to give two threads one mapping */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include <cmocka.h>

#define SIZE RING_SIZE_MIN

static int open_descriptors(void)
{
	int n = 0;
	DIR *dir = opendir("/proc/self/fd");
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

static void duplicate(const struct ring_writer *writer, int ret_fds[3])
{
	int fds[3];
	ring_writer_fds(writer, fds);
	for (size_t i = 0; i < 3; i++)
		assert_true((ret_fds[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, 0)) >= 0);
}

static void open_ring(struct ring_writer **ret_writer, struct ring_reader **ret_reader)
{
	int fds[3];
	assert_int_equal(ring_writer_new(SIZE, ret_writer), 0);
	duplicate(*ret_writer, fds);
	assert_int_equal(ring_reader_new(fds, SIZE, ret_reader), 0);
}

static size_t record_size(uint64_t seq)
{
	return sizeof(struct rs_event) + 8 * (seq * 7919 % 4096);
}

static void fill(void *at, uint64_t seq, size_t size)
{
	struct rs_event *event = at;
	memset(event, (int)(seq & 0xff), size);
	event->size = (uint32_t)size;
	event->header_size = sizeof(*event);
	event->body_offset = sizeof(*event);
	event->body_size = (uint32_t)(size - sizeof(*event));
	event->seq = seq;
}

static enum ring_result write_one(struct ring_writer *writer, uint64_t seq)
{
	void *at;
	enum ring_result result = ring_reserve(writer, record_size(seq), &at);
	if (result == RING_OK) {
		fill(at, seq, record_size(seq));
		ring_commit(writer);
	}
	return result;
}

/* NULL when the record is the one expected, else what is wrong with it. */
static const char *check_one(const struct rs_event *event, uint64_t seq)
{
	if (event->seq != seq)
		return "sequence";
	if (event->size != record_size(seq))
		return "size";
	const unsigned char *body = (const unsigned char *)event + sizeof(*event);
	for (size_t i = 0; i < event->body_size; i++)
		if (body[i] != (seq & 0xff))
			return "contents";
	return NULL;
}

static void test_sizes(void **state)
{
	static const size_t bad[] = {
		0, 4096, RING_SIZE_MIN / 2, RING_SIZE_MIN + 8, 3 * RING_SIZE_MIN, RING_SIZE_MAX * 2ul};
	struct ring_writer *writer = NULL;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(ring_writer_new(bad[i], &writer), -EINVAL);
	assert_null(writer);
	assert_null(ring_writer_free(NULL));
	assert_null(ring_reader_free(NULL));
}

static void test_seals(void **state)
{
	struct ring_writer *writer;
	int fds[3];
	assert_int_equal(ring_writer_new(SIZE, &writer), 0);
	ring_writer_fds(writer, fds);
	assert_true(mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fds[0], 0) == MAP_FAILED);
	void *readable = mmap(NULL, SIZE, PROT_READ, MAP_SHARED, fds[0], 0);
	assert_true(readable != MAP_FAILED);
	assert_int_equal(mprotect(readable, SIZE, PROT_READ | PROT_WRITE), -1);
	munmap(readable, SIZE);
	assert_int_equal(pwrite(fds[0], "x", 1, 0), -1);
	assert_int_equal(fallocate(fds[0], FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096), -1);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(ftruncate(fds[i], 0), -1);
		assert_int_equal(errno, EPERM);
		assert_int_equal(ftruncate(fds[i], 1 << 20), -1);
		assert_int_equal(fcntl(fds[i], F_ADD_SEALS, F_SEAL_WRITE), -1);
	}
	ring_writer_free(writer);
}

static void test_wrap(void **state)
{
	struct ring_writer *writer;
	struct ring_reader *reader;
	const struct rs_event *event;
	open_ring(&writer, &reader);
	uint64_t written = 1, seen = 1;
	while (seen < 2000) {
		while (write_one(writer, written) == RING_OK)
			written++;
		assert_true(ring_used(writer) > SIZE / 2);
		while (ring_peek(reader, &event) == RING_OK) {
			const struct rs_event *again = NULL;
			assert_null(check_one(event, seen++));
			assert_int_equal(ring_peek(reader, &again), RING_OK);
			assert_ptr_equal(again, event);
			ring_consume(reader);
		}
		assert_int_equal(seen, written);
		assert_int_equal(ring_used(writer), 0);
	}
	assert_int_equal(ring_peek(reader, &event), RING_EMPTY);
	ring_consume(reader); /* of nothing: changes nothing */
	assert_int_equal(ring_peek(reader, &event), RING_EMPTY);
	ring_reader_free(reader);
	ring_writer_free(writer);
}

static void test_full(void **state)
{
	struct ring_writer *writer;
	struct ring_reader *reader;
	const struct rs_event *event;
	void *at;
	open_ring(&writer, &reader);
	for (size_t i = 0; i < SIZE / 65536; i++) {
		assert_int_equal(ring_reserve(writer, 65536, &at), RING_OK);
		fill(at, i, 65536);
		assert_int_equal(ring_peek(reader, &event), i == 0 ? RING_EMPTY : RING_OK); /* not before commit */
		ring_commit(writer);
	}
	assert_int_equal(ring_used(writer), SIZE);
	assert_int_equal(ring_reserve(writer, sizeof(struct rs_event), &at), RING_FULL);
	assert_int_equal(ring_peek(reader, &event), RING_OK);
	assert_int_equal(event->seq, 0);
	assert_int_equal(ring_reserve(writer, sizeof(struct rs_event), &at), RING_FULL);
	ring_consume(reader);
	assert_int_equal(ring_reserve(writer, 65536, &at), RING_OK);
	/* a reservation that is not committed leaves no trace */
	assert_int_equal(ring_used(writer), SIZE - 65536);
	ring_reader_free(reader);
	ring_writer_free(writer);
}

static void test_hostile_cursor(void **state)
{
	struct ring_writer *writer;
	struct ring_reader *reader;
	const struct rs_event *event;
	void *at;
	open_ring(&writer, &reader);
	struct ring_cursor *cursor = writer->map.cursor;
	for (uint64_t i = 0; i < 3; i++)
		assert_int_equal(write_one(writer, i), RING_OK);
	assert_int_equal(ring_peek(reader, &event), RING_OK);
	ring_consume(reader);
	uint64_t honest = cursor->tail, head = honest + ring_used(writer);
	assert_int_equal(honest, record_size(0));
	assert_int_equal(ring_reserve(writer, 8, &at), RING_OK);

	const uint64_t lies[] = {0,          honest - 8,     honest + 1,        head + 8,      head + SIZE,
				 UINT64_MAX, UINT64_MAX - 7, UINT64_C(1) << 63, honest - SIZE, UINT64_C(1) << 32,
				 head - 1,   ~honest};
	for (size_t i = 0; i < ARRAY_SIZE(lies); i++) {
		cursor->tail = lies[i];
		at = NULL;
		assert_int_equal(ring_reserve(writer, 8, &at), RING_LIED);
		assert_null(at);
		assert_int_equal(ring_used(writer), head - honest);
	}
	/* forward within what was written is its own loss, and no lie; back again is one */
	cursor->tail = head;
	assert_int_equal(ring_reserve(writer, 8, &at), RING_OK);
	cursor->tail = honest;
	assert_int_equal(ring_reserve(writer, 8, &at), RING_LIED);

	/* a hole in its own page, or other garbage in the rest of it, harms nobody */
	int fds[3];
	ring_writer_fds(writer, fds);
	memset((void *)cursor, 0xff, page_size());
	assert_int_equal(ring_reserve(writer, 8, &at), RING_LIED);
	ring_wake(writer);
	fallocate(fds[1], FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096);
	assert_int_equal(ring_reserve(writer, 8, &at), RING_LIED);
	ring_reader_free(reader);
	ring_writer_free(writer);
}

static struct ring_answer answer_of(uint64_t id)
{
	return (struct ring_answer){.id = id, .at_ns = id * 1000, .flags = (uint32_t)id & 1};
}

/* The way back: in order, each once, no more than fit, and the bell. */
static void test_answers(void **state)
{
	struct ring_writer *writer;
	struct ring_reader *reader;
	struct ring_answer answer;
	bool bell = false;
	uint64_t given = 0, taken = 0;
	open_ring(&writer, &reader);
	assert_int_equal(ring_take_answer(writer, &answer), RING_EMPTY);
	assert_false(ring_has_answer(writer));
	for (int round = 0; round < 5; round++) {
		struct ring_answer next = answer_of(given);
		for (; ring_answer(reader, &next, &bell) == RING_OK; next = answer_of(++given))
			assert_true(bell == (round % 2 == 0));
		assert_int_equal(given - taken, RING_ANSWERS);
		ring_bell(writer, round % 2 != 0);
		assert_true(ring_has_answer(writer));
		for (unsigned i = 0; i < RING_ANSWERS - 10; i++, taken++) {
			assert_int_equal(ring_take_answer(writer, &answer), RING_OK);
			next = answer_of(taken);
			assert_memory_equal(&answer, &next, sizeof(answer));
		}
	}
	ring_reader_free(reader);
	ring_writer_free(writer);
}

/* Whatever the reader writes there: no more than fits is taken, or it is called a lie; and nothing else is touched. */
static void test_answers_lie(void **state)
{
	struct ring_writer *writer;
	struct ring_reader *reader;
	struct ring_answer answer;
	open_ring(&writer, &reader);
	const uint64_t lies[] = {RING_ANSWERS + 1, UINT64_MAX, UINT64_C(1) << 63, UINT64_C(1) << 32};
	for (size_t i = 0; i < ARRAY_SIZE(lies); i++) {
		writer->map.cursor->answers = lies[i];
		assert_true(ring_has_answer(writer));
		assert_int_equal(ring_take_answer(writer, &answer), RING_LIED);
	}
	writer->map.cursor->answers = RING_ANSWERS;
	memset((void *)writer->map.cursor->slots, 0xff, sizeof(writer->map.cursor->slots));
	for (unsigned i = 0; i < RING_ANSWERS; i++) {
		assert_int_equal(ring_take_answer(writer, &answer), RING_OK);
		assert_int_equal(answer.id, UINT64_MAX);
		assert_int_equal(answer.reserved, UINT32_MAX);
	}
	assert_int_equal(ring_take_answer(writer, &answer), RING_EMPTY);
	writer->map.cursor->answers = 5; /* backwards */
	assert_int_equal(ring_take_answer(writer, &answer), RING_LIED);
	ring_reader_free(reader);
	ring_writer_free(writer);
}

/* Records that a broken writer could publish: the reader refuses them all. */
static void test_broken_records(void **state)
{
	static const struct {
		const char *what;
		uint32_t size, body_offset, body_size;
		uint16_t header_size;
	} rows[] = {
		{"empty", 0, sizeof(struct rs_event), 0, sizeof(struct rs_event)},
		{"shorter than a head", sizeof(struct rs_event) - 8, sizeof(struct rs_event), 0,
		 sizeof(struct rs_event)},
		{"not aligned", sizeof(struct rs_event) + 4, sizeof(struct rs_event), 0, sizeof(struct rs_event)},
		{"longer than published", 8192, sizeof(struct rs_event), 0, sizeof(struct rs_event)},
		{"longer than any", UINT32_MAX - 7, sizeof(struct rs_event), 0, sizeof(struct rs_event)},
		{"head too short", 4096, sizeof(struct rs_event), 0, 16},
		{"body in the head", 4096, 64, 0, sizeof(struct rs_event)},
		{"body not aligned", 4096, sizeof(struct rs_event) + 1, 0, sizeof(struct rs_event)},
		{"body outside", 4096, 8192, 0, sizeof(struct rs_event)},
		{"body too long", 4096, sizeof(struct rs_event), 4096, sizeof(struct rs_event)},
		{"body far too long", 4096, sizeof(struct rs_event), UINT32_MAX, sizeof(struct rs_event)},
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct ring_writer *writer;
		struct ring_reader *reader;
		const struct rs_event *event = NULL;
		void *at;
		open_ring(&writer, &reader);
		assert_int_equal(ring_reserve(writer, 4096, &at), RING_OK);
		fill(at, 1, 4096);
		struct rs_event *record = at;
		record->size = rows[i].size;
		record->body_offset = rows[i].body_offset;
		record->body_size = rows[i].body_size;
		record->header_size = rows[i].header_size;
		ring_commit(writer);
		if (ring_peek(reader, &event) != RING_LIED)
			fail_msg("accepted: %s", rows[i].what);
		assert_null(event);
		ring_reader_free(reader);
		ring_writer_free(writer);
	}
}

static void test_not_a_ring(void **state)
{
	struct ring_writer *writer;
	struct ring_reader *reader = NULL;
	assert_int_equal(ring_writer_new(SIZE, &writer), 0);
	int before = open_descriptors();
	for (size_t i = 0; i < 5; i++) {
		int fds[3];
		duplicate(writer, fds);
		if (i < 3)
			fds[i] = fd_close(fds[i]);
		if (i == 0) /* right size, not sealed: could be shrunk under the reader */
			assert_int_equal(ftruncate(fds[0] = memfd_create("x", MFD_CLOEXEC), 4096 + SIZE), 0);
		if (i == 1)
			fds[1] = fd_memfd("x", 8192);
		if (i == 2)
			fds[2] = eventfd(0, EFD_CLOEXEC);
		assert_int_equal(ring_reader_new(fds, i == 3 ? 2 * SIZE : i == 4 ? SIZE - 1 : SIZE, &reader), -EINVAL);
		assert_null(reader);
		assert_int_equal(open_descriptors(), before);
	}
	const int none[3] = {-1, -1, -1};
	assert_int_equal(ring_reader_new(none, SIZE, &reader), -EINVAL);
	ring_writer_free(writer);
	assert_int_equal(open_descriptors(), before - 4);
}

static bool readable(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	return poll(&p, 1, 0) == 1;
}

static void test_wake(void **state)
{
	struct ring_writer *writer;
	struct ring_reader *reader;
	const struct rs_event *event;
	open_ring(&writer, &reader);
	write_one(writer, 1);
	assert_false(ring_wake(writer)); /* nobody sleeps */
	assert_false(readable(ring_reader_fd(reader)));
	assert_false(ring_prepare_wait(reader)); /* there is something: no sleep */
	assert_int_equal(ring_peek(reader, &event), RING_OK);
	ring_consume(reader);

	assert_true(ring_prepare_wait(reader));
	write_one(writer, 2);
	write_one(writer, 3);
	assert_true(ring_wake(writer));
	assert_false(ring_wake(writer)); /* once a sleep */
	assert_true(readable(ring_reader_fd(reader)));
	ring_finish_wait(reader);
	assert_false(readable(ring_reader_fd(reader)));
	assert_int_equal(ring_peek(reader, &event), RING_OK);
	assert_int_equal(event->seq, 2);
	ring_finish_wait(reader); /* without a sleep: changes nothing */
	ring_reader_free(reader);
	ring_writer_free(writer);
}

/* A wake-up that could not be sent is not forgotten: the next try finds the reader still asleep. */
static void test_wake_fails(void **state)
{
	struct ring_writer *writer;
	struct ring_reader *reader;
	open_ring(&writer, &reader);
	assert_true(ring_prepare_wait(reader));
	write_one(writer, 1);
	int wake_fd = writer->wake_fd;
	writer->wake_fd = -1;
	assert_int_equal(ring_wake(writer), -EBADF);
	writer->wake_fd = wake_fd;
	assert_int_equal(ring_wake(writer), 1);
	assert_int_equal(ring_wake(writer), 0);
	assert_true(readable(ring_reader_fd(reader)));
	ring_reader_free(reader);
	ring_writer_free(writer);
}

/* A reader that never empties its pipe, fills it by itself and makes its end blocking cannot stop the writer. */
static void test_hostile_pipe(void **state)
{
	struct ring_writer *writer;
	int fds[3];
	char path[64], bytes[4096] = {0};
	assert_int_equal(ring_writer_new(SIZE, &writer), 0);
	ring_writer_fds(writer, fds);
	struct ring_cursor *cursor = writer->map.cursor;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fds[2]);
	int filler = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	assert_true(filler >= 0);
	while (write(filler, bytes, sizeof(bytes)) > 0)
		;
	while (write(filler, bytes, 1) > 0)
		;
	assert_int_equal(fcntl(filler, F_SETFL, 0), 0);
	assert_int_equal(fcntl(fds[2], F_SETFL, 0), 0);
	for (int i = 0; i < 100; i++) {
		cursor->waiting = UINT32_MAX;
		assert_false(ring_wake(writer)); /* returns */
		assert_int_equal(cursor->waiting, 0);
	}
	close(filler);
	ring_writer_free(writer);
}

#define RUN_RECORDS 60000u

/* Reads RUN_RECORDS records and sleeps whenever there is none. NULL, or what went wrong. */
static const char *read_run(struct ring_reader *reader)
{
	for (uint64_t seq = 0; seq < RUN_RECORDS;) {
		const struct rs_event *event;
		enum ring_result result = ring_peek(reader, &event);
		if (result == RING_LIED)
			return "the reader does not believe the writer";
		if (result == RING_OK) {
			if (event->seq != seq || (seq % 64 == 0 && check_one(event, seq)))
				return "a record is not the one that was written";
			ring_consume(reader);
			seq++;
			continue;
		}
		if (!ring_prepare_wait(reader))
			continue;
		struct pollfd p = {.fd = ring_reader_fd(reader), .events = POLLIN};
		int n = poll(&p, 1, 20000);
		ring_finish_wait(reader);
		if (n == 0)
			return "a wake-up was lost";
	}
	return NULL;
}

/* One to five records. */
static enum ring_result write_batch(struct ring_writer *writer, uint64_t *seq)
{
	for (uint64_t left = 1 + *seq % 5; left > 0 && *seq < RUN_RECORDS; left--) {
		void *at;
		size_t size = *seq % 64 == 0 ? record_size(*seq) : sizeof(struct rs_event);
		enum ring_result result = ring_reserve(writer, size, &at);
		if (result != RING_OK)
			return result;
		fill(at, (*seq)++, size);
		ring_commit(writer);
	}
	return RING_OK;
}

/* In batches, so that the reader often catches up and sleeps. */
static bool write_run(struct ring_writer *writer)
{
	for (uint64_t seq = 0; seq < RUN_RECORDS;) {
		enum ring_result result = write_batch(writer, &seq);
		ring_wake(writer);
		if (result == RING_LIED)
			return false;
		if (result == RING_FULL)
			usleep(50);
	}
	return true;
}

struct bell_run {
	struct ring_reader *reader;
	int bell[2]; /* a pipe: what the session is for an agent */
};

/* Gives RUN_RECORDS answers, and tells of each that is wanted. */
static void *answer_run(void *data)
{
	const struct bell_run *run = data;
	for (uint64_t id = 0; id < RUN_RECORDS;) {
		struct ring_answer answer = answer_of(id);
		bool bell = false;
		if (ring_answer(run->reader, &answer, &bell) == RING_OK)
			id++;
		else
			usleep(50);
		if (bell && write(run->bell[1], "", 1) < 0)
			return data; /* not NULL: it failed */
	}
	return NULL;
}

/* As the engine: takes all there is, says that it wants to be told, looks once more, sleeps. */
static void test_bell(void **state)
{
	struct ring_writer *writer;
	struct bell_run run;
	pthread_t thread;
	void *wrong;
	char bytes[64];
	open_ring(&writer, &run.reader);
	assert_int_equal(pipe2(run.bell, O_CLOEXEC), 0);
	assert_int_equal(pthread_create(&thread, NULL, answer_run, &run), 0);
	for (uint64_t id = 0; id < RUN_RECORDS;) {
		struct ring_answer answer, expected = answer_of(id);
		ring_bell(writer, false);
		enum ring_result result = ring_take_answer(writer, &answer);
		assert_int_not_equal(result, RING_LIED);
		if (result == RING_OK) {
			assert_memory_equal(&answer, &expected, sizeof(answer));
			id++;
			continue;
		}
		ring_bell(writer, true);
		if (ring_has_answer(writer))
			continue;
		struct pollfd p = {.fd = run.bell[0], .events = POLLIN};
		assert_int_equal(poll(&p, 1, 20000), 1); /* else the bell was missed */
		assert_true(read(run.bell[0], bytes, sizeof(bytes)) > 0);
	}
	assert_int_equal(pthread_join(thread, &wrong), 0);
	assert_null(wrong);
	close(run.bell[0]);
	close(run.bell[1]);
	ring_reader_free(run.reader);
	ring_writer_free(writer);
}

static void test_two_processes(void **state)
{
	struct ring_writer *writer;
	struct ring_reader *reader;
	open_ring(&writer, &reader);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		const char *wrong = read_run(reader);
		if (wrong)
			fprintf(stderr, "reader: %s\n", wrong);
		_exit(wrong != NULL);
	}
	bool believed = write_run(writer);
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(believed);
	assert_int_equal(status, 0);
	assert_int_equal(ring_used(writer), 0);
	ring_reader_free(reader);
	ring_writer_free(writer);
}

static void *reader_thread(void *reader)
{
	return (void *)(uintptr_t)read_run(reader);
}

/* The same in one process and at the same addresses, so that ThreadSanitizer can see a race on a record. */
static void test_two_threads(void **state)
{
	struct ring_writer *writer;
	struct ring_reader *reader;
	pthread_t thread;
	void *wrong;
	open_ring(&writer, &reader);
	struct ring_map own = reader->map;
	reader->map = writer->map;
	assert_int_equal(pthread_create(&thread, NULL, reader_thread, reader), 0);
	bool believed = write_run(writer);
	assert_int_equal(pthread_join(thread, &wrong), 0);
	if (wrong)
		fail_msg("reader: %s", (const char *)wrong);
	assert_true(believed);
	reader->map = own;
	ring_reader_free(reader);
	ring_writer_free(writer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers),        cmocka_unit_test(test_answers_lie),
		cmocka_unit_test(test_bell),           cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_seals),          cmocka_unit_test(test_wrap),
		cmocka_unit_test(test_full),           cmocka_unit_test(test_hostile_cursor),
		cmocka_unit_test(test_broken_records), cmocka_unit_test(test_not_a_ring),
		cmocka_unit_test(test_wake),           cmocka_unit_test(test_wake_fails),
		cmocka_unit_test(test_hostile_pipe),   cmocka_unit_test(test_two_processes),
		cmocka_unit_test(test_two_threads),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

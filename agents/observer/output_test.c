/* SPDX-License-Identifier: Apache-2.0 */
#include "observer/output.h"

#include "common/common.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#define CAPACITY 4096u

static int pipe_fds[2];
static struct output output;

static int setup(void **state)
{
	signal(SIGPIPE, SIG_IGN);
	assert_int_equal(pipe(pipe_fds), 0);
	assert_true(fcntl(pipe_fds[1], F_SETPIPE_SZ, 4096) >= 4096);
	assert_int_equal(output_init(&output, pipe_fds[1], CAPACITY), 0);
	assert_true(output.waits);
	return 0;
}

static int teardown(void **state)
{
	output_deinit(&output);
	closep(&pipe_fds[0]);
	closep(&pipe_fds[1]);
	return 0;
}

/* Reads all there is; lines "number" in order, with "dropped" lines for what is missing. Returns the next number. */
static unsigned drain(unsigned next, uint64_t *dropped)
{
	static char text[65536];
	static size_t used;
	assert_true(fcntl(pipe_fds[0], F_SETFL, O_NONBLOCK) == 0);
	for (;;) {
		ssize_t r = read(pipe_fds[0], text + used, sizeof(text) - used);
		if (r <= 0)
			break;
		used += (size_t)r;
		char *newline;
		while ((newline = memchr(text, '\n', used))) {
			unsigned long long number;
			*newline = '\0';
			if (sscanf(text, "{\"dropped\":%llu}", &number) == 1) {
				*dropped += number;
				next += (unsigned)number;
			} else {
				assert_int_equal(sscanf(text, "%llu", &number), 1);
				assert_int_equal(number, next);
				next++;
			}
			size_t size = (size_t)(newline + 1 - text);
			memmove(text, text + size, used - size);
			used -= size;
		}
	}
	return next;
}

static void put(unsigned number)
{
	char line[64];
	int size = snprintf(line, sizeof(line), "%u with something behind it", number);
	output_line(&output, line, (size_t)size);
}

/* A reader that stops and goes on: each line comes, or is counted in the place where it is missing. */
static void test_slow_reader(void **state)
{
	unsigned next = 0;
	uint64_t dropped = 0;
	for (unsigned i = 0; i < 20000; i++) {
		put(i);
		if (i % 10 == 0)
			output_flush(&output);
		if (i % 700 == 0)
			next = drain(next, &dropped);
	}
	for (int i = 0; i < 10; i++) {
		output_finish(&output, now_ns() + 1000000);
		next = drain(next, &dropped);
	}
	assert_int_equal(next, 20000);
	assert_true(dropped > 1000);
	assert_int_equal(dropped, output.dropped);
	assert_int_equal(output.lines + output.dropped, 20000);
}

static void test_stopped_reader_does_not_block(void **state)
{
	uint64_t begin = now_ns();
	for (unsigned i = 0; i < 100000; i++) {
		put(i);
		output_flush(&output);
	}
	assert_true(now_ns() - begin < 4000000000u);
	assert_int_equal(output.lines + output.dropped, 100000);
	assert_false(output.closed);
}

static void test_closed_reader(void **state)
{
	put(0);
	closep(&pipe_fds[0]);
	pipe_fds[0] = -1;
	output_flush(&output);
	assert_true(output.closed);
	assert_int_equal(output.error, -EPIPE);
	for (unsigned i = 0; i < 10; i++)
		put(i);
	assert_int_equal(output.dropped, 10);
	output_finish(&output, now_ns() + 1000000000);
}

static void test_file_takes_everything(void **state)
{
	struct output file;
	int fd = memfd_create("out", MFD_CLOEXEC);
	assert_int_equal(output_init(&file, fd, CAPACITY), 0);
	assert_false(file.waits);
	for (unsigned i = 0; i < 1000; i++) {
		assert_true(output_line(&file, "0123456789", 10));
		if (i % 100 == 99)
			output_flush(&file);
	}
	assert_int_equal(lseek(fd, 0, SEEK_END), 11000);
	output_deinit(&file);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_slow_reader, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stopped_reader_does_not_block, setup, teardown),
		cmocka_unit_test_setup_teardown(test_closed_reader, setup, teardown),
		cmocka_unit_test(test_file_takes_everything),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

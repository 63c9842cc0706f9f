/* SPDX-License-Identifier: Apache-2.0 */
#include "pending.h"

#include "base/fd.h"
#include "base/macro.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

#include <cmocka.h>

static int new_fd(void)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	return fd;
}

static bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

static void test_order(void **state)
{
	struct pending pending = {0};
	assert_null(pending_find(&pending, 1));
	assert_int_equal(pending_init(&pending, 4), 0);
	int first = new_fd(), second = new_fd();

	/* descriptor before its question, and behind it */
	pending_put_fd(&pending, 7, first);
	pending_ask(&pending, 7, 1000);
	pending_ask(&pending, 8, 500);
	assert_int_equal(pending_find(&pending, 8)->fd, -ENODATA);
	pending_put_fd(&pending, 8, second);
	assert_int_equal(pending_find(&pending, 7)->fd, first);
	assert_int_equal(pending_find(&pending, 8)->fd, second);
	assert_int_equal(pending.earliest_ns, 500);

	/* a second descriptor for the same, and one for what is over */
	int third = new_fd();
	pending_put_fd(&pending, 8, third);
	assert_false(is_open(third));
	pending_remove(&pending, pending_find(&pending, 8));
	assert_false(is_open(second));
	assert_null(pending_find(&pending, 8));
	third = new_fd();
	pending_put_fd(&pending, 8, third);
	assert_false(is_open(third));
	assert_true(is_open(first));
	pending_deinit(&pending);
	assert_false(is_open(first));
	pending_ask(&pending, 9, 1); /* before any handshake: nothing to hold it in */
	assert_null(pending_find(&pending, 9));
}

static void test_expire(void **state)
{
	struct pending pending = {0};
	assert_int_equal(pending_init(&pending, 8), 0);
	int fd = new_fd();
	pending_ask(&pending, 1, 100);
	pending_ask(&pending, 2, 300);
	pending_put_fd(&pending, 1, fd);
	pending_expire(&pending, 99);
	assert_true(is_open(fd));
	pending_expire(&pending, 100);
	assert_false(is_open(fd));
	assert_null(pending_find(&pending, 1));
	assert_non_null(pending_find(&pending, 2));
	assert_int_equal(pending.earliest_ns, 300);

	/* a descriptor whose question never came goes when a newer question is there and time has passed */
	fd = new_fd();
	pending_put_fd(&pending, 3, fd);
	pending_expire(&pending, 300);
	assert_true(is_open(fd));
	pending_ask(&pending, 4, 400);
	pending_expire(&pending, 400);
	assert_false(is_open(fd));
	assert_int_equal(pending.count, 0);
	assert_true(pending.earliest_ns == UINT64_MAX);
	pending_ask(&pending, 5, 0); /* a question without a deadline is over at once */
	pending_expire(&pending, 1);
	assert_null(pending_find(&pending, 5));
	pending_deinit(&pending);
}

static void test_limit(void **state)
{
	struct pending pending = {0};
	assert_int_equal(pending_init(&pending, 4), 0);
	int fd = new_fd();
	pending_ask(&pending, 1, 100);
	pending_put_fd(&pending, 1, fd);
	for (uint64_t id = 2; id < 100; id++) {
		pending_ask(&pending, id, 100);
		assert_true(pending.count <= 4);
		assert_non_null(pending_find(&pending, id));
	}
	assert_false(is_open(fd)); /* the oldest was given up */
	assert_null(pending_find(&pending, 95));
	assert_non_null(pending_find(&pending, 96));
	for (uint64_t id = 1000; id < 2000; id++) /* descriptors alone cannot fill more, either */
		pending_put_fd(&pending, id, new_fd());
	assert_int_equal(pending.count, 4);
	pending_clear(&pending);
	assert_int_equal(pending.count, 0);
	pending_deinit(&pending);
}

/* Against a plain array, over ids that collide and wrap around the end of the table. */
static void test_model(void **state)
{
	struct pending pending = {0};
	uint64_t deadlines[256] = {0};
	uint32_t random = 1;
	assert_int_equal(pending_init(&pending, 64), 0);
	size_t count = 0;
	for (int step = 0; step < 20000; step++) {
		random = random * 1664525 + 1013904223;
		size_t i = random >> 24;
		uint64_t id = 1 + i * 61; /* many share the low bits */
		struct pending_entry *entry = pending_find(&pending, id);
		assert_int_equal(entry != NULL, deadlines[i] != 0);
		if (entry) {
			assert_int_equal(entry->deadline_ns, deadlines[i]);
			pending_remove(&pending, entry);
			deadlines[i] = 0;
			count--;
		} else if (count < 64) {
			deadlines[i] = 1 + (random >> 8) % 1000;
			pending_ask(&pending, id, deadlines[i]);
			count++;
		}
		if (step % 100 == 0) {
			uint64_t now_ns = step % 1000;
			pending_expire(&pending, now_ns);
			for (size_t j = 0; j < ARRAY_SIZE(deadlines); j++) {
				bool over = deadlines[j] && deadlines[j] <= now_ns;
				count -= over;
				deadlines[j] = over ? 0 : deadlines[j];
			}
		}
		assert_int_equal(pending.count, count);
	}
	pending_deinit(&pending);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_expire),
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_model),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "base/loop.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

struct fixture {
	struct loop *loop;
	struct loop_source *sources[2];
	int calls[2];
};

static struct fixture fixture;

/* Whichever of two ready sources is called first removes the other. */
static int remove_other(void *data, uint32_t events)
{
	int self = *(int *)data;
	fixture.calls[self]++;
	fixture.sources[1 - self] = loop_source_remove(fixture.sources[1 - self]);
	return 0;
}

static void test_remove_in_callback(void **state)
{
	int index[2] = {0, 1}, fds[2];
	assert_int_equal(loop_new(&fixture.loop), 0);
	for (int i = 0; i < 2; i++) {
		fds[i] = eventfd(1, EFD_CLOEXEC);
		assert_int_equal(
			loop_add_fd(fixture.loop, fds[i], EPOLLIN, remove_other, &index[i], &fixture.sources[i]), 0);
	}
	assert_int_equal(loop_turn(fixture.loop, 0), 0);
	assert_int_equal(fixture.calls[0] + fixture.calls[1], 1);
	loop_free(fixture.loop);
	close(fds[0]);
	close(fds[1]);
}

/* A source that waits for nothing hears nothing, not even of an end, which epoll reports unasked. */
static void test_no_events(void **state)
{
	struct loop *loop;
	struct loop_source *source;
	int fds[2], index = 0;
	fixture = (struct fixture){0};
	assert_int_equal(loop_new(&loop), 0);
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	assert_int_equal(loop_add_fd(loop, fds[0], EPOLLIN, remove_other, &index, &source), 0);
	assert_int_equal(loop_source_set_events(source, 0), 0);
	assert_int_equal(loop_source_set_events(source, 0), 0);
	close(fds[1]);
	assert_int_equal(loop_turn(loop, 0), 0);
	assert_int_equal(fixture.calls[0], 0);
	assert_int_equal(loop_source_set_events(source, EPOLLIN), 0);
	assert_int_equal(loop_turn(loop, 0), 0);
	assert_int_equal(fixture.calls[0], 1);
	loop_source_set_events(source, 0);
	loop_source_remove(source);
	loop_free(loop);
	close(fds[0]);
}

static int count_and_exit(void *data, uint64_t now_ns)
{
	++*(int *)data;
	return *(int *)data == 2 ? -42 : 0;
}

static void test_timer(void **state)
{
	struct loop *loop;
	struct loop_source *timer;
	int fired = 0;
	assert_int_equal(loop_new(&loop), 0);
	assert_int_equal(loop_add_timer(loop, count_and_exit, &fired, &timer), 0);
	assert_int_equal(loop_turn(loop, 0), 0);
	assert_int_equal(fired, 0);
	loop_source_arm(timer, 1); /* long ago: at once */
	assert_int_equal(loop_turn(loop, 1000), 0);
	assert_int_equal(fired, 1);
	loop_source_arm(timer, clock_monotonic_ns() + NS_PER_MS);
	assert_int_equal(loop_run(loop), -42);
	assert_int_equal(fired, 2);
	loop_free(loop);
}

static int begin_call(void *data, uint32_t events)
{
	*(int *)data = 1;
	return 0;
}

/* Each callback is followed by it, before the next. */
static void count_calls(void *data)
{
	int *running = data;
	assert_int_equal(*running, 1);
	*running = 0;
	fixture.calls[0]++;
}

static void test_after_call(void **state)
{
	struct loop_source *source;
	struct loop *loop;
	int running = 0, fds[3];
	fixture.calls[0] = 0;
	assert_int_equal(loop_new(&loop), 0);
	loop_set_after_call(loop, count_calls, &running);
	for (size_t i = 0; i < 3; i++) {
		fds[i] = eventfd(1, EFD_CLOEXEC);
		assert_int_equal(loop_add_fd(loop, fds[i], EPOLLIN, begin_call, &running, &source), 0);
	}
	assert_int_equal(loop_turn(loop, 0), 0);
	assert_int_equal(fixture.calls[0], 3);
	loop_free(loop);
	for (size_t i = 0; i < 3; i++)
		close(fds[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_remove_in_callback),
		cmocka_unit_test(test_no_events),
		cmocka_unit_test(test_timer),
		cmocka_unit_test(test_after_call),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

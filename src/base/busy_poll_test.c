/* SPDX-License-Identifier: Apache-2.0 */
#include "base/busy_poll.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#define SHORT_NS UINT64_C(20000)

/* How many waits of this length until polling is worth it (or is not any more). */
static unsigned until(struct busy_poll *poll, bool worth, uint64_t waited_ns)
{
	unsigned n = 0;
	while (busy_poll_is_worth_it(poll) != worth && n < 1000) {
		busy_poll_note(poll, waited_ns);
		n++;
	}
	return n;
}

static void test_idle_never_polls(void **state)
{
	struct busy_poll poll;
	busy_poll_init(&poll, false);
	assert_false(busy_poll_is_worth_it(&poll));
	assert_int_equal(until(&poll, true, BUSY_POLL_WORTH_NS + 1000), 1000);
}

static void test_burst(void **state)
{
	struct busy_poll poll;
	busy_poll_init(&poll, false);
	assert_in_range(until(&poll, true, SHORT_NS), 10, 40); /* soon, and not at once */
	for (int i = 0; i < 1000; i++) {
		busy_poll_note(&poll, SHORT_NS);
		assert_true(busy_poll_is_worth_it(&poll));
	}
	/* one long wait, of whatever length, ends it; a burst after it begins it again */
	busy_poll_note(&poll, UINT64_MAX);
	assert_false(busy_poll_is_worth_it(&poll));
	assert_in_range(until(&poll, true, SHORT_NS), 1, 40);
}

/* Whatever comes: what is burnt for nothing is bounded by how often it paid. */
static void test_bounded(void **state)
{
	struct busy_poll poll;
	unsigned paid = 0, burnt = 0;
	busy_poll_init(&poll, false);
	srandom(1);
	for (int i = 0; i < 100000; i++) {
		uint64_t waited_ns = random() % 3 ? SHORT_NS : UINT64_C(2000000);
		bool polled = busy_poll_is_worth_it(&poll);
		paid += polled && waited_ns <= BUSY_POLL_NS;
		burnt += polled && waited_ns > BUSY_POLL_NS;
		busy_poll_note(&poll, waited_ns);
	}
	assert_true(burnt <= 2 * paid + 100);
}

static void test_alone(void **state)
{
	struct busy_poll poll;
	busy_poll_init(&poll, true);
	assert_int_equal(until(&poll, true, 0), 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_idle_never_polls),
		cmocka_unit_test(test_burst),
		cmocka_unit_test(test_bounded),
		cmocka_unit_test(test_alone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

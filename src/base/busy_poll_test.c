/* SPDX-License-Identifier: Apache-2.0 */
#include "base/busy_poll.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#define SHORT_NS UINT64_C(20000)

/* One wait; true when it began with a look, which paid when the wait was short. */
static bool wait_once(struct busy_poll *poll, uint64_t waited_ns)
{
	bool looked = busy_poll_is_worth_it(poll);
	enum busy_poll_outcome of_look = waited_ns <= BUSY_POLL_NS ? BUSY_POLL_PAID : BUSY_POLL_IN_VAIN;
	busy_poll_note(poll, looked ? of_look : BUSY_POLL_SLEPT, waited_ns);
	return looked;
}

/* How many waits of this length until one begins with a look (or does not any more). */
static unsigned until(struct busy_poll *poll, bool looks, uint64_t waited_ns)
{
	unsigned n = 0;
	while (n < 1000 && wait_once(poll, waited_ns) != looks)
		n++;
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
	for (int i = 0; i < 1000; i++)
		assert_true(wait_once(&poll, SHORT_NS));
	/* one long wait, of whatever length, ends it; a burst after it begins it again */
	assert_true(wait_once(&poll, UINT64_MAX));
	assert_false(wait_once(&poll, SHORT_NS));
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
		bool looked = wait_once(&poll, waited_ns);
		paid += looked && waited_ns <= BUSY_POLL_NS;
		burnt += looked && waited_ns > BUSY_POLL_NS;
	}
	assert_true(burnt <= 2 * paid + 100);
}

/* Short waits, and never one that a look spares: who looks is in the way. */
static void test_in_vain(void **state)
{
	struct busy_poll poll;
	unsigned looks = 0;
	busy_poll_init(&poll, false);
	for (int i = 0; i < 100000; i++)
		looks += wait_once(&poll, BUSY_POLL_NS + 1000);
	assert_in_range(looks, 1, 100000 / BUSY_POLL_PAUSE_MAX + 20);
	/* it pays again: soon as often as ever */
	assert_in_range(until(&poll, true, SHORT_NS), 0, BUSY_POLL_PAUSE_MAX + 1);
	for (int i = 0; i < 1000; i++)
		assert_true(wait_once(&poll, SHORT_NS));
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
		cmocka_unit_test(test_idle_never_polls), cmocka_unit_test(test_burst), cmocka_unit_test(test_bounded),
		cmocka_unit_test(test_in_vain),          cmocka_unit_test(test_alone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

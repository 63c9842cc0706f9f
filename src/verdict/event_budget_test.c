/* SPDX-License-Identifier: Apache-2.0 */
#include "verdict/event_budget.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define S EVENT_BUDGET_WINDOW_NS

static unsigned take(struct event_budget *budget, uint32_t limit, uint64_t now_ns, unsigned n)
{
	unsigned taken = 0;
	while (n-- > 0)
		taken += event_budget_take(budget, limit, now_ns);
	return taken;
}

static void test_no_limit(void **state)
{
	struct event_budget budget = {0};
	assert_int_equal(take(&budget, 0, 5, 100000), 100000);
}

static void test_windows(void **state)
{
	struct event_budget budget = {0};
	assert_int_equal(take(&budget, 10, 5 * S, 25), 10);
	assert_int_equal(take(&budget, 10, 6 * S - 1, 25), 0);
	assert_int_equal(take(&budget, 10, 6 * S, 4), 4);
	assert_int_equal(take(&budget, 10, 6 * S + S / 2, 25), 6);
	/* a quiet hour saves nothing up */
	assert_int_equal(take(&budget, 10, 3600 * S, 25), 10);
}

static void test_the_first_moment(void **state)
{
	struct event_budget budget = {0};
	assert_int_equal(take(&budget, 1, 0, 3), 1);
	assert_int_equal(take(&budget, 1, S - 1, 3), 0);
	assert_int_equal(take(&budget, 1, S, 3), 1);
}

static void test_a_clock_that_goes_back(void **state)
{
	struct event_budget budget = {0};
	assert_int_equal(take(&budget, 2, 100 * S, 3), 2);
	assert_int_equal(take(&budget, 2, 50 * S, 3), 2);
	assert_int_equal(take(&budget, 2, 51 * S, 3), 2);
}

/* Whatever comes when: no second has more than two windows' worth, and no event is refused before the budget is used.
 */
static void test_any_rhythm(void **state)
{
	for (uint64_t step = 1; step < S; step = step * 3 + 7) {
		struct event_budget budget = {0};
		unsigned taken = 0;
		uint64_t n = 0;
		for (; n < 5000; n++)
			taken += event_budget_take(&budget, 50, n * step);
		uint64_t windows = n * step / S + 1;
		assert_true(taken <= 50 * windows && taken >= (n < 50 * windows ? 50 : 50 * (windows - 1)));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_limit),         cmocka_unit_test(test_windows),
		cmocka_unit_test(test_the_first_moment), cmocka_unit_test(test_a_clock_that_goes_back),
		cmocka_unit_test(test_any_rhythm),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

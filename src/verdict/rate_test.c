/* SPDX-License-Identifier: Apache-2.0 */
#include "verdict/rate.h"

#include "base/macro.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define WINDOW 1000u

static void test_limits(void **state)
{
	static const struct {
		uint32_t limit, pass;
	} rows[] = {{0, 0}, {1, 1}, {5, 5}, {RATE_KEPT, RATE_KEPT}, {UINT32_MAX, RATE_KEPT}};
	static struct rate rate;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uint32_t passed = 0;
		memset(&rate, 0, sizeof(rate));
		for (uint32_t j = 0; j < 2 * RATE_KEPT; j++)
			passed += rate_take(&rate, rows[i].limit, WINDOW, 7);
		assert_int_equal(passed, rows[i].pass);
	}
}

/* Whatever comes when: in no window do more pass than the limit, and one passes whenever there is room. */
static void test_no_window_has_more(void **state)
{
	static struct rate rate;
	static uint64_t passed_at[20000];
	for (uint32_t limit = 1; limit < 40; limit += 3) {
		uint32_t random = limit, n = 0;
		uint64_t now = 5;
		memset(&rate, 0, sizeof(rate));
		for (int i = 0; i < 20000; i++) {
			random = random * 1664525u + 1013904223u;
			now += (random >> 16) % 7 == 0 ? (random >> 20) % 300 : 0;
			bool room = n < limit || now - passed_at[n - limit] >= WINDOW;
			assert_int_equal(rate_take(&rate, limit, WINDOW, now), room);
			if (room)
				passed_at[n++] = now;
		}
		assert_true(n > limit * 2);
	}
}

static void test_clock_goes_back(void **state)
{
	static struct rate rate;
	memset(&rate, 0, sizeof(rate));
	assert_true(rate_take(&rate, 1, WINDOW, 5000));
	assert_false(rate_take(&rate, 1, WINDOW, 100));
	assert_false(rate_take(&rate, 1, WINDOW, 5999));
	assert_true(rate_take(&rate, 1, WINDOW, 6000));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_no_window_has_more),
		cmocka_unit_test(test_clock_goes_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

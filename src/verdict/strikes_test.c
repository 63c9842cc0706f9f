/* SPDX-License-Identifier: Apache-2.0 */
#include "verdict/strikes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define S UINT64_C(1000000000)

static const struct strikes_limits limits = {.strikes_max = 3, .window_ns = 60 * S, .bench_ns = 300 * S};

static void test_window(void **state)
{
	struct strikes strikes = {0};
	assert_int_equal(strikes_add(&strikes, &limits, 100 * S), 1);
	assert_int_equal(strikes_add(&strikes, &limits, 130 * S), 2);
	assert_false(strikes_are_enough(&limits, 2));
	/* 60 s after the first, the first has left the window */
	assert_int_equal(strikes_add(&strikes, &limits, 160 * S), 2);
	assert_int_equal(strikes_add(&strikes, &limits, 161 * S), 3);
	assert_true(strikes_are_enough(&limits, 3));
	assert_int_equal(strikes_count(&strikes, &limits, 400 * S), 0);
}

/* Every pattern of 12 seconds-with-or-without-a-strike against a plain count. */
static void test_every_pattern(void **state)
{
	const struct strikes_limits narrow = {.strikes_max = 3, .window_ns = 5 * S, .bench_ns = S};
	for (unsigned pattern = 0; pattern < 1u << 12; pattern++) {
		struct strikes strikes = {0};
		for (int t = 0; t < 12; t++) {
			if (!(pattern >> t & 1))
				continue;
			uint32_t plain = 0;
			for (int i = t; i >= 0 && t - i < 5; i--)
				plain += pattern >> i & 1;
			assert_int_equal(strikes_add(&strikes, &narrow, (uint64_t)(t + 1) * S), plain);
		}
	}
}

static void test_many(void **state)
{
	struct strikes strikes = {0};
	uint32_t count = 0;
	for (int i = 0; i < 1000; i++)
		count = strikes_add(&strikes, &limits, 100 * S);
	assert_int_equal(count, STRIKES_KEPT);
}

static void test_odd_limits(void **state)
{
	struct strikes_limits odd = limits;
	odd.strikes_max = 0;
	assert_false(strikes_are_enough(&odd, 0));
	assert_true(strikes_are_enough(&odd, 1));
	odd.strikes_max = 1000;
	assert_true(strikes_are_enough(&odd, STRIKES_KEPT));
}

static void test_bench_doubles_and_calms(void **state)
{
	struct strikes strikes = {0};
	uint64_t now = 1000 * S;
	struct strikes_bench bench = strikes_begin_bench(&strikes, &limits, now);
	assert_int_equal(bench.until_ns, now + 300 * S);
	assert_false(bench.roll_back);

	/* the second within the hour: twice as long, and a roll back is wanted */
	now += 1000 * S;
	bench = strikes_begin_bench(&strikes, &limits, now);
	assert_int_equal(bench.until_ns, now + 600 * S);
	assert_true(bench.roll_back);

	/* more than an hour after the second began, less than an hour after it ended: doubles, no roll back */
	now += 3601 * S;
	bench = strikes_begin_bench(&strikes, &limits, now);
	assert_int_equal(bench.until_ns, now + 1200 * S);
	assert_false(bench.roll_back);

	/* an hour of calm: from the beginning */
	now = bench.until_ns + 3600 * S;
	bench = strikes_begin_bench(&strikes, &limits, now);
	assert_int_equal(bench.until_ns, now + 300 * S);
	assert_false(bench.roll_back);
}

static void test_bench_is_bounded(void **state)
{
	struct strikes strikes = {0};
	uint64_t now = 1000 * S;
	struct strikes_bench bench = {0};
	for (int i = 0; i < 200; i++) {
		bench = strikes_begin_bench(&strikes, &limits, now);
		assert_true(bench.until_ns - now <= STRIKES_BENCH_MAX_NS);
		now = bench.until_ns;
	}
	assert_int_equal(bench.until_ns - (now - STRIKES_BENCH_MAX_NS), STRIKES_BENCH_MAX_NS);
}

static void test_bench_pays(void **state)
{
	struct strikes strikes = {0};
	strikes_add(&strikes, &limits, 100 * S);
	strikes_add(&strikes, &limits, 100 * S);
	strikes_begin_bench(&strikes, &limits, 100 * S);
	assert_int_equal(strikes_count(&strikes, &limits, 101 * S), 0);
	assert_int_equal(strikes_add(&strikes, &limits, 101 * S), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_window),
		cmocka_unit_test(test_every_pattern),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_odd_limits),
		cmocka_unit_test(test_bench_doubles_and_calms),
		cmocka_unit_test(test_bench_is_bounded),
		cmocka_unit_test(test_bench_pays),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

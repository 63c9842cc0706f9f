/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/histogram.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* Every value falls in a bucket whose end is not below it and at most a quarter above. */
static void check(uint64_t value)
{
	struct histogram histogram = {0};
	histogram_add(&histogram, value);
	uint64_t found = histogram_permille(&histogram, 500);
	if (found < value || found - value > value / 4 + 1)
		fail_msg("%lu is given as %lu", (unsigned long)value, (unsigned long)found);
}

static void test_bounds(void **state)
{
	for (uint64_t value = 0; value < 5000; value++)
		check(value);
	for (int bit = 0; bit < 64; bit++) {
		check((UINT64_C(1) << bit) - 1);
		check(UINT64_C(1) << bit);
	}
	check(UINT64_MAX);
}

static void test_permille(void **state)
{
	struct histogram histogram = {0};
	assert_int_equal(histogram_permille(&histogram, 500), 0);
	for (int i = 0; i < 990; i++)
		histogram_add(&histogram, 4);
	for (int i = 0; i < 10; i++)
		histogram_add(&histogram, 1000000);
	assert_int_equal(histogram_permille(&histogram, 500), 4);
	assert_int_equal(histogram_permille(&histogram, 990), 4);
	assert_true(histogram_permille(&histogram, 991) >= 1000000);
	assert_true(histogram_permille(&histogram, 1000) >= 1000000);
}

/* What is walked over is what was added. */
static void test_next(void **state)
{
	struct histogram histogram = {0};
	uint64_t end, count, sum = 0, last = 0;
	uint32_t bucket = 0;
	assert_false(histogram_next(&histogram, &bucket, &end, &count));
	for (uint64_t value = 1; value < 5000; value += 7)
		histogram_add(&histogram, value);
	histogram_add(&histogram, UINT64_MAX);
	for (bucket = 0; histogram_next(&histogram, &bucket, &end, &count); sum += count) {
		assert_true(count > 0 && end > last);
		last = end;
	}
	assert_int_equal(sum, histogram.n);
	assert_true(last == UINT64_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_bounds), cmocka_unit_test(test_permille),
					   cmocka_unit_test(test_next)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

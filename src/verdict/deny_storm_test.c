/* SPDX-License-Identifier: Apache-2.0 */
#include "verdict/deny_storm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define S UINT64_C(1000000000)

static struct deny_storm storm;

static void test_limit(void **state)
{
	deny_storm_reset(&storm);
	for (uint64_t i = 0; i < 20; i++)
		assert_int_equal(deny_storm_add(&storm, 20, 1, i, false, 100 * S + i), DENY_STORM_CALM);
	assert_int_equal(deny_storm_add(&storm, 20, 1, 20, false, 101 * S), DENY_STORM_TOO_MANY);
	/* the minute is over: calm again */
	assert_int_equal(deny_storm_add(&storm, 20, 1, 21, false, 161 * S), DENY_STORM_CALM);
}

static void test_the_same_pair_is_one(void **state)
{
	deny_storm_reset(&storm);
	for (uint64_t i = 0; i < 5000; i++)
		assert_int_equal(deny_storm_add(&storm, 3, 7, 9, true, 100 * S + i), DENY_STORM_CALM);
	assert_int_equal(storm.n, 1);
}

static void test_one_target_of_many_programs(void **state)
{
	deny_storm_reset(&storm);
	for (uint64_t i = 0; i < 3; i++)
		assert_int_equal(deny_storm_add(&storm, 3, i, 9, false, 100 * S), DENY_STORM_CALM);
	assert_int_equal(deny_storm_add(&storm, 3, 3, 9, false, 100 * S), DENY_STORM_TOO_MANY);
}

static void test_known_programs(void **state)
{
	deny_storm_reset(&storm);
	for (uint64_t i = 0; i < DENY_STORM_RAN_BEFORE_MAX; i++) {
		assert_int_equal(deny_storm_add(&storm, 0, 1, i, true, 100 * S), DENY_STORM_CALM);
		/* the same program wanted by another, and programs that never ran, do not count here */
		assert_int_equal(deny_storm_add(&storm, 0, 2, i, true, 100 * S), DENY_STORM_CALM);
		assert_int_equal(deny_storm_add(&storm, 0, 1, 1000 + i, false, 100 * S), DENY_STORM_CALM);
	}
	assert_int_equal(deny_storm_add(&storm, 0, 1, 500, true, 100 * S), DENY_STORM_KNOWN_PROGRAMS);
}

static void test_no_limit_is_bounded(void **state)
{
	deny_storm_reset(&storm);
	for (uint64_t i = 0; i < 10 * DENY_STORM_KEPT; i++)
		assert_int_equal(deny_storm_add(&storm, 0, i, i, false, 100 * S), DENY_STORM_CALM);
	assert_int_equal(storm.n, DENY_STORM_KEPT);
}

static void test_a_huge_limit_is_reached(void **state)
{
	deny_storm_reset(&storm);
	enum deny_storm_result result = DENY_STORM_CALM;
	for (uint64_t i = 0; i < DENY_STORM_KEPT && result == DENY_STORM_CALM; i++)
		result = deny_storm_add(&storm, UINT32_MAX, 1, i, false, 100 * S);
	assert_int_equal(result, DENY_STORM_TOO_MANY);
}

/* So many distinct programs that ran before each minute, spread over it; how many were denied before the brake. */
static uint32_t denied_in_a_day(uint32_t (*in_minute)(uint32_t minute))
{
	uint32_t denied = 0;
	deny_storm_reset(&storm);
	for (uint32_t minute = 0; minute < 24 * 60; minute++) {
		uint32_t n = in_minute(minute);
		for (uint32_t i = 0; i < n; i++, denied++)
			if (deny_storm_add(&storm, 60, 1, denied, true, (1000 + minute * 60) * S + i * 60 * S / n) !=
			    DENY_STORM_CALM)
				return denied;
	}
	return denied;
}

static uint32_t one_more(uint32_t minute)
{
	return minute + 1;
}

static uint32_t just_below(uint32_t minute)
{
	return DENY_STORM_RAN_BEFORE_MAX;
}

static uint32_t one(uint32_t minute)
{
	return 1;
}

static uint32_t one_in_five(uint32_t minute)
{
	return minute % 5 == 0;
}

static uint32_t one_in_an_hour(uint32_t minute)
{
	return minute % 60 == 0;
}

static void test_creeping(void **state)
{
	assert_int_equal(denied_in_a_day(one_more), DENY_STORM_HOUR_MAX);
	assert_int_equal(denied_in_a_day(just_below), DENY_STORM_HOUR_MAX);
	assert_int_equal(denied_in_a_day(one), DENY_STORM_HOUR_MAX);
	assert_int_equal(denied_in_a_day(one_in_five), DENY_STORM_DAY_MAX);
	/* what an honest product may come to */
	assert_int_equal(denied_in_a_day(one_in_an_hour), 24);
}

/* The same programs again and again are no more than they are; after a day they count anew. */
static void test_the_same_programs(void **state)
{
	deny_storm_reset(&storm);
	for (uint64_t minute = 0; minute < 3 * 24 * 60; minute++)
		assert_int_equal(deny_storm_add(&storm, 60, minute, minute % 5, true, (1000 + minute * 60) * S),
				 DENY_STORM_CALM);
	/* when many crept in, a deny of what never ran is still none of these */
	deny_storm_reset(&storm);
	for (uint64_t i = 0; i < DENY_STORM_HOUR_MAX; i++)
		assert_int_equal(deny_storm_add(&storm, 60, 1, i, true, (1000 + i * 60) * S), DENY_STORM_CALM);
	assert_int_equal(deny_storm_add(&storm, 60, 1, 900, true, 2500 * S), DENY_STORM_KNOWN_PROGRAMS);
	assert_int_equal(deny_storm_add(&storm, 60, 1, 901, false, 2501 * S), DENY_STORM_CALM);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_the_same_pair_is_one),
		cmocka_unit_test(test_one_target_of_many_programs),
		cmocka_unit_test(test_known_programs),
		cmocka_unit_test(test_no_limit_is_bounded),
		cmocka_unit_test(test_a_huge_limit_is_reached),
		cmocka_unit_test(test_creeping),
		cmocka_unit_test(test_the_same_programs),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

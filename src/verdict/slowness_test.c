/* SPDX-License-Identifier: Apache-2.0 */
#include "verdict/slowness.h"

#include "base/macro.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define MS UINT64_C(1000000)
#define S UINT64_C(1000000000)

static const struct slowness_limits limits = {.share_percent = 50, .budget_ns = 10 * S};

/* One question after the other, each taking so long; how many it took until that was too slow, 0: never in `most`. */
static uint32_t answers_until(uint64_t took_ns, uint64_t allowed_ns, uint64_t pause_ns, uint32_t most)
{
	struct slowness slowness = {0};
	uint64_t now_ns = 1000 * S;
	for (uint32_t i = 1; i <= most; i++) {
		now_ns += took_ns;
		if (slowness_add(&slowness, &limits, now_ns - took_ns, now_ns, allowed_ns) == SLOWNESS_TOO_SLOW)
			return i;
		now_ns += pause_ns;
	}
	return 0;
}

/* Every share of the deadline, with pauses from none to long: too slow exactly when a plain sum says so. */
static void test_every_share_and_pause(void **state)
{
	static const uint64_t pauses_ms[] = {0, 1, 50, 250, 1000, 5000, 30000};
	const uint64_t allowed_ns = 250 * MS;
	for (uint64_t share = 1; share <= 100; share++)
		for (size_t i = 0; i < ARRAY_SIZE(pauses_ms); i++) {
			uint64_t took_ns = allowed_ns * share / 100;
			uint64_t step_ns = took_ns + pauses_ms[i] * MS;
			uint64_t a_minute = SLOWNESS_WINDOW_NS / step_ns;
			uint32_t found = answers_until(took_ns, allowed_ns, pauses_ms[i] * MS, 2000);
			if (share <= limits.share_percent || (a_minute + 1) * took_ns <= limits.budget_ns)
				assert_int_equal(found, 0);
			/* a bucket may have left the window already */
			else if ((a_minute - SLOWNESS_BUCKET_NS / step_ns - 2) * took_ns > limits.budget_ns)
				assert_int_equal(found, limits.budget_ns / took_ns + 1);
		}
}

/* Nine tenths of each open: after ten seconds, and however many quick answers lie between. */
static void test_slow_rather_than_stuck(void **state)
{
	assert_int_equal(answers_until(225 * MS, 250 * MS, 0, 1000), 45);
	struct slowness slowness = {0};
	uint64_t now_ns = 1000 * S;
	uint32_t slow = 0;
	enum slowness_result result = SLOWNESS_QUICK;
	while (result != SLOWNESS_TOO_SLOW && slow < 1000) {
		for (int i = 0; i < 20; i++, now_ns += MS)
			assert_int_equal(slowness_add(&slowness, &limits, now_ns, now_ns + MS, 250 * MS), 0);
		now_ns += 225 * MS;
		result = slowness_add(&slowness, &limits, now_ns - 225 * MS, now_ns, 250 * MS);
		slow++;
	}
	assert_int_equal(slow, 45);
}

/* A scanner with a large file now and then, or with much to do and each quick: never. */
static void test_honest(void **state)
{
	assert_int_equal(answers_until(100 * MS, 250 * MS, 0, 100000), 0);
	assert_int_equal(answers_until(5 * MS, 250 * MS, 0, 100000), 0);
	assert_int_equal(answers_until(200 * MS, 250 * MS, 2 * S, 100000), 0);
	assert_int_equal(answers_until(900 * MS, 1 * S, 6 * S, 100000), 0);
}

/* The operator lets an analysis take minutes: a few of these are what was asked for. */
static void test_few_are_never_too_many(void **state)
{
	assert_int_equal(answers_until(50 * S, 60 * S, 0, 100), 0);
	assert_int_equal(answers_until(5 * S, 6 * S, 0, 100), SLOWNESS_LEAST);
}

/* Sixty-four at a time: the machine waited once. */
static void test_at_once_counts_once(void **state)
{
	struct slowness slowness = {0};
	for (uint64_t round = 0; round < 4; round++)
		for (uint64_t i = 0; i < 64; i++)
			assert_int_equal(slowness_add(&slowness, &limits, (1000 + round) * S + i,
						      (1000 + round) * S + 200 * MS + i, 250 * MS),
					 SLOWNESS_SLOW);
	struct slowness_sum sum = slowness_sum(&slowness, 1004 * S);
	assert_int_equal(sum.answers, 256);
	assert_true(sum.waited_ns >= 800 * MS && sum.waited_ns < 801 * MS);
}

static void test_window(void **state)
{
	struct slowness slowness = {0};
	slowness_add(&slowness, &limits, 1000 * S, 1000 * S + 200 * MS, 250 * MS);
	assert_int_equal(slowness_sum(&slowness, 1000 * S + 200 * MS).answers, 1);
	assert_int_equal(slowness_sum(&slowness, 1054 * S).answers, 1);
	assert_int_equal(slowness_sum(&slowness, 1061 * S).answers, 0);
	/* the same bucket of the next minute */
	slowness_add(&slowness, &limits, 1060 * S, 1060 * S + 200 * MS, 250 * MS);
	assert_int_equal(slowness_sum(&slowness, 1061 * S).answers, 1);
	slowness_reset(&slowness);
	assert_int_equal(slowness_sum(&slowness, 1061 * S).answers, 0);
}

static void test_odd_values(void **state)
{
	struct slowness slowness = {0};
	const struct slowness_limits off = {.share_percent = 50}, whole = {.share_percent = 100, .budget_ns = 1};
	assert_int_equal(slowness_add(&slowness, &off, 0, 10 * S, 1), SLOWNESS_QUICK);
	assert_int_equal(slowness_add(&slowness, &limits, 10 * S, 9 * S, 1), SLOWNESS_QUICK);
	assert_int_equal(slowness_add(&slowness, &limits, 10 * S, 10 * S, 0), SLOWNESS_QUICK);
	assert_int_equal(slowness_add(&slowness, &limits, 0, UINT64_MAX, UINT64_MAX), SLOWNESS_SLOW);
	slowness_reset(&slowness);
	assert_int_equal(slowness_add(&slowness, &whole, 0, 250 * MS, 250 * MS), SLOWNESS_QUICK);
	/* a clock that went back counts nothing twice */
	slowness_add(&slowness, &limits, 1000 * S, 1001 * S, S);
	slowness_add(&slowness, &limits, 1000 * S, 1000 * S + 900 * MS, S);
	assert_int_equal(slowness_sum(&slowness, 1001 * S).waited_ns, S);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_share_and_pause),
		cmocka_unit_test(test_slow_rather_than_stuck),
		cmocka_unit_test(test_honest),
		cmocka_unit_test(test_few_are_never_too_many),
		cmocka_unit_test(test_at_once_counts_once),
		cmocka_unit_test(test_window),
		cmocka_unit_test(test_odd_values),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

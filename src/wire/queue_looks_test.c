/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/queue_looks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define MS UINT64_C(1000000)

static struct queue_looks looks;

static int set_up(void **state)
{
	looks = (struct queue_looks){0};
	return 0;
}

static void test_first_look_counts(void **state)
{
	assert_int_equal(queue_looks_since(&looks, 1), 0);
	queue_looks_note(&looks, 3, 100 * MS, 0);
	queue_looks_note(&looks, 5, 160 * MS, 0);
	assert_int_equal(queue_looks_since(&looks, 1), 100 * MS);
	assert_int_equal(queue_looks_since(&looks, 3), 100 * MS);
	assert_int_equal(queue_looks_since(&looks, 4), 160 * MS);
	assert_int_equal(queue_looks_since(&looks, 5), 160 * MS);
	assert_int_equal(queue_looks_since(&looks, 6), 0);
}

/* One that sees nothing new says nothing new. */
static void test_same_queue(void **state)
{
	queue_looks_note(&looks, 3, 100 * MS, 0);
	queue_looks_note(&looks, 3, 160 * MS, 0);
	assert_int_equal(queue_looks_since(&looks, 3), 100 * MS);
}

/* What came after a look that was not kept is seen by the next that is. */
static void test_apart(void **state)
{
	queue_looks_note(&looks, 1, 100 * MS, 0);
	queue_looks_note(&looks, 2, 100 * MS + QUEUE_LOOKS_APART_NS - 1, 0);
	assert_int_equal(queue_looks_since(&looks, 2), 0);
	queue_looks_note(&looks, 3, 100 * MS + QUEUE_LOOKS_APART_NS, 0);
	assert_int_equal(queue_looks_since(&looks, 2), 100 * MS + QUEUE_LOOKS_APART_NS);
	queue_looks_note(&looks, 4, 200 * MS, 200 * MS);
	assert_int_equal(queue_looks_since(&looks, 4), 0);
}

/* More looks than are kept: the oldest are forgotten, and what they saw counts from the oldest that is left. */
static void test_round(void **state)
{
	for (uint64_t i = 1; i <= QUEUE_LOOKS + 2; i++)
		queue_looks_note(&looks, i, i * QUEUE_LOOKS_APART_NS, 0);
	assert_int_equal(queue_looks_since(&looks, 1), 3 * QUEUE_LOOKS_APART_NS);
	for (uint64_t i = 3; i <= QUEUE_LOOKS + 2; i++)
		assert_int_equal(queue_looks_since(&looks, i), i * QUEUE_LOOKS_APART_NS);
}

static void test_forget(void **state)
{
	queue_looks_note(&looks, 7, 100 * MS, 0);
	queue_looks_forget(&looks);
	assert_int_equal(queue_looks_since(&looks, 1), 0);
	queue_looks_note(&looks, 1, 101 * MS, 0);
	assert_int_equal(queue_looks_since(&looks, 1), 101 * MS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_first_look_counts, set_up),
		cmocka_unit_test_setup(test_same_queue, set_up),
		cmocka_unit_test_setup(test_apart, set_up),
		cmocka_unit_test_setup(test_round, set_up),
		cmocka_unit_test_setup(test_forget, set_up),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

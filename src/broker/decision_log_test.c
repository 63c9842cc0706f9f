/* SPDX-License-Identifier: Apache-2.0 */
/* The log against a plain list that forgets its head. */
#include "broker/decision_log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void put(struct decision_log *log, uint64_t id, uint32_t size)
{
	struct decision *decision = decision_log_begin(log, size + 500);
	assert_non_null(decision);
	memset(decision, (int)id, size);
	decision->id = id;
	decision->size = size;
	decision_log_commit(log);
}

static void check_bytes(const struct decision *decision)
{
	const unsigned char *bytes = (const unsigned char *)decision;
	for (uint32_t i = sizeof(*decision); i < decision->size; i++)
		if (bytes[i] != (unsigned char)decision->id)
			fail_msg("byte %u of record %lu was overwritten", i, (unsigned long)decision->id);
}

/* Sizes that make the ring wrap at every possible place. */
static void test_wraps(void **state)
{
	for (uint32_t step = 0; step < 64; step++) {
		struct decision_log *log;
		assert_int_equal(decision_log_new(16, 8192, &log), 0);
		for (uint64_t id = 1; id <= 300; id++) {
			put(log, id, (uint32_t)(sizeof(struct decision) + (id * (step * 8 + 40)) % 900));
			uint64_t n = 0;
			for (struct decision *decision; (decision = decision_log_newest(log, (uint32_t)n)); n++) {
				assert_int_equal(decision->id, id - n);
				check_bytes(decision);
				assert_ptr_equal(decision_log_find(log, decision->id), decision);
			}
			assert_in_range(n, 1, 16);
			assert_int_equal(decision_log_dropped_id(log), id - n);
			assert_null(decision_log_find(log, id - n));
			assert_null(decision_log_find(log, id + 1));
		}
		decision_log_free(log);
	}
}

static void test_number_bound(void **state)
{
	struct decision_log *log;
	assert_int_equal(decision_log_new(4, 1 << 20, &log), 0);
	for (uint64_t id = 1; id <= 100; id++)
		put(log, id, sizeof(struct decision));
	assert_non_null(decision_log_newest(log, 3));
	assert_null(decision_log_newest(log, 4));
	assert_int_equal(decision_log_dropped_id(log), 96);
	decision_log_free(log);
}

/* Ids that meet in the guessing table are still found. */
static void test_ids_far_apart(void **state)
{
	struct decision_log *log;
	assert_int_equal(decision_log_new(16, 1 << 20, &log), 0);
	for (uint64_t id = 1; id <= 10; id++)
		put(log, id * 64, sizeof(struct decision));
	for (uint64_t id = 1; id <= 10; id++)
		assert_int_equal(decision_log_find(log, id * 64)->id, id * 64);
	decision_log_free(log);
}

static void test_too_large(void **state)
{
	struct decision_log *log;
	assert_int_equal(decision_log_new(4, 4096, &log), 0);
	assert_null(decision_log_begin(log, 4097));
	assert_null(decision_log_newest(log, 0));
	assert_null(decision_log_find(log, 0));
	decision_log_free(log);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wraps),
		cmocka_unit_test(test_number_bound),
		cmocka_unit_test(test_ids_far_apart),
		cmocka_unit_test(test_too_large),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

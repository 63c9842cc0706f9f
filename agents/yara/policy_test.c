/* SPDX-License-Identifier: Apache-2.0 */
#include "yara/policy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* Every policy, every outcome: what matched is always denied, what is clean never; cached is only what bytes decided
 * and was allowed; what was not scanned is told. */
static void test_whole_product(void **state)
{
	for (unsigned bits = 0; bits < 16; bits++)
		for (unsigned i = 0; i < INSPECT_N_OUTCOMES; i++)
			for (unsigned by_bytes = 0; by_bytes < 2; by_bytes++) {
				const struct policy policy = {bits & 1, bits & 2, bits & 4, bits & 8};
				enum inspect_outcome outcome = (enum inspect_outcome)i;
				struct policy_answer answer = policy_answer(&policy, outcome, by_bytes);
				bool timeout = i == INSPECT_NO_TIME || i == INSPECT_TOO_MANY || i == INSPECT_STUCK;
				bool error = i == INSPECT_CHANGING || i == INSPECT_NO_DESCRIPTOR ||
					     i == INSPECT_READ_ERROR || i == INSPECT_FAILED || i == INSPECT_CRASHED;
				bool deny = i == INSPECT_MATCH || (i == INSPECT_TOO_LARGE && (bits & 1)) ||
					    (i == INSPECT_REMOTE && (bits & 2)) || (timeout && (bits & 4)) ||
					    (error && (bits & 8));
				assert_int_equal(answer.deny, deny);
				assert_int_equal(answer.not_scanned, timeout || error);
				assert_int_equal(answer.cache,
						 by_bytes && (i == INSPECT_CLEAN || i == INSPECT_SPECIAL));
			}
}

static void test_names(void **state)
{
	for (unsigned i = 0; i < INSPECT_N_OUTCOMES; i++) {
		enum inspect_outcome outcome = (enum inspect_outcome)i;
		const struct policy all = {true, true, true, true};
		assert_true(strlen(policy_outcome_name(outcome)) > 1);
		/* who is denied is told by which rule: YARA's own, or one of ours */
		if (policy_answer(&all, outcome, false).deny && outcome != INSPECT_MATCH)
			assert_true(strlen(policy_rule_name(outcome)) > 1);
	}
	assert_string_equal(policy_outcome_name(INSPECT_N_OUTCOMES), "?");
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_whole_product), cmocka_unit_test(test_names)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

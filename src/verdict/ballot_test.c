/* SPDX-License-Identifier: Apache-2.0 */
/* Every ballot of up to four voters: each counted or shadow, each vote, each order, against a plain restatement of
 * the contract; and what comes after a decision. */
#include "verdict/ballot.h"

#include "base/macro.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define VOTERS_MAX 4

struct voter {
	bool shadow;
	enum ballot_vote vote;
};

static bool is_deny(enum ballot_vote vote)
{
	return vote == BALLOT_DENY || vote == BALLOT_MISS_DENY;
}

/* The contract in words: the first counted deny denies; else when all counted voters were heard, allow. */
static enum ballot_decision expected(const struct voter *voters, const int *order, int heard, int n)
{
	int waiting = 0;
	for (int i = 0; i < n; i++)
		waiting += !voters[order[i]].shadow && i >= heard;
	for (int i = 0; i < heard; i++)
		if (!voters[order[i]].shadow && is_deny(voters[order[i]].vote))
			return BALLOT_DENIED;
	return waiting == 0 ? BALLOT_ALLOWED : BALLOT_OPEN;
}

static int first_deny(const struct voter *voters, const int *order, int n)
{
	for (int i = 0; i < n; i++)
		if (!voters[order[i]].shadow && is_deny(voters[order[i]].vote))
			return order[i];
	return BALLOT_NOBODY;
}

static bool all_keep(const struct voter *voters, int n)
{
	int counted = 0;
	for (int i = 0; i < n; i++) {
		if (voters[i].shadow)
			continue;
		counted++;
		if (voters[i].vote != BALLOT_ALLOW_CACHE)
			return false;
	}
	return counted > 0;
}

static void check(const struct voter *voters, const int *order, int n)
{
	struct ballot ballot;
	ballot_init(&ballot);
	for (int i = 0; i < n; i++)
		ballot_add(&ballot, voters[i].shadow);
	enum ballot_decision decision = ballot_start(&ballot);
	if (decision != expected(voters, order, 0, n))
		fail_msg("decision before any vote");
	for (int i = 0; i < n; i++) {
		const struct voter *voter = &voters[order[i]];
		decision = ballot_cast(&ballot, (uint16_t)order[i], voter->shadow, voter->vote);
		if (decision != expected(voters, order, i + 1, n))
			fail_msg("decision %d after vote %d of %d, expected %d", decision, i + 1, n,
				 expected(voters, order, i + 1, n));
	}
	if (ballot.decider != first_deny(voters, order, n))
		fail_msg("the reason must be that of the first deny");
	if (ballot_may_cache(&ballot) != all_keep(voters, n))
		fail_msg("cached exactly when every counted voter said so");
}

/* Calls check() with every order of n voters (Heap's algorithm). */
static unsigned permute(const struct voter *voters, int *order, int k, int n)
{
	if (k == 1) {
		check(voters, order, n);
		return 1;
	}
	unsigned count = 0;
	for (int i = 0; i < k; i++) {
		count += permute(voters, order, k - 1, n);
		int j = k % 2 ? 0 : i;
		int swap = order[j];
		order[j] = order[k - 1];
		order[k - 1] = swap;
	}
	return count;
}

static void test_every_ballot(void **state)
{
	unsigned checked = 0;
	for (int n = 0; n <= VOTERS_MAX; n++) {
		int combinations = 1;
		for (int i = 0; i < n; i++)
			combinations *= 2 * BALLOT_N_VOTES;
		for (int c = 0; c < combinations; c++) {
			struct voter voters[VOTERS_MAX] = {0};
			int order[VOTERS_MAX] = {0, 1, 2, 3};
			for (int i = 0, rest = c; i < n; i++, rest /= 2 * BALLOT_N_VOTES)
				voters[i] = (struct voter){.shadow = rest % 2, .vote = (rest / 2) % BALLOT_N_VOTES};
			if (n == 0)
				check(voters, order, 0);
			else
				checked += permute(voters, order, n, n);
		}
	}
	assert_int_equal(checked, 12 + 2 * 144 + 6 * 1728 + 24 * 20736);
}

static void test_flags(void **state)
{
	struct ballot ballot;
	ballot_init(&ballot);
	ballot_add(&ballot, false);
	ballot_add(&ballot, false);
	ballot_start(&ballot);
	assert_int_equal(ballot_cast(&ballot, 0, false, BALLOT_OVERRIDDEN), BALLOT_OPEN);
	assert_true(ballot.overridden);
	assert_false(ballot.missed);
	assert_int_equal(ballot_cast(&ballot, 1, false, BALLOT_MISS_ALLOW), BALLOT_ALLOWED);
	assert_true(ballot.missed);
	assert_false(ballot_may_cache(&ballot));
}

static void test_after_the_decision(void **state)
{
	struct ballot ballot;
	ballot_init(&ballot);
	ballot_add(&ballot, false);
	ballot_add(&ballot, false);
	ballot_start(&ballot);
	ballot_cast(&ballot, 1, false, BALLOT_DENY);
	struct ballot before = ballot;
	for (int vote = 0; vote < BALLOT_N_VOTES; vote++) {
		assert_int_equal(ballot_cast(&ballot, 0, false, vote), BALLOT_DENIED);
		assert_memory_equal(&ballot, &before, sizeof(ballot));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_ballot),
		cmocka_unit_test(test_flags),
		cmocka_unit_test(test_after_the_decision),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

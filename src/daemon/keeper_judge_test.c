/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/keeper_judge.h"

#include "base/clock.h"
#include "base/macro.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <unistd.h>

#include <cmocka.h>

/* Every value that matters of each field; the test goes through the whole product. */
static const char states[] = {'R', 'S', 'D', 'T', 't', 'Z', 'I', '?'};
static const uint64_t wanted[] = {0, 1, 50 * NS_PER_MS, KEEPER_BLOCKED_NS - 2, KEEPER_BLOCKED_NS, 60 * NS_PER_SEC};
static const uint64_t ran[] = {0, KEEPER_SPIN_NS - 1, KEEPER_SPIN_NS, 50 * NS_PER_SEC};
static const unsigned waited_percent[] = {0, 49, 50, 100};

struct look {
	struct keeper_sample previous;
	struct keeper_sample now;
};

static bool halted(const struct look *look)
{
	return look->now.state == 'T' || look->now.state == 't';
}

static bool moved(const struct look *look)
{
	return look->now.turns != look->previous.turns;
}

static bool has_excuse(const struct look *look)
{
	uint64_t waited_ns = look->now.wait_ns - look->previous.wait_ns;
	return look->now.state == 'R' || look->now.state == 'D' ||
	       (waited_ns && waited_ns >= look->now.wanted_ns / 2) ||
	       look->now.major_faults != look->previous.major_faults;
}

/* The promises, each for itself, in other words than the table's. */
static void check(const struct look *look)
{
	enum keeper_verdict verdict = keeper_judge(&look->previous, &look->now);
	bool kills = keeper_verdict_kills(verdict);
	uint64_t ran_ns = look->now.run_ns - look->previous.run_ns;
	bool spun = !moved(look) && ran_ns >= KEEPER_SPIN_NS;

	assert_int_equal(verdict == KEEPER_STOPPED, halted(look));
	if (!halted(look)) {
		assert_int_equal(verdict == KEEPER_SPINNING, spun);
		if (moved(look))
			assert_false(kills);
		if (!look->now.wanted_ns && !spun)
			assert_int_equal(verdict, KEEPER_ALIVE);
		if (look->now.wanted_ns && !spun)
			assert_true(verdict != KEEPER_ALIVE); /* somebody must answer */
		if (!spun && !moved(look) && has_excuse(look))
			assert_false(kills); /* the machine is to blame */
		if (verdict == KEEPER_BLOCKED)
			assert_true(look->now.wanted_ns >= KEEPER_BLOCKED_NS);
	}
	assert_non_null(keeper_verdict_why(verdict));
}

static void test_whole_product(void **unused)
{
	unsigned n = 0;
	for (size_t s = 0; s < ARRAY_SIZE(states); s++)
		for (size_t e = 0; e < ARRAY_SIZE(wanted); e++)
			for (size_t r = 0; r < ARRAY_SIZE(ran); r++)
				for (size_t w = 0; w < ARRAY_SIZE(waited_percent); w++)
					for (unsigned bits = 0; bits < 4; bits++) {
						struct look look = {.previous = {5, 1000, 1000, 3, 'S', 0},
								    .now = {5 + (bits & 1), 1000 + ran[r],
									    1000 + wanted[e] / 100 * waited_percent[w],
									    3 + (bits >> 1 & 1), states[s], wanted[e]}};
						check(&look);
						n++;
					}
	assert_int_equal(n, 8 * 6 * 4 * 4 * 4);
}

/* Counters of a stranger or of another process may run backwards: no difference then, and no wrap-around. */
static void test_backwards(void **unused)
{
	struct keeper_sample previous = {.run_ns = 1000, .wait_ns = 1000, .state = 'S'};
	struct keeper_sample now = {.state = 'S', .wanted_ns = KEEPER_BLOCKED_NS - 1};
	assert_false(keeper_verdict_kills(keeper_judge(&previous, &now)));
}

static void test_named_cases(void **unused)
{
	struct keeper_sample previous = {.state = 'S', .turns = 1};
	struct keeper_sample now = previous;

	assert_int_equal(keeper_judge(&previous, &now), KEEPER_ALIVE); /* idle for minutes */
	now.wanted_ns = NS_PER_SEC;
	assert_int_equal(keeper_judge(&previous, &now), KEEPER_LATE);
	now.wanted_ns = KEEPER_BLOCKED_NS; /* it should have woken */
	assert_int_equal(keeper_judge(&previous, &now), KEEPER_BLOCKED);
	now.state = 'R'; /* two busy loops before it in the queue */
	assert_int_equal(keeper_judge(&previous, &now), KEEPER_STARVED);
	now.run_ns = KEEPER_SPIN_NS;
	assert_int_equal(keeper_judge(&previous, &now), KEEPER_SPINNING);
	now.turns = 2;
	assert_int_equal(keeper_judge(&previous, &now), KEEPER_LATE);
	now.wanted_ns = 0;
	assert_int_equal(keeper_judge(&previous, &now), KEEPER_ALIVE);
	now.state = 'T';
	assert_int_equal(keeper_judge(&previous, &now), KEEPER_STOPPED);
}

/* A loop is found by as many looks as its processor time is worth; a jump is no loop, and one backwards is none. */
static void test_jump(void **unused)
{
	struct keeper_sample previous = {.state = 'R', .turns = 1};
	struct keeper_sample now = previous;
	uint64_t raw_ns = 0;
	now.run_ns = keeper_run_count(0, 0, 50 * NS_PER_SEC); /* the host took the processor away */
	assert_int_equal(now.run_ns, KEEPER_RUN_A_LOOK_NS);
	assert_false(keeper_verdict_kills(keeper_judge(&previous, &now)));
	assert_int_equal(keeper_run_count(7, 100, 90), 7);
	now = previous;
	unsigned looks = 0;
	for (; keeper_judge(&previous, &now) != KEEPER_SPINNING && looks < 100; looks++, raw_ns += 40 * NS_PER_MS)
		now.run_ns = keeper_run_count(now.run_ns, raw_ns, raw_ns + 40 * NS_PER_MS);
	assert_int_equal(looks, KEEPER_SPIN_NS / (40 * NS_PER_MS));
}

/* One system call in which the kernel works for long, on a host that is busy: ended only after a whole second of what
 * the engine is told that it ran, however long it takes. */
static void test_long_call(void **unused)
{
	struct keeper_sample previous = {.state = 'R', .turns = 1};
	struct keeper_sample now = previous;
	uint64_t raw_ns = 0, looked_ns = 0;
	while (!keeper_verdict_kills(keeper_judge(&previous, &now))) {
		raw_ns += 90 * NS_PER_MS;
		looked_ns += 60 * NS_PER_MS;
		now.run_ns = keeper_run_count(now.run_ns, raw_ns - 90 * NS_PER_MS, raw_ns);
		now.wanted_ns += 60 * NS_PER_MS;
	}
	assert_true(looked_ns >= NS_PER_SEC);
	now.turns++; /* it came back */
	assert_false(keeper_verdict_kills(keeper_judge(&previous, &now)));
}

static void test_parse(void **unused)
{
	static const char stat[] = "12 (a) R 1 (b)) S 1 12 12 0 -1 4194560 99 100 7 0 2 57 0 0 20 0 1 0 293718 2535424";
	struct keeper_sample sample = {0};
	assert_true(keeper_sample_parse(&sample, stat, "607048830 9685162 269\n"));
	assert_int_equal(sample.state, 'S');
	assert_int_equal(sample.major_faults, 7);
	assert_int_equal(sample.run_ns, 607048830);
	assert_int_equal(sample.wait_ns, 9685162);

	assert_true(keeper_sample_parse(&sample, stat, ""));
	assert_int_equal(sample.run_ns, (2 + 57) * (NS_PER_SEC / (unsigned long)sysconf(_SC_CLK_TCK)));
	assert_int_equal(sample.wait_ns, 0);

	static const char *const broken[] = {"", "12", "12 (a", "12 (a)", "12 (a) S", "12 (a) S 1 2 3 4 5 6 7 8 x"};
	for (size_t i = 0; i < ARRAY_SIZE(broken); i++)
		assert_false(keeper_sample_parse(&sample, broken[i], "1 2 3"));
	assert_false(keeper_sample_parse(&sample, stat, "17"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole_product), cmocka_unit_test(test_backwards),
		cmocka_unit_test(test_named_cases),   cmocka_unit_test(test_jump),
		cmocka_unit_test(test_long_call),     cmocka_unit_test(test_parse),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

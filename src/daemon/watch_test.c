/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "base/macro.h"
#include "daemon/watch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* What it did in the time since it was asked, and what part of its reason is expected. */
static const struct row {
	const char *name;
	char state;
	uint64_t ran_ns, waited_ns, faults;
	const char *why; /* NULL: left in peace */
} rows[] = {
	{"stopped", 'T', 0, 0, 0, "stopped by a signal"},
	{"traced", 't', 0, 0, 0, "traced"},
	{"sleeps", 'S', 0, 0, 0, "sleeps outside"},
	{"spins", 'R', 5 * NS_PER_SEC, 0, 0, "uses the processor"},
	{"works for a second", 'S', 1 * NS_PER_SEC, 5 * NS_PER_SEC, 0, NULL},
	{"ready to run, and does not", 'R', 0, 0, 0, NULL},
	{"waited for a processor most of the time", 'S', 1000, 4 * NS_PER_SEC, 0, NULL},
	{"waits for the disk", 'D', 0, 0, 0, NULL},
	{"waited for its memory", 'S', 0, 0, 3, NULL},
};

static const char *judged(const struct row *row, unsigned looks)
{
	struct keeper_sample asked = {.turns = 1, .run_ns = 7, .wait_ns = 9, .major_faults = 2, .state = 'S'};
	struct keeper_sample now = asked;
	now.turns = asked.turns;
	now.state = row->state;
	now.run_ns += row->ran_ns;
	now.wait_ns += row->waited_ns;
	now.major_faults += row->faults;
	now.wanted_ns = 6 * NS_PER_SEC;
	return watch_judge(&asked, &now, looks);
}

static void test_judge(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const char *why = judged(&rows[i], WATCH_LOOKS);
		if (!why != !rows[i].why || (why && !strstr(why, rows[i].why)))
			fail_msg("%s: expected %s, found %s", rows[i].name, rows[i].why, why);
	}
}

static void test_not_before_its_time(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		for (unsigned looks = 0; looks < WATCH_LOOKS; looks++)
			assert_null(judged(&rows[i], looks));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_judge),
		cmocka_unit_test(test_not_before_its_time),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

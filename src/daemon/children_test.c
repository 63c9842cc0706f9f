/* SPDX-License-Identifier: Apache-2.0 */
/* What can be tested of children without starting any; the rest is tests/system. */
#include "daemon/children.h"

#include "base/clock.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void test_backoff(void **state)
{
	const struct topology_process *engine = &topology_processes[PROCESS_ENGINE];
	const struct topology_process *cage = &topology_processes[PROCESS_CAGE];
	assert_int_equal(children_backoff_ns(engine, 0), 0);
	for (unsigned failures = 1; failures < 100; failures++) {
		/* rises, and the engine is always tried again within half a second */
		assert_true(children_backoff_ns(cage, failures) >= children_backoff_ns(cage, failures - 1));
		assert_true(children_backoff_ns(engine, failures) <= 500 * NS_PER_MS);
		assert_true(children_backoff_ns(cage, failures) <= 10 * NS_PER_SEC);
	}
	assert_int_equal(children_backoff_ns(cage, 99), 10 * NS_PER_SEC);
}

static void test_describe(void **state)
{
	char text[120];
	assert_string_equal(children_describe_status(3 << 8, text, sizeof(text)), "exited with 3");
	assert_string_equal(children_describe_status(SIGKILL, text, sizeof(text)), "ended by signal 9 (Killed)");
	assert_non_null(strstr(children_describe_status(SIGSYS, text, sizeof(text)), "not in its table"));
}

static void test_gets_on(void **state)
{
	const uint64_t look = CHILDREN_START_LOOK_NS;
	assert_true(children_gets_on(NS_PER_SEC, NS_PER_SEC, 'R')); /* waits for a processor */
	assert_true(children_gets_on(NS_PER_SEC, NS_PER_SEC, 'D')); /* for a disk, or the kernel */
	assert_false(children_gets_on(NS_PER_SEC, NS_PER_SEC, 'S')); /* for something that does not come */
	assert_false(children_gets_on(NS_PER_SEC, NS_PER_SEC + look / 100 - 1, 'S')); /* looking at it now and then */
	assert_true(children_gets_on(NS_PER_SEC, NS_PER_SEC + look / 100, 'S'));
	assert_true(children_gets_on(0, 20 * NS_PER_SEC, 'S'));
	assert_false(children_gets_on(NS_PER_SEC, CHILDREN_START_NS, 'R')); /* in a loop */
	assert_false(children_gets_on(NS_PER_SEC, 2 * NS_PER_SEC, 'T'));
	assert_false(children_gets_on(NS_PER_SEC, 2 * NS_PER_SEC, 't'));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_backoff),
		cmocka_unit_test(test_describe),
		cmocka_unit_test(test_gets_on),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "ipc/topology.h"

#include <linux/capability.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void test_rows(void **state)
{
	for (unsigned i = 0; i < PROCESS_N_ROLES; i++) {
		const struct topology_process *row = &topology_processes[i];
		assert_int_equal(row->role, i);
		assert_true(row->name[0] && row->program[0] && row->files_max > 0);
		/* the opener is a fork of config, not started by the parent */
		for (unsigned k = 0; k < i && i != PROCESS_OPENER; k++)
			assert_string_not_equal(row->program, topology_processes[k].program);
		/* only the parent is root, and whoever is not keeps little; the opener is, and keeps nothing */
		assert_int_equal(row->root, i == PROCESS_PARENT || i == PROCESS_OPENER);
		if (!row->root)
			assert_true(__builtin_popcountll(row->capabilities) <= 4);
	}
}

static void test_capabilities(void **state)
{
	assert_int_equal(topology_processes[PROCESS_ENGINE].capabilities, UINT64_C(1) << CAP_LEASE);
	assert_int_equal(topology_processes[PROCESS_CONTROL].capabilities, 0);
	assert_int_equal(topology_processes[PROCESS_CONFIG].capabilities, 0);
	assert_int_equal(topology_processes[PROCESS_OPENER].capabilities, 0);
}

static void test_pairs(void **state)
{
	unsigned n = 0;
	for (unsigned a = 0; a < PROCESS_N_ROLES; a++) {
		assert_false(topology_may_talk(a, a));
		for (unsigned b = 0; b < a; b++) {
			assert_int_equal(topology_may_talk(a, b), topology_may_talk(b, a));
			n += topology_may_talk(a, b);
		}
	}
	assert_int_equal(n, 7);
	assert_true(topology_may_talk(PROCESS_CAGE, PROCESS_ENGINE));
	assert_false(topology_may_talk(PROCESS_CONFIG, PROCESS_ENGINE));
	assert_string_equal(topology_name(PROCESS_N_ROLES), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_capabilities),
		cmocka_unit_test(test_pairs),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

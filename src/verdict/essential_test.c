/* SPDX-License-Identifier: Apache-2.0 */
#include "verdict/essential.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void test_match(void **state)
{
	static const struct {
		const char *path;
		bool has;
	} cases[] = {
		{"/sbin/init", true},    {"/sbin/init2", false},       {"/sbin/ini", false},
		{"/sbin", false},        {"/usr/lib/apt/", true},      {"/usr/lib/apt/methods/http", true},
		{"/usr/lib/apt", false}, {"/usr/lib/aptitude", false}, {"", false},
		{"sbin/init", false},
	};
	struct essential *essential;
	assert_int_equal(essential_new(4, &essential), 0);
	assert_int_equal(essential_add(essential, "/sbin/init"), 0);
	assert_int_equal(essential_add(essential, "/usr/lib/apt/"), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *path = cases[i].path;
		if (essential_has(essential, path, strlen(path), true) != cases[i].has)
			fail_msg("'%s' should be %s", path, cases[i].has ? "essential" : "not essential");
		assert_false(essential_has(essential, path, strlen(path), false));
	}
	essential_free(essential);
}

static void test_bounds(void **state)
{
	struct essential *essential;
	assert_int_equal(essential_new(2, &essential), 0);
	assert_int_equal(essential_add(essential, "relative"), -EINVAL);
	assert_int_equal(essential_add(essential, ""), -EINVAL);
	assert_int_equal(essential_add(essential, "/a"), 0);
	assert_int_equal(essential_add(essential, "/a"), 0);
	assert_int_equal(essential_add(essential, "/b"), 0);
	assert_int_equal(essential_add(essential, "/c"), -ENOSPC);
	essential_free(essential);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_match), cmocka_unit_test(test_bounds)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* nearest_test: which of several names a mistyped word means. */
#include "base/nearest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void expect(const char *word, const char *name)
{
	static const char *const names[] = {"exec", "exit", "auth_exec", "x"};
	struct nearest nearest = nearest_to(word);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		nearest_try(&nearest, names[i]);
	if (name && nearest.name)
		assert_string_equal(nearest.name, name);
	else
		assert_ptr_equal(nearest.name, name);
}

static void test_nearest(void **state)
{
	char longest[80];
	expect("exec", "exec");
	expect("exce", "exec");
	expect("exi", "exit");
	expect("auth", "auth_exec"); /* its beginning */
	expect("au", NULL);
	expect("something", NULL);
	expect("y", NULL); /* with every character changed it is another word */
	memset(longest, 'e', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	expect(longest, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nearest),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

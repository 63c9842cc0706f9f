/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/usage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void test_parse(void **state)
{
	static const struct {
		const char *statm, *schedstat;
		bool has_memory, has_cpu;
		uint64_t memory_bytes, cpu_ns;
	} rows[] = {
		{"1000 25 10 1 0 300 0\n", "123456789 42 7\n", true, true, 25 * 4096, 123456789},
		{"1000 25", "5", true, true, 25 * 4096, 5},
		{"", "", false, false, 0, 0},
		{"1000", "x", false, false, 0, 0},
		{"25 1000 1", "-1 0 0", false, false, 0, 0},
		{"18446744073709551615 18446744073709551615 1", "18446744073709551616 1", false, false, 0, 0},
		{"1000 25x", "5y", false, false, 0, 0},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct usage usage = usage_parse(rows[i].statm, rows[i].schedstat, 4096);
		if (usage.has_memory != rows[i].has_memory || usage.has_cpu != rows[i].has_cpu)
			fail_msg("row %zu", i);
		if (usage.has_memory)
			assert_int_equal(usage.memory_bytes, rows[i].memory_bytes);
		if (usage.has_cpu)
			assert_int_equal(usage.cpu_ns, rows[i].cpu_ns);
	}
}

static void test_self(void **state)
{
	char text[256];
	struct json json;
	json_init(&json, text, sizeof(text));
	json_open_object(&json, NULL);
	usage_to_json(getpid(), &json);
	json_close_object(&json);
	assert_true(json_finish(&json) > 0);
	assert_non_null(strstr(text, "\"memory_bytes\":"));
	json_init(&json, text, sizeof(text));
	json_open_object(&json, NULL);
	usage_to_json(0, &json);
	usage_to_json(0x7fffffff, &json);
	json_close_object(&json);
	assert_true(json_finish(&json) > 0);
	assert_null(strstr(text, "bytes"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_parse), cmocka_unit_test(test_self)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

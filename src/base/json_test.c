/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void test_shapes(void **state)
{
	char buffer[256];
	struct json json;
	json_init(&json, buffer, sizeof(buffer));
	json_open_object(&json, NULL);
	json_u64(&json, "a", UINT64_MAX);
	json_open_array(&json, "b");
	json_i64(&json, NULL, -1);
	json_bool(&json, NULL, true);
	json_null(&json, NULL);
	json_close_array(&json);
	json_open_object(&json, "c");
	json_close_object(&json);
	json_raw(&json, "d", "[1]", 3);
	json_close_object(&json);
	assert_int_equal(json_finish(&json), strlen(buffer));
	assert_string_equal(buffer, "{\"a\":18446744073709551615,\"b\":[-1,true,null],\"c\":{},\"d\":[1]}");
}

static void test_bytes(void **state)
{
	static const struct {
		const char *bytes, *json;
	} cases[] = {
		{"plain", "\"plain\""},
		{"q\"b\\", "\"q\\\"b\\\\\""},
		{"new\nline\x7f", "\"new\\u000aline\\u007f\""},
		{"gr\xc3\xbc\xc3\x9f", "\"gr\xc3\xbc\xc3\x9f\""},
		{"bad\xff", "\"bad\\udcff\""},
		{"overlong\xc0\xaf", "\"overlong\\udcc0\\udcaf\""},
		{"surrogate\xed\xa0\x80", "\"surrogate\\udced\\udca0\\udc80\""},
		{"cut\xe2\x82", "\"cut\\udce2\\udc82\""},
		{"\xf0\x9f\x98\x80", "\"\xf0\x9f\x98\x80\""},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char buffer[128];
		struct json json;
		json_init(&json, buffer, sizeof(buffer));
		json_string(&json, NULL, cases[i].bytes);
		assert_true(json_finish(&json) > 0);
		assert_string_equal(buffer, cases[i].json);
	}
}

static void test_too_small(void **state)
{
	char buffer[8];
	struct json json;
	json_init(&json, buffer, sizeof(buffer));
	json_string(&json, NULL, "more than eight");
	assert_int_equal(json_finish(&json), -ENOBUFS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shapes),
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_too_small),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

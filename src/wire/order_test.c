/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/order.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void test_good(void **state)
{
	static const struct {
		const char *text, *verb, *name, *reason, *words;
	} rows[] = {
		{"bench a", "bench", "a", "", "benched by the operator"},
		{"bench a\n", "bench", "a", "", "benched by the operator"},
		{"stop a b\nit is slow", "stop", "a b", "it is slow", "benched by the operator: it is slow"},
		{"x y\na\nb\x7f\x1b[2J\xff", "x", "y", "a b  [2J\xff", "benched by the operator: a b  [2J\xff"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct order order;
		char words[ORDER_WORDS_SIZE];
		assert_null(order_parse(rows[i].text, &order));
		assert_string_equal(order.verb, rows[i].verb);
		assert_string_equal(order.name, rows[i].name);
		assert_string_equal(order.reason, rows[i].reason);
		assert_string_equal(order_words(&order, "benched", words), rows[i].words);
	}
}

static void test_bad(void **state)
{
	static const char *const texts[] = {
		"",        " ", "bench", "bench ", "bench \nwhy", "\nbench a", " bench a", "averyveryverylongverb a",
		"bench\na"};
	struct order order = {.verb = "untouched"};
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (!order_parse(texts[i], &order))
			fail_msg("'%s' was taken", texts[i]);
	assert_string_equal(order.verb, "untouched");
}

/* Each part as long as it may be, and one byte longer. */
static void test_lengths(void **state)
{
	for (size_t more = 0; more < 2; more++) {
		char text[512], part[256];
		struct order order;
		memset(part, 'x', sizeof(part));
		snprintf(text, sizeof(text), "stop %.*s", (int)(SESSION_NAME_SIZE - 1 + more), part);
		assert_int_equal(order_parse(text, &order) == NULL, more == 0);
		snprintf(text, sizeof(text), "stop a\n%.*s", (int)(ORDER_REASON_SIZE - 1 + more), part);
		assert_int_equal(order_parse(text, &order) == NULL, more == 0);
		snprintf(text, sizeof(text), "%.*s a", (int)(ORDER_VERB_SIZE - 1 + more), part);
		assert_int_equal(order_parse(text, &order) == NULL, more == 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_lengths),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The catalogue keeps its promises: numbers and names are unique, numbers rise, structs have no holes, and nothing
 * that was published (catalogue_frozen.txt) changes its meaning.
 */
#include "wire/catalogue.h"

#include "base/macro.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const struct {
	const char *name;
	uint32_t size;
	uint32_t align;
} kinds[] = {
	[CATALOGUE_U32] = {"u32", sizeof(uint32_t), _Alignof(uint32_t)},
	[CATALOGUE_U64] = {"u64", sizeof(uint64_t), _Alignof(uint64_t)},
	[CATALOGUE_I64] = {"i64", sizeof(int64_t), _Alignof(int64_t)},
	[CATALOGUE_STR] = {"str", sizeof(struct rs_str), _Alignof(struct rs_str)},
	[CATALOGUE_STRV] = {"strv", sizeof(struct rs_str), _Alignof(struct rs_str)},
	[CATALOGUE_FILE] = {"file", sizeof(struct rs_file), _Alignof(struct rs_file)},
	[CATALOGUE_ADDR] = {"addr", sizeof(struct rs_addr), _Alignof(struct rs_addr)},
	[CATALOGUE_PROC] = {"process", sizeof(struct rs_process), _Alignof(struct rs_process)},
};

static bool is_word(const char *text)
{
	return islower((unsigned char)text[0]) && text[strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_")] == '\0';
}

static void test_rows(void **state)
{
	for (size_t i = 0; i < catalogue_n_events; i++) {
		const struct catalogue_event *row = &catalogue_events[i];
		if (i > 0)
			assert_true(row->number > row[-1].number);
		assert_true(row->number > 0 && row->number < RS_EVENT_TYPE_LIMIT);
		assert_true(row->since >= 1 && row->since <= 1);
		assert_true(is_word(row->name) && is_word(row->family));
		/* auth events are told by their number, too, and have a name that says so */
		assert_int_equal(row->auth, row->number % 100 > 50);
		assert_int_equal(row->auth, strncmp(row->name, "auth_", 5) == 0);
		assert_ptr_equal(catalogue_find(row->number), row);
		assert_ptr_equal(catalogue_find_name(row->name), row);
		assert_true(row->n_fields > 0);
	}
	assert_null(catalogue_find(0));
	assert_null(catalogue_find(UINT16_MAX));
	assert_null(catalogue_find_name(""));
}

/* Each field begins where the last one ended, at its alignment, and the body ends with the last, at a multiple of 8. */
static void test_no_holes(void **state)
{
	for (size_t i = 0; i < catalogue_n_events; i++) {
		const struct catalogue_event *row = &catalogue_events[i];
		uint32_t end = 0;
		for (uint32_t j = 0; j < row->n_fields; j++) {
			const struct catalogue_field *field = &row->fields[j];
			if (field->offset != end || field->offset % kinds[field->kind].align != 0)
				fail_msg("a hole before %s.%s", row->name, field->name);
			assert_true(is_word(field->name));
			end = field->offset + kinds[field->kind].size;
		}
		if (end != row->body_size || end % 8 != 0)
			fail_msg("a hole at the end of %s", row->name);
	}
}

/* As a line of catalogue_frozen.txt. */
static void describe(const struct catalogue_event *row, char *text, size_t size)
{
	int n = snprintf(text, size, "%u %s %s", row->number, row->name, row->auth ? "auth" : "notify");
	for (uint32_t j = 0; j < row->n_fields; j++)
		n += snprintf(text + n, size - (size_t)n, " %s:%s", row->fields[j].name,
			      kinds[row->fields[j].kind].name);
}

/* Every published line still begins a row, and every row is published. To publish a new event, or a field added to
 * the end of one, put the line that the message shows into the file; never change another. */
static void test_frozen(void **state)
{
	char line[1024], now[1024];
	size_t published = 0;
	FILE *file = fopen(CATALOGUE_FROZEN, "re");
	assert_non_null(file);
	while (fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n")] = '\0';
		if (line[0] == '#')
			continue;
		const struct catalogue_event *row = catalogue_find((uint16_t)strtoul(line, NULL, 10));
		if (!row)
			fail_msg("published and gone: %s", line);
		describe(row, now, sizeof(now));
		size_t n = strlen(line);
		if (strncmp(line, now, n) != 0 || (now[n] != '\0' && now[n] != ' '))
			fail_msg("published: %s\nnow:       %s", line, now);
		if (now[n] != '\0')
			fail_msg("fields were added: the line is now\n%s", now);
		published++;
	}
	fclose(file);
	for (size_t i = published; i < catalogue_n_events; i++) {
		describe(&catalogue_events[i], now, sizeof(now));
		print_message("perhaps not published: %s\n", now);
	}
	assert_int_equal(published, catalogue_n_events);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_no_holes),
		cmocka_unit_test(test_frozen),
	};
	if (argc == 2 && strcmp(argv[1], "--print") == 0) {
		char line[1024];
		for (size_t i = 0; i < catalogue_n_events; i++) {
			describe(&catalogue_events[i], line, sizeof(line));
			puts(line);
		}
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}

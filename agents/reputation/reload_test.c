/* SPDX-License-Identifier: Apache-2.0 */
#include "reputation/reload.h"

#include "common/common.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#define HEX_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n"
#define HEX_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\n"

static char path[64], new_path[80];
static struct reload reload;
static struct list *list;
static uint64_t now;
static char problem[LIST_PROBLEM_TEXT_SIZE];

static void write_file(const char *name, const char *text)
{
	FILE *file = fopen(name, "we");
	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
}

static void replace(const char *text)
{
	write_file(new_path, text);
	assert_int_equal(rename(new_path, path), 0);
}

static bool has(const struct list *in, unsigned char byte)
{
	struct list_entry entry;
	uint8_t digest[DIGEST_SIZE];
	memset(digest, byte, sizeof(digest));
	return list_lookup(in, digest, &entry) == 1;
}

static int setup(void **state)
{
	strcpy(path, "/tmp/reload-test-XXXXXX");
	close(mkstemp(path));
	snprintf(new_path, sizeof(new_path), "%s.new", path);
	write_file(path, HEX_A);
	now = 1000 * RELOAD_LOOK_NS;
	assert_int_equal(reload_first(&reload, path, &list, problem), 0);
	assert_true(has(list, 0xaa) && !has(list, 0xbb));
	return 0;
}

static int teardown(void **state)
{
	reload_deinit(&reload);
	list_free(list);
	unlink(path);
	return 0;
}

/* A second goes by, in steps. What it came to. */
static enum reload_result second(struct list **ret)
{
	enum reload_result r;
	now += RELOAD_LOOK_NS;
	while ((r = reload_step(&reload, now, ret, problem)) == RELOAD_BUSY)
		assert_true(has(list, 0xaa)); /* meanwhile the old one answers */
	return r;
}

static void test_replaced_file(void **state)
{
	struct list *new;
	assert_int_equal(second(&new), RELOAD_IDLE);
	replace(HEX_B);
	assert_int_equal(second(&new), RELOAD_IDLE); /* seen; is it still being written? */
	assert_int_equal(second(&new), RELOAD_READY);
	assert_true(has(new, 0xbb) && !has(new, 0xaa));
	list_free(new);
	assert_int_equal(second(&new), RELOAD_IDLE);
	assert_int_equal(second(&new), RELOAD_IDLE);
}

static void test_file_that_is_being_written(void **state)
{
	struct list *new;
	FILE *file = fopen(path, "we");
	for (int i = 0; i < 5; i++) {
		fprintf(file, "# %d\n", i);
		fflush(file);
		assert_int_equal(second(&new), RELOAD_IDLE);
	}
	fputs(HEX_B, file);
	fclose(file);
	assert_int_equal(second(&new), RELOAD_IDLE);
	assert_int_equal(second(&new), RELOAD_READY);
	assert_true(has(new, 0xbb));
	list_free(new);
}

static void test_broken_list_is_told_once(void **state)
{
	struct list *new;
	replace("nonsense\n");
	assert_int_equal(second(&new), RELOAD_IDLE);
	assert_int_equal(second(&new), RELOAD_REFUSED);
	assert_non_null(strstr(problem, "line 1: expected 64 hexadecimal digits"));
	assert_int_equal(second(&new), RELOAD_IDLE);
	assert_int_equal(second(&new), RELOAD_IDLE);
	assert_int_equal(reload.refused, 1);
	assert_true(has(list, 0xaa));
	replace(HEX_B);
	assert_int_equal(second(&new), RELOAD_IDLE);
	assert_int_equal(second(&new), RELOAD_READY);
	list_free(new);
}

static void test_missing_file(void **state)
{
	struct list *new;
	unlink(path);
	assert_int_equal(second(&new), RELOAD_IDLE);
	reload_ask(&reload);
	assert_int_equal(second(&new), RELOAD_REFUSED);
	assert_non_null(strstr(problem, "cannot be opened"));
	replace(HEX_B);
	assert_int_equal(second(&new), RELOAD_IDLE);
	assert_int_equal(second(&new), RELOAD_READY);
	list_free(new);
}

static void test_asked(void **state)
{
	struct list *new;
	reload_ask(&reload);
	assert_int_equal(second(&new), RELOAD_READY);
	assert_true(has(new, 0xaa));
	list_free(new);
	assert_int_equal(second(&new), RELOAD_IDLE);
}

static void test_first_list_must_load(void **state)
{
	struct reload other;
	struct list *none = NULL;
	assert_int_equal(reload_first(&other, "/nonexistent/list", &none, problem), -ENOENT);
	write_file(path, "nonsense\n");
	assert_int_equal(reload_first(&other, path, &none, problem), -EINVAL);
	assert_null(none);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_replaced_file, setup, teardown),
		cmocka_unit_test_setup_teardown(test_file_that_is_being_written, setup, teardown),
		cmocka_unit_test_setup_teardown(test_broken_list_is_told_once, setup, teardown),
		cmocka_unit_test_setup_teardown(test_missing_file, setup, teardown),
		cmocka_unit_test_setup_teardown(test_asked, setup, teardown),
		cmocka_unit_test_setup_teardown(test_first_list_must_load, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

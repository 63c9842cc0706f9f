/* SPDX-License-Identifier: Apache-2.0 */
#include "yara/load.h"

#include "common/common.h"
#include "yara/folder.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define GOOD "rule good { strings: $a = \"abc\" condition: $a }\n"

static struct folder folder;
static struct load *load;
static struct ruleset *set;
static uint64_t now;

static int setup(void **state)
{
	folder_init(&folder);
	folder_write(&folder, "a.yar", GOOD);
	now = now_ns();
	const struct load_opts opts = {.directory = folder.path, .compile_ms = 60000};
	assert_int_equal(load_new(&opts, &load), 0);
	assert_int_equal(load_first(load, &set), 0);
	now = now_ns() + LOAD_LOOK_NS;
	return 0;
}

static int teardown(void **state)
{
	load_free(load);
	set = ruleset_free(set);
	folder_deinit(&folder);
	return 0;
}

/* A second goes by; what it came to. */
static enum load_result second(struct ruleset **ret)
{
	enum load_result r;
	now += LOAD_LOOK_NS;
	for (int i = 0; i < 30000 && (r = load_step(load, now, set, ret)) == LOAD_BUSY; i++)
		usleep(1000);
	return r;
}

static void swap(struct ruleset *new)
{
	ruleset_free(set);
	set = new;
}

static void test_changed(void **state)
{
	struct ruleset *new;
	assert_int_equal(second(&new), LOAD_IDLE);
	folder_write(&folder, "b.yar", GOOD);
	assert_int_equal(second(&new), LOAD_IDLE); /* seen; is it still being written? */
	assert_int_equal(second(&new), LOAD_READY);
	assert_int_equal(new->head.n_rules, 2);
	assert_string_not_equal(new->head.version, set->head.version);
	swap(new);
	assert_int_equal(second(&new), LOAD_IDLE);
	load_ask(load);
	assert_int_equal(second(&new), LOAD_READY);
	assert_string_equal(new->head.version, set->head.version);
	swap(new);
}

static void test_broken_is_told_once(void **state)
{
	struct ruleset *new;
	folder_write(&folder, "a.yar", "nonsense");
	assert_int_equal(second(&new), LOAD_IDLE);
	assert_int_equal(second(&new), LOAD_REFUSED);
	assert_int_equal(second(&new), LOAD_IDLE);
	assert_int_equal(load_refused(load), 1);
	folder_write(&folder, "a.yar", GOOD GOOD); /* the name twice */
	assert_int_equal(second(&new), LOAD_IDLE);
	assert_int_equal(second(&new), LOAD_REFUSED);
	folder_write(&folder, "a.yar", GOOD);
	assert_int_equal(second(&new), LOAD_IDLE);
	assert_int_equal(second(&new), LOAD_READY);
	swap(new);
}

/* Rules that would deny everything are not taken. */
static void test_denies_everything(void **state)
{
	struct ruleset *new;
	folder_write(&folder, "b.yar", "rule everything { condition: true }");
	load_ask(load);
	assert_int_equal(second(&new), LOAD_REFUSED);
	folder_write(&folder, "b.yar", "rule everything { condition: uint32(0) == 0x464c457f }");
	load_ask(load);
	assert_int_equal(second(&new), LOAD_REFUSED);
}

static void test_missing_directory(void **state)
{
	char other[80];
	struct ruleset *new;
	snprintf(other, sizeof(other), "%s-other", folder.path);
	assert_int_equal(rename(folder.path, other), 0);
	assert_int_equal(second(&new), LOAD_IDLE);
	assert_int_equal(second(&new), LOAD_REFUSED);
	assert_int_equal(second(&new), LOAD_IDLE);
	assert_int_equal(rename(other, folder.path), 0);
	assert_int_equal(second(&new), LOAD_IDLE);
	assert_int_equal(second(&new), LOAD_READY);
	swap(new);
}

/* One that takes too long is ended. */
static void test_slow_compile(void **state)
{
	struct ruleset *new = NULL;
	const struct load_opts opts = {.directory = folder.path, .compile_ms = 1};
	struct load *own;
	char *text = malloc(4 << 20);
	size_t used = 0;
	for (int i = 0; i < 20000; i++)
		used += (size_t)sprintf(text + used,
					"rule r%d { strings: $a = /x%d[a-f]{2,9}(y|z){3,9}/ condition: $a }\n", i, i);
	folder_write(&folder, "slow.yar", text);
	free(text);
	assert_int_equal(load_new(&opts, &own), 0);
	assert_int_equal(load_first(own, &new), -EINVAL);
	assert_null(new);
	assert_int_equal(load_refused(own), 1);
	load_free(own);
}

static void test_first_must_load(void **state)
{
	struct ruleset *new = NULL;
	struct load *own;
	const struct load_opts nowhere = {.directory = "/nonexistent", .compile_ms = 60000};
	assert_int_equal(load_new(&nowhere, &own), 0);
	assert_int_equal(load_first(own, &new), -EINVAL);
	load_free(own);
	const struct load_opts text = {.compiled = "/etc/passwd", .compile_ms = 60000};
	assert_int_equal(load_new(&text, &own), 0);
	assert_int_equal(load_first(own, &new), -EINVAL);
	load_free(own);
	/* one broken file of two: the other loads, unless it is strict */
	folder_write(&folder, "b.yar", "nonsense");
	struct load_opts opts = {.directory = folder.path, .compile_ms = 60000};
	assert_int_equal(load_new(&opts, &own), 0);
	assert_int_equal(load_first(own, &new), 0);
	assert_int_equal(new->head.n_broken, 1);
	ruleset_free(new);
	load_free(own);
	opts.strict = true;
	assert_int_equal(load_new(&opts, &own), 0);
	assert_int_equal(load_first(own, &new), -EINVAL);
	load_free(own);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_changed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_broken_is_told_once, setup, teardown),
		cmocka_unit_test_setup_teardown(test_denies_everything, setup, teardown),
		cmocka_unit_test_setup_teardown(test_missing_directory, setup, teardown),
		cmocka_unit_test_setup_teardown(test_slow_compile, setup, teardown),
		cmocka_unit_test_setup_teardown(test_first_must_load, setup, teardown),
	};
	yr_initialize();
	int r = cmocka_run_group_tests(tests, NULL, NULL);
	yr_finalize();
	return r;
}

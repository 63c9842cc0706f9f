/* SPDX-License-Identifier: Apache-2.0 */
#include "control/actions.h"

#include "base/macro.h"

#include <errno.h>
#include <json-c/json.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[64];
static struct journal *journal;

static int setup(void **state)
{
	snprintf(folder, sizeof(folder), "/tmp/ringside-actions-XXXXXX");
	return mkdtemp(folder) && journal_open(folder, true, &journal) == 0 ? 0 : -1;
}

static int teardown(void **state)
{
	char path[128];
	journal = journal_free(journal);
	for (unsigned i = 0; i < JOURNAL_FILES; i++) {
		snprintf(path, sizeof(path), "%s/actions.%u", folder, i);
		unlink(path);
	}
	return rmdir(folder);
}

static void append(uint64_t number, enum journal_what what, uint32_t outcome, int error)
{
	struct journal_record record = {.what = (uint16_t)what,
					.number = number,
					.kind = SESSION_ACTION_KILL,
					.outcome = outcome,
					.error = error,
					.process_id = UINT64_C(77) << 22 | 4242,
					.uid = 1000,
					.agent = "guard",
					.rule = "R1",
					.exe = "/usr/bin/sleep",
					.args = "sleep\0001000\0caf\xff",
					.args_size = 15};
	assert_int_equal(journal_append(journal, &record), 0);
}

static struct json_object *ask_for(const char *which, uint64_t n_most)
{
	char *text;
	size_t size;
	assert_int_equal(actions_json(journal, which, n_most, &text, &size), 0);
	assert_int_equal(strlen(text), size);
	struct json_object *root = json_tokener_parse(text);
	assert_non_null(root);
	free(text);
	return root;
}

static struct json_object *ask(uint64_t n_most)
{
	return ask_for("", n_most);
}

static struct json_object *get(struct json_object *object, const char *key)
{
	struct json_object *value = NULL;
	assert_true(json_object_object_get_ex(object, key, &value));
	return value;
}

static void expect(struct json_object *root, size_t i, uint64_t number, const char *outcome)
{
	struct json_object *action = json_object_array_get_idx(get(root, "actions"), i);
	assert_non_null(action);
	assert_int_equal(json_object_get_int64(get(action, "number")), number);
	assert_string_equal(json_object_get_string(get(action, "outcome")), outcome);
}

/* Each action once, newest first, under its last word. */
static void test_merged(void **state)
{
	append(1, JOURNAL_ASKED, 0, 0);
	append(2, JOURNAL_ASKED, 0, 0);
	append(1, JOURNAL_OUTCOME, IPC_ACTION_DONE_WELL, 0);
	append(3, JOURNAL_OUTCOME, IPC_ACTION_REFUSED, -EPERM);
	struct json_object *root = ask(0);
	assert_int_equal(json_object_array_length(get(root, "actions")), 3);
	expect(root, 0, 3, "refused");
	expect(root, 1, 1, "done");
	expect(root, 2, 2, "open");
	json_object_put(root);
	root = ask(2);
	assert_int_equal(json_object_array_length(get(root, "actions")), 2);
	json_object_put(root);
}

static void test_chosen(void **state)
{
	static const struct {
		const char *which;
		size_t n;
	} rows[] = {{"agent=guard", 3},
		    {"agent=guar", 0},
		    {"outcome=refused", 2},
		    {"outcome=open", 1},
		    {"outcome=done", 0},
		    {"agent=guard outcome=refused", 2},
		    {"", 3},
		    {"outcome=unheard", 0},
		    {"agent=other outcome=refused", 0}};
	char *text;
	size_t size;
	append(1, JOURNAL_ASKED, 0, 0);
	append(2, JOURNAL_OUTCOME, IPC_ACTION_REFUSED, -EPERM);
	append(3, JOURNAL_OUTCOME, IPC_ACTION_REFUSED, -EPERM);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct json_object *root = ask_for(rows[i].which, 0);
		assert_int_equal(json_object_array_length(get(root, "actions")), rows[i].n);
		json_object_put(root);
	}
	struct json_object *root = ask_for("outcome=refused", 1); /* the number is that of those chosen */
	expect(root, 0, 3, "refused");
	json_object_put(root);
	assert_int_equal(actions_json(journal, "colour=red", 0, &text, &size), -EINVAL);
}

static void test_fields(void **state)
{
	append(1, JOURNAL_OUTCOME, IPC_ACTION_REFUSED, -EPERM);
	struct json_object *root = ask(1), *action = json_object_array_get_idx(get(root, "actions"), 0);
	struct json_object *target = get(action, "target"), *args = get(target, "args");
	assert_string_equal(json_object_get_string(get(action, "action")), "kill");
	assert_string_equal(json_object_get_string(get(action, "agent")), "guard");
	assert_string_equal(json_object_get_string(get(action, "rule")), "R1");
	assert_int_equal(json_object_get_int(get(action, "error")), EPERM);
	assert_string_equal(json_object_get_string(get(action, "why")), strerror(EPERM));
	assert_int_equal(json_object_get_int64(get(target, "pid")), 4242);
	assert_int_equal(json_object_get_int64(get(target, "uid")), 1000);
	assert_int_equal(json_object_array_length(args), 3);
	assert_string_equal(json_object_get_string(json_object_array_get_idx(args, 1)), "1000");
	json_object_put(root);
}

/* Texts of nothing but bytes that must be escaped: it still fits. */
static void test_worst_texts(void **state)
{
	struct journal_record record = {.what = JOURNAL_OUTCOME, .args_size = JOURNAL_TEXT_SIZE};
	memset(record.agent, 1, sizeof(record.agent) - 1);
	memset(record.version, 1, sizeof(record.version) - 1);
	memset(record.content_version, 1, sizeof(record.content_version) - 1);
	memset(record.rule, 1, sizeof(record.rule) - 1);
	memset(record.reason, 1, sizeof(record.reason) - 1);
	memset(record.exe, 1, sizeof(record.exe) - 1);
	memset(record.args, 1, sizeof(record.args));
	assert_int_equal(journal_append(journal, &record), 0);
	json_object_put(ask(1));
	memset(record.args, 0, sizeof(record.args));
	assert_int_equal(journal_append(journal, &record), 0);
	json_object_put(ask(1));
}

static void test_empty(void **state)
{
	char *text;
	size_t size;
	struct json_object *root = ask(0);
	assert_int_equal(json_object_array_length(get(root, "actions")), 0);
	json_object_put(root);
	assert_int_equal(actions_json(NULL, "", 0, &text, &size), -ENODEV);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {TEST(test_merged), TEST(test_chosen), TEST(test_fields),
					   TEST(test_worst_texts), TEST(test_empty)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The table of open questions against a plain array: random takes, dues and releases. */
#include "broker/question.h"
#include "wire/event_build.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define N 64

static struct rs_event *event_new(uint64_t *buffer, size_t size, uint64_t id, const char *path)
{
	struct event_build build;
	struct rs_event_auth_open *body = event_build_begin(&build, buffer, size, RS_EVENT_AUTH_OPEN);
	event_build_path(&build, &body->file, path, strlen(path));
	event_build_str(&build, &build.event->process.exe_path, path, strlen(path), RS_PATH_SIZE_MAX);
	event_build_str(&build, &build.event->process.cgroup, path, strlen(path), RS_PATH_SIZE_MAX);
	event_build_end(&build);
	build.event->id = id;
	return build.event;
}

static uint64_t random_state = 1;

static uint32_t draw(uint32_t below)
{
	random_state = random_state * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (uint32_t)(random_state >> 33) % below;
}

static void test_random(void **state)
{
	struct question_table *table;
	uint64_t buffer[256];
	uint64_t dues[N] = {0}; /* 0: free; place i holds id i + 1 + N * round */
	uint64_t ids[N] = {0}, next_id = 1;
	uint32_t n = 0;
	assert_int_equal(question_table_new(N, &table), 0);
	for (int step = 0; step < 200000; step++) {
		uint32_t i = draw(N), what = draw(3);
		if (what == 0 && dues[i] == 0) {
			struct question *question =
				question_take(table, event_new(buffer, sizeof(buffer), next_id, "/tmp/a"));
			assert_non_null(question);
			ids[i] = next_id++;
			dues[i] = UINT64_MAX;
			n++;
		} else if (what == 1 && dues[i] != 0) {
			dues[i] = 1 + draw(1000);
			question_set_due(table, question_find(table, ids[i]), dues[i]);
		} else if (what == 2 && dues[i] != 0) {
			question_release(table, question_find(table, ids[i]));
			assert_null(question_find(table, ids[i]));
			dues[i] = 0;
			n--;
		}
		uint64_t earliest = UINT64_MAX;
		for (uint32_t j = 0; j < N; j++)
			if (dues[j] != 0 && dues[j] < earliest)
				earliest = dues[j];
		assert_int_equal(question_table_n(table), n);
		struct question *due = question_table_due(table);
		assert_int_equal(due != NULL, n > 0);
		if (due)
			assert_int_equal(due->due_ns, earliest);
	}
	question_table_free(table);
}

static void test_full(void **state)
{
	struct question_table *table;
	uint64_t buffer[256];
	assert_int_equal(question_table_new(N, &table), 0);
	for (uint64_t id = 1; id <= N; id++)
		assert_non_null(question_take(table, event_new(buffer, sizeof(buffer), id, "/tmp/a")));
	assert_null(question_take(table, event_new(buffer, sizeof(buffer), N + 1, "/tmp/a")));
	question_release(table, question_find(table, 7));
	assert_non_null(question_take(table, event_new(buffer, sizeof(buffer), N + 1, "/tmp/a")));
	question_table_free(table);
}

/* Whatever the lengths, the kept event is well formed, fits, and keeps the end of the path. */
static void test_compact(void **state)
{
	static uint64_t from[4096], to[DECISION_EVENT_SIZE / 8];
	char path[RS_PATH_SIZE_MAX + 1];
	for (size_t size = 1; size < RS_PATH_SIZE_MAX; size += size < 1000 ? 1 : 37) {
		memset(path, 'x', size);
		path[0] = '/';
		path[size - 1] = 'Z';
		path[size] = '\0';
		struct rs_event *event = event_new(from, sizeof(from), 5, path);
		uint32_t compact_size = decision_compact(event, to);
		const struct rs_event *compact = (const struct rs_event *)(const void *)to;
		assert_in_range(compact_size, 1, DECISION_EVENT_SIZE);
		const char *wrong = event_check(compact, compact_size);
		if (wrong)
			fail_msg("path of %zu bytes: %s", size, wrong);
		const struct rs_event_auth_open *body = rs_event_auth_open(compact);
		size_t kept;
		const char *bytes = rs_str_get(compact, body->file.path, &kept);
		assert_int_equal(bytes[kept - 1], 'Z');
		bool cut = kept < size;
		assert_int_equal(cut, (body->file.flags & RS_FILE_PATH_CUT) != 0);
		if (cut)
			assert_true(compact->flags & RS_EVENT_CUT);
		if (size <= 512)
			assert_false(cut);
	}
}

static void test_texts(void **state)
{
	struct question_table *table;
	uint64_t buffer[256];
	char long_text[RS_REASON_SIZE_MAX + 1];
	memset(long_text, 'r', sizeof(long_text) - 1);
	long_text[sizeof(long_text) - 1] = '\0';
	assert_int_equal(question_table_new(N, &table), 0);
	struct question *question = question_take(table, event_new(buffer, sizeof(buffer), 1, "/tmp/a"));
	assert_int_equal(question_keep_text(question, "", true), 0);
	/* chatty allows never take the room of a deny */
	for (int i = 0; i < 100; i++)
		question_keep_text(question, long_text, false);
	uint16_t at = question_keep_text(question, long_text, true);
	assert_int_not_equal(at, 0);
	assert_string_equal(question->texts + at, long_text);
	for (int i = 0; i < 100; i++)
		question_keep_text(question, long_text, true);
	assert_in_range(question->texts_size, 1, QUESTION_TEXTS_SIZE);
	question_table_free(table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_random), cmocka_unit_test(test_full),
					   cmocka_unit_test(test_compact), cmocka_unit_test(test_texts)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* event_test: events as lines, which of them are shown, and a recording that is full. */
#include "event_filter.h"
#include "event_line.h"
#include "event_record.h"
#include "recorder/recording.h"
#include "wire/event_build.h"

#include <arpa/inet.h>
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static union {
	struct rs_event event;
	char bytes[RS_EVENT_SIZE_MAX];
} memory;

/* An event of bash, process 42 of user 1000. */
static void *begin(struct event_build *build, uint16_t type)
{
	void *body = event_build_begin(build, memory.bytes, sizeof(memory.bytes), type);
	build->event->id = 7;
	build->event->wall_ns = UINT64_C(1795262584123456789);
	build->event->process.pid = 42;
	build->event->process.uid = 1000;
	event_build_str(build, &build->event->process.exe_path, "/usr/bin/bash", 13, RS_PATH_SIZE_MAX);
	return body;
}

static void expect_line(struct event_build *build, const char *line)
{
	struct text text = {0};
	event_build_end(build);
	assert_null(event_check(build->event, build->event->size));
	event_line_add(&text, build->event);
	assert_string_equal(text_get(&text), line);
	text_deinit(&text);
}

static void test_exec(void **state)
{
	struct event_build build;
	struct rs_event_exec *body = begin(&build, RS_EVENT_EXEC);
	event_build_path(&build, &body->file, "/usr/bin/ls", 11);
	event_build_str(&build, &body->args, "ls\0-l\0a b", 9, 4096);
	body->args_count = 3;
	expect_line(&build,
		    "12:03:04.123456 7 exec         /usr/bin/bash[42] uid 1000 /usr/bin/ls args=[\"ls\", \"-l\", \"a "
		    "b\"] args_count=3");
}

static void test_hostile_path(void **state)
{
	struct event_build build;
	struct rs_event_unlink *body = begin(&build, RS_EVENT_UNLINK);
	event_build_path(&build, &body->file, "/tmp/\033[2Ja\nb\xff\\", 14);
	body->file.flags |= RS_FILE_DELETED;
	expect_line(&build,
		    "12:03:04.123456 7 unlink       /usr/bin/bash[42] uid 1000 /tmp/\\x1b[2Ja\\nb\\xff\\\\ (deleted)");
}

static void test_two_files(void **state)
{
	struct event_build build;
	struct rs_event_rename *body = begin(&build, RS_EVENT_RENAME);
	event_build_path(&build, &body->file, "/a", 2);
	event_build_path(&build, &body->destination, "/b", 2);
	expect_line(&build, "12:03:04.123456 7 rename       /usr/bin/bash[42] uid 1000 /a destination=/b");
}

static void test_addresses(void **state)
{
	struct event_build build;
	struct rs_event_connect *body = begin(&build, RS_EVENT_CONNECT);
	body->remote.family = AF_INET6;
	body->remote.port = 443;
	body->remote.bytes[15] = 1;
	expect_line(&build, "12:03:04.123456 7 connect      /usr/bin/bash[42] uid 1000 [::1]:443");
	body = begin(&build, RS_EVENT_CONNECT);
	body->remote.family = AF_UNIX;
	event_build_str(&build, &body->remote.path, "\0abstract", 9, 108);
	expect_line(&build, "12:03:04.123456 7 connect      /usr/bin/bash[42] uid 1000 unix:\\x00abstract");
	body = begin(&build, RS_EVENT_CONNECT);
	body->remote.family = 99;
	expect_line(&build, "12:03:04.123456 7 connect      /usr/bin/bash[42] uid 1000 family 99");
}

static void test_lost(void **state)
{
	struct event_build build;
	struct rs_event_lost *body = event_build_begin(&build, memory.bytes, sizeof(memory.bytes), RS_EVENT_LOST);
	build.event->wall_ns = UINT64_C(1795262584000000000);
	body->where = 3;
	event_build_end(&build);
	struct text text = {0};
	event_line_add(&text, build.event);
	assert_non_null(strstr(text_get(&text), " lost         -"));
	assert_non_null(strstr(text_get(&text), "where=3"));
	text_deinit(&text);
}

/* Every event of the catalogue, empty, and of an older writer with a shorter body. */
static void test_all(void **state)
{
	for (size_t i = 0; i < catalogue_n_events; i++) {
		struct event_build build;
		struct text text = {0};
		begin(&build, catalogue_events[i].number);
		event_build_end(&build);
		event_line_add(&text, build.event);
		assert_non_null(strstr(text_get(&text), catalogue_events[i].name));
		text_clear(&text);
		build.event->body_size = catalogue_events[i].body_size - 1;
		event_line_add(&text, build.event);
		assert_non_null(strstr(text_get(&text), "does not know"));
		text_deinit(&text);
	}
}

static const struct cli_option option_type = {"type"}, option_denied = {"denied"}, option_pid = {"pid"},
			       option_uid = {"uid"}, option_exe = {"exe"}, option_path = {"path"},
			       option_agent = {"agent"};

static struct event_filter filter_of(const struct cli_option *option, const char *value)
{
	struct cli cli = {.given = {{option, value}}, .n_given = 1};
	struct event_filter filter;
	assert_int_equal(event_filter_init(&filter, &cli), CLI_OK);
	return filter;
}

static void test_filter_types(void **state)
{
	struct event_filter filter = filter_of(&option_type, "exec");
	assert_true(filter.wanted[RS_EVENT_EXEC]);
	assert_false(filter.wanted[RS_EVENT_FORK]);
	assert_true(filter.wanted[RS_EVENT_LOST]);
	filter = filter_of(&option_type, "network");
	assert_true(filter.wanted[RS_EVENT_CONNECT] && filter.wanted[RS_EVENT_DNS_QUESTION]);
	assert_false(filter.wanted[RS_EVENT_AUTH_CONNECT]);
	filter = filter_of(&option_denied, "");
	assert_true(filter.wanted[RS_EVENT_DENIED]);
	assert_false(filter.wanted[RS_EVENT_EXEC]);
	struct cli cli = {0};
	assert_int_equal(event_filter_init(&filter, &cli), CLI_OK);
	for (size_t i = 0; i < catalogue_n_events; i++)
		assert_int_equal(filter.wanted[catalogue_events[i].number], !catalogue_events[i].auth);
}

static void test_filter_match(void **state)
{
	static const struct {
		const struct cli_option *option;
		const char *value;
		bool shown;
	} rows[] = {
		{&option_pid, "42", true},
		{&option_pid, "43", false},
		{&option_uid, "1000", true},
		{&option_uid, "0", false},
		{&option_exe, "/usr/bin/bash", true},
		{&option_exe, "/usr/bin/bas", false},
		{&option_path, "/srv/", true},
		{&option_path, "/srv/data/x", true},
		{&option_path, "/srv/data/xy", false},
		{&option_path, "/usr", false},
		{&option_agent, "reputation", true},
		{&option_agent, "reputatio", false},
		{&option_type, "denied", true},
		{&option_type, "exec", false},
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct event_build build;
		struct rs_event_denied *body = begin(&build, RS_EVENT_DENIED);
		event_build_path(&build, &body->file, "/srv/data/x", 11);
		event_build_str(&build, &body->agent, "reputation", 10, 63);
		event_build_end(&build);
		struct event_filter filter = filter_of(rows[i].option, rows[i].value);
		if (event_filter_match(&filter, build.event) != rows[i].shown)
			fail_msg("row %zu", i);
		event_build_begin(&build, memory.bytes, sizeof(memory.bytes), RS_EVENT_LOST);
		event_build_end(&build);
		assert_true(event_filter_match(&filter, build.event));
	}
}

/* As many as fit, and not one more; what is said is what the file holds. */
static void test_record_full(void **state)
{
	char folder[] = "/tmp/ringside-event-test-XXXXXX", path[64], *words = NULL;
	size_t words_size;
	struct stat st;
	struct event_build build;
	struct event_record *record;
	struct cli cli = {.out.file = open_memstream(&words, &words_size)};
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/full.rec", folder);
	begin(&build, RS_EVENT_EXEC);
	event_build_end(&build);
	uint64_t frame = sizeof(struct recording_frame) + build.event->size;
	uint64_t most = sizeof(struct recording_header) + 3 * frame;
	assert_int_equal(event_record_begin(path, most + frame - 1, &record), CLI_OK);
	for (int i = 0; i < 3; i++)
		assert_true(event_record_add(record, build.event));
	assert_false(event_record_add(record, build.event));
	assert_int_equal(event_record_end(record, &cli, CLI_OK), CLI_OK);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, most);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(fclose(cli.out.file), 0);
	assert_ptr_equal(strstr(words, "3 events, "), words);
	assert_non_null(strstr(words, "; it is full: "));
	assert_int_equal(event_record_begin(path, most, &record), CLI_USAGE);
	free(words);
	unlink(path);
	rmdir(folder);
}

void cli_complain(const char *format, ...)
{
}

static int setup(void **state)
{
	setlocale(LC_CTYPE, "C.UTF-8");
	setenv("TZ", "UTC", 1);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_exec),         cmocka_unit_test(test_hostile_path),
		cmocka_unit_test(test_two_files),    cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_lost),         cmocka_unit_test(test_all),
		cmocka_unit_test(test_filter_types), cmocka_unit_test(test_filter_match),
		cmocka_unit_test(test_record_full),
	};
	return cmocka_run_group_tests(tests, setup, NULL);
}

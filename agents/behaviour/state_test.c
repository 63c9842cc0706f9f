/* SPDX-License-Identifier: Apache-2.0 */
/* What is kept across events: its bounds, what makes room for what, how sure a finding is, and its JSON. */
#include "behaviour/test_world.h"
#include "common/common.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static char buffer[128 << 10];

static const struct state_sizes small = {.processes = 256, .files = 64, .trees = 4};

static void test_bounded(void **state)
{
	world_begin("", &small);
	/* a server that does nothing but once in a while, and a flood that ends as fast as it comes */
	world_fork(1, 10);
	world_exec(10, "/usr/sbin/nginx");
	world_fork(10, 11);
	for (uint32_t i = 0; i < 20000; i++) {
		uint32_t pid = 100 + i % 3000;
		world_fork(1, pid);
		world_exec(pid, "/usr/bin/true");
		world_exit(pid);
	}
	const struct processes *processes = &world.detect.state.processes;
	assert_int_equal(processes->n, small.processes);
	assert_true(processes->evicted_ended > 19000);
	assert_int_equal(processes->evicted_running, 0);
	world_exec(11, "/bin/sh");
	assert_int_equal(world_found("server_shell"), 1);
	world_end();
}

/* More at a time than there is room for: those that did nothing for longest go, each counted. */
static void test_more_than_fit(void **state)
{
	world_begin("", &small);
	for (uint32_t i = 0; i < 1000; i++)
		world_fork(1, 100 + i);
	const struct processes *processes = &world.detect.state.processes;
	assert_int_equal(processes->n, small.processes);
	assert_int_equal(processes->evicted_running, 1001 - small.processes);
	assert_null(processes_find(processes, world.processes[100].id));
	assert_non_null(processes_find(processes, world.processes[1099].id));
	/* every one that is there is found, and its chain ends */
	uint32_t n = 0;
	for (uint32_t i = 0; i < 1000; i++)
		n += processes_find(processes, world.processes[100 + i].id) != NULL;
	assert_int_equal(n, small.processes - 1); /* and init */
	world_end();
}

static void test_files_and_trees(void **state)
{
	char path[64];
	world_begin("", &small);
	for (uint32_t i = 0; i < 2000; i++) {
		snprintf(path, sizeof(path), "/a/%u", i);
		world_create(1, path, 100 + i);
	}
	assert_true(world.detect.state.files.overwritten >= 2000 - 2 * small.files);
	for (uint32_t i = 0; i < 10; i++) {
		world_fork(1, 10 + i);
		world_rename(10 + i, "/a/b.c", "/a/b.c.locked");
	}
	assert_int_equal(world.detect.state.masses.n, 4);
	assert_true(world.detect.state.masses.evicted >= 6);
	world_end();
}

static struct report report_of(const char *rule)
{
	return (struct report){.rule = &rules[rule_find(rule)],
			       .finding = &world.last,
			       .event = world_event(),
			       .process = world.detect.process,
			       .number = 1};
}

static void test_confidence(void **state)
{
	world_begin("", NULL);
	world_fork(1, 10);
	world_open(10, "/etc/shadow", false);
	struct report report = report_of("credential_read");
	assert_int_equal(report_confidence(&world.detect.state, &report), CONFIDENCE_HIGH);
	/* a parent that was never seen */
	world.processes[20] =
		(struct world_process){.id = 20u << 22 | 20, .parent_id = 19u << 22 | 19, .parent_pid = 19};
	world_open(20, "/etc/shadow", false);
	report = report_of("credential_read");
	assert_int_equal(report_confidence(&world.detect.state, &report), CONFIDENCE_MEDIUM);
	/* a loss: unsure for a minute, and counted */
	world_lost(500);
	assert_int_equal(world.detect.state.lost, 500);
	world_open(10, "/etc/hosts", false);
	report = report_of("credential_read");
	assert_int_equal(report_confidence(&world.detect.state, &report), CONFIDENCE_LOW);
	world_wait(61000);
	world_open(10, "/etc/hosts", false);
	report = report_of("credential_read");
	assert_int_equal(report_confidence(&world.detect.state, &report), CONFIDENCE_HIGH);
	world_end();
}

static void test_json(void **state)
{
	struct text text;
	world_begin("", NULL);
	world_fork(1, 10);
	world_exec(10, "/home/a/\"odd\"\n\xff\xc3\xa4");
	world_open(10, "/etc/shadow", false);
	assert_int_equal(world_found("credential_read"), 1);
	struct report report = report_of("credential_read");
	report.action = "kill process";
	report.result = "would ask";
	text_init(&text, buffer, sizeof(buffer));
	report_json(&text, &world.detect.state, &report);
	assert_false(text.full);
	static const char *const parts[] = {"{\"class_uid\":2004,",
					    "\"type_uid\":200401",
					    "\"confidence\":\"High\"",
					    "\"attacks\":[{\"technique\":{\"uid\":\"T1003.008\"}},",
					    "\"actor\":{\"process\":{\"pid\":10,",
					    "\"path\":\"/home/a/\\\"odd\\\"\\u000a\\udcff\xc3\xa4\"",
					    "\"parent_process\":{\"pid\":1,",
					    "\"evidences\":[{\"data\":{\"event\":\"open\"",
					    "\"asked\":{\"action\":\"kill process\",\"process\":",
					    "\"result\":\"would ask\"}}"};
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		if (!strstr(buffer, parts[i]))
			fail_msg("expected %s in %s", parts[i], buffer);
	assert_null(strchr(buffer, '\n'));
	/* every size that is too small says so, and nothing is written behind it */
	for (size_t size = 1; size < text.size; size += 7) {
		struct text cut;
		buffer[size] = '!';
		text_init(&cut, buffer, size);
		report_json(&cut, &world.detect.state, &report);
		assert_true(cut.full);
		assert_int_equal(buffer[size], '!');
	}
	world_end();
}

static uint32_t parse(struct lists *lists, const char *text, char problem[256])
{
	lists_init(lists);
	return lists_parse(lists, text, strlen(text), problem, 256);
}

static void test_lists(void **state)
{
	static struct lists lists;
	char problem[256];
	assert_int_equal(parse(&lists, "# none\n\nservers += lighty /opt/*/serve\nshells = sh # only\n", problem), 0);
	assert_true(lists_has(&lists, LIST_SERVERS, "/usr/sbin/nginx") && lists_has(&lists, LIST_SERVERS, "/x/lighty"));
	assert_true(lists_has(&lists, LIST_SERVERS, "/opt/a/serve"));
	assert_true(lists_has(&lists, LIST_SHELLS, "/bin/sh"));
	assert_false(lists_has(&lists, LIST_SHELLS, "/bin/bash"));
	assert_true(lists_has(&lists, LIST_BORDERS, "/usr/sbin/sshd"));
	assert_true(lists_has_user(&lists, LIST_USERS, 33) && lists_has_user(&lists, LIST_USERS, 65534));
	assert_false(lists_has_user(&lists, LIST_USERS, 0) || lists_has_user(&lists, LIST_USERS, 1000));
	assert_int_equal(parse(&lists, "shells =\n", problem), 0);
	assert_false(lists_has(&lists, LIST_SHELLS, "/bin/sh"));
	assert_true(lists_has(&lists, LIST_SERVERS, "/usr/sbin/nginx"));
}

static void test_lists_wrong(void **state)
{
	static const struct {
		const char *text;
		uint32_t line;
		const char *problem;
	} cases[] = {
		{"shell = sh", 1, "name of a list"},
		{"\n\nshells sh", 3, "expected = or +="},
		{"shells + sh", 1, "expected = or +="},
		{"shells", 1, "expected = or +="},
		{"= sh", 1, "name of a list"},
		{"shells = "
		 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		 1, "at most 95"},
	};
	static struct lists lists;
	static char many[8192];
	char problem[256];
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(parse(&lists, cases[i].text, problem), cases[i].line);
		if (!strstr(problem, cases[i].problem))
			fail_msg("expected %s in %s", cases[i].problem, problem);
	}
	strcpy(many, "shells =");
	for (int i = 0; i < 600; i++)
		strcat(many, " x");
	assert_int_equal(parse(&lists, many, problem), 1);
	assert_non_null(strstr(problem, "512"));
	/* every beginning of a good text, and every byte of it changed, is read or refused */
	static const char good[] = "servers += a b*c\nkill = memfd_exec # x\nusers = 1-9 7\n";
	for (size_t i = 0; i < sizeof(good); i++) {
		lists_init(&lists);
		lists_parse(&lists, good, i, problem, sizeof(problem));
		for (unsigned byte = 0; byte < 256; byte++) {
			char changed[sizeof(good)];
			memcpy(changed, good, sizeof(good));
			changed[i] = (char)byte;
			lists_init(&lists);
			lists_parse(&lists, changed, sizeof(good) - 1, problem, sizeof(problem));
			lists_has(&lists, LIST_SERVERS, "/a/b");
			lists_has_user(&lists, LIST_USERS, 5);
		}
	}
}

static void test_wrong_rules(void **state)
{
	static struct lists lists;
	static struct detect detect;
	static const char *const wrong[] = {"off = nonsense", "kill = nonsense", "deny = memfd_exec"};
	char problem[256];
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		assert_int_equal(parse(&lists, wrong[i], problem), 0);
		assert_true(detect_init(&detect, &lists, &small) < 0);
	}
}

/* Events of an SDK before and after this one: a shorter body is no body. */
static void test_short_bodies(void **state)
{
	world_begin("", NULL);
	for (unsigned type = 0; type < RS_EVENT_TYPE_LIMIT; type++) {
		static uint64_t bytes[128];
		memset(bytes, 0, sizeof(bytes));
		struct rs_event *event = (struct rs_event *)(void *)bytes;
		*event = (struct rs_event){.size = sizeof(*event) + 8,
					   .type = (uint16_t)type,
					   .header_size = sizeof(*event),
					   .body_offset = sizeof(*event),
					   .body_size = 8,
					   .monotonic_ns = world.now_ns};
		event->process.id = 5 << 22 | 5;
		event->process.pid = 5;
		detect_event(&world.detect, event);
	}
	world_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bounded),
		cmocka_unit_test(test_more_than_fit),
		cmocka_unit_test(test_files_and_trees),
		cmocka_unit_test(test_confidence),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_lists_wrong),
		cmocka_unit_test(test_wrong_rules),
		cmocka_unit_test(test_short_bodies),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

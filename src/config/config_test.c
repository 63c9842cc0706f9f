/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every file of testdata begins with a line "# expect: ok" or "# expect: TEXT": TEXT must be among the errors.
 * Manifests are called /m/NAME there and lie in testdata/manifests.
 */
#include "config/config.h"

#include "base/fail_nth.h"
#include "base/fd.h"
#include "base/macro.h"
#include "package/manifest.h"
#include "yaml/value.h"

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static int data_dir = -1;
static char bytes[CONFIG_SIZE_MAX + 16];
static struct settings settings;
static struct document_errors errors;
static const char groups[] = "root:x:0:\nadm:x:4:syslog\nlonely:x:\n";

static char manifest_bytes[MANIFEST_SIZE_MAX + 16];

static const char *read_manifest(void *data, const char *path, struct document_source *ret)
{
	char name[300];
	snprintf(name, sizeof(name), "manifests%s", strncmp(path, "/m/", 3) == 0 ? path + 2 : "/none");
	ssize_t size = fd_read_file(data_dir, name, manifest_bytes, sizeof(manifest_bytes));
	*ret = (struct document_source){.bytes = manifest_bytes, .size = size < 0 ? 0 : (size_t)size};
	return size < 0 ? "expected a file that can be read, found none; correct the path" : NULL;
}

static int parse(const char *name, size_t size)
{
	struct config_source source = {.file = {.name = name, .bytes = bytes, .size = size},
				       .groups = groups,
				       .groups_size = sizeof(groups) - 1,
				       .platform = "0.1.0",
				       .manifest = read_manifest};
	return config_parse(&source, &settings, &errors);
}

static int parse_file(const char *name)
{
	ssize_t size = fd_read_file(data_dir, name, bytes, sizeof(bytes));
	assert_true(size >= 0);
	return parse(name, (size_t)size);
}

static void expect_file(const char *name)
{
	char expected[600];
	int r = parse_file(name);
	assert_int_equal(sscanf(bytes, "# expect: %599[^\n]", expected), 1);
	if (strcmp(expected, "ok") == 0) {
		if (r != 0)
			fail_msg("%s: expected no error, found:\n%s", name, errors.text);
		return;
	}
	if (r != DOCUMENT_WRONG || errors.count == 0 || !strstr(errors.text, expected))
		fail_msg("%s: %d: expected \"%s\" in:\n%s", name, r, expected, errors.text);
	assert_int_equal(errors.text[errors.size - 1], '\n');
}

static void test_files(void **state)
{
	unsigned n = 0;
	DIR *directory = fdopendir(dup(data_dir));
	assert_non_null(directory);
	for (struct dirent *entry; (entry = readdir(directory));) {
		if (!strstr(entry->d_name, ".yaml"))
			continue;
		expect_file(entry->d_name);
		n++;
	}
	closedir(directory);
	assert_true(n >= 80);
}

static void test_values(void **state)
{
	assert_int_equal(parse_file("good-full.yaml"), 0);
	assert_int_equal(settings.magic, SETTINGS_MAGIC);
	assert_int_equal(settings.size, sizeof(settings));
	assert_int_equal(settings.sensor_fanotify, 1);
	assert_int_equal(settings.sensor_bpf, 0);
	assert_int_equal(settings.sensor_synth_per_s, 100);
	assert_int_equal(settings.n_scopes, 2);
	assert_string_equal(settings.scopes[1], "/home");
	assert_int_equal(settings.deadline_exec_ms, 2000);
	assert_int_equal(settings.deadline_open_ms, 300);
	assert_int_equal(settings.on_engine_loss_exec, SETTINGS_LOSS_DENY);
	assert_int_equal(settings.on_engine_loss_open, SETTINGS_LOSS_ALLOW);
	assert_int_equal(settings.strike_window_s, 120);
	assert_int_equal(settings.slow_share_percent, 80);
	assert_int_equal(settings.slow_budget_s, 20);
	assert_string_equal(settings.essential[settings.n_essential - 1], "/usr/bin/vi");
	assert_int_equal(settings.admin_gid, 4);
	assert_int_equal(settings.uid_base, 70000);
	assert_int_equal(settings.log_level, 7);
	assert_int_equal(settings.n_agents, 2);
	const struct settings_agent *agent = &settings.agents[0];
	assert_string_equal(agent->args[1], "/etc/ringside/list.bin");
	assert_int_equal(agent->memory_mb, 1024);
	assert_int_equal(agent->ring_kb, 2048);
	assert_int_equal(agent->deadline_exec_ms, 500);
	assert_true(session_set_has(&agent->granted, RS_EVENT_AUTH_EXEC) &&
		    session_set_has(&agent->granted, RS_EVENT_EXEC));
	assert_false(session_set_has(&agent->granted, RS_EVENT_FORK));
	assert_true(session_set_has(&agent->deny_on_miss, RS_EVENT_AUTH_EXEC));
	assert_false(session_set_has(&agent->deny_on_miss, RS_EVENT_AUTH_OPEN));
	agent = &settings.agents[1];
	assert_int_equal(agent->shadow, 1);
	assert_true(session_set_has(&agent->granted, RS_EVENT_FORK) &&
		    session_set_has(&agent->granted, RS_EVENT_DENIED));
	assert_false(session_set_has(&agent->granted, RS_EVENT_AUTH_EXEC));
}

static void expect_essential(const char *path, bool expected)
{
	bool found = false;
	for (uint32_t i = 0; i < settings.n_essential; i++)
		found |= strcmp(settings.essential[i], path) == 0;
	assert_int_equal(found, expected);
}

static void test_defaults(void **state)
{
	assert_int_equal(parse_file("good-empty.yaml"), 0);
	assert_int_equal(settings.sensor_fanotify, 1);
	assert_string_equal(settings.scopes[0], "/");
	assert_int_equal(settings.deadline_exec_ms, 1000);
	assert_int_equal(settings.deadline_open_ms, 250);
	assert_int_equal(settings.essential_deny, 0);
	for (const char *const *path = (const char *const[]){"/usr/bin/bash", "/bin/sh", "/usr/sbin/sshd",
							     "/usr/bin/apt-get", "/usr/lib/systemd/", NULL};
	     *path; path++)
		expect_essential(*path, true);
	for (uint32_t i = 0; i < settings.n_essential; i++)
		assert_true(value_path(settings.essential[i], true));

	strcpy(bytes, "verdicts: {essential: {add: [/opt/x], defaults: no}}");
	assert_int_equal(parse("essential", strlen(bytes)), 0);
	assert_int_equal(settings.n_essential, 1);
	assert_string_equal(settings.essential[0], "/opt/x");
}

static void test_a_wrong_file_changes_nothing(void **state)
{
	memset(&settings, 0x5a, sizeof(settings));
	assert_int_equal(parse_file("bad-scope-twice.yaml"), DOCUMENT_WRONG);
	for (size_t i = 0; i < sizeof(settings); i++)
		assert_int_equal(((unsigned char *)&settings)[i], 0x5a);
}

static void test_too_big(void **state)
{
	memset(bytes, '#', sizeof(bytes));
	assert_int_equal(parse("big", CONFIG_SIZE_MAX), 0);
	assert_int_equal(parse("big", CONFIG_SIZE_MAX + 1), DOCUMENT_WRONG);
	assert_non_null(strstr(errors.text, "big:1: expected at most 1048576 bytes, found 1048577"));
}

/* As many values as fit, as many agents as the table has, and one more. */
static void test_too_many(void **state)
{
	size_t size = 7;
	memcpy(bytes, "scope: [", 8);
	for (size++; size + 2 < CONFIG_SIZE_MAX; size += 2)
		memcpy(bytes + size, "1,", 2);
	bytes[size++] = ']';
	assert_int_equal(parse("many", size), DOCUMENT_WRONG);
	assert_non_null(strstr(errors.text, "expected at most 20000 values"));

	for (unsigned n = SETTINGS_AGENTS_MAX; n <= SETTINGS_AGENTS_MAX + 1; n++) {
		size = (size_t)sprintf(bytes, "agents:\n");
		for (unsigned i = 0; i < n; i++)
			size += (size_t)sprintf(bytes + size, "  - {name: a%u, program: /a, events: [exec]}\n", i);
		assert_int_equal(parse("agents", size), n > SETTINGS_AGENTS_MAX ? DOCUMENT_WRONG : 0);
	}
}

/* Errors beyond the list are counted, and the text stays within its room. */
static void test_many_errors(void **state)
{
	size_t size = 0;
	for (unsigned i = 0; i < 500; i++)
		size += (size_t)sprintf(bytes + size, "unknown_%u: 1\n", i);
	assert_int_equal(parse("errors", size), DOCUMENT_WRONG);
	assert_int_equal(errors.count, 500);
	assert_true(errors.size < sizeof(errors.text) && strlen(errors.text) == errors.size);
}

/* A file that ends anywhere is an error or well, and nothing worse. */
static void test_cut_anywhere(void **state)
{
	ssize_t size = fd_read_file(data_dir, "good-full.yaml", bytes, sizeof(bytes));
	for (size_t i = 0; i < (size_t)size; i += 3)
		assert_in_range(parse("cut", i), 0, 1);
}

static void test_policy(void **state)
{
	assert_int_equal(parse_file("policy-good.yaml"), 0);
	assert_null(settings_check(&settings));
	const struct settings_agent *agent = &settings.agents[0];
	assert_string_equal(agent->name, "guard");
	assert_string_equal(agent->path, "/m/bin/guard");
	assert_string_equal(agent->version, "1.2.3");
	assert_int_equal(agent->n_args, 3);
	assert_string_equal(agent->args[0], "--quiet");
	assert_string_equal(agent->args[2], "/etc/guard/list");
	/* notify: those that the manifest wants, not all there are */
	assert_true(session_set_has(&agent->granted, RS_EVENT_EXIT) &&
		    session_set_has(&agent->granted, RS_EVENT_AUTH_EXEC));
	assert_false(session_set_has(&agent->granted, RS_EVENT_FORK));
	/* the operator's choice */
	assert_true(session_set_has(&agent->deny_on_miss, RS_EVENT_AUTH_EXEC));
	const uint32_t values[][2] = {
		{agent->jail, SETTINGS_JAIL_PARTIAL},
		{agent->deadline_exec_ms, 200},
		{agent->memory_mb, 64},
		{agent->cpu_percent, 10},
		{agent->tasks_max, 4},
		{agent->disk_mb, 0},
		{agent->events_per_s, 1000},
		{agent->denies_per_min, 60},
		{agent->n_endpoints, 1},
		{agent->endpoints[0].port, 443},
		{agent->endpoints[1].port, 0},
		{agent->n_reads, 2},
	};
	for (size_t i = 0; i < ARRAY_SIZE(values); i++)
		assert_int_equal(values[i][0], values[i][1]);
	assert_string_equal(agent->reads[0], "/etc/guard/list");
	/* what the entry leaves out is as the manifest asks; a vendor's deadline gives way to the platform's */
	agent = &settings.agents[1];
	assert_string_equal(agent->name, "plain-2");
	assert_int_equal(agent->shadow, 1);
	assert_int_equal(agent->actions, SETTINGS_ACTION_KILL);
	assert_int_equal(agent->network, SETTINGS_NETWORK_NONE);
	assert_int_equal(agent->deadline_open_ms, 0);
	assert_int_equal(agent->deny_on_miss.words[0], 0);
	/* where the manifest sets no limit, the operator may */
	agent = &settings.agents[2];
	assert_int_equal(agent->cpu_percent, 5);
	assert_int_equal(agent->network, SETTINGS_NETWORK_ENDPOINTS);
	assert_int_equal(agent->actions, 0);
}

/* Of the file, of the manifests it names, of what they become. */
static void test_nth_allocation_fails(void **state)
{
	unsigned n = 1;
	ssize_t size = fd_read_file(data_dir, "policy-good.yaml", bytes, sizeof(bytes));
	for (; FAIL_NTH_WORKS; n++) {
		memset(&settings, 0x5a, sizeof(settings));
		fail_nth(n);
		int r = parse("memory", (size_t)size);
		if (!fail_nth_done()) {
			assert_int_equal(r, 0);
			break;
		}
		if (r != -ENOMEM || errors.count != 0)
			fail_msg("allocation %u: %d, %s", n, r, errors.text);
		assert_memory_equal(&settings, (char *)&settings + 1, 4096);
	}
	assert_true(!FAIL_NTH_WORKS || n > 50);
}

static void test_without_a_way_to_manifests(void **state)
{
	struct config_source source = {.file = {.name = "none"}};
	source.file.bytes = "agents: [{manifest: /m/guard.yaml}]";
	source.file.size = strlen(source.file.bytes);
	assert_int_equal(config_parse(&source, &settings, &errors), DOCUMENT_WRONG);
	assert_non_null(strstr(errors.text, "none:1: agents[0].manifest: /m/guard.yaml: expected to be able to read"));
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_a_wrong_file_changes_nothing),
		cmocka_unit_test(test_too_big),
		cmocka_unit_test(test_too_many),
		cmocka_unit_test(test_many_errors),
		cmocka_unit_test(test_cut_anywhere),
		cmocka_unit_test(test_policy),
		cmocka_unit_test(test_nth_allocation_fails),
		cmocka_unit_test(test_without_a_way_to_manifests),
	};
	data_dir = argc > 1 ? open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	if (data_dir < 0) {
		fprintf(stderr, "usage: config_test TESTDATA-DIRECTORY\n");
		return 2;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every file of testdata begins with a line "# expect: ok" or "# expect: TEXT": the first error must be the file's name
 * and TEXT, to the letter.
 */
#include "package/manifest.h"

#include "base/fail_nth.h"
#include "base/fd.h"
#include "package/grant.h"
#include "yaml/value.h"

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static int data_dir = -1;
static char bytes[MANIFEST_SIZE_MAX + 16];
static struct manifest manifest;
static struct document_errors errors;

static int read_text(const char *name, size_t size)
{
	struct document_source source = {.name = name, .bytes = bytes, .size = size};
	errors = (struct document_errors){0};
	return manifest_read(&source, "0.1.0", &manifest, &errors);
}

static int read_file(const char *name)
{
	ssize_t size = fd_read_file(data_dir, name, bytes, sizeof(bytes));
	assert_true(size > 0);
	return read_text(name, (size_t)size);
}

static void expect_file(const char *name)
{
	char expected[600], found[900];
	int r = read_file(name);
	assert_int_equal(sscanf(bytes, "# expect: %599[^\n]", expected), 1);
	if (strcmp(expected, "ok") == 0) {
		if (r != 0)
			fail_msg("%s: expected no error, found:\n%s", name, errors.text);
		return;
	}
	assert_int_equal(r, DOCUMENT_WRONG);
	snprintf(found, sizeof(found), "%.*s", (int)strcspn(errors.text, "\n"), errors.text);
	if (strncmp(found, name, strlen(name)) != 0 || strcmp(found + strlen(name), expected) != 0)
		fail_msg("%s: expected\n%s\nfound\n%s", name, expected, found + strlen(name));
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
	assert_int_equal(read_file("good-full.yaml"), 0);
	const struct settings_agent *agent = &manifest.agent;
	assert_string_equal(agent->name, "guard");
	assert_string_equal(manifest.vendor, "Größe & Co");
	assert_string_equal(agent->version, "1.2.3-rc1+git");
	assert_string_equal(manifest.program, "bin/guard");
	assert_string_equal(agent->args[0], "--quiet");
	assert_int_equal(agent->n_args, 1);
	assert_int_equal(manifest.operator_args, 1);
	assert_int_equal(manifest.contract, 1);
	assert_int_equal(manifest.platform_below.parts[0], 2);
	assert_true(session_set_has(&agent->granted, RS_EVENT_AUTH_OPEN));
	assert_false(session_set_has(&agent->granted, RS_EVENT_FORK));
	assert_int_equal(agent->actions, SETTINGS_ACTION_KILL);
	assert_int_equal(agent->deadline_exec_ms, 500);
	/* a wish is kept, and grants nothing */
	assert_true(session_set_has(&manifest.wishes_deny, RS_EVENT_AUTH_EXEC));
	assert_false(session_set_has(&agent->deny_on_miss, RS_EVENT_AUTH_EXEC));
	const uint32_t limits[][2] = {
		{agent->memory_mb, 128},
		{agent->cpu_percent, 50},
		{agent->tasks_max, 8},
		{agent->files_max, 300},
		{agent->disk_mb, 16},
		{agent->ring_kb, 4096},
		{agent->pending_max, 100},
		{agent->events_per_s, 20000},
		{agent->denies_per_min, 60},
		{agent->actions_per_min, 6},
		{agent->network, SETTINGS_NETWORK_ENDPOINTS},
		{agent->n_endpoints, 2},
		{agent->endpoints[1].port, 53},
		{agent->n_reads, 2},
		{manifest.n_channels, 2},
		{manifest.channels[1].size_max_kb, 512},
	};
	for (size_t i = 0; i < ARRAY_SIZE(limits); i++)
		assert_int_equal(limits[i][0], limits[i][1]);
	assert_string_equal(agent->reads[1], "/usr/share/guard");
	assert_string_equal(manifest.channels[0].schema, "yara-rules/1");
	assert_int_equal(walk_lines_find(&manifest.lines, "limits.memory"), 16);
	assert_int_equal(walk_lines_find(&manifest.lines, "limits.nothing"), 15);
	assert_int_equal(walk_lines_find(&manifest.lines, "nothing"), 1);
}

static void test_defaults(void **state)
{
	struct settings_agent defaults;
	grant_defaults(&defaults);
	assert_int_equal(read_file("good-least.yaml"), 0);
	assert_int_equal(manifest.agent.memory_mb, defaults.memory_mb);
	assert_int_equal(manifest.agent.network, SETTINGS_NETWORK_NONE);
	assert_int_equal(manifest.agent.actions + manifest.agent.n_reads + manifest.agent.disk_mb, 0);
	assert_int_equal(manifest.agent.cpu_percent + manifest.agent.events_per_s, 0);
	assert_int_equal(manifest.operator_args, 0);
}

static void test_no_bytes(void **state)
{
	assert_int_equal(read_text("empty", 0), DOCUMENT_WRONG);
	assert_string_equal(errors.text,
			    "empty:1: expected a manifest, found nothing but empty lines and comments; see "
			    "ringside-manifest(5)\n");
}

static void test_too_big(void **state)
{
	ssize_t size = fd_read_file(data_dir, "good-least.yaml", bytes, sizeof(bytes));
	memset(bytes + size, '#', sizeof(bytes) - (size_t)size);
	assert_int_equal(read_text("big", MANIFEST_SIZE_MAX), 0);
	assert_int_equal(read_text("big", MANIFEST_SIZE_MAX + 1), DOCUMENT_WRONG);
	assert_string_equal(errors.text, "big:1: expected at most 65536 bytes, found 65537; is this the right file?\n");
}

/* A file that ends anywhere is an error or well, and a wrong one leaves the manifest as it was. */
static void test_cut_anywhere(void **state)
{
	ssize_t size = fd_read_file(data_dir, "good-full.yaml", bytes, sizeof(bytes));
	for (size_t i = 0; i < (size_t)size; i++) {
		memset(&manifest, 0x5a, sizeof(manifest));
		int r = read_text("cut", i);
		assert_in_range(r, 0, 1);
		assert_int_equal(errors.count > 0, r == DOCUMENT_WRONG);
		if (r != 0)
			assert_memory_equal(&manifest, (char *)&manifest + 1, sizeof(manifest) - 1);
	}
}

static void test_nth_allocation_fails(void **state)
{
	unsigned n = 1;
	ssize_t size = fd_read_file(data_dir, "good-full.yaml", bytes, sizeof(bytes));
	for (; FAIL_NTH_WORKS; n++) {
		memset(&manifest, 0x5a, sizeof(manifest));
		fail_nth(n);
		int r = read_text("memory", (size_t)size);
		if (!fail_nth_done()) {
			assert_int_equal(r, 0);
			break;
		}
		if (r != -ENOMEM || errors.count != 0)
			fail_msg("allocation %u: %d, %s", n, r, errors.text);
		assert_memory_equal(&manifest, (char *)&manifest + 1, sizeof(manifest) - 1);
	}
	assert_true(!FAIL_NTH_WORKS || n > 20);
}

static void test_versions(void **state)
{
	struct manifest_version version;
	static const char *const wrong[] = {"", ".", "1.", ".1", "1..2", "1.2.3.4", "1.x", "-1", "4294967296", "1 "};
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		assert_false(manifest_version_read(wrong[i], &version));
	assert_true(manifest_version_read("1.20.300", &version));
	assert_int_equal(version.parts[2], 300);
	assert_true(manifest_version_read("7", &version));
	assert_int_equal(version.parts[0] * 100 + version.parts[1], 700);
}

static void test_program(void **state)
{
	char path[SETTINGS_PATH_SIZE], long_path[SETTINGS_PATH_SIZE];
	strcpy(manifest.program, "bin/guard");
	assert_true(manifest_program(&manifest, "/opt/guard/guard.yaml", path));
	assert_string_equal(path, "/opt/guard/bin/guard");
	assert_true(manifest_program(&manifest, "/guard.yaml", path));
	assert_string_equal(path, "/bin/guard");
	memset(long_path, 'a', sizeof(long_path) - 1);
	long_path[0] = '/';
	long_path[sizeof(long_path) - 3] = '/';
	long_path[sizeof(long_path) - 1] = '\0';
	assert_false(manifest_program(&manifest, long_path, path));
}

static void test_paths(void **state)
{
	assert_true(value_path_inside("/a/b", "/a") && value_path_inside("/a", "/a"));
	assert_false(value_path_inside("/ab", "/a") || value_path_inside("/", "/a") || value_path_inside("/a", "/a/b"));
	assert_true(value_path_below("a/b") && value_path_below("..a"));
	assert_false(value_path_below("/a") || value_path_below("") || value_path_below("a/../b") ||
		     value_path_below("a//b") || value_path_below(".."));
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_files),    cmocka_unit_test(test_values),
		cmocka_unit_test(test_defaults), cmocka_unit_test(test_no_bytes),
		cmocka_unit_test(test_too_big),  cmocka_unit_test(test_cut_anywhere),
		cmocka_unit_test(test_versions), cmocka_unit_test(test_nth_allocation_fails),
		cmocka_unit_test(test_program),  cmocka_unit_test(test_paths),
	};
	data_dir = argc > 1 ? open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	if (data_dir < 0) {
		fprintf(stderr, "usage: manifest_test TESTDATA-DIRECTORY\n");
		return 2;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}

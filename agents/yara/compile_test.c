/* SPDX-License-Identifier: Apache-2.0 */
#include "yara/compile.h"

#include "common/common.h"
#include "yara/folder.h"
#include "yara/source.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define GOOD "rule good { strings: $a = \"abc\" condition: $a }\n"
#define NAMED "rule named { condition: filepath contains \"x\" }\n"

static struct folder folder;

static int setup(void **state)
{
	folder_init(&folder);
	return 0;
}

static int teardown(void **state)
{
	folder_deinit(&folder);
	return 0;
}

static void assert_told(const char *words)
{
	if (!strstr(folder.told, words) && !strstr(folder.problem, words))
		fail_msg("expected \"%s\", was told:\n%s%s", words, folder.told, folder.problem);
}

/* Broken files are named with file and line, and the others load; strict refuses all. */
static void test_broken(void **state)
{
	static const struct {
		const char *text;
		const char *told;
	} broken[] = {
		{"rule x {\n condition: nonsense }\n", "b/broken.yar:2: undefined identifier \"nonsense\""},
		{"rule x {\n\n strings: $a = /(/ condition: $a }\n", "b/broken.yar:3: "},
		{"not a rule at all", "b/broken.yar:1: syntax error"},
		{"rule x { strings: $a = { 61 ?? condition: $a }", "b/broken.yar:1: "},
		{"rule x { strings: $a = \"never used\" condition: true }", "unreferenced string \"$a\""},
		{"rule x { condition: true } rule x { condition: true }", "duplicated identifier \"x\""},
		{"import \"nonsense\"", "unknown module \"nonsense\""},
		{"rule x { condition: true", "b/broken.yar:1: syntax error"},
		{"rule x {\n condition:\n  true\n", "b/broken.yar:3: syntax error"},
		{"rule x { condition: filepath > }", "b/broken.yar:1: "},
		{"include \"../../outside.yar\"", "include \"../../outside.yar\" leads out of the rule directory"},
		{"include \"/etc/passwd\"", "include \"/etc/passwd\" leads out of the rule directory"},
		{"include \"missing.inc\"", "include \"missing.inc\" No such file or directory"},
		{"include \"broken.yar\"", "circular"},
		{"\x01\x02\xff", "b/broken.yar:1: "},
	};
	for (size_t i = 0; i < ARRAY_SIZE(broken); i++) {
		folder_write(&folder, "a/good.yar", GOOD);
		folder_write(&folder, "b/broken.yar", broken[i].text);
		struct ruleset *set = folder_compile(&folder, false, NULL);
		assert_non_null(set);
		assert_told(broken[i].told);
		assert_int_equal(set->head.n_rules, 1);
		assert_int_equal(set->head.n_files, 1);
		assert_int_equal(set->head.n_broken, 1);
		assert_string_equal(set->head.broken[0], "b/broken.yar");
		ruleset_free(set);
		assert_null(folder_compile(&folder, true, NULL));
		assert_told("b/broken.yar is broken");
	}
}

/* For a reload: what was good must not be gone; what was broken before may still be. */
static void test_tolerated(void **state)
{
	folder_write(&folder, "a.yar", GOOD);
	folder_write(&folder, "b.yar", "nonsense");
	struct ruleset *before = folder_compile(&folder, false, NULL), *set;
	assert_non_null(before);
	folder_write(&folder, "c.yar", GOOD);
	set = folder_compile(&folder, false, &before->head);
	assert_non_null(set);
	assert_int_equal(set->head.n_rules, 2);
	ruleset_free(set);
	folder_write(&folder, "c.yar", "nonsense");
	assert_null(folder_compile(&folder, false, &before->head));
	assert_told("c.yar is broken");
	ruleset_free(before);
}

static void test_nothing(void **state)
{
	assert_null(folder_compile(&folder, false, NULL));
	assert_told("expected at least one rule, found none");
	folder_write(&folder, "empty.yar", "");
	folder_write(&folder, "readme.txt", GOOD);
	folder_write(&folder, ".hidden.yar", GOOD);
	assert_null(folder_compile(&folder, false, NULL));
	assert_told("expected at least one rule, found none");
}

/* What lies outside is not reached by a link either; what lies inside is. */
static void test_links(void **state)
{
	char path[128];
	folder_write(&folder, "..data/inside", GOOD);
	snprintf(path, sizeof(path), "%s/inside.yar", folder.path);
	assert_int_equal(symlink("..data/inside", path), 0);
	struct ruleset *set = folder_compile(&folder, true, NULL);
	assert_non_null(set);
	assert_int_equal(set->head.n_rules, 1);
	ruleset_free(set);
	snprintf(path, sizeof(path), "%s/outside.yar", folder.path);
	assert_int_equal(symlink("/etc/passwd", path), 0);
	assert_null(folder_compile(&folder, true, NULL));
	assert_told("outside.yar:1: leads out of the rule directory");
	unlink(path);
	snprintf(path, sizeof(path), "%s/loop", folder.path);
	assert_int_equal(symlink(".", path), 0);
	snprintf(path, sizeof(path), "%s/dangling.yar", folder.path);
	assert_int_equal(symlink("nowhere", path), 0);
	snprintf(path, sizeof(path), "%s/fifo.yar", folder.path);
	assert_int_equal(mkfifo(path, 0600), 0);
	set = folder_compile(&folder, true, NULL);
	assert_non_null(set);
	assert_int_equal(set->head.n_rules, 1);
	ruleset_free(set);
}

static void test_include(void **state)
{
	folder_write(&folder, "a/b/top.yar", "include \"../common.inc\"\nrule top { condition: base }\n");
	folder_write(&folder, "a/common.inc", "rule base { strings: $a = \"abc\" condition: $a }\n");
	struct ruleset *set = folder_compile(&folder, true, NULL);
	assert_non_null(set);
	assert_int_equal(set->head.n_rules, 2);
	char version[RULESET_VERSION_SIZE];
	strcpy(version, set->head.version);
	ruleset_free(set);
	/* what is included is part of the version */
	folder_write(&folder, "a/common.inc", "rule base { strings: $a = \"abd\" condition: $a }\n");
	set = folder_compile(&folder, true, NULL);
	assert_non_null(set);
	assert_string_not_equal(set->head.version, version);
	ruleset_free(set);
}

static void test_too_large(void **state)
{
	char *text = malloc(SOURCE_SIZE_MAX + 2);
	memset(text, ' ', SOURCE_SIZE_MAX + 1);
	text[SOURCE_SIZE_MAX + 1] = '\0';
	folder_write(&folder, "large.yar", text);
	folder_write(&folder, "good.yar", GOOD);
	struct ruleset *set = folder_compile(&folder, false, NULL);
	assert_non_null(set);
	assert_told("large.yar:1: is larger than 8 MiB");
	assert_int_equal(set->head.n_broken, 1);
	ruleset_free(set);
	text[SOURCE_SIZE_MAX] = '\0';
	for (int i = 0; i < 9; i++) {
		char name[32];
		snprintf(name, sizeof(name), "many%d.yar", i);
		folder_write(&folder, name, text);
	}
	assert_null(folder_compile(&folder, false, NULL));
	assert_told("expected at most 64 MiB of rules");
	free(text);
}

static void test_warnings_are_told_and_bounded(void **state)
{
	char *text = malloc(65536);
	text[0] = '\0';
	for (int i = 0; i < 50; i++)
		sprintf(text + strlen(text), "rule r%d { strings: $a = \"a\" condition: $a }\n", i);
	folder_write(&folder, "slow.yar", text);
	struct ruleset *set = folder_compile(&folder, true, NULL);
	assert_non_null(set);
	assert_told("slow.yar:1: warning: string \"$a\" may slow down scanning");
	assert_true(set->head.n_warnings >= 50);
	unsigned lines = 0;
	for (const char *at = folder.told; (at = strchr(at, '\n')); at++)
		lines++;
	assert_int_equal(lines, COMPILE_WARNINGS_TOLD);
	ruleset_free(set);
	free(text);
}

/* Which files cost the cache. */
static void test_names(void **state)
{
	static const struct {
		const char *text;
		uint8_t flags;
	} files[] = {
		{GOOD, 0},
		{"rule g { strings: $a = \"filepath\" condition: $a } // filename", 0},
		{NAMED, RULESET_NAMES},
		{GOOD NAMED, RULESET_NAMES},
		{"rule n { condition: filename == \"x\" or extension == \".x\" }", RULESET_NAMES},
		{"global rule g { condition: filesize > 3 } " NAMED, RULESET_NAMES | RULESET_GUARDED},
		{"global private rule g { condition: filesize > 3 } " GOOD NAMED, RULESET_NAMES | RULESET_GUARDED},
		{NAMED "global rule g { condition: filesize > 3 } ", RULESET_NAMES | RULESET_UNGUARDED},
		{NAMED "global rule g { condition: named } ", RULESET_NAMES | RULESET_UNGUARDED},
		{"global rule g { condition: filename == \"x\" }", RULESET_NAMES | RULESET_UNGUARDED},
		{"global rule g { condition: filesize > 3 } " NAMED "global rule h { condition: named }",
		 RULESET_NAMES | RULESET_GUARDED | RULESET_UNGUARDED},
		{"include \"x.inc\"", RULESET_NAMES},
	};
	folder_write(&folder, "x.inc", NAMED);
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		folder_write(&folder, "a.yar", GOOD);
		folder_write(&folder, "b.yar", files[i].text);
		folder_write(&folder, "c.yar", GOOD);
		struct ruleset *set = folder_compile(&folder, true, NULL);
		assert_non_null(set);
		assert_int_equal(set->head.file_flags[0], 0);
		assert_int_equal(set->head.file_flags[1], files[i].flags);
		assert_int_equal(set->head.file_flags[2], 0);
		assert_int_equal(set->head.uses_names, files[i].flags != 0);
		ruleset_free(set);
	}
}

/* As it goes from one process to the other. */
static void test_save_and_load(void **state)
{
	folder_write(&folder, "a.yar", GOOD NAMED);
	struct ruleset *set = folder_compile(&folder, true, NULL), *loaded;
	int fd = memfd_create("rules", MFD_CLOEXEC);
	assert_int_equal(ruleset_save(set, fd), 0);
	assert_int_equal(ruleset_load(fd, &loaded), 0);
	assert_string_equal(loaded->head.version, set->head.version);
	assert_memory_equal(loaded->head.file_flags, set->head.file_flags, sizeof(set->head.file_flags));
	assert_int_equal(loaded->rules->num_rules, set->rules->num_rules);
	ruleset_free(loaded);
	struct stat status;
	assert_int_equal(fstat(fd, &status), 0);
	for (off_t size = status.st_size - 1; size >= 0; size -= 997) {
		assert_int_equal(ftruncate(fd, size), 0);
		assert_int_equal(ruleset_load(fd, &loaded), -EPROTO);
	}
	ruleset_free(set);
	close(fd);
}

static int load_compiled(int fd, struct ruleset **ret)
{
	struct compile_opts opts = {0};
	return compile_load(fd, &opts, ret, folder.problem);
}

static void test_compiled(void **state)
{
	char path[128];
	struct ruleset *set, *loaded;
	for (int named = 0; named < 2; named++) {
		folder_write(&folder, "a.yar", named ? GOOD NAMED : GOOD);
		set = folder_compile(&folder, true, NULL);
		snprintf(path, sizeof(path), "%s/compiled", folder.path);
		assert_int_equal(yr_rules_save(set->rules, path), ERROR_SUCCESS);
		assert_int_equal(chmod(path, 0600), 0);
		int fd = open(path, O_RDWR | O_CLOEXEC);
		assert_int_equal(load_compiled(fd, &loaded), 0);
		assert_int_equal(loaded->head.n_rules, set->head.n_rules);
		/* it was compiled with the names known, so they may matter */
		assert_true(loaded->head.uses_names);
		ruleset_free(loaded);
		ruleset_free(set);
		close(fd);
	}
	int fd = open(path, O_RDWR | O_CLOEXEC);
	assert_int_equal(fchmod(fd, 0660), 0);
	assert_int_equal(load_compiled(fd, &loaded), -EINVAL);
	assert_told("only its owner may write");
	assert_int_equal(fchmod(fd, 0600), 0);
	assert_int_equal(ftruncate(fd, 100), 0);
	assert_int_equal(load_compiled(fd, &loaded), -EINVAL);
	assert_told("expected rules compiled by yarac");
	assert_int_equal(pwrite(fd, "nonsense", 8, 0), 8);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	assert_int_equal(load_compiled(fd, &loaded), -EINVAL);
	close(fd);
}

static void test_signature(void **state)
{
	struct source_list list;
	uint64_t last = 0;
	const char *const texts[] = {"", GOOD, GOOD GOOD, NAMED};
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		folder_write(&folder, i % 2 ? "a.yar" : "sub/b.inc", texts[i]);
		assert_int_equal(source_list_read(folder.fd, &list), 0);
		uint64_t now = source_list_signature(folder.fd, &list);
		assert_int_equal(now, source_list_signature(folder.fd, &list));
		assert_int_not_equal(now, last);
		last = now;
		source_list_deinit(&list);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_broken, setup, teardown),
		cmocka_unit_test_setup_teardown(test_tolerated, setup, teardown),
		cmocka_unit_test_setup_teardown(test_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_links, setup, teardown),
		cmocka_unit_test_setup_teardown(test_include, setup, teardown),
		cmocka_unit_test_setup_teardown(test_too_large, setup, teardown),
		cmocka_unit_test_setup_teardown(test_warnings_are_told_and_bounded, setup, teardown),
		cmocka_unit_test_setup_teardown(test_names, setup, teardown),
		cmocka_unit_test_setup_teardown(test_save_and_load, setup, teardown),
		cmocka_unit_test_setup_teardown(test_compiled, setup, teardown),
		cmocka_unit_test_setup_teardown(test_signature, setup, teardown),
	};
	yr_initialize();
	int r = cmocka_run_group_tests(tests, NULL, NULL);
	yr_finalize();
	return r;
}

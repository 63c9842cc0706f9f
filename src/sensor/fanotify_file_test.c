/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/fanotify_file.h"

#include "base/fd.h"
#include "base/macro.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

struct row {
	const char *text;
	uint64_t n_links;
	const char *path;
	uint32_t flags;
	bool doubt;
};

static const struct row rows[] = {
	{"/usr/bin/x", 1, "/usr/bin/x", 0, false},
	{"/tmp/a\nb\xff", 2, "/tmp/a\nb\xff", 0, false},
	{"/tmp/x (deleted)", 0, "/tmp/x", RS_FILE_DELETED, false},
	{"/tmp/x (deleted) (deleted)", 0, "/tmp/x (deleted)", RS_FILE_DELETED, false},
	{"/tmp/x (deleted)", 1, "/tmp/x (deleted)", 0, true},
	{"/memfd:code (deleted)", 0, "/memfd:code", RS_FILE_DELETED | RS_FILE_MEMFD, false},
	{"/memfd:code (deleted)", 1, "/memfd:code (deleted)", 0, true},
	{"/memfd:", 1, "/memfd:", 0, false},
	{" (deleted)", 0, " (deleted)", RS_FILE_DELETED, false},
	{"", 0, "", RS_FILE_DELETED, false},
};

static void test_classify(void **unused)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char text[64];
		uint32_t flags;
		bool doubt;
		snprintf(text, sizeof(text), "%s", rows[i].text);
		size_t size = fanotify_file_classify(text, strlen(text), rows[i].n_links, &flags, &doubt);
		assert_string_equal(text, rows[i].path);
		assert_int_equal(size, strlen(rows[i].path));
		assert_int_equal(flags, rows[i].flags);
		assert_int_equal(doubt, rows[i].doubt);
	}
}

static size_t path_of(int fd, char *path, size_t size, uint32_t *flags)
{
	struct stat status;
	_cleanup_(fd_closep) int dir = fanotify_file_dir();
	assert_true(dir >= 0);
	assert_int_equal(fstat(fd, &status), 0);
	return fanotify_file_path(dir, fd, &status, path, size, flags);
}

/* The same, with real files: a name that ends like the kernel's remark, with and without its file. */
static void test_doubt(void **unused)
{
	char dir[] = "/tmp/ringside-file-XXXXXX", name[128], other[128], path[4200];
	uint32_t flags;
	assert_non_null(mkdtemp(dir));
	snprintf(name, sizeof(name), "%s/a (deleted)", dir);
	snprintf(other, sizeof(other), "%s/b", dir);
	_cleanup_(fd_closep) int fd = open(name, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	path_of(fd, path, sizeof(path), &flags);
	assert_string_equal(path, name);
	assert_int_equal(flags, 0);

	assert_int_equal(link(name, other), 0); /* another name, and this one goes */
	assert_int_equal(unlink(name), 0);
	path_of(fd, path, sizeof(path), &flags);
	assert_string_equal(path, name);
	assert_int_equal(flags, RS_FILE_DELETED);

	assert_int_equal(unlink(other), 0);
	path_of(fd, path, sizeof(path), &flags);
	assert_string_equal(path, name);
	assert_int_equal(flags, RS_FILE_DELETED);
	assert_int_equal(rmdir(dir), 0);

	_cleanup_(fd_closep) int memory = memfd_create("x", MFD_CLOEXEC);
	path_of(memory, path, sizeof(path), &flags);
	assert_string_equal(path, "/memfd:x");
	assert_int_equal(flags, RS_FILE_DELETED | RS_FILE_MEMFD);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_classify),
		cmocka_unit_test(test_doubt),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The journal over restarts, rotation, power cuts at every byte, and each call that may fail. */
#include "journal/journal.h"

#include "base/macro.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[64];
static int fail_in; /* the so-many-th call from now on fails, or is cut; 0: none */
static unsigned n_synced; /* calls; the disk itself is left alone: power cuts are made by hand here */
static bool cut; /* write(2) writes half and says so, in the place of failing */

ssize_t __real_write(int fd, const void *bytes, size_t size);
ssize_t __wrap_write(int fd, const void *bytes, size_t size);
int __wrap_fdatasync(int fd);
int __wrap_fsync(int fd);
int __real_ftruncate64(int fd, off_t size);
int __wrap_ftruncate64(int fd, off_t size);

static bool fails(void)
{
	errno = EIO;
	return fail_in > 0 && --fail_in == 0;
}

ssize_t __wrap_write(int fd, const void *bytes, size_t size)
{
	if (fails())
		return cut ? __real_write(fd, bytes, size / 2) : -1;
	return __real_write(fd, bytes, size);
}

int __wrap_fdatasync(int fd)
{
	n_synced++;
	return fails() ? -1 : 0;
}

int __wrap_fsync(int fd)
{
	n_synced++;
	return 0;
}

int __wrap_ftruncate64(int fd, off_t size)
{
	return fails() ? -1 : __real_ftruncate64(fd, size);
}

static void path_of(char *path, size_t size, unsigned file)
{
	snprintf(path, size, "%s/actions.%u", folder, file);
}

static int setup(void **state)
{
	snprintf(folder, sizeof(folder), "/tmp/ringside-journal-XXXXXX");
	fail_in = 0;
	cut = false;
	return mkdtemp(folder) ? 0 : -1;
}

static int teardown(void **state)
{
	char path[128];
	for (unsigned i = 0; i < JOURNAL_FILES; i++) {
		path_of(path, sizeof(path), i);
		unlink(path);
	}
	return rmdir(folder);
}

static struct journal *reopen(struct journal *journal, bool writes)
{
	journal_free(journal);
	assert_int_equal(journal_open(folder, writes, &journal), 0);
	return journal;
}

static int append(struct journal *journal, uint64_t number)
{
	struct journal_record record = {.what = JOURNAL_OUTCOME, .number = number, .outcome = IPC_ACTION_DONE_WELL};
	snprintf(record.agent, sizeof(record.agent), "agent%llu", (unsigned long long)number);
	return journal_append(journal, &record);
}

/* The numbers from the newest on must be newest, newest - 1 … as many as n. */
static uint64_t expect_run(struct journal *journal, uint64_t newest, uint64_t n)
{
	struct journal_cursor cursor = {0};
	struct journal_record record;
	uint64_t found = 0;
	while (journal_read(journal, &cursor, &record)) {
		assert_int_equal(record.number, newest - found);
		assert_int_equal(record.crc != 0, 1);
		found++;
	}
	assert_int_equal(found, n);
	return cursor.damaged;
}

static void test_kept_over_restarts(void **state)
{
	n_synced = 0;
	struct journal *journal = reopen(NULL, true);
	assert_int_equal(n_synced, 1); /* the names of the files */
	for (uint64_t i = 1; i <= 5; i++) {
		assert_int_equal(journal_next_number(journal), i);
		n_synced = 0;
		assert_int_equal(append(journal, i), 0);
		assert_int_equal(n_synced, 1);
		journal = reopen(journal, true);
	}
	assert_int_equal(expect_run(journal, 5, 5), 0);
	journal_free(journal);
}

static void test_readers_write_nothing(void **state)
{
	struct journal *writer = reopen(NULL, true), *reader = reopen(NULL, false);
	struct journal_record record = {.what = JOURNAL_ASKED};
	assert_int_equal(journal_append(reader, &record), -EROFS);
	assert_int_equal(append(writer, 1), 0);
	expect_run(reader, 1, 1); /* opened before there was anything */
	journal_free(writer);
	journal_free(reader);
}

/* Never more than two files, never less than one full one, and numbers that go on. */
static void test_rotation(void **state)
{
	struct journal *journal = reopen(NULL, true);
	const uint64_t n = 3 * JOURNAL_RECORDS_MAX + 7;
	for (uint64_t i = 1; i <= n; i++) {
		assert_int_equal(journal_next_number(journal), i);
		assert_int_equal(append(journal, i), 0);
		if (i % 1000 == 0)
			journal = reopen(journal, true);
	}
	for (unsigned i = 0; i < JOURNAL_FILES; i++) {
		char path[128];
		struct stat st;
		path_of(path, sizeof(path), i);
		assert_int_equal(stat(path, &st), 0);
		assert_true(st.st_size <= (off_t)(JOURNAL_RECORDS_MAX * sizeof(struct journal_record)));
		assert_int_equal(st.st_mode & 0777, 0600);
	}
	expect_run(journal, n, JOURNAL_RECORDS_MAX + 7);
	journal_free(journal);
}

/* A power cut between emptying the other file and writing to it: nothing that was there is lost, and it goes on. */
static void test_cut_in_rotation(void **state)
{
	struct journal *journal = reopen(NULL, true);
	char path[128];
	for (uint64_t i = 1; i <= 2 * JOURNAL_RECORDS_MAX; i++)
		assert_int_equal(append(journal, i), 0);
	path_of(path, sizeof(path), 0);
	assert_int_equal(truncate(path, 0), 0);
	journal = reopen(journal, true);
	expect_run(journal, 2 * JOURNAL_RECORDS_MAX, JOURNAL_RECORDS_MAX);
	assert_int_equal(append(journal, journal_next_number(journal)), 0);
	expect_run(journal, 2 * JOURNAL_RECORDS_MAX + 1, JOURNAL_RECORDS_MAX + 1);
	journal_free(journal);
}

/* The last record torn at each of its bytes: a reader has the others, a writer goes on behind them. */
static void test_torn(void **state)
{
	char path[128];
	path_of(path, sizeof(path), 0);
	for (off_t size = 0; size < (off_t)sizeof(struct journal_record); size++) {
		struct journal *journal = reopen(NULL, true);
		for (uint64_t i = 1; i <= 3; i++)
			assert_int_equal(append(journal, i), 0);
		assert_int_equal(truncate(path, 2 * (off_t)sizeof(struct journal_record) + size), 0);
		journal = reopen(journal, false);
		expect_run(journal, 2, 2);
		journal = reopen(journal, true);
		assert_int_equal(journal_next_number(journal), 3);
		assert_int_equal(append(journal, 3), 0);
		expect_run(journal, 3, 3);
		journal_free(journal);
		assert_int_equal(unlink(path), 0);
	}
}

/* A block that never got to the disk is zeros; a bit that changed. Counted, left out, and the rest is read. */
static void test_damaged(void **state)
{
	struct journal *journal = reopen(NULL, true);
	struct journal_record zeros = {0};
	char path[128];
	path_of(path, sizeof(path), 0);
	for (uint64_t i = 1; i <= 3; i++)
		assert_int_equal(append(journal, i), 0);
	int fd = open(path, O_RDWR | O_CLOEXEC);
	assert_int_equal(pwrite(fd, &zeros, sizeof(zeros), 2 * (off_t)sizeof(zeros)), (int)sizeof(zeros));
	assert_int_equal(expect_run(journal, 2, 2), 1);
	for (off_t at = 0; at < (off_t)sizeof(zeros); at += 37) {
		char byte, changed;
		assert_int_equal(pread(fd, &byte, 1, (off_t)sizeof(zeros) + at), 1);
		changed = (char)(byte ^ 4);
		assert_int_equal(pwrite(fd, &changed, 1, (off_t)sizeof(zeros) + at), 1);
		assert_int_equal(expect_run(journal, 1, 1), 2);
		assert_int_equal(pwrite(fd, &byte, 1, (off_t)sizeof(zeros) + at), 1);
	}
	journal = reopen(journal, true);
	assert_int_equal(journal_next_number(journal), 3);
	close(fd);
	journal_free(journal);
}

/* Whatever fails: either it is said to be there and is, or it is said not to be and is not; and the next one succeeds.
 */
static void test_each_call_fails(void **state)
{
	for (int how = 0; how < 2; how++) {
		bool failed = true;
		for (int n = 1; failed; n++) {
			struct journal *journal = reopen(NULL, true);
			for (uint64_t i = 1; i <= JOURNAL_RECORDS_MAX; i++)
				assert_int_equal(append(journal, i), 0);
			cut = how == 1;
			fail_in = n;
			int r = append(journal, JOURNAL_RECORDS_MAX + 1); /* rotates */
			failed = fail_in == 0;
			fail_in = 0;
			assert_int_equal(r < 0, failed);
			if (r < 0)
				expect_run(journal, JOURNAL_RECORDS_MAX, JOURNAL_RECORDS_MAX);
			assert_int_equal(append(journal, JOURNAL_RECORDS_MAX + (failed ? 1 : 2)), 0);
			expect_run(journal, JOURNAL_RECORDS_MAX + (failed ? 1 : 2),
				   JOURNAL_RECORDS_MAX + (failed ? 1 : 2));
			journal_free(journal);
			for (unsigned i = 0; i < JOURNAL_FILES; i++) {
				char path[128];
				path_of(path, sizeof(path), i);
				unlink(path);
			}
		}
	}
}

/* What is cut off after a failed write fails as well: the torn record is no record, and the next append takes its
 * place. */
static void test_cannot_even_cut(void **state)
{
	struct journal *journal = reopen(NULL, true);
	struct stat st;
	char path[128];
	path_of(path, sizeof(path), 0);
	assert_int_equal(append(journal, 1), 0);
	cut = true;
	fail_in = 1;
	assert_int_equal(append(journal, 2), -ENOSPC);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, (int)sizeof(struct journal_record));
	assert_int_equal(truncate(path, 3000), 0);
	assert_int_equal(append(journal, 2), 0);
	expect_run(journal, 2, 2);
	journal_free(journal);
}

static void test_no_folder(void **state)
{
	struct journal *journal = NULL;
	char path[128];
	assert_int_equal(journal_open("/nonexistent", true, &journal), -ENOENT);
	path_of(path, sizeof(path), 0);
	assert_int_equal(symlink("/etc/passwd", path), 0);
	assert_int_equal(journal_open(folder, true, &journal), -ELOOP);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(journal_open(folder, true, &journal), -ENOTSUP);
	assert_null(journal);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_kept_over_restarts),
		TEST(test_readers_write_nothing),
		TEST(test_rotation),
		TEST(test_cut_in_rotation),
		TEST(test_torn),
		TEST(test_damaged),
		TEST(test_each_call_fails),
		TEST(test_cannot_even_cut),
		TEST(test_no_folder),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

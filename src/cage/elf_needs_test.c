/* SPDX-License-Identifier: Apache-2.0 */
/* What the linker wrote is read back from this very program; cut at every length and with every byte wrong it is
 * refused, or read within its bounds. */
#include "cage/elf_needs.h"

#include "base/fd.h"
#include "base/macro.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#define HEAD_SIZE 1024u /* file header and program headers */

static unsigned char *file;
static size_t size;

static int setup(void **state)
{
	struct stat stat;
	_cleanup_(fd_closep) int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	assert_int_equal(fstat(fd, &stat), 0);
	size = (size_t)stat.st_size;
	file = malloc(size);
	assert_int_equal(read(fd, file, size), (ssize_t)size);
	return 0;
}

static int teardown(void **state)
{
	free(file);
	return 0;
}

static bool needs_library(const struct elf_needs *needs, const char *name)
{
	for (size_t i = 0; i < needs->n_needed; i++)
		if (strcmp(needs->needed[i], name) == 0)
			return true;
	return false;
}

static void test_itself(void **state)
{
	struct elf_needs needs;
	assert_int_equal(elf_read(file, size, &needs), ELF_DONE);
	assert_non_null(needs.interpreter);
	assert_non_null(strstr(needs.interpreter, "ld-linux"));
	assert_true(needs_library(&needs, "libc.so.6"));
	assert_false(needs_library(&needs, "libcurl.so.4"));
}

/* A copy of exactly that length, so that a sanitizer sees each byte beyond it. */
static void test_cut(void **state)
{
	for (size_t n = 0; n < size; n += n < HEAD_SIZE ? 1 : 997) {
		struct elf_needs needs;
		unsigned char *copy = malloc(n + !n);
		memcpy(copy, file, n);
		enum elf_result result = elf_read(copy, n, &needs);
		assert_true(n >= 64 || result == ELF_NOT_ELF);
		free(copy);
	}
}

static void test_each_byte_wrong(void **state)
{
	for (size_t i = 0; i < HEAD_SIZE; i++)
		for (unsigned value = 0; value < 256; value += 51) {
			struct elf_needs needs = {0};
			unsigned char before = file[i];
			file[i] = (unsigned char)value;
			if (elf_read(file, size, &needs) == ELF_DONE)
				for (size_t j = 0; j < needs.n_needed; j++)
					assert_true(strlen(needs.needed[j]) < size);
			file[i] = before;
		}
}

static void test_others(void **state)
{
	struct elf_needs needs;
	unsigned char machine = file[18];
	assert_int_equal(elf_read("#!/bin/sh\n", 10, &needs), ELF_NOT_ELF);
	assert_int_equal(elf_read("", 0, &needs), ELF_NOT_ELF);
	file[18] = 8;
	assert_int_equal(elf_read(file, size, &needs), ELF_FOREIGN);
	file[18] = machine;
	for (enum elf_result result = ELF_DONE; result <= ELF_TOO_MANY; result++)
		assert_true(strlen(elf_result_text(result)) > 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_itself),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_each_byte_wrong),
		cmocka_unit_test(test_others),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}

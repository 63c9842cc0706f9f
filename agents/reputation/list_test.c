/* SPDX-License-Identifier: Apache-2.0 */
#include "reputation/list.h"

#include "common/common.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#define HEX_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define HEX_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define HEX_C "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"

static int text_fd(const char *text, size_t size)
{
	int fd = memfd_create("text", MFD_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, size), size);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

static struct list *load(int fd)
{
	struct list *list;
	char problem[LIST_PROBLEM_TEXT_SIZE] = "";
	int r = list_load_begin(fd, &list, problem);
	while (r == 0)
		r = list_load_step(list, problem);
	if (r != 1)
		print_error("%s\n", problem);
	assert_int_equal(r, 1);
	return list;
}

static void expect_refused(int fd, const char *sentence)
{
	struct list *list = NULL;
	char problem[LIST_PROBLEM_TEXT_SIZE] = "";
	int r = list_load_begin(fd, &list, problem);
	while (r == 0)
		r = list_load_step(list, problem);
	assert_true(r < 0);
	if (!strstr(problem, sentence))
		fail_msg("expected \"%s\", found \"%s\"", sentence, problem);
	list_free(list);
}

static int look(const struct list *list, unsigned char byte, struct list_entry *ret)
{
	uint8_t digest[DIGEST_SIZE];
	memset(digest, byte, sizeof(digest));
	return list_lookup(list, digest, ret);
}

static void expect_name(const struct list *list, const struct list_entry *entry, const char *expected)
{
	char name[LIST_NAME_SIZE];
	list_name(list, entry, name);
	assert_string_equal(name, expected);
}

static void test_text_forms(void **state)
{
	static const char text[] = "# a comment\n"
				   "\n" HEX_A "\n"
				   "  " HEX_B "  allow  a name with spaces\r\n" HEX_C "\tdeny # why\n"
				   "DDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDD  *denylist.bin";
	struct list_entry entry;
	struct list *list = load(text_fd(text, sizeof(text) - 1));
	assert_int_equal(list_n(list), 4);
	assert_int_equal(look(list, 0xaa, &entry), 1);
	assert_true(entry.deny);
	expect_name(list, &entry, "");
	assert_int_equal(look(list, 0xbb, &entry), 1);
	assert_false(entry.deny);
	expect_name(list, &entry, "a name with spaces");
	assert_int_equal(look(list, 0xcc, &entry), 1);
	assert_true(entry.deny);
	expect_name(list, &entry, "");
	assert_int_equal(look(list, 0xdd, &entry), 1);
	assert_true(entry.deny);
	expect_name(list, &entry, "*denylist.bin");
	assert_int_equal(look(list, 0xee, &entry), 0);
	list_free(list);
}

static void expect_problem(const char *text, size_t size, const char *sentence)
{
	struct list_problems problems = {0};
	struct list_builder *builder;
	int fd = text_fd(text, size), out = memfd_create("out", MFD_CLOEXEC);
	assert_int_equal(list_builder_new(1000, &builder), 0);
	assert_int_equal(list_build_text(builder, fd, &problems), 0);
	assert_int_equal(list_build_write(builder, out, NULL, &problems), -EINVAL);
	assert_true(problems.n > 0);
	if (!strstr(problems.text[0], sentence))
		fail_msg("expected \"%s\", found \"%s\"", sentence, problems.text[0]);
	/* nothing that could be taken for a list */
	assert_int_equal(lseek(out, 0, SEEK_END), 0);
	list_builder_free(builder);
	close(fd);
	close(out);
}

#define EXPECT_PROBLEM(text, sentence) expect_problem(text, sizeof(text) - 1, sentence)

static void test_problems_name_their_line(void **state)
{
	static char long_line[10000], endless[600000];
	EXPECT_PROBLEM("\n#\nabc\n", "line 3: expected 64 hexadecimal digits of a SHA-256, found 3");
	EXPECT_PROBLEM(HEX_A "0\n", "line 1: expected 64 hexadecimal digits of a SHA-256, found 65");
	EXPECT_PROBLEM(HEX_A "x\n", "no space behind");
	EXPECT_PROBLEM(HEX_A "\n" HEX_A " allow\n", "line 2: says allow, but line 1 said deny");
	EXPECT_PROBLEM(HEX_A " allow a\0b\n", "line 1: expected a name without control characters, found 00");
	EXPECT_PROBLEM(HEX_A " 0123456789012345678901234567890123456789012345678901234567890123\n",
		       "at most 63 bytes, found 64");
	EXPECT_PROBLEM("\0\0\0\0", "line 1: expected 64 hexadecimal digits of a SHA-256, found 0");
	memset(long_line, 'a', sizeof(long_line));
	long_line[sizeof(long_line) - 1] = '\n';
	expect_problem(long_line, sizeof(long_line), "line 1: expected at most 4096 bytes");
	memset(endless, 'a', sizeof(endless));
	endless[0] = '\n';
	expect_problem(endless, sizeof(endless), "line 2: expected at most 4096 bytes, found more");
}

static void test_too_many_entries(void **state)
{
	struct list_problems problems = {0};
	struct list_builder *builder;
	int fd = text_fd(HEX_A "\n" HEX_B "\n" HEX_C "\n", 3 * 65);
	assert_int_equal(list_builder_new(2, &builder), 0);
	assert_int_equal(list_build_text(builder, fd, &problems), 0);
	assert_int_equal(problems.n, 1);
	assert_string_equal(problems.text[0], "line 3: expected at most 2 entries, found more");
	list_builder_free(builder);
	close(fd);
}

static uint64_t random_state;

static uint64_t draw(void)
{
	uint64_t z = random_state += UINT64_C(0x9e3779b97f4a7c15);
	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	return z ^ z >> 27;
}

/* Digests that share their first `shared` bytes with all others, and differ in the last ones. */
static void make_digest(uint8_t digest[DIGEST_SIZE], unsigned shared, uint64_t number)
{
	random_state = number;
	for (unsigned i = 0; i < DIGEST_SIZE; i++)
		digest[i] = i < shared ? 0x5a : (uint8_t)draw();
	memcpy(digest + DIGEST_SIZE - sizeof(number), &number, sizeof(number));
}

static struct list *make_list(unsigned shared, unsigned n)
{
	struct list_problems problems = {0};
	struct list_builder *builder;
	int fd = memfd_create("list", MFD_CLOEXEC);
	assert_int_equal(list_builder_new(n, &builder), 0);
	for (unsigned i = 0; i < n; i++) {
		uint8_t digest[DIGEST_SIZE];
		char name[32];
		int size = snprintf(name, sizeof(name), "name-%u", i);
		make_digest(digest, shared, 2 * i);
		assert_int_equal(list_builder_add(builder, digest, i % 3 == 0, name, (size_t)size, i + 1, &problems),
				 0);
	}
	assert_int_equal(list_build_write(builder, fd, "v1", &problems), 0);
	list_builder_free(builder);
	return load(fd);
}

/* Every entry is found with its own meta; its neighbours, which differ in the last bytes only, are not. */
static void check_exact(unsigned shared, unsigned n)
{
	struct list *list = make_list(shared, n);
	assert_int_equal(list_n(list), n);
	assert_string_equal(list_version(list), "v1");
	for (unsigned i = 0; i < n; i++) {
		uint8_t digest[DIGEST_SIZE];
		struct list_entry entry;
		char name[32];
		make_digest(digest, shared, 2 * i);
		assert_int_equal(list_lookup(list, digest, &entry), 1);
		snprintf(name, sizeof(name), "name-%u", i);
		expect_name(list, &entry, name);
		assert_int_equal(entry.deny, i % 3 == 0);
		digest[DIGEST_SIZE - 8] ^= 1;
		assert_int_equal(list_lookup(list, digest, &entry), 0);
		digest[DIGEST_SIZE - 8] ^= 1;
		digest[DIGEST_SIZE - 1] ^= 0x80;
		assert_int_equal(list_lookup(list, digest, &entry), 0);
	}
	list_free(list);
}

static void test_exact_with_random_digests(void **state)
{
	check_exact(0, 50000);
}

/* 20,000 entries whose first 8 bytes, more than the index knows, are the same. */
static void test_exact_with_colliding_prefixes(void **state)
{
	check_exact(8, 20000);
	check_exact(4, 20000);
	check_exact(24, 1000);
}

static void test_small_and_extreme_lists(void **state)
{
	struct list_entry entry;
	for (unsigned n = 0; n < 40; n++)
		check_exact(0, n);
	struct list *list = make_list(0, 0);
	assert_int_equal(look(list, 0x00, &entry), 0);
	assert_int_equal(look(list, 0xff, &entry), 0);
	list_free(list);
	static const char ends[] = "0000000000000000000000000000000000000000000000000000000000000000\n"
				   "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff\n";
	list = load(text_fd(ends, sizeof(ends) - 1));
	assert_int_equal(look(list, 0x00, &entry), 1);
	assert_int_equal(look(list, 0xff, &entry), 1);
	assert_int_equal(look(list, 0x7f, &entry), 0);
	list_free(list);
}

static void test_repeated_entries_are_one(void **state)
{
	static const char text[] = HEX_A " deny one\n" HEX_B "\n" HEX_A " deny two\n";
	struct list_entry entry;
	struct list *list = load(text_fd(text, sizeof(text) - 1));
	assert_int_equal(list_n(list), 2);
	assert_int_equal(look(list, 0xaa, &entry), 1);
	expect_name(list, &entry, "one");
	list_free(list);
}

static int compiled_fd(unsigned n)
{
	struct list_problems problems = {0};
	struct list_builder *builder;
	int fd = memfd_create("list", MFD_CLOEXEC);
	assert_int_equal(list_builder_new(n, &builder), 0);
	for (unsigned i = 0; i < n; i++) {
		uint8_t digest[DIGEST_SIZE];
		make_digest(digest, 0, i);
		assert_int_equal(list_builder_add(builder, digest, 1, "x", 1, i, &problems), 0);
	}
	assert_int_equal(list_build_write(builder, fd, NULL, &problems), 0);
	list_builder_free(builder);
	return fd;
}

/* Any wrong bit and any cut is found before the list is used. */
static void test_damaged_files(void **state)
{
	int fd = compiled_fd(50);
	off_t size = lseek(fd, 0, SEEK_END);
	for (off_t at = 0; at < size; at++) {
		unsigned char byte, wrong;
		struct list *list = NULL;
		char problem[LIST_PROBLEM_TEXT_SIZE] = "";
		/* the version is a label */
		if (at >= (off_t)offsetof(struct list_header, version) && at < (off_t)sizeof(struct list_header))
			continue;
		assert_int_equal(pread(fd, &byte, 1, at), 1);
		wrong = byte ^ 0x10;
		assert_int_equal(pwrite(fd, &wrong, 1, at), 1);
		lseek(fd, 0, SEEK_SET);
		int r = list_load_begin(dup(fd), &list, problem);
		while (r == 0)
			r = list_load_step(list, problem);
		assert_true(r < 0);
		assert_true(problem[0] != '\0');
		list_free(list);
		assert_int_equal(pwrite(fd, &byte, 1, at), 1);
	}
	for (off_t cut = size - 1; cut > 0; cut -= 7) {
		assert_int_equal(ftruncate(fd, cut), 0);
		lseek(fd, 0, SEEK_SET);
		expect_refused(dup(fd), "");
	}
	close(fd);
}

/* Damage that the checksum agrees with: refused for its order, or used without harm. */
static void test_wrong_records_with_a_good_checksum(void **state)
{
	static char bytes[50 * sizeof(struct list_record) + 4096], damaged[sizeof(bytes)];
	struct list_header header;
	int fd = compiled_fd(50);
	ssize_t size = pread(fd, bytes, sizeof(bytes), sizeof(header));
	unsigned loaded = 0, refused = 0;
	assert_int_equal(pread(fd, &header, sizeof(header), 0), sizeof(header));
	random_state = 42;
	for (unsigned round = 0; round < 1000; round++) {
		struct list *list = NULL;
		char problem[LIST_PROBLEM_TEXT_SIZE];
		memcpy(damaged, bytes, sizeof(bytes));
		for (uint64_t n = 1 + draw() % 3; n > 0; n--)
			damaged[draw() % (uint64_t)size] = (char)draw();
		header.checksum = list_sum(0, damaged, (size_t)size);
		assert_int_equal(pwrite(fd, &header, sizeof(header), 0), sizeof(header));
		assert_int_equal(pwrite(fd, damaged, (size_t)size, sizeof(header)), size);
		int r = list_load_begin(dup(fd), &list, problem);
		while (r == 0)
			r = list_load_step(list, problem);
		for (unsigned i = 0; r == 1 && i < 50; i++) {
			struct list_record record;
			struct list_entry entry;
			char name[LIST_NAME_SIZE];
			memcpy(&record, damaged + i * sizeof(record), sizeof(record));
			assert_int_equal(list_lookup(list, record.digest, &entry), 1);
			list_name(list, &entry, name);
			assert_non_null(memchr(name, '\0', sizeof(name)));
		}
		loaded += r == 1;
		refused += r < 0;
		list_free(list);
	}
	assert_int_equal(loaded + refused, 1000);
	assert_true(loaded > 30 && refused > 30);
	close(fd);
}

/* Text of any bytes: compiled or refused with a line. */
static void test_any_text(void **state)
{
	static const char good[] = HEX_A " deny one\n#\n" HEX_B " allow two three\n\n" HEX_C "\n";
	random_state = 7;
	for (unsigned round = 0; round < 1000; round++) {
		char text[sizeof(good)];
		char problem[LIST_PROBLEM_TEXT_SIZE] = "";
		struct list *list = NULL;
		memcpy(text, good, sizeof(good));
		for (uint64_t n = 1 + draw() % 4; n > 0; n--)
			text[draw() % (sizeof(good) - 1)] = (char)draw();
		int r = list_load_begin(text_fd(text, 1 + draw() % (sizeof(good) - 1)), &list, problem);
		while (r == 0)
			r = list_load_step(list, problem);
		assert_true(r == 1 || (r == -EINVAL && strncmp(problem, "line ", 5) == 0));
		list_free(list);
	}
}

static void test_lies_in_the_header(void **state)
{
	struct list_header good, header;
	int fd = compiled_fd(10);
	assert_int_equal(pread(fd, &good, sizeof(good), 0), sizeof(good));
	header = good;
	header.n_entries = UINT64_C(1) << 60;
	assert_int_equal(pwrite(fd, &header, sizeof(header), 0), sizeof(header));
	expect_refused(dup(fd), "expected at most 10000000 entries");
	header = good;
	header.names_size = UINT64_MAX - 100;
	assert_int_equal(pwrite(fd, &header, sizeof(header), 0), sizeof(header));
	expect_refused(dup(fd), "expected at most");
	header = good;
	memset(header.version, 'v', sizeof(header.version));
	assert_int_equal(pwrite(fd, &header, sizeof(header), 0), sizeof(header));
	expect_refused(dup(fd), "version");
	close(fd);
	int pipe_fds[2];
	assert_int_equal(pipe(pipe_fds), 0);
	close(pipe_fds[1]);
	expect_refused(pipe_fds[0], "");
}

/* The file shrinks while it is in use: told, never a wrong answer. */
static void test_file_cut_in_use(void **state)
{
	struct list_entry entry;
	uint8_t digest[DIGEST_SIZE];
	int fd = compiled_fd(1000);
	struct list *list = load(dup(fd));
	assert_int_equal(ftruncate(fd, 200), 0);
	unsigned errors = 0;
	for (unsigned i = 0; i < 1000; i++) {
		make_digest(digest, 0, i);
		errors += list_lookup(list, digest, &entry) < 0;
	}
	assert_true(errors > 990);
	list_free(list);
	close(fd);
}

static void test_long_text_wants_the_compiler(void **state)
{
	char *text = test_malloc((LIST_TEXT_ENTRIES_MAX + 1) * 65);
	for (unsigned i = 0; i <= LIST_TEXT_ENTRIES_MAX; i++) {
		uint8_t digest[DIGEST_SIZE];
		char hex[DIGEST_HEX_SIZE + 1];
		make_digest(digest, 0, i);
		digest_to_hex(digest, hex);
		memcpy(text + i * 65, hex, 64);
		text[i * 65 + 64] = '\n';
	}
	list_free(load(text_fd(text, LIST_TEXT_ENTRIES_MAX * 65)));
	expect_refused(text_fd(text, (LIST_TEXT_ENTRIES_MAX + 1) * 65), "line 100001: expected at most 100000");
	test_free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text_forms),
		cmocka_unit_test(test_problems_name_their_line),
		cmocka_unit_test(test_too_many_entries),
		cmocka_unit_test(test_exact_with_random_digests),
		cmocka_unit_test(test_exact_with_colliding_prefixes),
		cmocka_unit_test(test_small_and_extreme_lists),
		cmocka_unit_test(test_repeated_entries_are_one),
		cmocka_unit_test(test_damaged_files),
		cmocka_unit_test(test_wrong_records_with_a_good_checksum),
		cmocka_unit_test(test_any_text),
		cmocka_unit_test(test_lies_in_the_header),
		cmocka_unit_test(test_file_cut_in_use),
		cmocka_unit_test(test_long_text_wants_the_compiler),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

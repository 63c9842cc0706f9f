/* SPDX-License-Identifier: Apache-2.0 */
#include "yara/inspect.h"

#include "common/common.h"
#include "yara/folder.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define BAD "FORBIDDEN-BYTES"
#define RULES \
	"rule bad { meta: description = \"is bad\" strings: $a = \"" BAD "\" condition: $a }\n" \
	"rule sized { condition: filesize == 1234567 }\n"

static struct inspect_limits limits = {.size_max_bytes = 4u << 20, .ends_bytes = 64u << 10};
static struct inspect_result result;

static void look(struct inspect *inspect, const char *path, int fd, uint64_t time_ms)
{
	inspect_file(inspect, &(struct inspect_job){.path = path, .fd = fd, .stop_ns = now_ns() + time_ms * 1000000},
		     &result);
}

static int file_of(const char *text)
{
	int fd = memfd_create("file", MFD_CLOEXEC);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	return fd;
}

static void test_match_and_clean(void **state)
{
	struct ruleset *set = folder_rules(RULES);
	struct inspect *inspect;
	assert_int_equal(inspect_new(set, &limits, &inspect), 0);
	int bad = file_of("x" BAD "y"), good = file_of("nothing"), empty = file_of("");
	for (int i = 0; i < 3; i++) {
		look(inspect, "/x", bad, 60000);
		assert_int_equal(result.outcome, INSPECT_MATCH);
		assert_string_equal(result.rule, "bad");
		assert_string_equal(result.reason, "is bad (rules.yar)");
		assert_false(result.by_bytes);
		look(inspect, "/x", good, 60000);
		assert_int_equal(result.outcome, INSPECT_CLEAN);
		assert_true(result.by_bytes);
		assert_int_equal(result.bytes, 7);
		look(inspect, "/x", empty, 60000);
		assert_int_equal(result.outcome, INSPECT_CLEAN);
		assert_true(result.by_bytes);
	}
	/* nobody moved the offset that others share */
	assert_int_equal(lseek(bad, 0, SEEK_CUR), strlen(BAD) + 2);
	assert_int_equal(ftruncate(good, 1234567), 0);
	look(inspect, "/x", good, 60000);
	assert_string_equal(result.rule, "sized");
	assert_string_equal(result.reason, "matched (rules.yar)");
	inspect_free(inspect);
	ruleset_free(set);
	close(bad);
	close(good);
	close(empty);
}

/* A pattern is found wherever it lies, also across the slices in which a file is read. */
static void test_everywhere(void **state)
{
	struct ruleset *set = folder_rules(RULES);
	struct inspect *inspect;
	assert_int_equal(inspect_new(set, &limits, &inspect), 0);
	static const off_t places[] = {0, 4090, INSPECT_SLICE_SIZE - 7, 2 * INSPECT_SLICE_SIZE - 1, (4 << 20) - 15};
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		int fd = file_of("");
		assert_int_equal(ftruncate(fd, 4 << 20), 0);
		assert_int_equal(pwrite(fd, BAD, strlen(BAD), places[i]), strlen(BAD));
		look(inspect, "/x", fd, 60000);
		assert_int_equal(result.outcome, INSPECT_MATCH);
		close(fd);
	}
	inspect_free(inspect);
	ruleset_free(set);
}

static void test_too_large(void **state)
{
	struct ruleset *set = folder_rules(RULES);
	static const struct {
		off_t place;
		enum inspect_over_size over;
		enum inspect_outcome outcome;
	} rows[] = {
		{10, INSPECT_OVER_ENDS, INSPECT_MATCH},          {(64 << 10) - 7, INSPECT_OVER_ENDS, INSPECT_TOO_LARGE},
		{1 << 20, INSPECT_OVER_ENDS, INSPECT_TOO_LARGE}, {(5 << 20) - 100, INSPECT_OVER_ENDS, INSPECT_MATCH},
		{10, INSPECT_OVER_SKIP, INSPECT_TOO_LARGE},
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct inspect_limits own = limits;
		struct inspect *inspect;
		own.over_size = rows[i].over;
		assert_int_equal(inspect_new(set, &own, &inspect), 0);
		int fd = file_of("");
		assert_int_equal(ftruncate(fd, 5 << 20), 0);
		assert_int_equal(pwrite(fd, BAD, strlen(BAD), rows[i].place), strlen(BAD));
		look(inspect, "/x", fd, 60000);
		assert_int_equal(result.outcome, rows[i].outcome);
		assert_false(result.by_bytes);
		assert_true(result.bytes <= 128u << 10);
		close(fd);
		inspect_free(inspect);
	}
	ruleset_free(set);
}

static void test_special(void **state)
{
	struct ruleset *set = folder_rules(RULES);
	struct inspect *inspect;
	int pair[2], sockets[2];
	assert_int_equal(pipe2(pair, O_CLOEXEC), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets), 0);
	int fds[] = {pair[0],
		     sockets[0],
		     open("/dev/zero", O_RDONLY | O_CLOEXEC),
		     open("/", O_RDONLY | O_CLOEXEC),
		     open("/proc/self/maps", O_RDONLY | O_CLOEXEC),
		     open("/sys/kernel/profiling", O_RDONLY | O_CLOEXEC)};
	assert_int_equal(inspect_new(set, &limits, &inspect), 0);
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
		if (fds[i] < 0)
			continue;
		look(inspect, "/x", fds[i], 60000);
		assert_int_equal(result.outcome, INSPECT_SPECIAL);
		assert_true(result.by_bytes);
		assert_int_equal(result.bytes, 0);
		close(fds[i]);
	}
	look(inspect, "/x", -1, 60000);
	assert_int_equal(result.outcome, INSPECT_READ_ERROR);
	int write_only = open("/tmp", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
	if (write_only >= 0) {
		assert_int_equal(write(write_only, "x", 1), 1);
		look(inspect, "/x", write_only, 60000);
		assert_int_equal(result.outcome, INSPECT_READ_ERROR);
		close(write_only);
	}
	close(pair[1]);
	close(sockets[1]);
	inspect_free(inspect);
	ruleset_free(set);
}

/* After an error the next file is inspected as if nothing had been. */
static void test_no_time(void **state)
{
	struct ruleset *set = folder_rules(
		"rule bad { strings: $a = \"" BAD "\" condition: $a }\n"
		"rule loop { condition: filesize > 100000 and for all i in (0..filesize): (for all j in (0..filesize): "
		"(uint8(i) == uint8(j))) }\n");
	struct inspect *inspect;
	int bad = file_of(BAD), zeros = file_of("");
	assert_int_equal(inspect_new(set, &limits, &inspect), 0);
	assert_int_equal(ftruncate(zeros, 1 << 20), 0);
	for (int i = 0; i < 3; i++) {
		uint64_t begin = now_ns();
		look(inspect, "/x", zeros, 100);
		assert_int_equal(result.outcome, INSPECT_NO_TIME);
		assert_false(result.by_bytes);
		assert_true(now_ns() - begin < UINT64_C(5000000000));
		look(inspect, "/x", zeros, 0);
		assert_int_equal(result.outcome, INSPECT_NO_TIME);
		look(inspect, "/x", bad, 60000);
		assert_int_equal(result.outcome, INSPECT_MATCH);
	}
	inspect_free(inspect);
	ruleset_free(set);
	close(bad);
	close(zeros);
}

static void test_names(void **state)
{
	struct ruleset *set =
		folder_rules("rule n { condition: filepath == \"/a/b.c.so\" and filename == \"b.c.so\" and "
			     "extension == \".so\" }\n"
			     "rule dotted { condition: extension == \"\" and filename == \".profile\" }\n");
	struct inspect *inspect;
	int fd = file_of("x");
	assert_int_equal(inspect_new(set, &limits, &inspect), 0);
	static const struct {
		const char *path;
		enum inspect_outcome outcome;
	} rows[] = {{"/a/b.c.so", INSPECT_MATCH}, {"/a/b.so", INSPECT_CLEAN}, {"b.c.so", INSPECT_CLEAN},
		    {"", INSPECT_CLEAN},          {"/a/", INSPECT_CLEAN},     {"/x/.profile", INSPECT_MATCH},
		    {"/a/b.c.so", INSPECT_MATCH}, {"\xff\xfe", INSPECT_CLEAN}};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		look(inspect, rows[i].path, fd, 60000);
		assert_int_equal(result.outcome, rows[i].outcome);
		assert_false(result.by_bytes);
	}
	inspect_free(inspect);
	ruleset_free(set);
	close(fd);
}

/* A verdict that depends on the time is no verdict about bytes. */
static void test_clock_is_not_cached(void **state)
{
	struct ruleset *set = folder_rules("import \"time\"\nrule t { condition: time.now() < 5 }\n");
	struct inspect *inspect;
	int fd = file_of("x");
	assert_int_equal(inspect_new(set, &limits, &inspect), 0);
	look(inspect, "/x", fd, 60000);
	assert_int_equal(result.outcome, INSPECT_CLEAN);
	assert_false(result.by_bytes);
	inspect_free(inspect);
	ruleset_free(set);
	close(fd);
}

static void test_remote_by_policy(void **state)
{
	/* a FUSE file that never answers is in tests/agents; here only that others are not taken for one */
	struct ruleset *set = folder_rules(RULES);
	struct inspect_limits own = limits;
	struct inspect *inspect;
	int fd = file_of("x");
	own.remote = INSPECT_REMOTE_SKIP;
	assert_int_equal(inspect_new(set, &own, &inspect), 0);
	look(inspect, "/x", fd, 60000);
	assert_int_equal(result.outcome, INSPECT_CLEAN);
	inspect_free(inspect);
	ruleset_free(set);
	close(fd);
}

/* A string that is found more often than libyara keeps: nothing breaks, and nothing is cached that was not seen whole.
 */
static void test_too_many_matches(void **state)
{
	struct ruleset *set = folder_rules("rule many { strings: $a = \"aa\" condition: #a == 3 }\n");
	struct inspect *inspect;
	struct inspect_limits own = limits;
	int fd = file_of("");
	char *bytes = malloc(3 << 20);
	memset(bytes, 'a', 3 << 20);
	assert_int_equal(write(fd, bytes, 3 << 20), 3 << 20);
	free(bytes);
	assert_int_equal(inspect_new(set, &own, &inspect), 0);
	look(inspect, "/x", fd, 60000);
	assert_int_equal(result.outcome, INSPECT_CLEAN);
	assert_false(result.by_bytes);
	inspect_free(inspect);
	ruleset_free(set);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_match_and_clean),
		cmocka_unit_test(test_everywhere),
		cmocka_unit_test(test_too_large),
		cmocka_unit_test(test_special),
		cmocka_unit_test(test_no_time),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_clock_is_not_cached),
		cmocka_unit_test(test_remote_by_policy),
		cmocka_unit_test(test_too_many_matches),
	};
	yr_initialize();
	int r = cmocka_run_group_tests(tests, NULL, NULL);
	yr_finalize();
	return r;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * large_test: ten million entries are loaded, and ten million others in their place, within 100 MB; questions between
 * the steps are all answered, by the old list until the new one is in. The times are printed and decide nothing.
 */
#include "common/common.h"
#include "reputation/made_list.h"
#include "reputation/reload.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define ENTRIES 10000000u
#define BOTH 5000000u /* of them are on either list */
#define PEAK_KIB_MAX 97656u /* 100 MB */
#define LOOKUPS 100000u
#define FEW 10000u

static char folder[] = "list-large-XXXXXX";
static char path[64], path_new[64];

/* Digests [first, first + ENTRIES); in a process of its own, whose memory is not counted. */
static void make(const char *to, uint64_t first)
{
	int status = -1;
	pid_t pid = fork();
	if (pid == 0)
		_exit(made_list_write(to, ENTRIES, first) < 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static int setup(void **state)
{
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/list", folder);
	snprintf(path_new, sizeof(path_new), "%s/list.new", folder);
	make(path, 0);
	make(path_new, ENTRIES - BOTH);
	return 0;
}

static int teardown(void **state)
{
	unlink(path);
	unlink(path_new);
	return rmdir(folder);
}

static bool is_listed(const struct list *list, uint64_t n)
{
	uint8_t digest[DIGEST_SIZE];
	struct list_entry entry = {0};
	made_digest(n, digest);
	int r = list_lookup(list, digest, &entry);
	assert_in_range(r, 0, 1);
	assert_int_equal(entry.deny, r);
	return r == 1;
}

/* One question of each kind; i spreads them over the lists. */
static void ask(const struct list *list, uint64_t i, bool new)
{
	uint64_t n = made_mix(i) % (ENTRIES - BOTH);
	assert_int_equal(is_listed(list, n), !new);
	assert_true(is_listed(list, ENTRIES - BOTH + n));
	assert_int_equal(is_listed(list, ENTRIES + n), new);
	assert_false(is_listed(list, 3 * (uint64_t)ENTRIES + n));
}

static int compare(const void *a, const void *b)
{
	const uint32_t *left = a, *right = b;
	return (*left > *right) - (*left < *right);
}

static void say_times(const struct list *list, const char *what, uint64_t first, uint64_t range)
{
	static uint32_t times_ns[LOOKUPS];
	for (uint32_t i = 0; i < LOOKUPS; i++) {
		uint8_t digest[DIGEST_SIZE];
		struct list_entry entry;
		made_digest(first + made_mix(i) % range, digest);
		uint64_t begin = now_ns();
		list_lookup(list, digest, &entry);
		times_ns[i] = (uint32_t)(now_ns() - begin);
	}
	qsort(times_ns, LOOKUPS, sizeof(times_ns[0]), compare);
	printf("%s: %" PRIu32 " ns (half of them), %" PRIu32 " ns (99 of 100)\n", what, times_ns[LOOKUPS / 2],
	       times_ns[LOOKUPS * 99 / 100]);
}

static void test_ten_million(void **state)
{
	char problem[LIST_PROBLEM_TEXT_SIZE] = "";
	struct list *list, *next = NULL;
	struct reload reload;
	enum reload_result r;
	uint64_t steps = 0, now = 0;
	assert_int_equal(reload_first(&reload, path, &list, problem), 0);
	assert_int_equal(list_n(list), ENTRIES);
	unsigned long loaded_kib = made_status_kib("VmHWM:");
	assert_int_equal(rename(path_new, path), 0);
	reload_ask(&reload);
	while ((r = reload_step(&reload, now += RELOAD_LOOK_NS, &next, problem)) == RELOAD_BUSY) {
		for (uint64_t i = 0; i < 16; i++)
			ask(list, steps * 16 + i, false);
		steps++;
	}
	if (r != RELOAD_READY)
		fail_msg("%s", problem);
	/* in pieces: each question waits for one step at most */
	assert_true(steps > 300);
	ask(list, 0, false);
	list_free(list);
	for (uint64_t i = 0; i < 10000; i++)
		ask(next, i, true);
	unsigned long peak_kib = made_status_kib("VmHWM:");
	printf("memory: %lu KiB at most while loading, %lu KiB while reloading in %" PRIu64 " steps\n", loaded_kib,
	       peak_kib, steps);
	assert_in_range(loaded_kib, 1, PEAK_KIB_MAX - 1);
	assert_in_range(peak_kib, 1, PEAK_KIB_MAX - 1);
	say_times(next, "not listed", 3 * (uint64_t)ENTRIES, ENTRIES);
	say_times(next, "listed, read from the file", ENTRIES, BOTH);
	say_times(next, "listed, some of them again", ENTRIES, FEW);
	say_times(next, "listed, all again", ENTRIES, FEW);
	list_free(next);
	reload_deinit(&reload);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_ten_million)};
	return cmocka_run_group_tests(tests, setup, teardown);
}

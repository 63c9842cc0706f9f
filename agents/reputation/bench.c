/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reputation-bench: what a list of N entries costs: memory, time to load, time of a lookup.
 *
 *     usage: reputation-bench [ENTRIES [LOOKUPS]]          (10,000,000 and 1,000,000)
 *
 * Makes the list in a process of its own, so that its memory is not counted, in a file in the current directory, which
 * it removes. Prints one line of JSON a figure. A lookup is timed by itself; what the clock costs is in it, and is
 * printed too.
 */
#include "common/common.h"
#include "reputation/made_list.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#define BENCH_FEW 10000u /* listed files that one machine runs; each is seen several times before it is timed */

static int compare(const void *a, const void *b)
{
	const uint32_t *left = a, *right = b;
	return (*left > *right) - (*left < *right);
}

static void print_times(const char *what, uint32_t *times_ns, size_t n)
{
	qsort(times_ns, n, sizeof(*times_ns), compare);
	printf("{\"what\":\"%s\",\"lookups\":%zu,\"p50_ns\":%" PRIu32 ",\"p99_ns\":%" PRIu32 ",\"p999_ns\":%" PRIu32
	       "}\n",
	       what, n, times_ns[n / 2], times_ns[n * 99 / 100], times_ns[n * 999 / 1000]);
}

/* Lookups of digests from `first` on, spread over `range`. Returns how many were found. */
static size_t measure(const struct list *list, uint64_t first, uint64_t range, uint32_t *times_ns, size_t n)
{
	struct list_entry entry;
	size_t found = 0;
	for (size_t i = 0; i < n; i++) {
		uint8_t digest[DIGEST_SIZE];
		made_digest(first + made_mix(i + 77) % range, digest);
		uint64_t begin = now_ns();
		found += list && list_lookup(list, digest, &entry) == 1;
		times_ns[i] = (uint32_t)MIN(now_ns() - begin, (uint64_t)UINT32_MAX);
	}
	return found;
}

static struct list *load(const char *path, uint64_t *ret_longest_step_ns)
{
	char problem[LIST_PROBLEM_TEXT_SIZE];
	struct list *list;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int r = fd < 0 ? -errno : list_load_begin(fd, &list, problem);
	while (r == 0) {
		uint64_t begin = now_ns();
		r = list_load_step(list, problem);
		*ret_longest_step_ns = MAX(*ret_longest_step_ns, now_ns() - begin);
	}
	return r == 1 ? list : NULL;
}

static int bench(const char *path, uint64_t entries, size_t lookups)
{
	uint64_t begin = now_ns(), step_ns = 0;
	struct list *list = load(path, &step_ns);
	uint32_t *times_ns = malloc(lookups * sizeof(*times_ns));
	if (!list || !times_ns)
		return 1;
	printf("{\"what\":\"load\",\"entries\":%zu,\"ms\":%" PRIu64 ",\"longest_step_us\":%" PRIu64
	       ",\"index_kib\":%zu}\n",
	       list_n(list), (now_ns() - begin) / 1000000, step_ns / 1000, list_memory_bytes(list) >> 10);
	unsigned long rss_kib = made_status_kib("VmRSS:");
	struct list *second = load(path, &step_ns);
	printf("{\"what\":\"memory\",\"rss_kib\":%lu,\"rss_while_reloading_kib\":%lu}\n", rss_kib,
	       made_status_kib("VmRSS:"));
	list_free(second);
	measure(NULL, 0, entries, times_ns, lookups);
	print_times("clock alone", times_ns, lookups);
	size_t wrong = measure(list, entries, UINT64_C(1) << 50, times_ns, lookups);
	print_times("not listed", times_ns, lookups);
	wrong += lookups - measure(list, 0, entries, times_ns, lookups);
	print_times("listed, read from the file and compared", times_ns, lookups);
	uint64_t few = MIN(entries, (uint64_t)BENCH_FEW);
	wrong += lookups - measure(list, 0, few, times_ns, lookups);
	wrong += lookups - measure(list, 0, few, times_ns, lookups);
	print_times("listed, seen before", times_ns, lookups);
	printf("{\"what\":\"wrong answers\",\"count\":%zu}\n", wrong);
	list_free(list);
	free(times_ns);
	return wrong != 0;
}

int main(int argc, char **argv)
{
	uint64_t entries = LIST_ENTRIES_MAX, lookups = 1000000;
	char path[] = "reputation-bench-XXXXXX";
	int fd, status = 1;
	if ((argc > 1 && parse_size("ENTRIES", argv[1], LIST_ENTRIES_MAX, &entries) < 0) ||
	    (argc > 2 && parse_size("LOOKUPS", argv[2], 100000000, &lookups) < 0) || entries == 0 || lookups == 0)
		return 2;
	fd = mkstemp(path);
	if (fd < 0) {
		say("%s: cannot be made: %s", path, strerror(errno));
		return 1;
	}
	close(fd);
	pid_t child = fork();
	if (child == 0)
		_exit(made_list_write(path, entries, 0) < 0);
	if (child > 0 && waitpid(child, &status, 0) == child && status == 0)
		status = bench(path, entries, (size_t)lookups);
	else
		say("the list could not be made");
	unlink(path);
	return status != 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * yara-bench: what scanning costs here.
 *
 *     usage: yara-bench RULES [FOLDER ...]          (/usr/bin /usr/sbin /usr/lib /usr/share; the first 5,000 files)
 *
 * Prints one line of JSON a figure: scans in this process, scans by a worker as the agent does them, starting a worker,
 * and by how much libyara overruns a limit of 100 ms. Each file was read once before, so the disk is not in it.
 */
#include "common/common.h"
#include "yara/compile.h"
#include "yara/pool.h"

#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define FILES_MAX 5000u

static const struct inspect_limits limits = {.size_max_bytes = 32u << 20, .ends_bytes = 4u << 20};
static char *paths[FILES_MAX];
static size_t n_paths;
static uint32_t times_us[FILES_MAX];

static uint64_t cpu_ns(void)
{
	struct timespec time;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
	return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static int add(const char *path, const struct stat *status, int type, struct FTW *ftw)
{
	if (type == FTW_F && S_ISREG(status->st_mode) && status->st_size > 0)
		paths[n_paths++] = strdup(path);
	return n_paths == FILES_MAX;
}

static int compare(const void *a, const void *b)
{
	const uint32_t *left = a, *right = b;
	return (*left > *right) - (*left < *right);
}

static void print_times(const char *what, uint64_t bytes, uint64_t total_ns)
{
	qsort(times_us, n_paths, sizeof(*times_us), compare);
	printf("{\"what\":\"%s\",\"files\":%zu,\"mib\":%" PRIu64 ",\"mib_per_s\":%" PRIu64 ",\"p50_us\":%" PRIu32
	       ",\"p99_us\":%" PRIu32 ",\"max_us\":%" PRIu32 "}\n",
	       what, n_paths, bytes >> 20, total_ns ? (bytes >> 10) * 1000000 / 1024 * 1000 / total_ns : 0,
	       times_us[n_paths / 2], times_us[n_paths * 99 / 100], times_us[n_paths - 1]);
}

static void scan_here(const struct ruleset *set, bool tell)
{
	struct inspect *inspect;
	struct inspect_result result;
	uint64_t bytes = 0, total = 0;
	unsigned matches = 0;
	uint64_t cpu_begin = cpu_ns();
	if (inspect_new(set, &limits, &inspect) < 0)
		return;
	for (size_t i = 0; i < n_paths; i++) {
		int fd = open(paths[i], O_RDONLY | O_CLOEXEC);
		uint64_t begin = now_ns();
		inspect_file(inspect, &(struct inspect_job){.path = paths[i], .fd = fd, .stop_ns = UINT64_MAX / 2},
			     &result);
		uint64_t took = now_ns() - begin;
		total += took;
		bytes += result.bytes;
		matches += result.outcome == INSPECT_MATCH;
		times_us[i] = (uint32_t)(took / 1000);
		close(fd);
	}
	inspect_free(inspect);
	if (tell) {
		print_times("scan", bytes, total);
		printf("{\"what\":\"scan, processor time\",\"us_per_file\":%" PRIu64 ",\"mib_per_s\":%" PRIu64 "}\n",
		       (cpu_ns() - cpu_begin) / 1000 / n_paths,
		       (bytes >> 10) * 1000000 / 1024 * 1000 / (cpu_ns() - cpu_begin));
		printf("{\"what\":\"matches\",\"count\":%u}\n", matches);
	}
}

static void scan_by_worker(const struct ruleset *set)
{
	struct pool *pool;
	static struct worker_job job;
	struct worker_result result;
	uint64_t bytes = 0, total = 0;
	if (pool_new(1, worker_inspect, &limits, set, &pool) < 0)
		return;
	pool_tend(pool, now_ns());
	for (size_t i = 0; i < n_paths; i++) {
		int fd = open(paths[i], O_RDONLY | O_CLOEXEC);
		uint64_t begin = now_ns();
		job.number = i;
		job.stop_ns = UINT64_MAX / 2;
		snprintf(job.path, sizeof(job.path), "%s", paths[i]);
		pool_send(pool, 0, &job, fd, 0);
		struct pollfd poll_fd = {.fd = pool_fd(pool, 0), .events = POLLIN};
		while (pool_receive(pool, 0, &result) == POOL_NOTHING)
			poll(&poll_fd, 1, -1);
		uint64_t took = now_ns() - begin;
		total += took;
		bytes += result.result.bytes;
		times_us[i] = (uint32_t)(took / 1000);
		close(fd);
	}
	print_times("scan by a worker", bytes, total);
	uint64_t begin = now_ns();
	for (int i = 0; i < 100; i++) {
		pool_end(pool, 0, now_ns());
		while (pool_idle(pool) < 0)
			pool_tend(pool, now_ns());
	}
	printf("{\"what\":\"end a worker and start another\",\"us\":%" PRIu64 "}\n", (now_ns() - begin) / 100000);
	pool_free(pool);
}

static unsigned long status_kib(const char *field)
{
	char line[256];
	unsigned long kib = 0;
	FILE *file = fopen("/proc/self/status", "re");
	while (file && fgets(line, sizeof(line), file))
		if (strncmp(line, field, strlen(field)) == 0)
			kib = strtoul(line + strlen(field) + 1, NULL, 10);
	if (file)
		fclose(file);
	return kib;
}

static void report(void *data, const char *line)
{
	fprintf(stderr, "%s\n", line);
}

static struct ruleset *compile(const char *path)
{
	const struct compile_opts opts = {.report = report};
	char problem[COMPILE_PROBLEM_SIZE] = "";
	struct ruleset *set = NULL, *loaded = NULL;
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), file = memfd_create("rules", MFD_CLOEXEC);
	uint64_t begin = now_ns();
	if (fd < 0 || compile_directory(fd, &opts, &set, problem) < 0) {
		fprintf(stderr, "%s: %s\n", path, problem);
		return NULL;
	}
	uint64_t compiled = now_ns();
	if (ruleset_save(set, file) < 0)
		return NULL;
	uint64_t saved = now_ns(), saved_cpu = cpu_ns();
	if (ruleset_load(file, &loaded) < 0)
		return NULL;
	printf("{\"what\":\"compile\",\"rules\":%u,\"strings\":%u,\"ms\":%" PRIu64 ",\"save_ms\":%" PRIu64
	       ",\"load_ms\":%" PRIu64 ",\"load_cpu_us\":%" PRIu64 "}\n",
	       set->head.n_rules, set->head.n_strings, (compiled - begin) / 1000000, (saved - compiled) / 1000000,
	       (now_ns() - saved) / 1000000, (cpu_ns() - saved_cpu) / 1000);
	ruleset_free(set);
	close(fd);
	close(file);
	return loaded;
}

/* How far libyara alone would overrun its time: the reason for workers. */
static void overrun(void)
{
	YR_COMPILER *compiler;
	struct ruleset set = {0};
	struct inspect *inspect;
	struct inspect_result result;
	char *bytes = malloc(8 << 20);
	memset(bytes, 'a', 8 << 20);
	if (yr_compiler_create(&compiler) != ERROR_SUCCESS)
		return;
	yr_compiler_add_string(compiler, "rule hard { strings: $a = /aa.{0,3000}aaa.{0,3000}c/ condition: $a }", "x");
	yr_compiler_get_rules(compiler, &set.rules);
	inspect_new(&set, &limits, &inspect);
	uint64_t begin = now_ns();
	inspect_bytes(inspect, bytes, 8 << 20, "", begin + 100000000, &result);
	printf("{\"what\":\"libyara told to stop after 100 ms\",\"ms\":%" PRIu64 "}\n", (now_ns() - begin) / 1000000);
	inspect_free(inspect);
	yr_rules_destroy(set.rules);
	yr_compiler_destroy(compiler);
	free(bytes);
}

int main(int argc, char **argv)
{
	static const char *const folders[] = {"/usr/bin", "/usr/sbin", "/usr/lib", "/usr/share"};
	if (argc < 2 || argv[1][0] == '-') {
		puts("usage: yara-bench RULES [FOLDER ...]");
		return argc < 2 ? 2 : 0;
	}
	yr_initialize();
	struct ruleset *set = compile(argv[1]);
	if (!set)
		return 1;
	for (int i = 2; i < argc && n_paths < FILES_MAX; i++)
		nftw(argv[i], add, 32, FTW_PHYS);
	for (size_t i = 0; argc == 2 && i < ARRAY_SIZE(folders) && n_paths < FILES_MAX; i++)
		nftw(folders[i], add, 32, FTW_PHYS);
	if (n_paths == 0)
		return 1;
	printf("{\"what\":\"memory\",\"rss_kib\":%lu}\n", status_kib("VmRSS:"));
	scan_here(set, false);
	scan_here(set, true);
	scan_by_worker(set);
	overrun();
	for (size_t i = 0; i < n_paths; i++)
		free(paths[i]);
	ruleset_free(set);
	yr_finalize();
	return 0;
}

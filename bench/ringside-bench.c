/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ringside-bench: one round of the measured workloads in one folder; prints `ROW NANOSECONDS` lines.
 *
 *     ringside-bench FOLDER ROW…                   rows: open, read, exec, many, build
 *     ringside-bench ring READERS                  the event ring alone: nanoseconds per record
 *     ringside-bench fanout AGENTS                 broker, rings and SDK: nanoseconds per event
 *     ringside-bench flood RATE SECONDS WORKERS    events from the kernel
 *     ringside-bench flood-report                  asks the agent that reads them
 *
 * Knows nothing of what guards the folder: bench/run decides that, repeats the rounds, and compares. A figure is
 * the median of single operations where these are timed one by one (open, exec), else the mean over all.
 */
#include "base/clock.h"
#include "base/macro.h"
#include "fanout.h"
#include "flood.h"
#include "ring_bench.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define N_OPENS 20000
#define N_FILES 5000
#define N_EXECS 300
#define N_PROGRAMS 500
#define N_SOURCES 300
#define N_HEADERS 10
#define FILE_BYTES 2048
#define PROGRAM_BYTES_MAX 65536

extern char **environ;

static void __attribute__((noreturn)) fail(const char *what)
{
	fprintf(stderr, "ringside-bench: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int compare(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;
	return *x < *y ? -1 : *x > *y;
}

static void print_median(const char *row, uint64_t *values, size_t n)
{
	qsort(values, n, sizeof(*values), compare);
	printf("%s %llu\n", row, (unsigned long long)values[n / 2]);
}

/* A new inode that looks old: Ringside does not cache what was written a moment ago, nor for a minute what somebody
 * came to write while it was cached; most files of a machine are neither. */
static void file_make_mode(const char *path, const char *text, size_t size, mode_t mode)
{
	const struct timespec old[2] = {{.tv_sec = 1000000000}, {.tv_sec = 1000000000}};
	if (unlink(path) < 0 && errno != ENOENT)
		fail(path);
	int fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, mode);
	if (fd < 0 || write(fd, text, size) != (ssize_t)size || futimens(fd, old) < 0 || close(fd) < 0)
		fail(path);
}

static void file_make(const char *path, const char *text, size_t size)
{
	file_make_mode(path, text, size, 0644);
}

static void row_open(void)
{
	static uint64_t times[N_OPENS];
	file_make("same", "content", 7);
	for (size_t i = 0; i < N_OPENS; i++) {
		uint64_t start = clock_monotonic_ns();
		int fd = open("same", O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			fail("same");
		close(fd);
		times[i] = clock_monotonic_ns() - start;
	}
	print_median("open", times, N_OPENS);
	printf("open-p99 %llu\n", (unsigned long long)times[N_OPENS * 99 / 100]);
}

static uint64_t read_pass(void)
{
	char name[32], bytes[FILE_BYTES];
	uint64_t start = clock_monotonic_ns();
	for (int i = 0; i < N_FILES; i++) {
		snprintf(name, sizeof(name), "files/%d", i);
		int fd = open(name, O_RDONLY | O_CLOEXEC);
		if (fd < 0 || read(fd, bytes, sizeof(bytes)) != FILE_BYTES)
			fail(name);
		close(fd);
	}
	return (clock_monotonic_ns() - start) / N_FILES;
}

/* New files each round: whatever remembers verdicts has not seen them. */
static void row_read(void)
{
	char name[32], bytes[FILE_BYTES] = {0};
	if (mkdir("files", 0755) < 0 && errno != EEXIST)
		fail("files");
	for (int i = 0; i < N_FILES; i++) {
		snprintf(name, sizeof(name), "files/%d", i);
		file_make(name, bytes, sizeof(bytes));
	}
	printf("read-first %llu\n", (unsigned long long)read_pass());
	printf("read-second %llu\n", (unsigned long long)read_pass());
}

static void run_program(const char *path, const char *const *arguments)
{
	pid_t pid;
	int status;
	errno = posix_spawn(&pid, path, NULL, NULL, (char *const *)(uintptr_t)arguments, environ);
	if (errno != 0 || waitpid(pid, &status, 0) != pid)
		fail(path);
	if (status != 0) {
		fprintf(stderr, "ringside-bench: %s: wait status %#x\n", path, (unsigned int)status);
		exit(1);
	}
}

static uint64_t program_time(const char *path)
{
	const char *const arguments[] = {"program", NULL};
	uint64_t start = clock_monotonic_ns();
	run_program(path, arguments);
	return clock_monotonic_ns() - start;
}

/* `./program` is a static program that bench/run put there. */
static void row_exec(void)
{
	static uint64_t times[N_EXECS];
	for (size_t i = 0; i < N_EXECS; i++)
		times[i] = program_time("./program");
	print_median("exec", times, N_EXECS);
}

/* Copies of it that are not alike: each has a tail of its own. */
static void programs_make(void)
{
	static char program[PROGRAM_BYTES_MAX];
	char name[32];
	int fd = open("program", O_RDONLY | O_CLOEXEC);
	ssize_t size = fd < 0 ? -1 : read(fd, program, sizeof(program) - sizeof(name));
	if (size <= 0 || (mkdir("programs", 0755) < 0 && errno != EEXIST))
		fail("program");
	close(fd);
	for (int i = 0; i < N_PROGRAMS; i++) {
		int tail = snprintf(program + size, sizeof(name), "program %d\n", i);
		snprintf(name, sizeof(name), "programs/%d", i);
		file_make_mode(name, program, (size_t)(size + tail), 0755);
	}
}

static void programs_run(const char *row)
{
	static uint64_t times[N_PROGRAMS];
	char name[32];
	for (int i = 0; i < N_PROGRAMS; i++) {
		snprintf(name, sizeof(name), "programs/%d", i);
		times[i] = program_time(name);
	}
	print_median(row, times, N_PROGRAMS);
}

static void row_many(void)
{
	programs_make();
	programs_run("many-first");
	programs_run("many-second");
}

static void sources_make(void)
{
	char name[32], text[1024];
	for (int i = 0; i < N_HEADERS; i++) {
		int size =
			snprintf(text, sizeof(text), "struct s%d { int a, b; };\nint f%d(struct s%d *s);\n", i, i, i);
		snprintf(name, sizeof(name), "h%d.h", i);
		file_make(name, text, (size_t)size);
	}
	for (int i = 0; i < N_SOURCES; i++) {
		int size = 0;
		for (int h = 0; h < N_HEADERS; h++)
			size += snprintf(text + size, sizeof(text) - (size_t)size, "#include \"h%d.h\"\n", h);
		size += snprintf(text + size, sizeof(text) - (size_t)size,
				 "int g%d(struct s1 *s)\n{\n\treturn f1(s) + s->a * %d;\n}\n", i, i);
		snprintf(name, sizeof(name), "c%d.c", i);
		file_make(name, text, (size_t)size);
	}
}

/* `./tcc` is a compiler that bench/run put there: its program, the sources and headers all lie in the folder. */
static void row_build(void)
{
	char source[32], object[32];
	sources_make();
	uint64_t start = clock_monotonic_ns();
	for (int i = 0; i < N_SOURCES; i++) {
		snprintf(source, sizeof(source), "c%d.c", i);
		snprintf(object, sizeof(object), "c%d.o", i);
		run_program("./tcc", (const char *const[]){"tcc", "-nostdinc", "-c", source, "-o", object, NULL});
	}
	printf("build %llu\n", (unsigned long long)(clock_monotonic_ns() - start));
}

static const struct {
	const char *name;
	void (*run)(void);
} rows[] = {
	{"open", row_open}, {"read", row_read}, {"exec", row_exec}, {"many", row_many}, {"build", row_build},
};

static void row_run(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (!strcmp(name, rows[i].name)) {
			rows[i].run();
			return;
		}
	}
	errno = EINVAL;
	fail(name);
}

static int usage(void)
{
	fprintf(stderr, "usage: ringside-bench FOLDER ROW… | ring READERS | fanout AGENTS | flood RATE SECONDS WORKERS "
			"| flood-report\n");
	return 2;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	if (!strcmp(what, "ring"))
		return argc == 3 ? ring_bench(atoi(argv[2])) : usage();
	if (!strcmp(what, "fanout"))
		return argc == 3 ? fanout(atoi(argv[2])) : usage();
	if (!strcmp(what, "flood"))
		return argc == 5 ? flood(atoi(argv[2]), atoi(argv[3]), atoi(argv[4])) : usage();
	if (!strcmp(what, "flood-report"))
		return argc == 2 ? flood_report() : usage();
	if (argc < 3)
		return usage();
	if (chdir(what) < 0)
		fail(what);
	for (int i = 2; i < argc; i++)
		row_run(argv[i]);
	return 0;
}

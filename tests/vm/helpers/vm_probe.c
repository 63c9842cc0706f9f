/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vm_probe: opens files and starts programs in a loop and says how long the longest waited.
 *
 *     vm_probe SECONDS      in a folder it may fill; prints `open MS exec MS n OPENS EXECS denied OPENS EXECS`
 *     vm_probe SECONDS [open=FILE] [exec=FILE] [may-be-denied]
 *                           tries these as well, which must be denied each time; only with may-be-denied may the others
 *                           be, too: these are counted behind `denied`
 *
 * The opens are of ever new files, so nothing can have remembered a verdict. The programs are copies of this one,
 * static: an exec asks twice, once to execute and once to open. An operation that is denied or fails otherwise is
 * told with its errno and ends the probe: exit status 1.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PROGRAMS 4
#define MANY 16 /* cycles from one try of what must be denied to the next */

static const char *bad_open, *bad_exec;
static bool may_be_denied;
static unsigned int denied_opens, denied_execs;

static uint64_t now_us(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

static void __attribute__((noreturn)) fail(const char *what)
{
	printf("why: probe: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void programs_make(void)
{
	char name[32];
	struct stat st;
	int from = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	if (from < 0 || fstat(from, &st) < 0)
		fail("/proc/self/exe");
	for (int i = 0; i < PROGRAMS; i++) {
		off_t at = 0;
		snprintf(name, sizeof(name), "probe-program-%d", i);
		int to = open(name, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0755);
		while (to >= 0 && at < st.st_size && sendfile(to, from, &at, (size_t)(st.st_size - at)) > 0)
			;
		if (to < 0 || at < st.st_size || close(to) < 0)
			fail(name);
	}
	close(from);
}

/* Making the file is an open as well: both are measured. */
static uint64_t one_open(unsigned int n)
{
	char name[32];
	snprintf(name, sizeof(name), "probe-%u", n);
	uint64_t start = now_us();
	int fd = open(name, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0644);
	uint64_t made = now_us();
	if (fd < 0 && may_be_denied && errno == EPERM) {
		denied_opens++;
		unlink(name);
		return made - start;
	}
	if (fd < 0)
		fail("making a file");
	close(fd);
	uint64_t again = now_us();
	fd = open(name, O_RDONLY | O_CLOEXEC);
	uint64_t end = now_us();
	bool denied = fd < 0 && may_be_denied && errno == EPERM;
	if (fd < 0 && !denied)
		fail("open");
	denied_opens += denied;
	if (fd >= 0)
		close(fd);
	unlink(name);
	return made - start > end - again ? made - start : end - again;
}

/* From the exec to its success (the pipe closes) or failure (errno comes through it). */
static uint64_t execute(const char *name, int *ret_error)
{
	int pipe_fds[2], error = 0, status;
	if (pipe2(pipe_fds, O_CLOEXEC) < 0)
		fail("pipe");
	uint64_t start = now_us();
	pid_t pid = fork();
	if (pid == 0) {
		execl(name, name, "nothing", NULL);
		error = errno;
		_exit(write(pipe_fds[1], &error, sizeof(error)) < 0);
	}
	close(pipe_fds[1]);
	if (pid < 0 || read(pipe_fds[0], &error, sizeof(error)) < 0)
		fail("fork");
	uint64_t end = now_us();
	close(pipe_fds[0]);
	waitpid(pid, &status, 0);
	*ret_error = error;
	return end - start;
}

static uint64_t one_exec(unsigned int n)
{
	char name[32];
	int error;
	snprintf(name, sizeof(name), "./probe-program-%u", n % PROGRAMS);
	uint64_t took = execute(name, &error);
	errno = error;
	if (error && !(may_be_denied && error == EPERM))
		fail("exec");
	denied_execs += error != 0;
	return took;
}

/* What must never be allowed, whoever else is asked. */
static void the_bad(uint64_t *longest_open, uint64_t *longest_exec)
{
	int error = EPERM;
	uint64_t start = now_us();
	int fd = bad_open ? open(bad_open, O_RDONLY | O_CLOEXEC) : -1;
	uint64_t took = now_us() - start;
	if (bad_open && (fd >= 0 || errno != EPERM)) {
		errno = fd >= 0 ? 0 : errno;
		fail("a file that must not be opened");
	}
	*longest_open = took > *longest_open ? took : *longest_open;
	took = bad_exec ? execute(bad_exec, &error) : 0;
	errno = error;
	if (error != EPERM)
		fail("a program that must not be executed");
	*longest_exec = took > *longest_exec ? took : *longest_exec;
}

static bool parse(int argc, char **argv)
{
	for (int i = 2; i < argc; i++) {
		if (!strncmp(argv[i], "open=", 5))
			bad_open = argv[i] + 5;
		else if (!strncmp(argv[i], "exec=", 5))
			bad_exec = argv[i] + 5;
		else if (!strcmp(argv[i], "may-be-denied"))
			may_be_denied = true;
		else
			return false;
	}
	return argc >= 2;
}

int main(int argc, char **argv)
{
	uint64_t longest_open = 0, longest_exec = 0;
	unsigned int n = 0;
	if (argc == 2 && !strcmp(argv[1], "nothing"))
		return 0;
	if (!parse(argc, argv)) {
		fprintf(stderr, "usage: vm_probe SECONDS [open=FILE] [exec=FILE] [may-be-denied]\n");
		return 2;
	}
	programs_make();
	for (uint64_t end = now_us() + strtoull(argv[1], NULL, 10) * 1000000; now_us() < end; n++) {
		uint64_t open_us = one_open(n), exec_us = one_exec(n);
		longest_open = open_us > longest_open ? open_us : longest_open;
		longest_exec = exec_us > longest_exec ? exec_us : longest_exec;
		if (n % MANY == 0)
			the_bad(&longest_open, &longest_exec);
	}
	printf("open %llu exec %llu n %u %u denied %u %u\n", (unsigned long long)longest_open / 1000,
	       (unsigned long long)longest_exec / 1000, 2 * n, n, denied_opens, denied_execs);
	return 0;
}

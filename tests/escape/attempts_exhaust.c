/* SPDX-License-Identifier: Apache-2.0 */
/*
 * attempts_exhaust: more of the machine than was granted: the test grants 64 MB of memory, 8 MB of disk, 32 processes
 * and 64 descriptors. Where nothing stops it an attempt ends at a bound of its own, and gives all of it back.
 */
#include "escape.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define MB (1u << 20)
#define PROCESSES 150
#define DESCRIPTORS 700
#define MEMORY_MB 160
#define BYTES_MB 32
#define FILES 3000

static int processes(const struct world *world)
{
	pid_t pids[PROCESSES];
	unsigned n = 0;
	int r = 0;
	for (; n < PROCESSES && r == 0; n++) {
		pids[n] = fork();
		if (pids[n] == 0) {
			pause();
			_exit(0);
		}
		if (pids[n] < 0) {
			r = -errno;
			break;
		}
	}
	for (unsigned i = 0; i < n; i++)
		kill(pids[i], SIGKILL);
	while (wait(NULL) > 0)
		;
	return r;
}

static int descriptors(const struct world *world)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
	for (unsigned i = 0; i < DESCRIPTORS; i++)
		if (dup(STDIN_FILENO) < 0)
			return -errno;
	return 0;
}

static int raise_limit(const struct world *world)
{
	struct rlimit limit = {.rlim_cur = 512, .rlim_max = 512};
	return outcome(setrlimit(RLIMIT_NPROC, &limit));
}

static int memory(const struct world *world)
{
	for (unsigned i = 0; i < MEMORY_MB; i++) {
		char *bytes = mmap(NULL, MB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (bytes == MAP_FAILED)
			return -errno;
		memset(bytes, 1, MB);
	}
	return 0;
}

static int lock_memory(const struct world *world)
{
	char *bytes = mmap(NULL, MB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return bytes == MAP_FAILED ? -errno : outcome(mlock(bytes, MB));
}

static int fill(int fd)
{
	static char bytes[MB];
	int r = 0;
	for (unsigned i = 0; i < BYTES_MB && r == 0; i++) {
		ssize_t n = write(fd, bytes, sizeof(bytes));
		r = n < 0 ? -errno : 0;
	}
	return r;
}

static int disk(const struct world *world)
{
	const char *path = below(world->folder, "large");
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600), r = fd < 0 ? -errno : fill(fd);
	unlink(path);
	return r;
}

/* Many, each of which is small enough. */
static int disk_in_parts(const struct world *world)
{
	static char bytes[MB];
	char name[16];
	int r = 0;
	unsigned n = 0;
	for (; n < BYTES_MB && r == 0; n++) {
		snprintf(name, sizeof(name), "part%u", n);
		int fd = open(below(world->folder, name), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
		if (fd < 0 || write(fd, bytes, sizeof(bytes)) != (ssize_t)sizeof(bytes))
			r = fd < 0 ? -errno : -ENOSPC;
		close(fd);
	}
	while (n-- > 0) {
		snprintf(name, sizeof(name), "part%u", n);
		unlink(below(world->folder, name));
	}
	return r;
}

static int files(const struct world *world)
{
	char name[16];
	int r = 0;
	unsigned n = 0;
	for (; n < FILES && r == 0; n++) {
		snprintf(name, sizeof(name), "file%u", n);
		r = try_open(below(world->folder, name), O_WRONLY | O_CREAT);
	}
	while (n-- > 0) {
		snprintf(name, sizeof(name), "file%u", n);
		unlink(below(world->folder, name));
	}
	return r;
}

/* Its standard output, which the operator reads: cut back afterwards, for the lines of this program are in it. */
static int output(const struct world *world)
{
	struct stat stat;
	if (fstat(STDOUT_FILENO, &stat) < 0)
		return -errno;
	int r = fill(STDOUT_FILENO);
	return ftruncate(STDOUT_FILENO, stat.st_size) < 0 ? -errno : r;
}

static int output_behind(const struct world *world)
{
	struct stat stat;
	if (fstat(STDOUT_FILENO, &stat) < 0)
		return -errno;
	int r = outcome(fallocate(STDOUT_FILENO, FALLOC_FL_KEEP_SIZE, 0, BYTES_MB * MB));
	return ftruncate(STDOUT_FILENO, stat.st_size) < 0 ? -errno : r;
}

static int output_lock(const struct world *world)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	return outcome(fcntl(STDOUT_FILENO, F_SETLK, &lock));
}

static int memory_file(const struct world *world)
{
	int fd = memfd_create("large", MFD_CLOEXEC);
	return fd < 0 ? -errno : fill(fd);
}

static int flush_disks(const struct world *world)
{
	return outcome(syncfs(STDOUT_FILENO));
}

static const struct attempt rows[] = {
	{"exhaust-processes", "makes 150 processes", processes, "EAGAIN", NULL},
	{"exhaust-processes-limit", "raises its limit of processes", raise_limit, "EPERM", NULL},
	{"exhaust-descriptors", "opens 700 descriptors", descriptors, "EMFILE", NULL},
	{"exhaust-locked-memory", "locks memory", lock_memory, "EPERM ENOMEM", NULL},
	{"exhaust-disk", "writes a file of 32 MB", disk, "EFBIG ENOSPC", NULL},
	{"exhaust-disk-in-parts", "writes 32 files of 1 MB", disk_in_parts, "ENOSPC", NULL},
	{"exhaust-files", "makes 3,000 files", files, "ENOSPC", NULL},
	{"exhaust-output", "prints 32 MB", output, "EFBIG", NULL},
	{"exhaust-output-behind", "reserves 32 MB behind what it printed", output_behind, "EOPNOTSUPP", NULL},
	{"exhaust-output-lock", "locks the file that it prints to", output_lock, "ENOLCK", NULL},
	{"exhaust-memory-file", "writes a memfd of 32 MB", memory_file, "EFBIG ENOSPC", NULL},
	{"exhaust-flush", "has the machine's disks flushed", flush_disks, "EPERM", NULL},
	/* the last: a control group ends all of the agent for it */
	{"exhaust-memory", "uses 160 MB of memory", memory, "ENOMEM SIGKILL", NULL},
};
ATTEMPTS(attempts_exhaust, rows);

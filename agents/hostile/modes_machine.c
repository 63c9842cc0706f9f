/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an agent can do to the machine, and not to the platform, while it answers well: take memory, processes,
 * processors, descriptors, disk. Each ends by itself far beyond what a budget allows, so that a machine without one
 * survives the test; what it took it keeps until it ends.
 */
#include "common/common.h"
#include "hostile/mode.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#define MB (1u << 20)
#define PROCESSORS_MAX 64

/* Wherever an agent may hope to be allowed to write. */
#define OWN_PLACE 0
static const char *const places[] = {"/state", "/tmp", "/var/tmp", "/dev/shm", "/run", "/", "."};

static const char megabyte[MB] = {1};

static int eat_memory(struct raw *raw, const struct mode *mode, const struct rs_event *event)
{
	int n = 0;
	for (char *at; n < mode->number && (at = malloc(MB)); n++)
		memset(at, n | 1, MB);
	say("%s: %d MB, then: %s", mode->name, n, n < mode->number ? strerror(errno) : "enough");
	return MODE_ANSWER;
}

/* Writes so many MB, or until it is refused. Returns how many. */
static int fill(int fd, int most)
{
	int n = 0;
	while (n < most && write(fd, megabyte, MB) == (ssize_t)MB)
		n++;
	return n;
}

/* Memory that is nobody's heap: no limit of the address space sees it. */
static int eat_memfd(struct raw *raw, const struct mode *mode, const struct rs_event *event)
{
	int fd = memfd_create("hostile", MFD_CLOEXEC);
	int n = fd < 0 ? 0 : fill(fd, mode->number);
	say("%s: %d MB, then: %s", mode->name, n, n < mode->number ? strerror(errno) : "enough");
	return MODE_ANSWER;
}

/* number: MB in each place. Files without a name, so nothing is left behind. */
static int fill_disk(struct raw *raw, const struct mode *mode, const struct rs_event *event)
{
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		int fd = open(places[i], O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
		int n = fd < 0 ? 0 : fill(fd, mode->number);
		say("%s: %s: %d MB, then: %s", mode->name, places[i], n, n < mode->number ? strerror(errno) : "enough");
	}
	return MODE_ANSWER;
}

/* Small files until there are no more inodes to be had. They go at once; those in its own folder with that. */
static int fill_inodes(struct raw *raw, const struct mode *mode, const struct rs_event *event)
{
	char path[64];
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		int n = 0, error = 0;
		bool made = true;
		for (; made && n < mode->number; n++) {
			snprintf(path, sizeof(path), "%s/hostile-%d-%d", places[i], getpid(), n);
			int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600); /* a jail has no mknod(2) */
			made = fd >= 0;
			error = errno;
			if (made)
				close(fd);
		}
		for (int j = 0; i != OWN_PLACE && j < n; j++) {
			snprintf(path, sizeof(path), "%s/hostile-%d-%d", places[i], getpid(), j);
			unlink(path);
		}
		say("%s: %s: %d files, then: %s", mode->name, places[i], n - !made, made ? "enough" : strerror(error));
	}
	return MODE_ANSWER;
}

/* A child that ends with its parent. */
static pid_t child(void)
{
	pid_t parent = getpid(), pid = fork();
	if (pid == 0 && (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent))
		_exit(1);
	return pid;
}

/* Children, and children of theirs: so many in all, unless somebody says no before. */
static int fork_bomb(struct raw *raw, const struct mode *mode, const struct rs_event *event)
{
	int n = 0;
	pid_t pid = 1;
	for (; n < mode->number && pid > 0; n += pid > 0) {
		pid = child();
		if (pid == 0 && n % 10 == 0 && child() < 0)
			_exit(1);
		if (pid == 0)
			for (;;)
				pause();
	}
	say("%s: %d processes, then: %s", mode->name, n, pid < 0 ? strerror(errno) : "enough");
	return MODE_ANSWER;
}

static int spin_all(struct raw *raw, const struct mode *mode, const struct rs_event *event)
{
	long n = MIN(sysconf(_SC_NPROCESSORS_ONLN), PROCESSORS_MAX);
	for (long i = 0; i < n; i++)
		if (child() == 0)
			for (;;)
				atomic_signal_fence(memory_order_seq_cst);
	say("%s: %ld processors", mode->name, n);
	return MODE_ANSWER;
}

/* One more with each event, until there is none; then it goes on without. */
static int leak_fds(struct raw *raw, const struct mode *mode, const struct rs_event *event)
{
	static int n;
	static bool told;
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	n += fd >= 0;
	if (fd < 0 && !told) {
		say("%s: %d descriptors, then: %s", mode->name, n, strerror(errno));
		told = true;
	}
	return MODE_AGAIN;
}

/* number: how many lines, each as long as a line of the platform's log, and made to look like one. */
static int flood_stderr(struct raw *raw, const struct mode *mode, const struct rs_event *event)
{
	char line[256];
	memset(line, 'x', sizeof(line));
	memcpy(line, "ringside-engine: error: ", 24);
	line[sizeof(line) - 1] = '\n';
	int n = 0;
	while (n < mode->number && write(STDERR_FILENO, line, sizeof(line)) == (ssize_t)sizeof(line))
		n++;
	return MODE_ANSWER;
}

#define MEMORY "limit it; as a crash when it dies of it; nobody else's memory"

const struct mode modes_machine[] = {
	{"eat-memory", MODE_LIVE, eat_memory, "takes a gigabyte of heap", MEMORY, 1024},
	{"eat-memfd", MODE_LIVE, eat_memfd, "takes 256 MB of memory by a memfd", MEMORY ", where the kernel counts it",
	 256},
	{"fill-disk", MODE_LIVE, fill_disk, "writes 64 MB wherever it can (tmpfs is memory, too)",
	 "let it write in its own folder only, up to its budget", 64},
	{"fill-inodes", MODE_LIVE, fill_inodes, "makes 20,000 empty files wherever it can",
	 "let it make them in its own folder only, up to its budget", 20000},
	{"fork-bomb", MODE_LIVE, fork_bomb, "forks 500 times and more", "limit it; end all of them with it", 500},
	{"spin-all", MODE_LIVE, spin_all, "spins on every processor",
	 "let others run: its share is limited; end all with it", 0},
	{"leak-fds", MODE_LIVE, leak_fds, "leaks a descriptor with each event",
	 "go on: its questions come without one; nobody else's are spent", 0},
	{"flood-stderr", MODE_LIVE, flood_stderr,
	 "writes 20,000 lines to its standard error, as if they were the platform's",
	 "not wait for it; what keeps them limits them", 20000},
};
const size_t n_modes_machine = ARRAY_SIZE(modes_machine);

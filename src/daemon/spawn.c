/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/spawn.h"

#include "base/fd.h"
#include "base/log.h"
#include "base/macro.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FIRST_FD 3
#define URGENT_NICE (-15)

/* The parent asked to be spared when memory is short; that is for it and the urgent ones. */
static void share_memory_risk(void)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	if (fd >= 0 && write(fd, "0\n", 2) < 0)
		log_debug("oom_score_adj: %s", strerror(errno));
	fd_close(fd);
}

/* Before ordinary processes, but after the parent, which must be able to end it when it spins. */
static void set_priority(bool urgent)
{
	struct sched_param param = {.sched_priority = 1};
	if (!urgent)
		share_memory_risk();
	else if (sched_setscheduler(0, SCHED_RR, &param) < 0)
		setpriority(PRIO_PROCESS, 0, URGENT_NICE);
}

/* Up and out of the way first, so that no number is overwritten before it was moved. */
static void place_fds(const struct spawn *spawn, const int *opened)
{
	int moved[SPAWN_FDS_MAX + SPAWN_PATHS_MAX];
	size_t n = 0;
	for (size_t i = 0; i < spawn->n_fds; i++)
		moved[n++] = fcntl(spawn->fds[i], F_DUPFD, FIRST_FD + (int)ARRAY_SIZE(moved));
	for (size_t i = 0; i < spawn->n_open_paths; i++)
		moved[n++] = fcntl(opened[i], F_DUPFD, FIRST_FD + (int)ARRAY_SIZE(moved));
	dup2(spawn->null_fd, STDIN_FILENO);
	dup2(STDERR_FILENO, STDOUT_FILENO);
	for (size_t i = 0; i < n; i++)
		if (moved[i] < 0 || dup2(moved[i], FIRST_FD + (int)i) < 0)
			close(FIRST_FD + (int)i);
	syscall(SYS_close_range, FIRST_FD + n, ~0U, 0);
}

/* NONBLOCK: a pipe of that name must not hold us up. Only the first must be there. */
static void open_files(const struct spawn *spawn, int *opened)
{
	for (size_t i = 0; i < spawn->n_open_paths; i++) {
		opened[i] = open(spawn->open_paths[i], O_RDONLY | O_NOCTTY | O_NONBLOCK);
		if (opened[i] < 0 && i == 0) {
			log_error("%s: expected a file that can be read: %s", spawn->open_paths[i], strerror(errno));
			_exit(SPAWN_EXIT_NO_FILE);
		}
	}
}

/* What builds for finding mistakes look at; nothing else of our surroundings reaches a process. */
static char **environment(void)
{
#ifdef RINGSIDE_DEBUG
	return environ;
#else
	static char *none[] = {NULL};
	return none;
#endif
}

static _Noreturn void child(const struct spawn *spawn, pid_t parent)
{
	char path[PATH_MAX];
	const char *argv[ARRAY_SIZE(spawn->argv) + 2] = {path};
	int opened[SPAWN_PATHS_MAX];
	sigset_t none;
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (getppid() != parent)
		_exit(SPAWN_EXIT_NO_PROGRAM);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	open_files(spawn, opened);
	place_fds(spawn, opened);
	set_priority(spawn->row->urgent);
	snprintf(path, sizeof(path), "%s/%s", spawn->libexec_dir, spawn->row->program);
	for (size_t i = 0; i < ARRAY_SIZE(spawn->argv) && spawn->argv[i]; i++)
		argv[i + 1] = spawn->argv[i];
	execve(path, (char **)(uintptr_t)argv, environment());
	log_error("%s: could not be executed: %s; is Ringside installed completely?", path, strerror(errno));
	_exit(SPAWN_EXIT_NO_PROGRAM);
}

pid_t spawn(const struct spawn *spawn)
{
	pid_t parent = getpid(), pid = fork();
	if (pid == 0)
		child(spawn, parent);
	if (pid < 0) {
		int error = -errno;
		log_error("%s: fork: %s", spawn->row->name, strerror(-error));
		return error;
	}
	return pid;
}

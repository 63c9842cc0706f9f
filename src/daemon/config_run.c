/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/config_run.h"

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "daemon/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>

#define TIMEOUT_NS (10 * NS_PER_SEC)

struct config_run {
	const char *path;
	config_run_fn *done;
	void *data;
	pid_t pid;
	int pidfd;
	int memfd;
	int null_fd;
	struct loop_source *pidfd_source;
	struct loop_source *timer;
	struct settings settings;
};

/* The process is gone, so nobody writes any more: one copy, checked, used. */
static int take(struct config_run *run)
{
	if (pread(run->memfd, &run->settings, sizeof(run->settings), 0) != (ssize_t)sizeof(run->settings))
		return -EIO;
	const char *wrong = settings_check(&run->settings);
	if (!wrong)
		return 0;
	log_error("%s: what ringside-config made of it: %s", run->path, wrong);
	return -EPROTO;
}

static int on_ended(void *data, uint32_t events)
{
	struct config_run *run = data;
	int status, r;
	if (waitpid(run->pid, &status, WNOHANG) != run->pid)
		return 0;
	run->pid = 0;
	run->pidfd_source = loop_source_remove(run->pidfd_source);
	run->timer = loop_source_remove(run->timer);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
		r = take(run);
	} else if (WIFEXITED(status) && WEXITSTATUS(status) == 1) {
		r = 1;
	} else {
		log_error("%s: ringside-config could not read it (wait status 0x%x)", run->path, (unsigned)status);
		r = -EIO;
	}
	run->done(run->data, r, r == 0 ? &run->settings : NULL); /* run may be gone now */
	return 0;
}

static int on_timeout(void *data, uint64_t now_ns)
{
	struct config_run *run = data;
	log_error("%s: ringside-config did not end within %llu s and is killed", run->path,
		  (unsigned long long)(TIMEOUT_NS / NS_PER_SEC));
	kill(run->pid, SIGKILL);
	return 0;
}

static int start(struct config_run *run, struct loop *loop, const char *libexec_dir)
{
	struct spawn how = {.row = &topology_processes[PROCESS_CONFIG],
			    .libexec_dir = libexec_dir,
			    .fds = &run->memfd,
			    .n_fds = 1,
			    .open_paths = {run->path, "/etc/group"},
			    .n_open_paths = 2,
			    .argv = {"--serve", run->path},
			    .null_fd = run->null_fd};
	run->memfd = fd_memfd("settings", sizeof(struct settings));
	if (run->memfd < 0)
		return run->memfd;
	pid_t pid = spawn(&how);
	if (pid < 0)
		return pid;
	run->pid = pid;
	run->pidfd = pidfd_open(pid, 0);
	if (run->pidfd < 0)
		return -errno;
	int r = loop_add_fd(loop, run->pidfd, EPOLLIN, on_ended, run, &run->pidfd_source);
	if (r >= 0)
		r = loop_add_timer(loop, on_timeout, run, &run->timer);
	return r < 0 ? r : loop_source_arm(run->timer, clock_monotonic_ns() + TIMEOUT_NS);
}

int config_run_new(struct loop *loop, const char *libexec_dir, const char *path, config_run_fn *done, void *data,
		   struct config_run **ret)
{
	struct config_run *run = calloc(1, sizeof(*run));
	if (!run)
		return -ENOMEM;
	*run = (struct config_run){.path = path, .done = done, .data = data, .pidfd = -1, .memfd = -1, .null_fd = -1};
	/* an empty pipe's end reads like /dev/null and needs no name */
	int pipe_fds[2];
	int r = pipe2(pipe_fds, O_CLOEXEC) < 0 ? -errno : 0;
	if (r >= 0) {
		fd_close(pipe_fds[1]);
		run->null_fd = pipe_fds[0];
		r = start(run, loop, libexec_dir);
	}
	if (r < 0) {
		log_error("%s: could not be read by ringside-config: %s", path, strerror(-r));
		config_run_free(run);
		return r;
	}
	*ret = run;
	return 0;
}

struct config_run *config_run_free(struct config_run *run)
{
	if (!run)
		return NULL;
	if (run->pid > 0) {
		kill(run->pid, SIGKILL);
		waitpid(run->pid, NULL, 0);
	}
	loop_source_remove(run->pidfd_source);
	loop_source_remove(run->timer);
	fd_close(run->pidfd);
	fd_close(run->memfd);
	fd_close(run->null_fd);
	free(run);
	return NULL;
}

int config_run_seal(const struct settings *settings)
{
	_cleanup_(fd_closep) int fd = fd_memfd("settings", sizeof(*settings));
	if (fd < 0)
		return fd;
	if (pwrite(fd, settings, sizeof(*settings), 0) != (ssize_t)sizeof(*settings))
		return -EIO;
	if (fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SEAL) < 0)
		return -errno;
	return STEAL_FD(fd);
}

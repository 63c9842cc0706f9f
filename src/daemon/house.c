/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/house.h"

#include "base/fd.h"
#include "base/log.h"
#include "ipc/process.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOCK_NAME "ringsided.lock"
#define MACHINE_LOCK "/run/ringside-machine.lock"
#define OUTPUT_NAME "agents"

/* Returns the directory's descriptor. */
static int directory(const char *key, const char *path, mode_t mode)
{
	struct stat stat;
	if (mkdir(path, mode) < 0 && errno != EEXIST) {
		int error = -errno;
		log_error("%s: %s: could not be made: %s; make the directory it lies in", key, path, strerror(-error));
		return error;
	}
	_cleanup_(fd_closep) int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &stat) < 0) {
		int error = -errno;
		log_error("%s: %s: expected a directory: %s", key, path, strerror(-error));
		return error;
	}
	if (stat.st_uid != 0 || stat.st_mode & (S_IWGRP | S_IWOTH)) {
		log_error("%s: %s: expected a directory that only root may write, found user %u and mode %04o; "
			  "correct it or choose another",
			  key, path, stat.st_uid, stat.st_mode & 07777);
		return -EPERM;
	}
	if (fchmod(fd, mode) < 0) /* the mask of whoever started us may have narrowed it */
		return -errno;
	return STEAL_FD(fd);
}

static void say_who_runs(int lock_fd, const char *what, const char *advice)
{
	char pid[16] = "";
	ssize_t n = pread(lock_fd, pid, sizeof(pid) - 1, 0);
	pid[n > 0 ? strcspn(pid, "\n") : 0] = '\0';
	log_error("another ringsided %s, pid %s; stop it first, or give this one %s", what, pid[0] ? pid : "unknown",
		  advice);
}

/* Root's alone: whoever can open it could hold it. */
static int take_lock(int dir_fd, const char *name, const char *what, const char *advice)
{
	char pid[16];
	_cleanup_(fd_closep) int fd = openat(dir_fd, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0) {
		int error = -errno;
		log_error("%s: could not be opened: %s", name, strerror(-error));
		return error;
	}
	if (fchmod(fd, 0600) < 0) /* made by a version before this one */
		return -errno;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		say_who_runs(fd, what, advice);
		return -EBUSY;
	}
	int size = snprintf(pid, sizeof(pid), "%d\n", getpid());
	if (ftruncate(fd, 0) < 0 || pwrite(fd, pid, (size_t)size, 0) != size)
		log_warning("%s: could not write the pid: %s", name, strerror(errno));
	return STEAL_FD(fd);
}

/* Where the cage opens a file for what each agent prints. */
static int output_directory(int run_fd, const struct settings *settings)
{
	if (mkdirat(run_fd, OUTPUT_NAME, 0700) < 0 && errno != EEXIST)
		return -errno;
	_cleanup_(fd_closep) int fd = openat(run_fd, OUTPUT_NAME, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fchown(fd, process_uid(settings, PROCESS_CAGE), 0) < 0 || fchmod(fd, 0700) < 0) {
		int error = -errno;
		log_error("%s/" OUTPUT_NAME ": expected a directory that can be given to the cage: %s",
			  settings->run_dir, strerror(-error));
		return error;
	}
	return 0;
}

int house_open(const struct settings *settings, int *ret_lock_fd)
{
	_cleanup_(fd_closep) int run_fd = directory("run_dir", settings->run_dir, 0755);
	if (run_fd < 0)
		return run_fd;
	char what[SETTINGS_PATH_SIZE + 32];
	snprintf(what, sizeof(what), "runs with run_dir %s", settings->run_dir);
	int lock_fd = take_lock(run_fd, LOCK_NAME, what, "--run-dir");
	if (lock_fd < 0)
		return lock_fd;
	_cleanup_(fd_closep) int state_fd = directory("state_dir", settings->state_dir, 0700);
	if (state_fd < 0) {
		fd_close(lock_fd);
		return state_fd;
	}
	int r = output_directory(run_fd, settings);
	if (r < 0) {
		fd_close(lock_fd);
		return r;
	}
	*ret_lock_fd = lock_fd;
	return 0;
}

int house_claim_machine(const struct settings *settings, int *ret_fd)
{
	bool whole = false;
	*ret_fd = -1;
	for (uint32_t i = 0; settings->sensor_fanotify && i < settings->n_scopes; i++)
		whole |= strcmp(settings->scopes[i], "/") == 0;
	if (!whole)
		return 0;
	int fd = take_lock(AT_FDCWD, MACHINE_LOCK, "watches the whole machine", "another scope");
	if (fd < 0)
		return fd;
	*ret_fd = fd;
	return 0;
}

void house_leave(const struct settings *settings)
{
	char path[SETTINGS_PATH_SIZE + sizeof("/control.sock")];
	snprintf(path, sizeof(path), "%s/control.sock", settings->run_dir);
	if (unlink(path) < 0 && errno != ENOENT)
		log_warning("%s could not be removed: %s", path, strerror(errno));
}

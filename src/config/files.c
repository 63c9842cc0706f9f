/* SPDX-License-Identifier: Apache-2.0 */
#include "config/files.h"

#include "base/fd.h"
#include "base/log.h"
#include "ipc/drop.h"
#include "package/manifest.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

static bool has_suffix(const char *text, const char *suffix)
{
	size_t size = strlen(text), size_suffix = strlen(suffix);
	return size > size_suffix && strcmp(text + size - size_suffix, suffix) == 0;
}

enum files_outcome files_judge(const char *path, const struct stat *stat, uid_t asker)
{
	if (!has_suffix(path, ".yaml"))
		return FILES_NAME;
	if (S_ISLNK(stat->st_mode))
		return FILES_LINK;
	if (S_ISDIR(stat->st_mode))
		return FILES_FOLDER;
	if (!S_ISREG(stat->st_mode))
		return FILES_SPECIAL;
	if (stat->st_uid != 0 && stat->st_uid != asker)
		return FILES_OWNER;
	if (stat->st_mode & (S_IWGRP | S_IWOTH))
		return FILES_WRITABLE;
	return stat->st_size > (off_t)MANIFEST_SIZE_MAX ? FILES_SIZE : FILES_GOOD;
}

/* First only its name, so that a FIFO or a device is never opened; then what was judged, whatever has that name now. */
static int open_judged(const char *path, struct files_answer *answer)
{
	char proc[40];
	struct stat stat;
	_cleanup_(fd_closep) int named = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (named < 0 || fstat(named, &stat) < 0) {
		*answer = (struct files_answer){.outcome = FILES_ABSENT, .error = errno};
		return -1;
	}
	*answer = (struct files_answer){.outcome = files_judge(path, &stat, geteuid()),
					.size_bytes = (uint64_t)stat.st_size,
					.owner = stat.st_uid,
					.mode = stat.st_mode};
	if (answer->outcome != FILES_GOOD)
		return -1;
	snprintf(proc, sizeof(proc), "/proc/self/fd/%d", named);
	int fd = open(proc, O_RDONLY | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		*answer = (struct files_answer){.outcome = FILES_ABSENT, .error = errno};
	return fd;
}

/* Waits for a datagram. Its size, or -errno. */
static ssize_t receive(int socket, void *data, size_t size, int *fds, size_t *ret_n_fds)
{
	struct pollfd poll_fd = {.fd = socket, .events = POLLIN};
	while (poll(&poll_fd, 1, -1) < 0)
		if (errno != EINTR)
			return -errno;
	return fd_receive(socket, data, size, fds, ret_n_fds);
}

/* Until the parser is gone, or sends what is no path. */
static void serve(int socket)
{
	for (;;) {
		char path[SETTINGS_PATH_SIZE];
		int fds[FD_MESSAGE_MAX];
		size_t n_fds = 0;
		struct files_answer answer;
		ssize_t size = receive(socket, path, sizeof(path), fds, &n_fds);
		for (size_t i = 0; size >= 0 && i < n_fds; i++)
			fd_close(fds[i]);
		if (size <= 0 || path[size - 1] != '\0')
			return;
		_cleanup_(fd_closep) int fd = open_judged(path, &answer);
		if (fd_send(socket, &answer, sizeof(answer), &fd, fd >= 0) < 0)
			return;
	}
}

static _Noreturn void opener(int socket, pid_t parser)
{
	if (geteuid() == 0 && drop_privilege(&topology_processes[PROCESS_OPENER], 0, parser) < 0)
		_exit(1);
	if (drop_system_calls(PROCESS_OPENER) < 0)
		_exit(1);
	serve(socket);
	_exit(0);
}

pid_t files_start(int *ret_socket)
{
	int pair[2];
	pid_t parser = getpid();
	pid_t pid = socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0 ? -1 : fork();
	if (pid == 0) {
		fd_close(pair[0]);
		opener(pair[1], parser);
	}
	if (pid < 0) {
		int error = -errno;
		log_error("could not start the process that opens manifests: %s", strerror(-error));
		return error;
	}
	fd_close(pair[1]);
	*ret_socket = pair[0];
	return pid;
}

void files_end(pid_t pid, int socket)
{
	fd_close(socket);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

static const char *explain(const struct files_answer *answer)
{
	static char text[300];
	static const char *const sentences[FILES_N_OUTCOMES] = {
		[FILES_NAME] = "expected a file whose name ends in .yaml, found another name; rename it",
		[FILES_LINK] = "expected a regular file, found a symbolic link; write the path that it leads to",
		[FILES_FOLDER] = "expected a regular file, found a folder; name the manifest in it",
		[FILES_SPECIAL] = "expected a regular file, found a FIFO, device or socket; name a file",
	};
	if (answer->outcome == FILES_ABSENT)
		snprintf(text, sizeof(text), "expected a file that can be read, found none: %s; correct the path",
			 strerror(answer->error));
	else if (answer->outcome == FILES_OWNER)
		snprintf(text, sizeof(text), "expected a file of root, found one of user %u; chown root it",
			 answer->owner);
	else if (answer->outcome == FILES_WRITABLE)
		snprintf(text, sizeof(text),
			 "expected a file that only its owner can change, found mode %04o; chmod go-w it",
			 answer->mode & 07777);
	else if (answer->outcome == FILES_SIZE)
		snprintf(text, sizeof(text), "expected at most %u bytes, found %llu; is this the right file?",
			 MANIFEST_SIZE_MAX, (unsigned long long)answer->size_bytes);
	else
		return answer->outcome < FILES_N_OUTCOMES ? sentences[answer->outcome]
							  : "found nothing that makes sense";
	return text;
}

int files_open(int socket, const char *path, const char **ret_why)
{
	struct files_answer answer = {.outcome = FILES_ABSENT, .error = EIO};
	int fds[FD_MESSAGE_MAX];
	size_t n_fds = 0;
	int r = fd_send(socket, path, strlen(path) + 1, NULL, 0);
	ssize_t size = r < 0 ? r : receive(socket, &answer, sizeof(answer), fds, &n_fds);
	if (size == (ssize_t)sizeof(answer) && answer.outcome == FILES_GOOD && n_fds == 1)
		return fds[0];
	if (size != (ssize_t)sizeof(answer) || answer.outcome == FILES_GOOD)
		answer = (struct files_answer){.outcome = FILES_ABSENT, .error = size < 0 ? (int)-size : EIO};
	*ret_why = explain(&answer);
	return -1;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "yara/worker.h"

#include "common/common.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define OWN_SOCKET 3

int worker_send(int socket, const struct worker_job *job, int fd)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = {0};
	union {
		const struct worker_job *in;
		void *out;
	} pointer = {.in = job};
	struct iovec part = {.iov_base = pointer.out,
			     .iov_len = offsetof(struct worker_job, path) + strlen(job->path) + 1};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
	if (fd >= 0) {
		message.msg_control = control.bytes;
		message.msg_controllen = sizeof(control.bytes);
		struct cmsghdr *head = CMSG_FIRSTHDR(&message);
		head->cmsg_level = SOL_SOCKET;
		head->cmsg_type = SCM_RIGHTS;
		head->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(head), &fd, sizeof(int));
	}
	return sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? -errno : 0;
}

int worker_receive_job(int socket, struct worker_job *ret, int *ret_fd)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = {0};
	struct iovec part = {.iov_base = ret, .iov_len = sizeof(*ret)};
	struct msghdr message = {.msg_iov = &part,
				 .msg_iovlen = 1,
				 .msg_control = control.bytes,
				 .msg_controllen = sizeof(control.bytes)};
	ssize_t n;
	do
		n = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		return n < 0 ? -errno : 0;
	const struct cmsghdr *head = CMSG_FIRSTHDR(&message);
	*ret_fd = -1;
	if (head && head->cmsg_type == SCM_RIGHTS && head->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(ret_fd, CMSG_DATA(head), sizeof(int));
	ret->path[sizeof(ret->path) - 1] = '\0';
	return 1;
}

void worker_inspect(int socket, const struct ruleset *set, const struct inspect_limits *limits)
{
	static struct worker_job job;
	struct inspect *inspect;
	int fd;
	if (inspect_new(set, limits, &inspect) < 0)
		_exit(1);
	while (worker_receive_job(socket, &job, &fd) == 1) {
		struct worker_result result = {.number = job.number};
		inspect_file(inspect, &(struct inspect_job){.path = job.path, .fd = fd, .stop_ns = job.stop_ns},
			     &result.result);
		closep(&fd);
		if (send(socket, &result, sizeof(result), MSG_NOSIGNAL) < 0)
			break;
	}
	_exit(0);
}

/* When memory gets tight in the agent's budget, a worker goes first: it costs one question. */
static void go_first(void)
{
	_cleanup_(closep) int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	if (fd >= 0 && write(fd, "1000", 4) < 0)
		return;
}

static void be_worker(worker_function function, const struct ruleset *set, const struct inspect_limits *limits,
		      int socket, pid_t parent)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	if (dup2(socket, OWN_SOCKET) < 0 || close_range(OWN_SOCKET + 1, ~0U, 0) < 0)
		_exit(1);
	go_first();
	function(OWN_SOCKET, set, limits);
	_exit(0);
}

pid_t worker_start(worker_function function, const struct ruleset *set, const struct inspect_limits *limits,
		   int *ret_socket)
{
	int pair[2];
	pid_t parent = getpid();
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	pid_t pid = fork();
	if (pid == 0)
		be_worker(function, set, limits, pair[1], parent);
	int r = pid < 0 ? -errno : 0;
	close(pair[1]);
	if (r < 0) {
		close(pair[0]);
		return r;
	}
	*ret_socket = pair[0];
	return pid;
}

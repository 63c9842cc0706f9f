/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

void fd_closep(int *fd)
{
	fd_close(*fd);
}

int fd_close(int fd)
{
	if (fd >= 0) {
		int saved_errno = errno;
		close(fd);
		errno = saved_errno;
	}
	return -1;
}

union control {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(sizeof(int) * FD_MESSAGE_MAX)];
};

int fd_send(int socket, const void *data, size_t size, const int *fds, size_t n_fds)
{
	union control control = {0};
	struct iovec iov = {.iov_base = (void *)(uintptr_t)data, .iov_len = size};
	struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1};
	if (n_fds > FD_MESSAGE_MAX)
		return -EINVAL;
	if (n_fds > 0) {
		message.msg_control = control.bytes;
		message.msg_controllen = CMSG_SPACE(sizeof(int) * n_fds);
		struct cmsghdr *header = CMSG_FIRSTHDR(&message);
		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = CMSG_LEN(sizeof(int) * n_fds);
		memcpy(CMSG_DATA(header), fds, sizeof(int) * n_fds);
	}
	for (;;) {
		if (sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0)
			return 0;
		if (errno != EINTR)
			return -errno;
	}
}

ssize_t fd_receive(int socket, void *data, size_t size, int *fds, size_t *ret_n_fds)
{
	union control control = {0};
	struct iovec iov = {.iov_base = data, .iov_len = size};
	struct msghdr message = {.msg_iov = &iov,
				 .msg_iovlen = 1,
				 .msg_control = control.bytes,
				 .msg_controllen = sizeof(control.bytes)};
	ssize_t received;
	do
		received = recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	while (received < 0 && errno == EINTR);
	if (received < 0)
		return -errno;

	size_t n_fds = 0;
	for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header)) {
		if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
			continue;
		size_t n = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		memcpy(fds + n_fds, CMSG_DATA(header), n * sizeof(int));
		n_fds += n;
	}
	if (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) {
		for (size_t i = 0; i < n_fds; i++)
			fd_close(fds[i]);
		/* the kernel cuts control data for two reasons: too many for us, or no room in our table */
		return message.msg_flags & MSG_TRUNC || n_fds == FD_MESSAGE_MAX ? -EMSGSIZE : -EMFILE;
	}
	if (received == 0 && n_fds == 0)
		return -EPIPE; /* nobody sends empty datagrams here */
	*ret_n_fds = n_fds;
	return received;
}

int fd_memfd(const char *name, size_t size_bytes)
{
	_cleanup_(fd_closep) int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0 || ftruncate(fd, (off_t)size_bytes) < 0 || fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW) < 0)
		return -errno;
	return STEAL_FD(fd);
}

ssize_t fd_read_file(int dir_fd, const char *path, char *buffer, size_t size)
{
	_cleanup_(fd_closep) int fd = openat(dir_fd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return -errno;
	size_t used = 0;
	for (;;) {
		ssize_t n = read(fd, buffer + used, size - used);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		used += (size_t)n;
		if (used == size)
			return -EFBIG;
	}
	buffer[used] = '\0';
	return (ssize_t)used;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "ipc/link.h"

#include "base/fd.h"
#include "base/log.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#define MESSAGES_PER_TURN 64
#define BUFFER_SIZE_BYTES (4 << 20)
#define REPLY_TEXT_MAX 32768u

struct link {
	int fd;
	struct loop_source *source;
	struct link_handlers handlers;
	bool *freed; /* set while callbacks run, so that they may free the link */
	union {
		struct ipc_head head;
		char bytes[IPC_MESSAGE_MAX];
	} buffer;
};

static int link_close(struct link *link, int error)
{
	link->source = loop_source_remove(link->source);
	return link->handlers.closed(link->handlers.data, error);
}

/* Takes one datagram. Returns 1 to go on, 0 when nothing is left, <0 to end the loop. */
static int link_take(struct link *link)
{
	int fds[FD_MESSAGE_MAX];
	size_t n_fds = 0;
	ssize_t size = fd_receive(link->fd, link->buffer.bytes, sizeof(link->buffer.bytes), fds, &n_fds);
	if (size == -EAGAIN)
		return 0;
	if (size == -EMFILE) {
		log_warning(
			"no descriptors left: a message of another process was dropped; raise the limit of open files");
		return 1;
	}
	if (size == -EPIPE || size == -ECONNRESET)
		return link_close(link, -EPIPE);
	const char *wrong = size < 0 ? "a datagram that was cut" : ipc_check(link->buffer.bytes, (size_t)size);
	if (wrong) {
		for (size_t i = 0; i < n_fds; i++)
			fd_close(fds[i]);
		log_error("link: expected a well-formed message, found %s; the link ends", wrong);
		return link_close(link, -EPROTO);
	}
	int r = link->handlers.message(link->handlers.data, &link->buffer.head, fds, n_fds);
	return r < 0 ? r : 1;
}

static int on_readable(void *data, uint32_t events)
{
	struct link *link = data;
	bool freed = false;
	int r = 1;
	link->freed = &freed;
	for (size_t i = 0; i < MESSAGES_PER_TURN && r > 0; i++) {
		r = link_take(link);
		if (freed)
			return r < 0 ? r : 0;
		if (!link->source)
			break;
	}
	link->freed = NULL;
	return r < 0 ? r : 0;
}

int link_new(struct loop *loop, int fd, const struct link_handlers *handlers, struct link **ret)
{
	_cleanup_(fd_closep) int owned_fd = fd;
	_cleanup_(freep) struct link *link = calloc(1, sizeof(*link));
	if (!link)
		return -ENOMEM;
	link->fd = fd;
	link->handlers = *handlers;
	int r = loop_add_fd(loop, fd, EPOLLIN, on_readable, link, &link->source);
	if (r < 0)
		return r;
	STEAL_FD(owned_fd);
	*ret = STEAL(link);
	return 0;
}

struct link *link_free(struct link *link)
{
	if (!link)
		return NULL;
	if (link->freed)
		*link->freed = true;
	loop_source_remove(link->source);
	fd_close(link->fd);
	free(link);
	return NULL;
}

int link_send(struct link *link, const void *message, const int *fds, size_t n_fds)
{
	const struct ipc_head *head = message;
	int r = fd_send(link->fd, message, head->size, fds, n_fds);
	return r == -ECONNRESET ? -EPIPE : r;
}

int link_reply(struct link *link, uint64_t number, int error, const char *json, size_t size)
{
	union {
		struct ipc_reply reply;
		char bytes[sizeof(struct ipc_reply) + REPLY_TEXT_MAX];
	} message;
	do {
		size_t part = MIN(size, (size_t)REPLY_TEXT_MAX);
		message.reply = (struct ipc_reply){
			.head = {.size = (uint32_t)(sizeof(message.reply) + part), .type = IPC_REPLY, .number = number},
			.error = error,
			.more = part < size,
		};
		memcpy(message.bytes + sizeof(message.reply), json, part);
		int r = link_send(link, &message, NULL, 0);
		if (r < 0)
			return r;
		json += part;
		size -= part;
	} while (size > 0);
	return 0;
}

/* As root past the system's limit; else as far as that goes. */
static void enlarge(int fd)
{
	int size = BUFFER_SIZE_BYTES;
	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)) < 0)
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
}

int link_pair(int ret_fds[2])
{
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ret_fds) < 0)
		return -errno;
	enlarge(ret_fds[0]);
	enlarge(ret_fds[1]);
	return 0;
}

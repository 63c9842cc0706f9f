/* SPDX-License-Identifier: Apache-2.0 */
#include "hostile/raw.h"

#include "common/common.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define FDS_MAX 253 /* what the kernel takes in one message */
#define REPLY_MS 5000

int raw_init(struct raw *raw)
{
	const char *text = getenv(RAW_ENV);
	*raw = (struct raw){
		.lifeline = -1, .session = -1, .ring_fd = -1, .cursor_fd = -1, .wake_fd = -1, .event_fd = -1};
	if (!text)
		return -ENOTCONN;
	raw->lifeline = atoi(text);
	fcntl(raw->lifeline, F_SETFD, FD_CLOEXEC);
	return 0;
}

void raw_hang_up(struct raw *raw)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	if (raw->head)
		munmap(raw->head, page + 2 * raw->ring_size);
	if (raw->cursor)
		munmap(raw->cursor, page);
	closep(&raw->session);
	closep(&raw->ring_fd);
	closep(&raw->cursor_fd);
	closep(&raw->wake_fd);
	closep(&raw->event_fd);
	raw->session = raw->ring_fd = raw->cursor_fd = raw->wake_fd = raw->event_fd = -1;
	raw->head = NULL;
	raw->cursor = NULL;
	raw->tail = 0;
}

int raw_send(const struct raw *raw, const void *bytes, size_t size, const int *fds, size_t n_fds)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int) * FDS_MAX)];
	} control = {0};
	struct iovec iov = {.iov_base = (void *)(uintptr_t)bytes, .iov_len = size};
	struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1};
	if (n_fds > 0) {
		message.msg_control = control.bytes;
		message.msg_controllen = CMSG_SPACE(sizeof(int) * n_fds);
		struct cmsghdr *header = CMSG_FIRSTHDR(&message);
		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = CMSG_LEN(sizeof(int) * n_fds);
		memcpy(CMSG_DATA(header), fds, sizeof(int) * n_fds);
	}
	return sendmsg(raw->session, &message, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

/* As recvmsg(2) with all descriptors of the message. */
static ssize_t receive(int socket, void *bytes, size_t size, int *fds, size_t *ret_n_fds)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int) * FDS_MAX)];
	} control;
	struct iovec iov = {.iov_base = bytes, .iov_len = size};
	struct msghdr message = {.msg_iov = &iov,
				 .msg_iovlen = 1,
				 .msg_control = control.bytes,
				 .msg_controllen = sizeof(control.bytes)};
	ssize_t r = recvmsg(socket, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	*ret_n_fds = 0;
	if (r < 0)
		return -errno;
	for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header)) {
		if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
			continue;
		*ret_n_fds = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		memcpy(fds, CMSG_DATA(header), *ret_n_fds * sizeof(int));
	}
	return r == 0 && *ret_n_fds == 0 ? -EPIPE : r;
}

static int wait_for(int fd, int timeout_ms)
{
	struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
	int r;
	do
		r = poll(&poll_fd, 1, timeout_ms);
	while (r < 0 && errno == EINTR); /* it was asked for its tally */
	return r < 0 ? -errno : r;
}

int raw_connect(struct raw *raw, int timeout_ms)
{
	char byte;
	int fds[FDS_MAX];
	size_t n_fds;
	int r = wait_for(raw->lifeline, timeout_ms);
	if (r <= 0)
		return r < 0 ? r : -ETIMEDOUT;
	ssize_t size = receive(raw->lifeline, &byte, sizeof(byte), fds, &n_fds);
	if (size < 0)
		return (int)size;
	if (n_fds != 1)
		return -EPROTO;
	raw->session = fds[0];
	return 0;
}

/* Keeps the one descriptor of an EVENT_FD, closes all others. */
static void keep_event_fd(struct raw *raw, const struct raw_head *head, ssize_t size, const int *fds, size_t n_fds)
{
	for (size_t i = 0; i < n_fds; i++) {
		if (i == 0 && size >= (ssize_t)sizeof(*head) && head->type == RAW_EVENT_FD) {
			closep(&raw->event_fd);
			raw->event_fd = fds[0];
			raw->event_fd_id = head->request;
		} else {
			close(fds[i]);
		}
	}
}

ssize_t raw_receive(struct raw *raw, void *bytes, size_t size, int timeout_ms)
{
	int fds[FDS_MAX];
	size_t n_fds;
	int r = wait_for(raw->session, timeout_ms);
	if (r <= 0)
		return r;
	ssize_t received = receive(raw->session, bytes, size, fds, &n_fds);
	if (received == -ECONNRESET)
		return -EPIPE;
	if (received < 0)
		return received == -EAGAIN ? 0 : received;
	keep_event_fd(raw, bytes, received, fds, n_fds);
	return received;
}

struct raw_hello raw_good_hello(void)
{
	struct raw_hello hello = {.head = {.size = sizeof(hello), .type = RAW_HELLO, .request = 1},
				  .contract_lowest = RS_CONTRACT,
				  .contract_highest = RS_CONTRACT,
				  .sdk_version = "raw",
				  .version = "hostile",
				  .content_version = "none"};
	return hello;
}

static int map_ring(struct raw *raw)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *at = mmap(NULL, page + 2 * raw->ring_size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (at == MAP_FAILED)
		return -errno;
	raw->head = (struct raw_ring_head *)(void *)at;
	raw->data = at + page;
	if (mmap(at, page + raw->ring_size, PROT_READ, MAP_SHARED | MAP_FIXED, raw->ring_fd, 0) == MAP_FAILED ||
	    mmap(at + page + raw->ring_size, raw->ring_size, PROT_READ, MAP_SHARED | MAP_FIXED, raw->ring_fd,
		 (off_t)page) == MAP_FAILED)
		return -errno;
	void *cursor = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, raw->cursor_fd, 0);
	if (cursor == MAP_FAILED)
		return -errno;
	raw->cursor = cursor;
	return 0;
}

int raw_hello(struct raw *raw)
{
	static char bytes[RAW_MESSAGE_MAX];
	struct raw_hello hello = raw_good_hello();
	struct raw_welcome welcome;
	int fds[FDS_MAX];
	size_t n_fds;
	int r = raw_send(raw, &hello, sizeof(hello), NULL, 0);
	if (r >= 0)
		r = wait_for(raw->session, REPLY_MS);
	if (r <= 0)
		return r < 0 ? r : -ETIMEDOUT;
	ssize_t size = receive(raw->session, bytes, sizeof(bytes), fds, &n_fds);
	memcpy(&welcome, bytes, sizeof(welcome));
	if (size < (ssize_t)sizeof(welcome) || welcome.head.type != RAW_WELCOME || n_fds != 3) {
		for (size_t i = 0; size >= 0 && i < n_fds; i++)
			close(fds[i]);
		return size < 0 ? (int)size : -EPROTO;
	}
	raw->ring_fd = fds[0];
	raw->cursor_fd = fds[1];
	raw->wake_fd = fds[2];
	raw->ring_size = welcome.ring_size_bytes;
	snprintf(raw->name, sizeof(raw->name), "%.63s", welcome.name);
	return map_ring(raw);
}

int raw_request(struct raw *raw, void *message, size_t size)
{
	static char bytes[RAW_MESSAGE_MAX];
	struct raw_head *head = message;
	struct raw_reply reply;
	head->size = (uint32_t)size;
	head->request = ++raw->requests;
	int r = raw_send(raw, message, size, NULL, 0);
	while (r >= 0) {
		ssize_t received = raw_receive(raw, bytes, sizeof(bytes), REPLY_MS);
		if (received <= 0)
			return received < 0 ? (int)received : -ETIMEDOUT;
		memcpy(&reply, bytes, sizeof(reply));
		if (received == (ssize_t)sizeof(reply) && reply.head.type == RAW_REPLY &&
		    reply.head.request == raw->requests)
			return reply.error;
	}
	return r;
}

int raw_subscribe(struct raw *raw, const enum rs_event_type *types, size_t n, uint32_t flags)
{
	struct raw_subscribe message = {.head.type = RAW_SUBSCRIBE, .flags = flags};
	for (size_t i = 0; i < n; i++)
		message.events.words[types[i] / 64] |= UINT64_C(1) << (types[i] % 64);
	return raw_request(raw, &message, sizeof(message));
}

int raw_ready(const struct raw *raw)
{
	const struct raw_head message = {.size = sizeof(message), .type = RAW_READY};
	return raw_send(raw, &message, sizeof(message), NULL, 0);
}

/* 1: an event was copied and consumed. */
static int take(struct raw *raw)
{
	uint64_t available = atomic_load_explicit(&raw->head->head, memory_order_acquire) - raw->tail;
	if (available == 0)
		return 0;
	const char *at = raw->data + (raw->tail & (raw->ring_size - 1));
	uint32_t size;
	memcpy(&size, at, sizeof(size));
	if (size < sizeof(struct rs_event) || size > RS_EVENT_SIZE_MAX || size > available || size % 8 != 0)
		return -EPROTO;
	memcpy(raw->event, at, size);
	tally_event(&raw->tally, (const struct rs_event *)(const void *)raw->event);
	raw->tail += size;
	atomic_store_explicit(&raw->cursor->tail, raw->tail, memory_order_release);
	return 1;
}

int raw_next(struct raw *raw, int timeout_ms)
{
	static char bytes[RAW_MESSAGE_MAX];
	struct pollfd fds[] = {{.fd = raw->wake_fd, .events = POLLIN}, {.fd = raw->session, .events = POLLIN}};
	uint64_t until_ns = timeout_ms < 0 ? UINT64_MAX : now_ns() + (uint64_t)timeout_ms * 1000000;
	for (;;) {
		int r = take(raw);
		if (r != 0)
			return r;
		uint64_t now = now_ns();
		if (now >= until_ns)
			return 0;
		atomic_exchange(&raw->cursor->waiting, 1);
		if (atomic_load(&raw->head->head) == raw->tail &&
		    poll(fds, 2, (int)MIN((until_ns - now) / 1000000 + 1, UINT64_C(1000))) < 0) {
			if (errno != EINTR)
				return -errno;
			fds[0].revents = fds[1].revents = 0;
		}
		atomic_store(&raw->cursor->waiting, 0);
		if (fds[0].revents & POLLIN && read(raw->wake_fd, bytes, 64) < 0 && errno != EAGAIN)
			return -errno;
		if (fds[1].revents) {
			ssize_t size = raw_receive(raw, bytes, sizeof(bytes), 0);
			if (size < 0)
				return (int)size;
		}
	}
}

int raw_answer(struct raw *raw, uint64_t id, uint32_t verdict, uint32_t flags)
{
	struct raw_answer message = {.head = {.size = sizeof(message), .type = RAW_ANSWER, .request = id},
				     .verdict = verdict,
				     .flags = flags,
				     .rule = "hostile"};
	int r = raw_send(raw, &message, sizeof(message), NULL, 0);
	tally_answer(&raw->tally, verdict == RAW_DENY, r);
	return r;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fail_kernel: as fail_call.h, for calls that fail as the kernel lets them fail: what adds may find no memory, what
 * takes away does not; and who reads a question may find no descriptor for its file.
 *
 * Included by one file of a test program, which has the linker send epoll_ctl, fanotify_mark and read here.
 */
#pragma once

#include "base/fail_call.h"

#include <stdatomic.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/fanotify.h>
#include <unistd.h>

int __real_epoll_ctl(int epoll, int op, int fd, struct epoll_event *event);
int __wrap_epoll_ctl(int epoll, int op, int fd, struct epoll_event *event);
int __wrap_epoll_ctl(int epoll, int op, int fd, struct epoll_event *event)
{
	return op == EPOLL_CTL_ADD && fail_call_now("epoll_ctl", ENOSPC, false)
		       ? -1
		       : __real_epoll_ctl(epoll, op, fd, event);
}

int __real_fanotify_mark(int group, unsigned flags, uint64_t mask, int dir, const char *path);
int __wrap_fanotify_mark(int group, unsigned flags, uint64_t mask, int dir, const char *path);
int __wrap_fanotify_mark(int group, unsigned flags, uint64_t mask, int dir, const char *path)
{
	return (flags & FAN_MARK_ADD) && fail_call_now("fanotify_mark", ENOMEM, false)
		       ? -1
		       : __real_fanotify_mark(group, flags, mask, dir, path);
}

ssize_t __real_read(int fd, void *bytes, size_t size);
ssize_t __wrap_read(int fd, void *bytes, size_t size);

/* read(2) of one event, when the kernel cannot open its file for whoever reads: it denies the open, and the call fails.
 * Counts in *denied, before whoever opens hears of it; an event of something that has happened is none. */
static ssize_t fail_read_of_event(int group, void *bytes, size_t size, _Atomic uint32_t *denied)
{
	struct fanotify_event_metadata *event = bytes;
	ssize_t r = __real_read(group, bytes, size);
	if (r != (ssize_t)sizeof(*event))
		return r;
	struct fanotify_response response = {.fd = event->fd, .response = FAN_DENY};
	atomic_fetch_add(denied, 1);
	if (write(group, &response, sizeof(response)) != sizeof(response))
		atomic_fetch_sub(denied, 1);
	close(event->fd);
	errno = EMFILE;
	return -1;
}

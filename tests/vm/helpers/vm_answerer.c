/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vm_answerer: the smallest thing that answers fanotify's questions about the file system of a path. Stands in for
 * the platform where a case is about the kernel or about the harness, and is what bench/run compares with.
 *
 *     vm_answerer PATH allow | mark | hang | marker
 *
 * Prints `ready` when the mark is set. mark: allows, and lets the inode remember it. hang: takes
 * questions and never answers. marker: denies what
 * vm_marker.h calls bad. Opens nothing but the event's descriptors, so it never waits on itself.
 */
#include "vm_marker.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/fanotify.h>
#include <unistd.h>

/* A file may be bad to open, or bad to execute: each kind of question looks for its own marker. */
static bool must_deny(const struct fanotify_event_metadata *event)
{
	return vm_marker_ends(event->fd, event->mask & FAN_OPEN_EXEC_PERM ? VM_MARKER_EXEC : VM_MARKER_OPEN);
}

static void answer(int group, int fd, bool deny, bool mark)
{
	if (mark)
		fanotify_mark(group, FAN_MARK_ADD | FAN_MARK_IGNORED_MASK, FAN_OPEN_PERM | FAN_OPEN_EXEC_PERM, fd,
			      NULL);
	struct fanotify_response response = {.fd = fd, .response = deny ? FAN_DENY : FAN_ALLOW};
	if (write(group, &response, sizeof(response)) < 0)
		perror("vm_answerer: answer");
	close(fd);
}

static void serve(int group, const char *mode)
{
	char buffer[8192] __attribute__((aligned(8)));
	ssize_t size;
	while ((size = read(group, buffer, sizeof(buffer))) > 0) {
		struct fanotify_event_metadata *event = (void *)buffer;
		for (; FAN_EVENT_OK(event, size); event = FAN_EVENT_NEXT(event, size)) {
			if (event->fd >= 0 && strcmp(mode, "hang") != 0)
				answer(group, event->fd, !strcmp(mode, "marker") && must_deny(event),
				       !strcmp(mode, "mark"));
		}
	}
	perror("vm_answerer: read");
}

int main(int argc, char **argv)
{
	if (argc != 3) {
		fprintf(stderr, "usage: vm_answerer PATH allow|mark|hang|marker\n");
		return 2;
	}
	int group = fanotify_init(FAN_CLASS_CONTENT | FAN_CLOEXEC | FAN_UNLIMITED_QUEUE,
				  O_RDONLY | O_LARGEFILE | O_CLOEXEC);
	if (group < 0 || fanotify_mark(group, FAN_MARK_ADD | FAN_MARK_FILESYSTEM, FAN_OPEN_PERM | FAN_OPEN_EXEC_PERM,
				       AT_FDCWD, argv[1]) < 0) {
		fprintf(stderr, "why: fanotify on %s: %s\n", argv[1], strerror(errno));
		return 1;
	}
	if (write(STDOUT_FILENO, "ready\n", 6) < 0)
		return 1;
	serve(group, argv[2]);
	return 1;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* attempts_descriptors: more out of the descriptors that an agent has: a question's file, the ring, the lifeline. */
#include "escape.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

static int reopen(int fd, int flags)
{
	char path[40];
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return try_open(path, flags);
}

static int passed_reopen(const struct world *world)
{
	return reopen(world->passed_fd, O_RDWR);
}

static int passed_write(const struct world *world)
{
	return outcome(pwrite(world->passed_fd, "x", 1, 0));
}

static int passed_lock(const struct world *world)
{
	return outcome(flock(world->passed_fd, LOCK_EX | LOCK_NB));
}

static int passed_posix_lock(const struct world *world)
{
	struct flock lock = {.l_type = F_RDLCK, .l_whence = SEEK_SET};
	return outcome(fcntl(world->passed_fd, F_SETLK, &lock));
}

static int passed_lease(const struct world *world)
{
	return outcome(fcntl(world->passed_fd, F_SETLEASE, F_RDLCK));
}

static int passed_flags(const struct world *world)
{
	int before = fcntl(world->passed_fd, F_GETFL);
	int r = outcome(fcntl(world->passed_fd, F_SETFL, before | O_DIRECT));
	fcntl(world->passed_fd, F_SETFL, before);
	return r;
}

static int passed_owner(const struct world *world)
{
	return outcome(fcntl(world->passed_fd, F_SETOWN, world->victim));
}

static int passed_mode(const struct world *world)
{
	return outcome(fchmod(world->passed_fd, 0755));
}

static int passed_user(const struct world *world)
{
	return outcome(fchown(world->passed_fd, 0, 0));
}

static int passed_attribute(const struct world *world)
{
	return outcome(fsetxattr(world->passed_fd, "trusted.ringside", "x", 1, 0));
}

static int passed_ioctl(const struct world *world)
{
	int flags;
	return outcome(ioctl(world->passed_fd, FS_IOC_GETFLAGS, &flags));
}

static int passed_execute(const struct world *world)
{
	char *argv[] = {(char[]){"x"}, NULL}, *environment[] = {NULL};
	execveat(world->passed_fd, "", argv, environment, AT_EMPTY_PATH);
	return -errno;
}

static int passed_link(const struct world *world)
{
	const char *path = below(world->folder, "linked");
	int r = outcome(linkat(world->passed_fd, "", AT_FDCWD, path, AT_EMPTY_PATH));
	unlink(path);
	return r;
}

static int passed_dot_dot(const struct world *world)
{
	return outcome_fd(openat(world->passed_fd, "..", O_PATH | O_CLOEXEC));
}

/* Any file of the file system that a descriptor lies on, by its number. */
static int by_handle(const struct world *world)
{
	union {
		struct file_handle handle;
		char room[sizeof(struct file_handle) + MAX_HANDLE_SZ];
	} handle = {.handle.handle_bytes = MAX_HANDLE_SZ};
	int mount;
	if (name_to_handle_at(world->passed_fd, "", &handle.handle, &mount, AT_EMPTY_PATH) < 0 && errno != EPERM)
		return -errno;
	return outcome_fd(open_by_handle_at(world->passed_fd, &handle.handle, O_RDONLY));
}

static int ring_write(const struct world *world)
{
	return outcome(pwrite(world->ring_fd, "x", 1, 0));
}

static int ring_map(const struct world *world)
{
	void *bytes = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, world->ring_fd, 0);
	return bytes == MAP_FAILED ? -errno : 0;
}

static int ring_protect(const struct world *world)
{
	void *bytes = mmap(NULL, 4096, PROT_READ, MAP_SHARED, world->ring_fd, 0);
	return bytes == MAP_FAILED ? -errno : outcome(mprotect(bytes, 4096, PROT_READ | PROT_WRITE));
}

static int ring_shrink(const struct world *world)
{
	return outcome(ftruncate(world->ring_fd, 0));
}

static int ring_grow(const struct world *world)
{
	struct stat stat;
	return fstat(world->ring_fd, &stat) < 0 ? -errno : outcome(ftruncate(world->ring_fd, stat.st_size + 4096));
}

static int ring_reopen(const struct world *world)
{
	return reopen(world->ring_fd, O_RDWR);
}

static int ring_hole(const struct world *world)
{
	return outcome(fallocate(world->ring_fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096));
}

/* The other end belongs to the cage. */
static int lifeline_send(const struct world *world)
{
	return outcome(send(world->lifeline_fd, "x", 1, MSG_NOSIGNAL | MSG_DONTWAIT));
}

static int lifeline_descriptor(const struct world *world)
{
	char byte = 'x', control[CMSG_SPACE(sizeof(int))] = {0};
	struct iovec bytes = {&byte, 1};
	struct msghdr message = {
		.msg_iov = &bytes, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
	struct cmsghdr *head = CMSG_FIRSTHDR(&message);
	head->cmsg_level = SOL_SOCKET;
	head->cmsg_type = SCM_RIGHTS;
	head->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(head), &world->passed_fd, sizeof(int));
	return outcome(sendmsg(world->lifeline_fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT));
}

#define READ_ONLY "the descriptor is for reading"

static const struct attempt rows[] = {
	{"passed-reopen", "opens a question's file for writing by /proc/self/fd", passed_reopen, "ENOENT EACCES", NULL},
	{"passed-write", "writes to a question's file", passed_write, "EBADF", READ_ONLY},
	{"passed-lock", "locks a question's file (flock)", passed_lock, "ENOLCK", NULL},
	{"passed-posix-lock", "locks a question's file (fcntl)", passed_posix_lock, "ENOLCK", NULL},
	{"passed-lease", "takes a lease on a question's file", passed_lease, "ENOLCK", NULL},
	{"passed-flags", "makes other agents' reads of a question's file direct", passed_flags, "ENOSYS", NULL},
	{"passed-owner", "has signals of a descriptor sent to a process of root's", passed_owner, "ENOSYS", NULL},
	{"passed-mode", "changes the mode of a question's file", passed_mode, "EPERM", NULL},
	{"passed-user", "changes the owner of a question's file", passed_user, "EPERM", NULL},
	{"passed-attribute", "sets an extended attribute", passed_attribute, "EPERM", NULL},
	{"passed-ioctl", "asks the file system of a question's file", passed_ioctl, "ENOSYS", NULL},
	{"passed-execute", "executes a question's file", passed_execute, "EACCES", NULL},
	{"passed-link", "links a question's file into its own folder", passed_link, "ENOENT EXDEV EACCES", NULL},
	{"passed-dot-dot", "goes up from a question's file", passed_dot_dot, "ENOTDIR", "it is no folder"},
	{"passed-handle", "opens by number on the file system of a question's file", by_handle, "EPERM", NULL},
	{"ring-write", "writes into the event ring", ring_write, "EPERM", NULL},
	{"ring-map", "maps the event ring for writing", ring_map, "EPERM EACCES", NULL},
	{"ring-protect", "makes its mapping of the event ring writable", ring_protect, "EACCES EPERM", NULL},
	{"ring-shrink", "cuts the event ring", ring_shrink, "EPERM EINVAL", NULL},
	{"ring-grow", "makes the event ring larger", ring_grow, "EPERM EINVAL", NULL},
	{"ring-reopen", "opens the event ring for writing by /proc/self/fd", ring_reopen, "ENOENT EACCES", NULL},
	{"ring-hole", "punches a hole into the event ring", ring_hole, "EOPNOTSUPP", NULL},
	{"lifeline-send", "sends bytes to the cage", lifeline_send, "EPIPE", NULL},
	{"lifeline-descriptor", "sends a descriptor to the cage", lifeline_descriptor, "EPIPE", NULL},
};
ATTEMPTS(attempts_descriptors, rows);

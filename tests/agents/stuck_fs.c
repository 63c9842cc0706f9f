/* SPDX-License-Identifier: Apache-2.0 */
#include "stuck_fs.h"

#include "base/fd.h"
#include "base/macro.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define FILE_NODE 2u

static void reply(int fd, uint64_t unique, int error, const void *body, size_t size)
{
	char bytes[1024];
	struct fuse_out_header head = {.len = (uint32_t)(sizeof(head) + size), .error = error, .unique = unique};
	memcpy(bytes, &head, sizeof(head));
	if (size > 0)
		memcpy(bytes + sizeof(head), body, size);
	if (write(fd, bytes, head.len) < 0)
		return;
}

static struct fuse_attr attributes(uint64_t node)
{
	bool file = node == FILE_NODE;
	return (struct fuse_attr){
		.ino = node, .size = file ? 4096 : 0, .mode = file ? S_IFREG | 0755 : S_IFDIR | 0755, .nlink = 1};
}

static void serve(int fd, const struct fuse_in_header *request)
{
	struct fuse_init_out init = {
		.major = FUSE_KERNEL_VERSION, .minor = FUSE_KERNEL_MINOR_VERSION, .max_write = 4096};
	struct fuse_entry_out entry = {
		.nodeid = FILE_NODE, .attr_valid = 60, .entry_valid = 60, .attr = attributes(FILE_NODE)};
	struct fuse_attr_out attr = {.attr_valid = 60, .attr = attributes(request->nodeid)};
	struct fuse_open_out opened = {.fh = 1, .open_flags = FOPEN_DIRECT_IO};
	struct fuse_statfs_out statfs = {.st = {.bsize = 4096, .namelen = 255}};
	switch (request->opcode) {
	case FUSE_INIT:
		reply(fd, request->unique, 0, &init, sizeof(init));
		break;
	case FUSE_LOOKUP:
		reply(fd, request->unique, 0, &entry, sizeof(entry));
		break;
	case FUSE_GETATTR:
		reply(fd, request->unique, 0, &attr, sizeof(attr));
		break;
	case FUSE_OPEN:
		reply(fd, request->unique, 0, &opened, sizeof(opened));
		break;
	case FUSE_STATFS:
		reply(fd, request->unique, 0, &statfs, sizeof(statfs));
		break;
	case FUSE_FLUSH:
	case FUSE_RELEASE:
		reply(fd, request->unique, 0, NULL, 0);
		break;
	case FUSE_READ:
	case FUSE_INTERRUPT:
	case FUSE_FORGET:
		break; /* never */
	default:
		reply(fd, request->unique, -ENOSYS, NULL, 0);
	}
}

static void be_server(int fd)
{
	static char bytes[1 << 17];
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		ssize_t n = read(fd, bytes, sizeof(bytes));
		if (n < 0 && errno != EINTR && errno != ENOENT)
			_exit(0);
		if (n >= (ssize_t)sizeof(struct fuse_in_header))
			serve(fd, (const struct fuse_in_header *)bytes);
	}
}

static int mount_it(const char *directory, int fd)
{
	char options[128];
	snprintf(options, sizeof(options), "fd=%d,rootmode=40755,user_id=0,group_id=0,allow_other", fd);
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("stuck", directory, "fuse", MS_NOSUID | MS_NODEV, options) < 0)
		return -errno;
	return 0;
}

int stuck_fs_begin(struct stuck_fs *fs)
{
	_cleanup_(fd_closep) int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	strcpy(fs->directory, "/tmp/ringside-stuck-XXXXXX");
	if (fd < 0)
		return -errno;
	if (!mkdtemp(fs->directory))
		return -errno;
	int r = mount_it(fs->directory, fd);
	if (r < 0) {
		rmdir(fs->directory);
		return r;
	}
	fs->server = fork();
	if (fs->server == 0)
		be_server(fd);
	return fs->server < 0 ? -errno : 0;
}

int stuck_fs_open(const struct stuck_fs *fs)
{
	char path[96];
	snprintf(path, sizeof(path), "%s/file", fs->directory);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

void stuck_fs_end(struct stuck_fs *fs)
{
	/* the last descriptor of the device goes with it: the kernel lets everybody go who waits */
	kill(fs->server, SIGKILL);
	waitpid(fs->server, NULL, 0);
	umount2(fs->directory, MNT_DETACH);
	rmdir(fs->directory);
}

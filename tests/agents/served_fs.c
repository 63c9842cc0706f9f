/* SPDX-License-Identifier: Apache-2.0 */
#include "served_fs.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define FILE_NODE 2u
#define NAME "file"
#define VALID_S 3600u

static void reply(int fd, uint64_t unique, int error, const void *body, size_t size)
{
	union {
		const void *in;
		void *out;
	} pointer = {.in = body};
	struct fuse_out_header head = {.len = (uint32_t)(sizeof(head) + size), .error = error, .unique = unique};
	struct iovec parts[] = {{.iov_base = &head, .iov_len = sizeof(head)},
				{.iov_base = pointer.out, .iov_len = size}};
	if (writev(fd, parts, size > 0 ? 2 : 1) < 0)
		return; /* whoever asked has gone */
}

static struct fuse_attr attributes(const struct served_file *file, uint64_t node)
{
	bool is_file = node == FILE_NODE;
	return (struct fuse_attr){.ino = node,
				  .size = is_file ? file->size : 0,
				  .mode = is_file ? S_IFREG | 0755 : S_IFDIR | 0755,
				  .nlink = 1};
}

static void reply_lookup(int fd, uint64_t unique, const struct served_file *file, const char *name)
{
	struct fuse_entry_out entry = {.nodeid = FILE_NODE,
				       .attr_valid = VALID_S,
				       .entry_valid = VALID_S,
				       .attr = attributes(file, FILE_NODE)};
	bool found = strcmp(name, NAME) == 0;
	reply(fd, unique, found ? 0 : -ENOENT, &entry, found ? sizeof(entry) : 0);
}

static void reply_read(int fd, uint64_t unique, const struct served_file *file, const struct fuse_read_in *in)
{
	size_t at = in->offset < file->size ? (size_t)in->offset : file->size;
	size_t left = file->size - at;
	reply(fd, unique, 0, (const char *)file->bytes + at, in->size < left ? in->size : left);
}

static void answer(int fd, const struct fuse_in_header *request, const struct served_file *file)
{
	struct fuse_init_out init = {
		.major = FUSE_KERNEL_VERSION, .minor = FUSE_KERNEL_MINOR_VERSION, .max_write = 4096};
	struct fuse_attr_out attr = {.attr_valid = VALID_S, .attr = attributes(file, request->nodeid)};
	struct fuse_open_out opened = {.fh = 1, .open_flags = file->direct ? FOPEN_DIRECT_IO : 0};
	struct fuse_statfs_out statfs = {.st = {.bsize = 4096, .namelen = 255}};
	switch (request->opcode) {
	case FUSE_INIT:
		reply(fd, request->unique, 0, &init, sizeof(init));
		break;
	case FUSE_LOOKUP:
		reply_lookup(fd, request->unique, file, (const char *)(request + 1));
		break;
	case FUSE_GETATTR:
		reply(fd, request->unique, 0, &attr, sizeof(attr));
		break;
	case FUSE_OPEN:
		reply(fd, request->unique, 0, &opened, sizeof(opened));
		break;
	case FUSE_READ:
		reply_read(fd, request->unique, file, (const struct fuse_read_in *)(const void *)(request + 1));
		break;
	case FUSE_STATFS:
		reply(fd, request->unique, 0, &statfs, sizeof(statfs));
		break;
	case FUSE_FLUSH:
	case FUSE_RELEASE:
		reply(fd, request->unique, 0, NULL, 0);
		break;
	case FUSE_INTERRUPT:
	case FUSE_FORGET:
	case FUSE_BATCH_FORGET:
		break; /* wait for none */
	default:
		reply(fd, request->unique, -ENOSYS, NULL, 0);
	}
}

void served_fs_serve(int fd, const struct served_file *file)
{
	static _Alignas(8) char bytes[1 << 17];
	for (;;) {
		const struct fuse_in_header *request = (const struct fuse_in_header *)(const void *)bytes;
		ssize_t n = read(fd, bytes, sizeof(bytes) - 1);
		if (n < 0 && errno != EINTR && errno != ENOENT)
			return;
		if (n < (ssize_t)sizeof(*request))
			continue;
		bytes[n] = '\0';
		if (request->opcode >= 64 || !(file->silent >> request->opcode & 1))
			answer(fd, request, file);
	}
}

int served_fs_mount(const char *directory)
{
	char options[128];
	int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	snprintf(options, sizeof(options), "fd=%d,rootmode=40755,user_id=0,group_id=0,allow_other", fd);
	if (mount("served", directory, "fuse", MS_NOSUID | MS_NODEV, options) < 0) {
		int r = -errno;
		close(fd);
		return r;
	}
	return fd;
}

int served_fs_begin(struct served_fs *fs, const struct served_file *file)
{
	strcpy(fs->directory, "/tmp/ringside-served-XXXXXX");
	if (!mkdtemp(fs->directory))
		return -errno;
	int fd;
	if (unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0)
		fd = served_fs_mount(fs->directory);
	else
		fd = -errno;
	if (fd < 0) {
		rmdir(fs->directory);
		return fd;
	}
	fs->server = fork();
	if (fs->server == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		served_fs_serve(fd, file);
		_exit(0);
	}
	int r = fs->server < 0 ? -errno : 0;
	close(fd);
	return r;
}

int served_fs_open(const struct served_fs *fs)
{
	char path[96];
	snprintf(path, sizeof(path), "%s/" NAME, fs->directory);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

void served_fs_end(struct served_fs *fs)
{
	/* the last descriptor of the device goes with it: the kernel lets everybody go who waits */
	kill(fs->server, SIGKILL);
	waitpid(fs->server, NULL, 0);
	umount2(fs->directory, MNT_DETACH);
	rmdir(fs->directory);
}

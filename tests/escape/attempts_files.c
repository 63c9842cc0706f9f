/* SPDX-License-Identifier: Apache-2.0 */
/* attempts_files: another root, other mounts, other rights on what it has been granted. */
#include "escape.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/quota.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

static int root_write(const struct world *world)
{
	int r = try_open("/escape-test", O_WRONLY | O_CREAT | O_EXCL);
	if (r == 0)
		unlink("/escape-test");
	return r;
}

static int program_mode(const struct world *world)
{
	return outcome(chmod(world->self, 0755));
}

static int granted_write(const struct world *world)
{
	return try_open(below(world->granted, "file"), O_WRONLY);
}

static int granted_make(const struct world *world)
{
	const char *path = below(world->granted, "new");
	int r = outcome(mkdir(path, 0700));
	rmdir(path);
	return r;
}

/* The program there belongs to root and has the setuid bit. */
static int granted_execute(const struct world *world)
{
	char *argv[] = {(char[]){"x"}, NULL}, *environment[] = {NULL};
	execve(below(world->granted, "program"), argv, environment);
	return -errno;
}

static int granted_map(const struct world *world)
{
	int fd = open(below(world->granted, "program"), O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	void *bytes = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
	return bytes == MAP_FAILED ? -errno : 0;
}

static int granted_device(const struct world *world)
{
	return try_open(below(world->granted, "device"), O_RDONLY);
}

static int make_device(const struct world *world)
{
	const char *path = below(world->folder, "memory");
	int r = outcome(mknod(path, S_IFCHR | 0600, makedev(1, 5)));
	unlink(path);
	return r;
}

/* In mounts of its own, if it gets them, so that outside nothing changes. */
static void go_apart(void)
{
	if (unshare(CLONE_NEWNS) == 0)
		mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
}

static int mount_memory(const struct world *world)
{
	go_apart();
	return outcome(mount("tmpfs", world->folder, "tmpfs", 0, NULL));
}

static int mount_writable(const struct world *world)
{
	go_apart();
	return outcome(mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND, NULL));
}

static int mount_by_descriptor(const struct world *world)
{
	return outcome_fd(fsopen("tmpfs", 0));
}

static int mount_copy(const struct world *world)
{
	return outcome_fd(open_tree(AT_FDCWD, "/", OPEN_TREE_CLONE));
}

static int mount_attributes(const struct world *world)
{
	struct mount_attr attributes = {.attr_clr = MOUNT_ATTR_RDONLY};
	go_apart();
	return outcome(mount_setattr(AT_FDCWD, "/", 0, &attributes, sizeof(attributes)));
}

static int unmount(const struct world *world)
{
	go_apart();
	if (mount("tmpfs", world->folder, "tmpfs", 0, NULL) < 0 && errno != EPERM)
		return -errno;
	return outcome(umount2(world->folder, MNT_DETACH));
}

static int change_root(const struct world *world)
{
	return outcome(chroot(world->folder));
}

static int change_root_and_up(const struct world *world)
{
	int fd = open("/", O_PATH | O_CLOEXEC);
	if (chroot(world->folder) < 0)
		return -errno;
	return fchdir(fd) < 0 ? -errno : try_open("etc/passwd", O_RDONLY);
}

static int pivot(const struct world *world)
{
	go_apart();
	if (mount("tmpfs", world->folder, "tmpfs", 0, NULL) < 0 || chdir(world->folder) < 0)
		return -errno;
	return outcome(syscall(SYS_pivot_root, ".", "."));
}

static int quota(const struct world *world)
{
	struct dqblk block;
	int r = quotactl(QCMD(Q_GETQUOTA, USRQUOTA), "/dev/null", 0, (char *)&block);
	return r < 0 && errno != ENOTBLK ? -errno : 0; /* not a disk, but it was looked for */
}

static int shared_memory(const struct world *world)
{
	return try_open(below("/dev/shm", world->shm), O_RDWR);
}

static int shared_segment(const struct world *world)
{
	return outcome(shmget(world->shm_key, 1, 0));
}

static int message_queue(const struct world *world)
{
	long fd = syscall(SYS_mq_open, "ringside-escape", O_RDWR | O_CREAT, 0600, NULL);
	syscall(SYS_mq_unlink, "ringside-escape");
	return outcome_fd(fd);
}

static const struct attempt rows[] = {
	{"files-root", "makes a file in /", root_write, "EACCES EROFS", NULL},
	{"files-program", "changes the mode of its own program", program_mode, "EROFS EPERM", NULL},
	{"files-granted-write", "opens a granted file for writing", granted_write, "EACCES EROFS", NULL},
	{"files-granted-make", "makes a folder in a granted one", granted_make, "EACCES EROFS", NULL},
	{"files-granted-execute", "executes a setuid program in a granted folder", granted_execute, "EACCES", NULL},
	{"files-granted-map", "maps a granted file as code", granted_map, "EPERM EACCES", NULL},
	{"files-granted-device", "opens a device in a granted folder", granted_device, "EACCES", NULL},
	{"files-device", "makes a device", make_device, "EPERM", NULL},
	{"files-mount", "mounts a file system", mount_memory, "EPERM", NULL},
	{"files-mount-writable", "makes its root writable", mount_writable, "EPERM", NULL},
	{"files-mount-open", "makes a file system to mount (fsopen)", mount_by_descriptor, "EPERM", NULL},
	{"files-mount-copy", "copies mounts (open_tree)", mount_copy, "EPERM", NULL},
	{"files-mount-attributes", "changes mounts (mount_setattr)", mount_attributes, "EPERM", NULL},
	{"files-unmount", "takes a mount away", unmount, "EPERM", NULL},
	{"files-chroot", "changes its root", change_root, "EPERM", NULL},
	{"files-chroot-up", "leaves its root by a second one (chroot, fchdir)", change_root_and_up, "EPERM", NULL},
	{"files-pivot", "changes its root (pivot_root)", pivot, "EPERM", NULL},
	{"files-quota", "asks about quotas", quota, "EPERM", NULL},
	{"files-shared-memory", "opens somebody's POSIX shared memory", shared_memory, "ENOENT EACCES", NULL},
	{"files-shared-segment", "finds somebody's SysV shared memory", shared_segment, "EPERM", NULL},
	{"files-message-queue", "makes a message queue", message_queue, "EPERM", NULL},
};
ATTEMPTS(attempts_files, rows);

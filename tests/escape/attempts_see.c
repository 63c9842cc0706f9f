/* SPDX-License-Identifier: Apache-2.0 */
/* attempts_see: the machine's files, names and processes. */
#include "escape.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/klog.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

static int list(const char *path)
{
	DIR *directory = opendir(path);
	if (!directory)
		return -errno;
	closedir(directory);
	return 0;
}

static int of_process(pid_t pid, const char *name, int flags)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	return try_open(path, flags);
}

static int proc_list(const struct world *world)
{
	return list("/proc");
}

static int proc_status(const struct world *world)
{
	return of_process(world->victim, "status", O_RDONLY);
}

static int proc_memory(const struct world *world)
{
	return of_process(world->victim, "mem", O_RDWR);
}

static int proc_agent(const struct world *world)
{
	return of_process(world->other, "environ", O_RDONLY);
}

static int proc_root(const struct world *world)
{
	return of_process(world->victim, "root/etc/passwd", O_RDONLY);
}

static int proc_kernel(const struct world *world)
{
	return try_open("/proc/kallsyms", O_RDONLY);
}

static int sys_list(const struct world *world)
{
	return list("/sys");
}

static int root_list(const struct world *world)
{
	return list("/");
}

static int passwd(const struct world *world)
{
	return try_open("/etc/passwd", O_RDONLY);
}

static int shadow(const struct world *world)
{
	return try_open("/etc/shadow", O_RDONLY);
}

static int secret(const struct world *world)
{
	return try_open(world->secret, O_RDONLY);
}

static int secret_write(const struct world *world)
{
	return try_open(world->secret, O_WRONLY);
}

static int other_log(const struct world *world)
{
	return try_open(world->other_log, O_RDONLY);
}

static int dot_dot(const struct world *world)
{
	int fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : outcome_fd(openat(fd, "../../../etc/passwd", O_RDONLY | O_CLOEXEC));
}

static int through_link(const struct world *world)
{
	const char *path = below(world->folder, "link");
	if (symlink("/etc/passwd", path) < 0)
		return -errno;
	int r = try_open(path, O_RDONLY);
	unlink(path);
	return r;
}

/* Its jail is called so; the machine is not. */
static int host_name(const struct world *world)
{
	struct utsname name;
	if (uname(&name) < 0)
		return -errno;
	return strcmp(name.nodename, "agent") == 0 ? -ENODATA : 0;
}

static int kernel_log(const struct world *world)
{
	return outcome(klogctl(10, NULL, 0));
}

static int watch_files(const struct world *world)
{
	int fd = inotify_init1(IN_CLOEXEC);
	return fd < 0 ? -errno : outcome(inotify_add_watch(fd, "/etc", IN_ALL_EVENTS));
}

static const struct attempt rows[] = {
	{"see-proc", "lists /proc", proc_list, "ENOENT EACCES", NULL},
	{"see-proc-status", "reads about a process of root's in /proc", proc_status, "ENOENT EACCES", NULL},
	{"see-proc-memory", "opens the memory of a process in /proc", proc_memory, "ENOENT EACCES", NULL},
	{"see-proc-agent", "reads the environment of another agent", proc_agent, "ENOENT EACCES", NULL},
	{"see-proc-root", "reads /etc/passwd by way of the root of a process in /proc", proc_root, "ENOENT EACCES",
	 NULL},
	{"see-proc-kernel", "reads the kernel's symbols", proc_kernel, "ENOENT EACCES", NULL},
	{"see-sys", "lists /sys", sys_list, "ENOENT EACCES", NULL},
	{"see-root", "lists /", root_list, "EACCES", NULL},
	{"see-passwd", "reads /etc/passwd", passwd, "ENOENT EACCES", NULL},
	{"see-shadow", "reads /etc/shadow", shadow, "ENOENT EACCES", NULL},
	{"see-secret", "reads a file of root's", secret, "ENOENT EACCES", NULL},
	{"see-secret-write", "opens a file of root's for writing", secret_write, "ENOENT EACCES", NULL},
	{"see-other-output", "reads what another agent printed", other_log, "ENOENT EACCES", NULL},
	{"see-dot-dot", "reads /etc/passwd by .. from a descriptor of /", dot_dot, "ENOENT EACCES", NULL},
	{"see-link", "reads /etc/passwd by a symbolic link of its own", through_link, "ENOENT EACCES", NULL},
	{"see-host-name", "learns the machine's name", host_name, "ENODATA", NULL},
	{"see-kernel-log", "asks for the kernel's log", kernel_log, "EPERM", NULL},
	{"see-watch", "watches /etc by inotify", watch_files, "ENOENT EACCES", NULL},
};
ATTEMPTS(attempts_see, rows);

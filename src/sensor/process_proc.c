/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/process_proc.h"

#include "base/fd.h"
#include "sensor/process_table.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define SMALL_FILE_SIZE 1024
#define STATUS_FILE_SIZE 8192
#define CGROUP_FILE_SIZE 32768
#define UNSET_ID UINT32_C(0xffffffff)
#define FLAG_KERNEL_THREAD 0x00200000u /* PF_KTHREAD: the kernel's, unchanged since 2.6.27 and in no header */

/* Steps over n blank-separated fields. */
static const char *skip_fields(const char *at, int n)
{
	while (n-- > 0) {
		at += strcspn(at, " ");
		at += strspn(at, " ");
	}
	return at;
}

bool process_proc_parse_stat(const char *text, size_t size, struct process_proc_stat *ret)
{
	const char *open = memchr(text, '(', size);
	const char *close = memrchr(text, ')', size);
	if (!open || !close || close < open || memchr(text, '\0', size) || text[size] != '\0')
		return false;
	/* After the name: 3 state, 4 parent … 9 flags … 22 start time. */
	const char *at = close + 1 + strspn(close + 1, " ");
	const char *parent = skip_fields(at, 1), *flags = skip_fields(at, 6), *start = skip_fields(at, 19);
	char *end_parent, *end_start;
	unsigned long parent_pid = strtoul(parent, &end_parent, 10);
	uint64_t ticks = strtoull(start, &end_start, 10);
	if (end_parent == parent || end_start == start || parent_pid > UINT32_MAX)
		return false;
	*ret = (struct process_proc_stat){.start_ticks = ticks,
					  .parent_pid = (uint32_t)parent_pid,
					  .kernel_thread = strtoul(flags, NULL, 10) & FLAG_KERNEL_THREAD};
	size_t comm_size = (size_t)(close - open - 1);
	memcpy(ret->comm, open + 1, comm_size < sizeof(ret->comm) ? comm_size : sizeof(ret->comm) - 1);
	return true;
}

bool process_proc_parse_cgroup(const char *text, char *ret_path, size_t size, bool *ret_v2)
{
	const char *best = NULL;
	size_t best_size = 0;
	bool best_container = false, best_v2 = false;
	for (const char *line = text; *line;) {
		size_t line_size = strcspn(line, "\n");
		const char *colon = memchr(line, ':', line_size);
		colon = colon ? memchr(colon + 1, ':', line_size - (size_t)(colon + 1 - line)) : NULL;
		if (colon && line_size > (size_t)(colon + 1 - line)) {
			size_t path_size = line_size - (size_t)(colon + 1 - line);
			char path[RS_PATH_SIZE_MAX + 1];
			const char *id;
			snprintf(path, sizeof(path), "%.*s", (int)path_size, colon + 1);
			bool container = process_container_id(path, &id) > 0, v2 = strncmp(line, "0::", 3) == 0;
			if (!best || container > best_container || (container == best_container && v2)) {
				best = colon + 1;
				best_size = path_size;
				best_container = container;
				best_v2 = v2;
			}
		}
		line += line_size;
		line += *line == '\n';
	}
	if (!best)
		return false;
	snprintf(ret_path, size, "%.*s", (int)best_size, best);
	*ret_v2 = best_v2;
	return true;
}

static int open_process(int proc_fd, pid_t pid)
{
	char name[16];
	snprintf(name, sizeof(name), "%d", (int)pid);
	int fd = openat(proc_fd, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT || errno == EACCES ? -ESRCH : -errno;
	return fd;
}

static int read_stat(int process_fd, struct process_proc_stat *ret)
{
	char text[SMALL_FILE_SIZE];
	ssize_t size = fd_read_file(process_fd, "stat", text, sizeof(text));
	if (size == -EMFILE || size == -ENFILE || size == -ENOMEM)
		return (int)size;
	return size > 0 && process_proc_parse_stat(text, (size_t)size, ret) ? 0 : -ESRCH;
}

int process_proc_read_stat(int proc_fd, pid_t pid, struct process_proc_stat *ret)
{
	_cleanup_(fd_closep) int fd = open_process(proc_fd, pid);
	return fd < 0 ? fd : read_stat(fd, ret);
}

/* The first two numbers of a line such as "Uid:\t1000\t1001\t…". Names in status are escaped: no line is forged. */
static bool status_pair(const char *status, const char *key, uint32_t *ret_first, uint32_t *ret_second)
{
	const char *line = strstr(status, key);
	if (!line)
		return false;
	char *end;
	uint32_t first = (uint32_t)strtoul(line + strlen(key), &end, 10);
	*ret_first = first;
	*ret_second = (uint32_t)strtoul(end, NULL, 10);
	return true;
}

static bool read_ids(int fd, struct rs_process *process)
{
	char text[STATUS_FILE_SIZE];
	return fd_read_file(fd, "status", text, sizeof(text)) > 0 &&
	       status_pair(text, "\nUid:", &process->uid, &process->euid) &&
	       status_pair(text, "\nGid:", &process->gid, &process->egid);
}

/* A kernel without audit has no such file: unset. */
static uint32_t read_number(int fd, const char *name)
{
	char text[SMALL_FILE_SIZE];
	return fd_read_file(fd, name, text, sizeof(text)) > 0 ? (uint32_t)strtoul(text, NULL, 10) : UNSET_ID;
}

/* A kernel thread has none; a process that is about to end has none any more. */
static bool read_exe(int fd, bool kernel_thread, struct process_proc *ret)
{
	static const char deleted[] = " (deleted)";
	ssize_t size = readlinkat(fd, "exe", ret->exe_path, sizeof(ret->exe_path) - 1);
	if (size < 0) {
		ret->exe_path[0] = '\0';
		return kernel_thread && errno == ENOENT;
	}
	ret->exe_path[size] = '\0';
	struct stat st;
	if (fstatat(fd, "exe", &st, 0) < 0)
		return true;
	ret->process.exe = (struct rs_file_id){.dev = st.st_dev, .ino = st.st_ino};
	size_t suffix = sizeof(deleted) - 1;
	if (st.st_nlink == 0 && (size_t)size > suffix && strcmp(ret->exe_path + size - suffix, deleted) == 0)
		ret->exe_path[(size_t)size - suffix] = '\0';
	return true;
}

static bool read_cgroup(int fd, int cgroup_fd, struct process_proc *ret)
{
	char text[CGROUP_FILE_SIZE];
	bool v2;
	ret->cgroup[0] = '\0';
	if (fd_read_file(fd, "cgroup", text, sizeof(text)) <= 0 ||
	    !process_proc_parse_cgroup(text, ret->cgroup, sizeof(ret->cgroup), &v2))
		return false;
	const char *v2_line = strstr(text, "\n0::");
	v2_line = strncmp(text, "0::", 3) == 0 ? text + 3 : v2_line ? v2_line + 4 : NULL;
	if (cgroup_fd < 0 || !v2_line)
		return true;
	/* The id of a cgroup is its inode number. */
	char path[RS_PATH_SIZE_MAX + 1];
	struct stat st;
	snprintf(path, sizeof(path), ".%.*s", (int)strcspn(v2_line, "\n"), v2_line);
	if (fstatat(cgroup_fd, path, &st, 0) == 0)
		ret->process.cgroup_id = st.st_ino;
	return true;
}

int process_proc_read(int proc_fd, int cgroup_fd, pid_t pid, struct process_proc *ret)
{
	_cleanup_(fd_closep) int fd = open_process(proc_fd, pid);
	if (fd < 0)
		return fd;
	struct process_proc_stat stat, parent;
	int r = read_stat(fd, &stat);
	if (r < 0)
		return r;
	struct rs_process *process = &ret->process;
	*process = (struct rs_process){
		.id = process_id(stat.start_ticks, (uint32_t)pid),
		.start_ns = stat.start_ticks * PROCESS_TICK_NS,
		.pid = (uint32_t)pid,
		.tid = (uint32_t)pid,
		.parent_pid = stat.parent_pid,
		.login_uid = read_number(fd, "loginuid"),
		.login_session = read_number(fd, "sessionid"),
	};
	memcpy(process->comm, stat.comm, sizeof(process->comm));
	if (stat.parent_pid && process_proc_read_stat(proc_fd, (pid_t)stat.parent_pid, &parent) == 0)
		process->parent_id = process_id(parent.start_ticks, stat.parent_pid);
	ret->exe_known = read_exe(fd, stat.kernel_thread, ret);
	bool whole = read_ids(fd, process);
	whole &= read_cgroup(fd, cgroup_fd, ret);
	if (!whole || !ret->exe_known)
		process->flags |= RS_PROCESS_PARTIAL;
	return 0;
}

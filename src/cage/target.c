/* SPDX-License-Identifier: Apache-2.0 */
#include "cage/target.h"

#include "base/fd.h"
#include "cage/proc_stat.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>

#define FLAG_KERNEL_THREAD 0x00200000u /* PF_KTHREAD in proc_pid_stat(5) */
#define FILE_SIZE 8192

/* Its real user. A newline in a name comes escaped in this file. */
static int read_uid(pid_t pid, uint32_t *ret)
{
	char path[32], text[FILE_SIZE];
	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	ssize_t size = fd_read_file(AT_FDCWD, path, text, sizeof(text));
	if (size < 0)
		return size == -ENOENT ? -ESRCH : (int)size;
	const char *at = strstr(text, "\nUid:");
	return at && sscanf(at, "\nUid: %u", ret) == 1 ? 0 : -EPROTO;
}

static int is_spared(pid_t pid, const struct proc_stat *facts, const struct target_ours *ours)
{
	uint32_t uid;
	if (pid == 1 || facts->flags & FLAG_KERNEL_THREAD || pid == getpid() || pid == ours->parent)
		return -EPERM;
	int r = read_uid(pid, &uid);
	if (r < 0)
		return r;
	return uid >= ours->uid_first && uid <= ours->uid_last ? -EPERM : 0;
}

int target_open(uint64_t id, const struct target_ours *ours, struct target *ret)
{
	pid_t pid = (pid_t)(id & ((1u << PROC_STAT_PID_BITS) - 1));
	struct proc_stat facts;
	if (pid == 0)
		return -ESRCH;
	_cleanup_(fd_closep) int pidfd = pidfd_open(pid, 0);
	if (pidfd < 0)
		return errno == EINVAL ? -ESRCH : -errno; /* EINVAL: a thread has the number now */
	int r = proc_stat_read(pid, &facts);
	if (r < 0)
		return r;
	if (facts.start_ticks != id >> PROC_STAT_PID_BITS || facts.state == 'Z' || facts.state == 'X')
		return -ESRCH;
	r = is_spared(pid, &facts, ours);
	if (r < 0)
		return r;
	*ret = (struct target){.pid = pid, .pidfd = STEAL_FD(pidfd)};
	return 0;
}

void target_close(struct target *target)
{
	target->pidfd = fd_close(target->pidfd);
}

size_t target_args(const struct target *target, char *to, size_t size)
{
	char path[32];
	snprintf(path, sizeof(path), "/proc/%d/cmdline", target->pid);
	_cleanup_(fd_closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t r = fd < 0 ? -1 : read(fd, to, size);
	return r > 0 ? (size_t)r : 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "tree_proc.h"

#include "base/fd.h"
#include "base/macro.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static ssize_t read_file(uint32_t pid, const char *file, char *text, size_t size)
{
	char path[48];
	snprintf(path, sizeof(path), "/proc/%" PRIu32 "/%s", pid, file);
	return fd_read_file(AT_FDCWD, path, text, size);
}

/* Name, parent and start of proc_pid_stat(5); the name may hold anything, also ')'. */
static bool parse_stat(char *stat, struct tree_known *known)
{
	char *name = strchr(stat, '('), *name_end = strrchr(stat, ')');
	unsigned long long start;
	if (!name || !name_end || name_end < name ||
	    sscanf(name_end + 1,
		   " %*c %" SCNu32 " %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %llu",
		   &known->parent_pid, &start) != 2)
		return false;
	known->id = (uint64_t)start << 22 | known->pid;
	known->strings[TREE_EXE] = name + 1;
	known->sizes[TREE_EXE] = (size_t)(name_end - name - 1);
	return true;
}

bool tree_proc_look(void *data, uint32_t pid, uint64_t id, struct tree_known *ret)
{
	struct tree_proc *proc = data;
	struct tree_known known = {.pid = pid};
	char path[48], line[1024], exe[TREE_STRING_MAX];
	struct stat owner;
	if (read_file(pid, "stat", line, sizeof(line)) < 0 || !parse_stat(line, &known) || (id && known.id != id))
		return false;
	known.sizes[TREE_EXE] = MIN(known.sizes[TREE_EXE], sizeof(proc->exe));
	memcpy(proc->exe, known.strings[TREE_EXE], known.sizes[TREE_EXE]);
	snprintf(path, sizeof(path), "/proc/%" PRIu32 "/exe", pid);
	ssize_t size = readlink(path, exe, sizeof(exe));
	if (size > 0) {
		memcpy(proc->exe, exe, (size_t)size);
		known.sizes[TREE_EXE] = (size_t)size;
	}
	known.strings[TREE_EXE] = proc->exe;
	snprintf(path, sizeof(path), "/proc/%" PRIu32, pid);
	known.uid = stat(path, &owner) == 0 ? owner.st_uid : 0;
	size = read_file(pid, "cmdline", proc->args, sizeof(proc->args));
	if (size > 1) {
		known.strings[TREE_ARGS] = proc->args;
		known.sizes[TREE_ARGS] = (size_t)size - 1;
	}
	*ret = known;
	return true;
}

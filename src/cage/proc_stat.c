/* SPDX-License-Identifier: Apache-2.0 */
#include "cage/proc_stat.h"

#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Only the kernel's numbers behind the last ")" are looked at: the name before it is the process's own. */
int proc_stat_read(pid_t pid, struct proc_stat *ret)
{
	char path[32], text[1024];
	struct proc_stat stat;
	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	ssize_t size = fd_read_file(AT_FDCWD, path, text, sizeof(text));
	if (size < 0)
		return size == -ENOENT ? -ESRCH : (int)size;
	const char *at = strrchr(text, ')');
	if (!at || sscanf(at + 1, " %c %*d %*d %*d %*d %*d %u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %" SCNu64,
			  &stat.state, &stat.flags, &stat.start_ticks) != 3)
		return -EPROTO;
	*ret = stat;
	return 0;
}

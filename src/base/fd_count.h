/* SPDX-License-Identifier: Apache-2.0 */
/* fd_count: for tests: whether anything is left open. Compare what it says before with what it says after. */
#pragma once

#include <dirent.h>

/* How many descriptors this process has open, and some more, always as many. */
static inline unsigned fd_count(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned n = 0;
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

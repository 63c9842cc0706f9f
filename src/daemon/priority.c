/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/priority.h"

#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#define PARENT_REALTIME 2 /* the engine has 1: a spinning engine must not keep its parent away */
#define PARENT_NICE (-16)

static void run_first(void)
{
	struct sched_param realtime = {.sched_priority = PARENT_REALTIME}, ordinary = {0};
	if (sched_setscheduler(0, SCHED_RR | SCHED_RESET_ON_FORK, &realtime) == 0)
		return;
	/* for the flag; then the next best */
	sched_setscheduler(0, SCHED_OTHER | SCHED_RESET_ON_FORK, &ordinary);
	if (setpriority(PRIO_PROCESS, 0, PARENT_NICE) < 0)
		log_warning("could not run before other processes: %s; on a busy machine answers may be late",
			    strerror(errno));
}

static void die_last(void)
{
	static const char score[] = "-900\n";
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, score, sizeof(score) - 1) < 0)
		log_warning("could not ask to be spared when memory is short: %s", strerror(errno));
	if (fd >= 0)
		close(fd);
}

void priority_raise(void)
{
	run_first();
	die_last();
#ifndef RINGSIDE_DEBUG
	/* what answers in the engine's place must not wait for its own memory */
	if (mlockall(MCL_CURRENT | MCL_FUTURE) < 0)
		log_warning("could not keep the parent in memory: %s", strerror(errno));
#endif
}

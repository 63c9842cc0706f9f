/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cgroup: the control group (cgroup v2) under which the cage makes one for each agent's process.
 *
 *     mountinfo ─▶ the unit's own group, when systemd delegated it (Delegate=yes):  UNIT/platform, UNIT/agents
 *               └▶ else                                                             MOUNT/ringside-PID
 *     controllers enabled one by one ─▶ owned by the cage's user ─▶ IPC_CGROUP ─▶ cage, which itself lies in …/cage
 *
 * The cage has no privilege over cgroupfs: it may move processes only below a group whose cgroup.procs it may write,
 * so it lies in there itself. Whatever is missing here is said once, in `why`, and is no reason not to start: the
 * budgets are then kept by resource limits, or not at all.
 */
#pragma once

#include "wire/ipc.h"
#include "wire/settings.h"

#include <limits.h>
#include <sys/types.h>

struct cgroup {
	int base_fd; /* of the group that holds it; -1: there is no cgroup v2 that can be written */
	int fd; /* of the folder that is the cage's; -1 */
	/* opened at the start: later the parent opens nothing by name, or it might wait for its own verdict */
	int adopt_fd;
	int kill_fd;
	char name[32]; /* of that folder in its base */
	char path[PATH_MAX];
	char why[IPC_TEXT_SIZE];
};

#define CGROUP_NONE {.base_fd = -1, .fd = -1, .adopt_fd = -1, .kill_fd = -1}

/* root: before the paths of /proc and of the mount ("" but in tests). Logs what is missing. */
void cgroup_open(struct cgroup *cgroup, const char *root, uint32_t cage_uid);
/* Moves the new cage in there. */
void cgroup_adopt(const struct cgroup *cgroup, pid_t pid);
/* Kills all that is in there: agents whose cage has ended. */
void cgroup_kill(const struct cgroup *cgroup);
/* Kills, and removes all of it; waits up to a second until the dead are gone. */
void cgroup_close(struct cgroup *cgroup);

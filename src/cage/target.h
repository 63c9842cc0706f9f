/* SPDX-License-Identifier: Apache-2.0 */
/*
 * target: one process that an action is about, held so that it cannot be mistaken for another.
 *
 * The descriptor is taken first, then /proc is asked who has the number now. When that is who is meant, it had the
 * number before, too, and the descriptor is its: nobody else has a number while its owner is there.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Must never be ended by an action, whatever the engine says. */
struct target_ours {
	pid_t parent; /* ringsided */
	uint32_t uid_first, uid_last; /* the platform's and its agents' */
};

struct target {
	pid_t pid;
	int pidfd;
};

/*
 * id: as in struct rs_process. 0, or -ESRCH: no such process lives (any more); -EPERM: it is process 1, the kernel's,
 * or ours; or another -errno: not to be told.
 */
int target_open(uint64_t id, const struct target_ours *ours, struct target *ret);
void target_close(struct target *target);

/* Its arguments, each ending in NUL, cut to what fits. They are its own bytes: anything. Returns their size. */
size_t target_args(const struct target *target, char *to, size_t size);

/* SPDX-License-Identifier: Apache-2.0 */
/* house: the directories of the platform, and the locks that say that it runs. */
#pragma once

#include "wire/settings.h"

/*
 * Makes run_dir and state_dir where they are missing, with their owners and modes, refuses them when somebody else
 * could write there, and takes the lock. *ret_lock_fd holds the lock while it is open. -errno with a log line;
 * -EBUSY: another instance runs.
 */
int house_open(const struct settings *settings, int *ret_lock_fd);

/*
 * The lock of the one platform that watches the whole machine: two of them would wait for each other's verdicts, each
 * about the files that the other opens. *ret_fd is -1 when the scope is less than that. -errno with a log line;
 * -EBUSY: another one watches it.
 */
int house_claim_machine(const struct settings *settings, int *ret_fd);

/* Takes the admin socket away, which control cannot, once it has ended and while the lock is still held. */
void house_leave(const struct settings *settings);

/* SPDX-License-Identifier: Apache-2.0 */
/* house: the directories of the platform, and the lock that says that it runs. */
#pragma once

#include "wire/settings.h"

/*
 * Makes run_dir and state_dir where they are missing, with their owners and modes, refuses them when somebody else
 * could write there, and takes the lock. *ret_lock_fd holds the lock while it is open. -errno with a log line;
 * -EBUSY: another instance runs.
 */
int house_open(const struct settings *settings, int *ret_lock_fd);

/* Takes the admin socket away, which control cannot, once it has ended and while the lock is still held. */
void house_leave(const struct settings *settings);

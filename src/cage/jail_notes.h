/* SPDX-License-Identifier: Apache-2.0 */
/* jail_notes: what of a jail this kernel gives, tried out. */
#pragma once

#include "base/json.h"

/* Tries what a builder does first, as whoever calls: a process in user, mount, process, ipc, uts and network name
 * spaces of its own that mounts something. 0, or -errno. */
int jail_try_namespaces(void);

/* Notes for doctor: array elements {"level","what","lost","do"}. */
void jail_notes(struct json *json);

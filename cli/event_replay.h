/* SPDX-License-Identifier: Apache-2.0 */
/* event_replay: the events of a recording (src/recorder), for `ringside events --replay`. */
#pragma once

#include "cli.h"

#include <ringside/event.h>

/* Calls each() with every event until it says false or the recording ends. CLI_OK, also when parts of it are damaged:
 * that is said at the end. CLI_USAGE with a complaint when it is no recording. */
int event_replay(const char *path, bool (*each)(void *data, const struct rs_event *event), void *data);

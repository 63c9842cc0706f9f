/* SPDX-License-Identifier: Apache-2.0 */
/* event_record: events into a recording (src/recorder), for `ringside events --record`. */
#pragma once

#include "cli.h"

#include <ringside/event.h>

/* A recording that somebody forgot does not fill the disk. */
#define EVENT_RECORD_BYTES_MAX (UINT64_C(256) << 20)

struct event_record;

/*
 * Makes the file, which must not be there yet: a recording is evidence, and is not written over. Only the caller's
 * user may read it, for it holds command lines and paths of everybody. It grows to bytes_max. CLI_USAGE with a
 * complaint.
 */
int event_record_begin(const char *path, uint64_t bytes_max, struct event_record **ret);

/* false: the file has its full size, or this event could not be written; event_record_end() says so. */
bool event_record_add(struct event_record *record, const struct rs_event *event);

/*
 * Says how many events the file holds and frees; code is how following them ended. A file that never got an event
 * because of an error goes. Returns code, or CLI_NEGATIVE with a complaint when not all could be written.
 */
int event_record_end(struct event_record *record, const struct cli *cli, int code);

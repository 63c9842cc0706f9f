/* SPDX-License-Identifier: Apache-2.0 */
/*
 * event_build: puts an event together in a buffer: head, body, then strings.
 *
 *     event_build_begin ─▶ fill event->process, body ─▶ event_build_str … ─▶ event_build_end
 *
 * Strings that do not fit are cut and RS_EVENT_CUT is set. A pointer into the event stays valid throughout:
 * the buffer never moves. Also checks events that come from outside (recordings).
 */
#pragma once

#include "wire/catalogue.h"

struct event_build {
	struct rs_event *event; /* the buffer, 8-aligned, borrowed */
	size_t capacity;
	size_t size;
};

/* Starts an event of this type (which must be in the catalogue) in a buffer of at least 4 KiB; everything is
 * zero. Returns the body. */
void *event_build_begin(struct event_build *build, void *buffer, size_t capacity, uint16_t type);

/* Appends bytes and points *str (a field of this event) to them; at most `most` bytes, the rest is cut.
 * Returns true when all fitted. */
bool event_build_str(struct event_build *build, struct rs_str *str, const void *bytes, size_t size, size_t most);

/* Like event_build_str() for paths: too long a path keeps its end, and RS_FILE_PATH_CUT is set in the file. */
bool event_build_path(struct event_build *build, struct rs_file *file, const char *path, size_t size);

/* Writes the size, padded to 8. Returns it. */
size_t event_build_end(struct event_build *build);

/* Copies a process, whose strings live in `from` (another event), into this one. */
void event_build_process(struct event_build *build, struct rs_process *to, const struct rs_event *from,
			 const struct rs_process *process);

/*
 * Whether these bytes are one well-formed event: sizes agree, the type is known, every string of head and body
 * lies within and ends in NUL. NULL when it is, else a sentence that says what is wrong.
 */
const char *event_check(const void *bytes, size_t size);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * event_json: an event as one JSON object, by the field table of the catalogue.
 *
 *     {"event":"exec","number":102,"id":7,"seq":7,"type_seq":2,"time":"2026-11-21T11:00:00.123456789Z",
 *      "monotonic_ns":1,"auth":false,"process":{…},"file":{…},"args":["ls","-l"],…,
 *      "ocsf":{"class_uid":1007,"activity_id":1}}
 *
 * Head first, then each field of the body under its own name, then OCSF. What is absent or unset is left out or
 * null; bytes that are not UTF-8 as base/json.h says. No field of a body may bear a name of the head: a test checks.
 */
#pragma once

#include "base/json.h"

#include <ringside/event.h>

/* Room for any event whose strings do not share bytes: every byte may become six. */
#define EVENT_JSON_SIZE_MAX (7u * RS_EVENT_SIZE_MAX)

/* Of the event only its `size` field is believed: that many bytes are read, at most. key as in base/json.h. */
void event_json_write(struct json *json, const char *key, const struct rs_event *event);

/* The same into a buffer: NUL-terminated, returns the size without it, or -ENOBUFS. */
ssize_t event_json(const struct rs_event *event, char *buffer, size_t size);

/* A moment of CLOCK_REALTIME as in RFC 3339, UTC, nine digits of fraction. */
#define EVENT_JSON_TIME_SIZE sizeof("2026-11-21T11:00:00.123456789Z")
void event_json_time(uint64_t wall_ns, char ret_text[EVENT_JSON_TIME_SIZE]);

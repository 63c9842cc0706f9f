/* SPDX-License-Identifier: Apache-2.0 */
/* read_json: what the tests want to know of JSON. By itself because json-c and base/json.h share a name. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct read_event {
	char name[64];
	uint64_t seq;
	uint64_t lost; /* the count of a `lost` event */
};

/* One line of an observer. False: it is not what an event should be. */
bool read_event(const char *line, struct read_event *ret);

/* {"agents":[{"name":agent, field:…}]} as text. False: there is none. */
bool read_agent_field(const char *status, const char *agent, const char *field, char *ret_text, size_t size);

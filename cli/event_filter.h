/* SPDX-License-Identifier: Apache-2.0 */
/* event_filter: which events `ringside events` shows. Pure. */
#pragma once

#include "cli.h"
#include "wire/catalogue.h"

#include <stdbool.h>

struct event_filter {
	bool wanted[RS_EVENT_TYPE_LIMIT]; /* types to subscribe to */
	bool has_pid, has_uid;
	uint32_t pid, uid;
	const char *exe; /* borrowed from the command line, as the rest */
	const char *path; /* prefix */
	const char *agent;
};

/* From the options of the command line. 0, or CLI_USAGE with a complaint. */
int event_filter_init(struct event_filter *filter, const struct cli *cli);

/* Whether to show it. A `lost` event is always shown. */
bool event_filter_match(const struct event_filter *filter, const struct rs_event *event);

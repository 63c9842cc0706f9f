/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jail_build: what runs in a child of the cage: it builds the jail, makes process 1 and the agent, reports, and ends.
 * Internal to jail.c, which waits for the report; the order of the steps is in jail.h.
 */
#pragma once

#include "cage/jail.h"

enum report_kind {
	REPORT_STARTED = 1,
	REPORT_FAILED = 2,
};

/* From the builder, and from the agent's process before its program is executed. Smaller than PIPE_BUF: never cut. */
struct report {
	uint32_t kind;
	uint32_t missing;
	int32_t pid;
	int32_t init_pid;
	char text[JAIL_TEXT_SIZE];
};

struct jail_build_opts {
	const struct jail *jail;
	uint32_t missing; /* JAIL_NAMESPACES: this process is in none of its own; else 0 */
	const char *reason; /* for that */
	int report_fd;
	int go_fd; /* a byte comes when the maps are written */
};

_Noreturn void jail_build(const struct jail_build_opts *opts);

/* Takes the capabilities of this process. -errno. */
int jail_drop_capabilities(void);

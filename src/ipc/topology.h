/* SPDX-License-Identifier: Apache-2.0 */
/*
 * topology: the processes of Ringside on one machine, and the pairs that may talk. One table: topology.c.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum process_role {
	PROCESS_PARENT = 0, /* ringsided: starts, watches and keeps; root; parses nothing from outside */
	PROCESS_ENGINE = 1,
	PROCESS_CAGE = 2,
	PROCESS_CONTROL = 3,
	PROCESS_CONFIG = 4, /* short-lived: turns the configuration into struct settings */
	PROCESS_OPENER = 5, /* beside config: opens the manifests that it names, parses nothing */
	PROCESS_N_ROLES,
};

struct topology_process {
	enum process_role role;
	const char *name; /* as in `ringside status` and in the process list */
	const char *program; /* file in libexec */
	bool long_lived;
	uint64_t capabilities; /* what it keeps after its start, bits as in capabilities(7) */
	bool root; /* keeps uid 0 */
	uint64_t files_max; /* RLIMIT_NOFILE */
	bool urgent; /* runs before ordinary processes: it must be late as seldom as possible */
};

extern const struct topology_process topology_processes[PROCESS_N_ROLES];

/* Whether these two may have a link (the parent talks to everybody). */
bool topology_may_talk(enum process_role a, enum process_role b);

/* The name of a role, "unknown" for a number that is none. */
const char *topology_name(uint64_t role);

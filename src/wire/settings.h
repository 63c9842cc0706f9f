/* SPDX-License-Identifier: Apache-2.0 */
/*
 * settings: what the operator wrote, checked and brought into one flat struct.
 *
 *     ringside.yaml ─▶ config (a process of its own, unprivileged, short-lived) ─▶ struct settings in a sealed memfd
 *                   ─▶ every process maps it read-only
 *
 * So no parser runs in a process that has privilege. Strings are NUL-terminated.
 */
#pragma once

#include "wire/session.h"

#include <stdbool.h>

#define SETTINGS_MAGIC 0x52535354u /* "RSST" */
#define SETTINGS_AGENTS_MAX 64u
#define SETTINGS_SCOPES_MAX 32u
#define SETTINGS_ESSENTIAL_MAX 256u
#define SETTINGS_PATH_SIZE 1024u
#define SETTINGS_ARGS_MAX 16u
#define SETTINGS_ARG_SIZE 512u
#define SETTINGS_READS_MAX 16u
#define SETTINGS_ENDPOINTS_MAX 16u
#define SETTINGS_ONLY_MAX 8u

enum settings_loss_policy {
	SETTINGS_LOSS_ALLOW = 0, /* the machine comes first */
	SETTINGS_LOSS_DENY = 1, /* hold and deny: the keeper answers deny while there is no engine */
};

/* How far an agent's jail reaches to the network. */
enum settings_network {
	SETTINGS_NETWORK_NONE = 0, /* a network namespace of its own, with nothing in it */
	SETTINGS_NETWORK_ENDPOINTS = 1, /* the machine's, for the ports of its endpoints */
	SETTINGS_NETWORK_ANY = 2, /* the machine's */
};

/* What an agent may connect to: a TCP port. */
#define SETTINGS_UID_RANGE 200u /* users of the platform and its agents, from uid_base */

struct settings_endpoint {
	uint16_t port;
	uint16_t reserved;
};

/* What an agent may ask the platform to do. */
enum settings_action {
	SETTINGS_ACTION_KILL = 1 << 0, /* end a process */
};

/* When a jail cannot be made as described: user namespaces switched off, Landlock not there. */
enum settings_jail {
	SETTINGS_JAIL_WHOLE = 0, /* the agent is not started */
	SETTINGS_JAIL_PARTIAL = 1, /* it is, with what there is; doctor says what is missing */
};

struct settings_agent {
	char name[SESSION_NAME_SIZE];
	char path[SETTINGS_PATH_SIZE]; /* executable */
	char version[SESSION_VERSION_SIZE];
	uint32_t n_args; /* without argv[0] */
	uint32_t enabled;
	uint32_t shadow;
	uint32_t uid; /* 0: chosen by the cage from its range */
	uint32_t memory_mb;
	uint32_t files_max; /* descriptors */
	uint32_t pending_max; /* questions open towards it at a time */
	uint32_t ring_kb; /* power of two */
	uint32_t denies_per_min; /* deny-storm brake */
	uint32_t deadline_exec_ms; /* 0: the platform's; never longer than that */
	uint32_t deadline_open_ms;
	uint32_t cpu_percent; /* of one processor, on average; 0: no limit */
	uint32_t tasks_max; /* processes and threads */
	uint32_t disk_mb; /* of its state folder; 0: it has none */
	uint32_t events_per_s; /* notify events beyond this are dropped and counted; 0: no limit */
	uint32_t actions_per_min; /* actions beyond this are refused and counted */
	uint32_t actions; /* granted: enum settings_action */
	uint32_t n_only;
	uint32_t network; /* enum settings_network */
	uint32_t jail; /* enum settings_jail */
	uint32_t n_endpoints;
	uint32_t n_reads;
	struct session_event_set granted;
	struct session_event_set deny_on_miss; /* operator's choice per event; else allow */
	char only[SETTINGS_ONLY_MAX]
		 [SETTINGS_PATH_SIZE]; /* folders: asked and told of files below these only; none: all */
	struct settings_endpoint endpoints[SETTINGS_ENDPOINTS_MAX];
	char reads[SETTINGS_READS_MAX][SETTINGS_PATH_SIZE]; /* files and folders that it sees, read-only */
	char args[SETTINGS_ARGS_MAX][SETTINGS_ARG_SIZE];
};

struct settings {
	uint32_t magic;
	uint32_t size; /* sizeof(struct settings) */

	/* sensors */
	uint32_t sensor_fanotify; /* 0 or 1 each */
	uint32_t sensor_bpf;
	uint32_t sensor_synth_per_s; /* generated events a second, 0: off */
	uint32_t n_scopes;
	char scopes[SETTINGS_SCOPES_MAX][SETTINGS_PATH_SIZE]; /* "/" alone: every local file system */
	char replay_path[SETTINGS_PATH_SIZE]; /* "": off */
	uint32_t replay_original_pace; /* 1: with the pauses of the recording, 0: as fast as the loop allows */

	/* verdicts */
	uint32_t deadline_exec_ms;
	uint32_t deadline_open_ms;
	uint32_t on_engine_loss_exec; /* enum settings_loss_policy */
	uint32_t on_engine_loss_open;
	uint32_t cache_entries; /* files in the kernel's verdict cache, 0: off */
	uint32_t strikes_max; /* in strike_window_s: benched */
	uint32_t strike_window_s;
	uint32_t bench_s; /* how long the first bench lasts; it doubles */
	uint32_t essential_deny; /* 1: agents may deny the essential set */
	uint32_t slow_share_percent; /* an answer is slow beyond this share of its deadline */
	uint32_t slow_budget_s; /* what the machine may wait for slow answers of one agent in a minute; 0: no limit */
	uint32_t n_essential;
	uint32_t essential_tools_first; /* of these, shells and tools: essential in the hands of who is logged in only,
					 */
	uint32_t n_essential_tools; /* where the question is whether a process may be ended */
	char essential[SETTINGS_ESSENTIAL_MAX][SETTINGS_PATH_SIZE]; /* paths; a final "/" makes a prefix */

	/* processes */
	uint32_t uid_base; /* engine, cage, control: uid_base + role; agents: uid_base + 100 + index */
	uint32_t log_level;
	char run_dir[SETTINGS_PATH_SIZE]; /* sockets */
	char state_dir[SETTINGS_PATH_SIZE]; /* what outlives a restart */
	char admin_group[SESSION_NAME_SIZE]; /* may use the admin socket besides root; "": none */
	uint32_t admin_gid; /* of that group, resolved */

	uint32_t n_agents;
	struct settings_agent agents[SETTINGS_AGENTS_MAX];
};

/* Whether an agent's process would be the same: program, arguments, jail, budgets. The rest is the engine's matter. */
bool settings_same_process(const struct settings_agent *a, const struct settings_agent *b);
/* Whether the engine would treat it the same. */
bool settings_same_session(const struct settings_agent *a, const struct settings_agent *b);

/*
 * Whether a struct that another process wrote is one that config would write: strings terminated, counts within
 * their tables, paths absolute, users not root. NULL when it is, else a sentence (static).
 */
const char *settings_check(const struct settings *settings);

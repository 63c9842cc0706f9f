/* SPDX-License-Identifier: Apache-2.0 */
/*
 * budget: what one process of an agent, with all it starts, may use; who keeps it to that; how often it hit it.
 *
 *     parent: IPC_CGROUP ─▶ budget_home (which controllers are there) ─▶ a group for each process, limits in it
 *     child after fork ─▶ budget_enter(): into its group ─▶ … ─▶ budget_limit(): resource limits ─▶ …
 *     at most once a second, and at its end ─▶ kernel's counters ─▶ usage, hits
 *
 * A budget is kept by the control group where its controller is there, else by a resource limit, else not at all;
 * each for itself. Owns the groups. A group that cannot be removed yet, because a process is dying in it, is kept in
 * mind and removed later.
 */
#pragma once

#include "base/json.h"
#include "base/list.h"
#include "cage/usage.h"
#include "wire/ipc.h"
#include "wire/settings.h"

#include <sys/statvfs.h>

enum budget_kind {
	BUDGET_MEMORY,
	BUDGET_CPU,
	BUDGET_TASKS,
	BUDGET_FILES, /* descriptors of each process */
	BUDGET_DISK, /* its state folder */
	BUDGET_N_KINDS,
};

#define BUDGET_OUTPUT_MB 1 /* of what an agent prints, when its disk limit is not larger */

enum budget_keeper {
	BUDGET_UNKEPT,
	BUDGET_BY_LIMIT, /* setrlimit(2): the kernel counts no hits; a look may find all in use */
	BUDGET_BY_GROUP,
	BUDGET_BY_SIZE, /* of its state folder's file system */
};

const char *budget_name(enum budget_kind kind);
const char *budget_keeper_name(enum budget_keeper keeper);

struct budget_home {
	int fd; /* -1: no groups here */
	bool has[BUDGET_N_KINDS]; /* its controller is enabled */
	char why[IPC_TEXT_SIZE]; /* what is missing, "": nothing */
	struct list left; /* groups that could not be removed yet */
	uint64_t n_left;
};

/* fd is consumed; -1: none. Tries whether processes can be moved there: this one goes in and out of a group. */
void budget_home_init(struct budget_home *home, int fd, const char *why);
void budget_home_deinit(struct budget_home *home);
enum budget_keeper budget_kept_by(const struct budget_home *home, enum budget_kind kind);
/* Tries again to remove what is left. Whether something still is. */
bool budget_home_tidy(struct budget_home *home);

struct budget {
	struct budget_home *home;
	int fd; /* of its group, -1: none */
	char name[SESSION_NAME_SIZE + 24];
	bool beside; /* another process of the same user may run at the same time */
	enum budget_keeper kept[BUDGET_N_KINDS];
	uint64_t hits[BUDGET_N_KINDS];
	bool machine_was_out; /* it was killed because the machine had no memory, not for its own budget */
	int state_fd; /* its state folder, when that has a file system of its own; -1 */
	bool tasks_full, files_full, disk_full; /* at the last look */
	struct usage usage;
	uint64_t looked_ns;
};

/* Makes its group; what cannot be made there is kept by resource limits. number: of this process, never used before. */
void budget_open(struct budget *budget, struct budget_home *home, const struct settings_agent *agent, uint64_t number);
/* Whether nothing more can be made in a file system: no block, or no inode where their number is limited. */
bool budget_is_full(const struct statvfs *disk);
/* In what builds the agent's jail, still as the cage's user: everything from here on is on the budget. -errno. */
int budget_enter(const struct budget *budget);
/* In the agent's process, before its program: the resource limits. -errno. */
int budget_limit(const struct budget *budget, const struct settings_agent *agent);
/* Usage and hits from the kernel, when the last look was a second ago, or at once. pid: its first process. */
void budget_look(struct budget *budget, const struct settings_agent *agent, pid_t pid, uint64_t now_ns, bool at_once);
/* Kills what is left in its group. False: it has none, so look elsewhere. */
bool budget_kill(const struct budget *budget);
/* Kills what is left, removes the group, or leaves that to budget_home_tidy(). */
void budget_close(struct budget *budget);

/* Why a process that ended by signal 9 did: "out of its memory budget of 256 MB"; NULL: not for a budget. After a
 * look at once. text is filled and returned. */
const char *budget_why(const struct budget *budget, const struct settings_agent *agent, char *text, size_t size);

/* The members "memory_bytes", "memory_peak_bytes", "cpu_ns", "tasks", "files" and "budgets" of an agent; hits: of all
 * its processes so far. */
void budget_to_json(const struct budget *budget, const struct settings_agent *agent,
		    const uint64_t hits[BUDGET_N_KINDS], struct json *json);
/* The notes for doctor: array elements {"level","what","lost","do"}. */
void budget_home_notes(const struct budget_home *home, struct json *json);

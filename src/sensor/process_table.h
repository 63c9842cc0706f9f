/* SPDX-License-Identifier: Apache-2.0 */
/*
 * process_table: who is who: pid → unique id, parent, executable, users, cgroup, container, session.
 *
 *     /proc at start (with privilege) ─▶ table ◀─ bpf sensor (fork, exec, exit, credentials)
 *     fanotify sensor ─▶ lookup by pid ─▶ event->process
 *
 * Bounded: at most PROCESS_TABLE_MAX processes; beyond that the least recently used are forgotten and learnt
 * again from /proc. Without the bpf sensor each lookup reads /proc, so that a pid that is used again is never
 * taken for its predecessor, and a program that this process may not see is empty rather than out of date.
 * A process that ended stays known for a while, for events that come after its end.
 */
#pragma once

#include "wire/event_build.h"

#include <sys/types.h>

#define PROCESS_TABLE_MAX 65536u

struct sensor_process_table;

/* What is known of one process. Strings are owned by the table. */
struct process_entry {
	struct rs_process process; /* its rs_str fields are not used */
	const char *exe_path;
	const char *cgroup;
	const char *container_id;
};

int process_table_new(struct sensor_process_table **ret);
struct sensor_process_table *process_table_free(struct sensor_process_table *table);

/* Reads all of /proc; call while still privileged, so that executables can be read. */
int process_table_scan(struct sensor_process_table *table);

/* True when a sensor keeps the table current (fork, exec, exit): then lookups do not read /proc each time. */
void process_table_set_live(struct sensor_process_table *table, bool live);

/* Whether changes of users are reported too (true at first). When they are not, a lookup compares the effective user
 * with the owner of /proc/PID. */
void process_table_set_users_live(struct sensor_process_table *table, bool live);

/*
 * Brings the table up to what the kernel has already reported. The fanotify sensor calls it after it has taken a
 * batch of questions and before it looks at them: an exec that came before an open is then known. Events that
 * were waiting are delivered inside. Does nothing without a live sensor.
 */
void process_table_refresh(struct sensor_process_table *table);
void process_table_set_refresh(struct sensor_process_table *table, void (*fn)(void *data), void *data);

/* The live sensor lost reports: every entry is compared with /proc before it is used again. */
void process_table_doubt(struct sensor_process_table *table);

/* The entry of a live pid, from the table or from /proc; NULL when it is gone. Borrowed until the next call. */
const struct process_entry *process_table_get(struct sensor_process_table *table, pid_t pid);

/* What sensors learn. `process` as in process_entry; strings are copied; NULL keeps what is known. */
void process_table_put(struct sensor_process_table *table, const struct rs_process *process, const char *exe_path,
		       const char *cgroup);
/* A new process: has the executable and, unless its cgroup_id differs, the cgroup of its parent. */
void process_table_fork(struct sensor_process_table *table, const struct rs_process *child);
void process_table_exit(struct sensor_process_table *table, uint64_t process_id);
/* Whether process_table_exit() was called for it; false also when it is not known at all. */
bool process_table_has_ended(struct sensor_process_table *table, uint64_t process_id);

/* A process by its id, living or ended, from memory alone; NULL when it is not there. For the live sensor, which must
 * not take what /proc says now for what was when its report was made. Borrowed until the next call. */
const struct process_entry *process_table_peek(struct sensor_process_table *table, uint64_t process_id);
/* The same into an event; false, and nothing filled, when it is not there. */
bool process_table_fill_id(struct sensor_process_table *table, uint64_t process_id, pid_t tid,
			   struct event_build *build, struct rs_process *to);

/*
 * Fills a struct rs_process of an event, strings included. tid 0: the pid's own. A process that is gone gets its
 * pid and RS_PROCESS_PARTIAL.
 */
void process_table_fill(struct sensor_process_table *table, pid_t pid, pid_t tid, struct event_build *build,
			struct rs_process *to);

/* Platform processes: a pid with all its descendants, or a range of users. Such a process is marked
 * RS_PROCESS_PLATFORM and its accesses raise no auth event. */
void process_table_add_platform_uids(struct sensor_process_table *table, uint32_t first, uint32_t last);
int process_table_add_platform_pid(struct sensor_process_table *table, pid_t pid);
bool process_table_is_platform(struct sensor_process_table *table, pid_t pid);

/* The container id in a cgroup path: the last run of 64 hex digits (docker, containerd, cri-o, podman), else "".
 * Returns its length; *ret points into path. */
size_t process_container_id(const char *cgroup_path, const char **ret);

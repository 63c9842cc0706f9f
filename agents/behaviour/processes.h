/* SPDX-License-Identifier: Apache-2.0 */
/*
 * processes: what is remembered of processes, by the id that no other process gets when the pid is used again. Pure.
 *
 *     event ─▶ processes_see() ─▶ processes_find(), processes_parent() … ─▶ processes_end()
 *
 * So many entries and no more, whatever comes. When it is full those that ended longest ago go first, then those that
 * did nothing for longest; each that goes is counted. A parent that ended stays for as long as there is room: its
 * children are explained by it.
 */
#pragma once

#include <ringside/ringside.h>

#define PROCESS_EXE_SIZE 128u
#define PROCESS_CHAIN_MAX 16u

struct process {
	uint64_t id;
	uint64_t parent_id; /* 0: unknown */
	uint64_t connected_ns; /* when it, or whoever it comes from, last reached out to the network; 0: never */
	uint32_t pid;
	uint32_t parent_pid;
	uint32_t uid;
	uint32_t euid;
	uint32_t told; /* one bit a rule: said already */
	uint32_t older, newer; /* in its list */
	uint32_t next; /* in its bucket */
	bool ended;
	char comm[16];
	char exe[PROCESS_EXE_SIZE]; /* of a long path the end */
};

struct processes {
	struct process *entries;
	uint32_t *buckets;
	uint32_t n_max, n_buckets;
	uint32_t n;
	uint32_t oldest[2], newest[2]; /* of the running, of the ended */
	uint32_t free;
	uint64_t evicted_running, evicted_ended;
};

/* -ENOMEM. */
int processes_init(struct processes *processes, uint32_t n_max);
void processes_deinit(struct processes *processes);

struct process *processes_find(const struct processes *processes, uint64_t id);
/* NULL when it is not known. */
struct process *processes_parent(const struct processes *processes, const struct process *process);

/* The acting process of an event, or another one in it: known from now on, and the one that was used last. A new one
 * takes over from its parent what goes down a tree. Its program is not changed when it is known already. NULL without
 * an id. */
struct process *processes_see(struct processes *processes, const struct rs_event *event, const struct rs_process *from);
/* Its program is the one of the event now (after exec), and so are its users. */
void processes_renew(struct process *process, const struct rs_event *event, const struct rs_process *from);
void processes_end(struct processes *processes, struct process *process);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_world: a machine that exists on paper: processes by their pid that fork, execute and write; each call is an
 * event that goes through all rules at once. For tests and for the bench.
 *
 *     world_begin() ─▶ world_fork(1, 100) ─▶ world_exec(100, "/usr/sbin/nginx") ─▶ … ─▶ world_found("server_shell")
 */
#pragma once

#include "behaviour/detect.h"

#define WORLD_PIDS 4096u

struct world_process {
	uint64_t id, parent_id;
	uint32_t parent_pid, uid;
	char exe[128];
};

struct world {
	struct lists lists;
	struct detect detect;
	struct world_process processes[WORLD_PIDS];
	uint64_t now_ns;
	uint64_t serial; /* of processes */
	uint64_t ino;
	uint32_t found[RULES_MAX]; /* told since world_forget() */
	struct finding last;
	uint64_t buffer[2048];
	uint32_t size;
};

extern struct world world;

/* config: lines of lists; "" for the built-in ones. Process 1 is init. */
void world_begin(const char *config, const struct state_sizes *sizes);
void world_end(void);
void world_wait(uint64_t ms);
void world_forget(void);
/* How many findings of this rule were told; and whether any of any rule. */
uint32_t world_found(const char *rule);
uint32_t world_found_any(void);

void world_fork(uint32_t pid, uint32_t child);
void world_exec(uint32_t pid, const char *path);
void world_exec_file(uint32_t pid, const char *path, const char *script, uint64_t ino, uint32_t flags);
bool world_asks_exec(uint32_t pid, const char *path); /* true: to be denied */
void world_exit(uint32_t pid);
void world_user(uint32_t pid, uint32_t uid);
void world_open(uint32_t pid, const char *path, bool denied);
void world_create(uint32_t pid, const char *path, uint64_t ino);
void world_write(uint32_t pid, const char *path, uint64_t ino);
void world_chmod(uint32_t pid, const char *path, uint64_t ino, uint32_t mode);
void world_rename(uint32_t pid, const char *from, const char *to);
void world_connect(uint32_t pid, uint8_t first_byte, uint16_t port);
void world_ptrace(uint32_t pid, uint32_t target);
void world_write_memory(uint32_t pid, uint32_t target);
void world_lost(uint64_t count);
/* The event that was made last; lives until the next. */
const struct rs_event *world_event(void);

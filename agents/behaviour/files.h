/* SPDX-License-Identifier: Apache-2.0 */
/*
 * files: what happened to files lately: who made or wrote which, and when. Pure.
 *
 * A table that forgets by being overwritten: of two files that share a place the newer one stays, and the loss is
 * counted.
 */
#pragma once

#include <ringside/ringside.h>

struct recent_file {
	struct rs_file_id id;
	uint64_t path_hash;
	uint64_t created_ns; /* 0: was there before */
	uint64_t written_ns;
	uint64_t made_executable_ns;
	uint64_t writer; /* process id; 0: nobody from the network */
	char writer_comm[16];
};

struct files {
	struct recent_file *entries;
	uint32_t n; /* a power of two */
	uint64_t overwritten;
	uint64_t written_ns; /* when anything was last written by somebody from the network */
};

/* n: rounded up to a power of two. -ENOMEM. */
int files_init(struct files *files, uint32_t n);
void files_deinit(struct files *files);

/* NULL when nothing is known of it. Without an inode number the path decides. */
struct recent_file *files_find(const struct files *files, struct rs_file_id id, uint64_t path_hash);
/* By its path alone, what was written from the network since then; looks through all of them, so only while there is
 * such a file. */
struct recent_file *files_find_written(const struct files *files, uint64_t path_hash, uint64_t since_ns);
/* As files_find(); a new one takes the place of another. */
struct recent_file *files_take(struct files *files, struct rs_file_id id, uint64_t path_hash, uint64_t now_ns);
uint64_t files_hash(const char *bytes, size_t size);

/* SPDX-License-Identifier: Apache-2.0 */
/* bpf_handle: what bpf_load.c and bpf_keep.c share: the programs' descriptors. */
#pragma once

#include "sensor/bpf_load.h"

enum bpf_map_index {
	BPF_MAP_RECORDS,
	BPF_MAP_COUNTERS,
	BPF_MAP_VARIABLES, /* of the programs */
	BPF_MAP_FAMILIES,
	BPF_N_MAPS,
};

struct bpf_keep_note;

struct bpf_handle {
	struct bpf_object *object; /* NULL: taken over; then maps and sys_exit_fd are ours, else its */
	void *variables; /* mapped */
	int maps[BPF_N_MAPS];
	int links[BPF_N_HOOKS];
	int sys_exit_fd; /* the dispatcher; -1 */
	int note_fd; /* memfd of note; -1: nothing can be kept */
	struct bpf_keep_note *note; /* mapped; NULL: the same */
	uint64_t lost_told[RECORD_TYPES_MAX]; /* in the place of the note's */
};

/* In bpf_load.c. An empty one, or NULL. */
struct bpf_programs *bpf_handle_new(bool raw);
/* Maps counters and variables. */
int bpf_handle_map(struct bpf_programs *programs);
uint64_t bpf_handle_hash(bool raw);

/* In bpf_keep.c. After loading: writes what can be used into a memfd; without one nothing is kept. */
void bpf_keep_begin(struct bpf_programs *programs);
void bpf_keep_end(struct bpf_programs *programs);

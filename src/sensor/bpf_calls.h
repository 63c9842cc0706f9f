/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bpf_calls: which system calls are seen, by which program, and where their arguments are: one table. A new call is one
 * row. The programs in the kernel read it from the `calls` array, which bpf_calls_want() fills.
 */
#pragma once

#include "bpf/record.h"
#include "wire/session.h"

struct bpf_call {
	int16_t native, compat; /* numbers on the 64-bit and the 32-bit entry; -1: there is none */
	uint8_t family, dir, path, variant;
	uint16_t type; /* of the event it makes */
};

extern const struct bpf_call bpf_calls[];
extern const size_t bpf_n_calls;

/* Name of the call of a credentials record (its number 0), and of a namespace record (its number 1). */
const char *bpf_calls_credentials_name(uint64_t variant);
const char *bpf_calls_namespace_name(uint64_t variant);

/*
 * Fills the kernel's table with the calls that make events of these types, by families whose bit is set in `loaded`.
 * to has RECORD_CALLS_MAX elements and may be in use: each element is written at once. Returns how many calls are
 * wanted.
 */
size_t bpf_calls_want(const struct session_event_set *types, uint64_t loaded, struct record_calls *to);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bpf_load: our programs into the kernel, each on its own terms.
 *
 *     object in this executable ─▶ libbpf (places of fields from the kernel's type information) ─▶ programs, maps
 *
 * A program that the kernel refuses is left out, with the reason, and the rest is loaded anew without it. Needs
 * CAP_BPF and CAP_PERFMON; afterwards the maps are memory, and only bpf_programs_attach_calls() makes calls.
 */
#pragma once

#include "bpf/record.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BPF_REASON_SIZE 96

enum bpf_hook {
	BPF_HOOK_FORK,
	BPF_HOOK_EXEC,
	BPF_HOOK_EXIT,
	BPF_HOOK_SIGNAL,
	BPF_HOOK_MODULE_LOAD,
	BPF_HOOK_SYS_EXIT,
	BPF_N_HOOKS,
};

/* What of it can be used; written by the loader, except for what is said. */
struct bpf_programs {
	struct bpf_handle *handle;
	bool raw; /* plain raw tracepoints instead of typed ones */
	bool hooks[BPF_N_HOOKS]; /* loaded and attached */
	uint64_t families; /* bit for each enum record_family that can be used */
	char hook_reasons[BPF_N_HOOKS][BPF_REASON_SIZE]; /* why not, "" when it can */
	char family_reasons[RECORD_N_FAMILIES][BPF_REASON_SIZE];
	int ring_fd; /* borrowed from the handle */
	size_t ring_size_bytes;
	const struct record_counter *counters; /* n_cpus times RECORD_TYPES_MAX */
	uint32_t n_cpus;
	/* in the programs' own memory; written by the sensor */
	struct record_calls *calls;
	uint32_t *want_signal;
	uint32_t *no_wakeup;
	__u64 *muted_slots;
	__u64 *silent_slots;
	struct record_mute *mutes; /* RECORD_MUTES_MAX */
	/* how much of what the kernel lost was told, by slot; outlives this process with the programs */
	uint64_t *lost_told;
};

/*
 * Loads and attaches everything; system calls are not dispatched before their rows are written. raw: do without typed
 * tracepoints (chosen by itself when the kernel has no type information of its own). -errno with a log line when not
 * even the process hooks could be loaded.
 */
int bpf_programs_new(bool raw, struct bpf_programs **ret);

/*
 * What the next engine needs so that it takes the programs over instead of loading them: they go on recording while
 * there is no engine, and it is back sooner. Borrowed; returns how many.
 */
#define BPF_KEPT_MAX 16
size_t bpf_programs_kept(const struct bpf_programs *programs, int ret_fds[BPF_KEPT_MAX]);
/* Takes over what another engine's bpf_programs_kept() gave. fds are consumed, also on failure. -ESTALE when they are
 * of another build or make no sense: then load. */
int bpf_programs_adopt(bool raw, const int *fds, size_t n_fds, struct bpf_programs **ret);

struct bpf_programs *bpf_programs_free(struct bpf_programs *programs);

/* Attaches the dispatcher of system calls to, or takes it off, their exit: every call of the machine passes it while it
 * is attached. -errno when the kernel or a seccomp filter refuses (BPF_RAW_TRACEPOINT_OPEN, no capability needed). */
int bpf_programs_attach_calls(struct bpf_programs *programs, bool attached);

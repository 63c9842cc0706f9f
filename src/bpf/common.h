/* SPDX-License-Identifier: Apache-2.0 OR (BSD-2-Clause OR GPL-2.0-only) */
/*
 * common: what every program here is made of: the maps, and the building of a record.
 *
 *     record_begin ─▶ part_… ─▶ record_end ─▶ ring buffer ─▶ sensor/bpf.c
 *
 * A record is put together in memory of this cpu and copied into the ring buffer in its true size: most are a few
 * hundred bytes, the longest 17 KiB. A record that finds no room is counted by type where it happens.
 */
#pragma once

#include "kernel_types.h"
#include "record.h"

/* Typed tracepoints, or, for a kernel that cannot tell its own types, plain ones: the same programs. */
#ifdef RAW_TRACEPOINTS
#define TRACEPOINT(name) SEC("raw_tp/" name)
#else
#define TRACEPOINT(name) SEC("tp_btf/" name)
#endif

/* What follows about this variable is said of this very register: older verifiers do not carry what was learnt of a
 * copy or of a difference. */
#define BOUNDS_HERE(variable) asm volatile("" : "+r"(variable))

#define DATA_SIZE (17 * 1024) /* where a part may begin */
#define DATA_SLACK (RECORD_PATH_MAX + 512) /* what one part may write beyond that */
#define RING_SIZE (16u << 20)
/* The last quarter is for records without which the process table would be wrong. */
#define RING_DISCRETIONARY (RING_SIZE / 4 * 3)
#define RING_SILENT (RING_SIZE / 16) /* beyond this a silent record is none */

struct scratch {
	__u32 busy;
	__u32 slot;
	__u32 offset; /* in data: where the next byte goes */
	__u32 part; /* in data: where the current part begins */
	struct record record;
	__u8 data[DATA_SIZE + DATA_SLACK];
};
_Static_assert(sizeof(struct scratch) <= RECORD_SIZE_MAX,
	       "the sensor maps no more than this beyond the end of the ring");

struct {
	__u32 (*type)[BPF_MAP_TYPE_RINGBUF];
	__u32 (*max_entries)[RING_SIZE];
} records SEC(".maps");

struct {
	__u32 (*type)[BPF_MAP_TYPE_PERCPU_ARRAY];
	__u32 (*max_entries)[1];
	__u32 *key;
	struct scratch *value;
} scratches SEC(".maps");

/* One element a cpu and type; max_entries is set by the loader. */
struct {
	__u32 (*type)[BPF_MAP_TYPE_ARRAY];
	__u32 (*max_entries)[RECORD_TYPES_MAX];
	__u32 (*map_flags)[BPF_F_MMAPABLE];
	__u32 *key;
	struct record_counter *value;
} counters SEC(".maps");

/* Written by the sensor, read here. */
struct record_calls calls[RECORD_CALLS_MAX] = {};
__u32 want_signal = 0;
__u32 no_wakeup = 0; /* the sensor looks by itself, soon */
__u64 muted_slots = 0; /* with anything in mutes */
__u64 silent_slots = 0; /* the sensor looks for these when it needs them, and now and then */
struct record_mute mutes[RECORD_MUTES_MAX] = {};

static const __u16 type_numbers[RECORD_TYPES_MAX] = {
#define X(slot, name, number) [slot] = number,
	RECORD_TYPES(X)
#undef X
};

enum counted {
	COUNTED_PRODUCED,
	COUNTED_LOST,
	COUNTED_MUTED,
};

static __always_inline void count(__u32 slot, enum counted what)
{
	__u32 key = bpf_get_smp_processor_id() * RECORD_TYPES_MAX + slot;
	struct record_counter *counter = bpf_map_lookup_elem(&counters, &key);
	if (!counter)
		return;
	/* atomic: an interrupt on this cpu may count too */
	if (what == COUNTED_MUTED)
		__sync_fetch_and_add(&counter->muted, 1);
	else
		__sync_fetch_and_add(what == COUNTED_PRODUCED ? &counter->produced : &counter->lost, 1);
}

/* Pointers that the verifier knows the type of are followed in place, which costs next to nothing; others by a call. */
#ifdef RAW_TRACEPOINTS
#define TYPED false
#define CURRENT ((struct task_struct *)bpf_get_current_task())
#else
#define TYPED true
#define CURRENT bpf_get_current_task_btf()
#endif
#define FOLLOW(typed, ...) ((typed) ? ___arrow(__VA_ARGS__) : BPF_CORE_READ(__VA_ARGS__))

static __always_inline void process_follow(bool typed, struct record_process *to, struct task_struct *task)
{
	to->start_ns = FOLLOW(typed, task, group_leader, start_boottime);
	to->parent_start_ns = FOLLOW(typed, task, real_parent, group_leader, start_boottime);
	to->cgroup_id = FOLLOW(typed, task, cgroups, dfl_cgrp, kn, id);
	to->pid = FOLLOW(typed, task, tgid);
	to->tid = FOLLOW(typed, task, pid);
	to->parent_pid = FOLLOW(typed, task, real_parent, tgid);
	to->uid = FOLLOW(typed, task, cred, uid.val);
	to->gid = FOLLOW(typed, task, cred, gid.val);
	to->euid = FOLLOW(typed, task, cred, euid.val);
	to->egid = FOLLOW(typed, task, cred, egid.val);
	/* a kernel without audit has neither */
	to->login_uid = bpf_core_field_exists(task->loginuid) ? FOLLOW(typed, task, loginuid.val) : ~0u;
	to->login_session = bpf_core_field_exists(task->sessionid) ? FOLLOW(typed, task, sessionid) : ~0u;
	to->reserved = 0;
	struct task_struct *leader = FOLLOW(typed, task, group_leader);
	bpf_probe_read_kernel_str(to->comm, sizeof(to->comm), &leader->comm);
}

/* task: from a tracepoint, or the current one. */
static __noinline void process_read(struct record_process *to, struct task_struct *task)
{
	if (to)
		process_follow(TYPED, to, task);
}

/* task: found in the kernel's memory. */
static __noinline void process_read_found(struct record_process *to, struct task_struct *task)
{
	if (to)
		process_follow(false, to, task);
}

static __always_inline struct scratch *scratch_get(void)
{
	__u32 key = 0;
	return bpf_map_lookup_elem(&scratches, &key);
}

static __always_inline bool mutes_have(__u64 key, __u32 slot)
{
	__u32 at = RECORD_MUTE_PLACE(key);
#pragma unroll
	for (__u32 i = 0; i < RECORD_MUTE_PROBES; i++) {
		const volatile struct record_mute *mute = &mutes[(at + i) & (RECORD_MUTES_MAX - 1)];
		if (mute->key != key)
			continue;
		__u64 slots = mute->slots;
		/* the place may get another key meanwhile: its slots are 0 before that */
		return mute->key == key && slots >> (slot & (RECORD_TYPES_MAX - 1)) & 1;
	}
	return false;
}

static __noinline bool is_muted(__u32 slot)
{
	struct task_struct *task = CURRENT;
	__u64 start_ns = FOLLOW(TYPED, task, group_leader, start_boottime);
	__u64 uid = FOLLOW(TYPED, task, cred, uid.val), pid = bpf_get_current_pid_tgid() >> 32;
	return mutes_have(start_ns / RECORD_TICK_NS << RECORD_PID_BITS | pid, slot) ||
	       mutes_have(RECORD_MUTE_USER | uid, slot);
}

/* NULL, and counted, when all have muted who does this, or when this cpu is in the middle of another record. */
static __noinline struct scratch *record_begin(__u32 slot)
{
	struct scratch *s = scratch_get();
	if (!s)
		return NULL;
	if (muted_slots >> (slot & (RECORD_TYPES_MAX - 1)) & 1 && is_muted(slot)) {
		count(slot, COUNTED_MUTED);
		return NULL;
	}
	if (__sync_fetch_and_add(&s->busy, 1) != 0) {
		__sync_fetch_and_add(&s->busy, -1);
		count(slot, COUNTED_LOST);
		return NULL;
	}
	s->slot = slot;
	s->offset = 0;
	s->record.type = type_numbers[slot & (RECORD_TYPES_MAX - 1)];
	s->record.flags = 0;
	s->record.monotonic_ns = bpf_ktime_get_ns();
	__builtin_memset(s->record.numbers, 0, sizeof(s->record.numbers));
	process_read(&s->record.process, CURRENT);
	return s;
}

static __always_inline void record_drop(struct scratch *s)
{
	__sync_fetch_and_add(&s->busy, -1);
}

/* Without a flag the kernel wakes only who has taken all that came before, silent records too. */
static __always_inline __u64 wakeup_flags(__u32 slot)
{
	__u64 silent = silent_slots;
	if (no_wakeup)
		return BPF_RB_NO_WAKEUP;
	if (silent == 0)
		return 0;
	if (silent >> (slot & (RECORD_TYPES_MAX - 1)) & 1 &&
	    bpf_ringbuf_query(&records, BPF_RB_AVAIL_DATA) < RING_SILENT)
		return BPF_RB_NO_WAKEUP;
	return BPF_RB_FORCE_WAKEUP;
}

static __noinline void record_send(struct scratch *s, bool essential)
{
	__u32 size = sizeof(s->record) + s->offset;
	__u64 flags = wakeup_flags(s->slot);
	long r = -1;
	if (size <= sizeof(s->record) + sizeof(s->data) &&
	    (essential || bpf_ringbuf_query(&records, BPF_RB_AVAIL_DATA) < RING_DISCRETIONARY)) {
		s->record.size = size;
		r = bpf_ringbuf_output(&records, &s->record, size, flags);
	}
	count(s->slot, r == 0 ? COUNTED_PRODUCED : COUNTED_LOST);
	record_drop(s);
}

/* Begins a part of at least `fixed` bytes (at most 256) and returns its payload; NULL when the record is full. */
static __always_inline void *part_begin(struct scratch *s, __u16 kind, __u32 fixed)
{
	__u32 offset = s->offset;
	if (offset > DATA_SIZE) {
		s->record.flags |= RECORD_CUT;
		return NULL;
	}
	struct record_part *part = (struct record_part *)&s->data[offset];
	part->kind = kind;
	part->reserved = 0;
	part->size = fixed;
	s->part = offset;
	s->offset = offset + sizeof(*part) + fixed;
	return part + 1;
}

static __always_inline void part_end(struct scratch *s)
{
	__u32 part = s->part, offset = s->offset;
	if (part <= DATA_SIZE)
		((struct record_part *)&s->data[part])->size = offset - part - sizeof(struct record_part);
	s->offset = (offset + 7) & ~7u;
}

static __noinline void part_process(struct scratch *s, struct task_struct *task)
{
	struct record_process *to = part_begin(s, RECORD_PART_PROCESS, sizeof(*to));
	if (!to)
		return;
	process_read(to, task);
	part_end(s);
}

static __noinline void part_process_found(struct scratch *s, struct task_struct *task)
{
	struct record_process *to = part_begin(s, RECORD_PART_PROCESS, sizeof(*to));
	if (!to)
		return;
	process_read_found(to, task);
	part_end(s);
}

enum text_source {
	TEXT_USER_STRING,
	TEXT_KERNEL_STRING,
	TEXT_USER_BYTES,
};

/* Adds bytes to the current part: a string without its NUL, or exactly `most` bytes. Returns how many. */
static __always_inline __u32 append(struct scratch *s, enum text_source source, const void *from, __u32 most)
{
	__u32 offset = s->offset;
	BOUNDS_HERE(most);
	if (offset > DATA_SIZE + 256 || most > RECORD_PATH_MAX)
		return 0;
	long r;
	if (source == TEXT_USER_BYTES)
		r = bpf_probe_read_user(&s->data[offset], most, from) == 0 ? most : 0;
	else if (source == TEXT_USER_STRING)
		r = bpf_probe_read_user_str(&s->data[offset], most, from) - 1;
	else
		r = bpf_probe_read_kernel_str(&s->data[offset], most, from) - 1;
	if (r <= 0 || r > RECORD_PATH_MAX)
		return 0;
	if (source != TEXT_USER_BYTES && r == most - 1)
		s->record.flags |= RECORD_CUT;
	s->offset = offset + r;
	return r;
}

static __noinline void part_text(struct scratch *s, enum text_source source, const void *from, __u32 most)
{
	if (!part_begin(s, RECORD_PART_TEXT, 0))
		return;
	if (from && source == TEXT_USER_STRING)
		append(s, TEXT_USER_STRING, from, most);
	else if (from && source == TEXT_KERNEL_STRING)
		append(s, TEXT_KERNEL_STRING, from, most);
	else if (from)
		append(s, TEXT_USER_BYTES, from, most);
	part_end(s);
}

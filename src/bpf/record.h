/* SPDX-License-Identifier: Apache-2.0 OR (BSD-2-Clause OR GPL-2.0-only) */
/*
 * record: what our programs in the kernel write and the sensor reads. Included by both; fixed width, sizes asserted
 * on both sides.
 *
 *     struct record | struct record_part, payload, padding to 8 | struct record_part …
 *
 * A record's type is the number of its event. Its parts come in the order of the table in sensor/bpf_record.c.
 * The sensor trusts none of it: a part that does not lie within its record is counted as an error.
 */
#pragma once

#ifndef __bpf__
#include <linux/types.h>
#endif

#define RECORD_TYPES_MAX 64u /* counters for each cpu; a type's slot is in record_slots */
#define RECORD_CALLS_MAX 1024u
#define RECORD_PATH_MAX 4096u
#define RECORD_SIZE_MAX 65536u /* of a whole record with the kernel's head */
#define RECORD_DNS_MAX 512u
#define RECORD_NUMBERS 6u

/* slot in the counters, name, number of the event */
#define RECORD_TYPES(X) \
	X(0, FORK, 101) \
	X(1, EXEC, 102) \
	X(2, EXIT, 103) \
	X(3, CREDENTIALS, 104) \
	X(4, NAMESPACE, 105) \
	X(5, PTRACE, 106) \
	X(6, SIGNAL, 107) \
	X(7, MEMORY_WRITE, 108) \
	X(8, CREATE, 203) \
	X(9, UNLINK, 204) \
	X(10, RENAME, 205) \
	X(11, LINK, 206) \
	X(12, TRUNCATE, 207) \
	X(13, MODE, 208) \
	X(14, OWNER, 209) \
	X(15, XATTR, 210) \
	X(16, MAP_EXEC, 301) \
	X(17, MEMFD, 302) \
	X(18, PROTECT_EXEC, 303) \
	X(19, CONNECT, 401) \
	X(20, BIND, 402) \
	X(21, LISTEN, 403) \
	X(22, ACCEPT, 404) \
	X(23, DNS_QUESTION, 405) \
	X(24, MODULE_LOAD, 501) \
	X(25, BPF_LOAD, 502) \
	X(26, KEXEC, 503) \
	X(27, MOUNT, 504) \
	X(28, UNMOUNT, 505)

enum record_slot {
#define X(slot, name, number) RECORD_##name = slot,
	RECORD_TYPES(X)
#undef X
		RECORD_N_SLOTS
};

/* A program for system calls that are alike; what the dispatcher jumps to. 0: nobody wants this call. */
enum record_family {
	RECORD_FAMILY_NONE,
	RECORD_FAMILY_CREDENTIALS,
	RECORD_FAMILY_NAMESPACE,
	RECORD_FAMILY_PTRACE,
	RECORD_FAMILY_MEMORY_WRITE,
	RECORD_FAMILY_OPEN,
	RECORD_FAMILY_CREATE,
	RECORD_FAMILY_UNLINK,
	RECORD_FAMILY_RENAME,
	RECORD_FAMILY_TRUNCATE,
	RECORD_FAMILY_MODE,
	RECORD_FAMILY_OWNER,
	RECORD_FAMILY_XATTR,
	RECORD_FAMILY_MMAP,
	RECORD_FAMILY_MPROTECT,
	RECORD_FAMILY_MEMFD,
	RECORD_FAMILY_CONNECT,
	RECORD_FAMILY_BIND,
	RECORD_FAMILY_LISTEN,
	RECORD_FAMILY_ACCEPT,
	RECORD_FAMILY_DNS_SEND,
	RECORD_FAMILY_DNS_MESSAGE,
	RECORD_FAMILY_MODULE,
	RECORD_FAMILY_BPF,
	RECORD_FAMILY_KEXEC,
	RECORD_FAMILY_MOUNT,
	RECORD_FAMILY_UNMOUNT,
	RECORD_FAMILY_SOCKETCALL,
	RECORD_N_FAMILIES
};

/* How a call of a family takes its arguments: the programs of a family serve all of its calls by it. One entry for
 * each system call number and each of the two entries (64-bit, 32-bit). */
struct record_call {
	__u8 family; /* enum record_family; 0: not wanted */
	__u8 dir; /* argument with a directory descriptor, or RECORD_CALL_CWD or RECORD_CALL_FD */
	__u8 path; /* argument with a path, or with the descriptor itself for RECORD_CALL_FD */
	__u8 variant; /* the family's own */
};

#define RECORD_CALL_CWD 0xff /* the path begins at the working directory */
#define RECORD_CALL_FD 0xfe /* no path: argument `path` is a descriptor of the file */

struct record_calls {
	struct record_call native;
	struct record_call compat;
} __attribute__((aligned(8))); /* read as one word */

enum record_flags {
	RECORD_CUT = 1 << 0, /* something in it was longer than could be carried */
};

struct record_process {
	__u64 start_ns; /* of the thread group, CLOCK_BOOTTIME */
	__u64 parent_start_ns;
	__u64 cgroup_id;
	__u32 pid, tid, parent_pid;
	__u32 uid, gid, euid, egid;
	__u32 login_uid, login_session;
	__u32 reserved;
	char comm[16];
};

struct record {
	__u32 size; /* with all parts */
	__u16 type; /* number of the event */
	__u16 flags;
	__u64 monotonic_ns;
	struct record_process process; /* who did it */
	__u64 numbers[RECORD_NUMBERS]; /* the type's own; see sensor/bpf_record.c */
};

enum record_part_kind {
	RECORD_PART_PROCESS = 1,
	RECORD_PART_FILE = 2,
	RECORD_PART_ADDR = 3,
	RECORD_PART_TEXT = 4,
};

struct record_part {
	__u16 kind;
	__u16 reserved;
	__u32 size; /* of the payload, without padding */
};

enum record_file_flags {
	RECORD_FILE_DELETED = 1 << 0,
	RECORD_FILE_PSEUDO = 1 << 1, /* has no place in the tree: the walk is its name alone */
	RECORD_FILE_CUT = 1 << 2,
};

/* Payload of a FILE part: this, then `text_size` bytes of a path as the process gave it, then `walk_size` bytes: names
 * from the last to the first, each with its NUL. With text, the walk is the directory where it begins. */
struct record_file {
	__u64 ino;
	__u64 size_bytes, mtime_ns, ctime_ns;
	__u32 dev; /* the kernel's own form: major << 20 | minor */
	__u32 mode, uid, gid;
	__u32 flags;
	__u16 text_size, walk_size;
};

/* Payload of an ADDR part: this, then path_size bytes for AF_UNIX. */
struct record_addr {
	__u16 family;
	__u16 port; /* of this machine's byte order */
	__u32 scope_id;
	__u8 bytes[16];
	__u32 path_size;
	__u32 protocol;
};

/* For each cpu and slot; in memory that the sensor maps, so that reading takes no call. */
struct record_counter {
	__u64 produced; /* in the ring buffer */
	__u64 lost; /* had no room there */
	__u64 muted; /* nobody who subscribed wants it of this process or user */
};

/* What all who subscribed have muted: a table with open addressing, RECORD_MUTE_PROBES places from a key's own. */
#define RECORD_MUTES_MAX 1024u
#define RECORD_MUTE_PROBES 8u
#define RECORD_MUTE_PLACE(key) ((__u32)((key) * 0x9e3779b97f4a7c15ull >> 54))
#define RECORD_MUTE_USER (1ull << 63) /* with a user; else a process by its unique id */
#define RECORD_TICK_NS 10000000ull /* of the start in that id */
#define RECORD_PID_BITS 22

struct record_mute {
	__u64 key; /* 0: empty */
	__u64 slots; /* a bit for each enum record_slot */
};

_Static_assert(sizeof(struct record_process) == 80, "record size");
_Static_assert(sizeof(struct record) == 144, "record size");
_Static_assert(sizeof(struct record_part) == 8, "record size");
_Static_assert(sizeof(struct record_file) == 56, "record size");
_Static_assert(sizeof(struct record_addr) == 32, "record size");
_Static_assert(sizeof(struct record_counter) == 24, "record size");
_Static_assert(sizeof(struct record_mute) == 16, "record size");
_Static_assert(RECORD_TYPES_MAX <= 64, "a bit for each slot");
_Static_assert(sizeof(struct record_calls) == 8, "record size");
_Static_assert(RECORD_N_SLOTS <= RECORD_TYPES_MAX, "a counter for each type");

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ringside/event.h: the fixed part of every event.
 *
 * An event is one contiguous record:
 *
 *     struct rs_event | body (struct rs_event_<name>, see events.h) | bytes of the strings
 *
 * Everything is in the byte order of this machine. Offsets count from the first byte of the record. Structs
 * grow only at their end: a reader built against an older contract sees a longer struct and ignores the rest;
 * a reader built against a newer one checks `header_size` / `body_size` before it reads a field (the accessors
 * in events.h do this and return NULL).
 *
 * Since contract 1.
 */
#ifndef RINGSIDE_EVENT_H
#define RINGSIDE_EVENT_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Bytes that belong to an event: not necessarily UTF-8, may hold newlines; followed by one NUL that is not
 * counted. An absent string has offset 0 and size 0. */
struct rs_str {
	uint32_t offset;
	uint32_t size;
};

/* Identity of a file: device as in stat(2) st_dev, inode number. Both 0 when unknown. */
struct rs_file_id {
	uint64_t dev;
	uint64_t ino;
};

/* A file as it was when the event was taken. Fields that the sensor did not learn are 0. */
struct rs_file {
	struct rs_file_id id;
	uint64_t size_bytes;
	uint64_t mtime_ns; /* CLOCK_REALTIME */
	uint64_t ctime_ns; /* CLOCK_REALTIME */
	uint32_t mode; /* st_mode: type and permissions */
	uint32_t uid;
	uint32_t gid;
	uint32_t flags; /* enum rs_file_flags */
	struct rs_str path; /* as seen from the mount namespace of the platform, at most 4,096 bytes */
};

enum rs_file_flags {
	RS_FILE_PATH_CUT = 1 << 0, /* the path was longer than the sensor could carry: its end is kept */
	RS_FILE_PATH_LEXICAL = 1 << 1, /* joined from a directory and an argument, not resolved by the kernel */
	RS_FILE_DELETED = 1 << 2, /* had no name any more */
	RS_FILE_MEMFD = 1 << 3, /* lives in memory only */
};

/* A socket address. `family` is AF_INET, AF_INET6 or AF_UNIX; bytes in network order, port in host order. */
struct rs_addr {
	uint16_t family;
	uint16_t port;
	uint32_t scope_id;
	uint8_t bytes[16]; /* AF_INET uses the first 4 */
	struct rs_str path; /* AF_UNIX only */
};

/*
 * A process. `id` is unique until the machine restarts, even when the pid is used again:
 * (start time in clock ticks since boot << 22) | pid, from field 22 of /proc/PID/stat (proc_pid_stat(5)).
 */
struct rs_process {
	uint64_t id;
	uint64_t parent_id; /* 0 when unknown */
	uint64_t start_ns; /* since boot, CLOCK_BOOTTIME, in steps of one clock tick */
	uint64_t cgroup_id; /* cgroup v2 id, 0 when unknown */
	uint32_t pid; /* process (thread group), in the initial pid namespace */
	uint32_t tid;
	uint32_t parent_pid;
	uint32_t uid;
	uint32_t gid;
	uint32_t euid;
	uint32_t egid;
	uint32_t login_uid; /* audit login uid, 0xffffffff when unset */
	uint32_t login_session; /* audit session id, 0xffffffff when unset */
	uint32_t flags; /* enum rs_process_flags */
	struct rs_file_id exe;
	struct rs_str exe_path;
	struct rs_str cgroup; /* path in its hierarchy */
	struct rs_str container_id; /* 64 (or fewer) hexadecimal digits, empty outside of a container */
	char comm[16];
};

enum rs_process_flags {
	RS_PROCESS_PARTIAL = 1 << 0, /* the process was gone, or hidden, before all of it was learnt */
	RS_PROCESS_PLATFORM = 1 << 1, /* a process of Ringside itself or of an agent */
};

/* The head of every event. */
struct rs_event {
	uint32_t size; /* of the whole record, in bytes */
	uint16_t type; /* enum rs_event_type, see events.h */
	uint16_t flags; /* enum rs_event_flags */
	uint16_t header_size; /* sizeof(struct rs_event) of the writer */
	uint16_t reserved; /* 0 */
	uint32_t body_offset;
	uint32_t body_size;
	uint32_t reserved2; /* 0 */
	uint64_t id; /* of this event on this machine since boot: what `ringside explain` takes */
	uint64_t seq; /* for this agent, starts at 1; a gap means loss, and a `lost` event says how much */
	uint64_t type_seq; /* the same per event type */
	uint64_t monotonic_ns; /* CLOCK_MONOTONIC when the kernel or the engine took the event */
	uint64_t wall_ns; /* CLOCK_REALTIME at the same moment */
	uint64_t deadline_ns; /* CLOCK_MONOTONIC until which an answer counts; 0 for notify events */
	struct rs_process process; /* who did it */
};

enum rs_event_flags {
	RS_EVENT_IS_AUTH = 1 << 0, /* wants an answer by rs_respond_allow() or rs_respond_deny() */
	RS_EVENT_HAS_FD = 1 << 1, /* rs_event_fd() gives a read-only descriptor of the file */
	RS_EVENT_CUT = 1 << 2, /* something in it was longer than could be carried */
	RS_EVENT_REPLAYED = 1 << 3, /* comes from a recording or a generator, not from the kernel */
	RS_EVENT_SHADOW = 1 << 4, /* the answer will be recorded and not applied */
};

/* Limits of contract 1. */
#define RS_EVENT_SIZE_MAX 65536u
#define RS_PATH_SIZE_MAX 4096u
#define RS_REASON_SIZE_MAX 255u

/* The bytes of a string of this event, or "" when it is absent or does not lie within the event. Never NULL.
 * ret_size may be NULL. The bytes live as long as the event. */
static inline const char *rs_str_get(const struct rs_event *event, struct rs_str str, size_t *ret_size)
{
	if (str.offset == 0 || str.offset >= event->size || str.size >= event->size - str.offset) {
		if (ret_size)
			*ret_size = 0;
		return "";
	}
	if (ret_size)
		*ret_size = str.size;
	return (const char *)event + str.offset;
}

#ifdef __cplusplus
}
#endif
#endif

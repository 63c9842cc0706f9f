/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ringside.h: the SDK. An agent includes this one header and links with -lringside.
 *
 *     rs_agent_open ─▶ rs_agent_subscribe, rs_agent_mute_* ─▶ rs_agent_ready
 *         ─▶ rs_agent_next ─▶ rs_respond_allow / rs_respond_deny ─▶ rs_agent_next … ─▶ rs_agent_close
 *
 * Every call returns 0 or a positive result, or a negative errno value. No call keeps a thread; state changes
 * only inside rs_agent_next(). A struct rs_agent must be used by one thread at a time; several agents in one
 * process are independent.
 *
 * Since contract 1.
 */
#ifndef RINGSIDE_RINGSIDE_H
#define RINGSIDE_RINGSIDE_H

#include <ringside/event.h>
#include <ringside/events.h>
#include <stdbool.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define RS_CONTRACT 1
#define RS_API __attribute__((visibility("default")))

struct rs_agent;

/* Options grow at their end; set `size` to sizeof. NULL means defaults everywhere. */
struct rs_agent_opts {
	size_t size;
	const char *version;         /* of the agent, at most 63 bytes; shown wherever it is named */
	const char *content_version; /* of what it interprets, at most 63 bytes */
	int fd;        /* lifeline descriptor, consumed; 0 (not set): the number in $RINGSIDE_FD */
};

RS_API int rs_agent_open(const struct rs_agent_opts *opts, struct rs_agent **ret);
RS_API void rs_agent_close(struct rs_agent *agent);

RS_API const char *rs_agent_name(const struct rs_agent *agent);
RS_API bool rs_agent_is_shadow(const struct rs_agent *agent);

enum rs_ability_state {
	RS_UNAVAILABLE = 0,
	RS_DISCRETIONARY = 1,
	RS_MANDATORY = 2,
};

struct rs_ability {
	size_t size;
	enum rs_ability_state state;
	bool granted;
	const char *reason; /* lives as long as the agent's session */
};

RS_API int rs_agent_ability(const struct rs_agent *agent, enum rs_event_type type, struct rs_ability *ret);

struct rs_subscribe_opts {
	size_t size;
	uint32_t deadline_ms;    /* for auth events: shorter than the operator's; 0: the operator's */
	bool with_fd;            /* auth events bring a read-only descriptor */
	bool state_essential;    /* fork, exec, exit come even from muted processes */
};

RS_API int rs_agent_subscribe(struct rs_agent *agent, const enum rs_event_type *types, size_t n_types,
			      const struct rs_subscribe_opts *opts);
RS_API int rs_agent_unsubscribe(struct rs_agent *agent, const enum rs_event_type *types, size_t n_types);

enum rs_mute_kind {
	RS_MUTE_PROCESS = 1,
	RS_MUTE_EXE = 2,
	RS_MUTE_EXE_PREFIX = 3,
	RS_MUTE_TARGET = 4,
	RS_MUTE_TARGET_PREFIX = 5,
	RS_MUTE_UID = 6,
	RS_MUTE_CGROUP = 7,
};

/* types NULL: for all. */
RS_API int rs_agent_mute_path(struct rs_agent *agent, enum rs_mute_kind kind, const char *path,
			      const enum rs_event_type *types, size_t n_types);
RS_API int rs_agent_mute_number(struct rs_agent *agent, enum rs_mute_kind kind, uint64_t number,
				const enum rs_event_type *types, size_t n_types);
RS_API int rs_agent_unmute_path(struct rs_agent *agent, enum rs_mute_kind kind, const char *path,
				const enum rs_event_type *types, size_t n_types);
RS_API int rs_agent_unmute_number(struct rs_agent *agent, enum rs_mute_kind kind, uint64_t number,
				  const enum rs_event_type *types, size_t n_types);
RS_API int rs_agent_unmute_all(struct rs_agent *agent, enum rs_mute_kind kind);
RS_API int rs_agent_invert(struct rs_agent *agent, enum rs_mute_kind kind, bool inverted);

RS_API int rs_agent_ready(struct rs_agent *agent);

/* For loops of the agent's own: becomes readable when rs_agent_next() has something to do. */
RS_API int rs_agent_fd(const struct rs_agent *agent);

/* 1: *ret is the next event, valid until the next call; 0: time is over; -errno. timeout_ms as in poll(2). */
RS_API int rs_agent_next(struct rs_agent *agent, int timeout_ms, const struct rs_event **ret);

/* A copy that lives until free(); for answering later. */
RS_API int rs_event_copy(const struct rs_event *event, struct rs_event **ret);

/* Read-only descriptor of the file of an auth event, owned by the SDK until the event is answered. Use pread(2):
 * its file offset is shared with other agents. */
RS_API int rs_event_fd(struct rs_agent *agent, const struct rs_event *event);

enum rs_allow_flags {
	RS_ALLOW_CACHE = 1 << 0,
};

struct rs_deny_opts {
	size_t size;
	const char *rule;   /* id of the rule, at most 63 bytes */
	const char *reason; /* at most 255 bytes */
};

RS_API int rs_respond_allow(struct rs_agent *agent, const struct rs_event *event, uint32_t flags);
RS_API int rs_respond_deny(struct rs_agent *agent, const struct rs_event *event, const struct rs_deny_opts *opts);
RS_API int64_t rs_respond_time_left_ns(const struct rs_event *event);

RS_API int rs_agent_content_changed(struct rs_agent *agent, const char *content_version);

/* One JSON object, no newline at the end. Returns its size, or -ENOBUFS. */
RS_API ssize_t rs_event_to_json(const struct rs_event *event, char *buffer, size_t size);
RS_API const char *rs_event_name(uint16_t type);
RS_API int rs_event_type_by_name(const char *name);

RS_API const char *rs_version(void);

#ifdef __cplusplus
}
#endif
#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ringside.h: the SDK. An agent includes this one header and links with -lringside (pkg-config: ringside).
 *
 *     rs_agent_open ─▶ rs_agent_subscribe, rs_agent_mute_* ─▶ rs_agent_ready
 *         ─▶ rs_agent_next ─▶ rs_respond_allow / rs_respond_deny ─▶ rs_agent_next … ─▶ rs_agent_close
 *
 * Results. 0 or a positive number, or a negative errno value; a call that fails changes nothing and leaves its
 * outputs untouched, unless it says otherwise.
 *
 * Threads, signals, state. The SDK starts no thread, installs no signal handler, has no global state and does not
 * use the one of the C library. A struct rs_agent is used by one thread at a time; several agents in one process are
 * independent. Events are delivered, and rings changed, only inside rs_agent_next(). Calls named "a request" below
 * send one message and wait for the reply of the engine.
 *
 * Restart of the engine. It is invisible: the next engine is told, in this order, all inversions, mutes,
 * subscriptions that were accepted and that the agent is ready. An engine_restarted event says what the gap was.
 * Questions of the engine that ended are over: answers to them return -EALREADY.
 *
 * What every request may return besides what is written at it:
 *     -ESHUTDOWN   the platform is gone: it has closed the lifeline and the session has ended. Exit.
 *     -ETIMEDOUT   an engine is there and did not reply within 30 seconds. The session is over; the next is waited
 *                  for by the next call.
 *     -EPROTO      the engine broke the contract. The session is over; the next is waited for by the next call.
 *     -ENOMEM, -EMFILE, -ENFILE   this process or machine has no more of it
 *     other        the error with which the engine refused
 *
 * Ownership. What a call takes is copied, unless it says "consumed". What a call gives belongs to the SDK, unless it
 * says otherwise.
 *
 * Bytes. Strings of events are bytes: not necessarily UTF-8, perhaps with newlines. Times are in nanoseconds where
 * the name ends in _ns, milliseconds where it ends in _ms.
 *
 * Everything here is since contract 1.
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

/* One session of one agent with the platform, over restarts of the engine. Opaque. */
struct rs_agent;

/*
 * Options grow at their end. Set `size` to sizeof the struct; what is left 0 is the default; NULL instead of options
 * means all defaults. A call returns -EINVAL when `size` is not set, and -E2BIG when the caller is newer than this
 * library and has set a field that the library does not know.
 */
struct rs_agent_opts {
	size_t size;
	const char *version; /* of the agent, at most 63 bytes; shown wherever it is named */
	const char *content_version; /* of what it interprets, at most 63 bytes */
	int fd; /* lifeline descriptor, consumed; 0 (not set): the number in $RINGSIDE_FD */
};

/*
 * Connects with the platform: takes the lifeline over, waits until the platform has an engine (without a limit: it
 * will have one, or end the lifeline), shakes hands. No event comes before rs_agent_ready(). The lifeline is consumed
 * also on failure, unless the options themselves are refused.
 *
 * ret: *ret is the agent, to be closed with rs_agent_close().
 * 0, or
 *     -EINVAL            ret is NULL, or the options have no size
 *     -E2BIG             a version is longer than 63 bytes, or see struct rs_agent_opts
 *     -ENOTCONN          no descriptor was given and $RINGSIDE_FD is not a number: not started by the platform
 *     -EBADF, -ENOTSOCK, -EPROTOTYPE   the descriptor is not open, not a socket, not a lifeline
 *     -EPROTONOSUPPORT   the engine speaks no contract that this SDK speaks
 *     or what every request may return.
 * Since contract 1.
 */
RS_API int rs_agent_open(const struct rs_agent_opts *opts, struct rs_agent **ret);

/*
 * Says goodbye and frees everything; questions that are still open count as not answered. The current event, and the
 * descriptors of questions, are gone. NULL is allowed. Since contract 1.
 */
RS_API void rs_agent_close(struct rs_agent *agent);

/* The name by which the platform knows this agent: the platform's word, not the agent's. Lives as long as the agent;
 * "" for NULL. Since contract 1. */
RS_API const char *rs_agent_name(const struct rs_agent *agent);

/* Whether answers are recorded and not applied. May change when the engine is restarted. Since contract 1. */
RS_API bool rs_agent_is_shadow(const struct rs_agent *agent);

enum rs_ability_state {
	RS_UNAVAILABLE = 0, /* this machine cannot give the event */
	RS_DISCRETIONARY = 1, /* it can, but the event can be bypassed or missed: `reason` says how */
	RS_MANDATORY = 2, /* it can, and every such operation is seen */
};

struct rs_ability {
	size_t size; /* set it to sizeof(struct rs_ability) before the call */
	enum rs_ability_state state;
	bool granted; /* this agent may subscribe to it */
	const char *reason; /* in words, perhaps ""; lives until the next call that takes this agent */
};

/*
 * What this machine can deliver of an event type, and whether this agent may have it.
 * ret: filled in.
 * 0, or -EINVAL: an argument is NULL, the size is too small, or the type is not in this SDK's catalogue.
 * Since contract 1.
 */
RS_API int rs_agent_ability(const struct rs_agent *agent, enum rs_event_type type, struct rs_ability *ret);

struct rs_subscribe_opts {
	size_t size;
	uint32_t deadline_ms; /* for auth events: shorter than the operator's, longer is cut to it; 0: the operator's */
	bool with_fd; /* auth events bring a read-only descriptor of the file: rs_event_fd() */
	bool state_essential; /* fork, exec, exit come even from muted processes */
};

/*
 * A request: from now on deliver these types, with these options. A type that is subscribed already gets the new
 * options. All or none.
 * 0, or
 *     -EINVAL       an argument is NULL, there is no type, a type is not in the catalogue, or bad options
 *     -EOPNOTSUPP   a type is unavailable on this machine: see rs_agent_ability()
 *     -EACCES       a type is not granted to this agent
 *     or what every request may return.
 * Since contract 1.
 */
RS_API int rs_agent_subscribe(struct rs_agent *agent, const enum rs_event_type *types, size_t n_types,
			      const struct rs_subscribe_opts *opts);

/*
 * A request: deliver these types no more. Events that are in the ring already still come. What was not subscribed is
 * no error. 0, or -EINVAL as above, or what every request may return. Since contract 1.
 */
RS_API int rs_agent_unsubscribe(struct rs_agent *agent, const enum rs_event_type *types, size_t n_types);

/* What a mute is about. Paths are bytes as in events: absolute, 1 to 4,096 bytes. */
enum rs_mute_kind {
	RS_MUTE_PROCESS = 1, /* number: `id` of the acting process */
	RS_MUTE_EXE = 2, /* path of the acting process's executable */
	RS_MUTE_EXE_PREFIX = 3, /* the same, everything that begins with it */
	RS_MUTE_TARGET = 4, /* path of a file in the event */
	RS_MUTE_TARGET_PREFIX = 5, /* the same, everything that begins with it */
	RS_MUTE_UID = 6, /* number: real user of the acting process */
	RS_MUTE_CGROUP = 7, /* number: `cgroup_id` of the acting process */
};

/*
 * A request: do not deliver events that match. types: for these types, added to those already muted for the same
 * kind and path; NULL: for all types. A muted auth event is not asked of this agent, as if it had allowed.
 * 0, or
 *     -EINVAL         an argument is NULL, the kind takes no path, the path is empty or not absolute, types is given
 *                     with n_types 0, or a type is not in the catalogue
 *     -ENAMETOOLONG   the path is longer than 4,096 bytes
 *     -ENOSPC         the engine holds as many mutes of this agent as it will
 *     or what every request may return.
 * Since contract 1.
 */
RS_API int rs_agent_mute_path(struct rs_agent *agent, enum rs_mute_kind kind, const char *path,
			      const enum rs_event_type *types, size_t n_types);

/* The same for the kinds that take a number. 0, or errors as above. Since contract 1. */
RS_API int rs_agent_mute_number(struct rs_agent *agent, enum rs_mute_kind kind, uint64_t number,
				const enum rs_event_type *types, size_t n_types);

/*
 * A request: takes types away from a mute; the mute is gone with its last type. types NULL: all of them. What was
 * never muted is no error. 0, or errors as for muting. Since contract 1.
 */
RS_API int rs_agent_unmute_path(struct rs_agent *agent, enum rs_mute_kind kind, const char *path,
				const enum rs_event_type *types, size_t n_types);

/* The same for the kinds that take a number. 0, or errors as for muting. Since contract 1. */
RS_API int rs_agent_unmute_number(struct rs_agent *agent, enum rs_mute_kind kind, uint64_t number,
				  const enum rs_event_type *types, size_t n_types);

/* A request: forgets all mutes of one kind. 0, -EINVAL for an unknown kind or a NULL agent, or what every request may
 * return. Since contract 1. */
RS_API int rs_agent_unmute_all(struct rs_agent *agent, enum rs_mute_kind kind);

/*
 * A request: inverted, only what matches a mute of this kind is delivered; not inverted, only what matches none. A
 * path kind and its prefix kind are inverted together. 0, -EINVAL for an unknown kind or a NULL agent, or what every
 * request may return. Since contract 1.
 */
RS_API int rs_agent_invert(struct rs_agent *agent, enum rs_mute_kind kind, bool inverted);

/*
 * Says that the agent is ready: from here on events come, and auth events wait for its answer. Call it once, when
 * rules are loaded and subscriptions and mutes are in place. Does not wait for a reply.
 * 0, or -EINVAL: agent is NULL; -EALREADY: it was called before; or what every request may return.
 * Since contract 1.
 */
RS_API int rs_agent_ready(struct rs_agent *agent);

/*
 * For loops of the agent's own (poll(2), epoll(7) …): a descriptor that is readable when rs_agent_next() has
 * something to do. Then call rs_agent_next(agent, 0, …) until it returns 0: only after that does the descriptor tell
 * of what comes next. Never read from it or close it. The same descriptor for the life of the agent.
 * The descriptor, or -EINVAL: agent is NULL. Since contract 1.
 */
RS_API int rs_agent_fd(const struct rs_agent *agent);

/*
 * The next event. Waits at most timeout_ms; -1: without limit; 0: does not wait. A restart of the engine is handled
 * in here.
 *
 * ret: *ret is the event. It is valid until the next call of rs_agent_next() or rs_agent_close(), whatever else is
 *      called; rs_event_copy() keeps it for longer. Answer auth events in any order, before their deadline.
 * 1: there is an event; 0: the time is over and there is none; or
 *     -EINVAL      an argument is NULL
 *     -EINTR       a signal handler of the agent's ran while it waited: look at what it noted, and call again. Without
 *                  handlers it never comes; that the process was stopped and continued (SIGSTOP, SIGCONT) is no reason.
 *     -ESHUTDOWN   the platform is gone. Exit.
 *     -EPROTO      the engine broke the contract; its session is over. Call again to wait for the next one.
 *     -EMFILE, -ENFILE, -ENOMEM   a new session could not be taken for want of it. Exit, and be started again.
 *     other        the engine that came after a restart refused the agent, or (once for each) a subscription or mute
 *                  that the one before had accepted, which is dropped. Call again to go on.
 * Since contract 1.
 */
RS_API int rs_agent_next(struct rs_agent *agent, int timeout_ms, const struct rs_event **ret);

/*
 * A copy of an event, for answering later. ret: *ret belongs to the caller, who frees it with free(3).
 * 0, or -EINVAL: an argument is NULL or the event has an impossible size; -ENOMEM. Since contract 1.
 */
RS_API int rs_event_copy(const struct rs_event *event, struct rs_event **ret);

/*
 * The read-only descriptor of the file of an auth event that was subscribed with_fd. Use pread(2) and fstat(2): its
 * file offset is shared with other agents. It belongs to the SDK, which closes it when the event is answered or its
 * deadline has passed; dup(2) it to keep it. If the event came before its descriptor, waits for that one.
 * The descriptor, or
 *     -EINVAL      an argument is NULL
 *     -ENOENT      this event has no descriptor (RS_EVENT_HAS_FD is not set)
 *     -EALREADY    the question is over: answered, too late, or of an engine that ended
 *     -EMFILE      it was sent, and this process had no room for it
 *     -ETIMEDOUT   it did not come before the deadline
 *     -EPROTO      the engine broke the contract; its session is over
 * Since contract 1.
 */
RS_API int rs_event_fd(struct rs_agent *agent, const struct rs_event *event);

enum rs_allow_flags {
	/* Holds for the bytes of this file until they, or any agent's content, change: the kernel then answers by
	 * itself. The platform may decline without a word. */
	RS_ALLOW_CACHE = 1 << 0,
};

/*
 * Allows the operation that an auth event asks about. The event may be a copy. An answer is sent once, in time, to
 * the engine that asked; then 0 is returned. When the engine is slow to read, waits for it until the deadline.
 * flags: enum rs_allow_flags.
 * 0, or
 *     -EINVAL     an argument is NULL, not an auth event, or an unknown flag
 *     -EALREADY   the question is over: answered before, too late, or of an engine that ended. Nothing was sent. Not
 *                 a reason to stop.
 * Since contract 1.
 */
RS_API int rs_respond_allow(struct rs_agent *agent, const struct rs_event *event, uint32_t flags);

struct rs_deny_opts {
	size_t size;
	const char *rule; /* id of the rule, at most 63 bytes; shown by `ringside explain` */
	const char *reason; /* in words, at most 255 bytes; shown there, too */
};

/*
 * Denies it: the caller of the kernel gets EPERM. Otherwise as rs_respond_allow().
 * 0, or
 *     -EINVAL     as there, or the options have no size
 *     -E2BIG      rule or reason is too long, or see struct rs_agent_opts. Nothing was sent, the question is still
 *                 open: answer again.
 *     -EALREADY   as there
 * Since contract 1.
 */
RS_API int rs_respond_deny(struct rs_agent *agent, const struct rs_event *event, const struct rs_deny_opts *opts);

/* How long an answer still counts, in nanoseconds; 0 or less: no more. 0 for notify events and NULL. Since contract
 * 1. */
RS_API int64_t rs_respond_time_left_ns(const struct rs_event *event);

/*
 * A request: the agent uses other content (rules, signatures, models) from now on. Cached allows of every agent are
 * forgotten, so call it after the new content is in use.
 * 0, or -EINVAL: an argument is NULL; -E2BIG: longer than 63 bytes; or what every request may return.
 * Since contract 1.
 */
RS_API int rs_agent_content_changed(struct rs_agent *agent, const char *content_version);

struct rs_action_opts {
	size_t size;
	const char *rule; /* id of the rule, at most 63 bytes; shown by `ringside actions` */
	const char *reason; /* in words, at most 255 bytes; shown there, too */
};

/*
 * A request: end a process, by SIGKILL. Agents do not end processes themselves: the platform checks that the operator
 * granted it, writes it into its journal, and does it. Ending a process cannot be undone.
 * process_id: `id` of a struct rs_process of an event: it stays this process's when its pid is used again.
 *
 * Only asking waits for a reply, not the end of the process: that comes as an `action_done` event, subscribed or not,
 * whose `request` is the number returned here, and whose `outcome` is
 *     done      the process was killed and is gone
 *     gone      it had ended before
 *     failed    `error` says why: ETIMEDOUT: killed, and not gone within 5 seconds; EPERM: it is the platform's after
 *               all; another: it could not be journaled, so it was not done
 *     shadow    this agent is a shadow: it was recorded, and not done
 *     unknown   whoever does it ended meanwhile: `ringside actions` may know more
 * A restart of the engine while the request waits for its reply may ask it twice; a process ends once.
 * When the engine is restarted between the reply and the event, the event does not come; the journal has it.
 *
 * A number > 0 by which this agent can tell its actions apart, or
 *     -EINVAL   agent is NULL, process_id is 0, the options have no size, or rs_agent_ready() was not called
 *     -E2BIG    rule or reason is too long, or see struct rs_agent_opts. Nothing was sent.
 *     -EACCES   actions of this kind are not granted to this agent, or the agent is benched
 *     -EBUSY    more actions within a minute than the operator allows, or too many of all agents are under way
 *     -ESRCH    no such process lives, or the platform never saw it
 *     -EPERM    it must not be ended: process 1, a thread of the kernel, a process of the platform or of an agent, a
 *               program of the essential set, or one whose program the platform does not know
 *     -EAGAIN   the part of the platform that does it is not there now: ask again
 *     or what every request may return.
 * Since contract 1.
 */
RS_API int rs_agent_act_kill(struct rs_agent *agent, uint64_t process_id, const struct rs_action_opts *opts);

/*
 * The event as one JSON object in one line: see docs/EVENTS.md for the names. Bytes that are not UTF-8 become lone
 * low surrogates (\udc80 to \udcff), as in PEP 383. NUL-terminated, no newline.
 * Its size without the NUL, or -EINVAL: an argument is NULL; -ENOBUFS: the buffer is too small, and its contents are
 * then of no use. 16 KiB are enough for nearly every event, 7 * RS_EVENT_SIZE_MAX for all.
 * Since contract 1.
 */
RS_API ssize_t rs_event_to_json(const struct rs_event *event, char *buffer, size_t size);

/* Name of an event type, as in the catalogue; NULL when it is not there. Lives for ever. Since contract 1. */
RS_API const char *rs_event_name(uint16_t type);

/* Number of an event type by its name, or -ENOENT. Since contract 1. */
RS_API int rs_event_type_by_name(const char *name);

/* Version of this library, such as "0.1.0". Lives for ever. Since contract 1. */
RS_API const char *rs_version(void);

#ifdef __cplusplus
}
#endif
#endif

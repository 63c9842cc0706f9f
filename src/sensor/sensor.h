/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sensor: where events come from. One table of calls, four back ends: fanotify, bpf, replay, synth.
 *
 *     kernel (or file) ─▶ back end ─▶ sink->event() ─▶ broker
 *     kernel ◀─ back end ◀─ sensor_answer() ◀─ broker
 *
 * Hand-over of a question: when sink->event() is called with question != NULL, the callee owns the duty to call
 * sensor_answer() for it exactly once, now or later. The back end keeps the descriptor open until then. The event
 * itself is borrowed for the call. A back end answers at once, by itself and counted, what it must never ask
 * about (the platform's own accesses); it never drops a question.
 *
 * The kernel's and the file's misbehaviour is counted (sensor_counters) and reported by sink->lost(), never fatal.
 */
#pragma once

#include "base/loop.h"
#include "wire/settings.h"

struct sensor;
struct sensor_process_table; /* sensor/process_table.h: who is who, shared by the back ends of one engine */

struct sensor_question {
	struct sensor *sensor;
	int fd; /* read-only descriptor of the file, borrowed until sensor_answer(); -1 when there is none */
	uint64_t handle; /* the back end's own */
	bool cacheable; /* an allow may be kept by the kernel for this kind of question about this file: no writer has
			the file open, and none can open it unnoticed from now on until the answer */
};

enum sensor_verdict {
	SENSOR_ALLOW,
	SENSOR_DENY,
};

/* Events of these types, done by this process or this (real) user, are wanted by nobody. */
struct sensor_mute {
	uint64_t number; /* unique id of the process, or the user */
	bool user;
	struct session_event_set types;
};

#define SENSOR_MUTES_MAX 512u

struct sensor_sink {
	void *data;
	/* event is complete but for id, seq, deadline; question is NULL for notify events */
	void (*event)(void *data, struct rs_event *event, const struct sensor_question *question);
	/* events were lost before they reached this process; type 0: unknown */
	void (*lost)(void *data, uint16_t type, uint64_t count);
};

struct sensor_counters {
	uint64_t events;
	uint64_t questions;
	uint64_t answered_allow;
	uint64_t answered_deny;
	uint64_t answered_late; /* somebody else (the keeper) had answered */
	uint64_t self; /* the platform's own accesses, allowed at once */
	uint64_t lost; /* in the kernel */
	uint64_t produced; /* records of our programs in the kernel, as those count; engines before this one had some */
	uint64_t muted; /* not recorded, since all who subscribed have muted who did it */
	uint64_t taken; /* of these, by this engine; some make no event */
	uint64_t errors; /* things the kernel said that made no sense */
	uint64_t cache_added;
	uint64_t cache_removed; /* by a writer, a flush or for room */
	uint64_t cache_refused; /* wanted, but a writer had the file open or the kernel said no */
	uint64_t cache_size;
	uint64_t cache_hits; /* answered from the cache by the engine (the kernel's own hits are not seen) */
	uint64_t outside; /* of no scope, allowed at once */
};

struct sensor_start {
	struct loop *loop;
	const struct settings *settings;
	struct sensor_sink sink;
	struct sensor_process_table *processes;
	int group_fd; /* fanotify: the group of permission events, consumed; else -1 */
	int notify_fd; /* fanotify: the group of close-write events, consumed; none: -1 or 0 */
	int doorbell_fd; /* fanotify: eventfd that tells the keeper to look at the ledger, consumed; none: -1 or 0 */
	struct ledger *ledger; /* fanotify: borrowed; else NULL */
	/* bpf: what the last engine gave to keep(), consumed; and where to give it for the next one (may be NULL) */
	const int *kept;
	size_t n_kept;
	void (*keep)(void *data, const int *fds, size_t n_fds);
	void *keep_data;
};

struct sensor_ops {
	const char *name;
	/* Opens and attaches to the loop, with whatever privilege the process still has. -errno with a log line. */
	int (*open)(const struct sensor_start *start, struct sensor **ret);
	/* After privilege is dropped and the agents had a chance to connect: begin to deliver. May be NULL. */
	int (*begin)(struct sensor *sensor);
	void (*answer)(struct sensor *sensor, const struct sensor_question *question, enum sensor_verdict verdict,
		       bool cache);
	/* Forgets every cached verdict (content epoch changed, an agent came). May be NULL. */
	void (*flush_cache)(struct sensor *sensor);
	/* Events of these processes and users are the platform's own: see sensor_self(). May be NULL. */
	void (*counters)(const struct sensor *sensor, struct sensor_counters *ret);
	/* What this back end can deliver on this kernel; adds to / improves the table (indexed like catalogue_events).
	 */
	void (*abilities)(const struct sensor *sensor, struct session_ability *abilities);
	/* Narrows what the kernel sends: types that somebody subscribed to. May be NULL. */
	void (*want)(struct sensor *sensor, const struct session_event_set *types);
	/* Narrows it further, in place of what was said before; as far as this back end can and has room, and never
	 * for what it needs itself. n 0: nothing is muted, at once. May be NULL. */
	void (*mute)(struct sensor *sensor, const struct sensor_mute *mutes, size_t n);
	struct sensor *(*close)(struct sensor *sensor);
};

/* A back end embeds this first. */
struct sensor {
	const struct sensor_ops *ops;
};

extern const struct sensor_ops sensor_fanotify_ops;
extern const struct sensor_ops sensor_bpf_ops;
extern const struct sensor_ops sensor_replay_ops;
extern const struct sensor_ops sensor_synth_ops;

/* Exactly once for each question. cache: the allow holds for the file's bytes (only when question->cacheable). */
static inline void sensor_answer(const struct sensor_question *question, enum sensor_verdict verdict, bool cache)
{
	question->sensor->ops->answer(question->sensor, question, verdict, cache);
}

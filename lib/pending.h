/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pending: the questions that this agent holds: until when, and their descriptors.
 *
 *     rs_agent_next ─▶ pending_ask ─┐
 *     EVENT_FD ─▶ pending_put_fd ───┴─▶ rs_event_fd, rs_respond_* ─▶ pending_remove
 *                                   └─▶ deadline passed ─▶ pending_expire
 *
 * One table of fixed size, made at the handshake: nothing is allocated afterwards. A descriptor may come before its
 * question is read from the ring. Ids rise, so a descriptor for an id that was read already and is not here is one
 * for a question that is over, and is closed. Owns the descriptors; they are closed with their entry.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct pending_entry {
	uint64_t id; /* 0: free */
	uint64_t deadline_ns; /* CLOCK_MONOTONIC; 0: its question was not read yet */
	int fd; /* -ENODATA: did not come yet; another -errno: cannot be had */
};

struct pending {
	struct pending_entry *entries; /* open addressing, by id */
	size_t n_slots; /* power of two, at least twice the limit */
	size_t limit;
	size_t count;
	uint64_t newest_id; /* of the questions read */
	uint64_t earliest_ns; /* no deadline is earlier; UINT64_MAX when nothing is held */
};

/* Begins anew, empty, for this many questions at a time. -ENOMEM leaves it as it was. */
int pending_init(struct pending *pending, size_t limit);
void pending_deinit(struct pending *pending);
void pending_clear(struct pending *pending);

/* The agent has read this question. When there are too many, the oldest is given up. */
void pending_ask(struct pending *pending, uint64_t id, uint64_t deadline_ns);
/* fd: consumed, or -errno when it could not be received. */
void pending_put_fd(struct pending *pending, uint64_t id, int fd);

/* NULL when it is not held. The pointer is valid until the next change. */
struct pending_entry *pending_find(const struct pending *pending, uint64_t id);
void pending_remove(struct pending *pending, struct pending_entry *entry);

/* Gives up what is over. Cheap when nothing can be. */
void pending_expire(struct pending *pending, uint64_t now_ns);

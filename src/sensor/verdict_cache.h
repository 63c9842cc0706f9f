/* SPDX-License-Identifier: Apache-2.0 */
/*
 * verdict_cache: allows that the kernel gives by itself, for as long as the bytes of a file are what was judged.
 *
 *     question ─▶ verdict_cache_lease: F_RDLCK lease on the event's descriptor ─▶ agents look ─▶ answer
 *         allow, to be cached ─▶ verdict_cache_keep: ignore mark on the inode, descriptor kept
 *         else                ─▶ verdict_cache_unlease
 *     somebody opens the file for writing, or truncates it: the kernel holds him and raises a signal
 *         ─▶ mark removed ─▶ lease released, descriptor closed ─▶ the writer goes on
 *
 * Why it is exact: the lease is refused while anybody has the file open for writing (a shared writable mapping keeps
 * it open), the opener who asks included. Once it is given, no store can come before we have heard of it: open(2)
 * for writing and truncate(2) wait in the kernel until we let go. A descriptor pins the inode, so its number means
 * the same file; a rename over brings another inode. It holds for bytes, not for names.
 * Files of root get the mark. Of others the owner could take away our right to unmark them, and who has no right to
 * mark a file (not readable by the engine's user) cannot either: then the allow is remembered here, and each hit asks
 * the lease whether it still stands.
 *
 * What it costs others: an open for writing of a cached file waits about 0.1 ms; one with O_NONBLOCK gets EAGAIN once.
 * Therefore files that were written a moment ago are not cached, nor for a minute one that somebody came to write.
 * A cached file is held open: a deleted one keeps its space, and its file system cannot be unmounted. Therefore once a
 * second some entries are looked at: deleted files go, and on file systems other than those of the root, /usr, /var,
 * /home, /opt, /srv and the scopes an entry lives for some seconds only.
 *
 * Not cached at all: file systems where bytes can change without an open for writing here (network, FUSE, overlayfs
 * whose layers can be written directly, …): only those in the table of verdict_cache.c are.
 *
 * Needs CAP_LEASE. Owns the descriptors that it keeps, and the signal LEDGER_LEASE_SIGNAL of this process.
 */
#pragma once

#include "base/loop.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

struct verdict_cache;

struct verdict_key {
	uint64_t dev;
	uint64_t ino;
};

struct verdict_cache_opts {
	int group_fd; /* fanotify, borrowed */
	uint32_t entries_max; /* 0: no cache: every call says no */
	uint64_t settle_ns; /* younger files are not cached */
	uint64_t shy_ns; /* nor those that somebody came to write, for this long */
	uint64_t brief_ns; /* how long an entry lives on a file system that might be unmounted */
	/* closes a descriptor that is not kept any more */
	void (*close_fd)(void *data, int fd);
	void *data;
	/* called now and then where all entries are gone through: bounded work, and no loop that stands still; may be
	 * NULL */
	void (*alive)(void *data);
	const char *const
		*lasting; /* paths whose file systems are not unmounted; n_lasting of them, borrowed for new */
	uint32_t n_lasting;
};

struct verdict_cache_counters {
	uint64_t added;
	uint64_t removed;
	uint64_t refused; /* an allow was to be cached and could not */
	uint64_t broken; /* of the removed: somebody came to write */
	uint64_t hits; /* answered here */
	uint64_t remembered; /* of the added: without a mark */
	uint64_t overflows; /* more signals than the kernel could queue: every lease was asked */
	uint64_t errors;
	uint64_t size;
};

/* Blocks its signals in this thread. */
int verdict_cache_new(struct loop *loop, const struct verdict_cache_opts *opts, struct verdict_cache **ret);
struct verdict_cache *verdict_cache_free(struct verdict_cache *cache);

/* Whether an allow of this kind (FAN_OPEN_PERM or FAN_OPEN_EXEC_PERM) stands for the bytes of this file. */
bool verdict_cache_has(struct verdict_cache *cache, struct verdict_key key, uint64_t mask);

/* Takes a lease for a question. False: an allow cannot be cached. True: call keep or unlease later. */
bool verdict_cache_lease(struct verdict_cache *cache, int fd, const struct stat *status);

enum verdict_cache_result {
	VERDICT_CACHE_KEPT = 0,
	VERDICT_CACHE_JOINED = 1, /* another descriptor of the same file stands for it */
	VERDICT_CACHE_REFUSED = 2, /* not cached */
};

/* An allow for this kind stands from now on, if the lease still does. KEPT: fd is consumed; else its lease is gone and
 * it is the caller's. */
enum verdict_cache_result verdict_cache_keep(struct verdict_cache *cache, int fd, struct verdict_key key,
					     uint64_t mask);

/* Not to be cached. fd stays the caller's. */
void verdict_cache_unlease(struct verdict_cache *cache, int fd);

/* Forgets everything at once; descriptors are closed in bounded steps. Leases of open questions are released too: what
 * is asked now belongs to the epoch that ends. */
void verdict_cache_flush(struct verdict_cache *cache);

/* Takes back what keep() just KEPT; the descriptor, without its lease, is the caller's again. */
void verdict_cache_forget(struct verdict_cache *cache, int fd);

/* At most so many entries from now on, if that is less than opts.entries_max. */
void verdict_cache_limit(struct verdict_cache *cache, uint32_t entries);

/* How many descriptors it holds. */
uint32_t verdict_cache_n_fds(const struct verdict_cache *cache);
void verdict_cache_get_counters(const struct verdict_cache *cache, struct verdict_cache_counters *ret);

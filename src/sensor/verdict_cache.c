/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/verdict_cache.h"

#include "base/clock.h"
#include "base/fd.h"
#include "base/list.h"
#include "base/log.h"
#include "base/macro.h"
#include "wire/ledger.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/signalfd.h>
#include <sys/vfs.h>

#define SHY_SLOTS 1024u
#define DEVICE_SLOTS 64u
#define LASTING_MAX 48u
#define APPETITE 64u /* answers in a row that asked for no caching, until leases are taken only now and then */
#define CLOSES_PER_TURN 256u
#define ALIVE_EVERY 64u
#define LOOKS_PER_SWEEP 512u
#define SIGNALS_PER_TURN 32u
#define SWEEP_NS NS_PER_SEC

/* What a descriptor number is to us: by_fd[]. */
enum fd_use {
	FD_NONE = 0,
	FD_LEASED = 1, /* of an open question */
	FD_DYING = 2, /* of a forgotten entry, lease and all, to be closed */
	FD_ENTRY = 3, /* this plus the entry's index */
};

struct entry {
	struct list link; /* in cache->entries, oldest first, or in cache->free */
	struct verdict_key key;
	uint64_t mask;
	uint64_t born_ns;
	struct entry *next; /* of the same bucket */
	int fd;
	bool brief;
	bool marked;
};

struct shy {
	struct verdict_key key;
	uint64_t until_ns;
};

/* What is known of a file system. */
struct device {
	uint64_t dev;
	bool known;
	bool fit; /* bytes of its files change by opens for writing only */
	bool brief;
};

struct verdict_cache {
	struct verdict_cache_opts opts;
	struct verdict_cache_counters counters;
	struct loop_source *signals;
	struct loop_source *sweeper;
	struct loop_source *closer;
	int signal_fd;
	struct entry *slots;
	struct entry **buckets;
	uint32_t n_buckets; /* power of two */
	struct list entries;
	struct list free;
	uint32_t limit; /* of entries */
	uint32_t sweep_at;
	uint32_t n_leased;
	uint32_t n_dying;
	uint32_t appetite;
	uint32_t fasting; /* leases not taken since the last that was */
	uint64_t lasting[LASTING_MAX];
	uint32_t n_lasting;
	struct device devices[DEVICE_SLOTS];
	struct shy shy[SHY_SLOTS];
	int dying[LEDGER_FD_LIMIT];
	uint32_t by_fd[LEDGER_FD_LIMIT];
};

/* File systems of one machine's disks and memory. Network file systems change behind our back; overlayfs when a layer
 * is written directly; FUSE when its server likes. */
static const uint64_t fit_file_systems[] = {
	0xef53, /* ext2, ext3, ext4 */
	0x58465342, /* xfs */
	0x9123683e, /* btrfs */
	0xf2f52010, /* f2fs */
	0x01021994, /* tmpfs, devtmpfs */
	0x858458f6, /* ramfs, rootfs */
	0x4d44, /* vfat */
	0x2011bab0, /* exfat */
	0x73717368, /* squashfs */
	0xe0f5e1e2, /* erofs */
	0x9660, /* iso9660 */
};

static uint32_t hash(struct verdict_key key)
{
	uint64_t mixed = (key.ino ^ key.dev << 32) * UINT64_C(0x9e3779b97f4a7c15);
	return (uint32_t)(mixed >> 32);
}

static bool same_key(struct verdict_key a, struct verdict_key b)
{
	return a.dev == b.dev && a.ino == b.ino;
}

static struct entry *find(struct verdict_cache *cache, struct verdict_key key)
{
	struct entry *entry = cache->opts.entries_max ? cache->buckets[hash(key) & (cache->n_buckets - 1)] : NULL;
	while (entry && !same_key(entry->key, key))
		entry = entry->next;
	return entry;
}

static bool lease_stands(int fd)
{
	return fcntl(fd, F_GETLEASE) == F_RDLCK;
}

/*
 * A mark is never destroyed by us: the kernel lets pass, unasked, whoever meets a mark that is being destroyed, and it
 * is being destroyed for as long as somebody waits for an answer who came while it was there. So one bit stays in it,
 * of an event that this group does not get; the kernel drops the mark with the inode (EVICTABLE). SURV_MODIFY: else
 * write(2) would take that bit too. Tested in tests/faults/kernel_facts_test.c.
 */
#define RESIDUE FAN_ACCESS

static int mark(struct verdict_cache *cache, uint64_t mask, int fd)
{
	const unsigned flags = FAN_MARK_ADD | FAN_MARK_IGNORED_MASK | FAN_MARK_IGNORED_SURV_MODIFY | FAN_MARK_EVICTABLE;
	return fanotify_mark(cache->opts.group_fd, flags, mask | RESIDUE, fd, NULL) < 0 ? -errno : 0;
}

/* ENOENT: it had none. Anything else (the file may not be read any more): the mark is left, and a mark without a lease
 * must not be. Then all are destroyed, and the entries answer from here. Only root can bring this about, for only
 * root's files are marked. */
static void unmark(struct verdict_cache *cache, uint64_t mask, int fd)
{
	const unsigned flags = FAN_MARK_REMOVE | FAN_MARK_IGNORED_MASK;
	if (fanotify_mark(cache->opts.group_fd, flags, mask, fd, NULL) == 0 || errno == ENOENT)
		return;
	if (fanotify_mark(cache->opts.group_fd, FAN_MARK_FLUSH, 0, AT_FDCWD, NULL) < 0)
		cache->counters.errors++;
}

/* Takes an entry out of the table; its mark goes first, the caller lets the descriptor go after. */
static int entry_remove(struct verdict_cache *cache, struct entry *entry)
{
	if (entry->marked)
		unmark(cache, entry->mask, entry->fd);
	struct entry **at = &cache->buckets[hash(entry->key) & (cache->n_buckets - 1)];
	while (*at != entry)
		at = &(*at)->next;
	*at = entry->next;
	list_remove(&entry->link);
	list_append(&cache->free, &entry->link);
	cache->by_fd[entry->fd] = FD_NONE;
	cache->counters.removed++;
	cache->counters.size--;
	return entry->fd;
}

/* The nth of many in one turn. */
static void go_on(const struct verdict_cache *cache, uint32_t n)
{
	if (cache->opts.alive && n % ALIVE_EVERY == 0)
		cache->opts.alive(cache->opts.data);
}

/* Closing releases the lease. */
static void entry_drop(struct verdict_cache *cache, struct entry *entry)
{
	cache->opts.close_fd(cache->opts.data, entry_remove(cache, entry));
}

static struct entry *entry_add(struct verdict_cache *cache, int fd, struct verdict_key key, uint64_t mask, bool marked)
{
	while (cache->counters.size >= cache->limit)
		entry_drop(cache, list_entry(cache->entries.next, struct entry, link));
	struct entry *entry = list_entry(cache->free.next, struct entry, link);
	struct entry **bucket = &cache->buckets[hash(key) & (cache->n_buckets - 1)];
	list_remove(&entry->link);
	list_append(&cache->entries, &entry->link);
	entry->key = key;
	entry->mask = mask;
	entry->marked = marked;
	entry->fd = fd;
	entry->born_ns = clock_monotonic_ns();
	entry->brief = cache->devices[key.dev % DEVICE_SLOTS].brief;
	entry->next = *bucket;
	*bucket = entry;
	cache->by_fd[fd] = FD_ENTRY + (uint32_t)(entry - cache->slots);
	cache->counters.added++;
	cache->counters.size++;
	return entry;
}

static struct entry *entry_of(struct verdict_cache *cache, int fd)
{
	uint32_t use = cache->by_fd[fd];
	return use >= FD_ENTRY ? &cache->slots[use - FD_ENTRY] : NULL;
}

static const struct device *device_of(struct verdict_cache *cache, int fd, uint64_t dev)
{
	struct device *device = &cache->devices[dev % DEVICE_SLOTS];
	struct statfs status;
	if (device->known && device->dev == dev)
		return device;
	*device = (struct device){.dev = dev, .known = true, .brief = true};
	if (fstatfs(fd, &status) == 0)
		for (size_t i = 0; i < ARRAY_SIZE(fit_file_systems); i++)
			device->fit |= fit_file_systems[i] == ((uint64_t)status.f_type & UINT32_MAX);
	for (uint32_t i = 0; i < cache->n_lasting; i++)
		if (cache->lasting[i] == dev)
			device->brief = false;
	return device;
}

static void make_shy(struct verdict_cache *cache, struct verdict_key key)
{
	cache->shy[hash(key) % SHY_SLOTS] =
		(struct shy){.key = key, .until_ns = clock_monotonic_ns() + cache->opts.shy_ns};
}

static bool is_shy(const struct verdict_cache *cache, struct verdict_key key)
{
	const struct shy *shy = &cache->shy[hash(key) % SHY_SLOTS];
	return shy->until_ns && same_key(shy->key, key) && clock_monotonic_ns() < shy->until_ns;
}

static bool is_settled(const struct verdict_cache *cache, const struct stat *status)
{
	uint64_t changed_ns = (uint64_t)status->st_mtim.tv_sec * NS_PER_SEC + (uint64_t)status->st_mtim.tv_nsec;
	uint64_t now_ns = clock_wall_ns();
	return changed_ns > now_ns || now_ns - changed_ns >= cache->opts.settle_ns;
}

/* Agents that never ask for caching shall not pay for leases; now and then they are offered one. */
static bool has_appetite(struct verdict_cache *cache)
{
	if (cache->appetite > 0)
		return true;
	cache->fasting = (cache->fasting + 1) % APPETITE;
	return cache->fasting == 0;
}

bool verdict_cache_lease(struct verdict_cache *cache, int fd, const struct stat *status)
{
	struct verdict_key key = {.dev = status->st_dev, .ino = status->st_ino};
	if (!cache->opts.entries_max || !S_ISREG(status->st_mode) || fd >= LEDGER_FD_LIMIT || !has_appetite(cache))
		return false;
	if (!device_of(cache, fd, key.dev)->fit || !is_settled(cache, status) || is_shy(cache, key))
		return false;
	if (fcntl(fd, F_SETSIG, LEDGER_LEASE_SIGNAL) < 0 || fcntl(fd, F_SETLEASE, F_RDLCK) < 0) {
		cache->counters.refused++;
		return false;
	}
	cache->by_fd[fd] = FD_LEASED;
	cache->n_leased++;
	return true;
}

static void release(struct verdict_cache *cache, int fd)
{
	cache->by_fd[fd] = FD_NONE;
	cache->n_leased--;
	if (fcntl(fd, F_SETLEASE, F_UNLCK) < 0 && errno != EAGAIN)
		cache->counters.errors++; /* EAGAIN: the keeper did it */
}

void verdict_cache_unlease(struct verdict_cache *cache, int fd)
{
	if (fd >= LEDGER_FD_LIMIT || cache->by_fd[fd] != FD_LEASED)
		return;
	cache->appetite -= cache->appetite > 0;
	release(cache, fd);
}

/* Another descriptor of this file is in the cache already. */
static bool join(struct verdict_cache *cache, struct entry *entry, uint64_t mask)
{
	if (!lease_stands(entry->fd) || (entry->marked && mark(cache, mask, entry->fd) < 0))
		return false;
	entry->mask |= mask;
	/* a writer who came in between waits until the signal is read, and takes the mark with him */
	return lease_stands(entry->fd);
}

/* Whose file it is decides who can take our right to unmark it: chmod(2) is the owner's. */
static bool may_mark(int fd)
{
	struct stat status;
	return fstat(fd, &status) == 0 && status.st_uid == 0;
}

enum verdict_cache_result verdict_cache_keep(struct verdict_cache *cache, int fd, struct verdict_key key, uint64_t mask)
{
	if (fd >= LEDGER_FD_LIMIT || cache->by_fd[fd] != FD_LEASED) {
		cache->counters.refused++;
		return VERDICT_CACHE_REFUSED;
	}
	cache->appetite = APPETITE;
	struct entry *entry = find(cache, key);
	if (entry && join(cache, entry, mask)) {
		release(cache, fd);
		return VERDICT_CACHE_JOINED;
	}
	if (entry)
		entry_drop(cache, entry);
	bool marked = may_mark(fd) && mark(cache, mask, fd) == 0;
	if (!lease_stands(fd)) {
		if (marked)
			unmark(cache, mask, fd);
		release(cache, fd);
		cache->counters.refused++;
		return VERDICT_CACHE_REFUSED;
	}
	cache->n_leased--;
	cache->counters.remembered += !marked;
	entry_add(cache, fd, key, mask, marked);
	return VERDICT_CACHE_KEPT;
}

void verdict_cache_forget(struct verdict_cache *cache, int fd)
{
	struct entry *entry = fd < LEDGER_FD_LIMIT ? entry_of(cache, fd) : NULL;
	if (!entry)
		return;
	entry_remove(cache, entry);
	fcntl(fd, F_SETLEASE, F_UNLCK);
}

bool verdict_cache_has(struct verdict_cache *cache, struct verdict_key key, uint64_t mask)
{
	struct entry *entry = find(cache, key);
	if (!entry || (entry->mask & mask) != mask || !lease_stands(entry->fd))
		return false;
	/* asked although it is marked: it was under way before the mark, or all marks were destroyed */
	if (entry->marked && mark(cache, entry->mask, entry->fd) < 0)
		entry->marked = false;
	if (!lease_stands(entry->fd))
		return false; /* its signal is under way, and takes the mark */
	list_remove(&entry->link);
	list_append(&cache->entries, &entry->link);
	cache->counters.hits++;
	return true;
}

/* Somebody waits for this lease (or a signal of a former user of the number came late: then it stands). */
static void on_break(struct verdict_cache *cache, int fd)
{
	if (fd < 0 || fd >= LEDGER_FD_LIMIT || cache->by_fd[fd] == FD_NONE || lease_stands(fd))
		return;
	struct entry *entry = entry_of(cache, fd);
	if (entry) {
		make_shy(cache, entry->key);
		cache->counters.broken++;
		entry_drop(cache, entry);
	} else if (cache->by_fd[fd] == FD_LEASED) {
		release(cache, fd);
	} else {
		fcntl(fd, F_SETLEASE, F_UNLCK); /* dying: no mark any more */
	}
}

/* The queue of signals was full, and what is missing is not known: ask them all. */
static void on_overflow(struct verdict_cache *cache)
{
	cache->counters.overflows++;
	for (int fd = 0; fd < LEDGER_FD_LIMIT; fd++) {
		on_break(cache, fd);
		go_on(cache, (uint32_t)fd);
	}
}

static int on_signal(void *data, uint32_t unused)
{
	struct verdict_cache *cache = data;
	struct signalfd_siginfo signals[SIGNALS_PER_TURN];
	ssize_t size = read(cache->signal_fd, signals, sizeof(signals));
	if (size < 0) {
		cache->counters.errors += errno != EAGAIN && errno != EINTR;
		return 0;
	}
	for (size_t i = 0; i < (size_t)size / sizeof(signals[0]); i++) {
		if (signals[i].ssi_signo == SIGIO)
			on_overflow(cache);
		else
			on_break(cache, signals[i].ssi_fd);
	}
	return 0;
}

static int on_sweep(void *data, uint64_t now_ns)
{
	struct verdict_cache *cache = data;
	uint32_t n = 0;
	list_for_each_safe (link, &cache->entries) {
		struct entry *entry = list_entry(link, struct entry, link);
		if (entry->brief && now_ns - entry->born_ns >= cache->opts.brief_ns)
			entry_drop(cache, entry);
		go_on(cache, ++n);
	}
	for (uint32_t i = 0; i < MIN(LOOKS_PER_SWEEP, cache->opts.entries_max); i++) {
		struct entry *entry = &cache->slots[cache->sweep_at++ % cache->opts.entries_max];
		struct stat status;
		bool used = entry->fd >= 0 && entry_of(cache, entry->fd) == entry;
		if (used && fstat(entry->fd, &status) == 0 && status.st_nlink == 0)
			entry_drop(cache, entry);
	}
	return loop_source_arm(cache->sweeper, clock_next_ns(now_ns, SWEEP_NS));
}

static int on_close(void *data, uint64_t now_ns)
{
	struct verdict_cache *cache = data;
	for (uint32_t i = 0; i < CLOSES_PER_TURN && cache->n_dying > 0; i++) {
		int fd = cache->dying[--cache->n_dying];
		cache->by_fd[fd] = FD_NONE;
		cache->opts.close_fd(cache->opts.data, fd);
	}
	return cache->n_dying ? loop_source_arm(cache->closer, now_ns) : 0;
}

void verdict_cache_flush(struct verdict_cache *cache)
{
	if (!cache->opts.entries_max)
		return;
	list_for_each_safe (link, &cache->entries) {
		int fd = entry_remove(cache, list_entry(link, struct entry, link));
		cache->by_fd[fd] = FD_DYING;
		cache->dying[cache->n_dying++] = fd;
		go_on(cache, cache->n_dying);
	}
	for (int fd = 0; fd < LEDGER_FD_LIMIT && cache->n_leased > 0; fd++)
		if (cache->by_fd[fd] == FD_LEASED)
			release(cache, fd);
	if (cache->n_dying)
		loop_source_arm(cache->closer, clock_monotonic_ns());
}

void verdict_cache_limit(struct verdict_cache *cache, uint32_t entries)
{
	cache->limit = MIN(MAX(entries, 1), cache->opts.entries_max);
}

uint32_t verdict_cache_n_fds(const struct verdict_cache *cache)
{
	return (uint32_t)cache->counters.size + cache->n_dying;
}

void verdict_cache_get_counters(const struct verdict_cache *cache, struct verdict_cache_counters *ret)
{
	*ret = cache->counters;
}

static int attach(struct verdict_cache *cache, struct loop *loop)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, LEDGER_LEASE_SIGNAL);
	sigaddset(&set, SIGIO); /* what comes in place of a signal that found no room */
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -errno;
	cache->signal_fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (cache->signal_fd < 0)
		return -errno;
	int r = loop_add_fd(loop, cache->signal_fd, EPOLLIN, on_signal, cache, &cache->signals);
	if (r >= 0)
		r = loop_add_timer(loop, on_sweep, cache, &cache->sweeper);
	if (r >= 0)
		r = loop_add_timer(loop, on_close, cache, &cache->closer);
	return r < 0 ? r : loop_source_arm(cache->sweeper, clock_monotonic_ns() + SWEEP_NS);
}

static int allocate(struct verdict_cache *cache)
{
	uint32_t n = cache->opts.entries_max;
	for (cache->n_buckets = 16; cache->n_buckets < n; cache->n_buckets *= 2)
		;
	cache->slots = calloc(n, sizeof(*cache->slots));
	cache->buckets = calloc(cache->n_buckets, sizeof(struct entry *));
	if (!cache->slots || !cache->buckets)
		return -ENOMEM;
	for (uint32_t i = 0; i < n; i++) {
		cache->slots[i].fd = -1;
		list_append(&cache->free, &cache->slots[i].link);
	}
	return 0;
}

static void learn_lasting(struct verdict_cache *cache)
{
	struct stat status;
	for (uint32_t i = 0; i < cache->opts.n_lasting && cache->n_lasting < LASTING_MAX; i++)
		if (stat(cache->opts.lasting[i], &status) == 0)
			cache->lasting[cache->n_lasting++] = status.st_dev;
}

int verdict_cache_new(struct loop *loop, const struct verdict_cache_opts *opts, struct verdict_cache **ret)
{
	struct verdict_cache *cache = calloc(1, sizeof(*cache));
	if (!cache)
		return -ENOMEM;
	cache->opts = *opts;
	/* an entry is a descriptor: half of them are for questions */
	cache->opts.entries_max = MIN(opts->entries_max, LEDGER_FD_LIMIT / 2);
	cache->limit = cache->opts.entries_max;
	cache->signal_fd = -1;
	cache->appetite = APPETITE;
	list_init(&cache->entries);
	list_init(&cache->free);
	learn_lasting(cache);
	int r = cache->opts.entries_max ? allocate(cache) : 0;
	if (r >= 0 && cache->opts.entries_max)
		r = attach(cache, loop);
	if (r < 0) {
		log_error("cannot set up the verdict cache: %s", strerror(-r));
		verdict_cache_free(cache);
		return r;
	}
	*ret = cache;
	return 0;
}

struct verdict_cache *verdict_cache_free(struct verdict_cache *cache)
{
	if (!cache)
		return NULL;
	uint32_t n = 0;
	list_for_each_safe (link, &cache->entries) {
		entry_drop(cache, list_entry(link, struct entry, link));
		go_on(cache, ++n);
	}
	while (cache->n_dying) {
		cache->opts.close_fd(cache->opts.data, cache->dying[--cache->n_dying]);
		go_on(cache, cache->n_dying);
	}
	loop_source_remove(cache->signals);
	loop_source_remove(cache->sweeper);
	loop_source_remove(cache->closer);
	fd_close(cache->signal_fd);
	free(cache->slots);
	free(cache->buckets);
	free(cache);
	return NULL;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/mute.h"

#include "base/list.h"
#include "wire/catalogue.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#define BUCKETS 1024u
#define CHAIN_MAX 32u

enum group {
	GROUP_PROCESS,
	GROUP_EXE,
	GROUP_TARGET,
	GROUP_UID,
	GROUP_CGROUP,
	N_GROUPS,
};

static const struct {
	enum group group;
	bool path;
	bool prefix;
} kinds[] = {
	[SESSION_MUTE_PROCESS] = {GROUP_PROCESS, false, false},    [SESSION_MUTE_EXE] = {GROUP_EXE, true, false},
	[SESSION_MUTE_EXE_PREFIX] = {GROUP_EXE, true, true},       [SESSION_MUTE_TARGET] = {GROUP_TARGET, true, false},
	[SESSION_MUTE_TARGET_PREFIX] = {GROUP_TARGET, true, true}, [SESSION_MUTE_UID] = {GROUP_UID, false, false},
	[SESSION_MUTE_CGROUP] = {GROUP_CGROUP, false, false},
};
#define N_KINDS ARRAY_SIZE(kinds)

struct entry {
	struct list link; /* in its bucket */
	uint64_t hash;
	uint64_t number;
	uint32_t kind;
	uint32_t size;
	struct session_event_set events;
	char bytes[];
};

/* How many prefixes of each length, and a bit for each length in use. */
struct lengths {
	uint64_t used[RS_PATH_SIZE_MAX / 64 + 1];
	uint16_t n[RS_PATH_SIZE_MAX + 1];
	uint32_t longest;
};

struct mutes {
	uint64_t key;
	uint64_t multiplier;
	uint32_t n_entries;
	uint32_t n_bytes;
	uint32_t n_of_group[N_GROUPS];
	bool inverted[N_GROUPS];
	struct lengths lengths[N_GROUPS]; /* of the path groups */
	struct list buckets[BUCKETS];
};

int mutes_new(struct mutes **ret)
{
	_cleanup_(freep) struct mutes *mutes = calloc(1, sizeof(*mutes));
	uint64_t keys[2];
	if (!mutes)
		return -ENOMEM;
	if (getrandom(keys, sizeof(keys), 0) != sizeof(keys))
		return -errno;
	mutes->key = keys[0];
	mutes->multiplier = keys[1] | 1;
	for (size_t i = 0; i < BUCKETS; i++)
		list_init(&mutes->buckets[i]);
	*ret = STEAL(mutes);
	return 0;
}

static void entry_remove(struct mutes *mutes, struct entry *entry)
{
	enum group group = kinds[entry->kind].group;
	if (kinds[entry->kind].prefix) {
		struct lengths *lengths = &mutes->lengths[group];
		if (--lengths->n[entry->size] == 0)
			lengths->used[entry->size / 64] &= ~(UINT64_C(1) << (entry->size % 64));
	}
	mutes->n_of_group[group]--;
	mutes->n_entries--;
	mutes->n_bytes -= entry->size;
	list_remove(&entry->link);
	free(entry);
}

static void clear(struct mutes *mutes, uint32_t kind)
{
	for (size_t i = 0; i < BUCKETS; i++)
		list_for_each_safe (link, &mutes->buckets[i]) {
			struct entry *entry = list_entry(link, struct entry, link);
			if (kind == 0 || entry->kind == kind)
				entry_remove(mutes, entry);
		}
}

struct mutes *mutes_free(struct mutes *mutes)
{
	if (!mutes)
		return NULL;
	clear(mutes, 0);
	free(mutes);
	return NULL;
}

/* One more byte of a path. */
static uint64_t step(const struct mutes *mutes, uint64_t hash, char byte)
{
	return (hash + (unsigned char)byte + 1) * mutes->multiplier;
}

static uint64_t finish(uint64_t hash, uint32_t kind)
{
	hash ^= (uint64_t)kind << 56;
	hash ^= hash >> 32;
	hash *= UINT64_C(0x9e3779b97f4a7c15);
	return hash ^ hash >> 29;
}

static uint64_t hash_number(const struct mutes *mutes, uint64_t number)
{
	return (mutes->key ^ number) * mutes->multiplier;
}

static uint64_t hash_path(const struct mutes *mutes, const char *path, size_t size)
{
	uint64_t hash = mutes->key;
	for (size_t i = 0; i < size; i++)
		hash = step(mutes, hash, path[i]);
	return hash;
}

static struct entry *lookup(const struct mutes *mutes, uint64_t hash, uint32_t kind, uint64_t number, const char *bytes,
			    size_t size)
{
	const struct list *bucket = &mutes->buckets[hash % BUCKETS];
	list_for_each (link, bucket) {
		struct entry *entry = list_entry(link, struct entry, link);
		if (entry->hash == hash && entry->kind == kind && entry->number == number && entry->size == size &&
		    memcmp(entry->bytes, bytes, size) == 0)
			return entry;
	}
	return NULL;
}

static bool chain_is_full(const struct mutes *mutes, uint64_t hash)
{
	const struct list *bucket = &mutes->buckets[hash % BUCKETS];
	uint32_t n = 0;
	list_for_each (link, bucket)
		n++;
	return n >= CHAIN_MAX;
}

/* For which types a message is: all zero means all. */
static struct session_event_set types_of(const struct session_mute *message)
{
	struct session_event_set set = message->events;
	uint64_t any = 0;
	for (size_t i = 0; i < ARRAY_SIZE(set.words); i++)
		any |= set.words[i];
	if (any == 0)
		memset(&set, 0xff, sizeof(set));
	return set;
}

static int add(struct mutes *mutes, const struct session_mute *message, uint64_t hash, struct entry *found)
{
	struct session_event_set types = types_of(message);
	if (!found) {
		if (mutes->n_entries == MUTE_ENTRIES_MAX || mutes->n_bytes + message->size > MUTE_BYTES_MAX ||
		    chain_is_full(mutes, hash))
			return -ENOSPC;
		found = calloc(1, sizeof(*found) + message->size);
		if (!found)
			return -ENOMEM;
		found->hash = hash;
		found->kind = message->kind;
		found->number = message->number;
		found->size = message->size;
		memcpy(found->bytes, message->bytes, message->size);
		list_append(&mutes->buckets[hash % BUCKETS], &found->link);
		mutes->n_entries++;
		mutes->n_bytes += message->size;
		mutes->n_of_group[kinds[message->kind].group]++;
		if (kinds[message->kind].prefix) {
			struct lengths *lengths = &mutes->lengths[kinds[message->kind].group];
			lengths->n[message->size]++;
			lengths->used[message->size / 64] |= UINT64_C(1) << (message->size % 64);
			lengths->longest = MAX(lengths->longest, message->size);
		}
	}
	for (size_t i = 0; i < ARRAY_SIZE(types.words); i++)
		found->events.words[i] |= types.words[i];
	return 0;
}

static int take_away(struct mutes *mutes, const struct session_mute *message, struct entry *found)
{
	struct session_event_set types = types_of(message);
	uint64_t left = 0;
	if (!found)
		return 0; /* what was never muted is not muted now */
	for (size_t i = 0; i < ARRAY_SIZE(types.words); i++) {
		found->events.words[i] &= ~types.words[i];
		left |= found->events.words[i];
	}
	if (left == 0)
		entry_remove(mutes, found);
	return 0;
}

int mutes_change(struct mutes *mutes, const struct session_mute *message)
{
	if (message->kind == 0 || message->kind >= N_KINDS || message->size > sizeof(message->bytes))
		return -EINVAL;
	if (message->op == SESSION_MUTE_CLEAR) {
		clear(mutes, message->kind);
		return 0;
	}
	if (message->op == SESSION_MUTE_INVERT) {
		mutes->inverted[kinds[message->kind].group] = message->number == 1;
		return 0;
	}
	uint64_t hash = finish(kinds[message->kind].path ? hash_path(mutes, message->bytes, message->size)
							 : hash_number(mutes, message->number),
			       message->kind);
	struct entry *found = lookup(mutes, hash, message->kind, message->number, message->bytes, message->size);
	return message->op == SESSION_MUTE_ADD ? add(mutes, message, hash, found) : take_away(mutes, message, found);
}

static bool has_number(const struct mutes *mutes, uint32_t kind, uint64_t number, uint16_t type)
{
	const struct entry *entry = lookup(mutes, finish(hash_number(mutes, number), kind), kind, number, "", 0);
	return entry && session_set_has(&entry->events, type);
}

bool mutes_has(const struct mutes *mutes, uint32_t kind, uint64_t number, uint16_t type)
{
	return !mutes->inverted[kinds[kind].group] && has_number(mutes, kind, number, type);
}

void mutes_each(const struct mutes *mutes,
		void (*fn)(void *data, uint32_t kind, uint64_t number, const struct session_event_set *types),
		void *data)
{
	for (size_t i = 0; i < BUCKETS; i++)
		list_for_each (link, &mutes->buckets[i]) {
			const struct entry *entry = list_entry(link, struct entry, link);
			bool one = entry->kind == SESSION_MUTE_PROCESS || entry->kind == SESSION_MUTE_UID;
			if (one && !mutes->inverted[kinds[entry->kind].group])
				fn(data, entry->kind, entry->number, &entry->events);
		}
}

/* One way along the path: at each length that is in use, whether this prefix is there; at the end, the whole. */
static bool has_path(const struct mutes *mutes, uint32_t literal, uint32_t prefix, const char *path, size_t size,
		     uint16_t type)
{
	const struct lengths *lengths = &mutes->lengths[kinds[prefix].group];
	uint64_t hash = mutes->key;
	for (size_t i = 0; i < size; i++) {
		hash = step(mutes, hash, path[i]);
		size_t length = i + 1;
		if (length > lengths->longest || !(lengths->used[length / 64] >> (length % 64) & 1))
			continue;
		const struct entry *entry = lookup(mutes, finish(hash, prefix), prefix, 0, path, length);
		if (entry && session_set_has(&entry->events, type))
			return true;
	}
	const struct entry *entry = lookup(mutes, finish(hash, literal), literal, 0, path, size);
	return entry && session_set_has(&entry->events, type);
}

/* Number of files of an event that match; *ret_n: how many there are. */
static uint32_t targets(const struct mutes *mutes, const struct rs_event *event, uint32_t *ret_n)
{
	const struct catalogue_event *row = catalogue_find(event->type);
	uint32_t n = 0, matching = 0;
	for (uint32_t i = 0; row && i < row->n_fields; i++) {
		if (row->fields[i].kind != CATALOGUE_FILE)
			continue;
		const struct rs_file *file =
			(const struct rs_file *)(const void *)((const char *)event + event->body_offset +
							       row->fields[i].offset);
		size_t size;
		const char *path = rs_str_get(event, file->path, &size);
		n++;
		matching += has_path(mutes, SESSION_MUTE_TARGET, SESSION_MUTE_TARGET_PREFIX, path,
				     MIN(size, RS_PATH_SIZE_MAX), event->type);
	}
	*ret_n = n;
	return matching;
}

static bool target_muted(const struct mutes *mutes, const struct rs_event *event)
{
	uint32_t n, matching = targets(mutes, event, &n);
	if (n == 0)
		return false;
	return mutes->inverted[GROUP_TARGET] ? matching == 0 : matching == n;
}

static bool group_matches(const struct mutes *mutes, enum group group, const struct rs_event *event)
{
	const struct rs_process *process = &event->process;
	size_t size;
	const char *exe;
	switch (group) {
	case GROUP_PROCESS:
		return has_number(mutes, SESSION_MUTE_PROCESS, process->id, event->type);
	case GROUP_UID:
		return has_number(mutes, SESSION_MUTE_UID, process->uid, event->type);
	case GROUP_CGROUP:
		return has_number(mutes, SESSION_MUTE_CGROUP, process->cgroup_id, event->type);
	case GROUP_EXE:
		exe = rs_str_get(event, process->exe_path, &size);
		return has_path(mutes, SESSION_MUTE_EXE, SESSION_MUTE_EXE_PREFIX, exe, MIN(size, RS_PATH_SIZE_MAX),
				event->type);
	default:
		return false;
	}
}

bool mutes_match(const struct mutes *mutes, const struct rs_event *event)
{
	for (enum group group = 0; group < N_GROUPS; group++) {
		if (mutes->n_of_group[group] == 0 && !mutes->inverted[group])
			continue;
		if (group == GROUP_TARGET) {
			if (target_muted(mutes, event))
				return true;
		} else if (group_matches(mutes, group, event) != mutes->inverted[group]) {
			return true;
		}
	}
	return false;
}

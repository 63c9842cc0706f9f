/* SPDX-License-Identifier: Apache-2.0 */
#include "pending.h"

#include "base/fd.h"
#include "base/macro.h"

#include <errno.h>

/* Ids are given in order, so that the low bits spread them well. */
static size_t slot_of(const struct pending *pending, uint64_t id)
{
	return (size_t)id & (pending->n_slots - 1);
}

int pending_init(struct pending *pending, size_t limit)
{
	size_t n_slots = 16;
	while (n_slots < 2 * limit)
		n_slots *= 2;
	struct pending_entry *entries = calloc(n_slots, sizeof(*entries));
	if (!entries)
		return -ENOMEM;
	pending_deinit(pending);
	*pending = (struct pending){.entries = entries, .n_slots = n_slots, .limit = limit, .earliest_ns = UINT64_MAX};
	return 0;
}

void pending_deinit(struct pending *pending)
{
	pending_clear(pending);
	free(pending->entries);
	*pending = (struct pending){.earliest_ns = UINT64_MAX};
}

void pending_clear(struct pending *pending)
{
	for (size_t i = 0; i < pending->n_slots; i++) {
		if (pending->entries[i].id)
			fd_close(pending->entries[i].fd);
		pending->entries[i].id = 0;
	}
	pending->count = 0;
	pending->newest_id = 0;
	pending->earliest_ns = UINT64_MAX;
}

struct pending_entry *pending_find(const struct pending *pending, uint64_t id)
{
	if (pending->count == 0 || id == 0)
		return NULL;
	for (size_t i = slot_of(pending, id); pending->entries[i].id; i = (i + 1) & (pending->n_slots - 1))
		if (pending->entries[i].id == id)
			return &pending->entries[i];
	return NULL;
}

void pending_remove(struct pending *pending, struct pending_entry *entry)
{
	size_t mask = pending->n_slots - 1, hole = (size_t)(entry - pending->entries);
	fd_close(entry->fd);
	pending->count--;
	if (pending->count == 0)
		pending->earliest_ns = UINT64_MAX;
	/* entries behind the hole that would not be found any more move into it */
	for (size_t i = (hole + 1) & mask; pending->entries[i].id; i = (i + 1) & mask) {
		size_t home = slot_of(pending, pending->entries[i].id);
		if (((i - home) & mask) < ((i - hole) & mask))
			continue;
		pending->entries[hole] = pending->entries[i];
		hole = i;
	}
	pending->entries[hole].id = 0;
}

static void remove_oldest(struct pending *pending)
{
	struct pending_entry *oldest = NULL;
	for (size_t i = 0; i < pending->n_slots; i++)
		if (pending->entries[i].id && (!oldest || pending->entries[i].id < oldest->id))
			oldest = &pending->entries[i];
	if (oldest)
		pending_remove(pending, oldest);
}

static struct pending_entry *add(struct pending *pending, uint64_t id)
{
	if (pending->count >= pending->limit)
		remove_oldest(pending);
	size_t i = slot_of(pending, id);
	while (pending->entries[i].id)
		i = (i + 1) & (pending->n_slots - 1);
	pending->entries[i] = (struct pending_entry){.id = id, .fd = -ENODATA};
	pending->count++;
	return &pending->entries[i];
}

void pending_ask(struct pending *pending, uint64_t id, uint64_t deadline_ns)
{
	if (id == 0 || pending->limit == 0)
		return;
	struct pending_entry *entry = pending_find(pending, id);
	if (!entry)
		entry = add(pending, id);
	entry->deadline_ns = deadline_ns ? deadline_ns : 1;
	pending->newest_id = MAX(pending->newest_id, id);
	pending->earliest_ns = MIN(pending->earliest_ns, entry->deadline_ns);
}

void pending_put_fd(struct pending *pending, uint64_t id, int fd)
{
	struct pending_entry *entry = pending_find(pending, id);
	if (!entry && id > pending->newest_id && pending->limit > 0)
		entry = add(pending, id);
	if (entry && entry->fd == -ENODATA)
		entry->fd = fd;
	else
		fd_close(fd);
}

/* Also a descriptor whose question never came, once a newer question was read. */
static bool is_over(const struct pending *pending, const struct pending_entry *entry, uint64_t now_ns)
{
	return entry->deadline_ns ? entry->deadline_ns <= now_ns : entry->id < pending->newest_id;
}

void pending_expire(struct pending *pending, uint64_t now_ns)
{
	if (now_ns < pending->earliest_ns)
		return;
	uint64_t earliest_ns = UINT64_MAX;
	for (size_t i = 0; i < pending->n_slots;) {
		struct pending_entry *entry = &pending->entries[i];
		if (entry->id && is_over(pending, entry, now_ns)) {
			pending_remove(pending, entry); /* another may have moved here: look again */
			continue;
		}
		if (entry->id && entry->deadline_ns)
			earliest_ns = MIN(earliest_ns, entry->deadline_ns);
		i++;
	}
	pending->earliest_ns = earliest_ns;
}

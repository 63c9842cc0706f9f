/* SPDX-License-Identifier: Apache-2.0 */
#include "behaviour/processes.h"

#include "common/common.h"

#include <errno.h>
#include <string.h>

#define NONE UINT32_MAX

static uint32_t bucket_of(const struct processes *processes, uint64_t id)
{
	return (uint32_t)((id * UINT64_C(0x9e3779b97f4a7c15)) >> 32) & (processes->n_buckets - 1);
}

int processes_init(struct processes *processes, uint32_t n_max)
{
	*processes = (struct processes){.n_max = n_max, .n_buckets = 16, .free = NONE};
	while (processes->n_buckets < n_max)
		processes->n_buckets *= 2;
	processes->entries = calloc(n_max, sizeof(*processes->entries));
	processes->buckets = calloc(processes->n_buckets, sizeof(*processes->buckets));
	if (!processes->entries || !processes->buckets) {
		processes_deinit(processes);
		return -ENOMEM;
	}
	memset(processes->buckets, 0xff, processes->n_buckets * sizeof(*processes->buckets));
	for (int i = 0; i < 2; i++)
		processes->oldest[i] = processes->newest[i] = NONE;
	return 0;
}

void processes_deinit(struct processes *processes)
{
	free(processes->entries);
	free(processes->buckets);
	processes->entries = NULL;
	processes->buckets = NULL;
}

static uint32_t index_of(const struct processes *processes, const struct process *process)
{
	return (uint32_t)(process - processes->entries);
}

static void list_remove(struct processes *processes, struct process *process)
{
	bool list = process->ended;
	if (process->older != NONE)
		processes->entries[process->older].newer = process->newer;
	else
		processes->oldest[list] = process->newer;
	if (process->newer != NONE)
		processes->entries[process->newer].older = process->older;
	else
		processes->newest[list] = process->older;
}

static void list_append(struct processes *processes, struct process *process)
{
	uint32_t index = index_of(processes, process);
	bool list = process->ended;
	process->newer = NONE;
	process->older = processes->newest[list];
	if (process->older != NONE)
		processes->entries[process->older].newer = index;
	else
		processes->oldest[list] = index;
	processes->newest[list] = index;
}

static void use(struct processes *processes, struct process *process)
{
	list_remove(processes, process);
	list_append(processes, process);
}

static void bucket_remove(struct processes *processes, const struct process *process)
{
	uint32_t index = index_of(processes, process);
	uint32_t *at = &processes->buckets[bucket_of(processes, process->id)];
	while (*at != index)
		at = &processes->entries[*at].next;
	*at = process->next;
}

/* An entry that nobody has: a fresh one, or that of the process that is missed least. */
static struct process *take_entry(struct processes *processes)
{
	if (processes->n < processes->n_max)
		return &processes->entries[processes->n++];
	bool ended = processes->oldest[1] != NONE;
	struct process *process = &processes->entries[processes->oldest[ended]];
	processes->evicted_ended += ended;
	processes->evicted_running += !ended;
	list_remove(processes, process);
	bucket_remove(processes, process);
	return process;
}

struct process *processes_find(const struct processes *processes, uint64_t id)
{
	uint32_t at = id ? processes->buckets[bucket_of(processes, id)] : NONE;
	while (at != NONE && processes->entries[at].id != id)
		at = processes->entries[at].next;
	return at == NONE ? NULL : &processes->entries[at];
}

struct process *processes_parent(const struct processes *processes, const struct process *process)
{
	return process->parent_id == process->id ? NULL : processes_find(processes, process->parent_id);
}

void processes_renew(struct process *process, const struct rs_event *event, const struct rs_process *from)
{
	size_t size;
	const char *path = rs_str_get(event, from->exe_path, &size);
	size_t cut = size < sizeof(process->exe) ? 0 : size - (sizeof(process->exe) - 1);
	if (size > 0) {
		memcpy(process->exe, path + cut, size - cut);
		process->exe[size - cut] = '\0';
	}
	memcpy(process->comm, from->comm, sizeof(process->comm));
	process->comm[sizeof(process->comm) - 1] = '\0';
	process->uid = from->uid;
	process->euid = from->euid;
}

struct process *processes_see(struct processes *processes, const struct rs_event *event, const struct rs_process *from)
{
	if (from->id == 0)
		return NULL;
	struct process *process = processes_find(processes, from->id);
	if (process) {
		if (process->parent_id == 0)
			process->parent_id = from->parent_id;
		if (process->exe[0] == '\0')
			processes_renew(process, event, from);
		use(processes, process);
		return process;
	}
	const struct process *parent = processes_find(processes, from->parent_id);
	uint64_t connected_ns = parent ? parent->connected_ns : 0;
	process = take_entry(processes); /* perhaps the parent's */
	*process = (struct process){.id = from->id,
				    .parent_id = from->parent_id,
				    .connected_ns = connected_ns,
				    .pid = from->pid,
				    .parent_pid = from->parent_pid};
	processes_renew(process, event, from);
	uint32_t *bucket = &processes->buckets[bucket_of(processes, from->id)];
	process->next = *bucket;
	*bucket = index_of(processes, process);
	list_append(processes, process);
	return process;
}

void processes_end(struct processes *processes, struct process *process)
{
	list_remove(processes, process);
	process->ended = true;
	list_append(processes, process);
}

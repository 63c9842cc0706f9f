/* SPDX-License-Identifier: Apache-2.0 */
/*
 * behaviour-bench: what the rules cost: events a second on one processor, and the memory at the limits of the tables.
 * The events are made beforehand: forks, executions, opens, writes, renames, as a busy machine has them.
 */
#include "behaviour/test_world.h"
#include "common/common.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#define EVENTS 20000u
#define ROUNDS 50u

static struct {
	uint64_t bytes[128];
} kept[EVENTS];
static uint32_t n_kept;

static void keep(void)
{
	const struct rs_event *event = world_event();
	if (n_kept < EVENTS && event->size <= sizeof(kept[0]))
		memcpy(kept[n_kept++].bytes, event, event->size);
}

static long resident_kb(void)
{
	long pages = 0, all;
	FILE *file = fopen("/proc/self/statm", "re");
	if (!file || fscanf(file, "%ld %ld", &all, &pages) != 2)
		pages = 0;
	if (file)
		fclose(file);
	return pages * 4;
}

static void make_events(void)
{
	char path[96], other[128];
	for (uint32_t i = 0; n_kept < EVENTS; i++) {
		uint32_t pid = 10 + i % 4000;
		snprintf(path, sizeof(path), "/home/a/project/src/part-%u/file-%u.c", i % 50, i % 1000);
		snprintf(other, sizeof(other), "%s.tmp", path);
		world_fork(1, pid), keep();
		world_exec(pid, "/usr/bin/gcc-12"), keep();
		for (int j = 0; j < 12; j++) /* most of what happens */
			world_open(pid, path, false), keep();
		world_create(pid, other, 100000 + i), keep();
		world_write(pid, other, 100000 + i), keep();
		world_rename(pid, other, path), keep();
		world_connect(pid, 10, 443), keep();
		world_exit(pid), keep();
	}
}

int main(int argc, char **argv)
{
	static const struct state_sizes sizes = {.processes = 16384, .files = 8192, .trees = 128};
	long before_kb = resident_kb();
	world_begin("", &sizes);
	make_events();
	uint64_t begin_ns = now_ns();
	for (uint32_t round = 0; round < ROUNDS; round++)
		for (uint32_t i = 0; i < n_kept; i++) {
			/* another process each round: the table fills and stays full */
			struct rs_event *event = (struct rs_event *)(void *)kept[i].bytes;
			event->process.id += (uint64_t)1 << 40;
			if (event->type == RS_EVENT_FORK)
				((struct rs_event_fork *)(void *)(event + 1))->child.id += (uint64_t)1 << 40;
			detect_event(&world.detect, event);
		}
	uint64_t took_ns = now_ns() - begin_ns;
	const struct state *state = &world.detect.state;
	printf("%" PRIu64 " events/s on one processor (%.0f ns each)\n",
	       (uint64_t)n_kept * ROUNDS * 1000000000u / took_ns, (double)took_ns / n_kept / ROUNDS);
	printf("%u of %u processes known, %" PRIu64
	       " forgotten; tables %zu KB; resident %ld KB, of these %zu KB events of the bench\n",
	       state->processes.n, state->processes.n_max,
	       state->processes.evicted_ended + state->processes.evicted_running,
	       (sizes.processes * sizeof(struct process) + state->processes.n_buckets * 4 +
		state->files.n * sizeof(struct recent_file) + sizes.trees * sizeof(struct mass)) /
		       1024,
	       resident_kb() - before_kb, sizeof(kept) / 1024);
	world_end();
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "ring_bench.h"

#include "base/clock.h"
#include "base/fd.h"
#include "ring/ring.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#define READERS_MAX 16
#define N_RECORDS 1000000
#define BATCH 256 /* records between two wake-ups: a turn of the engine under load */
#define RING_BYTES (4u << 20)
#define RECORD_BYTES (sizeof(struct rs_event) + 256) /* a typical exec or open event */

/* Reads until it has seen every record in order; 0, or 1 when the ring lied. */
static int reader_run(const int fds[3])
{
	struct ring_reader *reader;
	uint64_t seq = 0;
	if (ring_reader_new(fds, RING_BYTES, &reader) < 0)
		return 1;
	while (seq < N_RECORDS) {
		const struct rs_event *event;
		enum ring_result result = ring_peek(reader, &event);
		if (result == RING_OK) {
			if (event->seq != ++seq)
				return 1;
			ring_consume(reader);
		} else if (result != RING_EMPTY) {
			return 1;
		} else if (ring_prepare_wait(reader)) {
			struct pollfd fd = {.fd = ring_reader_fd(reader), .events = POLLIN};
			poll(&fd, 1, 10000);
			ring_finish_wait(reader);
		}
	}
	return 0;
}

static int reader_start(struct ring_writer *writer, pid_t *ret)
{
	int fds[3], copies[3];
	ring_writer_fds(writer, fds);
	pid_t pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0) {
		for (size_t i = 0; i < 3; i++)
			copies[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, 3);
		_exit(reader_run(copies));
	}
	*ret = pid;
	return 0;
}

/* One record to one reader; waits for room, because the figure is about what arrives. */
static void record_write(struct ring_writer *writer, uint64_t seq)
{
	void *at;
	while (ring_reserve(writer, RECORD_BYTES, &at) == RING_FULL) {
		ring_wake(writer);
		sched_yield();
	}
	struct rs_event *event = at;
	memset(event, 0, RECORD_BYTES);
	event->size = RECORD_BYTES;
	event->header_size = sizeof(*event);
	event->body_offset = sizeof(*event);
	event->body_size = RECORD_BYTES - sizeof(*event);
	event->seq = seq;
	ring_commit(writer);
}

int ring_bench(int n_readers)
{
	struct ring_writer *writers[READERS_MAX];
	pid_t pids[READERS_MAX];
	int status = 0;
	if (n_readers < 1 || n_readers > READERS_MAX) {
		fprintf(stderr, "ringside-bench: expected 1 to %d readers, found %d\n", READERS_MAX, n_readers);
		return 2;
	}
	for (int i = 0; i < n_readers; i++) {
		if (ring_writer_new(RING_BYTES, &writers[i]) < 0 || reader_start(writers[i], &pids[i]) < 0)
			return 1;
	}
	uint64_t start = clock_monotonic_ns();
	for (uint64_t seq = 1; seq <= N_RECORDS; seq++)
		for (int i = 0; i < n_readers; i++) {
			record_write(writers[i], seq);
			if (seq % BATCH == 0 || seq == N_RECORDS)
				ring_wake(writers[i]);
		}
	for (int i = 0; i < n_readers; i++) {
		if (waitpid(pids[i], &status, 0) != pids[i] || status != 0) {
			fprintf(stderr, "ringside-bench: reader %d: wait status %#x\n", i, (unsigned int)status);
			return 1;
		}
		ring_writer_free(writers[i]);
	}
	double ns = (double)(clock_monotonic_ns() - start) / N_RECORDS;
	printf("ring-%d %.1f\n", n_readers, ns);
	return 0;
}

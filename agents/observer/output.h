/* SPDX-License-Identifier: Apache-2.0 */
/*
 * output: lines to a file, a pipe or a terminal, from a program that must never wait for their reader.
 *
 *     output_line() ─▶ buffer ─▶ output_flush() ─▶ write(2), only when the reader has room
 *
 * A full buffer or a closed pipe drops lines; they are counted, and a line {"dropped":N} takes their place as soon as
 * there is room. Owns the buffer, borrows the descriptor.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct output {
	int fd;
	bool waits; /* a write may block: ask poll(2) first, and write no more than PIPE_BUF */
	bool closed;
	int error; /* what closed it, -errno */
	char *buffer;
	size_t capacity;
	size_t begin, end;
	uint64_t lines;
	uint64_t dropped;
	uint64_t dropped_told;
};

/* capacity: at least 4,096 bytes. -ENOMEM. */
int output_init(struct output *output, int fd, size_t capacity);
void output_deinit(struct output *output);

/* Adds a line and its newline. False when it was dropped. */
bool output_line(struct output *output, const char *line, size_t size);

/* Writes what the reader has room for. */
void output_flush(struct output *output);

/* Writes on until all is out, the reader is gone, or the time is over. */
void output_finish(struct output *output, uint64_t until_ns);

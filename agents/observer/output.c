/* SPDX-License-Identifier: Apache-2.0 */
#include "observer/output.h"

#include "common/common.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TOLD_SIZE 64u /* a {"dropped":N} line */

int output_init(struct output *output, int fd, size_t capacity)
{
	struct stat st;
	*output = (struct output){.fd = fd, .capacity = capacity, .buffer = malloc(capacity)};
	output->waits = fstat(fd, &st) < 0 || !S_ISREG(st.st_mode);
	return output->buffer ? 0 : -ENOMEM;
}

void output_deinit(struct output *output)
{
	free(output->buffer);
	output->buffer = NULL;
}

static bool put(struct output *output, const char *bytes, size_t size)
{
	if (output->closed || output->capacity - (output->end - output->begin) < size + 1)
		return false;
	if (output->capacity - output->end < size + 1) {
		memmove(output->buffer, output->buffer + output->begin, output->end - output->begin);
		output->end -= output->begin;
		output->begin = 0;
	}
	memcpy(output->buffer + output->end, bytes, size);
	output->end += size;
	output->buffer[output->end++] = '\n';
	return true;
}

/* After a gap nothing goes in before the line that tells of it. */
static bool tell_dropped(struct output *output, size_t room_for)
{
	char text[TOLD_SIZE];
	if (output->dropped == output->dropped_told)
		return true;
	if (output->capacity - (output->end - output->begin) < room_for + sizeof(text))
		return false;
	int size = snprintf(text, sizeof(text), "{\"dropped\":%" PRIu64 "}", output->dropped - output->dropped_told);
	if (!put(output, text, (size_t)size))
		return false;
	output->dropped_told = output->dropped;
	return true;
}

bool output_line(struct output *output, const char *line, size_t size)
{
	if (tell_dropped(output, size + 1) && put(output, line, size)) {
		output->lines++;
		return true;
	}
	output->dropped++;
	return false;
}

/* True when something went out and more may. */
static bool write_some(struct output *output, int timeout_ms)
{
	size_t size = output->end - output->begin;
	struct pollfd fd = {.fd = output->fd, .events = POLLOUT};
	if (output->closed || size == 0)
		return false;
	if (output->waits) {
		if (poll(&fd, 1, timeout_ms) <= 0 || !(fd.revents & (POLLOUT | POLLERR | POLLHUP | POLLNVAL)))
			return false;
		size = MIN(size, (size_t)PIPE_BUF);
	}
	ssize_t r = write(output->fd, output->buffer + output->begin, size);
	if (r < 0) {
		if (errno == EINTR || errno == EAGAIN)
			return false;
		output->closed = true;
		output->error = -errno;
		return false;
	}
	output->begin += (size_t)r;
	if (output->begin == output->end)
		output->begin = output->end = 0;
	return true;
}

void output_flush(struct output *output)
{
	while (write_some(output, 0))
		;
}

void output_finish(struct output *output, uint64_t until_ns)
{
	tell_dropped(output, 0);
	for (uint64_t now = now_ns(); now < until_ns && !output->closed && output->end > output->begin; now = now_ns())
		write_some(output, (int)((until_ns - now) / 1000000 + 1));
}

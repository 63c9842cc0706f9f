/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "base/fd.h"
#include "recorder/crc32c.h"
#include "recorder/recording.h"
#include "wire/event_build.h"
#include "wire/session.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <unistd.h>

struct recording_writer {
	int fd;
	uint64_t offset; /* where the next record begins */
};

static int write_all(int fd, struct iovec *iov, int n_iov, uint64_t offset)
{
	while (n_iov > 0) {
		ssize_t r = pwritev(fd, iov, n_iov, (off_t)offset);
		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -errno;
		offset += (uint64_t)r;
		for (; n_iov > 0 && (size_t)r >= iov->iov_len; iov++, n_iov--)
			r -= (ssize_t)iov->iov_len;
		if (n_iov > 0) {
			iov->iov_base = (char *)iov->iov_base + r;
			iov->iov_len -= (size_t)r;
		}
	}
	return 0;
}

static void fill_header(struct recording_header *header)
{
	struct utsname names;
	*header = (struct recording_header){.magic = RECORDING_MAGIC,
					    .version = RECORDING_VERSION,
					    .size = sizeof(*header),
					    .contract = SESSION_CONTRACT,
					    .wall_ns = clock_wall_ns(),
					    .monotonic_ns = clock_monotonic_ns()};
	ssize_t size =
		fd_read_file(AT_FDCWD, "/proc/sys/kernel/random/boot_id", header->boot_id, sizeof(header->boot_id));
	if (size < 0)
		header->boot_id[0] = '\0';
	header->boot_id[strcspn(header->boot_id, "\n")] = '\0';
	if (uname(&names) == 0)
		memcpy(header->kernel, names.release, MIN(strlen(names.release), sizeof(header->kernel) - 1));
	header->crc = crc32c(0, header, offsetof(struct recording_header, crc));
}

int recording_writer_new(int fd, struct recording_writer **ret)
{
	_cleanup_(fd_closep) int own_fd = fd;
	struct recording_header header;
	fill_header(&header);
	if (ftruncate(fd, 0) < 0)
		return -errno;
	int r = write_all(fd, &(struct iovec){.iov_base = &header, .iov_len = sizeof(header)}, 1, 0);
	if (r < 0)
		return r;
	struct recording_writer *writer = malloc(sizeof(*writer));
	if (!writer)
		return -ENOMEM;
	*writer = (struct recording_writer){.fd = STEAL_FD(own_fd), .offset = sizeof(header)};
	*ret = writer;
	return 0;
}

struct recording_writer *recording_writer_free(struct recording_writer *writer)
{
	if (!writer)
		return NULL;
	fd_close(writer->fd);
	free(writer);
	return NULL;
}

int recording_write(struct recording_writer *writer, const struct rs_event *event)
{
	struct recording_frame frame = {.magic = RECORDING_FRAME_MAGIC, .size = event->size};
	if (event_check(event, event->size))
		return -EINVAL;
	frame.crc = crc32c(crc32c(0, &frame.size, sizeof(frame.size)), event, event->size);
	/* iov_base is not const, though pwritev(2) only reads it */
	union {
		const struct rs_event *in;
		void *out;
	} bytes = {.in = event};
	struct iovec iov[] = {{.iov_base = &frame, .iov_len = sizeof(frame)},
			      {.iov_base = bytes.out, .iov_len = event->size}};
	int r = write_all(writer->fd, iov, ARRAY_SIZE(iov), writer->offset);
	if (r < 0) {
		/* what a full disk took of it: else a reader finds it torn. When this fails, the next write covers it
		 */
		(void)!ftruncate(writer->fd, (off_t)writer->offset);
		return r;
	}
	writer->offset += sizeof(frame) + event->size;
	return 0;
}

uint64_t recording_writer_size(const struct recording_writer *writer)
{
	return writer->offset;
}

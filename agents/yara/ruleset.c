/* SPDX-License-Identifier: Apache-2.0 */
#include "yara/ruleset.h"

#include "common/common.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC UINT64_C(0x52532d5941524131)

/* libyara hands over a few bytes at a time, hundreds of thousands of times: a buffer for writing, a mapping for
 * reading. */
struct writer {
	int fd;
	off_t offset; /* of what is in the buffer */
	int error;
	size_t used;
	char buffer[65536];
};

struct reader {
	const char *bytes;
	size_t size, at;
};

static bool flush(struct writer *writer)
{
	size_t done = 0;
	while (done < writer->used && writer->error == 0) {
		ssize_t n =
			pwrite(writer->fd, writer->buffer + done, writer->used - done, writer->offset + (off_t)done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			writer->error = n < 0 ? -errno : -EIO;
		else
			done += (size_t)n;
	}
	writer->offset += (off_t)done;
	writer->used = 0;
	return writer->error == 0;
}

static size_t stream_write(const void *bytes, size_t size, size_t count, void *data)
{
	struct writer *writer = data;
	size_t left = size * count;
	for (const char *at = bytes; left > 0;) {
		size_t n = MIN(left, sizeof(writer->buffer) - writer->used);
		memcpy(writer->buffer + writer->used, at, n);
		writer->used += n;
		at += n;
		left -= n;
		if (writer->used == sizeof(writer->buffer) && !flush(writer))
			return 0;
	}
	return count;
}

static size_t stream_read(void *bytes, size_t size, size_t count, void *data)
{
	struct reader *reader = data;
	size_t whole = size ? MIN(count, (reader->size - reader->at) / size) : 0;
	memcpy(bytes, reader->bytes + reader->at, whole * size);
	reader->at += whole * size;
	return whole;
}

struct ruleset *ruleset_free(struct ruleset *set)
{
	if (set && set->rules)
		yr_rules_destroy(set->rules);
	free(set);
	return NULL;
}

static int save(const struct ruleset *set, struct writer *writer)
{
	YR_STREAM stream = {.user_data = writer, .write = stream_write};
	struct ruleset_head head = set->head;
	head.magic = MAGIC;
	if (stream_write(&head, sizeof(head), 1, writer) != 1)
		return writer->error;
	if (yr_rules_save_stream(set->rules, &stream) != ERROR_SUCCESS)
		return writer->error ? writer->error : -EIO;
	if (!flush(writer))
		return writer->error;
	head.size_bytes = (uint64_t)writer->offset;
	writer->offset = 0;
	return stream_write(&head, sizeof(head), 1, writer) == 1 && flush(writer) ? 0 : writer->error;
}

int ruleset_save(const struct ruleset *set, int fd)
{
	_cleanup_(freep) struct writer *writer = calloc(1, sizeof(*writer));
	if (!writer)
		return -ENOMEM;
	writer->fd = fd;
	return save(set, writer);
}

static int load(struct reader *reader, struct ruleset **ret)
{
	YR_STREAM stream = {.user_data = reader, .read = stream_read};
	struct ruleset *set = calloc(1, sizeof(*set));
	if (!set)
		return -ENOMEM;
	if (stream_read(&set->head, sizeof(set->head), 1, reader) != 1 || set->head.magic != MAGIC ||
	    set->head.size_bytes != reader->size || yr_rules_load_stream(&stream, &set->rules) != ERROR_SUCCESS) {
		set->rules = NULL;
		ruleset_free(set);
		return -EPROTO;
	}
	set->head.version[RULESET_VERSION_SIZE - 1] = '\0';
	*ret = set;
	return 0;
}

int ruleset_load(int fd, struct ruleset **ret)
{
	struct stat status;
	if (fstat(fd, &status) < 0)
		return -errno;
	if (status.st_size <= 0)
		return -EPROTO;
	size_t size = (size_t)status.st_size;
	void *bytes = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (bytes == MAP_FAILED)
		return -errno;
	int r = load(&(struct reader){.bytes = bytes, .size = size}, ret);
	munmap(bytes, size);
	return r;
}

const char *ruleset_error_text(int error)
{
	static const char *const texts[] = {
		[ERROR_INSUFFICIENT_MEMORY] = "no memory",
		[ERROR_COULD_NOT_OPEN_FILE] = "cannot be opened",
		[ERROR_INVALID_FILE] = "not a file of compiled rules",
		[ERROR_CORRUPT_FILE] = "a damaged file of compiled rules",
		[ERROR_UNSUPPORTED_FILE_VERSION] =
			"compiled by another version of YARA: compile it with yarac " YR_VERSION,
		[ERROR_EXEC_STACK_OVERFLOW] = "a condition needs too much stack",
		[ERROR_SCAN_TIMEOUT] = "no time",
		[ERROR_TOO_MANY_MATCHES] = "too many matches",
		[ERROR_INTERNAL_FATAL_ERROR] = "internal error of libyara",
		[ERROR_TOO_MANY_RE_FIBERS] = "a regular expression needs too much",
		[ERROR_REGULAR_EXPRESSION_TOO_COMPLEX] = "a regular expression is too complex",
		[ERROR_TOO_MANY_STRINGS] = "too many strings in a rule",
	};
	return error > 0 && (size_t)error < ARRAY_SIZE(texts) && texts[error] ? texts[error] : "error of libyara";
}

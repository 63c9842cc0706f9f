/* SPDX-License-Identifier: Apache-2.0 */
#include "yara/ruleset.h"

#include "common/common.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC UINT64_C(0x52532d5941524131)

/* A place in a file, for libyara's streams. */
struct place {
	int fd;
	off_t offset;
	int error;
};

static size_t stream_write(const void *bytes, size_t size, size_t count, void *data)
{
	struct place *place = data;
	size_t done = 0, total = size * count;
	while (done < total) {
		ssize_t n = pwrite(place->fd, (const char *)bytes + done, total - done, place->offset);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			place->error = n < 0 ? -errno : -EIO;
			return 0;
		}
		done += (size_t)n;
		place->offset += n;
	}
	return count;
}

static size_t stream_read(void *bytes, size_t size, size_t count, void *data)
{
	struct place *place = data;
	size_t done = 0, total = size * count;
	while (done < total) {
		ssize_t n = pread(place->fd, (char *)bytes + done, total - done, place->offset);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return size ? done / size : 0;
		done += (size_t)n;
		place->offset += n;
	}
	return count;
}

struct ruleset *ruleset_free(struct ruleset *set)
{
	if (set && set->rules)
		yr_rules_destroy(set->rules);
	free(set);
	return NULL;
}

int ruleset_save(const struct ruleset *set, int fd)
{
	struct place place = {.fd = fd};
	YR_STREAM stream = {.user_data = &place, .write = stream_write};
	struct ruleset_head head = set->head;
	head.magic = MAGIC;
	if (stream_write(&head, sizeof(head), 1, &place) != 1)
		return place.error;
	if (yr_rules_save_stream(set->rules, &stream) != ERROR_SUCCESS)
		return place.error ? place.error : -EIO;
	head.size_bytes = (uint64_t)place.offset;
	place.offset = 0;
	return stream_write(&head, sizeof(head), 1, &place) == 1 ? 0 : place.error;
}

int ruleset_load(int fd, struct ruleset **ret)
{
	struct stat status;
	struct place place = {.fd = fd};
	YR_STREAM stream = {.user_data = &place, .read = stream_read};
	struct ruleset *set = calloc(1, sizeof(*set));
	if (!set)
		return -ENOMEM;
	if (stream_read(&set->head, sizeof(set->head), 1, &place) != 1 || set->head.magic != MAGIC ||
	    fstat(fd, &status) < 0 || (uint64_t)status.st_size != set->head.size_bytes ||
	    yr_rules_load_stream(&stream, &set->rules) != ERROR_SUCCESS) {
		set->rules = NULL;
		ruleset_free(set);
		return -EPROTO;
	}
	set->head.version[RULESET_VERSION_SIZE - 1] = '\0';
	*ret = set;
	return 0;
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

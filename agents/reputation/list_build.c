/* SPDX-License-Identifier: Apache-2.0 */
#include "reputation/list_build.h"

#include "common/common.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#define LINE_SIZE_MAX 4096u
#define READ_SIZE (256u << 10)
#define WRITE_SIZE (1u << 20)
#define RADIX 65536u

struct entry {
	uint8_t digest[DIGEST_SIZE];
	uint32_t meta; /* as in the file */
	uint32_t line;
};

struct list_builder {
	struct entry *entries;
	size_t n, capacity, entries_max;
	char *names;
	size_t names_size, names_capacity;
	size_t last_name; /* where the newest begins: lists often say the same name many times in a row */
};

void list_problem_add(struct list_problems *problems, const char *format, ...)
{
	va_list args;
	if (problems->n < LIST_PROBLEMS_MAX) {
		va_start(args, format);
		vsnprintf(problems->text[problems->n], LIST_PROBLEM_SIZE, format, args);
		va_end(args);
	}
	problems->n++;
}

int list_builder_new(size_t entries_max, struct list_builder **ret)
{
	struct list_builder *builder = calloc(1, sizeof(*builder));
	if (!builder)
		return -ENOMEM;
	builder->entries_max = entries_max;
	*ret = builder;
	return 0;
}

struct list_builder *list_builder_free(struct list_builder *builder)
{
	if (!builder)
		return NULL;
	free(builder->entries);
	free(builder->names);
	free(builder);
	return NULL;
}

/* Room for one more of size bytes; *capacity counts bytes. */
static int grow(void *array, size_t used, size_t size, size_t *capacity)
{
	char **pointer = array;
	if (used + size <= *capacity)
		return 0;
	size_t wanted = MAX(*capacity * 3 / 2, used + size + 4096);
	char *moved = realloc(*pointer, wanted);
	if (!moved)
		return -ENOMEM;
	*pointer = moved;
	*capacity = wanted;
	return 0;
}

/* Offset plus 1 in *ret. */
static int name_add(struct list_builder *builder, const char *name, size_t size, uint32_t *ret)
{
	const char *last = builder->names + builder->last_name;
	if (builder->names_size > 0 && strlen(last) == size && memcmp(last, name, size) == 0) {
		*ret = (uint32_t)builder->last_name + 1;
		return 0;
	}
	if (builder->names_size + size + 1 > LIST_NAMES_MAX)
		return -EFBIG;
	int r = grow(&builder->names, builder->names_size, size + 1, &builder->names_capacity);
	if (r < 0)
		return r;
	builder->last_name = builder->names_size;
	memcpy(builder->names + builder->names_size, name, size);
	builder->names[builder->names_size + size] = '\0';
	builder->names_size += size + 1;
	*ret = (uint32_t)builder->last_name + 1;
	return 0;
}

int list_builder_add(struct list_builder *builder, const uint8_t digest[DIGEST_SIZE], int deny, const char *name,
		     size_t name_size, uint32_t line, struct list_problems *problems)
{
	struct entry entry = {.meta = deny ? LIST_META_DENY : 0, .line = line};
	if (builder->n == builder->entries_max) {
		list_problem_add(problems, "line %" PRIu32 ": expected at most %zu entries, found more", line,
				 builder->entries_max);
		return -E2BIG;
	}
	if (name_size > 0) {
		uint32_t offset = 0;
		int r = name_add(builder, name, name_size, &offset);
		if (r == -EFBIG)
			list_problem_add(problems, "line %" PRIu32 ": expected at most %u bytes of names in all", line,
					 LIST_NAMES_MAX);
		if (r < 0)
			return r;
		entry.meta |= offset;
	}
	int r = grow(&builder->entries, builder->n * sizeof(entry), sizeof(entry), &builder->capacity);
	if (r < 0)
		return r;
	memcpy(entry.digest, digest, DIGEST_SIZE);
	builder->entries[builder->n++] = entry;
	return 0;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t';
}

/* Digits at the start of the line; how many there are. */
static size_t parse_digest(const char *at, size_t size, uint8_t digest[DIGEST_SIZE])
{
	size_t n = 0;
	while (n < size && hex_digit(at[n]) >= 0) {
		if (n < DIGEST_HEX_SIZE)
			digest[n / 2] = (uint8_t)(digest[n / 2] << 4 | hex_digit(at[n]));
		n++;
	}
	return n;
}

static bool take_word(const char **at, const char *end, const char *word)
{
	size_t size = strlen(word);
	if ((size_t)(end - *at) < size || memcmp(*at, word, size) != 0)
		return false;
	if (*at + size < end && !is_space((*at)[size]))
		return false;
	for (*at += size; *at < end && is_space(**at); (*at)++)
		;
	return true;
}

static bool name_ok(const char *at, const char *end, uint32_t line, struct list_problems *problems)
{
	if (end - at >= (ptrdiff_t)LIST_NAME_SIZE) {
		list_problem_add(problems, "line %" PRIu32 ": expected a name of at most %u bytes, found %zu", line,
				 LIST_NAME_SIZE - 1, (size_t)(end - at));
		return false;
	}
	for (const char *c = at; c < end; c++) {
		if ((unsigned char)*c >= ' ' && *c != 0x7f)
			continue;
		list_problem_add(problems, "line %" PRIu32 ": expected a name without control characters, found %#04x",
				 line, (unsigned char)*c);
		return false;
	}
	return true;
}

/* A problem in the line is no error of this call. */
static int add_line(struct list_builder *builder, const char *at, size_t size, uint32_t line,
		    struct list_problems *problems)
{
	uint8_t digest[DIGEST_SIZE] = {0};
	const char *end = at + size;
	while (at < end && is_space(*at))
		at++;
	while (end > at && (is_space(end[-1]) || end[-1] == '\r'))
		end--;
	if (at == end || *at == '#')
		return 0;
	size_t n = parse_digest(at, (size_t)(end - at), digest);
	if (n != DIGEST_HEX_SIZE || (at + n < end && !is_space(at[n]))) {
		list_problem_add(problems, "line %" PRIu32 ": expected %u hexadecimal digits of a SHA-256, found %zu%s",
				 line, DIGEST_HEX_SIZE, n, n == DIGEST_HEX_SIZE ? " and no space behind them" : "");
		return 0;
	}
	for (at += n; at < end && is_space(*at); at++)
		;
	bool allow = take_word(&at, end, "allow");
	if (!allow)
		take_word(&at, end, "deny");
	if (at < end && *at == '#')
		end = at;
	if (!name_ok(at, end, line, problems))
		return 0;
	return list_builder_add(builder, digest, !allow, at, (size_t)(end - at), line, problems);
}

struct lines {
	struct list_builder *builder;
	struct list_problems *problems;
	uint32_t line;
};

/* All whole lines of the buffer; how many bytes they take in *ret_used. */
static int add_lines(struct lines *lines, const char *buffer, size_t size, size_t *ret_used)
{
	size_t used = 0;
	const char *newline;
	while ((newline = memchr(buffer + used, '\n', size - used))) {
		size_t line_size = (size_t)(newline - (buffer + used));
		lines->line++;
		if (line_size > LINE_SIZE_MAX) {
			list_problem_add(lines->problems, "line %" PRIu32 ": expected at most %u bytes, found %zu",
					 lines->line, LINE_SIZE_MAX, line_size);
		} else {
			int r = add_line(lines->builder, buffer + used, line_size, lines->line, lines->problems);
			if (r < 0)
				return r;
		}
		used += line_size + 1;
	}
	*ret_used = used;
	return 0;
}

/* Too many entries and the like end the reading, but are problems of the list, not of this machine. */
static int end_of_text(int r)
{
	return r == -E2BIG || r == -EFBIG ? 0 : r;
}

int list_build_text(struct list_builder *builder, int fd, struct list_problems *problems)
{
	struct lines lines = {.builder = builder, .problems = problems};
	_cleanup_(freep) char *buffer = malloc(READ_SIZE + 1);
	size_t size = 0;
	if (!buffer)
		return -ENOMEM;
	for (;;) {
		ssize_t r = read(fd, buffer + size, READ_SIZE - size);
		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -errno;
		/* the last line may lack its newline */
		if (r == 0 && size > 0)
			buffer[size++] = '\n';
		size += (size_t)r;
		size_t used = 0;
		int error = add_lines(&lines, buffer, size, &used);
		if (error < 0)
			return end_of_text(error);
		if (r == 0)
			return 0;
		if (used == 0 && size == READ_SIZE) {
			list_problem_add(problems, "line %" PRIu32 ": expected at most %u bytes, found more",
					 lines.line + 1, LINE_SIZE_MAX);
			return 0;
		}
		memmove(buffer, buffer + used, size - used);
		size -= used;
	}
}

size_t list_builder_n(const struct list_builder *builder)
{
	return builder->n;
}

static int compare(const void *a, const void *b)
{
	const struct entry *left = a, *right = b;
	int r = memcmp(left->digest, right->digest, DIGEST_SIZE);
	return r ? r : (left->line > right->line) - (left->line < right->line);
}

static unsigned radix_of(const struct entry *entry)
{
	return (unsigned)(entry->digest[0] << 8 | entry->digest[1]);
}

/* In place: first each entry into the range of its first two bytes, then each range by itself. */
static int sort(struct list_builder *builder)
{
	_cleanup_(freep) uint32_t *next = calloc(2 * RADIX + 1, sizeof(*next));
	if (!next)
		return -ENOMEM;
	uint32_t *end = next + RADIX;
	for (size_t i = 0; i < builder->n; i++)
		end[radix_of(&builder->entries[i])]++;
	for (unsigned r = 0, sum = 0; r < RADIX; r++) {
		next[r] = sum;
		sum += end[r];
		end[r] = sum;
	}
	for (unsigned r = 0; r < RADIX; r++) {
		while (next[r] < end[r]) {
			struct entry *entry = &builder->entries[next[r]];
			unsigned home = radix_of(entry);
			if (home == r) {
				next[r]++;
				continue;
			}
			struct entry moved = *entry;
			*entry = builder->entries[next[home]];
			builder->entries[next[home]++] = moved;
		}
	}
	for (unsigned r = 0, from = 0; r < RADIX; from = end[r++])
		if (end[r] - from > 1)
			qsort(builder->entries + from, end[r] - from, sizeof(struct entry), compare);
	return 0;
}

/* Sorted entries: those that say the same as the one before go; those that contradict it are problems. */
static void merge(struct list_builder *builder, struct list_problems *problems)
{
	size_t kept = 0;
	for (size_t i = 0; i < builder->n; i++) {
		struct entry *entry = &builder->entries[i];
		struct entry *before = kept > 0 ? &builder->entries[kept - 1] : NULL;
		if (!before || memcmp(before->digest, entry->digest, DIGEST_SIZE) != 0)
			builder->entries[kept++] = *entry;
		else if ((before->meta ^ entry->meta) & LIST_META_DENY)
			list_problem_add(problems, "line %" PRIu32 ": says %s, but line %" PRIu32 " said %s for it",
					 entry->line, entry->meta & LIST_META_DENY ? "deny" : "allow", before->line,
					 before->meta & LIST_META_DENY ? "deny" : "allow");
	}
	builder->n = kept;
}

/* What goes out: collected, summed up, written in large pieces. */
struct stream {
	int fd;
	uint64_t offset;
	uint64_t sum;
	size_t used;
	char *buffer;
};

static int stream_flush(struct stream *stream)
{
	stream->sum = list_sum(stream->sum, stream->buffer, stream->used);
	for (size_t done = 0; done < stream->used;) {
		ssize_t r =
			pwrite(stream->fd, stream->buffer + done, stream->used - done, (off_t)(stream->offset + done));
		if (r < 0 && errno != EINTR)
			return -errno;
		if (r > 0)
			done += (size_t)r;
	}
	stream->offset += stream->used;
	stream->used = 0;
	return 0;
}

static int stream_put(struct stream *stream, const void *bytes, size_t size)
{
	for (const char *at = bytes; size > 0;) {
		size_t n = MIN(size, WRITE_SIZE - stream->used);
		memcpy(stream->buffer + stream->used, at, n);
		stream->used += n;
		at += n;
		size -= n;
		if (stream->used < WRITE_SIZE)
			continue;
		int r = stream_flush(stream);
		if (r < 0)
			return r;
	}
	return 0;
}

static int write_body(const struct list_builder *builder, struct stream *stream)
{
	int r = 0;
	for (size_t i = 0; i < builder->n && r >= 0; i++) {
		struct list_record record = {.meta = builder->entries[i].meta};
		memcpy(record.digest, builder->entries[i].digest, DIGEST_SIZE);
		r = stream_put(stream, &record, sizeof(record));
	}
	if (r >= 0)
		r = stream_put(stream, builder->names, builder->names_size);
	return r < 0 ? r : stream_flush(stream);
}

int list_build_write(struct list_builder *builder, int fd, const char *version, struct list_problems *problems)
{
	_cleanup_(freep) char *buffer = malloc(WRITE_SIZE);
	struct stream stream = {.fd = fd, .offset = sizeof(struct list_header), .buffer = buffer};
	int r = buffer ? sort(builder) : -ENOMEM;
	if (r < 0)
		return r;
	merge(builder, problems);
	if (problems->n > 0)
		return -EINVAL;
	r = write_body(builder, &stream);
	if (r < 0)
		return r;
	struct list_header header = {.magic = LIST_MAGIC,
				     .n_entries = builder->n,
				     .names_size = builder->names_size,
				     .checksum = stream.sum};
	if (version)
		snprintf(header.version, sizeof(header.version), "%s", version);
	else
		snprintf(header.version, sizeof(header.version), "%zu-%016" PRIx64, builder->n, stream.sum);
	/* the header goes last: a file that was not finished has none */
	stream.offset = 0;
	memcpy(buffer, &header, sizeof(header));
	stream.used = sizeof(header);
	return stream_flush(&stream);
}

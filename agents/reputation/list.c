/* SPDX-License-Identifier: Apache-2.0 */
#include "reputation/list.h"

#include "common/common.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define STEP_RECORDS 26214u /* a megabyte of them */
#define STEP_SIZE (STEP_RECORDS * sizeof(struct list_record))
#define PER_BUCKET 16u /* on the average, between half of it and it */
#define SUFFIX_BITS 24u
#define SUFFIX_SIZE 3u
#define BUCKET_BITS_MAX 24u
#define KNOWN_MAX 65536u
#define KNOWN_WAYS 4u /* places that a digest may have */
#define HUGE_SIZE (2u << 20)

/* A listed digest that was compared with its record in the file. */
struct known {
	uint8_t digest[DIGEST_SIZE];
	uint32_t meta;
	uint32_t used; /* 0: this place is empty */
};

struct list {
	int fd;
	struct list_header header;
	uint32_t bucket_bits;
	uint32_t *buckets; /* where each begins in `suffixes`, and at the end how many there are */
	uint8_t *suffixes; /* the 24 bits that follow those of the bucket, in the order of the file */
	struct known *known; /* n_known places, KNOWN_WAYS in a row belong together; what a lookup found is written
				into, by the one thread there is */
	uint32_t n_known; /* a power of two */

	/* only while it is loaded */
	uint64_t offset; /* what follows was not read yet */
	uint64_t size; /* of the file */
	uint64_t sum;
	uint32_t next_bucket; /* the first that has no beginning yet */
	uint8_t last[DIGEST_SIZE];
	char *buffer;
};

static int complain(int r, char *problem, const char *format, ...) __attribute__((format(printf, 3, 4)));
static int complain(int r, char *problem, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	vsnprintf(problem, LIST_PROBLEM_TEXT_SIZE, format, args);
	va_end(args);
	return r;
}

static int read_all(int fd, void *bytes, size_t size, uint64_t offset)
{
	for (size_t done = 0; done < size;) {
		ssize_t r = pread(fd, (char *)bytes + done, size - done, (off_t)(offset + done));
		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -errno;
		if (r == 0)
			return -ENODATA;
		done += (size_t)r;
	}
	return 0;
}

struct list *list_free(struct list *list)
{
	if (!list)
		return NULL;
	closep(&list->fd);
	free(list->buckets);
	free(list->suffixes);
	free(list->known);
	free(list->buffer);
	free(list);
	return NULL;
}

static void list_freep(struct list **list)
{
	list_free(*list);
}

static void builder_freep(struct list_builder **builder)
{
	list_builder_free(*builder);
}

/* A short text list becomes a compiled one in memory; *fd is replaced. */
static int compile_text(int *fd, char *problem)
{
	_cleanup_(builder_freep) struct list_builder *builder = NULL;
	_cleanup_(closep) int compiled = -1;
	struct list_problems problems = {0};
	int r = list_builder_new(LIST_TEXT_ENTRIES_MAX, &builder);
	if (r >= 0)
		r = list_build_text(builder, *fd, &problems);
	if (r >= 0 && (compiled = memfd_create("list", MFD_CLOEXEC)) < 0)
		r = -errno;
	if (r >= 0)
		r = list_build_write(builder, compiled, NULL, &problems);
	if (problems.n > 0)
		return complain(-EINVAL, problem, "%s%s", problems.text[0],
				problems.n > 1 ? "; and more: reputation-compile shows them" : "");
	if (r < 0)
		return complain(r, problem, "cannot be compiled: %s", strerror(-r));
	closep(fd);
	*fd = compiled;
	compiled = -1;
	return 0;
}

static int check_header(const struct list_header *header, uint64_t size, char *problem)
{
	if (header->n_entries > LIST_ENTRIES_MAX || header->names_size > LIST_NAMES_MAX)
		return complain(-EFBIG, problem, "expected at most %u entries, found %" PRIu64, LIST_ENTRIES_MAX,
				header->n_entries);
	uint64_t expected = sizeof(*header) + header->n_entries * sizeof(struct list_record) + header->names_size;
	if (size != expected)
		return complain(-EINVAL, problem, "expected %" PRIu64 " bytes by its header, found %" PRIu64, expected,
				size);
	if (!memchr(header->version, '\0', sizeof(header->version)))
		return complain(-EINVAL, problem, "the version in its header does not end");
	return 0;
}

/* Lookups go anywhere: with small pages each of them would also wait for the page tables. */
static void *allocate_index(size_t size)
{
	if (size < HUGE_SIZE)
		return malloc(size);
	size = (size + HUGE_SIZE - 1) / HUGE_SIZE * HUGE_SIZE;
	void *memory = aligned_alloc(HUGE_SIZE, size);
	/* where the kernel does not want to, it is as before */
	if (memory)
		(void)madvise(memory, size, MADV_HUGEPAGE);
	return memory;
}

static int allocate(struct list *list)
{
	uint64_t n = list->header.n_entries;
	for (list->n_known = KNOWN_WAYS; list->n_known < KNOWN_MAX && list->n_known < n; list->n_known *= 2)
		;
	while (list->bucket_bits < BUCKET_BITS_MAX && n >> list->bucket_bits > PER_BUCKET)
		list->bucket_bits++;
	list->buckets = allocate_index(((UINT64_C(1) << list->bucket_bits) + 1) * sizeof(uint32_t));
	list->suffixes = allocate_index(MAX(n, 1u) * SUFFIX_SIZE);
	list->known = calloc(list->n_known, sizeof(*list->known));
	list->buffer = malloc(STEP_SIZE);
	return list->buckets && list->suffixes && list->known && list->buffer ? 0 : -ENOMEM;
}

int list_load_begin(int fd, struct list **ret, char *problem)
{
	_cleanup_(list_freep) struct list *list = calloc(1, sizeof(*list));
	struct stat st;
	uint64_t magic = 0;
	if (!list) {
		closep(&fd);
		return complain(-ENOMEM, problem, "no memory");
	}
	list->fd = fd;
	ssize_t n = pread(fd, &magic, sizeof(magic), 0);
	if (n < 0 || fstat(fd, &st) < 0)
		return complain(-errno, problem, "cannot be read: %s", strerror(errno));
	if (!S_ISREG(st.st_mode))
		return complain(-EINVAL, problem, "expected a regular file");
	if (n != sizeof(magic) || magic != LIST_MAGIC) {
		int r = compile_text(&list->fd, problem);
		if (r < 0)
			return r;
		if (fstat(list->fd, &st) < 0)
			return complain(-errno, problem, "cannot be read: %s", strerror(errno));
	}
	list->size = (uint64_t)st.st_size;
	int r = read_all(list->fd, &list->header, sizeof(list->header), 0);
	if (r < 0)
		return complain(r, problem, "its header cannot be read: %s", strerror(-r));
	r = check_header(&list->header, list->size, problem);
	if (r < 0)
		return r;
	list->offset = sizeof(list->header);
	if (allocate(list) < 0)
		return complain(-ENOMEM, problem, "no memory for %" PRIu64 " entries", list->header.n_entries);
	*ret = STEAL(list);
	return 0;
}

static uint32_t bucket_of(const struct list *list, uint64_t prefix)
{
	return list->bucket_bits ? (uint32_t)(prefix >> (64 - list->bucket_bits)) : 0;
}

static uint32_t suffix_of(const struct list *list, uint64_t prefix)
{
	return (uint32_t)(prefix << list->bucket_bits >> (64 - SUFFIX_BITS));
}

static uint32_t suffix_get(const struct list *list, uint32_t place)
{
	const uint8_t *at = list->suffixes + (size_t)place * SUFFIX_SIZE;
	return (uint32_t)at[0] << 16 | (uint32_t)at[1] << 8 | at[2];
}

static void suffix_set(struct list *list, uint32_t place, uint32_t suffix)
{
	uint8_t *at = list->suffixes + (size_t)place * SUFFIX_SIZE;
	at[0] = (uint8_t)(suffix >> 16);
	at[1] = (uint8_t)(suffix >> 8);
	at[2] = (uint8_t)suffix;
}

static int index_records(struct list *list, const struct list_record *records, uint32_t first, uint32_t n,
			 char *problem)
{
	for (uint32_t i = 0; i < n; i++) {
		const uint8_t *digest = records[i].digest;
		uint64_t prefix = digest_prefix(digest);
		if (first + i > 0 && memcmp(list->last, digest, DIGEST_SIZE) >= 0)
			return complain(-EINVAL, problem, "entry %" PRIu32 " is not in order", first + i);
		memcpy(list->last, digest, DIGEST_SIZE);
		suffix_set(list, first + i, suffix_of(list, prefix));
		for (uint32_t bucket = bucket_of(list, prefix); list->next_bucket <= bucket; list->next_bucket++)
			list->buckets[list->next_bucket] = first + i;
	}
	return 0;
}

static int load_end(struct list *list, char *problem)
{
	if (list->sum != list->header.checksum)
		return complain(-EINVAL, problem, "is damaged: checksum %016" PRIx64 ", expected %016" PRIx64,
				list->sum, list->header.checksum);
	while (list->next_bucket <= UINT32_C(1) << list->bucket_bits)
		list->buckets[list->next_bucket++] = (uint32_t)list->header.n_entries;
	free(list->buffer);
	list->buffer = NULL;
	return 1;
}

int list_load_step(struct list *list, char *problem)
{
	uint64_t records_end = sizeof(list->header) + list->header.n_entries * sizeof(struct list_record);
	if (list->offset == list->size)
		return load_end(list, problem);
	/* pieces end where the records end, and at multiples of 8: the checksum wants it */
	uint64_t end = list->offset < records_end ? records_end : list->size;
	size_t size = (size_t)MIN(end - list->offset, (uint64_t)STEP_SIZE);
	int r = read_all(list->fd, list->buffer, size, list->offset);
	if (r < 0)
		return complain(r, problem, "cannot be read at byte %" PRIu64 ": %s", list->offset, strerror(-r));
	list->sum = list_sum(list->sum, list->buffer, size);
	if (list->offset < records_end) {
		uint64_t first = (list->offset - sizeof(list->header)) / sizeof(struct list_record);
		r = index_records(list, (const struct list_record *)(const void *)list->buffer, (uint32_t)first,
				  (uint32_t)(size / sizeof(struct list_record)), problem);
		if (r < 0)
			return r;
	}
	list->offset += size;
	return 0;
}

/* The first place in [low, high) whose suffix is at least (or, past, more than) the wanted one. */
static uint32_t bound(const struct list *list, uint32_t low, uint32_t high, uint32_t suffix, bool past)
{
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		uint32_t found = suffix_get(list, middle);
		if (found < suffix || (past && found == suffix))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

void list_name(const struct list *list, const struct list_entry *entry, char ret_name[LIST_NAME_SIZE])
{
	uint64_t names = sizeof(list->header) + list->header.n_entries * sizeof(struct list_record);
	memset(ret_name, 0, LIST_NAME_SIZE);
	if (entry->name == 0 || entry->name > list->header.names_size)
		return;
	uint64_t at = entry->name - 1;
	size_t size = (size_t)MIN(list->header.names_size - at, (uint64_t)LIST_NAME_SIZE - 1);
	if (read_all(list->fd, ret_name, size, names + at) < 0)
		ret_name[0] = '\0';
}

/* The row of places for this digest. By bits that the index does not use: who can make digests whose first bits agree
 * gains nothing here. */
static struct known *known_row(const struct list *list, const uint8_t digest[DIGEST_SIZE])
{
	return &list->known[digest_prefix(digest + DIGEST_SIZE / 2) % (list->n_known / KNOWN_WAYS) * KNOWN_WAYS];
}

static const struct known *known_find(const struct list *list, const uint8_t digest[DIGEST_SIZE])
{
	const struct known *row = known_row(list, digest);
	for (unsigned i = 0; i < KNOWN_WAYS; i++)
		if (row[i].used && memcmp(row[i].digest, digest, DIGEST_SIZE) == 0)
			return &row[i];
	return NULL;
}

/* The oldest of its row goes. */
static const struct known *known_add(const struct list *list, const uint8_t digest[DIGEST_SIZE], uint32_t meta)
{
	struct known *row = known_row(list, digest);
	memmove(row + 1, row, (KNOWN_WAYS - 1) * sizeof(*row));
	*row = (struct known){.meta = meta, .used = 1};
	memcpy(row->digest, digest, DIGEST_SIZE);
	return row;
}

static struct list_entry entry_of(uint32_t meta)
{
	return (struct list_entry){.deny = meta & LIST_META_DENY, .name = meta & ~LIST_META_DENY};
}

/* Compares all 256 bits with the records in [low, high) of the file. */
static int find_in_file(const struct list *list, uint32_t low, uint32_t high, const uint8_t digest[DIGEST_SIZE],
			uint32_t *ret_meta)
{
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		struct list_record record;
		int r = read_all(list->fd, &record, sizeof(record),
				 sizeof(list->header) + (uint64_t)middle * sizeof(record));
		if (r < 0)
			return r;
		int order = memcmp(record.digest, digest, DIGEST_SIZE);
		if (order == 0) {
			*ret_meta = record.meta;
			return 1;
		}
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return 0;
}

int list_lookup(const struct list *list, const uint8_t digest[DIGEST_SIZE], struct list_entry *ret)
{
	uint64_t prefix = digest_prefix(digest);
	uint32_t bucket = bucket_of(list, prefix), suffix = suffix_of(list, prefix);
	uint32_t low = bound(list, list->buckets[bucket], list->buckets[bucket + 1], suffix, false);
	uint32_t high = list->buckets[bucket + 1];
	if (low == high || suffix_get(list, low) != suffix)
		return 0;
	const struct known *known = known_find(list, digest);
	if (!known) {
		uint32_t meta;
		high = bound(list, low, high, suffix, true);
		int r = find_in_file(list, low, high, digest, &meta);
		if (r != 1)
			return r;
		known = known_add(list, digest, meta);
	}
	*ret = entry_of(known->meta);
	return 1;
}

size_t list_n(const struct list *list)
{
	return (size_t)list->header.n_entries;
}

const char *list_version(const struct list *list)
{
	return list->header.version;
}

size_t list_memory_bytes(const struct list *list)
{
	return list->header.n_entries * SUFFIX_SIZE + ((UINT64_C(1) << list->bucket_bits) + 1) * sizeof(uint32_t) +
	       list->n_known * sizeof(struct known);
}

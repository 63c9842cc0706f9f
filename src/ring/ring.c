/* SPDX-License-Identifier: Apache-2.0 */
#include "ring/ring.h"

#include "base/fd.h"
#include "base/macro.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/stat.h>

/* First page of the ring memfd: the writer's. */
struct ring_head {
	_Atomic uint64_t head;
	uint8_t padding[56]; /* head changes with each record */
	_Atomic uint64_t answers_taken;
	_Atomic uint32_t bell;
};

/* The cursor memfd: the reader's, but for `waiting`, which the writer takes back. */
struct ring_cursor {
	_Atomic uint64_t tail;
	uint8_t padding[56]; /* tail changes with each record, waiting with each sleep: a cache line each */
	_Atomic uint32_t waiting;
	uint8_t more_padding[60];
	_Atomic uint64_t answers; /* given so far */
	uint8_t most_padding[56];
	struct answer_slot {
		_Atomic uint64_t id, at_ns, flags; /* enum session_answer_flags << 32 | reserved */
	} slots[RING_ANSWERS];
};

_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2, "an atomic with a lock cannot be shared between processes");

#define RING_SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

struct ring_map {
	struct ring_head *head;
	char *data; /* size_bytes, and once more behind it */
	struct ring_cursor *cursor;
	size_t size_bytes;
};

struct ring_writer {
	struct ring_map map;
	uint64_t head;
	uint64_t tail; /* the last one that made sense */
	size_t reserved;
	uint64_t answers_taken;
	int fds[3]; /* ring, cursor, reading end: kept also so that the pipe always has a reader and never SIGPIPE */
	int wake_fd;
};

struct ring_reader {
	struct ring_map map;
	uint64_t tail;
	size_t peeked; /* size of the record at tail, 0: not looked at yet */
	uint64_t answers;
	int wake_fd;
};

static size_t page_size(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

static size_t cursor_size(void)
{
	size_t page = page_size();
	return (sizeof(struct ring_cursor) + page - 1) / page * page;
}

static bool size_ok(size_t size_bytes)
{
	return size_bytes >= RING_SIZE_MIN && size_bytes <= RING_SIZE_MAX && (size_bytes & (size_bytes - 1)) == 0;
}

static void map_deinit(struct ring_map *map)
{
	if (map->head)
		munmap(map->head, page_size() + 2 * map->size_bytes);
	if (map->cursor)
		munmap(map->cursor, cursor_size());
}

/* Reserves one range of addresses, then puts the file into it: head page and data, then the data again. */
static int map_init(struct ring_map *map, int ring_fd, int cursor_fd, size_t size_bytes, int protection)
{
	size_t page = page_size(), whole = page + 2 * size_bytes;
	char *at = mmap(NULL, whole, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (at == MAP_FAILED)
		return -errno;
	*map = (struct ring_map){.head = (struct ring_head *)(void *)at, .data = at + page, .size_bytes = size_bytes};

	int error = 0;
	if (mmap(at, page + size_bytes, protection, MAP_SHARED | MAP_FIXED, ring_fd, 0) == MAP_FAILED ||
	    mmap(at + page + size_bytes, size_bytes, protection, MAP_SHARED | MAP_FIXED, ring_fd, (off_t)page) ==
		    MAP_FAILED)
		error = -errno;
	void *cursor = error ? MAP_FAILED : mmap(NULL, cursor_size(), PROT_READ | PROT_WRITE, MAP_SHARED, cursor_fd, 0);
	if (cursor == MAP_FAILED) {
		error = error ? error : -errno;
		map_deinit(map);
		*map = (struct ring_map){0};
		return error;
	}
	map->cursor = cursor;
	return 0;
}

static char *map_at(const struct ring_map *map, uint64_t position)
{
	return map->data + (position & (map->size_bytes - 1));
}

/* A memfd whose pages exist already. Not fd_memfd(): its seals come after it is mapped. */
static int memory_new(const char *name, size_t size_bytes)
{
	_cleanup_(fd_closep) int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0 || fallocate(fd, 0, 0, (off_t)size_bytes) < 0)
		return errno == ENOSPC ? -ENOMEM : -errno;
	return STEAL_FD(fd);
}

static void writer_freep(struct ring_writer **writer)
{
	ring_writer_free(*writer);
}

int ring_writer_new(size_t size_bytes, struct ring_writer **ret)
{
	if (!size_ok(size_bytes))
		return -EINVAL;
	_cleanup_(writer_freep) struct ring_writer *writer = calloc(1, sizeof(*writer));
	if (!writer)
		return -ENOMEM;
	writer->fds[0] = writer->fds[1] = writer->fds[2] = writer->wake_fd = -1;

	int pipe_fds[2];
	if ((writer->fds[0] = memory_new("ringside-ring", page_size() + size_bytes)) < 0)
		return writer->fds[0];
	if ((writer->fds[1] = memory_new("ringside-cursor", cursor_size())) < 0)
		return writer->fds[1];
	if (pipe2(pipe_fds, O_CLOEXEC | O_NONBLOCK) < 0)
		return -errno;
	writer->fds[2] = pipe_fds[0];
	writer->wake_fd = pipe_fds[1];

	/* F_SEAL_FUTURE_WRITE spares the mapping that exists: this order makes the writer the only one */
	int error = map_init(&writer->map, writer->fds[0], writer->fds[1], size_bytes, PROT_READ | PROT_WRITE);
	if (error < 0)
		return error;
	if (fcntl(writer->fds[0], F_ADD_SEALS, F_SEAL_FUTURE_WRITE | RING_SEALS) < 0 ||
	    fcntl(writer->fds[1], F_ADD_SEALS, RING_SEALS) < 0)
		return -errno;
	ring_bell(writer, true);
	*ret = STEAL(writer);
	return 0;
}

struct ring_writer *ring_writer_free(struct ring_writer *writer)
{
	if (!writer)
		return NULL;
	map_deinit(&writer->map);
	for (size_t i = 0; i < ARRAY_SIZE(writer->fds); i++)
		fd_close(writer->fds[i]);
	fd_close(writer->wake_fd);
	free(writer);
	return NULL;
}

void ring_writer_fds(const struct ring_writer *writer, int ret_fds[3])
{
	for (size_t i = 0; i < ARRAY_SIZE(writer->fds); i++)
		ret_fds[i] = writer->fds[i];
}

static bool tail_ok(const struct ring_writer *writer, uint64_t tail)
{
	return tail >= writer->tail && tail <= writer->head && tail % 8 == 0;
}

enum ring_result ring_reserve(struct ring_writer *writer, size_t size, void **ret)
{
	uint64_t tail = atomic_load_explicit(&writer->map.cursor->tail, memory_order_acquire);
	if (!tail_ok(writer, tail))
		return RING_LIED;
	writer->tail = tail;
	if (size > writer->map.size_bytes - (writer->head - tail))
		return RING_FULL;
	writer->reserved = size;
	*ret = map_at(&writer->map, writer->head);
	return RING_OK;
}

void ring_commit(struct ring_writer *writer)
{
	writer->head += writer->reserved;
	writer->reserved = 0;
	atomic_store_explicit(&writer->map.head->head, writer->head, memory_order_release);
}

int ring_wake(struct ring_writer *writer)
{
	/* publishes nothing new: puts the head before the look at `waiting`, for every processor */
	atomic_exchange(&writer->map.head->head, writer->head);
	if (atomic_load(&writer->map.cursor->waiting) == 0)
		return 0;
	if (atomic_exchange(&writer->map.cursor->waiting, 0) == 0)
		return 0;
	if (write(writer->wake_fd, "", 1) == 1)
		return 1;
	/* a full pipe has woken the reader already */
	if (errno == EAGAIN)
		return 0;
	/* the kernel had no memory for the byte: if this were forgotten, nobody would ever try again */
	int error = -errno;
	atomic_store(&writer->map.cursor->waiting, 1);
	return error;
}

enum ring_result ring_take_answer(struct ring_writer *writer, struct ring_answer *ret)
{
	uint64_t answers = atomic_load_explicit(&writer->map.cursor->answers, memory_order_acquire);
	if (answers == writer->answers_taken)
		return RING_EMPTY;
	if (answers - writer->answers_taken > RING_ANSWERS)
		return RING_LIED;
	struct answer_slot *slot = &writer->map.cursor->slots[writer->answers_taken % RING_ANSWERS];
	uint64_t flags = atomic_load_explicit(&slot->flags, memory_order_relaxed);
	*ret = (struct ring_answer){.id = atomic_load_explicit(&slot->id, memory_order_relaxed),
				    .at_ns = atomic_load_explicit(&slot->at_ns, memory_order_relaxed),
				    .flags = (uint32_t)(flags >> 32),
				    .reserved = (uint32_t)flags};
	/* the slot is the reader's again */
	atomic_store_explicit(&writer->map.head->answers_taken, ++writer->answers_taken, memory_order_release);
	return RING_OK;
}

bool ring_has_answer(const struct ring_writer *writer)
{
	return atomic_load(&writer->map.cursor->answers) != writer->answers_taken;
}

void ring_bell(struct ring_writer *writer, bool on)
{
	if (on) /* before the look at the answers, for every processor */
		atomic_exchange(&writer->map.head->bell, 1);
	else
		atomic_store_explicit(&writer->map.head->bell, 0, memory_order_relaxed);
}

size_t ring_used(const struct ring_writer *writer)
{
	uint64_t tail = atomic_load_explicit(&writer->map.cursor->tail, memory_order_relaxed);
	return (size_t)(writer->head - (tail_ok(writer, tail) ? tail : writer->tail));
}

/* A file of exactly this size that nobody can shrink: reading it never ends in SIGBUS. */
static bool is_sealed_memory(int fd, size_t size_bytes)
{
	struct stat st;
	int seals = fcntl(fd, F_GET_SEALS);
	return seals >= 0 && (seals & F_SEAL_SHRINK) && fstat(fd, &st) == 0 && st.st_size == (off_t)size_bytes;
}

static void reader_freep(struct ring_reader **reader)
{
	ring_reader_free(*reader);
}

int ring_reader_new(const int fds[3], size_t size_bytes, struct ring_reader **ret)
{
	_cleanup_(fd_closep) int ring_fd = fds[0];
	_cleanup_(fd_closep) int cursor_fd = fds[1];
	_cleanup_(fd_closep) int wake_fd = fds[2];
	struct stat st;
	if (!size_ok(size_bytes) || !is_sealed_memory(ring_fd, page_size() + size_bytes) ||
	    !is_sealed_memory(cursor_fd, cursor_size()) || fstat(wake_fd, &st) < 0 || !S_ISFIFO(st.st_mode) ||
	    fcntl(wake_fd, F_SETFL, O_NONBLOCK) < 0)
		return -EINVAL;

	_cleanup_(reader_freep) struct ring_reader *reader = calloc(1, sizeof(*reader));
	if (!reader)
		return -ENOMEM;
	reader->wake_fd = STEAL_FD(wake_fd);
	int error = map_init(&reader->map, ring_fd, cursor_fd, size_bytes, PROT_READ);
	if (error < 0)
		return error;
	*ret = STEAL(reader);
	return 0;
}

struct ring_reader *ring_reader_free(struct ring_reader *reader)
{
	if (!reader)
		return NULL;
	map_deinit(&reader->map);
	fd_close(reader->wake_fd);
	free(reader);
	return NULL;
}

int ring_reader_fd(const struct ring_reader *reader)
{
	return reader->wake_fd;
}

/* Whether head and body lie within the record, so that the accessors of <ringside/events.h> are safe. */
static bool record_ok(const struct rs_event *event, size_t size)
{
	return event->header_size >= sizeof(*event) && event->body_offset >= event->header_size &&
	       event->body_offset % 8 == 0 && event->body_offset <= size &&
	       event->body_size <= size - event->body_offset;
}

enum ring_result ring_peek(struct ring_reader *reader, const struct rs_event **ret)
{
	const struct rs_event *event = (const struct rs_event *)(void *)map_at(&reader->map, reader->tail);
	if (reader->peeked == 0) {
		uint64_t head = atomic_load_explicit(&reader->map.head->head, memory_order_acquire);
		uint64_t available = head - reader->tail;
		if (available == 0)
			return RING_EMPTY;
		if (available > reader->map.size_bytes || available < sizeof(*event) || available % 8 != 0)
			return RING_LIED;
		size_t size = event->size;
		if (size < sizeof(*event) || size > available || size > RS_EVENT_SIZE_MAX || size % 8 != 0 ||
		    !record_ok(event, size))
			return RING_LIED;
		reader->peeked = size;
	}
	*ret = event;
	return RING_OK;
}

void ring_consume(struct ring_reader *reader)
{
	reader->tail += reader->peeked;
	reader->peeked = 0;
	atomic_store_explicit(&reader->map.cursor->tail, reader->tail, memory_order_release);
}

bool ring_prepare_wait(struct ring_reader *reader)
{
	atomic_exchange(&reader->map.cursor->waiting, 1);
	if (atomic_load(&reader->map.head->head) == reader->tail)
		return true;
	/* the writer may have seen it: its byte then ends the next sleep early, which is harmless */
	atomic_store(&reader->map.cursor->waiting, 0);
	return false;
}

void ring_finish_wait(struct ring_reader *reader)
{
	char bytes[64]; /* at most one a sleep, and one for each sleep that was called off */
	atomic_store(&reader->map.cursor->waiting, 0);
	if (read(reader->wake_fd, bytes, sizeof(bytes)) < 0)
		return; /* called before any byte came */
}

enum ring_result ring_answer(struct ring_reader *reader, const struct ring_answer *answer, bool *ret_bell)
{
	struct ring_cursor *cursor = reader->map.cursor;
	if (reader->answers - atomic_load_explicit(&reader->map.head->answers_taken, memory_order_acquire) >=
	    RING_ANSWERS)
		return RING_FULL;
	struct answer_slot *slot = &cursor->slots[reader->answers % RING_ANSWERS];
	atomic_store_explicit(&slot->id, answer->id, memory_order_relaxed);
	atomic_store_explicit(&slot->at_ns, answer->at_ns, memory_order_relaxed);
	atomic_store_explicit(&slot->flags, (uint64_t)answer->flags << 32 | answer->reserved, memory_order_relaxed);
	/* before the look at the bell, for every processor */
	atomic_exchange(&cursor->answers, ++reader->answers);
	*ret_bell = atomic_load(&reader->map.head->bell) != 0;
	return RING_OK;
}

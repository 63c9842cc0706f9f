/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bpf_ring on a file laid out as the kernel lays out its ring buffer: consumer page, producer page, data, data again.
 * A file can be shorter than the kernel's mapping, so reading beyond what was mapped, or laid out, ends the test.
 */
#include "sensor/bpf_ring.h"

#include "base/fd.h"
#include "base/macro.h"
#include "bpf/record.h"

#include <linux/bpf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#define SIZE (128u << 10)

struct kernel {
	int fd;
	size_t page, bytes;
	char *map;
	uint64_t *consumer, *producer;
	struct bpf_ring *ring;
};

static int set_up(void **state)
{
	static struct kernel kernel;
	kernel.page = (size_t)sysconf(_SC_PAGESIZE);
	kernel.bytes = 2 * kernel.page + SIZE + RECORD_SIZE_MAX;
	kernel.fd = fd_memfd("ring", kernel.bytes);
	assert_true(kernel.fd >= 0);
	kernel.map = mmap(NULL, kernel.bytes, PROT_READ | PROT_WRITE, MAP_SHARED, kernel.fd, 0);
	assert_true(kernel.map != MAP_FAILED);
	kernel.consumer = (uint64_t *)(void *)kernel.map;
	kernel.producer = (uint64_t *)(void *)(kernel.map + kernel.page);
	assert_int_equal(bpf_ring_new(kernel.fd, SIZE, &kernel.ring), 0);
	*state = &kernel;
	return 0;
}

static int tear_down(void **state)
{
	struct kernel *kernel = *state;
	bpf_ring_free(kernel->ring);
	munmap(kernel->map, kernel->bytes);
	fd_close(kernel->fd);
	return 0;
}

static char *at(struct kernel *kernel, uint64_t position)
{
	return kernel->map + 2 * kernel->page + position % SIZE;
}

/* In the real ring the bytes beyond the end are the ones at its beginning. */
static void mirror(struct kernel *kernel, uint64_t position, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		size_t offset = (size_t)(position % SIZE) + i;
		if (offset >= SIZE)
			*at(kernel, offset) = *(kernel->map + 2 * kernel->page + offset);
	}
}

static void produce(struct kernel *kernel, const void *bytes, size_t size, uint32_t flags)
{
	uint32_t head[2] = {(uint32_t)size | flags, 0};
	memcpy(at(kernel, *kernel->producer), head, sizeof(head));
	memcpy(at(kernel, *kernel->producer) + sizeof(head), bytes, size);
	mirror(kernel, *kernel->producer, sizeof(head) + size);
	*kernel->producer += ALIGN_UP(size + sizeof(head), 8);
}

/* Records of a size that divides nothing, twenty times round: each is whole, also where it crosses the end. */
static void test_round_and_round(void **state)
{
	struct kernel *kernel = *state;
	char record[1021];
	size_t size, crossed = 0;
	for (int i = 0; i < 20 * (int)(SIZE / sizeof(record)); i++) {
		memset(record, i, sizeof(record));
		crossed += *kernel->producer % SIZE + sizeof(record) > SIZE;
		produce(kernel, record, sizeof(record), 0);
		const void *got = bpf_ring_peek(kernel->ring, &size);
		assert_non_null(got);
		assert_int_equal(size, sizeof(record));
		assert_memory_equal(got, record, sizeof(record));
		bpf_ring_consume(kernel->ring);
		assert_int_equal(*kernel->consumer, *kernel->producer);
		assert_null(bpf_ring_peek(kernel->ring, &size));
	}
	assert_true(crossed > 10);
}

static void test_busy_and_discarded(void **state)
{
	struct kernel *kernel = *state;
	size_t size;
	produce(kernel, "a", 1, BPF_RINGBUF_DISCARD_BIT);
	produce(kernel, "bb", 2, 0);
	uint32_t *head = (uint32_t *)(void *)at(kernel, *kernel->producer);
	produce(kernel, "ccc", 3, BPF_RINGBUF_BUSY_BIT);
	produce(kernel, "dddd", 4, 0);
	assert_memory_equal(bpf_ring_peek(kernel->ring, &size), "bb", 2);
	bpf_ring_consume(kernel->ring);
	assert_null(bpf_ring_peek(kernel->ring, &size)); /* in order: what came after a busy one waits for it */
	assert_int_equal(bpf_ring_used(kernel->ring), 32);
	*head &= ~BPF_RINGBUF_BUSY_BIT;
	assert_memory_equal(bpf_ring_peek(kernel->ring, &size), "ccc", 3);
	bpf_ring_consume(kernel->ring);
	assert_memory_equal(bpf_ring_peek(kernel->ring, &size), "dddd", 4);
	bpf_ring_consume(kernel->ring);
	assert_int_equal(bpf_ring_used(kernel->ring), 0);
}

/* The longest there may be, with nothing but its head before the end. One that says it is longer is cut. */
static void test_longest_at_the_end(void **state)
{
	static char record[RECORD_SIZE_MAX - BPF_RINGBUF_HDR_SZ];
	struct kernel *kernel = *state;
	size_t size;
	for (uint32_t longer = 0; longer <= 8; longer += 8) {
		*kernel->producer = *kernel->consumer = SIZE - BPF_RINGBUF_HDR_SZ;
		struct bpf_ring *ring;
		assert_int_equal(bpf_ring_new(kernel->fd, SIZE, &ring), 0);
		memset(record, 'r', sizeof(record));
		produce(kernel, record, sizeof(record), 0);
		*(uint32_t *)(void *)at(kernel, SIZE - BPF_RINGBUF_HDR_SZ) += longer;
		const char *got = bpf_ring_peek(ring, &size);
		assert_non_null(got);
		assert_int_equal(size, sizeof(record));
		assert_memory_equal(got, record, size);
		bpf_ring_free(ring);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_round_and_round, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_busy_and_discarded, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_longest_at_the_end, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

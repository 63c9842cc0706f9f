/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/bpf_ring.h"

#include "base/macro.h"
#include "bpf/record.h"

#include <errno.h>
#include <linux/bpf.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* The kernel offers the data twice. Only as much of the second time is mapped as a record can reach beyond the first:
 * each page that is mapped counts as resident once more. */
#define MAPPED_TWICE RECORD_SIZE_MAX

struct bpf_ring {
	size_t size_bytes, page_bytes;
	_Atomic uint64_t *consumer;
	const _Atomic uint64_t *producer;
	const uint8_t *data;
	uint64_t position; /* ours; what the kernel reads is *consumer */
	size_t current; /* size of the record at position, head included; 0: not looked at */
};

int bpf_ring_new(int map_fd, size_t size_bytes, struct bpf_ring **ret)
{
	_cleanup_(freep) struct bpf_ring *ring = calloc(1, sizeof(*ring));
	if (!ring)
		return -ENOMEM;
	ring->size_bytes = size_bytes;
	ring->page_bytes = (size_t)sysconf(_SC_PAGESIZE);
	void *consumer = mmap(NULL, ring->page_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, map_fd, 0);
	if (consumer == MAP_FAILED)
		return -errno;
	void *producer = mmap(NULL, ring->page_bytes + size_bytes + MIN(size_bytes, MAPPED_TWICE), PROT_READ,
			      MAP_SHARED, map_fd, (off_t)ring->page_bytes);
	if (producer == MAP_FAILED) {
		int r = -errno;
		munmap(consumer, ring->page_bytes);
		return r;
	}
	ring->consumer = consumer;
	ring->producer = producer;
	ring->data = (const uint8_t *)producer + ring->page_bytes;
	ring->position = atomic_load_explicit(ring->consumer, memory_order_acquire);
	*ret = STEAL(ring);
	return 0;
}

struct bpf_ring *bpf_ring_free(struct bpf_ring *ring)
{
	if (!ring)
		return NULL;
	munmap((void *)(uintptr_t)ring->producer,
	       ring->page_bytes + ring->size_bytes + MIN(ring->size_bytes, MAPPED_TWICE));
	munmap(ring->consumer, ring->page_bytes);
	free(ring);
	return NULL;
}

const void *bpf_ring_peek(struct bpf_ring *ring, size_t *ret_size)
{
	/* discarded records are stepped over; each step moves on, so this ends where the producer is */
	while (ring->position < atomic_load_explicit(ring->producer, memory_order_acquire)) {
		const uint8_t *at = ring->data + (ring->position & (ring->size_bytes - 1));
		uint32_t head = atomic_load_explicit((const _Atomic uint32_t *)(const void *)at, memory_order_acquire);
		if (head & BPF_RINGBUF_BUSY_BIT)
			return NULL; /* a producer is still writing it */
		size_t size = head & ~(BPF_RINGBUF_BUSY_BIT | BPF_RINGBUF_DISCARD_BIT);
		ring->current = ALIGN_UP(size + BPF_RINGBUF_HDR_SZ, 8);
		if (!(head & BPF_RINGBUF_DISCARD_BIT)) {
			*ret_size = MIN(size, RECORD_SIZE_MAX - BPF_RINGBUF_HDR_SZ); /* none of ours is longer */
			return at + BPF_RINGBUF_HDR_SZ;
		}
		bpf_ring_consume(ring);
	}
	return NULL;
}

void bpf_ring_consume(struct bpf_ring *ring)
{
	ring->position += ring->current;
	ring->current = 0;
	/* sequentially consistent: the kernel compares it with its own position to see whether we must be woken */
	atomic_store(ring->consumer, ring->position);
}

size_t bpf_ring_used(const struct bpf_ring *ring)
{
	return (size_t)(atomic_load_explicit(ring->producer, memory_order_acquire) - ring->position);
}

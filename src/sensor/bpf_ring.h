/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bpf_ring: reads the kernel's ring buffer (BPF_MAP_TYPE_RINGBUF) one record at a time.
 *
 *     bpf program ─▶ [ consumer page | producer page | data | its beginning again ] ─▶ bpf_ring_peek ─▶
 * bpf_ring_consume
 *
 * libbpf's own reader takes all there is in one call; this one lets a turn of the loop end. Mapped while privileged,
 * used without: nothing here makes a system call after bpf_ring_new().
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bpf_ring;

/* map_fd is borrowed. -errno when it cannot be mapped. */
int bpf_ring_new(int map_fd, size_t size_bytes, struct bpf_ring **ret);
struct bpf_ring *bpf_ring_free(struct bpf_ring *ring);

/* The oldest record that is complete, valid until it is consumed, of less than RECORD_SIZE_MAX bytes; NULL when there
 * is none. */
const void *bpf_ring_peek(struct bpf_ring *ring, size_t *ret_size);
void bpf_ring_consume(struct bpf_ring *ring);
/* Bytes that wait, complete or not. */
size_t bpf_ring_used(const struct bpf_ring *ring);

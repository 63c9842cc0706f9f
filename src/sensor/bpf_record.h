/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bpf_record: a record of our programs in the kernel, taken apart and checked. Pure; points into the record.
 */
#pragma once

#include "bpf/record.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BPF_RECORD_FILES_MAX 2
#define BPF_RECORD_ADDRS_MAX 2
#define BPF_RECORD_TEXTS_MAX 3

struct bpf_record_file {
	const struct record_file *file; /* NULL: the record has no such part */
	const char *text, *walk;
};

struct bpf_record_addr {
	const struct record_addr *addr;
	const char *path;
};

struct bpf_record_text {
	const char *bytes;
	size_t size;
};

struct bpf_record {
	const struct record *head;
	const struct record_process *process;
	struct bpf_record_file files[BPF_RECORD_FILES_MAX];
	struct bpf_record_addr addrs[BPF_RECORD_ADDRS_MAX];
	struct bpf_record_text texts[BPF_RECORD_TEXTS_MAX];
};

/* False when a part does not lie within the record, or there are more than can be. */
bool bpf_record_parse(const void *bytes, size_t size, struct bpf_record *ret);

/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/bpf_record.h"

#include "base/macro.h"

struct counts {
	size_t files, addrs, texts;
};

static bool take_process(struct bpf_record *to, const void *payload, size_t size)
{
	if (to->process || size != sizeof(*to->process))
		return false;
	to->process = payload;
	return true;
}

static bool take_file(struct bpf_record *to, struct counts *n, const void *payload, size_t size)
{
	const struct record_file *file = payload;
	if (n->files == BPF_RECORD_FILES_MAX || size < sizeof(*file) ||
	    size - sizeof(*file) != (size_t)file->text_size + file->walk_size)
		return false;
	const char *text = (const char *)(file + 1);
	to->files[n->files++] = (struct bpf_record_file){.file = file, .text = text, .walk = text + file->text_size};
	return true;
}

static bool take_addr(struct bpf_record *to, struct counts *n, const void *payload, size_t size)
{
	const struct record_addr *addr = payload;
	if (n->addrs == BPF_RECORD_ADDRS_MAX || size < sizeof(*addr) || size - sizeof(*addr) != addr->path_size)
		return false;
	to->addrs[n->addrs++] = (struct bpf_record_addr){.addr = addr, .path = (const char *)(addr + 1)};
	return true;
}

static bool take_text(struct bpf_record *to, struct counts *n, const void *payload, size_t size)
{
	if (n->texts == BPF_RECORD_TEXTS_MAX)
		return false;
	to->texts[n->texts++] = (struct bpf_record_text){.bytes = payload, .size = size};
	return true;
}

static bool take(struct bpf_record *to, struct counts *n, const struct record_part *part)
{
	switch (part->kind) {
	case RECORD_PART_PROCESS:
		return take_process(to, part + 1, part->size);
	case RECORD_PART_FILE:
		return take_file(to, n, part + 1, part->size);
	case RECORD_PART_ADDR:
		return take_addr(to, n, part + 1, part->size);
	case RECORD_PART_TEXT:
		return take_text(to, n, part + 1, part->size);
	default:
		return false;
	}
}

bool bpf_record_parse(const void *bytes, size_t size, struct bpf_record *ret)
{
	struct bpf_record record = {.head = bytes};
	struct counts n = {0};
	if (size < sizeof(*record.head) || record.head->size != size)
		return false;
	for (size_t at = sizeof(*record.head); at < size;) {
		const struct record_part *part = (const void *)((const char *)bytes + at);
		if (size - at < sizeof(*part) || part->size > size - at - sizeof(*part) || !take(&record, &n, part))
			return false;
		at += ALIGN_UP(sizeof(*part) + part->size, 8);
	}
	*ret = record;
	return true;
}

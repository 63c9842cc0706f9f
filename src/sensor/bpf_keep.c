/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bpf_keep: programs that outlive the engine.
 *
 *     engine: bpf_programs_kept() ─▶ parent keeps the descriptors ─▶ next engine: bpf_programs_adopt()
 *
 * The hooks of processes stay attached meanwhile and go on recording; the dispatcher of system calls, which costs every
 * call something, is attached anew by whoever wants it. A memfd goes along with what the descriptors cannot tell. What
 * comes back was in the hands of a process that ended for a reason: it is looked at before it is used.
 */
#include "base/fd.h"
#include "base/log.h"
#include "sensor/bpf_handle.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define NOTE_MAGIC UINT64_C(0x5253424b45455001)

struct bpf_keep_note {
	uint64_t magic;
	uint64_t hash; /* of the object */
	uint64_t families;
	uint32_t raw;
	uint32_t n_cpus;
	uint32_t links; /* bit for each hook whose descriptor follows */
	uint32_t has_sys_exit; /* its program's descriptor follows */
	uint32_t hooks; /* bit for each that was attached */
	uint32_t reserved;
	char hook_reasons[BPF_N_HOOKS][BPF_REASON_SIZE];
	char family_reasons[RECORD_N_FAMILIES][BPF_REASON_SIZE];
	uint64_t lost_told[RECORD_TYPES_MAX];
};

static struct bpf_keep_note *map_note(int fd)
{
	void *note = mmap(NULL, sizeof(struct bpf_keep_note), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	return note == MAP_FAILED ? NULL : note;
}

static void write_note(const struct bpf_programs *programs, struct bpf_keep_note *note)
{
	const struct bpf_handle *handle = programs->handle;
	note->magic = NOTE_MAGIC;
	note->hash = bpf_handle_hash(programs->raw);
	note->families = programs->families;
	note->raw = programs->raw;
	note->n_cpus = programs->n_cpus;
	note->has_sys_exit = handle->sys_exit_fd >= 0;
	for (uint32_t i = 0; i < BPF_N_HOOKS; i++) {
		note->hooks |= (uint32_t)programs->hooks[i] << i;
		note->links |= (uint32_t)(handle->links[i] >= 0 && i != BPF_HOOK_SYS_EXIT) << i;
	}
	memcpy(note->hook_reasons, programs->hook_reasons, sizeof(note->hook_reasons));
	memcpy(note->family_reasons, programs->family_reasons, sizeof(note->family_reasons));
}

void bpf_keep_begin(struct bpf_programs *programs)
{
	struct bpf_handle *handle = programs->handle;
	programs->lost_told = handle->lost_told;
	handle->note_fd = fd_memfd("bpf-note", sizeof(*handle->note));
	if (handle->note_fd >= 0)
		handle->note = map_note(handle->note_fd);
	if (!handle->note) {
		log_warning("bpf: no memory for a note to the next engine; it will load its programs anew");
		return;
	}
	write_note(programs, handle->note);
	programs->lost_told = handle->note->lost_told;
}

void bpf_keep_end(struct bpf_programs *programs)
{
	struct bpf_handle *handle = programs->handle;
	if (handle->note)
		munmap(handle->note, sizeof(*handle->note));
	fd_close(handle->note_fd);
	if (handle->object)
		return;
	fd_close(handle->sys_exit_fd);
	for (size_t i = 0; i < BPF_N_MAPS; i++)
		fd_close(handle->maps[i]);
}

size_t bpf_programs_kept(const struct bpf_programs *programs, int ret_fds[BPF_KEPT_MAX])
{
	_Static_assert(1 + BPF_N_MAPS + 1 + BPF_N_HOOKS <= BPF_KEPT_MAX, "all fit");
	const struct bpf_handle *handle = programs->handle;
	size_t n = 0;
	if (!handle->note)
		return 0;
	ret_fds[n++] = handle->note_fd;
	for (size_t i = 0; i < BPF_N_MAPS; i++)
		ret_fds[n++] = handle->maps[i];
	if (handle->note->has_sys_exit)
		ret_fds[n++] = handle->sys_exit_fd;
	for (size_t i = 0; i < BPF_N_HOOKS; i++)
		if (handle->note->links >> i & 1)
			ret_fds[n++] = handle->links[i];
	return n;
}

/* Whether this is a map of that type; its size. */
static bool is_map(int fd, uint32_t type, uint32_t *ret_entries)
{
	struct bpf_map_info info = {0};
	uint32_t size = sizeof(info);
	if (bpf_obj_get_info_by_fd(fd, &info, &size) < 0 || info.type != type)
		return false;
	*ret_entries = info.max_entries;
	return true;
}

static bool maps_make_sense(const struct bpf_programs *programs, uint32_t *ret_ring_bytes)
{
	const int *maps = programs->handle->maps;
	uint32_t counters, variables, families;
	return is_map(maps[BPF_MAP_RECORDS], BPF_MAP_TYPE_RINGBUF, ret_ring_bytes) &&
	       is_map(maps[BPF_MAP_COUNTERS], BPF_MAP_TYPE_ARRAY, &counters) &&
	       counters == programs->n_cpus * RECORD_TYPES_MAX &&
	       is_map(maps[BPF_MAP_VARIABLES], BPF_MAP_TYPE_ARRAY, &variables) && variables == 1 &&
	       is_map(maps[BPF_MAP_FAMILIES], BPF_MAP_TYPE_PROG_ARRAY, &families) && families >= RECORD_N_FAMILIES;
}

/* The reader's place in the ring is in memory that the last engine could write. */
static bool ring_makes_sense(int fd, size_t size_bytes)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	_Atomic uint64_t *consumer = mmap(NULL, page, PROT_READ, MAP_SHARED, fd, 0);
	_Atomic uint64_t *producer = mmap(NULL, page, PROT_READ, MAP_SHARED, fd, (off_t)page);
	bool good = false;
	if (consumer != MAP_FAILED && producer != MAP_FAILED) {
		uint64_t from = atomic_load(consumer), to = atomic_load(producer);
		good = from % 8 == 0 && from <= to && to - from <= size_bytes;
	}
	if (consumer != MAP_FAILED)
		munmap(consumer, page);
	if (producer != MAP_FAILED)
		munmap(producer, page);
	return good;
}

static bool note_makes_sense(const struct bpf_programs *programs, const struct bpf_keep_note *note, size_t n_fds)
{
	uint32_t all_links = (1u << BPF_N_HOOKS) - 1;
	size_t wanted =
		1 + BPF_N_MAPS + (note->has_sys_exit != 0) + (size_t)__builtin_popcount(note->links & all_links);
	return note->magic == NOTE_MAGIC && note->raw == programs->raw && note->n_cpus == programs->n_cpus &&
	       note->hash == bpf_handle_hash(programs->raw) && note->has_sys_exit <= 1 && note->links <= all_links &&
	       wanted == n_fds;
}

static void read_note(struct bpf_programs *programs, const struct bpf_keep_note *note)
{
	programs->families = note->families & ((UINT64_C(1) << RECORD_N_FAMILIES) - 1);
	for (uint32_t i = 0; i < BPF_N_HOOKS; i++) {
		programs->hooks[i] = note->hooks >> i & 1;
		memcpy(programs->hook_reasons[i], note->hook_reasons[i], BPF_REASON_SIZE - 1);
	}
	for (uint32_t i = 0; i < RECORD_N_FAMILIES; i++)
		memcpy(programs->family_reasons[i], note->family_reasons[i], BPF_REASON_SIZE - 1);
}

static bool open_note(struct bpf_handle *handle, int fd)
{
	struct stat stat;
	handle->note_fd = fd;
	if (fstat(fd, &stat) < 0 || stat.st_size != (off_t)sizeof(*handle->note))
		return false;
	handle->note = map_note(fd);
	return handle->note;
}

static int adopt(struct bpf_programs *programs, const int *fds, size_t n_fds)
{
	struct bpf_handle *handle = programs->handle;
	uint32_t ring_bytes;
	size_t at = 1 + BPF_N_MAPS;
	for (size_t i = 0; i < BPF_N_MAPS; i++)
		handle->maps[i] = fds[1 + i];
	if (!open_note(handle, fds[0]) || !note_makes_sense(programs, handle->note, n_fds)) {
		for (; at < n_fds; at++)
			fd_close(fds[at]);
		return -ESTALE;
	}
	if (handle->note->has_sys_exit)
		handle->sys_exit_fd = fds[at++];
	for (uint32_t i = 0; i < BPF_N_HOOKS && at < n_fds; i++)
		if (handle->note->links >> i & 1)
			handle->links[i] = fds[at++];
	if (!maps_make_sense(programs, &ring_bytes) || !ring_makes_sense(handle->maps[BPF_MAP_RECORDS], ring_bytes))
		return -ESTALE;
	programs->ring_size_bytes = ring_bytes;
	read_note(programs, handle->note);
	programs->lost_told = handle->note->lost_told;
	int r = bpf_handle_map(programs);
	if (r < 0)
		return r;
	*programs->no_wakeup = 0; /* as one that had not begun to look by itself */
	*programs->silent_slots = 0;
	return 0;
}

int bpf_programs_adopt(bool raw, const int *fds, size_t n_fds, struct bpf_programs **ret)
{
	struct bpf_programs *programs = n_fds > BPF_N_MAPS ? bpf_handle_new(raw) : NULL;
	if (!programs) {
		for (size_t i = 0; i < n_fds; i++)
			fd_close(fds[i]);
		return n_fds > BPF_N_MAPS ? -ENOMEM : -ESTALE;
	}
	int r = adopt(programs, fds, n_fds);
	if (r < 0) {
		bpf_programs_free(programs);
		return r;
	}
	*ret = programs;
	return 0;
}

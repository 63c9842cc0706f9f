/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/bpf_load.h"

#include "base/fd.h"
#include "base/log.h"
#include "sensor/bpf_handle.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Made by bpftool, not by us; what is used of them is the bytes of the object and the type of its variables. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpragmas" /* clang has no -Wdiscarded-qualifiers */
#pragma GCC diagnostic ignored "-Wunknown-warning-option"
#pragma GCC diagnostic ignored "-Wcast-qual"
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wwrite-strings"
#pragma GCC diagnostic ignored "-Wdiscarded-qualifiers"
#include "sensor_raw.skel.h"
#include "sensor_typed.skel.h"
#pragma GCC diagnostic pop

_Static_assert(sizeof(struct sensor_raw__bss) == sizeof(struct sensor_typed__bss), "the same variables");

#define VMLINUX_BTF "/sys/kernel/btf/vmlinux"

/* Either a hook, attached to its tracepoint, or the program of a family, reached by a jump. */
struct program_row {
	const char *name;
	const char *tracepoint; /* NULL: a family's */
	int index; /* enum bpf_hook or enum record_family */
};

static const struct program_row program_rows[] = {
	{"hook_fork", "sched_process_fork", BPF_HOOK_FORK},
	{"hook_exec", "sched_process_exec", BPF_HOOK_EXEC},
	{"hook_exit", "sched_process_exit", BPF_HOOK_EXIT},
	{"hook_signal", "signal_generate", BPF_HOOK_SIGNAL},
	{"hook_module_load", "module_load", BPF_HOOK_MODULE_LOAD},
	{"hook_sys_exit", "sys_exit", BPF_HOOK_SYS_EXIT},
	{"family_credentials", NULL, RECORD_FAMILY_CREDENTIALS},
	{"family_namespace", NULL, RECORD_FAMILY_NAMESPACE},
	{"family_ptrace", NULL, RECORD_FAMILY_PTRACE},
	{"family_memory_write", NULL, RECORD_FAMILY_MEMORY_WRITE},
	{"family_open", NULL, RECORD_FAMILY_OPEN},
	{"family_create", NULL, RECORD_FAMILY_CREATE},
	{"family_unlink", NULL, RECORD_FAMILY_UNLINK},
	{"family_rename", NULL, RECORD_FAMILY_RENAME},
	{"family_truncate", NULL, RECORD_FAMILY_TRUNCATE},
	{"family_mode", NULL, RECORD_FAMILY_MODE},
	{"family_owner", NULL, RECORD_FAMILY_OWNER},
	{"family_xattr", NULL, RECORD_FAMILY_XATTR},
	{"family_mmap", NULL, RECORD_FAMILY_MMAP},
	{"family_mprotect", NULL, RECORD_FAMILY_MPROTECT},
	{"family_memfd", NULL, RECORD_FAMILY_MEMFD},
	{"family_connect", NULL, RECORD_FAMILY_CONNECT},
	{"family_bind", NULL, RECORD_FAMILY_BIND},
	{"family_listen", NULL, RECORD_FAMILY_LISTEN},
	{"family_accept", NULL, RECORD_FAMILY_ACCEPT},
	{"family_dns_send", NULL, RECORD_FAMILY_DNS_SEND},
	{"family_dns_message", NULL, RECORD_FAMILY_DNS_MESSAGE},
	{"family_module", NULL, RECORD_FAMILY_MODULE},
	{"family_bpf", NULL, RECORD_FAMILY_BPF},
	{"family_kexec", NULL, RECORD_FAMILY_KEXEC},
	{"family_mount", NULL, RECORD_FAMILY_MOUNT},
	{"family_unmount", NULL, RECORD_FAMILY_UNMOUNT},
	{"family_socketcall", NULL, RECORD_FAMILY_SOCKETCALL},
};

/* libbpf tells which program the kernel refused only in words. */
static struct {
	char program[64];
	int error;
} refused;

static int _printf_(2, 0) listen_to_libbpf(enum libbpf_print_level level, const char *format, va_list args)
{
	char line[1024], name[64];
	int error;
	if (level == LIBBPF_DEBUG)
		return 0;
	vsnprintf(line, sizeof(line), format, args);
	if (sscanf(line, "libbpf: prog '%63[^']': failed to load: %d", name, &error) == 2) {
		snprintf(refused.program, sizeof(refused.program), "%s", name);
		refused.error = error;
	}
	log_debug("%s", line);
	return 0;
}

static const struct program_row *find_row(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(program_rows); i++)
		if (strcmp(program_rows[i].name, name) == 0)
			return &program_rows[i];
	return NULL;
}

static char *reason_of(struct bpf_programs *programs, const struct program_row *row)
{
	return row->tracepoint ? programs->hook_reasons[row->index] : programs->family_reasons[row->index];
}

/* Prepares one attempt: leaves out what was refused before. */
static int choose(struct bpf_programs *programs, struct bpf_object *object)
{
	struct bpf_program *program;
	bpf_object__for_each_program(program, object)
	{
		const struct program_row *row = find_row(bpf_program__name(program));
		if (!row)
			return -EINVAL;
		bpf_program__set_autoload(program, reason_of(programs, row)[0] == '\0');
	}
	return bpf_map__set_max_entries(bpf_object__find_map_by_name(object, "counters"),
					programs->n_cpus * RECORD_TYPES_MAX);
}

/* did: what the kernel did not do, as a verb. */
static void note_refusal(struct bpf_programs *programs, const struct program_row *row, const char *did, int error)
{
	char *reason = reason_of(programs, row);
	if (row->tracepoint && (error == -ESRCH || error == -ENOENT))
		snprintf(reason, BPF_REASON_SIZE, "this kernel has no tracepoint %s", row->tracepoint);
	else
		snprintf(reason, BPF_REASON_SIZE, "the kernel did not %s the program %s: %s", did, row->name,
			 strerror(-error));
	log_notice("bpf: %s; going on without it", reason);
}

/* One attempt. 0; 1: a program was refused and noted, try again; -errno: nothing can be loaded. */
static int attempt(struct bpf_programs *programs)
{
	size_t size;
	const void *bytes = programs->raw ? sensor_raw__elf_bytes(&size) : sensor_typed__elf_bytes(&size);
	struct bpf_object *object = bpf_object__open_mem(bytes, size, NULL);
	if (!object)
		return -errno;
	refused.program[0] = '\0';
	int r = choose(programs, object);
	if (r == 0)
		r = bpf_object__load(object);
	if (r == 0) {
		programs->handle->object = object;
		return 0;
	}
	bpf_object__close(object);
	const struct program_row *row = find_row(refused.program);
	if (!row || reason_of(programs, row)[0] != '\0')
		return r;
	note_refusal(programs, row, "load", refused.error);
	return 1;
}

static int map_fd(const struct bpf_programs *programs, const char *name)
{
	return bpf_object__find_map_fd_by_name(programs->handle->object, name);
}

static void find_maps(struct bpf_programs *programs)
{
	static const char *const names[BPF_N_MAPS] = {
		[BPF_MAP_RECORDS] = "records",
		[BPF_MAP_COUNTERS] = "counters",
		[BPF_MAP_VARIABLES] = ".bss",
		[BPF_MAP_FAMILIES] = "families",
	};
	for (size_t i = 0; i < BPF_N_MAPS; i++)
		programs->handle->maps[i] = map_fd(programs, names[i]);
}

/* Attached by descriptor: what is attached later, without privilege, goes the same way. */
static int attach(const struct bpf_programs *programs, const struct program_row *row, int program_fd)
{
	bool raw = programs->raw || row->index == BPF_HOOK_MODULE_LOAD;
	int fd = bpf_raw_tracepoint_open(raw ? row->tracepoint : NULL, program_fd);
	return fd < 0 ? -errno : fd;
}

static int install(struct bpf_programs *programs, const struct program_row *row, int program_fd)
{
	struct bpf_handle *handle = programs->handle;
	if (!row->tracepoint) {
		int families_fd = programs->handle->maps[BPF_MAP_FAMILIES];
		uint32_t family = (uint32_t)row->index;
		if (bpf_map_update_elem(families_fd, &family, &program_fd, BPF_ANY) < 0)
			return -errno;
		programs->families |= UINT64_C(1) << family;
		return 0;
	}
	int link = attach(programs, row, program_fd);
	if (link < 0)
		return link;
	handle->links[row->index] = link;
	programs->hooks[row->index] = true;
	if (row->index == BPF_HOOK_SYS_EXIT)
		handle->sys_exit_fd = program_fd;
	return 0;
}

static void install_all(struct bpf_programs *programs)
{
	struct bpf_program *program;
	bpf_object__for_each_program(program, programs->handle->object)
	{
		int fd = bpf_program__fd(program);
		const struct program_row *row = find_row(bpf_program__name(program));
		int r = fd < 0 ? 0 : install(programs, row, fd);
		if (r < 0)
			note_refusal(programs, row, "attach", r);
	}
	/* without the dispatcher nothing jumps to the families */
	if (programs->hooks[BPF_HOOK_SYS_EXIT])
		return;
	programs->families = 0;
	for (size_t i = 0; i < RECORD_N_FAMILIES; i++)
		memcpy(programs->family_reasons[i], programs->hook_reasons[BPF_HOOK_SYS_EXIT], BPF_REASON_SIZE);
}

static int map_memory(int map_fd, int protection, size_t size, void **ret)
{
	void *memory = mmap(NULL, size, protection, MAP_SHARED, map_fd, 0);
	if (memory == MAP_FAILED)
		return -errno;
	*ret = memory;
	return 0;
}

static size_t counters_size(const struct bpf_programs *programs)
{
	return programs->n_cpus * RECORD_TYPES_MAX * sizeof(struct record_counter);
}

int bpf_handle_map(struct bpf_programs *programs)
{
	struct bpf_handle *handle = programs->handle;
	void *counters, *variables;
	int r = map_memory(handle->maps[BPF_MAP_COUNTERS], PROT_READ, counters_size(programs), &counters);
	if (r < 0)
		return r;
	programs->counters = counters;
	r = map_memory(handle->maps[BPF_MAP_VARIABLES], PROT_READ | PROT_WRITE, sizeof(struct sensor_typed__bss),
		       &variables);
	if (r < 0)
		return r;
	handle->variables = variables;
	programs->calls = ((struct sensor_typed__bss *)variables)->calls;
	programs->want_signal = &((struct sensor_typed__bss *)variables)->want_signal;
	programs->no_wakeup = &((struct sensor_typed__bss *)variables)->no_wakeup;
	programs->muted_slots = &((struct sensor_typed__bss *)variables)->muted_slots;
	programs->silent_slots = &((struct sensor_typed__bss *)variables)->silent_slots;
	programs->mutes = ((struct sensor_typed__bss *)variables)->mutes;
	programs->ring_fd = handle->maps[BPF_MAP_RECORDS];
	return 0;
}

static int load(struct bpf_programs *programs)
{
	int r = 1;
	for (size_t i = 0; r > 0 && i <= ARRAY_SIZE(program_rows); i++)
		r = attempt(programs);
	if (r != 0)
		return r < 0 ? r : -ELOOP;
	find_maps(programs);
	programs->ring_size_bytes =
		bpf_map__max_entries(bpf_object__find_map_by_name(programs->handle->object, "records"));
	r = bpf_handle_map(programs);
	if (r < 0)
		return r;
	install_all(programs);
	return 0;
}

struct bpf_programs *bpf_handle_new(bool raw)
{
	struct bpf_programs *programs = calloc(1, sizeof(*programs));
	struct bpf_handle *handle = calloc(1, sizeof(*handle));
	if (!programs || !handle) {
		free(programs);
		free(handle);
		return NULL;
	}
	for (size_t i = 0; i < BPF_N_HOOKS; i++)
		handle->links[i] = -1;
	for (size_t i = 0; i < BPF_N_MAPS; i++)
		handle->maps[i] = -1;
	handle->sys_exit_fd = handle->note_fd = -1;
	programs->handle = handle;
	programs->raw = raw || access(VMLINUX_BTF, R_OK) < 0;
	programs->n_cpus = (uint32_t)libbpf_num_possible_cpus();
	return programs;
}

/* FNV-1a of what would be loaded: programs of another build are not taken over. */
uint64_t bpf_handle_hash(bool raw)
{
	size_t size;
	const unsigned char *bytes = raw ? sensor_raw__elf_bytes(&size) : sensor_typed__elf_bytes(&size);
	uint64_t hash = UINT64_C(0xcbf29ce484222325);
	for (size_t i = 0; i < size; i++)
		hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
	return hash;
}

int bpf_programs_new(bool raw, struct bpf_programs **ret)
{
	struct bpf_programs *programs = bpf_handle_new(raw);
	if (!programs)
		return -ENOMEM;
	libbpf_print_fn_t before = libbpf_set_print(listen_to_libbpf);
	int r = load(programs);
	libbpf_set_print(before);
	if (r == 0)
		bpf_keep_begin(programs);
	if (r < 0) {
		log_error("bpf: expected to load programs into the kernel, but it says: %s; needed are CAP_BPF and "
			  "CAP_PERFMON "
			  "and a kernel with CONFIG_DEBUG_INFO_BTF; `ringside doctor` shows what is lost without them",
			  strerror(-r));
		bpf_programs_free(programs);
		return r;
	}
	*ret = programs;
	return 0;
}

struct bpf_programs *bpf_programs_free(struct bpf_programs *programs)
{
	if (!programs)
		return NULL;
	struct bpf_handle *handle = programs->handle;
	for (size_t i = 0; i < BPF_N_HOOKS; i++)
		fd_close(handle->links[i]);
	if (programs->counters)
		munmap((void *)(uintptr_t)programs->counters, counters_size(programs));
	if (handle->variables)
		munmap(handle->variables, sizeof(struct sensor_typed__bss));
	bpf_keep_end(programs);
	bpf_object__close(handle->object);
	free(handle);
	free(programs);
	return NULL;
}

int bpf_programs_attach_calls(struct bpf_programs *programs, bool attached)
{
	int *link = &programs->handle->links[BPF_HOOK_SYS_EXIT];
	if (programs->handle->sys_exit_fd < 0 || attached == (*link >= 0))
		return 0;
	if (!attached) {
		*link = fd_close(*link);
		return 0;
	}
	int r = attach(programs, find_row("hook_sys_exit"), programs->handle->sys_exit_fd);
	if (r < 0)
		return r;
	*link = r;
	return 0;
}

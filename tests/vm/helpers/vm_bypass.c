/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vm_bypass: ways to open or to execute a file that a shell cannot go.
 *
 *     vm_bypass WAY FILE
 *
 * Prints `through` when the way led to the file (a way to execute leaves that to the program it starts),
 * `denied` when the kernel said EPERM. Anything else is `why: …` and exit status 2: the way itself is broken.
 */
#include "vm_marker.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>

static int broken(const char *what)
{
	printf("why: %s: %s\n", what, strerror(errno));
	return 2;
}

/* What a failed or successful last step means. */
static int result(int done, const char *what)
{
	if (done >= 0) {
		puts("through");
		return 0;
	}
	if (errno != EPERM)
		return broken(what);
	puts("denied");
	return 0;
}

static int way_open(const char *file)
{
	return result(open(file, O_RDONLY), "open");
}

/* One openat through an io_uring of one entry, by raw system calls. */
static int way_io_uring(const char *file)
{
	struct io_uring_params params = {0};
	int ring = (int)syscall(SYS_io_uring_setup, 1, &params);
	if (ring < 0)
		return broken("io_uring_setup");
	char *sq = mmap(NULL, params.sq_off.array + params.sq_entries * sizeof(uint32_t), PROT_READ | PROT_WRITE,
			MAP_SHARED, ring, IORING_OFF_SQ_RING);
	char *cq = mmap(NULL, params.cq_off.cqes + params.cq_entries * sizeof(struct io_uring_cqe),
			PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_CQ_RING);
	struct io_uring_sqe *sqe =
		mmap(NULL, params.sq_entries * sizeof(*sqe), PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_SQES);
	if (sq == MAP_FAILED || cq == MAP_FAILED || sqe == MAP_FAILED)
		return broken("mmap of the io_uring");
	*sqe = (struct io_uring_sqe){
		.opcode = IORING_OP_OPENAT, .fd = AT_FDCWD, .addr = (uintptr_t)file, .open_flags = O_RDONLY};
	((uint32_t *)(void *)(sq + params.sq_off.array))[0] = 0;
	__atomic_store_n((uint32_t *)(void *)(sq + params.sq_off.tail), 1, __ATOMIC_RELEASE);
	if (syscall(SYS_io_uring_enter, ring, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) < 0)
		return broken("io_uring_enter");
	const struct io_uring_cqe *cqe = (void *)(cq + params.cq_off.cqes);
	errno = cqe->res < 0 ? -cqe->res : 0;
	return result(cqe->res, "openat through io_uring");
}

static int way_handle(const char *file)
{
	union {
		struct file_handle handle;
		char room[sizeof(struct file_handle) + MAX_HANDLE_SZ];
	} name = {.handle.handle_bytes = MAX_HANDLE_SZ};
	int mount_id;
	int mount = open("/", O_RDONLY | O_DIRECTORY);
	if (mount < 0 || name_to_handle_at(AT_FDCWD, file, &name.handle, &mount_id, 0) < 0)
		return broken("name_to_handle_at");
	return result(open_by_handle_at(mount, &name.handle, O_RDONLY), "open_by_handle_at");
}

static int way_path_fd_reopen(const char *file)
{
	char again[64];
	int fd = open(file, O_PATH);
	if (fd < 0)
		return broken("open with O_PATH");
	snprintf(again, sizeof(again), "/proc/self/fd/%d", fd);
	return result(open(again, O_RDONLY), "open of /proc/self/fd/N");
}

static int execute(int fd, const char *what)
{
	char *const arguments[] = {(char *)(uintptr_t)"target", NULL};
	char *const environment[] = {NULL};
	return result((int)syscall(SYS_execveat, fd, "", arguments, environment, AT_EMPTY_PATH), what);
}

static int way_path_fd_exec(const char *file)
{
	int fd = open(file, O_PATH | O_CLOEXEC);
	return fd < 0 ? broken("open with O_PATH") : execute(fd, "execveat of an O_PATH descriptor");
}

static int way_deleted_exec(const char *file)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || unlink(file) < 0)
		return broken("open and unlink");
	return execute(fd, "execveat of a deleted file");
}

/* FILE is good; what is executed is the same with a marker, and exists in memory only. */
static int way_memfd_exec(const char *file)
{
	struct stat st;
	int from = open(file, O_RDONLY | O_CLOEXEC);
	int to = (int)syscall(SYS_memfd_create, "target", 1 /* MFD_CLOEXEC */);
	if (from < 0 || to < 0 || fstat(from, &st) < 0)
		return broken("memfd_create");
	for (off_t at = 0; at < st.st_size;)
		if (sendfile(to, from, &at, (size_t)(st.st_size - at)) <= 0)
			return broken("copy into memory");
	if (write(to, VM_MARKER_EXEC, VM_MARKER_SIZE) != VM_MARKER_SIZE)
		return broken("write");
	return execute(to, "execveat of a memfd");
}

static int way_renamed_process(const char *file)
{
	prctl(PR_SET_NAME, "ringsided");
	return way_open(file);
}

/* FILE is good and 16 bytes long; it turns bad by stores through a mapping whose descriptor is closed. */
static int way_map_write(const char *file)
{
	int fd = open(file, O_RDWR);
	if (fd < 0)
		return broken("open for writing");
	char *map = mmap(NULL, VM_MARKER_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (map == MAP_FAILED)
		return broken("mmap");
	for (int i = 0; i < 3; i++) /* while it is good: whoever caches verdicts may do so now */
		if (open(file, O_RDONLY) < 0)
			return broken("open of the good file");
	memcpy(map, VM_MARKER_OPEN, VM_MARKER_SIZE);
	return result(open(file, O_RDONLY), "open after the stores");
}

/* FILE is good; a descriptor of that time reads what is written to it later. */
static int way_held_fd(const char *file)
{
	char bytes[VM_MARKER_SIZE];
	int fd = open(file, O_RDWR);
	if (fd < 0 || pwrite(fd, VM_MARKER_OPEN, VM_MARKER_SIZE, 0) != VM_MARKER_SIZE)
		return broken("open and write of the good file");
	return result((int)pread(fd, bytes, sizeof(bytes), 0), "pread");
}

static int way_truncate(const char *file)
{
	return result(truncate(file, 1), "truncate(2)");
}

/* Waits for a byte of standard input, then executes itself again: `through` comes from the second run. */
static int way_self_exe(const char *again)
{
	if (!strcmp(again, "again")) {
		puts("through");
		return 0;
	}
	puts("waiting");
	fflush(stdout);
	char byte;
	if (read(STDIN_FILENO, &byte, 1) != 1)
		return broken("read of the starting signal");
	return result(execl("/proc/self/exe", "vm_bypass", "self-exe", "again", NULL), "exec of /proc/self/exe");
}

static const struct {
	const char *name;
	int (*go)(const char *file);
} ways[] = {
	{"open", way_open},
	{"io-uring", way_io_uring},
	{"handle", way_handle},
	{"path-fd-reopen", way_path_fd_reopen},
	{"path-fd-exec", way_path_fd_exec},
	{"deleted-exec", way_deleted_exec},
	{"memfd-exec", way_memfd_exec},
	{"renamed-process", way_renamed_process},
	{"map-write", way_map_write},
	{"held-fd", way_held_fd},
	{"truncate", way_truncate},
	{"self-exe", way_self_exe},
};

int main(int argc, char **argv)
{
	for (size_t i = 0; argc == 3 && i < sizeof(ways) / sizeof(ways[0]); i++)
		if (!strcmp(argv[1], ways[i].name))
			return ways[i].go(argv[2]);
	fprintf(stderr, "why: expected one of the ways of vm_bypass.c and a file, found %s\n",
		argc > 1 ? argv[1] : "nothing");
	return 2;
}

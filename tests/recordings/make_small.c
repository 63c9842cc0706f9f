/* SPDX-License-Identifier: Apache-2.0 */
/*
 * make_small: writes small.rec, a recording of a machine that never was: no name, address or number in it is anybody's.
 *
 *     usage: make_small FILE          (which must not be there)
 *
 * A shell starts sixteen programs; each is asked about, runs, opens a file, some connect, and ends. What the platform
 * said meanwhile is in it, too, as `ringside events --record` would have written it down; a sensor that plays it leaves
 * that out. Every byte is the same each time, so that a test sees when the format changes without its version.
 */
#include "recorder/crc32c.h"
#include "recorder/recording.h"
#include "wire/event_build.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PROGRAMS 16u
#define SHELL_PID 100u
#define BEGIN_NS UINT64_C(1000000000000)
#define WALL_NS UINT64_C(1767225600000000000) /* 2026-01-01 */
#define STEP_NS UINT64_C(1000000)

static struct recording_writer *writer;
static uint64_t n_written;
static int error;

static struct rs_process process_of(uint32_t pid)
{
	struct rs_process process = {.id = (uint64_t)pid << 22 | pid,
				     .start_ns = pid * UINT64_C(10000000),
				     .pid = pid,
				     .tid = pid,
				     .uid = 1000,
				     .gid = 1000,
				     .euid = 1000,
				     .egid = 1000,
				     .login_uid = 1000,
				     .login_session = 1,
				     .parent_pid = pid == SHELL_PID ? 1 : SHELL_PID};
	process.parent_id = pid == SHELL_PID ? 0 : (uint64_t)SHELL_PID << 22 | SHELL_PID;
	snprintf(process.comm, sizeof(process.comm), pid == SHELL_PID ? "shell" : "program-%u", pid - SHELL_PID - 1);
	return process;
}

static void *begin(struct event_build *build, uint16_t type, uint32_t pid)
{
	static uint64_t buffer[RS_EVENT_SIZE_MAX / 8];
	char exe[32];
	void *body = event_build_begin(build, buffer, sizeof(buffer), type);
	build->event->id = build->event->seq = ++n_written;
	build->event->monotonic_ns = BEGIN_NS + n_written * STEP_NS;
	build->event->wall_ns = WALL_NS + n_written * STEP_NS;
	build->event->process = process_of(pid);
	int size = snprintf(exe, sizeof(exe), pid == SHELL_PID ? "/example/bin/shell" : "/example/bin/program-%u",
			    pid - SHELL_PID - 1);
	event_build_str(build, &build->event->process.exe_path, exe, (size_t)size, RS_PATH_SIZE_MAX);
	return body;
}

static void end(struct event_build *build)
{
	event_build_end(build);
	int r = recording_write(writer, build->event);
	if (r < 0 && error == 0)
		error = r;
}

static void add_file(struct event_build *build, struct rs_file *file, const char *folder, uint32_t i)
{
	char path[64];
	int size = snprintf(path, sizeof(path), "/example/%s-%u", folder, i);
	*file = (struct rs_file){.id = {.dev = 1, .ino = 1000 + i}, .size_bytes = 4096, .mode = 0100755};
	event_build_path(build, file, path, (size_t)size);
}

static void add_program(uint32_t i)
{
	static const char args[] = "program\0--example";
	struct event_build build;
	uint32_t pid = SHELL_PID + 1 + i;
	struct rs_event_fork *fork_body = begin(&build, RS_EVENT_FORK, SHELL_PID);
	fork_body->child = process_of(pid);
	end(&build);
	struct rs_event_auth_exec *ask = begin(&build, RS_EVENT_AUTH_EXEC, pid);
	add_file(&build, &ask->file, "bin/program", i);
	end(&build);
	struct rs_event_exec *exec = begin(&build, RS_EVENT_EXEC, pid);
	add_file(&build, &exec->file, "bin/program", i);
	event_build_str(&build, &exec->args, args, sizeof(args) - 1, 4096);
	exec->args_count = 2;
	end(&build);
	struct rs_event_auth_open *open_body = begin(&build, RS_EVENT_AUTH_OPEN, pid);
	add_file(&build, &open_body->file, "data/file", i);
	end(&build);
	if (i % 4 == 0) {
		struct rs_event_connect *connect_body = begin(&build, RS_EVENT_CONNECT, pid);
		connect_body->remote = (struct rs_addr){.family = AF_INET, .port = 443, .bytes = {192, 0, 2, 1}};
		connect_body->protocol = 6;
		end(&build);
	}
	struct rs_event_exit *exit_body = begin(&build, RS_EVENT_EXIT, pid);
	exit_body->code = i % 3;
	end(&build);
}

/* Of the platform: the deny of a program, and what was lost. */
static void add_platform(uint32_t i)
{
	struct event_build build;
	struct rs_event_denied *denied = begin(&build, RS_EVENT_DENIED, SHELL_PID + 1 + i);
	add_file(&build, &denied->file, "bin/program", i);
	event_build_str(&build, &denied->agent, "example", 7, 63);
	end(&build);
	struct rs_event_lost *lost = begin(&build, RS_EVENT_LOST, SHELL_PID);
	lost->count = 3;
	lost->where = 1;
	end(&build);
}

/* The header as if no machine had written it. */
static int rewrite_header(const char *path)
{
	struct recording_header header;
	int fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0 || pread(fd, &header, sizeof(header), 0) != (ssize_t)sizeof(header))
		return -EIO;
	header.wall_ns = WALL_NS;
	header.monotonic_ns = BEGIN_NS;
	memset(header.boot_id, 0, sizeof(header.boot_id));
	memset(header.kernel, 0, sizeof(header.kernel));
	strcpy(header.boot_id, "00000000-0000-0000-0000-000000000000");
	strcpy(header.kernel, "example");
	header.crc = crc32c(0, &header, offsetof(struct recording_header, crc));
	int r = pwrite(fd, &header, sizeof(header), 0) == (ssize_t)sizeof(header) ? 0 : -EIO;
	close(fd);
	return r;
}

int main(int argc, char **argv)
{
	int fd = argc == 2 ? open(argv[1], O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644) : -1;
	if (fd < 0) {
		fprintf(stderr, "usage: make_small FILE, which must not be there\n");
		return 2;
	}
	error = recording_writer_new(fd, &writer);
	for (uint32_t i = 0; i < PROGRAMS && error == 0; i++) {
		add_program(i);
		if (i % 8 == 3)
			add_platform(i);
	}
	if (error == 0)
		recording_writer_free(writer);
	if (error == 0)
		error = rewrite_header(argv[1]);
	if (error < 0)
		fprintf(stderr, "%s: %s\n", argv[1], strerror(-error));
	return error < 0;
}

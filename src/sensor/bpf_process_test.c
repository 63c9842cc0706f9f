/* SPDX-License-Identifier: Apache-2.0 */
/* Processes, memory and the kernel: each operation, done for real by a child, and the event that it makes. */
#include "base/clock.h"
#include "base/fd.h"
#include "sensor/bpf_test_world.h"
#include "sensor/process_proc.h"
#include "sensor/who_test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/bpf.h>
#include <linux/memfd.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cmocka.h>

#define DIR_PATH "/tmp"

static void do_nothing(void *data)
{
}

static void test_exit(void **state)
{
	struct world *world = *state;
	uint64_t before_ns = clock_monotonic_ns();
	assert_int_equal(WEXITSTATUS(world_run(world, do_nothing, NULL)), 0);
	const struct rs_event *exited = world_expect(world, RS_EVENT_EXIT);
	assert_true(exited->monotonic_ns > before_ns && exited->monotonic_ns < clock_monotonic_ns());
	assert_true(exited->wall_ns > 1600000000 * NS_PER_SEC);
	const struct rs_process *process = &exited->process;
	assert_int_equal(process->pid, world->child);
	assert_int_equal(process->tid, world->child);
	assert_int_equal(process->parent_pid, getpid());
	assert_true(process->parent_id == process_table_get(world->table, getpid())->process.id);
	assert_true(process->id == process_id(process->start_ns / PROCESS_TICK_NS, process->pid));
	assert_int_equal(process->uid, getuid());
	assert_int_equal(process->flags & RS_PROCESS_PARTIAL, 0);
	char self[4097] = "";
	assert_true(readlink("/proc/self/exe", self, sizeof(self) - 1) > 0);
	world_expect_str(exited, process->exe_path, self);
	assert_true(process_table_has_ended(world->table, process->id));
}

static void do_fork(void *data)
{
	pid_t pid = fork();
	if (pid == 0)
		_exit(7);
	waitpid(pid, NULL, 0);
}

/* The numbers of the kernel and those of /proc are the same. */
static void do_fork_slowly(void *data)
{
	struct process_proc *proc = data;
	int fd = open("/proc", O_PATH | O_DIRECTORY);
	CHILD_EXPECT(process_proc_read(fd, -1, getpid(), proc) == 0);
	do_fork(NULL);
}

static void test_fork_fields(void **state)
{
	struct world *world = *state;
	struct process_proc *proc =
		mmap(NULL, sizeof(*proc), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	world_run(world, do_fork_slowly, proc);
	const struct rs_event *event = world_expect(world, RS_EVENT_FORK);
	const struct rs_process *child = &rs_event_fork(event)->child;
	assert_true(event->process.id == proc->process.id);
	assert_true(event->process.parent_id == proc->process.parent_id);
	assert_int_equal(event->process.login_uid, proc->process.login_uid);
	assert_int_equal(event->process.login_session, proc->process.login_session);
	assert_int_equal(event->process.gid, proc->process.gid);
	assert_string_equal(event->process.comm, proc->process.comm);
	assert_true(child->parent_id == event->process.id);
	assert_int_equal(child->parent_pid, event->process.pid);
	world_expect_str(event, child->exe_path, rs_str_get(event, event->process.exe_path, NULL));
	const struct rs_event *exited = world_find(world, RS_EVENT_EXIT, (pid_t)child->pid, 0);
	assert_non_null(exited);
	assert_true(exited->process.id == child->id);
	assert_int_equal(rs_event_exit(exited)->code, 7);
	assert_int_equal(rs_event_exit(exited)->signal, 0);
	munmap(proc, sizeof(*proc));
}

static void do_as_container(void *data)
{
	CHILD_EXPECT(who_enter(data));
	do_fork(NULL);
}

/* A process of a container, somebody logged in: both are told, of a child that was born there, too. */
static void test_container_and_login(void **state)
{
	struct world *world = *state;
	struct who *who = who_new();
	world->moves = true;
	world_run_staying(world, do_as_container, who);
	world->moves = false;
	const struct rs_event *event = world_expect(world, RS_EVENT_FORK);
	const struct rs_process *child = &rs_event_fork(event)->child;
	who_expect(who, event);
	assert_true(child->cgroup_id == who->cgroup_id);
	assert_int_equal(child->login_uid, who->login_uid);
	world_expect_str(event, child->container_id, WHO_CONTAINER);
	who_free(who);
}

static void do_die(void *data)
{
	raise(SIGKILL);
}

static void test_exit_by_signal(void **state)
{
	struct world *world = *state;
	world_run(world, do_die, NULL);
	const struct rs_event_exit *exited = rs_event_exit(world_expect(world, RS_EVENT_EXIT));
	assert_int_equal(exited->signal, SIGKILL);
	assert_int_equal(exited->code, 0);
	assert_null(world_find(world, RS_EVENT_SIGNAL, 0, 0)); /* to itself */
}

static int idle_thread(void *data)
{
	for (;;)
		pause();
	return 0;
}

static void do_threads(void *data)
{
	static char stacks[4][16384] __attribute__((aligned(16)));
	for (int i = 0; i < 4; i++)
		CHILD_EXPECT(clone(idle_thread, stacks[i] + sizeof(stacks[i]),
				   CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD, NULL) > 0);
	_exit(5);
}

static void test_threads_are_one_process(void **state)
{
	struct world *world = *state;
	world_run(world, do_threads, NULL);
	assert_int_equal(rs_event_exit(world_expect(world, RS_EVENT_EXIT))->code, 5);
	assert_null(world_find(world, RS_EVENT_EXIT, 0, 1));
	assert_null(world_find(world, RS_EVENT_FORK, 0, 0));
}

static void do_exec(void *data)
{
	execv("/bin/true", data);
	CHILD_EXPECT(!"exec");
}

static void test_exec(void **state)
{
	struct world *world = *state;
	char *args[] = {(char[]){"tr\nue"}, (char[]){""}, (char[]){"two words"}, NULL};
	world_run(world, do_exec, args);
	const struct rs_event *event = world_expect(world, RS_EVENT_EXEC);
	const struct rs_event_exec *exec = rs_event_exec(event);
	char *path = realpath("/bin/true", NULL);
	size_t size;
	world_expect_file(event, &exec->file, path, 0);
	world_expect_str(event, event->process.exe_path, path);
	assert_true(event->process.exe.ino == exec->file.id.ino && event->process.exe.dev == exec->file.id.dev);
	assert_string_equal(event->process.comm, "true");
	world_expect_str(event, exec->script, "");
	assert_int_equal(exec->args_count, 3);
	assert_memory_equal(rs_str_get(event, exec->args, &size), "tr\nue\0\0two words", 16);
	assert_int_equal(size, 16);
	assert_int_equal(event->flags & RS_EVENT_CUT, 0);
	const struct rs_event *exited = world_expect(world, RS_EVENT_EXIT);
	assert_true(exited->process.id == event->process.id);
	world_expect_str(exited, exited->process.exe_path, path);
	free(path);
}

static void test_exec_many_arguments(void **state)
{
	struct world *world = *state;
	char *args[2001], arg[] = "argument";
	for (size_t i = 0; i < 2000; i++)
		args[i] = arg;
	args[2000] = NULL;
	world_run(world, do_exec, args);
	const struct rs_event *event = world_expect(world, RS_EVENT_EXEC);
	size_t size;
	const char *bytes = rs_str_get(event, rs_event_exec(event)->args, &size);
	assert_int_equal(rs_event_exec(event)->args_count, 2000);
	assert_int_equal(size, 4096);
	assert_memory_equal(bytes, "argument\0argument", 17);
	assert_true(event->flags & RS_EVENT_CUT);
}

static void do_script(void *data)
{
	CHILD_EXPECT(chdir(DIR_PATH) == 0);
	execl("./ringside_script", "given", "more", NULL);
	CHILD_EXPECT(!"exec");
}

static void test_exec_script(void **state)
{
	struct world *world = *state;
	int fd = open(DIR_PATH "/ringside_script", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
	assert_int_equal(write(fd, "#!/bin/sh -e\nexit 3\n", 20), 20);
	close(fd);
	assert_int_equal(WEXITSTATUS(world_run(world, do_script, NULL)), 3);
	unlink(DIR_PATH "/ringside_script");
	const struct rs_event *event = world_expect(world, RS_EVENT_EXEC);
	char *shell = realpath("/bin/sh", NULL);
	size_t size;
	world_expect_file(event, &rs_event_exec(event)->file, shell, 0);
	world_expect_str(event, rs_event_exec(event)->script, "./ringside_script");
	assert_memory_equal(rs_str_get(event, rs_event_exec(event)->args, &size),
			    "/bin/sh\0-e\0./ringside_script\0more", size);
	free(shell);
}

static void do_exec_memfd(void *data)
{
	char bytes[65536];
	int from = open("/bin/true", O_RDONLY), fd = memfd_create("hidden", MFD_CLOEXEC);
	for (ssize_t n; (n = read(from, bytes, sizeof(bytes))) > 0;)
		CHILD_EXPECT(write(fd, bytes, (size_t)n) == n);
	fexecve(fd, (char *[]){(char[]){"innocent"}, NULL}, (char *[]){NULL});
	CHILD_EXPECT(!"exec");
}

static void test_exec_memfd(void **state)
{
	struct world *world = *state;
	world_run(world, do_exec_memfd, NULL);
	const struct rs_event *event = world_expect(world, RS_EVENT_EXEC);
	world_expect_str(event, rs_event_exec(event)->file.path, "/memfd:hidden");
	assert_int_equal(rs_event_exec(event)->file.flags, RS_FILE_MEMFD);
	world_expect_str(event, event->process.exe_path, "/memfd:hidden");
	const struct rs_event *made = world_expect(world, RS_EVENT_MEMFD);
	world_expect_str(made, rs_event_memfd(made)->name, "hidden");
	assert_int_equal(rs_event_memfd(made)->memfd_flags, MFD_CLOEXEC);
}

struct deep {
	size_t levels;
	char name[201];
};

/* Makes the directories, copies a program to their end and executes it, with names that are too long to give at once.
 */
static void do_exec_deep(void *data)
{
	const struct deep *deep = data;
	char bytes[65536];
	CHILD_EXPECT(unshare(CLONE_NEWNS) == 0);
	CHILD_EXPECT(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
	CHILD_EXPECT(mount("deep", DIR_PATH, "tmpfs", 0, "size=8m") == 0);
	CHILD_EXPECT(chdir(DIR_PATH) == 0);
	for (size_t i = 0; i < deep->levels; i++)
		CHILD_EXPECT(mkdir(deep->name, 0755) == 0 && chdir(deep->name) == 0);
	int from = open("/bin/true", O_RDONLY), to = open("program", O_WRONLY | O_CREAT | O_CLOEXEC, 0755);
	for (ssize_t n; (n = read(from, bytes, sizeof(bytes))) > 0;)
		CHILD_EXPECT(write(to, bytes, (size_t)n) == n);
	close(to);
	execl("./program", "deep", NULL);
	CHILD_EXPECT(!"exec");
}

static void test_exec_deep(void **state)
{
	struct world *world = *state;
	static const size_t levels[] = {1, 20, 30};
	for (size_t i = 0; i < ARRAY_SIZE(levels); i++) {
		struct deep deep = {.levels = levels[i]};
		memset(deep.name, 'n', 200);
		char *expected = calloc(1, 8192);
		strcpy(expected, DIR_PATH);
		for (size_t level = 0; level < deep.levels; level++)
			strcat(strcat(expected, "/"), deep.name);
		strcat(expected, "/program");
		world_run(world, do_exec_deep, &deep);
		const struct rs_event *event = world_expect(world, RS_EVENT_EXEC);
		const struct rs_file *file = &rs_event_exec(event)->file;
		size_t size, full = strlen(expected);
		const char *path = rs_str_get(event, file->path, &size);
		assert_int_equal(file->flags, full > RS_PATH_SIZE_MAX ? RS_FILE_PATH_CUT : 0);
		assert_true(full <= RS_PATH_SIZE_MAX ? size == full : size > RS_PATH_SIZE_MAX - 256);
		assert_string_equal(path, expected + full - size); /* of one that is too long its end is kept */
		free(expected);
	}
}

static void do_setuid(void *data)
{
	gid_t groups[] = {65534};
	CHILD_EXPECT(setgroups(1, groups) == 0);
	CHILD_EXPECT(setresgid(65533, 65534, 65534) == 0);
	CHILD_EXPECT(setresgid(65533, 65534, 65534) == 0); /* changes nothing */
	CHILD_EXPECT(setuid(65534) == 0);
	CHILD_EXPECT(setuid(0) < 0); /* refused: no event */
}

static void test_credentials(void **state)
{
	struct world *world = *state;
	world_run(world, do_setuid, NULL);
	static const struct {
		const char *call;
		uint32_t old_uid, old_gid, old_egid, uid, gid, egid;
	} expected[] = {
		{"setgroups", 0, 0, 0, 0, 0, 0},
		{"setresgid", 0, 0, 0, 0, 65533, 65534},
		{"setuid", 0, 65533, 65534, 65534, 65533, 65534},
	};
	for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
		const struct rs_event *event = world_find(world, RS_EVENT_CREDENTIALS, world->child, i);
		assert_non_null(event);
		const struct rs_event_credentials *body = rs_event_credentials(event);
		world_expect_str(event, body->call, expected[i].call);
		assert_int_equal(body->old_uid, expected[i].old_uid);
		assert_int_equal(body->old_gid, expected[i].old_gid);
		assert_int_equal(body->old_egid, expected[i].old_egid);
		assert_int_equal(event->process.uid, expected[i].uid);
		assert_int_equal(event->process.euid, expected[i].uid);
		assert_int_equal(event->process.gid, expected[i].gid);
		assert_int_equal(event->process.egid, expected[i].egid);
	}
	assert_null(world_find(world, RS_EVENT_CREDENTIALS, world->child, ARRAY_SIZE(expected)));
	assert_int_equal(world_expect(world, RS_EVENT_EXIT)->process.uid, 65534);
}

static void do_namespaces(void *data)
{
	int fd = open("/proc/self/ns/uts", O_RDONLY | O_CLOEXEC);
	CHILD_EXPECT(unshare(CLONE_NEWUTS | CLONE_NEWIPC) == 0);
	CHILD_EXPECT(unshare(CLONE_FILES) == 0); /* no namespace: no event */
	CHILD_EXPECT(setns(fd, 0) == 0);
	long pid = syscall(SYS_clone, CLONE_NEWNET | SIGCHLD, NULL, NULL, NULL, NULL);
	if (pid == 0)
		_exit(0);
	CHILD_EXPECT(pid > 0 && waitpid((pid_t)pid, NULL, 0) == pid);
}

static void test_namespaces(void **state)
{
	struct world *world = *state;
	world_run(world, do_namespaces, NULL);
	static const struct {
		uint64_t flags;
		const char *call;
	} expected[] = {{CLONE_NEWUTS | CLONE_NEWIPC, "unshare"}, {CLONE_NEWUTS, "setns"}, {CLONE_NEWNET, "clone"}};
	for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
		const struct rs_event *event = world_find(world, RS_EVENT_NAMESPACE, world->child, i);
		assert_non_null(event);
		assert_true(rs_event_namespace(event)->clone_flags == expected[i].flags);
		world_expect_str(event, rs_event_namespace(event)->call, expected[i].call);
	}
	assert_null(world_find(world, RS_EVENT_NAMESPACE, 0, ARRAY_SIZE(expected)));
}

static void do_to_another(void *data)
{
	pid_t other = fork();
	if (other == 0) {
		pause();
		_exit(0);
	}
	static char word[8] = "written";
	struct iovec here = {word, sizeof(word)}, there = {word, sizeof(word)};
	CHILD_EXPECT(process_vm_writev(other, &here, 1, &there, 1, 0) == sizeof(word));
	CHILD_EXPECT(ptrace(PTRACE_SEIZE, other, NULL, NULL) == 0);
	CHILD_EXPECT(kill(other, SIGUSR1 - SIGUSR1) == 0); /* asks only: no event */
	CHILD_EXPECT(kill(other, SIGTERM) == 0);
	CHILD_EXPECT(kill(other, SIGKILL) == 0);
	CHILD_EXPECT(waitpid(other, NULL, 0) == other);
	pid_t traced = fork();
	if (traced == 0) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		_exit(0);
	}
	CHILD_EXPECT(waitpid(traced, NULL, 0) == traced);
}

static void test_to_another(void **state)
{
	struct world *world = *state;
	world_run(world, do_to_another, NULL);
	const struct rs_event *forked = world_expect(world, RS_EVENT_FORK);
	uint64_t other = rs_event_fork(forked)->child.id;
	const struct rs_event *event = world_expect(world, RS_EVENT_MEMORY_WRITE);
	assert_true(rs_event_memory_write(event)->target.id == other);
	assert_int_equal(rs_event_memory_write(event)->size_bytes, 8);
	event = world_expect(world, RS_EVENT_PTRACE);
	assert_true(rs_event_ptrace(event)->target.id == other);
	assert_int_equal(rs_event_ptrace(event)->request, PTRACE_SEIZE);
	world_expect_str(event, rs_event_ptrace(event)->target.exe_path,
			 rs_str_get(event, event->process.exe_path, NULL));
	static const uint32_t signals[] = {SIGTERM, SIGKILL};
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
		event = world_find(world, RS_EVENT_SIGNAL, world->child, i);
		assert_non_null(event);
		assert_true(rs_event_signal(event)->target.id == other);
		assert_int_equal(rs_event_signal(event)->signal_number, signals[i]);
	}
	uint64_t traced = rs_event_fork(world_find(world, RS_EVENT_FORK, world->child, 1))->child.id;
	event = world_find(world, RS_EVENT_PTRACE, (pid_t)process_id_pid(traced), 0);
	assert_non_null(event);
	assert_int_equal(rs_event_ptrace(event)->request, PTRACE_TRACEME);
	assert_true(rs_event_ptrace(event)->target.id == traced);
}

static void do_bpf_load(void *data)
{
	static const struct bpf_insn program[] = {{.code = BPF_ALU64 | BPF_MOV | BPF_K}, {.code = BPF_JMP | BPF_EXIT}};
	union bpf_attr attr = {.prog_type = BPF_PROG_TYPE_SOCKET_FILTER, .insn_cnt = 2, .insns = (uintptr_t)program};
	attr.license = (uintptr_t)"GPL";
	strcpy(attr.prog_name, "ringside_test");
	CHILD_EXPECT(syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr)) >= 0);
	attr.insn_cnt = 0;
	CHILD_EXPECT(syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr)) < 0);
}

static void do_kernel(void *data)
{
	do_bpf_load(NULL);
	int fd = open("/bin/true", O_RDONLY | O_CLOEXEC);
	CHILD_EXPECT(syscall(SYS_finit_module, fd, "", 0) < 0);
	CHILD_EXPECT(syscall(SYS_init_module, "no module", 9, "") < 0);
	CHILD_EXPECT(syscall(SYS_kexec_load, 0, 100000, NULL, ~0ul) < 0);
}

static void test_kernel(void **state)
{
	struct world *world = *state;
	world_run(world, do_kernel, NULL);
	const struct rs_event *event = world_expect(world, RS_EVENT_BPF_LOAD);
	world_expect_str(event, rs_event_bpf_load(event)->name, "ringside_test");
	assert_int_equal(rs_event_bpf_load(event)->program_type, BPF_PROG_TYPE_SOCKET_FILTER);
	assert_int_equal(rs_event_bpf_load(event)->error, 0);
	event = world_find(world, RS_EVENT_BPF_LOAD, world->child, 1);
	assert_non_null(event);
	assert_int_not_equal(rs_event_bpf_load(event)->error, 0);
	event = world_expect(world, RS_EVENT_MODULE_LOAD);
	char *path = realpath("/bin/true", NULL);
	world_expect_file(event, &rs_event_module_load(event)->file, path, 0);
	assert_int_not_equal(rs_event_module_load(event)->error, 0);
	world_expect_str(event, rs_event_module_load(event)->name, "");
	free(path);
	event = world_find(world, RS_EVENT_MODULE_LOAD, world->child, 1);
	assert_non_null(event);
	world_expect_str(event, rs_event_module_load(event)->file.path, "");
	assert_int_not_equal(rs_event_kexec(world_expect(world, RS_EVENT_KEXEC))->error, 0);
}

static void do_mounts(void *data)
{
	CHILD_EXPECT(unshare(CLONE_NEWNS) == 0);
	CHILD_EXPECT(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
	CHILD_EXPECT(mount("a source", "/tmp/../tmp/.", "tmpfs", 0, NULL) == 0);
	CHILD_EXPECT(mount("none", "/no/such/place", "tmpfs", 0, NULL) < 0);
	CHILD_EXPECT(umount2("/tmp", MNT_DETACH) == 0);
}

static void test_mounts(void **state)
{
	struct world *world = *state;
	world_run(world, do_mounts, NULL);
	const struct rs_event *event = world_find(world, RS_EVENT_MOUNT, world->child, 1);
	assert_non_null(event);
	world_expect_str(event, rs_event_mount(event)->source, "a source");
	world_expect_str(event, rs_event_mount(event)->fs_type, "tmpfs");
	world_expect_file(event, &rs_event_mount(event)->target, "/tmp", RS_FILE_PATH_LEXICAL);
	assert_int_equal(rs_event_mount(event)->error, 0);
	event = world_find(world, RS_EVENT_MOUNT, world->child, 2);
	assert_non_null(event);
	assert_int_equal(rs_event_mount(event)->error, ENOENT);
	event = world_expect(world, RS_EVENT_UNMOUNT);
	world_expect_str(event, rs_event_unmount(event)->target.path, "/tmp");
	assert_int_equal(rs_event_unmount(event)->unmount_flags, MNT_DETACH);
	assert_int_equal(rs_event_unmount(event)->error, 0);
}

static void do_memory(void *data)
{
	int fd = open("/bin/true", O_RDONLY | O_CLOEXEC);
	void **addresses = data;
	addresses[0] = mmap(NULL, 8192, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
	addresses[1] = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHILD_EXPECT(mprotect(addresses[1], 4096, PROT_READ | PROT_EXEC) == 0);
	addresses[2] = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHILD_EXPECT(mmap(NULL, 0, PROT_EXEC, MAP_PRIVATE, fd, 0) == MAP_FAILED);
}

static void test_memory(void **state)
{
	struct world *world = *state;
	void **addresses = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	world_run(world, do_memory, addresses);
	const struct rs_event *event = world_expect(world, RS_EVENT_MAP_EXEC);
	const struct rs_event_map_exec *map = rs_event_map_exec(event);
	char *path = realpath("/bin/true", NULL);
	world_expect_file(event, &map->file, path, 0);
	free(path);
	assert_true(map->address == (uintptr_t)addresses[0]);
	assert_int_equal(map->size_bytes, 8192);
	assert_int_equal(map->protection, PROT_READ | PROT_EXEC);
	assert_int_equal(map->map_flags, MAP_PRIVATE);
	event = world_find(world, RS_EVENT_MAP_EXEC, world->child, 1);
	assert_non_null(event);
	assert_true(rs_event_map_exec(event)->address == (uintptr_t)addresses[2]);
	world_expect_str(event, rs_event_map_exec(event)->file.path, "");
	assert_null(world_find(world, RS_EVENT_MAP_EXEC, world->child, 2));
	event = world_expect(world, RS_EVENT_PROTECT_EXEC);
	assert_true(rs_event_protect_exec(event)->address == (uintptr_t)addresses[1]);
	assert_int_equal(rs_event_protect_exec(event)->size_bytes, 4096);
	assert_int_equal(rs_event_protect_exec(event)->protection, PROT_READ | PROT_EXEC);
	munmap(addresses, 4096);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_exit),           cmocka_unit_test(test_fork_fields),
		cmocka_unit_test(test_exit_by_signal), cmocka_unit_test(test_threads_are_one_process),
		cmocka_unit_test(test_exec),           cmocka_unit_test(test_exec_many_arguments),
		cmocka_unit_test(test_exec_script),    cmocka_unit_test(test_exec_memfd),
		cmocka_unit_test(test_exec_deep),      cmocka_unit_test(test_credentials),
		cmocka_unit_test(test_namespaces),     cmocka_unit_test(test_to_another),
		cmocka_unit_test(test_kernel),         cmocka_unit_test(test_mounts),
		cmocka_unit_test(test_memory),         cmocka_unit_test(test_container_and_login),
	};
	WORLD_MAIN("bpf_process", tests);
}

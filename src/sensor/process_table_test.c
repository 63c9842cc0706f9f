/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fd.h"
#include "sensor/process_proc.h"
#include "sensor/process_table_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

#define CONTAINER "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

/* A /proc of the test's own. */
struct fixture {
	char dir[64];
	int fd;
	struct sensor_process_table *table;
};

static void write_file(const struct fixture *f, int pid, const char *name, const char *text)
{
	char path[64];
	snprintf(path, sizeof(path), "%d", pid);
	mkdirat(f->fd, path, 0755);
	snprintf(path, sizeof(path), "%d/%s", pid, name);
	int fd = openat(f->fd, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

static void process(const struct fixture *f, int pid, int parent, unsigned start, unsigned uid, const char *comm,
		    const char *exe)
{
	char text[512], path[64];
	snprintf(text, sizeof(text), "%d (%s) S %d 1 1 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 %u 4096 1\n", pid, comm,
		 parent, start);
	write_file(f, pid, "stat", text);
	snprintf(text, sizeof(text), "Name:\tx\nUid:\t%u\t%u\t%u\t%u\nGid:\t7\t8\t7\t7\n", uid, uid, uid, uid);
	write_file(f, pid, "status", text);
	write_file(f, pid, "cgroup", "1:name=systemd:/docker/" CONTAINER "\n0::/\n");
	write_file(f, pid, "loginuid", "1000");
	write_file(f, pid, "sessionid", "4");
	snprintf(path, sizeof(path), "%d/exe", pid);
	unlinkat(f->fd, path, 0);
	if (exe)
		assert_int_equal(symlinkat(exe, f->fd, path), 0);
	else
		write_file(f, pid, "exe", ""); /* readlink fails as it does without privilege, only with EINVAL */
}

static void gone(const struct fixture *f, int pid)
{
	char command[128];
	snprintf(command, sizeof(command), "rm -r %s/%d", f->dir, pid);
	assert_int_equal(system(command), 0);
}

static int setup_size(void **state, uint32_t max)
{
	struct fixture *f = calloc(1, sizeof(*f));
	strcpy(f->dir, "/tmp/process_table.XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	f->fd = open(f->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(process_table_new_at(dup(f->fd), -1, max, &f->table), 0);
	*state = f;
	return 0;
}

static int setup(void **state)
{
	return setup_size(state, 1000);
}

static int setup_small(void **state)
{
	return setup_size(state, 3);
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	process_table_free(f->table);
	char command[128];
	snprintf(command, sizeof(command), "rm -r %s", f->dir);
	close(f->fd);
	free(f);
	return system(command);
}

static void test_stat_names(void **state)
{
	static const struct {
		const char *text;
		bool ok;
		const char *comm;
		uint32_t parent;
		uint64_t start;
		bool kernel_thread;
	} cases[] = {
		{"5 (a) S 4 1 1 0 -1 0 1 2 3 4 5 6 7 8 20 0 1 0 99 4096", true, "a", 4, 99},
		{"5 (a) R 1 (b) S 4 1 1 0 -1 0 1 2 3 4 5 6 7 8 20 0 1 0 99 4096", true, "a) R 1 (b", 4, 99},
		{"5 (\n) \n)) S 4 1 1 0 -1 0 1 2 3 4 5 6 7 8 20 0 1 0 99", true, "\n) \n)", 4, 99},
		{"5 () S 4 1 1 0 -1 0 1 2 3 4 5 6 7 8 20 0 1 0 18446744073709551615", true, "", 4, UINT64_MAX},
		{"5 (kworker/u9:1-a-very-long-name) I 2 0 0 0 -1 69238880 0 0 0 0 0 0 0 0 20 0 1 0 9 0", true,
		 "kworker/u9:1-a-", 2, 9, true},
		{"5 (a) S 4 1 1 0 -1 0 1 2 3 4 5 6 7 8 20 0 1 0", false, NULL, 0, 0},
		{"5 (a", false, NULL, 0, 0},
		{"5 a) S (", false, NULL, 0, 0},
		{"", false, NULL, 0, 0},
		{"5 (a) S x 1 1 0 -1 0 1 2 3 4 5 6 7 8 20 0 1 0 9", false, NULL, 0, 0},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct process_proc_stat stat;
		assert_int_equal(process_proc_parse_stat(cases[i].text, strlen(cases[i].text), &stat), cases[i].ok);
		if (!cases[i].ok)
			continue;
		assert_string_equal(stat.comm, cases[i].comm);
		assert_int_equal(stat.parent_pid, cases[i].parent);
		assert_true(stat.start_ticks == cases[i].start);
		assert_true(stat.kernel_thread == cases[i].kernel_thread);
	}
}

/* A process that has ended and was not reaped yet: its program cannot be learnt any more, and that is said. */
static void test_ended_not_reaped(void **state)
{
	struct process_proc proc;
	siginfo_t info;
	int proc_fd = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	pid_t child = fork();
	if (child == 0)
		_exit(0);
	assert_int_equal(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT), 0);
	assert_int_equal(process_proc_read(proc_fd, -1, child, &proc), 0);
	assert_string_equal(proc.exe_path, "");
	assert_false(proc.exe_known);
	assert_true(proc.process.flags & RS_PROCESS_PARTIAL);
	assert_int_equal(waitpid(child, NULL, 0), child);
	close(proc_fd);
}

static void test_cgroup_lines(void **state)
{
	static const struct {
		const char *text, *path;
		bool v2;
	} cases[] = {
		{"0::/a/b\n", "/a/b", true},
		{"12:pids:/x\n1:name=systemd:/y\n0::/z\n", "/z", true},
		{"12:pids:/docker/" CONTAINER "\n0::/\n", "/docker/" CONTAINER, false},
		{"12:pids:/docker/" CONTAINER "\n0::/docker/" CONTAINER "/in\n", "/docker/" CONTAINER "/in", true},
		{"0::/with:colon\n", "/with:colon", true},
		{"1:cpu:/only\n", "/only", false},
	};
	char path[256];
	bool v2;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_true(process_proc_parse_cgroup(cases[i].text, path, sizeof(path), &v2));
		assert_string_equal(path, cases[i].path);
		assert_int_equal(v2, cases[i].v2);
	}
	assert_false(process_proc_parse_cgroup("", path, sizeof(path), &v2));
	assert_false(process_proc_parse_cgroup("no colons\n1:one\n", path, sizeof(path), &v2));
}

static void test_container_ids(void **state)
{
	static const struct {
		const char *path;
		bool found;
	} cases[] = {
		{"/docker/" CONTAINER, true},
		{"/system.slice/docker-" CONTAINER ".scope", true},
		{"/kubepods.slice/kubepods-pod1.slice/cri-containerd-" CONTAINER ".scope", true},
		{"/kubepods/besteffort/pod1/crio-" CONTAINER, true},
		{"/machine.slice/libpod-" CONTAINER ".scope/container", true},
		{"/k8s.io/cri-containerd:" CONTAINER, true},
		{"/docker/" CONTAINER "0", false},
		{"/docker/x" CONTAINER, false},
		{"/user.slice/user-1000.slice", false},
		{"", false},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *id;
		size_t size = process_container_id(cases[i].path, &id);
		assert_int_equal(size, cases[i].found ? 64 : 0);
		assert_memory_equal(id, cases[i].found ? CONTAINER : "", size);
	}
}

static void test_learns_from_proc(void **state)
{
	struct fixture *f = *state;
	process(f, 10, 1, 100, 0, "init", "/sbin/init");
	process(f, 20, 10, 200, 1000, "sh", "/bin/sh");
	const struct process_entry *entry = process_table_get(f->table, 20);
	assert_non_null(entry);
	assert_true(entry->process.id == (UINT64_C(200) << 22 | 20));
	assert_true(entry->process.parent_id == (UINT64_C(100) << 22 | 10));
	assert_true(entry->process.start_ns == 2000000000);
	assert_int_equal(entry->process.uid, 1000);
	assert_int_equal(entry->process.gid, 7);
	assert_int_equal(entry->process.egid, 8);
	assert_int_equal(entry->process.login_uid, 1000);
	assert_int_equal(entry->process.login_session, 4);
	assert_int_equal(entry->process.flags, 0);
	assert_string_equal(entry->process.comm, "sh");
	assert_string_equal(entry->exe_path, "/bin/sh");
	assert_string_equal(entry->cgroup, "/docker/" CONTAINER);
	assert_string_equal(entry->container_id, CONTAINER);
	assert_null(process_table_get(f->table, 21));
	assert_null(process_table_get(f->table, 0));
	assert_null(process_table_get(f->table, -1));
}

static void test_pid_used_again(void **state)
{
	struct fixture *f = *state;
	process(f, 20, 1, 200, 1000, "first", "/bin/first");
	uint64_t first = process_table_get(f->table, 20)->process.id;
	gone(f, 20);
	assert_null(process_table_get(f->table, 20));
	process(f, 20, 1, 201, 1001, "second", "/bin/second");
	const struct process_entry *entry = process_table_get(f->table, 20);
	assert_true(entry->process.id != first);
	assert_string_equal(entry->exe_path, "/bin/second");
	/* the end of the first says nothing of the second */
	process_table_exit(f->table, first);
	assert_string_equal(process_table_get(f->table, 20)->process.comm, "second");
}

/* With a live sensor /proc is not read for who is known; a fork with a used pid begins a new entry. */
static void test_live(void **state)
{
	struct fixture *f = *state;
	process(f, 10, 1, 100, 0, "parent", "/bin/parent");
	assert_int_equal(process_table_scan(f->table), 0);
	process_table_set_live(f->table, true);
	uint64_t parent = process_table_get(f->table, 10)->process.id;
	gone(f, 10);
	assert_non_null(process_table_get(f->table, 10));

	struct rs_process child = {
		.id = process_id(300, 30), .pid = 30, .parent_pid = 10, .parent_id = parent, .comm = "child"};
	process_table_fork(f->table, &child);
	const struct process_entry *entry = process_table_get(f->table, 30);
	assert_string_equal(entry->exe_path, "/bin/parent");
	assert_string_equal(entry->container_id, CONTAINER);
	process_table_put(f->table, &child, "/bin/new", NULL);
	assert_string_equal(process_table_get(f->table, 30)->exe_path, "/bin/new");
	assert_string_equal(process_table_get(f->table, 10)->exe_path, "/bin/parent");

	child.id = process_id(400, 30);
	child.comm[0] = 'C';
	process_table_fork(f->table, &child);
	assert_true(process_table_get(f->table, 30)->process.id == child.id);
	assert_string_equal(process_table_get(f->table, 30)->exe_path, "/bin/parent");
}

static void test_ended_is_known_for_a_while(void **state)
{
	struct fixture *f = *state;
	_Alignas(8) char buffer[8192];
	struct event_build build;
	process_table_set_live(f->table, true);
	struct rs_process process_30 = {.id = process_id(300, 30), .pid = 30, .uid = 5, .comm = "thirty"};
	process_table_put(f->table, &process_30, "/bin/thirty", "/a");
	process_table_exit(f->table, process_30.id);
	assert_null(process_table_get(f->table, 30));

	event_build_begin(&build, buffer, sizeof(buffer), RS_EVENT_EXIT);
	process_table_fill(f->table, 30, 31, &build, &build.event->process);
	event_build_end(&build);
	assert_true(build.event->process.id == process_30.id);
	assert_int_equal(build.event->process.tid, 31);
	assert_string_equal(rs_str_get(build.event, build.event->process.exe_path, NULL), "/bin/thirty");

	/* once the pid is used again it is the other one */
	process(f, 30, 1, 301, 6, "other", "/bin/other");
	event_build_begin(&build, buffer, sizeof(buffer), RS_EVENT_EXIT);
	process_table_fill(f->table, 30, 0, &build, &build.event->process);
	assert_int_equal(build.event->process.uid, 6);
	assert_int_equal(build.event->process.tid, 30);

	event_build_begin(&build, buffer, sizeof(buffer), RS_EVENT_EXIT);
	process_table_fill(f->table, 77, 0, &build, &build.event->process);
	assert_int_equal(build.event->process.pid, 77);
	assert_true(build.event->process.flags & RS_PROCESS_PARTIAL);
	event_build_end(&build);
	assert_null(event_check(buffer, build.size));
}

static void test_doubt(void **state)
{
	struct fixture *f = *state;
	process_table_set_live(f->table, true);
	process(f, 40, 1, 100, 0, "forty", "/bin/forty");
	process(f, 41, 1, 100, 0, "same", "/bin/same");
	process_table_get(f->table, 40);
	process_table_get(f->table, 41);
	process(f, 40, 1, 100, 0, "changed", NULL); /* an exec that was not reported, by a program we may not see */
	process(f, 41, 1, 100, 0, "same", NULL);
	assert_string_equal(process_table_get(f->table, 40)->exe_path, "/bin/forty");
	process_table_doubt(f->table);
	assert_string_equal(process_table_get(f->table, 40)->exe_path, "");
	assert_true(process_table_get(f->table, 40)->process.flags & RS_PROCESS_PARTIAL);
	assert_string_equal(process_table_get(f->table, 41)->exe_path, "/bin/same");
}

/* Without a live sensor a program that cannot be seen any more is empty, never the one before it. */
static void test_not_live_forgets_unseen_program(void **state)
{
	struct fixture *f = *state;
	process(f, 40, 1, 100, 0, "same", "/bin/muted");
	assert_string_equal(process_table_get(f->table, 40)->exe_path, "/bin/muted");
	process(f, 40, 1, 100, 0, "same", NULL);
	assert_string_equal(process_table_get(f->table, 40)->exe_path, "");
}

static void test_bounded(void **state)
{
	struct fixture *f = *state; /* at most 3 */
	process_table_set_live(f->table, true);
	for (uint32_t pid = 100; pid < 200; pid++) {
		struct rs_process one = {.id = process_id(pid, pid), .pid = pid};
		process_table_put(f->table, &one, "/bin/x", "/y");
		process_table_get(f->table, 100);
		assert_true(process_table_size(f->table) <= 3);
	}
	assert_non_null(process_table_get(f->table, 100)); /* used all the time */
	assert_non_null(process_table_get(f->table, 199));
	assert_null(process_table_get(f->table, 150));
	for (uint32_t pid = 200; pid < 300; pid++) {
		struct rs_process one = {.id = process_id(pid, pid), .pid = pid};
		process_table_put(f->table, &one, NULL, NULL);
		process_table_exit(f->table, one.id);
		assert_true(process_table_size(f->table) <= 6);
	}
}

static void test_platform_by_uid(void **state)
{
	struct fixture *f = *state;
	process(f, 50, 1, 100, 2005, "agent", "/bin/agent");
	process(f, 51, 1, 100, 1999, "other", "/bin/other");
	process_table_get(f->table, 50);
	process_table_add_platform_uids(f->table, 2000, 2010);
	assert_true(process_table_is_platform(f->table, 50));
	assert_false(process_table_is_platform(f->table, 51));
	assert_false(process_table_is_platform(f->table, 52));
	struct rs_process half = {.id = process_id(9, 60), .pid = 60, .uid = 2005, .euid = 0};
	process_table_set_live(f->table, true);
	process_table_put(f->table, &half, NULL, NULL);
	assert_false(process_table_is_platform(f->table, 60));
}

static void test_platform_by_descent(void **state)
{
	struct fixture *f = *state;
	process(f, 50, 1, 100, 0, "ringsided", "/bin/ringsided");
	process(f, 51, 50, 101, 0, "child", "/bin/child");
	process(f, 52, 51, 102, 0, "grandchild", "/bin/grandchild");
	process(f, 60, 1, 100, 0, "other", "/bin/other");
	assert_int_equal(process_table_add_platform_pid(f->table, 99), -ESRCH);
	process_table_get(f->table, 51);
	assert_int_equal(process_table_add_platform_pid(f->table, 50), 0);
	assert_true(process_table_is_platform(f->table, 51));
	assert_true(process_table_is_platform(f->table, 52)); /* not seen before */
	assert_false(process_table_is_platform(f->table, 60));
	/* another process under a platform pid's number is not the platform */
	process(f, 52, 60, 200, 0, "reused", "/bin/reused");
	assert_false(process_table_is_platform(f->table, 52));
	process_table_set_live(f->table, true);
	struct rs_process child = {
		.id = process_id(300, 53), .pid = 53, .parent_pid = 51, .parent_id = process_id(101, 51)};
	process_table_fork(f->table, &child);
	process_table_exit(f->table, process_id(101, 51)); /* its parent's end does not free it */
	assert_true(process_table_is_platform(f->table, 53));
}

static void count_call(void *data)
{
	struct fixture *f = data;
	process_table_refresh(f->table); /* must not begin again */
	f->dir[sizeof(f->dir) - 1]++;
}

static void test_refresh(void **state)
{
	struct fixture *f = *state;
	process_table_refresh(f->table);
	process_table_set_refresh(f->table, count_call, f);
	process_table_refresh(f->table);
	assert_int_equal(f->dir[sizeof(f->dir) - 1], 1);
	f->dir[sizeof(f->dir) - 1] = 0;
}

/* The kernel's own /proc: a child whose name is as bad as names get. */
static void test_real_process(void **state)
{
	_cleanup_(fd_closep) int none = -1;
	struct sensor_process_table *table;
	int go[2];
	assert_int_equal(pipe2(go, O_CLOEXEC), 0);
	pid_t child = fork();
	if (child == 0) {
		char byte;
		prctl(PR_SET_NAME, ") S 1 (\n\\)");
		assert_int_equal(write(go[1], "x", 1), 1);
		pause();
		(void)byte;
		_exit(0);
	}
	char byte;
	assert_int_equal(read(go[0], &byte, 1), 1);
	assert_int_equal(process_table_new(&table), 0);
	assert_int_equal(process_table_scan(table), 0);
	const struct process_entry *entry = process_table_get(table, child);
	char self[RS_PATH_SIZE_MAX];
	struct stat st;
	ssize_t size = readlink("/proc/self/exe", self, sizeof(self) - 1);
	self[size] = '\0';
	assert_int_equal(stat("/proc/self/exe", &st), 0);
	assert_non_null(entry);
	assert_string_equal(entry->process.comm, ") S 1 (\n\\)");
	assert_int_equal(entry->process.parent_pid, getpid());
	assert_int_equal(entry->process.uid, getuid());
	assert_string_equal(entry->exe_path, self);
	assert_true(entry->process.exe.ino == st.st_ino && entry->process.exe.dev == st.st_dev);
	assert_true(entry->process.id == process_id(entry->process.start_ns / PROCESS_TICK_NS, (uint32_t)child));
	uint64_t parent_id = entry->process.parent_id;
	assert_true(process_table_get(table, getpid())->process.id == parent_id);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	assert_null(process_table_get(table, child));
	process_table_free(table);
	close(go[0]);
	close(go[1]);
}

#define WITH_PROC(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stat_names),
		cmocka_unit_test(test_ended_not_reaped),
		cmocka_unit_test(test_cgroup_lines),
		cmocka_unit_test(test_container_ids),
		WITH_PROC(test_learns_from_proc),
		WITH_PROC(test_pid_used_again),
		WITH_PROC(test_live),
		WITH_PROC(test_ended_is_known_for_a_while),
		WITH_PROC(test_doubt),
		WITH_PROC(test_not_live_forgets_unseen_program),
		cmocka_unit_test_setup_teardown(test_bounded, setup_small, teardown),
		WITH_PROC(test_platform_by_uid),
		WITH_PROC(test_platform_by_descent),
		WITH_PROC(test_refresh),
		cmocka_unit_test(test_real_process),
	};
	return cmocka_run_group_tests_name("process_table", tests, NULL, NULL);
}

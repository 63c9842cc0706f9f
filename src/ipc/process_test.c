/* SPDX-License-Identifier: Apache-2.0 */
/* Enters and drops as each role for real, and reads from outside what became of the process. Needs root. */
#include "ipc/process.h"

#include "base/fd.h"
#include "ipc/drop.h"
#include "ipc/link.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <cmocka.h>

#define UID_BASE 60800u

struct child {
	pid_t pid;
	int link;
};

static int settings_memfd(void)
{
	struct settings settings = {.magic = SETTINGS_MAGIC,
				    .size = sizeof(settings),
				    .uid_base = UID_BASE,
				    .log_level = 6,
				    .deadline_exec_ms = 1000,
				    .deadline_open_ms = 250,
				    .run_dir = "/run/ringside",
				    .state_dir = "/var/lib/ringside"};
	int fd = fd_memfd("settings", sizeof(settings));
	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, &settings, sizeof(settings), 0), sizeof(settings));
	assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SEAL), 0);
	return fd;
}

/* What a child does on a message: STOP ends it; a PEER link gets a READY. The others are what it must not do. */
static int on_message(void *data, enum process_role from, const struct ipc_head *message, int *fds, size_t n_fds)
{
	struct process **process = data;
	for (size_t i = 0; i < n_fds; i++)
		fd_close(fds[i]);
	if (message->type == IPC_STOP)
		loop_exit(process_loop(*process));
	if (message->type == IPC_GAP)
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
	return 0;
}

/* Says so to the peer, which is the test. */
static void on_peer(void *data, enum process_role role, bool up)
{
	struct process **process = data;
	struct ipc_head note = {.size = sizeof(note), .type = IPC_READY};
	if (up)
		process_send(*process, role, &note, NULL, 0);
}

/* Its own descriptors must stay readable although it is not dumpable. */
static bool sees_own_descriptors(void)
{
	char path[64], target[64];
	snprintf(path, sizeof(path), "/proc/self/fd/%d", PROCESS_FD_PARENT);
	return readlink(path, target, sizeof(target)) > 0 && prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0;
}

static _Noreturn void child_main(enum process_role role)
{
	struct process *process = NULL;
	struct process_handlers handlers = {.data = &process, .message = on_message, .peer = on_peer};
	if (process_enter(role, &handlers, &process) < 0)
		_exit(101);
	if (drop_privilege(&topology_processes[role], process_uid(process_settings(process), role), getppid()) < 0)
		_exit(102);
	if (!sees_own_descriptors())
		_exit(103);
	if (drop_system_calls(role) < 0)
		_exit(104);
	int r = process_run(process);
	process_free(process);
	_exit(r == 0 ? 0 : 105);
}

static void child_start(enum process_role role, struct child *ret)
{
	int pair[2], settings = settings_memfd();
	assert_int_equal(link_pair(pair), 0);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		/* out of the way of 3 and 4 first */
		int link = fcntl(pair[1], F_DUPFD, 20), memfd = fcntl(settings, F_DUPFD, 20);
		dup2(link, PROCESS_FD_PARENT);
		dup2(memfd, PROCESS_FD_SETTINGS);
		child_main(role);
	}
	close(pair[1]);
	close(settings);
	*ret = (struct child){pid, pair[0]};
}

static void expect_ready(int fd)
{
	struct ipc_head head;
	int fds[FD_MESSAGE_MAX];
	size_t n_fds;
	struct pollfd wait = {.fd = fd, .events = POLLIN};
	assert_int_equal(poll(&wait, 1, 5000), 1);
	assert_int_equal(fd_receive(fd, &head, sizeof(head), fds, &n_fds), sizeof(head));
	assert_int_equal(head.type, IPC_READY);
}

static int child_wait(struct child *child)
{
	int status;
	assert_int_equal(waitpid(child->pid, &status, 0), child->pid);
	close(child->link);
	return status;
}

static void send_head(int fd, uint16_t type)
{
	struct ipc_head head = {.size = sizeof(head), .type = type};
	assert_int_equal(fd_send(fd, &head, sizeof(head), NULL, 0), 0);
}

static void _printf_(2, 3) expect_line(const char *status, const char *format, ...)
{
	char line[200];
	va_list args;
	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	if (!strstr(status, line))
		fail_msg("expected \"%s\" in:\n%s", line, status);
}

static void test_dropped(void **state)
{
	for (enum process_role role = PROCESS_ENGINE; role <= PROCESS_CONTROL; role++) {
		struct child child;
		char path[64], status[8192];
		const uint32_t uid = UID_BASE + role;
		const unsigned long long caps = topology_processes[role].capabilities;
		child_start(role, &child);
		expect_ready(child.link);
		snprintf(path, sizeof(path), "/proc/%d/status", child.pid);
		assert_true(fd_read_file(AT_FDCWD, path, status, sizeof(status)) > 0);
		expect_line(status, "\nUid:\t%u\t%u\t%u\t%u\n", uid, uid, uid, uid);
		expect_line(status, "\nGid:\t%u\t%u\t%u\t%u\n", uid, uid, uid, uid);
		expect_line(status, "\nGroups:\t \n");
		expect_line(status, "\nCapInh:\t%016llx\n", 0ULL);
		expect_line(status, "\nCapPrm:\t%016llx\n", caps);
		expect_line(status, "\nCapEff:\t%016llx\n", caps);
		expect_line(status, "\nCapBnd:\t%016llx\n", caps);
		expect_line(status, "\nCapAmb:\t%016llx\n", 0ULL);
		expect_line(status, "\nNoNewPrivs:\t1\n");
		expect_line(status, "\nSeccomp:\t2\n");
		send_head(child.link, IPC_STOP);
		assert_int_equal(child_wait(&child), 0);
	}
}

static void test_call_in_no_list_ends_it(void **state)
{
	struct child child;
	struct ipc_gap gap = {.head = {.size = sizeof(gap), .type = IPC_GAP}};
	child_start(PROCESS_ENGINE, &child);
	expect_ready(child.link);
	assert_int_equal(fd_send(child.link, &gap, sizeof(gap), NULL, 0), 0);
	int status = child_wait(&child);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS);
}

static void test_dies_with_its_parent(void **state)
{
	struct child child;
	child_start(PROCESS_CONTROL, &child);
	expect_ready(child.link);
	close(child.link);
	child.link = -1;
	int status = child_wait(&child);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 105);
}

static void test_peers(void **state)
{
	struct child child;
	struct ipc_head peer = {.size = sizeof(peer), .type = IPC_PEER, .number = PROCESS_ENGINE};
	child_start(PROCESS_CAGE, &child);
	expect_ready(child.link);
	int pair[2], again[2];
	assert_int_equal(link_pair(pair), 0);
	assert_int_equal(fd_send(child.link, &peer, sizeof(peer), &pair[1], 1), 0);
	expect_ready(pair[0]);
	/* a new one takes the old one's place */
	assert_int_equal(link_pair(again), 0);
	assert_int_equal(fd_send(child.link, &peer, sizeof(peer), &again[1], 1), 0);
	expect_ready(again[0]);
	close(pair[1]);
	close(again[1]);
	char byte;
	assert_int_equal(recv(pair[0], &byte, 1, 0), 0);
	/* a pair that is not in the table is refused, and not fatal */
	int refused[2];
	assert_int_equal(link_pair(refused), 0);
	peer.number = PROCESS_CONFIG;
	assert_int_equal(fd_send(child.link, &peer, sizeof(peer), &refused[1], 1), 0);
	close(refused[1]);
	struct pollfd wait = {.fd = refused[0], .events = POLLIN};
	assert_int_equal(poll(&wait, 1, 5000), 1);
	assert_int_equal(recv(refused[0], &byte, 1, 0), 0);
	send_head(child.link, IPC_STOP);
	assert_int_equal(child_wait(&child), 0);
	close(pair[0]);
	close(again[0]);
	close(refused[0]);
}

static void test_settings_that_are_not_sealed(void **state)
{
	int pair[2], memfd = fd_memfd("settings", sizeof(struct settings));
	assert_int_equal(link_pair(pair), 0);
	pid_t pid = fork();
	if (pid == 0) {
		int link = fcntl(pair[1], F_DUPFD, 20), settings = fcntl(memfd, F_DUPFD, 20);
		dup2(link, PROCESS_FD_PARENT);
		dup2(settings, PROCESS_FD_SETTINGS);
		child_main(PROCESS_CONTROL);
	}
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 101);
	close(pair[0]);
	close(pair[1]);
	close(memfd);
}

int main(void)
{
	if (geteuid() != 0) {
		fprintf(stderr, "process_test: expected root, found user %u: run it as root\n", geteuid());
		return 1;
	}
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dropped),
		cmocka_unit_test(test_call_in_no_list_ends_it),
		cmocka_unit_test(test_dies_with_its_parent),
		cmocka_unit_test(test_peers),
		cmocka_unit_test(test_settings_that_are_not_sealed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * children_nth_test: the parent starts engine, cage and control while the Nth call fails, for every N: either it says
 * that it cannot begin, or in the end all are ready and every pair of them is linked; and nothing is left behind.
 *
 * The three are this program itself, by the names that the parent executes: each says READY, greets whoever it is
 * linked with, and tells the parent (PONG) whom it has heard.
 */
#include "daemon/children.h"

#include "base/clock.h"
#include "base/fail_call.h"
#include "base/fd.h"
#include "base/fd_count.h"
#include "base/macro.h"

#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define PATIENCE_NS (30 * NS_PER_SEC)
#define CALLS_MAX 2000u
#define PASSES 3u
#define PARENT_FD 3

FAIL_CALL(void *, malloc, ENOMEM, false, NULL, (size_t size), (size))
FAIL_CALL(void *, calloc, ENOMEM, false, NULL, (size_t n, size_t size), (n, size))
FAIL_CALL(int, open64, EMFILE, false, -1, (const char *path, int flags, mode_t mode), (path, flags, mode))
FAIL_CALL(int, socketpair, EMFILE, false, -1, (int domain, int type, int protocol, int *pair),
	  (domain, type, protocol, pair))
FAIL_CALL(int, pidfd_open, EMFILE, false, -1, (pid_t pid, unsigned flags), (pid, flags))
FAIL_CALL(int, timerfd_create, EMFILE, false, -1, (int clock, int flags), (clock, flags))
FAIL_CALL(int, epoll_ctl, ENOSPC, false, -1, (int epoll, int op, int fd, struct epoll_event *event),
	  (epoll, op, fd, event))
FAIL_CALL(int, epoll_wait, EINTR, true, -1, (int epoll, struct epoll_event *events, int n, int timeout_ms),
	  (epoll, events, n, timeout_ms))
FAIL_CALL(ssize_t, sendmsg, ENOBUFS, true, -1, (int fd, const struct msghdr *message, int flags), (fd, message, flags))
FAIL_CALL(ssize_t, recvmsg, ENOMEM, true, -1, (int fd, struct msghdr *message, int flags), (fd, message, flags))

/* In the new process nothing more fails: what it could not do, its end tells. */
pid_t __real_fork(void);
pid_t __wrap_fork(void);

pid_t __wrap_fork(void)
{
	if (fail_call_now("fork", EAGAIN, false))
		return -1;
	pid_t pid = __real_fork();
	fail_call_inside = fail_call_inside && pid != 0;
	return pid;
}

/* ---- one of the three ---- */

static int say(int fd, uint32_t type, uint64_t number)
{
	const struct ipc_head message = {.size = sizeof(message), .type = type, .number = number};
	return fd_send(fd, &message, sizeof(message), NULL, 0);
}

/* 0, or what the process ends with. */
static int on_parent(struct pollfd *peers)
{
	char bytes[IPC_MESSAGE_MAX];
	const struct ipc_head *message = (const struct ipc_head *)(const void *)bytes;
	int fds[FD_MESSAGE_MAX];
	size_t n_fds = 0;
	ssize_t size = fd_receive(PARENT_FD, bytes, sizeof(bytes), fds, &n_fds);
	if (size == -EAGAIN)
		return 0;
	if (size < 0 || message->type == IPC_STOP)
		return 1;
	if (message->type == IPC_PEER && n_fds == 1 && message->number < PROCESS_N_ROLES) {
		struct pollfd *peer = &peers[message->number];
		fd_close(peer->fd);
		*peer = (struct pollfd){.fd = fds[0], .events = POLLIN};
		say(peer->fd, IPC_PING, 0);
	}
	return 0;
}

static void on_peer(struct pollfd *peers, uint64_t role)
{
	struct ipc_head message;
	int fds[FD_MESSAGE_MAX];
	size_t n_fds = 0;
	ssize_t size = fd_receive(peers[role].fd, &message, sizeof(message), fds, &n_fds);
	if (size > 0)
		say(PARENT_FD, IPC_PONG, role);
	else if (size != -EAGAIN)
		peers[role].fd = fd_close(peers[role].fd);
}

static int be_child(void)
{
	struct pollfd fds[PROCESS_N_ROLES + 1];
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		fds[i] = (struct pollfd){.fd = -1, .events = POLLIN};
	fds[PROCESS_N_ROLES].fd = PARENT_FD;
	if (say(PARENT_FD, IPC_READY, 0) < 0)
		return 1;
	for (int end = 0; !end;) {
		poll(fds, ARRAY_SIZE(fds), -1);
		for (uint64_t role = 0; role < PROCESS_N_ROLES; role++)
			if (fds[role].revents)
				on_peer(fds, role);
		if (fds[PROCESS_N_ROLES].revents)
			end = on_parent(fds);
	}
	return 0;
}

/* ---- the parent ---- */

static const enum process_role roles[] = {PROCESS_ENGINE, PROCESS_CAGE, PROCESS_CONTROL};
static char programs[] = "/tmp/ringside-children-XXXXXX";

struct run {
	struct loop *loop;
	struct children *children;
	unsigned nth;
	unsigned n_started;
	bool heard[PROCESS_N_ROLES][PROCESS_N_ROLES]; /* who, whom */
};

static void on_started(void *data, enum process_role role, pid_t pid)
{
	struct run *run = data;
	run->n_started++;
	for (size_t i = 0; i < PROCESS_N_ROLES; i++)
		run->heard[role][i] = run->heard[i][role] = false;
}

static void on_ready(void *data, enum process_role role)
{
}

static void on_ended(void *data, enum process_role role, int wait_status)
{
}

static void on_message(void *data, enum process_role role, const struct ipc_head *message, int *fds, size_t n_fds)
{
	struct run *run = data;
	if (message->type == IPC_PONG && message->number < PROCESS_N_ROLES)
		run->heard[role][message->number] = true;
}

static bool are_all_linked(const struct run *run)
{
	for (size_t i = 0; i < ARRAY_SIZE(roles); i++)
		for (size_t j = 0; j < ARRAY_SIZE(roles); j++)
			if (!children_is_ready(run->children, roles[i]) || (i != j && !run->heard[roles[i]][roles[j]]))
				return false;
	return true;
}

static bool are_all_down(const struct run *run)
{
	for (size_t i = 0; i < ARRAY_SIZE(roles); i++)
		if (!children_is_down(run->children, roles[i]))
			return false;
	return true;
}

static void turn_until(struct run *run, bool (*done)(const struct run *run), const char *what)
{
	uint64_t until_ns = clock_monotonic_ns() + PATIENCE_NS;
	while (!done(run)) {
		fail_call_inside = true;
		int r = loop_turn(run->loop, 20);
		fail_call_inside = false;
		assert_int_equal(r, 0);
		if (clock_monotonic_ns() > until_ns)
			fail_msg("call %u, %s: they are not all %s", run->nth, fail_call_hit, what);
	}
}

static void live(struct run *run, int settings_fd)
{
	children_set_settings(run->children, settings_fd);
	fail_call_inside = true;
	for (size_t i = 0; i < ARRAY_SIZE(roles); i++)
		children_start(run->children, roles[i]);
	fail_call_inside = false;
	turn_until(run, are_all_linked, "linked");
	fail_call_inside = true;
	for (size_t i = 0; i < ARRAY_SIZE(roles); i++)
		children_stop(run->children, roles[i], 10 * NS_PER_SEC);
	fail_call_inside = false;
	turn_until(run, are_all_down, "down");
}

/* Whether there was an Nth call. */
static bool start_with_nth(unsigned n, bool *ret_refused)
{
	struct run run = {.nth = n};
	assert_true(n < CALLS_MAX);
	const struct children_callbacks callbacks = {
		.data = &run, .started = on_started, .ready = on_ready, .ended = on_ended, .message = on_message};
	unsigned before = fd_count();
	int settings_fd = fd_memfd("settings", 4096);
	assert_true(settings_fd >= 0);
	assert_int_equal(loop_new(&run.loop), 0);
	fail_call_begin(n);
	fail_call_inside = true;
	int r = children_new(run.loop, programs, &callbacks, &run.children);
	fail_call_inside = false;
	*ret_refused = r < 0;
	if (r == 0)
		live(&run, settings_fd);
	else
		assert_true(fail_call_hit[0] != '\0');
	children_free(run.children);
	loop_free(run.loop);
	fd_close(settings_fd);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* none is left, not even a dead one */
	assert_int_equal(fd_count(), before);
	return fail_call_hit[0] != '\0';
}

static void test_each_call(void **state)
{
	unsigned refused, failed = fail_call_each(start_with_nth, PASSES, &refused);
	print_message("%u calls failed; %u times it could not begin\n", failed, refused);
	assert_true(failed > 40 && refused > 10 && refused < failed / 2); /* else it was not reached */
}

static void test_interrupted(void **state)
{
	fail_call_interrupts = true;
	unsigned refused, failed = fail_call_each(start_with_nth, PASSES, &refused);
	fail_call_interrupts = false;
	assert_true(failed > 10);
	assert_int_equal(refused, 0);
}

static int set_up(void **state)
{
	char path[128], own[512];
	ssize_t size = readlink("/proc/self/exe", own, sizeof(own) - 1);
	if (size < 0 || !mkdtemp(programs))
		return -1;
	own[size] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(roles); i++) {
		snprintf(path, sizeof(path), "%s/%s", programs, topology_processes[roles[i]].program);
		if (symlink(own, path) < 0)
			return -1;
	}
	return 0;
}

static int tear_down(void **state)
{
	char path[128];
	for (size_t i = 0; i < ARRAY_SIZE(roles); i++) {
		snprintf(path, sizeof(path), "%s/%s", programs, topology_processes[roles[i]].program);
		unlink(path);
	}
	return rmdir(programs);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_call),
		cmocka_unit_test(test_interrupted),
	};
	signal(SIGPIPE, SIG_IGN);
	if (strstr(argv[0], "/ringside-children-"))
		return be_child();
	return cmocka_run_group_tests(tests, set_up, tear_down);
}

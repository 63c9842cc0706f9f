/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <cmocka.h>

static void test_pass_descriptor(void **state)
{
	int pair[2], pipe_fds[2], fds[FD_MESSAGE_MAX];
	size_t n_fds;
	char data[16];
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	assert_int_equal(pipe2(pipe_fds, O_CLOEXEC), 0);
	assert_int_equal(fd_receive(pair[1], data, sizeof(data), fds, &n_fds), -EAGAIN);
	assert_int_equal(fd_send(pair[0], "hello", 5, &pipe_fds[1], 1), 0);
	assert_int_equal(fd_receive(pair[1], data, sizeof(data), fds, &n_fds), 5);
	assert_int_equal(n_fds, 1);
	assert_true(fcntl(fds[0], F_GETFD) & FD_CLOEXEC);
	assert_int_equal(write(fds[0], "x", 1), 1);
	assert_int_equal(read(pipe_fds[0], data, 1), 1);
	close(fds[0]);
	close(pipe_fds[0]);
	close(pipe_fds[1]);
	close(pair[0]);
	assert_int_equal(fd_receive(pair[1], data, sizeof(data), fds, &n_fds), -EPIPE);
	close(pair[1]);
}

static void test_too_long_and_full_table(void **state)
{
	int pair[2], fds[FD_MESSAGE_MAX];
	size_t n_fds;
	char data[4];
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	assert_int_equal(fd_send(pair[0], "too long", 8, NULL, 0), 0);
	assert_int_equal(fd_receive(pair[1], data, sizeof(data), fds, &n_fds), -EMSGSIZE);

	struct rlimit limit, saved;
	getrlimit(RLIMIT_NOFILE, &saved);
	assert_int_equal(fd_send(pair[0], "x", 1, pair, 1), 0);
	int probe = dup(pair[0]);
	limit = (struct rlimit){.rlim_cur = (rlim_t)probe, .rlim_max = saved.rlim_max};
	close(probe);
	setrlimit(RLIMIT_NOFILE, &limit);
	ssize_t r = fd_receive(pair[1], data, sizeof(data), fds, &n_fds);
	setrlimit(RLIMIT_NOFILE, &saved);
	assert_int_equal(r, -EMFILE);
	close(pair[0]);
	close(pair[1]);
}

static void test_memfd_and_file(void **state)
{
	char buffer[8];
	int fd = fd_memfd("test", 4096);
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, 1), -1);
	assert_int_equal(errno, EPERM);
	close(fd);
	assert_int_equal(fd_read_file(AT_FDCWD, "/proc/self/status", buffer, sizeof(buffer)), -EFBIG);
	assert_int_equal(fd_read_file(AT_FDCWD, "/nowhere", buffer, sizeof(buffer)), -ENOENT);
	assert_int_equal(fd_read_file(AT_FDCWD, "/dev/null", buffer, sizeof(buffer)), 0);
	assert_string_equal(buffer, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pass_descriptor),
		cmocka_unit_test(test_too_long_and_full_table),
		cmocka_unit_test(test_memfd_and_file),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

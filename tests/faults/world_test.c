/* SPDX-License-Identifier: Apache-2.0 */
/* A world that was aborted leaves nothing behind once there is another one, which takes nothing from those that live.
 */
#include "faults/world.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* A test of its own, in a name space of its own, that lives until it is killed; and the folder of its world. */
static pid_t start_world(char dir[64])
{
	int fds[2];
	assert_int_equal(pipe(fds), 0);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct world world;
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		world_open_bare(&world, "tmpfs");
		world_file(&world, "a", "x", 0644);
		if (write(fds[1], world.dir, sizeof(world.dir)) != sizeof(world.dir))
			_exit(1);
		for (;;)
			pause();
	}
	close(fds[1]);
	assert_int_equal(read(fds[0], dir, 64), 64);
	close(fds[0]);
	return pid;
}

static void end_world(pid_t pid)
{
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

/* Whether its file is there, for itself. */
static bool has_its_file(pid_t pid, const char *dir)
{
	char path[160];
	snprintf(path, sizeof(path), "/proc/%d/root%s/fs/a", pid, dir);
	return access(path, F_OK) == 0;
}

static void test_aborted(void **state)
{
	struct world world;
	char aborted[64], living[64];
	pid_t living_pid = start_world(living), aborted_pid = start_world(aborted);
	end_world(aborted_pid);
	assert_int_equal(access(aborted, F_OK), 0);
	assert_true(has_its_file(living_pid, living));
	world_open_bare(&world, "tmpfs");
	assert_int_equal(access(aborted, F_OK), -1);
	assert_true(has_its_file(living_pid, living));
	world_close(&world);
	end_world(living_pid);
	world_open_bare(&world, "tmpfs");
	assert_int_equal(access(living, F_OK), -1);
	world_close(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_aborted),
	};
	if (geteuid() != 0) {
		fprintf(stderr, "skipped: needs root and a mount namespace of its own\n");
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}

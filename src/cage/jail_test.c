/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jail_test: jails that cannot be made. The Nth call of those that make one fails, for every N: it fails with a step
 * and a reason, or does without where that does no harm, and leaves no process, no mount and no descriptor behind. And
 * what a kernel may lack: user name spaces, mounts in them, process name spaces, Landlock, Landlock's TCP.
 *
 * The calls go through the linker's --wrap (see meson.build); the count is shared with the processes that are made.
 * Needs root.
 */
#include "cage/jail.h"

#include "base/fd.h"
#include "base/fd_count.h"
#include "base/log.h"
#include "cage/budget.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <cmocka.h>

#define UID 60950u

/* ---- the Nth call fails; or each of one name ---- */

static struct {
	unsigned calls, failing; /* 0: none */
	const char *always; /* a name */
	int abi; /* what Landlock claims to be; -1: as it is */
	char last[32]; /* which one failed */
} *faults;

static bool fails(const char *name, int error)
{
	bool hit = __atomic_add_fetch(&faults->calls, 1, __ATOMIC_SEQ_CST) == faults->failing ||
		   (faults->always && strcmp(faults->always, name) == 0);
	if (!hit)
		return false;
	snprintf(faults->last, sizeof(faults->last), "%s", name);
	errno = error;
	return true;
}

#define WRAP(type, name, error, declared, passed) \
	type __real_##name declared; \
	type __wrap_##name declared; \
	type __wrap_##name declared \
	{ \
		return fails(#name, error) ? (type) - 1 : __real_##name passed; \
	}

WRAP(int, pipe2, EMFILE, (int *fds, int flags), (fds, flags))
WRAP(int, open_tree, EPERM, (int dir, const char *path, unsigned flags), (dir, path, flags))
WRAP(int, mount_setattr, EPERM, (int dir, const char *path, unsigned flags, void *attr, size_t size),
     (dir, path, flags, attr, size))
WRAP(int, move_mount, EPERM, (int from, const char *path, int to, const char *name, unsigned flags),
     (from, path, to, name, flags))
WRAP(int, fsopen, EPERM, (const char *name, unsigned flags), (name, flags))
WRAP(int, fsconfig, EINVAL, (int fd, unsigned command, const char *key, const void *value, int aux),
     (fd, command, key, value, aux))
WRAP(int, fsmount, EPERM, (int fd, unsigned flags, unsigned attributes), (fd, flags, attributes))
WRAP(int, umount2, EBUSY, (const char *path, int flags), (path, flags))
WRAP(int, fchdir, EACCES, (int fd), (fd))
WRAP(int, chdir, EACCES, (const char *path), (path))
WRAP(int, mkdirat, ENOSPC, (int dir, const char *path, mode_t mode), (dir, path, mode))
WRAP(int, open64, EMFILE, (const char *path, int flags, mode_t mode), (path, flags, mode))
WRAP(int, openat64, EMFILE, (int dir, const char *path, int flags, mode_t mode), (dir, path, flags, mode))
WRAP(int, setresuid, EAGAIN, (uid_t a, uid_t b, uid_t c), (a, b, c))
WRAP(int, setresgid, EPERM, (gid_t a, gid_t b, gid_t c), (a, b, c))
WRAP(int, sethostname, EPERM, (const char *name, size_t size), (name, size))
WRAP(int, unshare, ENOSPC, (int flags), (flags))
WRAP(int, dup2, EMFILE, (int from, int to), (from, to))
WRAP(int, dup3, EMFILE, (int from, int to, int flags), (from, to, flags))
WRAP(int, setrlimit64, EPERM, (int resource, const void *limit), (resource, limit))
WRAP(int, execve, ENOMEM, (const char *path, char *const *argv, char *const *environment), (path, argv, environment))
WRAP(int, seccomp_load, -1, (void *context), (context))
WRAP(long, syscall, EAGAIN, (long n, long a, long b, long c, long d, long e, long f), (n, a, b, c, d, e, f))
WRAP(ssize_t, write, EPIPE, (int fd, const void *bytes, size_t size), (fd, bytes, size))

int __real_landlock_abi(void);
int __wrap_landlock_abi(void);
int __wrap_landlock_abi(void)
{
	return faults->abi >= 0 ? faults->abi : __real_landlock_abi();
}

/* ---- a jail from its beginning to its end, as incarnation.c does it ---- */

struct life {
	bool ran; /* its program was executed */
	int status;
	uint32_t missing;
	char text[JAIL_TEXT_SIZE];
};

static int wait_for(pid_t pid)
{
	int status = 0;
	if (pid > 0)
		assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void live(const struct settings_agent *agent, uint32_t uid, struct life *ret)
{
	static struct budget_home home = {.fd = -1};
	int lifeline[2], null_fd = __real_open64("/dev/null", O_RDWR | O_CLOEXEC, 0);
	struct budget budget = {.home = &home, .fd = -1, .state_fd = -1};
	struct jail_process process;
	*ret = (struct life){0};
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, lifeline), 0);
	struct jail jail = {.agent = agent,
			    .budget = &budget,
			    .uid = uid,
			    .lifeline_fd = lifeline[1],
			    .null_fd = null_fd,
			    .output_fd = null_fd};
	if (jail_start(&jail, &process) >= 0) {
		wait_for(process.pid);
		bool built = jail_built(&process) == JAIL_DONE;
		if (!built)
			jail_kill(&process);
		ret->status = wait_for(process.pid);
		ret->ran = built && !jail_failed_late(&process);
		process.pid = 0;
		jail_kill(&process);
		wait_for(process.init_pid);
	}
	ret->missing = process.missing;
	memcpy(ret->text, process.text, sizeof(ret->text));
	fd_close(process.report_fd);
	close(lifeline[0]);
	close(lifeline[1]);
	close(null_fd);
}

static unsigned count_lines(const char *path)
{
	FILE *file = fopen(path, "re");
	unsigned n = 0;
	for (int c; (c = fgetc(file)) != EOF;)
		n += c == '\n';
	fclose(file);
	return n;
}

/* A process that lost its builder at the wrong moment may be a moment late. */
static void no_child_is_left(void)
{
	for (int i = 0; i < 200; i++) {
		pid_t pid = waitpid(-1, NULL, WNOHANG);
		if (pid < 0)
			return;
		poll(NULL, 0, 10);
	}
	fail_msg("a process is left");
}

static struct settings_agent an_agent(enum settings_jail jail)
{
	return (struct settings_agent){.name = "tester",
				       .path = "/bin/true",
				       .memory_mb = 64,
				       .files_max = 64,
				       .tasks_max = 16,
				       .disk_mb = 4,
				       .jail = jail,
				       .n_reads = 1,
				       .reads = {"/etc/passwd"}};
}

static int setup(void **state)
{
	memset(faults, 0, sizeof(*faults));
	faults->abi = -1;
	return 0;
}

/* ---- tests ---- */

static void test_whole(void **state)
{
	struct settings_agent agent = an_agent(SETTINGS_JAIL_WHOLE);
	struct life life;
	live(&agent, UID, &life);
	if (!life.ran)
		fail_msg("%s", life.text);
	assert_int_equal(life.status, 0);
	assert_int_equal(life.missing, 0);
	no_child_is_left();
}

static void nth(enum settings_jail jail)
{
	struct settings_agent agent = an_agent(jail);
	struct life life;
	unsigned fds = fd_count(), mounts = count_lines("/proc/self/mountinfo"), failed = 0, n = 0;
	do {
		faults->calls = 0;
		faults->failing = ++n;
		faults->last[0] = '\0';
		live(&agent, UID, &life);
		faults->failing = 0;
		no_child_is_left();
		assert_int_equal(fd_count(), fds);
		assert_int_equal(count_lines("/proc/self/mountinfo"), mounts);
		if (!life.ran && strlen(life.text) < 10)
			fail_msg("call %u, %s: no step is named: \"%s\"", n, faults->last, life.text);
		failed += !life.ran;
	} while (faults->calls >= n && n < 2000);
	assert_true(n < 2000 && life.ran);
	/* in a whole jail nearly every call is needed */
	assert_true(failed > (jail == SETTINGS_JAIL_WHOLE ? 80u : 20u));
}

static void test_nth_whole(void **state)
{
	nth(SETTINGS_JAIL_WHOLE);
}

static void test_nth_partial(void **state)
{
	nth(SETTINGS_JAIL_PARTIAL);
}

/* A whole jail is not made, and says why; a partial one runs, and says what is missing. */
static void lacks(enum jail_part part, const char *words, enum settings_network network)
{
	struct settings_agent agent = an_agent(SETTINGS_JAIL_WHOLE);
	struct life life;
	agent.network = network;
	agent.n_endpoints = network == SETTINGS_NETWORK_ENDPOINTS;
	agent.endpoints[0].port = 443;
	live(&agent, UID, &life);
	assert_false(life.ran);
	if (!strstr(life.text, words))
		fail_msg("expected \"%s\", found \"%s\"", words, life.text);
	agent.jail = SETTINGS_JAIL_PARTIAL;
	live(&agent, UID, &life);
	if (!life.ran || life.status != 0)
		fail_msg("partial: status %d: %s", life.status, life.text);
	assert_true(life.missing & part);
	assert_non_null(strstr(life.text, words));
	no_child_is_left();
}

static void test_no_landlock(void **state)
{
	faults->abi = 0;
	lacks(JAIL_LANDLOCK, "Landlock: this kernel does not have it", SETTINGS_NETWORK_NONE);
}

static void test_landlock_without_tcp(void **state)
{
	faults->abi = MIN(3, __real_landlock_abi());
	lacks(JAIL_PORTS, "limiting it to ports takes Landlock ABI 4", SETTINGS_NETWORK_ENDPOINTS);
}

static void test_no_mounts(void **state)
{
	faults->always = "open_tree";
	lacks(JAIL_ROOT, "binding /", SETTINGS_NETWORK_NONE);
}

static void test_no_process_space(void **state)
{
	faults->always = "unshare";
	lacks(JAIL_PROCESSES, "making a process name space", SETTINGS_NETWORK_NONE);
}

static void write_text(const char *path, const char *text)
{
	int fd = __real_open64(path, O_WRONLY | O_CLOEXEC, 0);
	if (fd < 0 || __real_write(fd, text, strlen(text)) < 0)
		_exit(99);
	close(fd);
}

/* In a user name space where no more can be made: the machine's own limit stays as it is. */
static void in_a_space_without(void (*test)(void))
{
	int go[2], made[2];
	char byte, path[64];
	assert_int_equal(__real_pipe2(go, O_CLOEXEC), 0);
	assert_int_equal(__real_pipe2(made, O_CLOEXEC), 0);
	pid_t pid = fork();
	if (pid == 0) {
		if (__real_unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
			_exit(98);
		__real_write(made[1], "m", 1);
		if (read(go[0], &byte, 1) != 1 || __real_setresuid(0, 0, 0) < 0)
			_exit(97);
		write_text("/proc/sys/user/max_user_namespaces", "0");
		test();
		_exit(0);
	}
	assert_int_equal(read(made[0], &byte, 1), 1);
	snprintf(path, sizeof(path), "/proc/%d/uid_map", pid);
	write_text(path, "0 0 65536");
	snprintf(path, sizeof(path), "/proc/%d/gid_map", pid);
	write_text(path, "0 0 65536");
	assert_int_equal(__real_write(go[1], "g", 1), 1);
	assert_int_equal(wait_for(pid), 0);
	for (unsigned i = 0; i < 2; i++) {
		close(go[i]);
		close(made[i]);
	}
}

static void no_user_spaces(void)
{
	lacks(JAIL_NAMESPACES, "making its name spaces", SETTINGS_NETWORK_NONE);
}

static void test_no_user_spaces(void **state)
{
	in_a_space_without(no_user_spaces);
}

/* Each says which file, and what was expected. */
static void test_wrong_programs(void **state)
{
	static const struct {
		const char *path, *read, *words;
	} rows[] = {
		{"/does/not/exist", "/etc/passwd", "/does/not/exist: the agent's user must be able to read it"},
		{"/etc/passwd", "/etc/group", "neither an ELF file nor a script"},
		{"/etc", "/etc/passwd", "expected a file with something in it"},
		{"/bin/true", "/does/not/exist", "binding /does/not/exist"},
		{"/bin/true", "/proc/1", "reads: /proc/1: expected a file or folder outside of /proc"},
		{"/bin/true", "/", "and not /"},
		{"/bin/true", "/dev/null", "outside of /proc, /dev"},
		{"/bin/true", "/state/x", "reads: /state/x"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct settings_agent agent = an_agent(SETTINGS_JAIL_WHOLE);
		struct life life;
		snprintf(agent.path, sizeof(agent.path), "%s", rows[i].path);
		snprintf(agent.reads[0], sizeof(agent.reads[0]), "%s", rows[i].read);
		live(&agent, UID, &life);
		assert_false(life.ran);
		if (!strstr(life.text, rows[i].words))
			fail_msg("expected \"%s\", found \"%s\"", rows[i].words, life.text);
	}
	no_child_is_left();
}

static void test_describe(void **state)
{
	char text[160];
	assert_string_equal(jail_describe(0, text, sizeof(text)), "whole");
	assert_string_equal(jail_describe(JAIL_ROOT | JAIL_LANDLOCK, text, sizeof(text)),
			    "partial, without a root of its own, Landlock");
}

int main(void)
{
	if (geteuid() != 0) {
		fprintf(stderr, "jail_test: expected root, found user %u: run it as root\n", geteuid());
		return 1;
	}
	faults = mmap(NULL, sizeof(*faults), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	log_init("jail_test", LOG_LEVEL_ERROR);
	signal(SIGPIPE, SIG_IGN);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_whole, setup),
		cmocka_unit_test_setup(test_no_landlock, setup),
		cmocka_unit_test_setup(test_landlock_without_tcp, setup),
		cmocka_unit_test_setup(test_no_mounts, setup),
		cmocka_unit_test_setup(test_no_process_space, setup),
		cmocka_unit_test_setup(test_no_user_spaces, setup),
		cmocka_unit_test_setup(test_wrong_programs, setup),
		cmocka_unit_test_setup(test_nth_whole, setup),
		cmocka_unit_test_setup(test_nth_partial, setup),
		cmocka_unit_test_setup(test_describe, setup),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vm_fanotify: what the platform takes for granted of fanotify permission events and of leases, one check a name.
 *
 *     vm_fanotify CHECK      in an empty folder; exit 0, or `why: …` and exit 1
 *
 * This process is the listener and answers; children make the accesses. The mark is on the file system of the
 * current folder, so the listener opens nothing there while it is set.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define MASK (FAN_OPEN_PERM | FAN_OPEN_EXEC_PERM)
#define SOON_MS 300 /* long enough to see that something does not happen, or is still waiting */
#define LATE_MS 5000

static int group = -1;

static void __attribute__((noreturn, format(printf, 1, 2))) fail(const char *text, ...)
{
	va_list args;
	va_start(args, text);
	printf("why: ");
	vprintf(text, args);
	printf("\n");
	va_end(args);
	exit(1);
}

static void check(bool ok, const char *what)
{
	if (!ok)
		fail("%s: %s", what, strerror(errno));
}

static void listen_here(void)
{
	group = fanotify_init(FAN_CLASS_CONTENT | FAN_CLOEXEC | FAN_UNLIMITED_QUEUE | FAN_NONBLOCK,
			      O_RDONLY | O_LARGEFILE | O_CLOEXEC);
	check(group >= 0, "fanotify_init");
	check(fanotify_mark(group, FAN_MARK_ADD | FAN_MARK_FILESYSTEM, MASK, AT_FDCWD, ".") == 0, "fanotify_mark");
}

/* The next question, or -1 when none comes in time. */
static int question(int wait_ms, uint64_t *ret_mask)
{
	struct fanotify_event_metadata event;
	struct pollfd fd = {.fd = group, .events = POLLIN};
	if (poll(&fd, 1, wait_ms) <= 0)
		return -1;
	check(read(group, &event, sizeof(event)) == (ssize_t)sizeof(event), "read of one event");
	if (ret_mask)
		*ret_mask = event.mask;
	return event.fd;
}

static int must_ask(const char *what)
{
	int fd = question(LATE_MS, NULL);
	if (fd < 0)
		fail("%s: expected a question, none came", what);
	return fd;
}

static void answer(int fd, uint32_t verdict)
{
	struct fanotify_response response = {.fd = fd, .response = verdict};
	check(write(group, &response, sizeof(response)) == (ssize_t)sizeof(response), "write of the answer");
}

/* A child without our descriptors: one more copy of the group, or of a writer's descriptor, would spoil the check. */
static pid_t child_start(void)
{
	pid_t pid = fork();
	check(pid >= 0, "fork");
	if (pid == 0)
		close_range(3, ~0u, 0);
	return pid;
}

static pid_t child_open(const char *path, int flags)
{
	pid_t pid = child_start();
	if (pid == 0)
		_exit(open(path, flags) < 0 ? errno : 0);
	return pid;
}

static pid_t child_truncate(const char *path)
{
	pid_t pid = child_start();
	if (pid == 0)
		_exit(truncate(path, 1) < 0 ? errno : 0);
	return pid;
}

/* The exit status of a child, or -1 when it has not ended in time. */
static int child_result(pid_t pid, int wait_ms)
{
	int status;
	for (; wait_ms > 0; wait_ms -= 10) {
		if (waitpid(pid, &status, WNOHANG) == pid)
			return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
		usleep(10000);
	}
	return -1;
}

static void must_end(pid_t pid, int expected, const char *what)
{
	int result = child_result(pid, LATE_MS);
	if (result != expected)
		fail("%s: expected result %d, found %d (-1: it still waits)", what, expected, result);
}

static void must_wait(pid_t pid, const char *what)
{
	if (child_result(pid, SOON_MS) != -1)
		fail("%s: expected it to wait, it went on", what);
}

static void file_make(const char *path, mode_t mode)
{
	int fd = open(path, O_CREAT | O_WRONLY | O_TRUNC, mode);
	check(fd >= 0 && write(fd, "content", 7) == 7 && close(fd) == 0, path);
}

/* ---- fanotify ---- */

static void check_answer(void)
{
	listen_here();
	pid_t pid = child_open("file", O_RDONLY);
	int fd = must_ask("open");
	must_wait(pid, "an unanswered open");
	answer(fd, FAN_DENY);
	must_end(pid, EPERM, "a denied open");
}

static void check_close_lets_go(void)
{
	listen_here();
	pid_t pid = child_open("file", O_RDONLY);
	must_ask("open");
	close(group);
	must_end(pid, 0, "an open pending when the last descriptor of the group closes");
}

static void check_duplicate_holds(void)
{
	listen_here();
	pid_t pid = child_open("file", O_RDONLY);
	int fd = must_ask("open");
	int copy = dup(group);
	close(group);
	must_wait(pid, "an open pending while a duplicate of the group lives");
	group = copy;
	answer(fd, FAN_ALLOW);
	must_end(pid, 0, "an open answered through the duplicate");
}

static void check_other_process_answers(void)
{
	int numbers[2];
	listen_here();
	check(pipe(numbers) == 0, "pipe");
	pid_t reader = fork();
	if (reader == 0) {
		int fd = question(LATE_MS, NULL);
		if (write(numbers[1], &fd, sizeof(fd)) < 0)
			_exit(1);
		pause();
	}
	pid_t pid = child_open("file", O_RDONLY);
	int number = -1;
	check(read(numbers[0], &number, sizeof(number)) == (ssize_t)sizeof(number) && number >= 0,
	      "number of the event");
	kill(reader, SIGKILL);
	must_end(reader, 1000 + SIGKILL, "the reader");
	must_wait(pid, "an open whose reader was killed while this process keeps the group");
	answer(number, FAN_ALLOW);
	must_end(pid, 0, "an open answered by number by another process");
}

static void check_killable(void)
{
	listen_here();
	pid_t pid = child_open("file", O_RDONLY);
	must_ask("open");
	kill(pid, SIGKILL);
	must_end(pid, 1000 + SIGKILL, "a killed process that waits for an answer");
}

static void check_exec_asks_twice(void)
{
	uint64_t mask[2];
	listen_here();
	pid_t pid = child_start();
	if (pid == 0) {
		execl("program", "program", NULL);
		_exit(errno);
	}
	for (int i = 0; i < 2; i++) {
		int fd = question(LATE_MS, &mask[i]);
		if (fd < 0)
			fail("an exec: expected two questions, found %d", i);
		answer(fd, FAN_ALLOW);
	}
	if ((mask[0] | mask[1]) != MASK || mask[0] == mask[1])
		fail("an exec: expected one question to execute and one to open, found masks %#llx %#llx",
		     (unsigned long long)mask[0], (unsigned long long)mask[1]);
	must_end(pid, 0, "the executed program");
}

static void ignore_mark(int fd)
{
	check(fanotify_mark(group, FAN_MARK_ADD | FAN_MARK_IGNORED_MASK, MASK, fd, NULL) == 0,
	      "ignore mark by descriptor");
}

static void open_allowed(const char *what)
{
	pid_t pid = child_open("file", O_RDONLY);
	int fd = must_ask(what);
	answer(fd, FAN_ALLOW);
	close(fd);
	must_end(pid, 0, what);
}

/* One question, answered by an allow that the inode remembers. */
static void open_cached(void)
{
	pid_t pid = child_open("file", O_RDONLY);
	int fd = must_ask("first open");
	ignore_mark(fd);
	answer(fd, FAN_ALLOW);
	must_end(pid, 0, "first open");
	close(fd);
	must_end(child_open("file", O_RDONLY), 0, "an open of a file with an ignore mark");
	if (question(SOON_MS, NULL) >= 0)
		fail("an open of a file with an ignore mark was asked about");
}

static void check_ignore_mark(void)
{
	listen_here();
	open_cached();
	pid_t pid = child_start();
	if (pid == 0) {
		int fd = open("file", O_WRONLY);
		_exit(fd >= 0 && write(fd, "c", 1) == 1 ? 0 : errno);
	}
	must_end(pid, 0, "a write to a file with an ignore mark");
	open_allowed("an open after a write cleared the ignore mark");
}

static void check_flush_inode_marks(void)
{
	listen_here();
	open_cached();
	check(fanotify_mark(group, FAN_MARK_FLUSH, 0, AT_FDCWD, NULL) == 0, "flush of inode marks");
	open_allowed("an open after the flush (the file system's mark must have stayed)");
}

/* ---- leases on the event's descriptor ---- */

static int lease_result(int fd)
{
	return fcntl(fd, F_SETLEASE, F_RDLCK) < 0 ? errno : 0;
}

static void lease_must_be(int fd, int expected, const char *what)
{
	int result = lease_result(fd);
	if (result != expected)
		fail("%s: expected the lease to give %d, found %d", what, expected, result);
}

static void check_lease_reader(void)
{
	listen_here();
	pid_t pid = child_open("file", O_RDONLY);
	int fd = must_ask("open");
	lease_must_be(fd, 0, "a file that nobody writes");
	answer(fd, FAN_ALLOW);
	must_end(pid, 0, "open");
	must_end(child_open("elsewhere", O_RDONLY), ENOENT, "another open");
}

static void check_lease_asking_writer(void)
{
	listen_here();
	pid_t pid = child_open("file", O_RDWR);
	int fd = must_ask("open");
	lease_must_be(fd, EAGAIN, "a file that the asking process opens for writing");
	answer(fd, FAN_ALLOW);
	must_end(pid, 0, "open");
}

static void check_lease_other_writer(void)
{
	int writer = open("file", O_WRONLY);
	check(writer >= 0, "open for writing");
	listen_here();
	pid_t pid = child_open("file", O_RDONLY);
	int fd = must_ask("open");
	lease_must_be(fd, EAGAIN, "a file that another process has open for writing");
	close(writer);
	lease_must_be(fd, 0, "the same file after the writer closed it");
	answer(fd, FAN_ALLOW);
	must_end(pid, 0, "open");
}

static void check_lease_mapped_writer(void)
{
	int writer = open("file", O_RDWR);
	check(writer >= 0, "open for writing");
	void *map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, writer, 0);
	check(map != MAP_FAILED && madvise(map, 4096, MADV_DONTFORK) == 0, "mmap");
	close(writer);
	listen_here();
	pid_t pid = child_open("file", O_RDONLY);
	int fd = must_ask("open");
	lease_must_be(fd, EAGAIN, "a file that is mapped shared and writable");
	munmap(map, 4096);
	lease_must_be(fd, 0, "the same file after it was unmapped");
	answer(fd, FAN_ALLOW);
	must_end(pid, 0, "open");
}

/* Leases the file; returns its descriptor and a signalfd that tells of a break. */
static int leased_file(int *ret_signal_fd)
{
	sigset_t signals;
	sigemptyset(&signals);
	sigaddset(&signals, SIGRTMIN);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	*ret_signal_fd = signalfd(-1, &signals, SFD_CLOEXEC);
	listen_here();
	pid_t pid = child_open("file", O_RDONLY);
	int fd = must_ask("open");
	check(fcntl(fd, F_SETSIG, SIGRTMIN) == 0, "F_SETSIG");
	lease_must_be(fd, 0, "a file that nobody writes");
	answer(fd, FAN_ALLOW);
	must_end(pid, 0, "open");
	return fd;
}

static void lease_breaks(pid_t pid, int fd, int signal_fd, const char *what)
{
	struct pollfd poll_fd = {.fd = signal_fd, .events = POLLIN};
	struct signalfd_siginfo info;
	if (poll(&poll_fd, 1, LATE_MS) != 1)
		fail("%s: expected the signal of a lease break, none came", what);
	check(read(signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info), "read of the signal");
	if (info.ssi_fd != fd)
		fail("%s: expected the signal to name descriptor %d, found %d", what, fd, info.ssi_fd);
	must_wait(pid, what);
	check(fcntl(fd, F_SETLEASE, F_UNLCK) == 0, "release of the lease");
	must_end(pid, 0, what);
}

static void check_lease_writer_waits(void)
{
	int signal_fd;
	int fd = leased_file(&signal_fd);
	pid_t pid = child_open("file", O_WRONLY);
	answer(must_ask("open for writing"), FAN_ALLOW);
	lease_breaks(pid, fd, signal_fd, "an open for writing of a leased file");
}

static void check_lease_truncate_waits(void)
{
	int signal_fd;
	int fd = leased_file(&signal_fd);
	lease_breaks(child_truncate("file"), fd, signal_fd, "truncate(2) of a leased file");
}

/* Becomes nobody with these capabilities alone. */
static void become_nobody(uint32_t capabilities)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {{.effective = capabilities, .permitted = capabilities}, {0}};
	check(prctl(PR_SET_KEEPCAPS, 1) == 0 && setgid(65534) == 0 && setuid(65534) == 0, "setuid");
	check(syscall(SYS_capset, &head, data) == 0, "capset");
}

static void check_lease_capability(void)
{
	listen_here();
	pid_t pid = child_open("file", O_RDONLY);
	int fd = must_ask("open");
	become_nobody(1u << CAP_LEASE);
	lease_must_be(fd, 0, "with CAP_LEASE alone, a file of another user");
	ignore_mark(fd);
	answer(fd, FAN_ALLOW);
	must_end(pid, 0, "open");
}

static void check_lease_no_capability(void)
{
	listen_here();
	pid_t pid = child_open("file", O_RDONLY);
	int fd = must_ask("open");
	become_nobody(0);
	lease_must_be(fd, EACCES, "without CAP_LEASE, a file of another user");
	answer(fd, FAN_ALLOW);
	must_end(pid, 0, "open");
}

static void check_private_file_no_mark(void)
{
	check(chmod("file", 0600) == 0, "chmod");
	listen_here();
	pid_t pid = child_open("file", O_RDONLY);
	int fd = must_ask("open");
	become_nobody(1u << CAP_LEASE);
	if (fanotify_mark(group, FAN_MARK_ADD | FAN_MARK_IGNORED_MASK, MASK, fd, NULL) == 0 || errno != EACCES)
		fail("an ignore mark on a file that the listener may not read: expected EACCES, found %s",
		     strerror(errno));
	answer(fd, FAN_ALLOW);
	must_end(pid, 0, "open");
}

static const struct {
	const char *name;
	void (*run)(void);
} checks[] = {
	{"answer", check_answer},
	{"close-lets-go", check_close_lets_go},
	{"duplicate-holds", check_duplicate_holds},
	{"other-process-answers", check_other_process_answers},
	{"killable", check_killable},
	{"exec-asks-twice", check_exec_asks_twice},
	{"ignore-mark", check_ignore_mark},
	{"flush-inode-marks", check_flush_inode_marks},
	{"lease-reader", check_lease_reader},
	{"lease-asking-writer", check_lease_asking_writer},
	{"lease-other-writer", check_lease_other_writer},
	{"lease-mapped-writer", check_lease_mapped_writer},
	{"lease-writer-waits", check_lease_writer_waits},
	{"lease-truncate-waits", check_lease_truncate_waits},
	{"lease-capability", check_lease_capability},
	{"lease-no-capability", check_lease_no_capability},
	{"private-file-no-mark", check_private_file_no_mark},
};

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IONBF, 0);
	for (size_t i = 0; argc == 2 && i < sizeof(checks) / sizeof(checks[0]); i++) {
		if (strcmp(argv[1], checks[i].name) != 0)
			continue;
		file_make("file", 0644);
		checks[i].run();
		return 0;
	}
	fprintf(stderr, "why: expected one of the checks of vm_fanotify.c, found %s\n", argc == 2 ? argv[1] : "none");
	return 2;
}

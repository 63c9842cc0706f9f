/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vm_init: process 1 of the test guest. Runs each case of the plan, reports one line a case, switches off.
 *
 *     /vm/plan (name, seconds) ─▶ fork, exec case ─▶ its output in a pipe ─▶ `ok NAME ms` | `not ok NAME why`
 *
 * It must go on while every open on the machine blocks: it is static, opens nothing while a case runs, and ends
 * each case by killing every other process. That closes the last descriptor of any fanotify group, so the kernel
 * lets go what was pending. A process that survives this is a lock-up: it is named, and the guest is switched off
 * (the driver boots again for the cases that are left).
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CASES_MAX 512
#define OUTPUT_SIZE 16384
#define KILL_WAIT_MS 10000
#define CASE_DIR "/case"

struct vm_case {
	char name[128];
	unsigned int limit_s;
};

struct outcome {
	bool timed_out;
	int wait_status;
	size_t output_size;
	char output[OUTPUT_SIZE + 1]; /* the end of it */
};

static struct vm_case cases[CASES_MAX];
static struct outcome outcome;
static int console_fd = -1;
static int child_signal_fd = -1;

static void __attribute__((format(printf, 1, 2))) say(const char *text, ...)
{
	char line[1024];
	va_list args;
	va_start(args, text);
	int size = vsnprintf(line, sizeof(line) - 1, text, args);
	va_end(args);
	if (size > (int)sizeof(line) - 2)
		size = sizeof(line) - 2;
	line[size++] = '\n';
	if (write(console_fd, line, (size_t)size) < 0)
		_exit(1); /* process 1 without its console has nobody to tell */
}

static uint64_t now_ms(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static const struct {
	const char *source, *target, *type, *options;
} mounts[] = {
	{"proc", "/proc", "proc", NULL},        {"sysfs", "/sys", "sysfs", NULL},
	{"devtmpfs", "/dev", "devtmpfs", NULL}, {"devpts", "/dev/pts", "devpts", NULL},
	{"tmpfs", "/dev/shm", "tmpfs", NULL},   {"tmpfs", "/run", "tmpfs", "mode=755"},
	{"tmpfs", "/tmp", "tmpfs", NULL},       {"cgroup2", "/sys/fs/cgroup", "cgroup2", NULL},
	{"bpf", "/sys/fs/bpf", "bpf", NULL},    {"tracefs", "/sys/kernel/tracing", "tracefs", NULL},
};
#define N_MOUNTS (sizeof(mounts) / sizeof(mounts[0]))

static void mount_all(void)
{
	for (size_t i = 0; i < N_MOUNTS; i++) {
		mkdir(mounts[i].target, 0755);
		if (mount(mounts[i].source, mounts[i].target, mounts[i].type, 0, mounts[i].options) < 0 &&
		    errno != EBUSY)
			say("# mount %s: %s", mounts[i].target, strerror(errno));
	}
}

static size_t plan_read(void)
{
	FILE *plan = fopen("/vm/plan", "re");
	size_t n = 0;
	if (!plan) {
		say("# /vm/plan: %s; expected lines `NAME SECONDS`", strerror(errno));
		return 0;
	}
	while (n < CASES_MAX && fscanf(plan, "%127s %u", cases[n].name, &cases[n].limit_s) == 2)
		n++;
	fclose(plan);
	return n;
}

static void case_exec(const struct vm_case *run, int output_fd)
{
	static const char *const environment[] = {
		"PATH=/usr/local/bin:/usr/local/sbin:/usr/bin:/usr/sbin:/bin:/sbin:/vm/helpers", "HOME=/root",
		"LC_ALL=C", NULL};
	char path[256];
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setsid();
	dup2(output_fd, STDOUT_FILENO);
	dup2(output_fd, STDERR_FILENO);
	snprintf(path, sizeof(path), "/vm/cases/%.127s.sh", run->name);
	if (chdir(CASE_DIR) == 0)
		execle("/bin/sh", "sh", path, NULL, environment);
	dprintf(STDERR_FILENO, "why: cannot start %s: %s\n", path, strerror(errno));
	_exit(127);
}

/* Keeps the end of the output. */
static void output_drain(int fd)
{
	for (;;) {
		if (outcome.output_size == OUTPUT_SIZE) {
			memmove(outcome.output, outcome.output + OUTPUT_SIZE / 2, OUTPUT_SIZE / 2);
			outcome.output_size = OUTPUT_SIZE / 2;
		}
		ssize_t got = read(fd, outcome.output + outcome.output_size, OUTPUT_SIZE - outcome.output_size);
		if (got <= 0)
			return;
		outcome.output_size += (size_t)got;
	}
}

/* Reaps whatever has ended. True when `pid` was among it. */
static bool reap(pid_t pid, int *ret_status)
{
	bool found = false;
	int status;
	for (pid_t ended; (ended = waitpid(-1, &status, WNOHANG)) > 0;) {
		if (ended != pid)
			continue;
		*ret_status = status;
		found = true;
	}
	return found;
}

static void case_wait(pid_t pid, int output_fd, uint64_t end_ms)
{
	struct pollfd fds[] = {{.fd = child_signal_fd, .events = POLLIN}, {.fd = output_fd, .events = POLLIN}};
	struct signalfd_siginfo info;
	for (;;) {
		uint64_t now = now_ms();
		if (now >= end_ms) {
			outcome.timed_out = true;
			return;
		}
		poll(fds, 2, (int)(end_ms - now));
		output_drain(output_fd);
		if (fds[1].revents & POLLHUP)
			fds[1].fd = -1;
		while (read(child_signal_fd, &info, sizeof(info)) > 0)
			;
		if (reap(pid, &outcome.wait_status)) {
			output_drain(output_fd);
			return;
		}
	}
}

static void file_line(const char *pid, const char *file, char *ret, size_t size)
{
	char path[300];
	snprintf(path, sizeof(path), "/proc/%s/%s", pid, file);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? 0 : read(fd, ret, size - 1);
	if (fd >= 0)
		close(fd);
	ret[got > 0 ? got : 0] = '\0';
	for (char *c = ret; *c; c++)
		if (*c == '\n' || *c == '\0')
			*c = ' ';
}

/* One line for each user process: name, state, where it waits. In a child, because /proc may block as well. */
static void processes_dump(void)
{
	pid_t pid = fork();
	if (pid == 0) {
		DIR *proc = opendir("/proc");
		char comm[64], stat[256], wait[128], stack[512];
		for (struct dirent *entry; proc && (entry = readdir(proc));) {
			if (atoi(entry->d_name) <= 1)
				continue;
			file_line(entry->d_name, "stat", stat, sizeof(stat));
			const char *state = strrchr(stat, ')');
			file_line(entry->d_name, "comm", comm, sizeof(comm));
			file_line(entry->d_name, "wchan", wait, sizeof(wait));
			file_line(entry->d_name, "stack", stack, sizeof(stack));
			if (state && strncmp(state + 4, "2 0 0 ", 6) &&
			    strncmp(state + 4, "0 0 0 ", 6)) /* no kernel threads */
				say("# pid %s %s state %c in %s: %s", entry->d_name, comm, state[2], wait, stack);
		}
		_exit(0);
	}
	uint64_t end = now_ms() + 2000;
	int status;
	while (pid > 0 && waitpid(pid, &status, WNOHANG) == 0 && now_ms() < end)
		usleep(10000);
	if (pid > 0)
		kill(pid, SIGKILL);
}

/* Ends every process but this one. False when some do not end. */
static bool kill_all(void)
{
	uint64_t end = now_ms() + KILL_WAIT_MS;
	while (now_ms() < end) {
		int status;
		kill(-1, SIGKILL);
		pid_t ended = waitpid(-1, &status, WNOHANG);
		if (ended < 0 && errno == ECHILD)
			return true;
		if (ended == 0)
			usleep(2000);
	}
	return false;
}

static bool mount_is_ours(const char *target)
{
	if (!strcmp(target, "/"))
		return true;
	for (size_t i = 0; i < N_MOUNTS; i++)
		if (!strcmp(target, mounts[i].target))
			return true;
	return false;
}

/* Takes away what a case mounted, newest first. */
static void mounts_clean(void)
{
	char targets[64][256];
	size_t n = 0;
	FILE *file = fopen("/proc/self/mounts", "re");
	if (!file)
		return;
	while (n < 64 && fscanf(file, "%*s %255s %*[^\n]", targets[n]) == 1)
		n++;
	fclose(file);
	while (n-- > 0)
		if (!mount_is_ours(targets[n]))
			umount2(targets[n], MNT_DETACH);
}

static void run_and_wait(const char *command)
{
	pid_t pid = fork();
	if (pid == 0) {
		sigset_t none;
		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		execl("/bin/sh", "sh", "-c", command, NULL);
		_exit(127);
	}
	int status;
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
}

static void output_show(void)
{
	outcome.output[outcome.output_size] = '\0';
	for (char *line = outcome.output, *next; line && *line; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		say("# %s", line);
	}
}

/* The text behind the last `why: ` of the output, or the exit status in words. */
static void why_text(const struct vm_case *run, char *ret, size_t size)
{
	const char *why = NULL;
	outcome.output[outcome.output_size] = '\0';
	for (const char *next = outcome.output; (next = strstr(next, "why: ")); next += 5)
		why = next + 5;
	if (outcome.timed_out)
		snprintf(ret, size, "no result within %u s", run->limit_s);
	else if (why)
		snprintf(ret, size, "%.*s", (int)strcspn(why, "\n"), why);
	else if (WIFSIGNALED(outcome.wait_status))
		snprintf(ret, size, "ended by signal %d", WTERMSIG(outcome.wait_status));
	else
		snprintf(ret, size, "exit status %d", WEXITSTATUS(outcome.wait_status));
}

/* False when the guest cannot go on. */
static bool case_run(const struct vm_case *run)
{
	int pipe_fds[2];
	char why[400];
	memset(&outcome, 0, sizeof(outcome));
	run_and_wait("rm -rf " CASE_DIR " /tmp/* /run/*; mkdir -p " CASE_DIR);
	if (pipe2(pipe_fds, O_CLOEXEC | O_NONBLOCK) < 0) {
		say("not ok %s pipe: %s", run->name, strerror(errno));
		return false;
	}
	say("@run %s", run->name);
	uint64_t start = now_ms();
	pid_t pid = fork();
	if (pid == 0)
		case_exec(run, pipe_fds[1]);
	close(pipe_fds[1]);
	case_wait(pid, pipe_fds[0], start + (uint64_t)run->limit_s * 1000);
	uint64_t end = now_ms();
	bool ok = !outcome.timed_out && WIFEXITED(outcome.wait_status) && WEXITSTATUS(outcome.wait_status) == 0;
	if (outcome.timed_out)
		processes_dump();
	bool clean = kill_all();
	close(pipe_fds[0]);
	if (!clean)
		processes_dump();
	why_text(run, why, sizeof(why));
	output_show();
	if (!clean)
		say("not ok %s processes that cannot be ended are left behind%s%s", run->name, ok ? "" : "; ",
		    ok ? "" : why);
	else if (ok)
		say("ok %s %llu", run->name, (unsigned long long)(end - start));
	else
		say("not ok %s %s", run->name, why);
	mounts_clean();
	return clean;
}

static void shell(void)
{
	pid_t pid = fork();
	if (pid == 0) {
		sigset_t none;
		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		mkdir(CASE_DIR, 0755);
		if (chdir(CASE_DIR) < 0)
			say("# " CASE_DIR ": %s", strerror(errno));
		execle("/bin/sh", "sh", "-c", "exec setsid -c sh -i </dev/ttyS0 >/dev/ttyS0 2>&1", NULL,
		       (const char *const[]){
			       "PATH=/usr/local/bin:/usr/local/sbin:/usr/bin:/usr/sbin:/bin:/sbin:/vm/helpers",
			       "HOME=/root", "TERM=linux", NULL});
		_exit(127);
	}
	int status;
	while (waitpid(-1, &status, 0) != pid)
		;
}

int main(void)
{
	sigset_t child;
	console_fd = open("/dev/console", O_WRONLY | O_CLOEXEC | O_NOCTTY);
	if (console_fd < 0)
		console_fd = STDOUT_FILENO;
	mount_all();
	mlockall(MCL_CURRENT | MCL_FUTURE);
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child, NULL);
	child_signal_fd = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
	run_and_wait("hostname guest; ip link set lo up");

	if (access("/vm/shell", F_OK) == 0)
		shell();
	size_t n = plan_read();
	say("@ready %zu", n);
	for (size_t i = 0; i < n; i++)
		if (!case_run(&cases[i]))
			break;
	say("@done");
	sync();
	reboot(RB_AUTOBOOT); /* the driver starts QEMU so that this ends it */
	return 1;
}

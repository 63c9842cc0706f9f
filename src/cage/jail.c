/* SPDX-License-Identifier: Apache-2.0 */
/* jail: the cage's side: begins a jail, hears what became of it, ends it. What runs in the child is jail_build.c. */
#include "cage/jail.h"

#include "base/fd.h"
#include "cage/jail_build.h"
#include "cage/proc_stat.h"
#include "cage/root.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int write_file(pid_t pid, const char *name, const char *text)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	_cleanup_(fd_closep) int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ssize_t size = (ssize_t)strlen(text), n = write(fd, text, (size_t)size);
	return n == size ? 0 : n < 0 ? -errno : -EIO;
}

/* User 0 there is the agent's here, and there is nobody else. */
static int write_maps(pid_t pid, uint32_t uid)
{
	char map[32];
	snprintf(map, sizeof(map), "0 %u 1", uid);
	int r = write_file(pid, "setgroups", "deny");
	if (r >= 0)
		r = write_file(pid, "uid_map", map);
	return r >= 0 ? write_file(pid, "gid_map", map) : r;
}

/*
 * It inherits that it may be looked at, or its files in /proc were root's and the maps could not be written. While
 * we may be, too, nothing runs that could: nobody else has our user.
 */
static pid_t clone_builder(unsigned long flags)
{
	int before = prctl(PR_GET_DUMPABLE, 0, 0, 0, 0);
	prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
	pid_t pid = (pid_t)syscall(SYS_clone, flags | SIGCHLD, 0, 0, 0, 0);
	int error = errno;
	if (pid != 0)
		prctl(PR_SET_DUMPABLE, before == 1, 0, 0, 0);
	errno = error;
	return pid;
}

static void end_builder(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

struct pipes {
	int report[2], go[2];
};

static void close_pipes(struct pipes *pipes)
{
	for (unsigned i = 0; i < 2; i++) {
		pipes->report[i] = fd_close(pipes->report[i]);
		pipes->go[i] = fd_close(pipes->go[i]);
	}
}

static int open_pipes(struct pipes *pipes)
{
	if (pipe2(pipes->report, O_CLOEXEC) < 0 || pipe2(pipes->go, O_CLOEXEC) < 0 ||
	    fcntl(pipes->report[0], F_SETFL, O_NONBLOCK) < 0)
		return -errno;
	return 0;
}

static unsigned long namespaces(const struct jail *jail)
{
	unsigned long flags = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS;
	return jail->agent->network == SETTINGS_NETWORK_NONE ? flags | CLONE_NEWNET : flags;
}

/* One try. missing: JAIL_NAMESPACES, or 0. */
static int begin(const struct jail *jail, uint32_t missing, struct jail_process *process)
{
	_cleanup_(close_pipes) struct pipes pipes = {{-1, -1}, {-1, -1}};
	int r = open_pipes(&pipes);
	if (r < 0) {
		snprintf(process->text, sizeof(process->text), "making a pipe: %s", strerror(-r));
		return r;
	}
	pid_t pid = clone_builder(missing ? 0 : namespaces(jail));
	if (pid == 0) {
		close(pipes.report[0]);
		close(pipes.go[1]);
		jail_build(&(struct jail_build_opts){.jail = jail,
						     .missing = missing,
						     .reason = process->text,
						     .report_fd = pipes.report[1],
						     .go_fd = pipes.go[0]});
	}
	const char *step = missing ? "making its process" : "making its name spaces (of users, mounts, ipc, network)";
	r = pid < 0 ? -errno : 0;
	if (r >= 0 && !missing) {
		step = "writing the map of its users";
		r = write_maps(pid, jail->uid);
	}
	if (r >= 0 && write(pipes.go[1], "g", 1) != 1)
		r = -errno;
	if (r < 0) {
		if (pid > 0)
			end_builder(pid);
		snprintf(process->text, sizeof(process->text), "%s: %s", step, strerror(-r));
		return r;
	}
	process->building = true;
	process->pid = pid;
	process->report_fd = STEAL_FD(pipes.report[0]);
	return 0;
}

int jail_start(const struct jail *jail, struct jail_process *ret)
{
	*ret = (struct jail_process){.report_fd = -1};
	int r = begin(jail, 0, ret);
	if (r < 0 && jail->agent->jail == SETTINGS_JAIL_PARTIAL)
		r = begin(jail, JAIL_NAMESPACES, ret);
	return r;
}

static bool read_report(struct jail_process *process, struct report *ret)
{
	ssize_t size = read(process->report_fd, ret, sizeof(*ret));
	ret->text[sizeof(ret->text) - 1] = '\0';
	return size == (ssize_t)sizeof(*ret);
}

enum jail_result jail_built(struct jail_process *process)
{
	struct report report;
	pid_t builder = process->pid;
	process->building = false;
	process->pid = 0;
	if (!read_report(process, &report)) {
		while (waitpid(-builder, NULL, 0) > 0)
			; /* they end at once: nobody told them to go */
		snprintf(process->text, sizeof(process->text), "what builds its jail ended without a report");
		return JAIL_FAILED;
	}
	memcpy(process->text, report.text, sizeof(process->text));
	process->init_pid = report.init_pid;
	process->missing = report.missing;
	process->pid = report.pid;
	if (report.kind != REPORT_STARTED || report.pid <= 0)
		return JAIL_FAILED;
	struct proc_stat stat;
	int r = proc_stat_read(report.pid, &stat);
	if (r >= 0)
		process->process_id = stat.start_ticks << PROC_STAT_PID_BITS | (uint64_t)report.pid;
	else
		snprintf(process->text, sizeof(process->text), "/proc/%d/stat: %s", report.pid, strerror(-r));
	return r < 0 ? JAIL_FAILED : JAIL_DONE;
}

bool jail_failed_late(struct jail_process *process)
{
	struct report report;
	if (!read_report(process, &report))
		return false;
	memcpy(process->text, report.text, sizeof(process->text));
	return true;
}

/* The group does not exist yet in the moment after the process was made: then the process itself. */
static void signal_group(pid_t pid, int number)
{
	if (pid > 0 && kill(-pid, number) < 0)
		kill(pid, number);
}

void jail_ask(const struct jail_process *process)
{
	signal_group(process->pid, SIGTERM);
}

void jail_kill(const struct jail_process *process)
{
	signal_group(process->pid, SIGKILL);
	if (process->init_pid > 0)
		kill(process->init_pid, SIGKILL);
}

/* Who may change users but has no CAP_KILL is, as each of them, just this user to kill(2). */
static int keep_only_setuid(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {{.effective = 1u << CAP_SETUID, .permitted = 1u << CAP_SETUID}};
	return syscall(SYS_capset, &header, data) < 0 ? -errno : 0;
}

/* kill(-1) reaches whatever this user may signal: as an agent's own user that is exactly what it started. */
void jail_sweep_range(uint32_t first, uint32_t n)
{
	pid_t pid = fork();
	if (pid == 0) {
		for (uint32_t uid = first; keep_only_setuid() == 0 && uid < first + n; uid++)
			if (setresuid(uid, uid, uid) == 0)
				kill(-1, SIGKILL);
		_exit(0);
	}
	if (pid > 0)
		waitpid(pid, NULL, 0);
}

void jail_sweep(uint32_t uid)
{
	jail_sweep_range(uid, 1);
}

int jail_open_state(const struct jail_process *process)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/%d/root" ROOT_STATE, process->pid);
	int fd = process->missing & (JAIL_NAMESPACES | JAIL_ROOT) ? -1 : open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -1 : fd;
}

const char *jail_describe(uint32_t missing, char *text, size_t size)
{
	static const struct {
		enum jail_part part;
		const char *name;
	} parts[] = {
		{JAIL_NAMESPACES, "name spaces"},         {JAIL_ROOT, "a root of its own"},
		{JAIL_PROCESSES, "a process name space"}, {JAIL_LANDLOCK, "Landlock"},
		{JAIL_PORTS, "a limit on ports"},
	};
	size_t used = 0;
	snprintf(text, size, "whole");
	for (size_t i = 0; i < ARRAY_SIZE(parts) && used < size; i++)
		if (missing & parts[i].part)
			used += (size_t)snprintf(text + used, size - used, "%s%s", used ? ", " : "partial, without ",
						 parts[i].name);
	return text;
}

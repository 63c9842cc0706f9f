/* SPDX-License-Identifier: Apache-2.0 */
#include "cage/jail.h"

#include "base/fd.h"
#include "base/log.h"
#include "cage/budget.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define OOM_SCORE "500" /* before ordinary programs: the machine comes first */

/* The rest is of use to the agent only, so a failure is no reason not to start it. */
static void set_surroundings(void)
{
	/* or its files in /proc are root's; it holds nothing that others may not see, and execve sets this anyway */
	prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	if (fd >= 0 && write(fd, OOM_SCORE, strlen(OOM_SCORE)) < 0)
		log_debug("oom_score_adj: %s", strerror(errno));
	fd_close(fd);
	umask(077);
	if (chdir("/") < 0)
		log_debug("chdir: %s", strerror(errno));
}

static int drop_capabilities(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[2] = {0};
	return syscall(SYS_capset, &header, none) < 0 ? -errno : 0;
}

/* The bounding set while CAP_SETPCAP is there, then the user, then what is left. */
static int become(uint32_t uid)
{
	for (int cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
		if (prctl(PR_CAPBSET_READ, cap, 0, 0, 0) == 1 && prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0)
			return -errno;
	if (setgroups(0, NULL) < 0 || setresgid(uid, uid, uid) < 0 || setresuid(uid, uid, uid) < 0)
		return -errno;
	int r = drop_capabilities();
	if (r >= 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		r = -errno;
	return r;
}

static void reset_signals(void)
{
	sigset_t none;
	for (int number = 1; number < NSIG; number++)
		signal(number, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static int place_fds(const struct jail *jail)
{
	int lifeline_fd = fcntl(jail->lifeline_fd, F_DUPFD, JAIL_LIFELINE_FD + 1);
	if (lifeline_fd < 0 || dup2(jail->null_fd, STDIN_FILENO) < 0 || dup2(STDERR_FILENO, STDOUT_FILENO) < 0 ||
	    dup2(lifeline_fd, JAIL_LIFELINE_FD) < 0)
		return -errno;
	return syscall(SYS_close_range, JAIL_LIFELINE_FD + 1, ~0U, 0) < 0 ? -errno : 0;
}

static _Noreturn void execute(const struct jail *jail)
{
	const struct settings_agent *agent = jail->agent;
	char lifeline[32], name[SESSION_NAME_SIZE + 16];
	char *environment[] = {(char[]){"PATH=/usr/bin:/bin"}, (char[]){"LANG=C.UTF-8"}, lifeline, name, NULL};
	const char *argv[SETTINGS_ARGS_MAX + 2] = {agent->path};
	for (uint32_t i = 0; i < agent->n_args; i++)
		argv[i + 1] = agent->args[i];
	snprintf(lifeline, sizeof(lifeline), SESSION_FD_ENV "=%d", JAIL_LIFELINE_FD);
	snprintf(name, sizeof(name), "RINGSIDE_AGENT=%s", agent->name);
	execve(agent->path, (char **)(uintptr_t)argv, environment);
	log_error("agent %s: %s: could not be executed: %s; correct program: in the configuration, or install it",
		  agent->name, agent->path, strerror(errno));
	_exit(127);
}

static _Noreturn void child(const struct jail *jail, pid_t cage)
{
	setsid();
	reset_signals();
	set_surroundings();
	int r = budget_apply(jail->budget, jail->agent);
	if (r >= 0)
		r = become(jail->uid);
	/* after the change of user, which clears it */
	if (r >= 0 && (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 || getppid() != cage))
		r = -ESRCH;
	if (r >= 0)
		r = place_fds(jail);
	if (r >= 0)
		execute(jail);
	log_error("agent %s: could not be put under user %u with its limits: %s", jail->agent->name, jail->uid,
		  strerror(-r));
	_exit(126);
}

/* From field 22 of /proc/PID/stat. Only the kernel's numbers behind the last ")" are looked at. */
static int read_process_id(pid_t pid, uint64_t *ret)
{
	char path[32], text[1024];
	unsigned long long start_ticks;
	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	ssize_t size = fd_read_file(AT_FDCWD, path, text, sizeof(text));
	if (size < 0)
		return (int)size;
	const char *at = strrchr(text, ')');
	if (!at || sscanf(at + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu",
			  &start_ticks) != 1)
		return -EPROTO;
	*ret = start_ticks << 22 | (uint64_t)pid;
	return 0;
}

int jail_start(const struct jail *jail, pid_t *ret_pid, uint64_t *ret_process_id)
{
	uint64_t process_id;
	pid_t cage = getpid(), pid = fork();
	if (pid == 0)
		child(jail, cage);
	int r = pid < 0 ? -errno : read_process_id(pid, &process_id);
	if (r < 0) {
		log_error("agent %s: could not be started: %s", jail->agent->name, strerror(-r));
		if (pid > 0) {
			kill(pid, SIGKILL);
			waitpid(pid, NULL, 0);
		}
		return r;
	}
	*ret_pid = pid;
	*ret_process_id = process_id;
	return 0;
}

/* The group does not exist yet in the moment after fork(2): then the process itself. */
static void signal_group(pid_t pid, int number)
{
	if (kill(-pid, number) < 0)
		kill(pid, number);
}

void jail_ask(pid_t pid)
{
	signal_group(pid, SIGTERM);
}

void jail_kill(pid_t pid)
{
	signal_group(pid, SIGKILL);
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

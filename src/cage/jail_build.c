/* SPDX-License-Identifier: Apache-2.0 */
#include "cage/jail_build.h"

#include "base/fd.h"
#include "base/log.h"
#include "cage/budget.h"
#include "cage/root.h"
#include "ipc/drop.h"
#include "ipc/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define OOM_SCORE "500" /* before ordinary programs: the machine comes first */
#define REPORT_FD (JAIL_LIFELINE_FD + 1) /* closed by execve */
#define HOST_NAME "agent"

/* In a child of the cage: what it works on. */
struct build {
	const struct jail *jail;
	struct root root;
	struct report report;
	char reasons[JAIL_TEXT_SIZE]; /* of what is missing */
	int report_fd;
	int hold_fd; /* its children wait here until their pids are told */
};

static int _printf_(3, 4) failed(struct report *report, int error, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	int n = vsnprintf(report->text, sizeof(report->text), format, args);
	va_end(args);
	if (n >= 0 && (size_t)n < sizeof(report->text))
		snprintf(report->text + n, sizeof(report->text) - (size_t)n, ": %s", strerror(-error));
	return error;
}

/* False: the cage is gone. */
static bool send_report(struct report *report, int fd, enum report_kind kind)
{
	report->kind = kind;
	return write(fd, report, sizeof(*report)) == (ssize_t)sizeof(*report);
}

/* -- privilege ---------------------------------------------------------------------------------- */

/* The rest is of use to the agent only, so a failure is no reason not to start it. */
static void set_surroundings(void)
{
	/* or its files in /proc are root's; it holds nothing that others may not see, and execve sets this anyway */
	prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	if (fd >= 0 && write(fd, OOM_SCORE, strlen(OOM_SCORE)) < 0)
		log_debug("oom_score_adj: %s", strerror(errno));
	fd_close(fd);
	if (chdir("/") < 0)
		log_debug("chdir: %s", strerror(errno));
}

int jail_drop_capabilities(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[2] = {0};
	return syscall(SYS_capset, &header, none) < 0 ? -errno : 0;
}

static int drop_bounds(void)
{
	for (int cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
		if (prctl(PR_CAPBSET_READ, cap, 0, 0, 0) == 1 && prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0)
			return -errno;
	return 0;
}

/* User 0 of a name space gets capabilities by execve and setuid, unless told otherwise for ever. */
static int lock_user_0(void)
{
	static const unsigned long bits = SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP |
					  SECBIT_NO_SETUID_FIXUP_LOCKED | SECBIT_KEEP_CAPS_LOCKED |
					  SECBIT_NO_CAP_AMBIENT_RAISE | SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED;
	return prctl(PR_SET_SECUREBITS, bits, 0, 0, 0) < 0 ? -errno : 0;
}

/* The bounding set while CAP_SETPCAP is there, then what is left. */
static int drop_all(struct report *report)
{
	int r = lock_user_0();
	if (r >= 0)
		r = drop_bounds();
	if (r >= 0)
		r = jail_drop_capabilities();
	if (r >= 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		r = -errno;
	return r < 0 ? failed(report, r, "giving away capabilities") : 0;
}

static int become(struct report *report, uint32_t uid)
{
	/* or all is lost with the change of user, before the bounding set is empty */
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0 || setgroups(0, NULL) < 0 || setresgid(uid, uid, uid) < 0 ||
	    setresuid(uid, uid, uid) < 0)
		return failed(report, -errno, "becoming user %u", uid);
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct setpcap[2] = {{.effective = 1u << CAP_SETPCAP, .permitted = 1u << CAP_SETPCAP}};
	if (syscall(SYS_capset, &header, setpcap) < 0 || prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0) < 0)
		return failed(report, -errno, "keeping what it takes to give the rest away");
	return drop_all(report);
}

static void reset_signals(void)
{
	sigset_t none;
	for (int number = 1; number < NSIG; number++)
		signal(number, SIG_DFL);
	/* printing too much makes write(2) fail, and does not end it */
	signal(SIGXFSZ, SIG_IGN);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* The cage's death is ours. A change of user takes this away, and a parent out of sight has no number to compare. */
static void die_with_cage(int report_fd)
{
	struct pollfd reader = {.fd = report_fd};
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (poll(&reader, 1, 0) != 0)
		_exit(126); /* nobody reads the report any more */
}

/* -- the agent --------------------------------------------------------------------------------------------- */

static int place_fds(const struct jail *jail, int report_fd)
{
	int lifeline_fd = fcntl(jail->lifeline_fd, F_DUPFD, REPORT_FD + 1);
	int null_fd = fcntl(jail->null_fd, F_DUPFD, REPORT_FD + 1);
	int output_fd = fcntl(jail->output_fd, F_DUPFD, REPORT_FD + 1);
	int moved_fd = fcntl(report_fd, F_DUPFD, REPORT_FD + 1);
	if (lifeline_fd < 0 || null_fd < 0 || output_fd < 0 || moved_fd < 0 || dup2(null_fd, STDIN_FILENO) < 0 ||
	    dup2(output_fd, STDOUT_FILENO) < 0 || dup2(output_fd, STDERR_FILENO) < 0 ||
	    dup2(lifeline_fd, JAIL_LIFELINE_FD) < 0 || dup3(moved_fd, REPORT_FD, O_CLOEXEC) < 0)
		return -errno;
	return syscall(SYS_close_range, REPORT_FD + 1, ~0U, 0) < 0 ? -errno : 0;
}

static void execute(const struct build *build)
{
	const struct settings_agent *agent = build->jail->agent;
	char lifeline[32], name[SESSION_NAME_SIZE + 16], folders[sizeof(build->root.program.folders) + 32];
	char *environment[] = {(char[]){"PATH=/usr/bin:/bin"}, (char[]){"LANG=C.UTF-8"}, lifeline, name, folders, NULL};
	const char *argv[SETTINGS_ARGS_MAX + 2] = {agent->path};
	for (uint32_t i = 0; i < agent->n_args; i++)
		argv[i + 1] = agent->args[i];
	snprintf(lifeline, sizeof(lifeline), SESSION_FD_ENV "=%d", JAIL_LIFELINE_FD);
	snprintf(name, sizeof(name), "RINGSIDE_AGENT=%s", agent->name);
	snprintf(folders, sizeof(folders), "LD_LIBRARY_PATH=%s", build->root.program.folders);
	if (!build->root.program.folders[0])
		environment[ARRAY_SIZE(environment) - 2] = NULL;
	execve(agent->path, (char **)(uintptr_t)argv, environment);
}

/* In its last form but for the program. Returns only with an error. */
static int start_agent(struct build *build)
{
	const struct jail *jail = build->jail;
	struct report *report = &build->report;
	setsid();
	umask(077);
	die_with_cage(build->report_fd);
	int r = place_fds(jail, build->report_fd);
	if (r < 0)
		return failed(report, r, "placing its descriptors");
	build->report_fd = REPORT_FD;
	r = budget_limit(jail->budget, jail->agent);
	if (r < 0)
		return failed(report, r, "setting its limits");
	r = drop_system_calls_agent((enum settings_network)jail->agent->network);
	if (r < 0)
		return failed(report, r,
			      "loading its list of system calls (the kernel must have CONFIG_SECCOMP_FILTER)");
	execute(build);
	return failed(report, -errno, "%s: could not be executed", jail->agent->path);
}

static _Noreturn void agent_main(struct build *build)
{
	start_agent(build);
	send_report(&build->report, build->report_fd, REPORT_FAILED);
	_exit(126);
}

/* -- the builder ------------------------------------------------------------------------------------------- */

/* Whether to go on without a part; why is in report.text, and is kept with what was missing before. */
static bool may_lack(struct build *build, enum jail_part part)
{
	char *reasons = build->reasons;
	size_t used = strlen(reasons);
	if (build->jail->agent->jail != SETTINGS_JAIL_PARTIAL)
		return false;
	build->report.missing |= part;
	snprintf(reasons + used, sizeof(build->reasons) - used, "%s%s", used ? "; " : "", build->report.text);
	return true;
}

static int shut_files(struct build *build)
{
	struct root *root = &build->root;
	struct report *report = &build->report;
	int abi = landlock_abi();
	if (abi == 0) {
		snprintf(report->text, sizeof(report->text),
			 "Landlock: this kernel does not have it, or it is not in lsm= on its command line");
		return may_lack(build, JAIL_LANDLOCK) ? 0 : -EOPNOTSUPP;
	}
	if (build->jail->agent->network == SETTINGS_NETWORK_ENDPOINTS && abi < LANDLOCK_ABI_TCP) {
		snprintf(report->text, sizeof(report->text),
			 "network: limiting it to ports takes Landlock ABI %d, this kernel has %d; write network: any "
			 "or none, or jail: partial",
			 LANDLOCK_ABI_TCP, abi);
		if (!may_lack(build, JAIL_PORTS))
			return -EOPNOTSUPP;
	}
	_cleanup_(fd_closep) int fd = root_rules(root, abi);
	if (fd < 0) {
		snprintf(report->text, sizeof(report->text), "%s", root->wrong);
		return fd;
	}
	int r = landlock_enforce(fd);
	return r < 0 ? failed(report, r, "Landlock: enforcing the rules") : 0;
}

static int plan(struct build *build)
{
	int r = root_plan(&build->root, build->jail->agent);
	if (r < 0)
		snprintf(build->report.text, sizeof(build->report.text), "%s", build->root.wrong);
	return r;
}

static int make_root(struct build *build)
{
	bool moved;
	int r = root_build(&build->root, &moved);
	if (r >= 0)
		return 0;
	snprintf(build->report.text, sizeof(build->report.text), "%s", build->root.wrong);
	root_deinit(&build->root);
	return !moved && may_lack(build, JAIL_ROOT) ? 0 : r;
}

static int make_process_space(struct build *build)
{
	if (unshare(CLONE_NEWPID) == 0)
		return 0;
	int r = failed(&build->report, -errno, "making a process name space");
	return may_lack(build, JAIL_PROCESSES) ? 0 : r;
}

/* From the outside it is a user like any other; in here it is 0, until the capabilities are gone with all means. */
static int make_jail(struct build *build)
{
	struct report *report = &build->report;
	if (setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0)
		return failed(report, -errno, "becoming user 0 of its name space");
	die_with_cage(build->report_fd); /* a change of user has taken it away */
	if (sethostname(HOST_NAME, strlen(HOST_NAME)) < 0)
		return failed(report, -errno, "naming its host");
	umask(0);
	int r = plan(build);
	if (r >= 0)
		r = make_root(build);
	if (r >= 0)
		r = make_process_space(build);
	if (r >= 0)
		r = drop_all(report);
	return r >= 0 ? shut_files(build) : r;
}

/* A child of the cage, not of the builder. */
static pid_t clone_sibling(void)
{
	return (pid_t)syscall(SYS_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0);
}

/* Until the builder has told the cage of us; without that we must not live. */
static void wait_for_go(int fd)
{
	char byte;
	if (read(fd, &byte, 1) != 1)
		_exit(126);
}

/* Process 1. It carries a copy of what the cage knows, so nobody may look into it. */
static _Noreturn void init_main(struct build *build)
{
	wait_for_go(build->hold_fd);
	setsid();
	die_with_cage(build->report_fd);
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	syscall(SYS_close_range, 0, ~0U, 0);
	signal(SIGCHLD, SIG_IGN); /* what is left behind needs nobody to wait for it */
	if (drop_system_calls_agent(SETTINGS_NETWORK_NONE) < 0)
		_exit(126);
	for (;;)
		pause();
}

/* Both wait until their pids are told, in the builder's group: when that ends without, they do. */
static int make_processes(struct build *build)
{
	struct report *report = &build->report;
	int hold[2];
	if (pipe2(hold, O_CLOEXEC) < 0)
		return failed(report, -errno, "making a pipe");
	build->hold_fd = hold[0];
	bool with_init = !(report->missing & JAIL_PROCESSES);
	pid_t pid = with_init ? clone_sibling() : 0;
	if (with_init && pid == 0) {
		close(hold[1]);
		init_main(build);
	}
	report->init_pid = pid;
	if (pid >= 0)
		pid = clone_sibling();
	if (pid == 0) {
		close(hold[1]);
		wait_for_go(hold[0]);
		agent_main(build);
	}
	if (pid < 0)
		return failed(report, -errno, "making its processes");
	report->pid = pid;
	memcpy(report->text, build->reasons, sizeof(report->text));
	if (!send_report(report, build->report_fd, REPORT_STARTED))
		return -EPIPE;
	return write(hold[1], "go", 2) == 2 ? 0 : -EPIPE;
}

/* What stands before the processes: in name spaces, or without. */
static int make(struct build *build)
{
	const struct jail *jail = build->jail;
	if (!(build->report.missing & JAIL_NAMESPACES))
		return make_jail(build);
	int r = become(&build->report, jail->uid);
	if (r >= 0)
		r = plan(build);
	if (r >= 0)
		r = shut_files(build);
	die_with_cage(build->report_fd);
	return r;
}

_Noreturn void jail_build(const struct jail_build_opts *opts)
{
	static struct build build; /* large */
	build.jail = opts->jail;
	build.report.missing = opts->missing;
	build.report_fd = opts->report_fd;
	snprintf(build.reasons, sizeof(build.reasons), "%s", opts->reason);
	setpgid(0, 0); /* by which the cage finds its children, should it not live to tell of them */
	die_with_cage(build.report_fd);
	wait_for_go(opts->go_fd);
	close(opts->go_fd);
	reset_signals();
	set_surroundings();
	int r = budget_enter(build.jail->budget);
	if (r < 0)
		failed(&build.report, r, "joining its control group");
	if (r >= 0)
		r = make(&build);
	if (r >= 0)
		r = make_processes(&build);
	if (r < 0 && build.report.pid == 0)
		send_report(&build.report, build.report_fd, REPORT_FAILED);
	_exit(r < 0 ? 126 : 0);
}

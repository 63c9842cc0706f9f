/* SPDX-License-Identifier: Apache-2.0 */
/* attempts_processes: signals, traces, schedules and limits of processes that are not its own. */
#include "escape.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/ioprio.h>
#include <linux/kcmp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

static int kill_victim(const struct world *world)
{
	return outcome(kill(world->victim, 0));
}

static int kill_agent(const struct world *world)
{
	return outcome(kill(world->other, 0));
}

/* All numbers but the few of its own jail: is anybody there? */
static int kill_scan(const struct world *world)
{
	for (pid_t pid = 300; pid < 70000; pid++)
		if (pid != getpid() && pid != getppid() && (kill(pid, 0) == 0 || errno == EPERM))
			return 0;
	return -ESRCH;
}

static int kill_thread(const struct world *world)
{
	return outcome(syscall(SYS_tkill, world->victim, 0));
}

static int queue_signal(const struct world *world)
{
	siginfo_t info = {.si_code = SI_QUEUE};
	return outcome(syscall(SYS_rt_sigqueueinfo, world->victim, 0, &info));
}

static int by_pidfd(const struct world *world)
{
	return outcome_fd(syscall(SYS_pidfd_open, world->victim, 0));
}

static int take_descriptor(const struct world *world)
{
	long fd = syscall(SYS_pidfd_open, world->victim, 0);
	return outcome_fd(syscall(SYS_pidfd_getfd, fd < 0 ? world->passed_fd : fd, 0, 0));
}

static int trace_victim(const struct world *world)
{
	return outcome(ptrace(PTRACE_SEIZE, world->victim, NULL, NULL));
}

static int trace_agent(const struct world *world)
{
	return outcome(ptrace(PTRACE_SEIZE, getppid(), NULL, NULL));
}

static int read_memory(const struct world *world)
{
	char byte;
	struct iovec here = {&byte, 1}, there = {NULL, 1};
	long r = process_vm_readv(world->victim, &here, 1, &there, 1, 0);
	return r < 0 && errno == EFAULT ? 0 : outcome(r); /* address 0 is not there, but it was looked for */
}

static int compare(const struct world *world)
{
	return outcome(syscall(SYS_kcmp, getpid(), world->victim, KCMP_VM, 0, 0));
}

static int their_limits(const struct world *world)
{
	struct rlimit limit;
	return outcome(prlimit(world->victim, RLIMIT_NOFILE, NULL, &limit));
}

static int limits_of_init(const struct world *world)
{
	struct rlimit limit;
	return outcome(prlimit(1, RLIMIT_NOFILE, NULL, &limit));
}

static int their_affinity(const struct world *world)
{
	cpu_set_t set;
	return outcome(sched_getaffinity(world->victim, sizeof(set), &set));
}

static int their_class(const struct world *world)
{
	struct sched_param param = {0};
	return outcome(sched_setscheduler(world->victim, SCHED_OTHER, &param));
}

static int their_io(const struct world *world)
{
	return outcome(syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, world->victim, 0));
}

static int real_time(const struct world *world)
{
	struct sched_param param = {.sched_priority = 1};
	return outcome(sched_setscheduler(0, SCHED_RR, &param));
}

static int less_nice(const struct world *world)
{
	return outcome(setpriority(PRIO_PROCESS, 0, -10));
}

static int outlive(const struct world *world)
{
	return outcome(prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0));
}

/* A child of the cage, which nobody would know of. */
static int sibling(const struct world *world)
{
	long pid = syscall(SYS_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0);
	if (pid == 0)
		_exit(0);
	return outcome(pid);
}

static int join(const struct world *world)
{
	long fd = syscall(SYS_pidfd_open, world->victim, 0);
	return outcome(setns(fd < 0 ? world->passed_fd : (int)fd, CLONE_NEWUTS));
}

static int core_dump(const struct world *world)
{
	struct rlimit limit = {.rlim_cur = 1 << 20, .rlim_max = 1 << 20};
	return outcome(setrlimit(RLIMIT_CORE, &limit));
}

static const struct attempt rows[] = {
	{"process-kill", "signals a process of root's", kill_victim, "ESRCH EPERM", NULL},
	{"process-kill-agent", "signals another agent", kill_agent, "ESRCH EPERM", NULL},
	{"process-scan", "looks for any process by its number", kill_scan, "ESRCH", NULL},
	{"process-kill-thread", "signals a thread of root's", kill_thread, "ESRCH EPERM", NULL},
	{"process-queue", "queues a signal with data", queue_signal, "ESRCH EPERM", NULL},
	{"process-pidfd", "opens a descriptor of a process of root's", by_pidfd, "ESRCH", NULL},
	{"process-take-descriptor", "takes a descriptor out of a process", take_descriptor, "EPERM", NULL},
	{"process-trace", "traces a process of root's", trace_victim, "EPERM", NULL},
	{"process-trace-own", "traces the agent's first process", trace_agent, "EPERM", NULL},
	{"process-read", "reads the memory of a process", read_memory, "EPERM", NULL},
	{"process-compare", "compares itself with a process (kcmp)", compare, "EPERM", NULL},
	{"process-limits", "looks at the limits of a process of root's", their_limits, "ENOSYS", NULL},
	{"process-limits-init", "looks at the limits of process 1", limits_of_init, "ENOSYS", NULL},
	{"process-affinity", "asks on which processors a process of root's runs", their_affinity, "ENOSYS", NULL},
	{"process-class", "changes the scheduling class of a process", their_class, "EPERM", NULL},
	{"process-io", "changes the i/o priority of a process", their_io, "EPERM", NULL},
	{"process-real-time", "makes itself a real-time process", real_time, "EPERM", NULL},
	{"process-nice", "takes a better priority", less_nice, "EPERM", NULL},
	{"process-outlive", "asks to outlive the cage", outlive, "ENOSYS", NULL},
	{"process-sibling", "makes a child of the cage (CLONE_PARENT)", sibling, "ENOSYS EPERM", NULL},
	{"process-join", "joins the name spaces of a process", join, "EPERM", NULL},
	{"process-core", "allows itself core dumps", core_dump, "EPERM", NULL},
};
ATTEMPTS(attempts_processes, rows);

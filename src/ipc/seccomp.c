/* SPDX-License-Identifier: Apache-2.0 */
/*
 * seccomp: which system calls a role may make after its drop. One list per role; a call that is in none ends the
 * process, and the parent starts it anew.
 *
 * The cage is the exception: a filter stays with whatever a process starts, and what builds an agent's jail is a child
 * of it. So the cage's list says what neither it nor such a child ever does; such a call gets EPERM. The agent itself
 * gets a list of its own on top, in seccomp_agent.c.
 *
 * In builds for finding mistakes (buildtype=debug, or a sanitizer) RINGSIDE_SECCOMP=errno answers a call that is
 * in no list with ENOSYS and names it on standard error, and RINGSIDE_SECCOMP=off loads nothing.
 */
#include "ipc/drop.h"

#include "base/log.h"
#include "ipc/system_calls.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

static const struct seccomp_row everybody[] = {
	/* bytes of descriptors it has */
	ANY(read),
	ANY(readv),
	ANY(pread64),
	ANY(write),
	ANY(writev),
	ANY(pwrite64),
	ANY(lseek),
	ANY(close),
	ANY(close_range),
	ANY(fstat),
	ANY(newfstatat),
	ANY(statx),
	ANY(fcntl),
	ANY(dup),
	ANY(dup3),
	EQUAL(ioctl, 1, FIONREAD),
	EQUAL(ioctl, 1, TCGETS),
	/* sockets it has */
	ANY(sendmsg),
	ANY(recvmsg),
	ANY(sendto),
	ANY(recvfrom),
	ANY(getsockopt),
	ANY(setsockopt),
	ANY(shutdown),
	ANY(socketpair),
	/* the loop */
	ANY(epoll_create1),
	ANY(epoll_ctl),
	ANY(epoll_wait),
	ANY(epoll_pwait),
	ANY(poll),
	ANY(ppoll),
	ANY(timerfd_create),
	ANY(timerfd_settime),
	ANY(eventfd2),
	ANY(signalfd4),
	/* memory, never executable */
	BITS(mmap, 2, PROT_EXEC, 0),
	BITS(mprotect, 2, PROT_EXEC, 0),
	ANY(munmap),
	ANY(mremap),
	ANY(madvise),
	ANY(brk),
	ANY(memfd_create),
	ANY(ftruncate),
	/* time, locks, randomness */
	ANY(clock_gettime),
	ANY(clock_nanosleep),
	ANY(nanosleep),
	ANY(gettimeofday),
	ANY(futex),
	ANY(getrandom),
	ANY(sched_yield),
	ANY(restart_syscall),
	ANY(membarrier),
	ANY(rseq),
	/* itself */
	ANY(getpid),
	ANY(getppid),
	ANY(gettid),
	ANY(getuid),
	ANY(geteuid),
	ANY(getgid),
	ANY(getegid),
	ANY(rt_sigaction),
	ANY(rt_sigprocmask),
	ANY(rt_sigreturn),
	ANY(sigaltstack),
	ANY(sysinfo),
	ANY(uname),
	ANY(sched_getaffinity),
	ANY(getrusage),
	ANY(exit),
	ANY(exit_group),
	EQUAL(prlimit64, 2, 0), /* reads its limits, sets none */
	EQUAL(tgkill, 2, SIGABRT),
};

static const struct seccomp_row engine[] = {
	/* who is who, from /proc: reads, never writes or makes */
	BITS(openat, 2, O_ACCMODE | O_CREAT | O_TRUNC, 0),
	ANY(readlink),
	ANY(readlinkat),
	ANY(getdents64),
	ANY(fstatfs),
	/* the verdict cache: ignore marks on inodes, in the group it was given; leases go by fcntl */
	ANY(fanotify_mark),
	/* agents' rings and sessions: datagrams in batches, memory that is there before it is used, wake pipes */
	ANY(accept4),
	ANY(recvmmsg),
	ANY(fallocate),
	ANY(pipe2),
	/* what doctor says of its priority */
	ANY(sched_getscheduler),
	/* the process behind a question, when the kernel gave a descriptor of it */
	ANY(pidfd_open),
	/* what it says to the BPF programs that it loaded before, through the maps it has */
	EQUAL(bpf, 0, BPF_RAW_TRACEPOINT_OPEN), /* and attaches those anew when somebody wants what they tell */
	EQUAL(bpf, 0, BPF_MAP_LOOKUP_ELEM),
	EQUAL(bpf, 0, BPF_MAP_UPDATE_ELEM),
	EQUAL(bpf, 0, BPF_MAP_DELETE_ELEM),
	EQUAL(bpf, 0, BPF_MAP_GET_NEXT_KEY),
	EQUAL(bpf, 0, BPF_OBJ_GET_INFO_BY_FD),
	EQUAL(bpf, 0, BPF_ITER_CREATE),
};

static const struct seccomp_row control[] = {
	ANY(accept4),
	ANY(getpeername),
};

static const struct seccomp_row config[] = {
	ANY(access), /* libyaml's allocator may ask; nothing is opened */
	ANY(wait4), /* for the opener's end */
};

static const struct seccomp_row opener[] = {
	BITS(openat, 2, O_ACCMODE | O_CREAT | O_TRUNC, 0),
};

/* What neither the cage nor what builds a jail does. Mounts of a jail are made by the calls that work on descriptors.
 */
static const struct seccomp_row cage[] = {
	/* other code in the kernel, other kernels */
	ANY(bpf), ANY(init_module), ANY(finit_module), ANY(delete_module), ANY(kexec_load), ANY(kexec_file_load),
	ANY(perf_event_open), ANY(userfaultfd), ANY(ioperm), ANY(iopl),
	/* into other processes */
	ANY(ptrace), ANY(process_vm_readv), ANY(process_vm_writev), ANY(process_madvise), ANY(kcmp), ANY(pidfd_getfd),
	/* around names and permissions of files */
	ANY(open_by_handle_at), ANY(name_to_handle_at), ANY(fanotify_init), ANY(fanotify_mark), ANY(mount), ANY(chroot),
	ANY(fspick), ANY(quotactl), ANY(swapon), ANY(swapoff), ANY(acct),
	/* the machine */
	ANY(reboot), ANY(settimeofday), ANY(clock_settime), ANY(clock_adjtime), ANY(adjtimex), ANY(setdomainname),
	ANY(syslog), ANY(vhangup),
	/* keys, and a second way into the kernel that no other list of calls sees */
	ANY(add_key), ANY(request_key), ANY(keyctl), ANY(io_uring_setup), ANY(io_uring_enter), ANY(io_uring_register),
	/* name spaces of others; its own it makes by clone(2), and a second one of processes inside of that */
	ANY(setns), WHERE(unshare, 0, SCMP_CMP_NE, CLONE_NEWPID),
	ANY(clone3), /* its flags lie in memory, which no list sees */
};

struct filter {
	uint32_t others; /* what happens to a call without a row */
	uint32_t listed; /* to one with a row */
	bool with_everybody;
	const struct seccomp_row *rows;
	size_t n_rows;
};

#define LIST(rows) (rows), sizeof(rows) / sizeof((rows)[0])
static const struct filter filters[PROCESS_N_ROLES] = {
	[PROCESS_ENGINE] = {SCMP_ACT_KILL_PROCESS, SCMP_ACT_ALLOW, true, LIST(engine)},
	[PROCESS_CAGE] = {SCMP_ACT_ALLOW, SCMP_ACT_ERRNO(EPERM), false, LIST(cage)},
	[PROCESS_CONTROL] = {SCMP_ACT_KILL_PROCESS, SCMP_ACT_ALLOW, true, LIST(control)},
	[PROCESS_CONFIG] = {SCMP_ACT_KILL_PROCESS, SCMP_ACT_ALLOW, true, LIST(config)},
	[PROCESS_OPENER] = {SCMP_ACT_KILL_PROCESS, SCMP_ACT_ALLOW, true, LIST(opener)},
};

static int add_rows(scmp_filter_ctx context, const struct seccomp_list *list)
{
	for (size_t i = 0; i < list->n_rows; i++) {
		const struct seccomp_row *row = &list->rows[i];
		int r = seccomp_rule_add_array(context, list->action, row->call, row->n_conditions, row->conditions);
		/* a call that this architecture or library does not know cannot be made either */
		if (r < 0 && r != -EDOM && r != -EFAULT && row->call >= 0)
			return r;
	}
	return 0;
}

int seccomp_install(uint32_t others, const struct seccomp_list *lists, size_t n_lists)
{
	scmp_filter_ctx context = seccomp_init(others);
	if (!context)
		return -ENOMEM;
	/* calls of another architecture's table (x32, i386) too */
	int r = seccomp_attr_set(context, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
	if (r >= 0) {
		/* a tree, not a list: each call is looked up on the way of every verdict. Old libraries lack it. */
		seccomp_attr_set(context, SCMP_FLTATR_CTL_OPTIMIZE, 2);
		/* the mitigation that old kernels switch on with a filter costs more than the filter */
		seccomp_attr_set(context, SCMP_FLTATR_CTL_SSB, 1);
	}
	for (size_t i = 0; i < n_lists && r >= 0; i++)
		r = add_rows(context, &lists[i]);
	if (r >= 0)
		r = seccomp_load(context);
	seccomp_release(context);
	return r;
}

static int load(const struct filter *filter, uint32_t others)
{
	const struct seccomp_list lists[] = {{filter->listed, filter->rows, filter->n_rows},
					     {filter->listed, LIST(everybody)}};
	return seccomp_install(others, lists, filter->with_everybody ? 2 : 1);
}

#ifdef RINGSIDE_DEBUG
static void on_sigsys(int signal_number, siginfo_t *info, void *context)
{
	char text[120];
	char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, info->si_syscall);
	int size = snprintf(text, sizeof(text), "seccomp: system call %d (%s) is in no list of src/ipc/seccomp.c\n",
			    info->si_syscall, name ? name : "?");
	ssize_t written = write(STDERR_FILENO, text, (size_t)size);
	(void)written;
}

static bool debug_mode(uint32_t *others)
{
	const char *mode = getenv("RINGSIDE_SECCOMP");
	if (mode && strcmp(mode, "errno") == 0 && *others == SCMP_ACT_KILL_PROCESS) {
		struct sigaction action = {.sa_sigaction = on_sigsys, .sa_flags = SA_SIGINFO | SA_NODEFER};
		sigaction(SIGSYS, &action, NULL);
		*others = SCMP_ACT_TRAP;
	}
	return mode && strcmp(mode, "off") == 0;
}
#else
static bool debug_mode(uint32_t *others)
{
	return false;
}
#endif

int drop_system_calls(enum process_role role)
{
	const struct filter *filter = &filters[role];
	uint32_t others = filter->others;
	if (!filter->rows || debug_mode(&others))
		return 0;
	int r = load(filter, others);
	if (r < 0)
		log_error(
			"%s: could not load its table of system calls: %s; the kernel must have CONFIG_SECCOMP_FILTER",
			topology_name(role), strerror(-r));
	return r;
}

size_t drop_system_calls_count(enum process_role role)
{
	return filters[role].n_rows;
}

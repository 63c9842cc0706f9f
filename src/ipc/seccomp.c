/* SPDX-License-Identifier: Apache-2.0 */
/*
 * seccomp: which system calls a role may make after its drop. One list per role; a call that is in none ends the
 * process, and the parent starts it anew.
 *
 * The cage is the exception: a filter stays with whatever a process starts, and the agents' needs are theirs. So
 * the cage's list says what neither it nor an agent may ever do; such a call gets EPERM.
 *
 * In builds for finding mistakes (buildtype=debug, or a sanitizer) RINGSIDE_SECCOMP=errno answers a call that is
 * in no list with ENOSYS and names it on standard error, and RINGSIDE_SECCOMP=off loads nothing.
 */
#include "ipc/drop.h"

#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

struct row {
	int call;
	unsigned n_conditions;
	struct scmp_arg_cmp condition;
};

#define ANY(name) {SCMP_SYS(name), 0, {0}}
#define WHERE(name, argument, ...) \
	{ \
		SCMP_SYS(name), 1, \
		{ \
			argument, __VA_ARGS__ \
		} \
	}
/* The bits of `mask` in this argument must be exactly `value`. */
#define BITS(name, argument, mask, value) WHERE(name, argument, SCMP_CMP_MASKED_EQ, (mask), (value))
#define EQUAL(name, argument, value) WHERE(name, argument, SCMP_CMP_EQ, (value))

static const struct row everybody[] = {
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

static const struct row engine[] = {
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

static const struct row control[] = {
	ANY(accept4),
	ANY(getpeername),
};

static const struct row config[] = {
	ANY(access), /* libyaml's allocator may ask; nothing is opened */
	ANY(wait4), /* for the opener's end */
};

static const struct row opener[] = {
	BITS(openat, 2, O_ACCMODE | O_CREAT | O_TRUNC, 0),
};

/* What neither the cage nor an agent may do. */
static const struct row cage[] = {
	/* other code in the kernel, other kernels */
	ANY(bpf),
	ANY(init_module),
	ANY(finit_module),
	ANY(delete_module),
	ANY(kexec_load),
	ANY(kexec_file_load),
	ANY(perf_event_open),
	ANY(userfaultfd),
	ANY(ioperm),
	ANY(iopl),
	/* into other processes */
	ANY(ptrace),
	ANY(process_vm_readv),
	ANY(process_vm_writev),
	ANY(process_madvise),
	ANY(kcmp),
	ANY(pidfd_getfd),
	/* around names and permissions of files */
	ANY(open_by_handle_at),
	ANY(name_to_handle_at),
	ANY(fanotify_init),
	ANY(fanotify_mark),
	ANY(mount),
	ANY(umount2),
	ANY(pivot_root),
	ANY(chroot),
	ANY(mount_setattr),
	ANY(move_mount),
	ANY(open_tree),
	ANY(fsopen),
	ANY(fsmount),
	ANY(fsconfig),
	ANY(fspick),
	ANY(quotactl),
	ANY(swapon),
	ANY(swapoff),
	ANY(acct),
	/* the machine */
	ANY(reboot),
	ANY(settimeofday),
	ANY(clock_settime),
	ANY(clock_adjtime),
	ANY(adjtimex),
	ANY(sethostname),
	ANY(setdomainname),
	ANY(syslog),
	ANY(vhangup),
	/* keys, and a second way into the kernel that no other list of calls sees */
	ANY(add_key),
	ANY(request_key),
	ANY(keyctl),
	ANY(io_uring_setup),
	ANY(io_uring_enter),
	ANY(io_uring_register),
	/* other name spaces: the cage makes them when it must, before its drop */
	ANY(unshare),
	ANY(setns),
	BITS(clone, 0, CLONE_NEWUSER, CLONE_NEWUSER),
};

struct filter {
	uint32_t others; /* what happens to a call without a row */
	uint32_t listed; /* to one with a row */
	bool with_everybody;
	const struct row *rows;
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

static int add_rows(scmp_filter_ctx context, uint32_t action, const struct row *rows, size_t n_rows)
{
	for (size_t i = 0; i < n_rows; i++) {
		int r = seccomp_rule_add_array(context, action, rows[i].call, rows[i].n_conditions, &rows[i].condition);
		/* a call that this architecture or library does not know cannot be made either */
		if (r < 0 && r != -EDOM && r != -EFAULT && rows[i].call >= 0)
			return r;
	}
	return 0;
}

static int load(const struct filter *filter, uint32_t others)
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
		r = add_rows(context, filter->listed, filter->rows, filter->n_rows);
	}
	if (r >= 0 && filter->with_everybody)
		r = add_rows(context, filter->listed, everybody, sizeof(everybody) / sizeof(everybody[0]));
	if (r >= 0)
		r = seccomp_load(context);
	seccomp_release(context);
	return r;
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

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * seccomp_agent: the system calls of agents. Not known what a product needs, so this is what ordinary programs use.
 *
 *     allowed       works on what the agent has been given
 *     refused       EPERM: would reach beyond that, or asks for privilege
 *     in no list    ENOSYS, as on a kernel that does not have it yet: libraries fall back (clone3 → clone)
 *
 * Some are allowed in part only, for a reason that stands at the row. Descriptors passed with questions are shared with
 * the other agents and lie in files of the machine: no lock, lease or flag may be set on them that others feel.
 */
#include "ipc/drop.h"

#include "base/macro.h"
#include "ipc/system_calls.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#define CLONE_ELSEWHERE \
	(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET)
#define SOCKET_TYPE_MASK 0xf /* without SOCK_CLOEXEC, SOCK_NONBLOCK */

static const struct seccomp_row allowed[] = {
	/* bytes of descriptors */
	ANY(read),
	ANY(readv),
	ANY(pread64),
	ANY(preadv),
	ANY(preadv2),
	ANY(write),
	ANY(writev),
	ANY(pwrite64),
	ANY(pwritev),
	ANY(pwritev2),
	ANY(lseek),
	ANY(close),
	ANY(close_range),
	ANY(dup),
	ANY(dup2),
	ANY(dup3),
	ANY(pipe),
	ANY(pipe2),
	ANY(sendfile),
	ANY(copy_file_range),
	ANY(fsync),
	ANY(fdatasync),
	ANY(ftruncate),
	EQUAL(fcntl, 1, F_DUPFD),
	EQUAL(fcntl, 1, F_DUPFD_CLOEXEC),
	EQUAL(fcntl, 1, F_GETFD),
	EQUAL(fcntl, 1, F_SETFD),
	EQUAL(fcntl, 1, F_GETFL),
	/* O_DIRECT would make other agents' reads of a shared descriptor fail */
	{SCMP_SYS(fcntl), 2, {{1, SCMP_CMP_EQ, F_SETFL, 0}, {2, SCMP_CMP_MASKED_EQ, O_DIRECT, 0}}},
	EQUAL(fcntl, 1, F_GETPIPE_SZ),
	EQUAL(fcntl, 1, F_ADD_SEALS),
	EQUAL(fcntl, 1, F_GET_SEALS),
	EQUAL(ioctl, 1, FIONREAD),
	EQUAL(ioctl, 1, FIONBIO),
	EQUAL(ioctl, 1, FIOCLEX),
	EQUAL(ioctl, 1, FIONCLEX),
	EQUAL(ioctl, 1, TCGETS),
	EQUAL(ioctl, 1, TIOCGWINSZ),
	/* files by name: what the root of the jail and Landlock leave */
	ANY(open),
	ANY(openat),
	ANY(openat2),
	ANY(creat),
	ANY(stat),
	ANY(lstat),
	ANY(fstat),
	ANY(newfstatat),
	ANY(statx),
	ANY(statfs),
	ANY(fstatfs),
	ANY(access),
	ANY(faccessat),
	ANY(faccessat2),
	ANY(readlink),
	ANY(readlinkat),
	ANY(getdents),
	ANY(getdents64),
	ANY(getcwd),
	ANY(chdir),
	ANY(fchdir),
	ANY(umask),
	ANY(mkdir),
	ANY(mkdirat),
	ANY(rmdir),
	ANY(unlink),
	ANY(unlinkat),
	ANY(rename),
	ANY(renameat),
	ANY(renameat2),
	ANY(link),
	ANY(linkat),
	ANY(symlink),
	ANY(symlinkat),
	ANY(truncate),
	ANY(chmod),
	ANY(fchmod),
	ANY(fchmodat),
	ANY(utimensat),
	ANY(getxattr),
	ANY(lgetxattr),
	ANY(fgetxattr),
	ANY(listxattr),
	ANY(llistxattr),
	ANY(flistxattr),
	ANY(inotify_init),
	ANY(inotify_init1),
	ANY(inotify_add_watch),
	ANY(inotify_rm_watch),
	/* memory */
	ANY(mmap),
	ANY(mprotect),
	ANY(munmap),
	ANY(mremap),
	ANY(madvise),
	ANY(msync),
	ANY(mincore),
	ANY(mlock),
	ANY(munlock),
	ANY(brk),
	ANY(memfd_create),
	ANY(membarrier),
	ANY(pkey_alloc),
	ANY(pkey_free),
	ANY(pkey_mprotect),
	/* waiting */
	ANY(epoll_create),
	ANY(epoll_create1),
	ANY(epoll_ctl),
	ANY(epoll_wait),
	ANY(epoll_pwait),
	ANY(epoll_pwait2),
	ANY(poll),
	ANY(ppoll),
	ANY(select),
	ANY(pselect6),
	ANY(eventfd),
	ANY(eventfd2),
	ANY(signalfd),
	ANY(signalfd4),
	ANY(timerfd_create),
	ANY(timerfd_settime),
	ANY(timerfd_gettime),
	ANY(timer_create),
	ANY(timer_settime),
	ANY(timer_gettime),
	ANY(timer_getoverrun),
	ANY(timer_delete),
	ANY(getitimer),
	ANY(setitimer),
	ANY(alarm),
	ANY(pause),
	ANY(nanosleep),
	ANY(clock_nanosleep),
	ANY(clock_gettime),
	ANY(clock_getres),
	ANY(gettimeofday),
	ANY(time),
	ANY(times),
	ANY(futex),
	ANY(futex_waitv),
	ANY(restart_syscall),
	/* processes and threads, in the name spaces it is in, and as children of itself only */
	BITS(clone, 0, CLONE_ELSEWHERE | CLONE_PARENT | CLONE_PTRACE, 0),
	ANY(fork),
	ANY(vfork),
	ANY(execve),
	ANY(execveat),
	ANY(exit),
	ANY(exit_group),
	ANY(wait4),
	ANY(waitid),
	ANY(kill),
	ANY(tkill),
	ANY(tgkill),
	ANY(pidfd_open),
	ANY(pidfd_send_signal),
	ANY(rt_sigaction),
	ANY(rt_sigprocmask),
	ANY(rt_sigreturn),
	ANY(rt_sigpending),
	ANY(rt_sigsuspend),
	ANY(rt_sigtimedwait),
	ANY(rt_sigqueueinfo),
	ANY(sigaltstack),
	ANY(setsid),
	ANY(setpgid),
	ANY(getsid),
	ANY(getpgid),
	ANY(getpgrp),
	ANY(getpid),
	ANY(getppid),
	ANY(gettid),
	ANY(getuid),
	ANY(geteuid),
	ANY(getgid),
	ANY(getegid),
	ANY(getresuid),
	ANY(getresgid),
	ANY(getgroups),
	ANY(capget),
	ANY(capset),
	WHERE(prctl, 0, SCMP_CMP_NE, PR_SET_PDEATHSIG), /* it dies with the cage */
	ANY(arch_prctl),
	ANY(set_tid_address),
	ANY(set_robust_list),
	ANY(get_robust_list),
	ANY(rseq),
	ANY(sched_yield),
	EQUAL(sched_getaffinity, 0, 0),
	EQUAL(sched_setaffinity, 0, 0),
	ANY(sched_getparam),
	ANY(sched_getscheduler),
	ANY(sched_get_priority_max),
	ANY(sched_get_priority_min),
	ANY(getpriority),
	ANY(getrlimit),
	ANY(setrlimit),
	EQUAL(prlimit64, 0, 0), /* its own */
	ANY(getrusage),
	ANY(sysinfo),
	ANY(uname),
	ANY(getcpu),
	ANY(getrandom),
	EQUAL(personality, 0, 0xffffffff), /* asks */
	/* it may shut itself in further */
	ANY(seccomp),
	ANY(landlock_create_ruleset),
	ANY(landlock_add_rule),
	ANY(landlock_restrict_self),
	/* sockets it has; MSG_FASTOPEN connects without being asked about it */
	{SCMP_SYS(socketpair),
	 2,
	 {{0, SCMP_CMP_EQ, AF_UNIX, 0}, {1, SCMP_CMP_MASKED_EQ, SOCKET_TYPE_MASK, SOCK_SEQPACKET}}},
	{SCMP_SYS(socketpair),
	 2,
	 {{0, SCMP_CMP_EQ, AF_UNIX, 0}, {1, SCMP_CMP_MASKED_EQ, SOCKET_TYPE_MASK, SOCK_STREAM}}},
	BITS(sendto, 3, MSG_FASTOPEN, 0),
	BITS(sendmsg, 2, MSG_FASTOPEN, 0),
	BITS(sendmmsg, 3, MSG_FASTOPEN, 0),
	ANY(recvfrom),
	ANY(recvmsg),
	ANY(recvmmsg),
	ANY(shutdown),
	ANY(getsockopt),
	ANY(setsockopt),
	ANY(getsockname),
	ANY(getpeername),
};

#define SOCKET(family, kind, protocol) \
	{ \
		SCMP_SYS(socket), 3, \
		{ \
			{0, SCMP_CMP_EQ, family, 0}, {1, SCMP_CMP_MASKED_EQ, SOCKET_TYPE_MASK, kind}, \
				{2, SCMP_CMP_EQ, protocol, 0} \
		} \
	}

/* MPTCP, SCTP … are not what Landlock calls TCP. */
static const struct seccomp_row connecting[] = {
	SOCKET(AF_INET, SOCK_STREAM, 0),
	SOCKET(AF_INET, SOCK_STREAM, IPPROTO_TCP),
	SOCKET(AF_INET6, SOCK_STREAM, 0),
	SOCKET(AF_INET6, SOCK_STREAM, IPPROTO_TCP),
	ANY(connect),
};

static const struct seccomp_row listening[] = {
	SOCKET(AF_INET, SOCK_DGRAM, 0),
	SOCKET(AF_INET, SOCK_DGRAM, IPPROTO_UDP),
	SOCKET(AF_INET6, SOCK_DGRAM, 0),
	SOCKET(AF_INET6, SOCK_DGRAM, IPPROTO_UDP),
	ANY(bind),
	ANY(listen),
	ANY(accept),
	ANY(accept4),
};

static const struct seccomp_row refused[] = {
	/* other code in the kernel, other kernels, second ways into it */
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
	ANY(modify_ldt),
	ANY(io_uring_setup),
	ANY(io_uring_enter),
	ANY(io_uring_register),
	ANY(vmsplice),
	/* into other processes */
	ANY(ptrace),
	ANY(process_vm_readv),
	ANY(process_vm_writev),
	ANY(process_madvise),
	ANY(process_mrelease),
	ANY(kcmp),
	ANY(pidfd_getfd),
	ANY(migrate_pages),
	ANY(move_pages),
	ANY(sched_setscheduler),
	ANY(sched_setparam),
	ANY(sched_setattr),
	ANY(setpriority),
	ANY(ioprio_set),
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
	ANY(quotactl_fd),
	ANY(swapon),
	ANY(swapoff),
	ANY(acct),
	ANY(mknod),
	ANY(mknodat),
	ANY(chown),
	ANY(fchown),
	ANY(lchown),
	ANY(fchownat),
	ANY(setxattr),
	ANY(lsetxattr),
	ANY(fsetxattr),
	ANY(removexattr),
	ANY(lremovexattr),
	ANY(fremovexattr),
	/* other users */
	ANY(setuid),
	ANY(setgid),
	ANY(setreuid),
	ANY(setregid),
	ANY(setresuid),
	ANY(setresgid),
	ANY(setfsuid),
	ANY(setfsgid),
	ANY(setgroups),
	/* other name spaces, other tables of system calls */
	ANY(unshare),
	ANY(setns),
	WHERE(personality, 0, SCMP_CMP_NE, 0xffffffff),
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
	ANY(sync),
	ANY(syncfs),
	/* keys; memory and queues that outlive a process */
	ANY(add_key),
	ANY(request_key),
	ANY(keyctl),
	ANY(shmget),
	ANY(shmat),
	ANY(shmctl),
	ANY(semget),
	ANY(semop),
	ANY(semctl),
	ANY(msgget),
	ANY(msgsnd),
	ANY(msgctl),
	ANY(mq_open),
	ANY(mq_unlink),
	/* scripts of terminals */
	EQUAL(ioctl, 1, TIOCSTI),
	EQUAL(ioctl, 1, TIOCLINUX),
	EQUAL(ioctl, 1, TIOCSCTTY),
};

/* A lock on a passed descriptor would hold up whoever uses that file on the machine. */
static const struct seccomp_row locks[] = {
	ANY(flock),
	EQUAL(fcntl, 1, F_GETLK),
	EQUAL(fcntl, 1, F_SETLK),
	EQUAL(fcntl, 1, F_SETLKW),
	EQUAL(fcntl, 1, F_OFD_GETLK),
	EQUAL(fcntl, 1, F_OFD_SETLK),
	EQUAL(fcntl, 1, F_OFD_SETLKW),
	EQUAL(fcntl, 1, F_SETLEASE),
};

/* Reserves room behind the end of a file, which no limit on its size sees; posix_fallocate(3) writes instead. */
static const struct seccomp_row unsupported[] = {
	ANY(fallocate),
};

/* As a firewall would answer, so that a program takes it for one. */
static const struct seccomp_row no_network[] = {
	ANY(socket), ANY(connect), ANY(bind), ANY(listen), ANY(accept), ANY(accept4),
};

#define LIST(rows) (rows), ARRAY_SIZE(rows)

int drop_system_calls_agent(enum settings_network network)
{
	struct seccomp_list lists[6] = {
		{SCMP_ACT_ALLOW, LIST(allowed)},
		{SCMP_ACT_ERRNO(EPERM), LIST(refused)},
		{SCMP_ACT_ERRNO(ENOLCK), LIST(locks)},
		{SCMP_ACT_ERRNO(EOPNOTSUPP), LIST(unsupported)},
	};
	size_t n = 4;
	if (network == SETTINGS_NETWORK_NONE)
		lists[n++] = (struct seccomp_list){SCMP_ACT_ERRNO(EACCES), LIST(no_network)};
	else
		lists[n++] = (struct seccomp_list){SCMP_ACT_ALLOW, LIST(connecting)};
	if (network == SETTINGS_NETWORK_ANY)
		lists[n++] = (struct seccomp_list){SCMP_ACT_ALLOW, LIST(listening)};
	return seccomp_install(SCMP_ACT_ERRNO(ENOSYS), lists, n);
}

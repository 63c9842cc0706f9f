/* SPDX-License-Identifier: Apache-2.0 */
/* attempts_kernel: privilege, and doors of the kernel. */
#include "escape.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <linux/io_uring.h>
#include <linux/keyctl.h>
#include <linux/perf_event.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/io.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int user_space(const struct world *world)
{
	return outcome(unshare(CLONE_NEWUSER));
}

static int user_space_by_clone(const struct world *world)
{
	long pid = syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0);
	if (pid == 0)
		_exit(0);
	return outcome(pid);
}

static int user_space_by_clone3(const struct world *world)
{
	struct clone_args args = {.flags = CLONE_NEWUSER, .exit_signal = SIGCHLD};
	long pid = syscall(SYS_clone3, &args, sizeof(args));
	if (pid == 0)
		_exit(0);
	return outcome(pid);
}

static int network_space(const struct world *world)
{
	return outcome(unshare(CLONE_NEWNET));
}

static int another_user(const struct world *world)
{
	return outcome(setresuid(65534, 65534, 65534));
}

static int other_groups(const struct world *world)
{
	gid_t group = 0;
	return outcome(setgroups(1, &group));
}

static int raise_capability(const struct world *world)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {{.effective = 1u << CAP_SYS_ADMIN, .permitted = 1u << CAP_SYS_ADMIN}};
	return outcome(syscall(SYS_capset, &header, data));
}

/* User 0 gets what the bounding set leaves. */
static int by_execute(const struct world *world)
{
	char *argv[] = {(char[]){"escape"}, (char[]){"--capabilities"}, NULL}, *environment[] = {NULL};
	execve(world->self, argv, environment);
	return -errno;
}

static int secure_bits(const struct world *world)
{
	return outcome(prctl(PR_SET_SECUREBITS, 0, 0, 0, 0));
}

static int host_name(const struct world *world)
{
	char name[65];
	if (gethostname(name, sizeof(name)) < 0)
		return -errno;
	return outcome(sethostname(name, strlen(name)));
}

static int memory(const struct world *world)
{
	return try_open("/dev/mem", O_RDONLY);
}

static int kernel_messages(const struct world *world)
{
	return try_open("/dev/kmsg", O_WRONLY);
}

static int system_request(const struct world *world)
{
	return try_open("/proc/sysrq-trigger", O_WRONLY);
}

static int core_pattern(const struct world *world)
{
	return try_open("/proc/sys/kernel/core_pattern", O_WRONLY);
}

static int set_sysctl(const struct world *world)
{
	return try_open("/proc/sys/kernel/modprobe", O_WRONLY);
}

static int program_of_kernel(const struct world *world)
{
	union bpf_attr attr = {.map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 4, .max_entries = 1};
	return outcome_fd(syscall(SYS_bpf, BPF_MAP_CREATE, &attr, sizeof(attr)));
}

static int measure(const struct world *world)
{
	struct perf_event_attr attr = {
		.size = sizeof(attr), .type = PERF_TYPE_SOFTWARE, .config = PERF_COUNT_SW_CPU_CLOCK};
	return outcome_fd(syscall(SYS_perf_event_open, &attr, -1, 0, -1, 0));
}

static int ring_of_calls(const struct world *world)
{
	struct io_uring_params params = {0};
	return outcome_fd(syscall(SYS_io_uring_setup, 1, &params));
}

static int user_faults(const struct world *world)
{
	return outcome_fd(syscall(SYS_userfaultfd, O_CLOEXEC));
}

static int watch_all(const struct world *world)
{
	return outcome_fd(fanotify_init(FAN_CLASS_CONTENT, O_RDONLY));
}

static int add_key(const struct world *world)
{
	return outcome(syscall(SYS_add_key, "user", "ringside-escape", "x", 1, KEY_SPEC_PROCESS_KEYRING));
}

static int read_keys(const struct world *world)
{
	return outcome(syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_USER_KEYRING, 1, 0, 0));
}

static int module(const struct world *world)
{
	long r = syscall(SYS_finit_module, world->passed_fd, "", 0);
	return r < 0 && errno == ENOEXEC ? 0 : outcome(r); /* no module, but it was read */
}

static int other_kernel(const struct world *world)
{
	return outcome(syscall(SYS_kexec_load, 0, 0, NULL, 0));
}

static int another_table(const struct world *world)
{
	return outcome(personality(PER_LINUX32));
}

#ifdef __x86_64__
static int ports(const struct world *world)
{
	return outcome(ioperm(0x80, 1, 1));
}

static int local_table(const struct world *world)
{
	char entries[8];
	return outcome(syscall(SYS_modify_ldt, 0, entries, sizeof(entries)));
}

/* getpid of the 32-bit table. */
static int call_32(const struct world *world)
{
	long result;
	__asm__ volatile("int $0x80" : "=a"(result) : "a"(20L) : "memory", "r8", "r9", "r10", "r11");
	if (result < 0)
		errno = (int)-result;
	return outcome(result < 0 ? -1 : 0);
}

static int call_x32(const struct world *world)
{
	return outcome(syscall(0x40000000 + SYS_getpid));
}
#endif

#define LOCKDOWN "a kernel that is locked down refuses root, too"

static const struct attempt rows[] = {
	{"kernel-user-space", "makes a user name space (unshare)", user_space, "EPERM", NULL},
	{"kernel-user-space-clone", "makes a user name space (clone)", user_space_by_clone, "ENOSYS EPERM", NULL},
	{"kernel-user-space-clone3", "makes a user name space (clone3)", user_space_by_clone3, "ENOSYS EPERM", NULL},
	{"kernel-network-space", "makes a network name space", network_space, "EPERM", NULL},
	{"kernel-user", "becomes another user", another_user, "EPERM", NULL},
	{"kernel-groups", "takes other groups", other_groups, "EPERM", NULL},
	{"kernel-capability", "raises a capability", raise_capability, "EPERM", NULL},
	{"kernel-execute", "gets capabilities as user 0 by executing a program", by_execute, "EPERM", NULL},
	{"kernel-secure-bits", "gives user 0 its capabilities back", secure_bits, "EPERM", NULL},
	{"kernel-host-name", "changes the name of the host", host_name, "EPERM", NULL},
	{"kernel-memory", "opens /dev/mem", memory, "ENOENT EACCES", LOCKDOWN},
	{"kernel-messages", "writes into the kernel's log", kernel_messages, "ENOENT EACCES", NULL},
	{"kernel-system-request", "opens /proc/sysrq-trigger", system_request, "ENOENT EACCES",
	 "not every kernel has it"},
	{"kernel-core-pattern", "opens the program that gets core dumps for writing", core_pattern, "ENOENT EACCES",
	 NULL},
	{"kernel-sysctl", "opens the kernel's way to load modules for writing", set_sysctl, "ENOENT EACCES",
	 "not every kernel loads modules"},
	{"kernel-bpf", "makes a BPF map", program_of_kernel, "EPERM", NULL},
	{"kernel-perf", "measures all processes of a processor", measure, "EPERM", NULL},
	{"kernel-io-uring", "makes an io_uring", ring_of_calls, "EPERM", "not every kernel has it, or allows it"},
	{"kernel-user-faults", "handles page faults (userfaultfd)", user_faults, "EPERM", "not every kernel has it"},
	{"kernel-fanotify", "makes a fanotify group", watch_all, "EPERM", NULL},
	{"kernel-key", "adds a key", add_key, "EPERM", "not every kernel has keys"},
	{"kernel-keys", "reads the user's keyring", read_keys, "EPERM", "not every kernel has keys"},
	{"kernel-module", "loads a module", module, "EPERM", LOCKDOWN},
	{"kernel-kexec", "loads another kernel", other_kernel, "EPERM", LOCKDOWN},
	{"kernel-personality", "changes its table of system calls", another_table, "EPERM", NULL},
#ifdef __x86_64__
	{"kernel-ports", "opens an i/o port", ports, "EPERM", LOCKDOWN},
	{"kernel-ldt", "reads its segment table", local_table, "EPERM", "not every kernel has it"},
	{"kernel-call-32", "makes a 32-bit system call", call_32, "SIGSYS SIGSEGV", "not every kernel has them"},
	{"kernel-call-x32", "makes an x32 system call", call_x32, "SIGSYS", "hardly any kernel has them"},
#endif
};
ATTEMPTS(attempts_kernel, rows);

/* SPDX-License-Identifier: Apache-2.0 */
#include "doctor_probe.h"

#include "base/fd.h"
#include "ipc/landlock.h"
#include "wire/catalogue.h"
#include "wire/promise.h"
#include "wire/session.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/syscall.h>
#include <sys/utsname.h>

#define FILE_SIZE 16384u
#define NO_BTF "there is no /sys/kernel/btf/vmlinux"
#define NO_FANOTIFY "this kernel gives no fanotify permission events"
#define NO_BPF "this kernel lets no BPF program read its memory"
#define NOT_TRIED_FANOTIFY "fanotify could not be tried: no CAP_SYS_ADMIN"
#define NOT_TRIED_BPF "BPF could not be tried: no CAP_BPF and CAP_PERFMON"

struct probe {
	const struct doctor_machine *machine;
	const char *root;
	struct json_object *notes;
	char buffer[FILE_SIZE]; /* of the file that was read last */
};

/* One finding. what and lost may have a detail in place of %s. */
static void note(struct probe *probe, const char *level, const char *what, const char *lost, const char *to_do)
{
	struct json_object *row = json_object_new_object();
	json_object_object_add(row, "level", json_object_new_string(level));
	json_object_object_add(row, "what", json_object_new_string(what));
	if (lost)
		json_object_object_add(row, "lost", json_object_new_string(lost));
	if (to_do)
		json_object_object_add(row, "do", json_object_new_string(to_do));
	json_object_array_add(probe->notes, row);
}

/* The whole of a file below the root into probe->buffer, without the last newline; NULL when it cannot be read. */
static const char *read_below(struct probe *probe, const char *path)
{
	struct text full = {0};
	text_add(&full, probe->root);
	text_add(&full, path);
	ssize_t size = fd_read_file(AT_FDCWD, text_get(&full), probe->buffer, sizeof(probe->buffer));
	text_deinit(&full);
	if (size < 0)
		return NULL;
	probe->buffer[strcspn(probe->buffer, "\n")] = '\0';
	return probe->buffer;
}

static bool exists_below(const struct probe *probe, const char *path)
{
	struct text full = {0};
	text_add(&full, probe->root);
	text_add(&full, path);
	bool exists = access(text_get(&full), F_OK) == 0;
	text_deinit(&full);
	return exists;
}

/* Whether a list such as "capability,landlock,bpf" or "cpu memory pids" has this word. */
static bool list_has(const char *list, const char *word)
{
	size_t size = strlen(word);
	for (const char *p = list; *p; p += strspn(p, ", ")) {
		size_t n = strcspn(p, ", ");
		if (n == size && strncmp(p, word, size) == 0)
			return true;
		p += n;
	}
	return false;
}

static void probe_kernel(struct probe *probe, struct json_object *doctor)
{
	struct utsname name;
	const char *release = read_below(probe, "/proc/sys/kernel/osrelease");
	unsigned major = 0, minor = 0;
	if (!release && uname(&name) == 0)
		release = name.release;
	if (!release || sscanf(release, "%u.%u", &major, &minor) != 2) {
		note(probe, "warn", "the version of the kernel could not be read", NULL, NULL);
		return;
	}
	json_object_object_add(doctor, "kernel", json_object_new_string(release));
	if (major < 6 || (major == 6 && minor < 1))
		note(probe, "bad", "this kernel is older than 6.1, the oldest that Ringside is tested on",
		     "events may be missing without a word", "use Debian's kernel 6.1 or newer");
	else
		note(probe, "ok", "this kernel is 6.1 or newer", NULL, NULL);
}

static void probe_fanotify(struct probe *probe)
{
	int error = probe->machine->fanotify;
	if (error == 0)
		note(probe, "ok", "fanotify permission events can be had", NULL, NULL);
	else if (error == -EPERM)
		note(probe, "warn", NOT_TRIED_FANOTIFY, NULL, "run 'ringside doctor' as root");
	else
		note(probe, "bad", NO_FANOTIFY, "no exec and no open can be denied",
		     "use a kernel with CONFIG_FANOTIFY_ACCESS_PERMISSIONS=y (Debian's has it)");
}

static void probe_bpf(struct probe *probe)
{
	static const char lost[] = "the bpf sensor: all process, network, memory and kernel events";
	int error = probe->machine->bpf;
	const char *lsm;
	if (exists_below(probe, "/sys/kernel/btf/vmlinux"))
		note(probe, "ok", "the kernel describes its types (BTF)", NULL, NULL);
	else
		note(probe, "bad", NO_BTF, lost, "use a kernel with CONFIG_DEBUG_INFO_BTF=y (Debian's has it)");
	if (error == 0)
		note(probe, "ok", "BPF programs can be loaded, and may read the kernel's memory", NULL, NULL);
	else if (error == -EPERM)
		note(probe, "warn", NOT_TRIED_BPF, NULL, "run 'ringside doctor' as root");
	else
		note(probe, "bad", NO_BPF, lost,
		     "use a kernel with CONFIG_BPF_EVENTS=y (Debian's has it), and no lockdown=confidentiality");
	/* no event hangs on it: verdicts by BPF LSM are not there yet, whatever this list says */
	if (!(lsm = read_below(probe, "/sys/kernel/security/lsm")))
		note(probe, "ok", "the list of security modules could not be read; nothing hangs on it", NULL, NULL);
	else if (list_has(lsm, "bpf"))
		note(probe, "ok", "BPF is among the security modules; nothing here uses it yet", NULL, NULL);
	else
		note(probe, "ok", "BPF is not among the security modules; nothing here would use it yet", NULL, NULL);
}

static void probe_cgroups(struct probe *probe)
{
	static const char *const wanted[] = {"memory", "cpu", "pids"};
	const char *controllers = read_below(probe, "/sys/fs/cgroup/cgroup.controllers");
	if (!controllers)
		controllers = read_below(probe, "/sys/fs/cgroup/unified/cgroup.controllers");
	if (!controllers) {
		note(probe, "warn", "there is no cgroup v2",
		     "events do not name the cgroup; agents have no cgroup of "
		     "their own",
		     "boot with cgroup v2 (Debian's default)");
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++) {
		struct text what = {0}, lost = {0};
		text_format(&what, "cgroup v2 %s the %s controller",
			    list_has(controllers, wanted[i]) ? "has" : "does not have", wanted[i]);
		text_format(&lost, "an agent's use of %s is not bounded by its cgroup", wanted[i]);
		if (list_has(controllers, wanted[i]))
			note(probe, "ok", text_get(&what), NULL, NULL);
		else
			note(probe, "warn", text_get(&what), text_get(&lost),
			     "boot without cgroup v1 controllers (Debian's default)");
		text_deinit(&what);
		text_deinit(&lost);
	}
}

/* A number in a file of /proc/sys; what is not there is as if it were not set. */
static long sysctl_number(struct probe *probe, const char *path, long absent)
{
	const char *text = read_below(probe, path);
	return text ? strtol(text, NULL, 10) : absent;
}

static void probe_jail(struct probe *probe)
{
	char what[80];
	bool none = sysctl_number(probe, "/proc/sys/user/max_user_namespaces", 1) == 0 ||
		    sysctl_number(probe, "/proc/sys/kernel/unprivileged_userns_clone", 1) == 0;
	if (none)
		note(probe, "warn", "user name spaces are switched off",
		     "agents are not started, unless their settings say jail: partial",
		     "set user.max_user_namespaces above 0 and kernel.unprivileged_userns_clone to 1");
	else
		note(probe, "ok", "user name spaces are not switched off", NULL, NULL);
	int abi = probe->machine->landlock;
	snprintf(what, sizeof(what), "Landlock %s (ABI %d)", abi ? "is there" : "is not there", abi);
	if (abi > 0)
		note(probe, "ok", what, NULL, NULL);
	else
		note(probe, "warn", what, "agents are not started, unless their settings say jail: partial",
		     "add landlock to lsm= on the kernel's command line");
}

static void probe_capabilities(struct probe *probe)
{
	static const struct {
		unsigned bit;
		const char *name;
	} wanted[] = {{CAP_SYS_ADMIN, "CAP_SYS_ADMIN"},
		      {CAP_SETUID, "CAP_SETUID"},
		      {CAP_SETGID, "CAP_SETGID"},
		      {CAP_KILL, "CAP_KILL"},
		      {CAP_LEASE, "CAP_LEASE"}};
	struct text full = {0};
	text_add(&full, probe->root);
	text_add(&full, "/proc/self/status");
	ssize_t size = fd_read_file(AT_FDCWD, text_get(&full), probe->buffer, sizeof(probe->buffer));
	text_deinit(&full);
	const char *line = size < 0 ? NULL : strstr(probe->buffer, "\nCapBnd:");
	if (!line) {
		note(probe, "warn", "the capabilities of this process could not be read", NULL, NULL);
		return;
	}
	unsigned long long bounding = strtoull(line + strlen("\nCapBnd:"), NULL, 16);
	struct text missing = {0};
	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++)
		if (!(bounding >> wanted[i].bit & 1))
			text_format(&missing, "%s%s",
				    missing.size ? ", " : "these capabilities cannot be had here: ", wanted[i].name);
	if (missing.size > 0)
		note(probe, "bad", text_get(&missing), "the platform cannot start",
		     "run it on the machine itself, or give the container these capabilities");
	else
		note(probe, "ok", "the capabilities that the platform needs can be had", NULL, NULL);
	text_deinit(&missing);
}

/* Why what a sensor stands on is not there; NULL when it is. *ret_known: false when that could not be found out. */
static const char *source_missing(const struct probe *probe, unsigned source, bool *ret_known)
{
	const struct doctor_machine *machine = probe->machine;
	*ret_known = true;
	if (source == PROMISE_FANOTIFY && machine->fanotify != 0) {
		*ret_known = machine->fanotify != -EPERM;
		return *ret_known ? NO_FANOTIFY : NOT_TRIED_FANOTIFY;
	}
	if (source == PROMISE_BPF && !exists_below(probe, "/sys/kernel/btf/vmlinux"))
		return NO_BTF;
	if (source == PROMISE_BPF && machine->bpf != 0) {
		*ret_known = machine->bpf != -EPERM;
		return *ret_known ? NO_BPF : NOT_TRIED_BPF;
	}
	return NULL;
}

static void expect_event(const struct probe *probe, const struct catalogue_event *event, const char **ret_state,
			 const char **ret_reason)
{
	static const char *const states[] = {
		[SESSION_UNAVAILABLE] = "unavailable",
		[SESSION_DISCRETIONARY] = "discretionary",
		[SESSION_MANDATORY] = "mandatory",
	};
	const struct promise *promise = promise_find(event->number);
	bool known, platform = strcmp(event->family, "platform") == 0;
	if (!promise) {
		*ret_state = states[platform ? SESSION_MANDATORY : SESSION_UNAVAILABLE];
		*ret_reason = platform ? "" : PROMISE_NONE;
		return;
	}
	const char *missing = source_missing(probe, promise->source, &known);
	*ret_state = !known ? "unknown" : states[missing ? SESSION_UNAVAILABLE : promise->state];
	*ret_reason = missing ? missing : promise->reason;
}

static void expect_events(const struct probe *probe, struct json_object *doctor)
{
	struct json_object *abilities = json_object_new_array();
	for (size_t i = 0; i < catalogue_n_events; i++) {
		const char *state, *reason;
		struct json_object *row = json_object_new_object();
		expect_event(probe, &catalogue_events[i], &state, &reason);
		json_object_object_add(row, "event", json_object_new_string(catalogue_events[i].name));
		json_object_object_add(row, "class",
				       json_object_new_string(catalogue_events[i].auth ? "auth" : "notify"));
		json_object_object_add(row, "state", json_object_new_string(state));
		json_object_object_add(row, "reason", json_object_new_string(reason));
		json_object_array_add(abilities, row);
	}
	json_object_object_add(doctor, "expected", json_object_new_boolean(true));
	json_object_object_add(doctor, "abilities", abilities);
}

static int try_fanotify(void)
{
	_cleanup_(fd_closep) int fd =
		fanotify_init(FAN_CLASS_CONTENT | FAN_CLOEXEC | FAN_NONBLOCK, O_RDONLY | O_LARGEFILE | O_CLOEXEC);
	return fd < 0 ? -errno : 0;
}

/* What each of our programs does: it reads the kernel's memory, which a locked down kernel refuses. */
static int try_bpf(void)
{
	static const struct bpf_insn program[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = BPF_REG_1, .src_reg = BPF_REG_10},
		{.code = BPF_ALU64 | BPF_ADD, .dst_reg = BPF_REG_1, .imm = -8},
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_2, .imm = 8},
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_3, .imm = 0},
		{.code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_probe_read_kernel},
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 0},
		{.code = BPF_JMP | BPF_EXIT},
	};
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_RAW_TRACEPOINT,
		.insns = (uint64_t)(uintptr_t)program,
		.insn_cnt = ARRAY_SIZE(program),
		.license = (uint64_t)(uintptr_t)"Dual BSD/GPL",
	};
	_cleanup_(fd_closep) int fd = (int)syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr));
	return fd < 0 ? -errno : 0;
}

void doctor_machine_look(struct doctor_machine *ret)
{
	*ret = (struct doctor_machine){
		.root = "",
		.fanotify = try_fanotify(),
		.bpf = try_bpf(),
		.landlock = landlock_abi(),
	};
}

struct json_object *doctor_probe(const struct doctor_machine *machine)
{
	struct probe *probe = calloc(1, sizeof(*probe));
	struct json_object *doctor = json_object_new_object();
	if (!probe || !doctor) {
		free(probe);
		json_object_put(doctor);
		return NULL;
	}
	probe->machine = machine;
	probe->root = machine->root;
	probe->notes = json_object_new_array();
	json_object_object_add(doctor, "running", json_object_new_boolean(false));
	note(probe, "warn", "the platform is not running",
	     "everything; what follows was looked up by this command alone, and the events are those to be "
	     "expected",
	     "systemctl start ringside");
	probe_kernel(probe, doctor);
	probe_fanotify(probe);
	probe_bpf(probe);
	probe_cgroups(probe);
	probe_jail(probe);
	probe_capabilities(probe);
	expect_events(probe, doctor);
	json_object_object_add(doctor, "notes", probe->notes);
	free(probe);
	return doctor;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "doctor_probe.h"

#include "base/fd.h"
#include "ipc/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/utsname.h>

#define FILE_SIZE 16384u

struct probe {
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
	if (probe->root[0])
		return;
	_cleanup_(fd_closep) int fd =
		fanotify_init(FAN_CLASS_CONTENT | FAN_CLOEXEC | FAN_NONBLOCK, O_RDONLY | O_LARGEFILE | O_CLOEXEC);
	if (fd >= 0)
		note(probe, "ok", "fanotify permission events can be had", NULL, NULL);
	else if (errno == EPERM)
		note(probe, "warn", "fanotify could not be tried: no CAP_SYS_ADMIN", NULL,
		     "run 'ringside doctor' as root");
	else
		note(probe, "bad", "this kernel gives no fanotify permission events",
		     "no exec and no open can be denied",
		     "use a kernel with CONFIG_FANOTIFY_ACCESS_PERMISSIONS=y (Debian's has it)");
}

static void probe_bpf(struct probe *probe)
{
	const char *lsm;
	if (exists_below(probe, "/sys/kernel/btf/vmlinux"))
		note(probe, "ok", "the kernel describes its types (BTF)", NULL, NULL);
	else
		note(probe, "bad", "there is no /sys/kernel/btf/vmlinux",
		     "the bpf sensor: all process, network, memory and kernel events",
		     "use a kernel with CONFIG_DEBUG_INFO_BTF=y (Debian's has it)");
	if (!(lsm = read_below(probe, "/sys/kernel/security/lsm")))
		note(probe, "warn", "the list of security modules could not be read",
		     "it is not known whether BPF programs may decide", "mount securityfs at /sys/kernel/security");
	else if (list_has(lsm, "bpf"))
		note(probe, "ok", "BPF is among the security modules", NULL, NULL);
	else
		note(probe, "warn", "BPF is not among the security modules",
		     "verdicts on other operations than exec and open", "add bpf to lsm= on the kernel's command line");
	if (!exists_below(probe, "/sys/kernel/tracing/events") &&
	    !exists_below(probe, "/sys/kernel/debug/tracing/events"))
		note(probe, "warn", "tracefs is not mounted", "events that only tracepoints give",
		     "mount -t tracefs tracefs /sys/kernel/tracing");
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
	if (probe->root[0])
		return;
	int abi = landlock_abi();
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

struct json_object *doctor_probe(const char *root)
{
	struct probe *probe = calloc(1, sizeof(*probe));
	struct json_object *doctor = json_object_new_object();
	if (!probe || !doctor) {
		free(probe);
		json_object_put(doctor);
		return NULL;
	}
	probe->root = root;
	probe->notes = json_object_new_array();
	json_object_object_add(doctor, "running", json_object_new_boolean(false));
	note(probe, "warn", "the platform is not running",
	     "everything; what follows was looked up by this command alone", "systemctl start ringside");
	probe_kernel(probe, doctor);
	probe_fanotify(probe);
	probe_bpf(probe);
	probe_cgroups(probe);
	probe_jail(probe);
	probe_capabilities(probe);
	json_object_object_add(doctor, "notes", probe->notes);
	free(probe);
	return doctor;
}

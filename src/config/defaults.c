/* SPDX-License-Identifier: Apache-2.0 */
/* What holds when the file does not say otherwise. The manual page ringside.yaml(5) names the same values. */
#include "config/config.h"

#include "base/macro.h"

#include <stdio.h>
#include <string.h>

/*
 * What agents cannot deny, so that a wrong rule leaves a machine that one can log in to and repair. A path is
 * as the kernel resolves it: on systems where /bin is a link the /usr form is met, elsewhere both.
 */
static const char *const essential_paths[] = {
	/* init */
	"/sbin/init",
	"/usr/sbin/init",
	"/usr/lib/systemd/",
	"/lib/systemd/",
	"/usr/bin/systemctl",
	"/bin/systemctl",
	"/usr/bin/journalctl",
	"/usr/bin/udevadm",
	/* coming in, becoming root */
	"/usr/sbin/sshd",
	"/usr/lib/openssh/",
	"/usr/libexec/openssh/",
	"/usr/sbin/agetty",
	"/sbin/agetty",
	"/usr/sbin/getty",
	"/sbin/getty",
	"/usr/sbin/sulogin",
	"/sbin/sulogin",
	"/usr/sbin/unix_chkpwd",
	"/sbin/unix_chkpwd",
	"/usr/bin/sudo",
	"/usr/bin/passwd",
	"/usr/lib/x86_64-linux-gnu/security/",
	"/usr/lib/aarch64-linux-gnu/security/",
	"/usr/lib64/security/",
	/* the package managers and what they run */
	"/usr/bin/apt",
	"/usr/bin/apt-get",
	"/usr/bin/apt-cache",
	"/usr/bin/apt-config",
	"/usr/lib/apt/",
	"/usr/bin/dpkg",
	"/usr/bin/dpkg-deb",
	"/usr/bin/dpkg-query",
	"/usr/bin/dpkg-split",
	"/usr/bin/dpkg-trigger",
	"/usr/bin/dpkg-divert",
	"/usr/sbin/dpkg-preconfigure",
	"/usr/sbin/ldconfig",
	"/sbin/ldconfig",
	"/var/lib/dpkg/",
	"/usr/bin/rpm",
	"/usr/bin/dnf",
	"/usr/bin/dnf-3",
	"/usr/bin/dnf5",
	"/usr/bin/yum",
	"/usr/bin/zypper",
	/* the loader, the C library, and the tables that every login reads */
	"/lib64/ld-linux-x86-64.so.2",
	"/usr/lib64/ld-linux-x86-64.so.2",
	"/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2",
	"/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2",
	"/usr/lib/x86_64-linux-gnu/libc.so.6",
	"/lib/x86_64-linux-gnu/libc.so.6",
	"/usr/lib64/libc.so.6",
	"/lib/ld-linux-aarch64.so.1",
	"/usr/lib/ld-linux-aarch64.so.1",
	"/usr/lib/aarch64-linux-gnu/ld-linux-aarch64.so.1",
	"/usr/lib/aarch64-linux-gnu/libc.so.6",
	"/etc/ld.so.cache",
	"/etc/passwd",
	"/etc/group",
	"/etc/shadow",
	"/etc/nsswitch.conf",
	"/etc/pam.d/",
	"/etc/security/",
	/* Ringside itself */
	RINGSIDE_LIBEXECDIR "/",
	RINGSIDE_SBINDIR "/ringsided",
	RINGSIDE_BINDIR "/ringside",
	"/etc/ringside/",
};

/* In /bin and in /usr/bin: the shells and the tools one repairs with. */
static const char *const essential_tools[] = {
	"sh", "bash", "dash", "busybox", "login", "su",    "mount", "umount", "ls",   "cat",   "cp",
	"mv", "rm",   "ln",   "mkdir",   "chmod", "chown", "ps",    "kill",   "sync", "dmesg", "ip",
};

static void add(struct settings *settings, const char *directory, const char *path)
{
	snprintf(settings->essential[settings->n_essential++], SETTINGS_PATH_SIZE, "%s%s", directory, path);
}

static void default_essential(struct settings *settings)
{
	_Static_assert(ARRAY_SIZE(essential_paths) + 2 * ARRAY_SIZE(essential_tools) <= SETTINGS_ESSENTIAL_MAX - 64,
		       "leaves the operator some");
	for (size_t i = 0; i < ARRAY_SIZE(essential_paths); i++)
		add(settings, "", essential_paths[i]);
	settings->essential_tools_first = settings->n_essential;
	settings->n_essential_tools = 2 * ARRAY_SIZE(essential_tools);
	for (size_t i = 0; i < ARRAY_SIZE(essential_tools); i++) {
		add(settings, "/usr/bin/", essential_tools[i]);
		add(settings, "/bin/", essential_tools[i]);
	}
}

void config_defaults(struct settings *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->magic = SETTINGS_MAGIC;
	ret->size = sizeof(*ret);
	ret->sensor_fanotify = 1;
	ret->sensor_bpf = 1;
	ret->n_scopes = 1;
	strcpy(ret->scopes[0], "/");
	ret->deadline_exec_ms = 1000;
	ret->deadline_open_ms = 250;
	ret->cache_entries = 16384;
	ret->strikes_max = 3;
	ret->strike_window_s = 60;
	ret->bench_s = 60;
	ret->slow_share_percent = 50;
	ret->slow_budget_s = 10;
	ret->uid_base = 60800; /* between the users people make and those systemd makes at run time */
	ret->log_level = 6;
	strcpy(ret->run_dir, "/run/ringside");
	strcpy(ret->state_dir, "/var/lib/ringside");
	default_essential(ret);
}

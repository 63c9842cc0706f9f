/* SPDX-License-Identifier: Apache-2.0 */
#include "cage/jail_notes.h"

#include "base/fd.h"
#include "ipc/landlock.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define SPACES (CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNET)

/* Some systems let anybody make a user name space, and give nothing in it. */
static int try_mount(void)
{
	_cleanup_(fd_closep) int fd = fsopen("tmpfs", FSOPEN_CLOEXEC);
	return fd < 0 ? errno : 0;
}

int jail_try_namespaces(void)
{
	int status;
	pid_t pid = (pid_t)syscall(SYS_clone, SPACES | SIGCHLD, 0, 0, 0, 0);
	if (pid == 0)
		_exit(try_mount());
	if (pid < 0)
		return -errno;
	if (waitpid(pid, &status, 0) != pid)
		return -errno;
	return WIFEXITED(status) ? -WEXITSTATUS(status) : -ECHILD;
}

static void note(struct json *json, bool good, const char *what, const char *lost, const char *advice)
{
	json_open_object(json, NULL);
	json_string(json, "level", good ? "ok" : "warn");
	json_string(json, "what", what);
	json_string(json, "lost", good ? "" : lost);
	json_string(json, "do", good ? "" : advice);
	json_close_object(json);
}

static void namespaces_note(struct json *json)
{
	char what[160];
	int r = jail_try_namespaces();
	snprintf(what, sizeof(what), "agents %s name spaces of their own%s%s", r < 0 ? "cannot have" : "have",
		 r < 0 ? ": " : "", r < 0 ? strerror(-r) : "");
	note(json, r >= 0, what,
	     "agents whose settings say jail: whole (the default) are not started; those with jail: partial see the "
	     "machine's processes, mounts and network",
	     "set user.max_user_namespaces above 0 and kernel.unprivileged_userns_clone to 1, and let no security "
	     "module forbid user name spaces to ringside-cage");
}

/* The lowest first; the first that is not reached says what is lost. */
static void landlock_note(struct json *json)
{
	static const struct {
		int abi;
		const char *lost, *advice;
	} rows[] = {
		{1, "agents whose settings say jail: whole (the default) are not started; a second fence around files",
		 "use a kernel with CONFIG_SECURITY_LANDLOCK=y, and add landlock to lsm= on its command line"},
		{LANDLOCK_ABI_TCP,
		 "agents cannot be limited to ports: those whose settings name some are not started, unless jail: "
		 "partial",
		 "use a kernel of 6.7 or newer, or write network: none or any"},
		{LANDLOCK_ABI_SCOPE,
		 "a second fence around signals and abstract sockets; name spaces and system calls are the first",
		 "use a kernel of 6.12 or newer"},
	};
	char what[80];
	int abi = landlock_abi();
	if (abi > 0)
		snprintf(what, sizeof(what), "Landlock is there, ABI %d", abi);
	else
		snprintf(what, sizeof(what), "Landlock is not there");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (abi < rows[i].abi) {
			note(json, false, what, rows[i].lost, rows[i].advice);
			return;
		}
	note(json, true, what, "", "");
}

void jail_notes(struct json *json)
{
	namespaces_note(json);
	landlock_note(json);
	/* or we would not run ourselves */
	note(json, true, "system calls of agents are filtered", "", "");
}

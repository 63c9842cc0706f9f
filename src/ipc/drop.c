/* SPDX-License-Identifier: Apache-2.0 */
#include "ipc/drop.h"

#include "base/log.h"

#include <cap-ng.h>
#include <errno.h>
#include <grp.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

/* A raise beyond the hard limit needs CAP_SYS_RESOURCE, which a container may lack: then as far as it goes. */
static void limit_files(const struct topology_process *row)
{
	struct rlimit limit = {.rlim_cur = row->files_max, .rlim_max = row->files_max};
	if (setrlimit(RLIMIT_NOFILE, &limit) == 0)
		return;
	getrlimit(RLIMIT_NOFILE, &limit);
	log_warning("wanted %llu open files, the system allows %llu: fewer files can be judged and cached at a time; "
		    "raise LimitNOFILE= of the service",
		    (unsigned long long)row->files_max, (unsigned long long)limit.rlim_max);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static int limit_core(void)
{
	struct rlimit none = {0};
	return setrlimit(RLIMIT_CORE, &none) < 0 ? -errno : 0;
}

static int change_user(uint32_t uid)
{
	/* or the kernel takes all capabilities when the uid stops being 0 */
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
		return -errno;
	if (setgroups(0, NULL) < 0 || setresgid(uid, uid, uid) < 0 || setresuid(uid, uid, uid) < 0)
		return -errno;
	return prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0) < 0 ? -errno : 0;
}

static void keep(uint64_t capabilities)
{
	capng_clear(CAPNG_SELECT_BOTH);
	for (unsigned cap = 0; cap <= CAP_LAST_CAP; cap++)
		if (capabilities >> cap & 1)
			capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED | CAPNG_BOUNDING_SET, cap);
}

/* The bounding set first, while CAP_SETPCAP is there; the others after the change of user. */
static int drop_capabilities_and_user(const struct topology_process *row, uint32_t uid)
{
	keep(row->capabilities);
	if (capng_apply(CAPNG_SELECT_BOUNDS) < 0)
		return -EPERM;
	int r = change_user(uid);
	if (r < 0)
		return r;
	keep(row->capabilities);
	if (capng_apply(CAPNG_SELECT_CAPS) < 0)
		return -EPERM;
	/* kernels before 4.3 have no ambient set, so nothing to clear */
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	return 0;
}

/* After the change of user, which clears it. */
static int die_with(pid_t parent)
{
	if (parent == 0)
		return 0;
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
		return -errno;
	return getppid() == parent ? 0 : -ESRCH;
}

int drop_privilege(const struct topology_process *row, uint32_t uid, pid_t parent)
{
	limit_files(row);
	int r = limit_core();
	if (r >= 0)
		r = drop_capabilities_and_user(row, uid);
	if (r >= 0 && (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0))
		r = -errno;
	if (r >= 0)
		r = die_with(parent);
	if (r < 0)
		log_error("%s: could not become user %u with the capabilities of its table: %s; it must be started as "
			  "root with CAP_SETUID, CAP_SETGID and CAP_SETPCAP",
			  row->name, uid, strerror(-r));
	return r;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * who_test: a process as one in a container is: in a control group that has the name of a container, with a login of
 * its own; and what an event by it must say.
 *
 *     test: who_new ─▶ child: who_enter ─▶ the child does something ─▶ test: who_expect ─▶ who_free
 */
#pragma once

#include "wire/event_build.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cmocka.h>

#define WHO_CONTAINER "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define WHO_GROUP "docker-" WHO_CONTAINER ".scope"
#define WHO_LOGIN 4711u

/* Shared by test and child. */
struct who {
	char folder[160]; /* of the control group */
	uint64_t cgroup_id;
	uint32_t pid, parent_pid;
	uint32_t login_uid, login_session; /* as /proc tells them, at the end of who_enter() */
	bool login_written;
	char exe[4097];
};

/* Where cgroup v2 is; it is mounted nowhere: for this test alone, below /tmp. */
static inline void who_mount(char *ret, size_t size)
{
	static const char *const roots[] = {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"};
	struct statfs fs;
	for (size_t i = 0; i < sizeof(roots) / sizeof(roots[0]); i++) {
		snprintf(ret, size, "%s", roots[i]);
		if (statfs(ret, &fs) == 0 && fs.f_type == CGROUP2_SUPER_MAGIC)
			return;
	}
	snprintf(ret, size, "/tmp/ringside-who-XXXXXX");
	assert_non_null(mkdtemp(ret));
	assert_int_equal(mount("cgroup2", ret, "cgroup2", 0, NULL), 0);
}

static inline struct who *who_new(void)
{
	char root[64];
	struct stat st;
	struct who *who = mmap(NULL, sizeof(*who), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(who != MAP_FAILED);
	who_mount(root, sizeof(root));
	snprintf(who->folder, sizeof(who->folder), "%s/" WHO_GROUP, root);
	assert_true(mkdir(who->folder, 0755) == 0 || errno == EEXIST);
	assert_int_equal(stat(who->folder, &st), 0);
	who->cgroup_id = st.st_ino; /* which is the kernel's id of it */
	return who;
}

/* When the child is gone. */
static inline void who_free(struct who *who)
{
	assert_int_equal(rmdir(who->folder), 0);
	*strrchr(who->folder, '/') = '\0';
	if (strncmp(who->folder, "/tmp/", 5) == 0) {
		assert_int_equal(umount(who->folder), 0);
		assert_int_equal(rmdir(who->folder), 0);
	}
	munmap(who, sizeof(*who));
}

static inline bool who_write(const char *path, unsigned number)
{
	char text[16];
	int n = snprintf(text, sizeof(text), "%u", number), fd = open(path, O_WRONLY | O_CLOEXEC);
	bool written = fd >= 0 && write(fd, text, (size_t)n) == n;
	if (fd >= 0)
		close(fd);
	return written;
}

/* A kernel without audit has no such file, and nobody is logged in. */
static inline uint32_t who_read(const char *path)
{
	unsigned number = UINT32_MAX;
	FILE *file = fopen(path, "re");
	if (file) {
		if (fscanf(file, "%u", &number) != 1)
			number = 0;
		fclose(file);
	}
	return number;
}

/* In the child. False, with errno: it did not get there. */
static inline bool who_enter(struct who *who)
{
	char procs[192];
	snprintf(procs, sizeof(procs), "%s/cgroup.procs", who->folder);
	if (!who_write(procs, 0))
		return false;
	who->login_written = who_write("/proc/self/loginuid", WHO_LOGIN);
	who->login_uid = who_read("/proc/self/loginuid");
	who->login_session = who_read("/proc/self/sessionid");
	who->pid = (uint32_t)getpid();
	who->parent_pid = (uint32_t)getppid();
	return readlink("/proc/self/exe", who->exe, sizeof(who->exe) - 1) > 0;
}

/* In the test: the event is by this child, and says all of it. */
static inline void who_expect(const struct who *who, const struct rs_event *event)
{
	const struct rs_process *process = &event->process;
	size_t size;
	const char *cgroup = rs_str_get(event, process->cgroup, &size);
	assert_int_equal(process->pid, who->pid);
	assert_int_equal(process->parent_pid, who->parent_pid);
	assert_int_equal(process->id & 0x3fffff, who->pid);
	assert_int_equal(process->parent_id & 0x3fffff, who->parent_pid);
	assert_string_equal(rs_str_get(event, process->exe_path, NULL), who->exe);
	assert_true(process->cgroup_id == who->cgroup_id);
	assert_true(size > strlen(WHO_GROUP));
	assert_string_equal(cgroup + size - strlen("/" WHO_GROUP), "/" WHO_GROUP);
	assert_string_equal(rs_str_get(event, process->container_id, NULL), WHO_CONTAINER);
	/* somebody is logged in, unless the kernel lets nobody say so */
	assert_int_equal(process->login_uid, who->login_uid);
	assert_int_equal(process->login_session, who->login_session);
	if (who->login_written) {
		assert_int_equal(process->login_uid, WHO_LOGIN);
		assert_true(process->login_session != UINT32_MAX);
	}
}

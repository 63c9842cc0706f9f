/* SPDX-License-Identifier: Apache-2.0 */
/* doctor_probe_test: what is found in made-up machines: a folder that stands for /. */
#include "base/fd.h"
#include "doctor_probe.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

static char root[] = "/tmp/ringside-doctor-test-XXXXXX";

static void put(const char *path, const char *content)
{
	char full[512];
	snprintf(full, sizeof(full), "%s%s", root, path);
	for (char *p = full + strlen(root) + 1; (p = strchr(p, '/')); p++) {
		*p = '\0';
		assert_true(mkdir(full, 0700) == 0 || errno == EEXIST);
		*p = '/';
	}
	FILE *file = fopen(full, "w");
	assert_non_null(file);
	fputs(content, file);
	fclose(file);
}

static void drop(const char *path)
{
	char full[512];
	snprintf(full, sizeof(full), "%s%s", root, path);
	assert_int_equal(unlink(full), 0);
}

static void put_debian(void)
{
	put("/proc/sys/kernel/osrelease", "6.1.0-28-amd64\n");
	put("/proc/self/status", "Name:\tx\nCapEff:\t0000000000000000\nCapBnd:\t000001ffffffffff\n");
	put("/sys/kernel/btf/vmlinux", "x");
	put("/sys/kernel/security/lsm", "lockdown,capability,landlock,yama,apparmor,bpf");
	put("/sys/kernel/tracing/events", "");
	put("/sys/fs/cgroup/cgroup.controllers", "cpuset cpu io memory hugetlb pids rdma misc\n");
}

/* Level of the note that contains these words; "" when there is none. */
static const char *level_of(struct json_object *doctor, const char *words)
{
	for (size_t i = 0; i < view_length(doctor, "notes"); i++) {
		struct json_object *note = view_element(doctor, "notes", i);
		if (strstr(json_object_get_string(view_member(note, "what")), words))
			return json_object_get_string(view_member(note, "level"));
	}
	return "";
}

static void expect(const char *words, const char *level)
{
	struct json_object *doctor = doctor_probe(root);
	assert_non_null(doctor);
	if (strcmp(level_of(doctor, words), level) != 0)
		fail_msg("'%s' expected as '%s': %s", words, level, json_object_to_json_string(doctor));
	json_object_put(doctor);
}

static void test_debian(void **state)
{
	put_debian();
	struct json_object *doctor = doctor_probe(root);
	for (size_t i = 1; i < view_length(doctor, "notes"); i++)
		assert_string_equal(json_object_get_string(view_member(view_element(doctor, "notes", i), "level")),
				    "ok");
	assert_string_equal(level_of(doctor, "not running"), "warn");
	assert_true(view_is(doctor, "kernel", "6.1.0-28-amd64"));
	json_object_put(doctor);
}

static void test_what_is_missing(void **state)
{
	put_debian();
	put("/proc/sys/kernel/osrelease", "5.10.0\n");
	expect("older than 6.1", "bad");
	put("/proc/sys/kernel/osrelease", "no number\n");
	expect("version of the kernel could not be read", "warn");
	put_debian();
	drop("/sys/kernel/btf/vmlinux");
	expect("/sys/kernel/btf/vmlinux", "bad");
	put_debian();
	put("/sys/kernel/security/lsm", "capability,bpfx,landlock");
	expect("BPF is not among", "warn");
	drop("/sys/kernel/security/lsm");
	expect("list of security modules", "warn");
	put_debian();
	drop("/sys/kernel/tracing/events");
	expect("tracefs is not mounted", "warn");
	put_debian();
	put("/sys/fs/cgroup/cgroup.controllers", "cpu pids\n");
	expect("does not have the memory controller", "warn");
	expect("has the cpu controller", "ok");
	drop("/sys/fs/cgroup/cgroup.controllers");
	expect("no cgroup v2", "warn");
	put_debian();
	put("/proc/sys/user/max_user_namespaces", "0\n");
	expect("user name spaces are switched off", "warn");
	put("/proc/sys/user/max_user_namespaces", "1000\n");
	expect("user name spaces are not switched off", "ok");
	put("/proc/sys/kernel/unprivileged_userns_clone", "0\n");
	expect("user name spaces are switched off", "warn");
	put("/proc/self/status", "Name:\tx\nCapBnd:\t00000000a80425fb\n");
	expect("CAP_SYS_ADMIN, CAP_LEASE", "bad");
	put("/proc/self/status", "Name:\tx\n");
	expect("capabilities of this process could not be read", "warn");
}

static int setup(void **state)
{
	return mkdtemp(root) ? 0 : -1;
}

static int remove_one(const char *path, const struct stat *status, int flag, struct FTW *ftw)
{
	return remove(path);
}

static int teardown(void **state)
{
	return nftw(root, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_debian),
		cmocka_unit_test(test_what_is_missing),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}

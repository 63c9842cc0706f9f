/* SPDX-License-Identifier: Apache-2.0 */
/* doctor_probe_test: what is found in made-up machines: a folder that stands for /. */
#include "base/fd.h"
#include "doctor_probe.h"
#include "wire/catalogue.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char root[] = "/tmp/ringside-doctor-test-XXXXXX";
static struct doctor_machine machine = {.root = root, .landlock = 3};

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
	struct json_object *doctor = doctor_probe(&machine);
	assert_non_null(doctor);
	if (strcmp(level_of(doctor, words), level) != 0)
		fail_msg("'%s' expected as '%s': %s", words, level, json_object_to_json_string(doctor));
	json_object_put(doctor);
}

static void test_debian(void **state)
{
	put_debian();
	struct json_object *doctor = doctor_probe(&machine);
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
	expect("BPF is not among", "ok");
	drop("/sys/kernel/security/lsm");
	expect("list of security modules", "ok");
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
	machine.landlock = 0;
	expect("Landlock is not there", "warn");
	machine.landlock = 3;
}

/* State and reason that are expected of an event; the caller puts the doctor. */
static struct json_object *ability_of(struct json_object *doctor, const char *event)
{
	for (size_t i = 0; i < view_length(doctor, "abilities"); i++)
		if (view_is(view_element(doctor, "abilities", i), "event", event))
			return view_element(doctor, "abilities", i);
	fail_msg("nothing is said of %s", event);
	return NULL;
}

static void expect_ability(const char *event, const char *state, const char *words)
{
	struct json_object *doctor = doctor_probe(&machine), *ability = ability_of(doctor, event);
	if (!view_is(ability, "state", state) || !strstr(json_object_get_string(view_member(ability, "reason")), words))
		fail_msg("%s expected as %s, '%s': %s", event, state, words, json_object_to_json_string(ability));
	json_object_put(doctor);
}

/* Each event of the catalogue once, as the sensors promise it, and marked as expected. */
static void test_expected(void **state)
{
	put_debian();
	struct json_object *doctor = doctor_probe(&machine);
	assert_true(json_object_get_boolean(view_member(doctor, "expected")));
	assert_int_equal(view_length(doctor, "abilities"), catalogue_n_events);
	for (size_t i = 0; i < catalogue_n_events; i++)
		assert_true(view_is(view_element(doctor, "abilities", i), "event", catalogue_events[i].name));
	json_object_put(doctor);
	expect_ability("exec", "mandatory", "");
	expect_ability("denied", "mandatory", "");
	expect_ability("connect", "discretionary", "io_uring");
	expect_ability("auth_open", "discretionary", "O_PATH");
	expect_ability("auth_connect", "unavailable", "BPF LSM back end");
	expect_ability("login", "unavailable", "no sensor");
}

/* What is taken away takes its own events along, and no others. */
static void test_expected_without(void **state)
{
	put_debian();
	drop("/sys/kernel/btf/vmlinux");
	expect_ability("exec", "unavailable", "/sys/kernel/btf/vmlinux");
	expect_ability("auth_exec", "discretionary", "memfd");
	put_debian();
	machine.bpf = -EINVAL;
	expect("lets no BPF program read", "bad");
	expect_ability("connect", "unavailable", "lets no BPF program read");
	machine.bpf = -EPERM;
	expect("BPF could not be tried", "warn");
	expect_ability("connect", "unknown", "BPF could not be tried");
	expect_ability("auth_connect", "unavailable", "BPF LSM back end");
	machine.bpf = 0;
	machine.fanotify = -ENOSYS;
	expect("gives no fanotify", "bad");
	expect_ability("auth_open", "unavailable", "gives no fanotify");
	expect_ability("exec", "mandatory", "");
	machine.fanotify = -EPERM;
	expect("fanotify could not be tried", "warn");
	expect_ability("close_write", "unknown", "fanotify could not be tried");
	machine.fanotify = 0;
}

/* This machine: what it says to root it says to the sensors, too. */
static void test_this_machine(void **state)
{
	struct doctor_machine this;
	doctor_machine_look(&this);
	assert_string_equal(this.root, "");
	assert_true(this.fanotify <= 0 && this.bpf <= 0 && this.landlock >= 0);
	if (geteuid() != 0) {
		assert_int_equal(this.fanotify, -EPERM);
		return;
	}
	assert_int_equal(this.fanotify, 0);
	assert_int_equal(this.bpf, 0);
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
		cmocka_unit_test(test_debian),       cmocka_unit_test(test_what_is_missing),
		cmocka_unit_test(test_expected),     cmocka_unit_test(test_expected_without),
		cmocka_unit_test(test_this_machine),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}

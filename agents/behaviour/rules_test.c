/* SPDX-License-Identifier: Apache-2.0 */
/* Each rule with sequences that it must see, and with their innocent twins that it must not. */
#include "behaviour/test_world.h"
#include "common/common.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static int begin(void **state)
{
	world_begin("kill = server_shell\ndeny = service_folder\n", NULL);
	return 0;
}

static int end(void **state)
{
	world_end();
	return 0;
}

/* init ─▶ a program with a pid and a user */
static void start(uint32_t parent, uint32_t pid, const char *path, uint32_t uid)
{
	world_fork(parent, pid);
	world_exec(pid, path);
	if (uid != world.processes[pid].uid)
		world_user(pid, uid);
}

static void test_shell(void **state)
{
	start(1, 10, "/usr/sbin/nginx", 0);
	world_fork(10, 11);
	world_user(11, 33);
	assert_int_equal(world_found_any(), 0);
	start(11, 12, "/usr/bin/dash", 33);
	assert_int_equal(world_found("server_shell"), 1);
	assert_non_null(strstr(world.last.text, "/usr/sbin/nginx"));
	/* the same shell again is no news; another one is */
	world_open(12, "/etc/hostname", false);
	start(11, 13, "/usr/bin/bash", 33);
	assert_int_equal(world_found("server_shell"), 2);
	/* through a program in between */
	start(11, 14, "/usr/bin/python3.11", 33);
	start(14, 15, "/usr/bin/sh", 33);
	assert_int_equal(world_found("server_shell"), 3);
}

static void test_shell_of_people(void **state)
{
	start(1, 10, "/usr/sbin/sshd", 0);
	start(10, 11, "/usr/bin/bash", 1000);
	start(1, 20, "/usr/sbin/cron", 0);
	start(20, 21, "/usr/bin/dash", 0);
	/* a person restarts the server by a script */
	start(11, 12, "/usr/sbin/nginx", 0);
	/* the server starts what is no shell, or a script of its own */
	start(12, 13, "/usr/bin/gzip", 33);
	world_fork(12, 14);
	world_exec_file(14, "/usr/bin/dash", "/usr/share/nginx/rotate.sh", 5, 0);
	/* a shell that looks like a server's name in its folder only */
	start(11, 15, "/srv/nginx/bin/tool", 1000);
	start(15, 16, "/usr/bin/bash", 1000);
	assert_int_equal(world_found_any(), 0);
}

/* The parent ended, and its pid was given to a server: ids tell them apart. */
static void test_pid_used_again(void **state)
{
	start(1, 10, "/usr/bin/make", 1000);
	world_fork(10, 11);
	world_exit(10);
	start(1, 10, "/usr/sbin/nginx", 0);
	world_exec(11, "/usr/bin/sh");
	assert_int_equal(world_found_any(), 0);
	/* and the other way about: the server ended, its child is still its child */
	world_fork(10, 12);
	world_exit(10);
	start(1, 10, "/usr/bin/make", 1000);
	world_exec(12, "/usr/bin/sh");
	assert_int_equal(world_found("server_shell"), 1);
}

static void test_memfd(void **state)
{
	start(1, 10, "/usr/bin/python3", 1000);
	world_exec_file(10, "/memfd:x (deleted)", "", 9, RS_FILE_MEMFD);
	assert_int_equal(world_found("memfd_exec"), 1);
	/* known by its path alone */
	start(1, 11, "/tmp/loader", 1000);
	world_exec_file(11, "/memfd:kworker", "", 0, 0);
	assert_int_equal(world_found("memfd_exec"), 2);
	/* container runtimes do; who only calls itself so does not */
	world_forget();
	start(1, 12, "/usr/bin/runc", 0);
	world_exec_file(12, "/memfd:runc_cloned:/proc/self/exe", "", 10, RS_FILE_MEMFD);
	assert_int_equal(world_found_any(), 0);
	start(1, 13, "/tmp/runc", 1000);
	world_exec_file(13, "/memfd:runc_cloned:/proc/self/exe", "", 11, RS_FILE_MEMFD);
	assert_int_equal(world_found("memfd_exec"), 1);
}

static void test_credentials(void **state)
{
	static const char *const files[] = {"/etc/shadow",
					    "/root/.ssh/id_ed25519",
					    "/home/a/.ssh/id_rsa",
					    "/home/a/.aws/credentials",
					    "/home/a/.mozilla/firefox/x.default/logins.json",
					    "/home/a/.config/google-chrome/Default/Cookies"};
	for (uint32_t i = 0; i < ARRAY_SIZE(files); i++) {
		start(1, 10 + i, "/usr/bin/cat", 0);
		world_open(10 + i, files[i], false);
		assert_int_equal(world_found("credential_read"), i + 1);
		/* once for a process, however often it reads */
		world_open(10 + i, files[i], false);
		assert_int_equal(world_found("credential_read"), i + 1);
	}
	world_forget();
	start(1, 50, "/tmp/x", 1000);
	world_open(50, "/etc/shadow", true);
	assert_non_null(strstr(world.last.text, "refused"));
	/* a reader by name only where names can be trusted */
	start(1, 51, "/tmp/sshd", 1000);
	world_open(51, "/etc/shadow", false);
	assert_int_equal(world_found("credential_read"), 2);
}

static void test_credentials_of_their_own(void **state)
{
	static const struct {
		const char *exe, *path;
	} pairs[] = {
		{"/usr/bin/sudo", "/etc/shadow"},
		{"/usr/sbin/unix_chkpwd", "/etc/shadow"},
		{"/usr/bin/ssh", "/home/a/.ssh/id_rsa"},
		{"/usr/bin/ssh-add", "/root/.ssh/id_ed25519"},
		{"/usr/bin/cat", "/home/a/.ssh/id_rsa.pub"},
		{"/usr/bin/kubectl", "/home/a/.kube/config"},
		{"/usr/bin/cat", "/etc/passwd"},
		{"/usr/bin/vi", "/home/a/shadow"},
		{"/usr/lib/firefox/firefox", "/home/a/.mozilla/firefox/x/logins.json"},
	};
	for (uint32_t i = 0; i < ARRAY_SIZE(pairs); i++) {
		start(1, 10 + i, pairs[i].exe, 1000);
		world_open(10 + i, pairs[i].path, false);
	}
	assert_int_equal(world_found_any(), 0);
}

static const char *const kinds[] = {"odt", "pdf", "jpg", "txt", "xlsx", "docx", "png", "csv"};

/* The i-th file of a home full of documents. */
static const char *document(uint32_t i, const char *suffix)
{
	static char paths[2][128];
	static unsigned turn;
	char *path = paths[turn++ % 2];
	snprintf(path, sizeof(paths[0]), "/home/a/folder-%u/file-%u.%s%s", i % 9, i, kinds[i % ARRAY_SIZE(kinds)],
		 suffix);
	return path;
}

static void test_mass_rename(void **state)
{
	start(1, 10, "/home/a/x", 1000);
	for (uint32_t i = 0; i < 19; i++)
		world_rename(10, document(i, ""), document(i, ".locked"));
	assert_int_equal(world_found_any(), 0);
	world_rename(10, document(19, ""), document(19, ".locked"));
	assert_int_equal(world_found("mass_change"), 1);
	assert_int_equal(world.last.target_id, world.processes[10].id);
	for (uint32_t i = 20; i < 500; i++)
		world_rename(10, document(i, ""), document(i, ".locked"));
	assert_int_equal(world_found("mass_change"), 1);
}

/* A script that runs mv for each file: the tree is what counts, and what is to be ended is the script. */
static void test_mass_rename_by_a_tree(void **state)
{
	start(1, 10, "/usr/bin/bash", 1000);
	start(10, 11, "/usr/bin/bash", 1000);
	for (uint32_t i = 0; i < 30; i++) {
		start(11, 100 + i, "/usr/bin/mv", 1000);
		world_rename(100 + i, document(i, ""), document(i, ".enc"));
		world_exit(100 + i);
	}
	assert_int_equal(world_found("mass_change"), 1);
	assert_int_equal(world.last.target_id, world.processes[11].id);
}

/* Who started the one that did it is not taken for it when it goes on with its work. */
static void test_mass_of_a_child(void **state)
{
	start(1, 10, "/usr/bin/bash", 1000);
	start(10, 11, "/home/a/x", 1000);
	for (uint32_t i = 0; i < 100; i++) {
		world_write(11, document(i, ""), 5000 + i);
		world_rename(11, document(i, ""), document(i, ".locked"));
	}
	start(10, 12, "/usr/bin/touch", 1000);
	for (uint32_t i = 100; i < 110; i++) {
		world_write(12, document(i, ""), 5000 + i);
		world_rename(12, document(i, ""), document(i, ".locked"));
	}
	assert_int_equal(world_found("mass_change"), 1);
}

static void test_mass_overwrite(void **state)
{
	start(1, 10, "/home/a/x", 1000);
	for (uint32_t i = 0; i < 100; i++)
		world_write(10, document(i, ""), 5000 + i);
	assert_int_equal(world_found("mass_change"), 1);
}

static void test_mass_innocent(void **state)
{
	char from[128], to[160];
	/* slowly */
	start(1, 10, "/home/a/x", 1000);
	for (uint32_t i = 0; i < 100; i++, world_wait(4000))
		world_rename(10, document(i, ""), document(i, ".locked"));
	/* one folder; one kind; the same file again and again */
	start(1, 11, "/home/a/y", 1000);
	for (uint32_t i = 0; i < 100; i++) {
		snprintf(from, sizeof(from), "/home/a/one/file-%u.%s", i, kinds[i % 8]);
		snprintf(to, sizeof(to), "%s.locked", from);
		world_rename(11, from, to);
		snprintf(from, sizeof(from), "/home/a/%u/file.c", i);
		snprintf(to, sizeof(to), "%s.moved", from);
		world_rename(11, from, to);
	}
	start(1, 12, "/home/a/z", 1000);
	for (uint32_t i = 0; i < 1000; i++)
		world_write(12, document(i % 20, ""), 5000 + i % 20);
	assert_int_equal(world_found_any(), 0);
}

/* What a compile, a package and a rotation of logs do to names. */
static void test_mass_work(void **state)
{
	char path[128], other[160];
	start(1, 10, "/usr/bin/make", 1000);
	start(10, 11, "/usr/bin/dpkg", 0);
	start(10, 12, "/usr/sbin/logrotate", 0);
	for (uint32_t i = 0; i < 300; i++) {
		snprintf(path, sizeof(path), "/src/%u/file-%u.%s", i % 20, i, kinds[i % 8]);
		snprintf(other, sizeof(other), "%s.tmp", path);
		world_create(10, other, 20000 + i);
		world_write(10, other, 20000 + i);
		world_rename(10, other, path);
		snprintf(other, sizeof(other), "%s.dpkg-new", path);
		world_rename(11, other, path);
		snprintf(other, sizeof(other), "%s.dpkg-tmp", path);
		world_rename(11, path, other);
		world_write(11, path, 30000 + i);
		snprintf(other, sizeof(other), "%s.1", path);
		world_rename(12, path, other);
		/* objects that are written again by a compiler that unlinked them first */
		world_create(10, path, 40000 + i);
		world_write(10, path, 40000 + i);
	}
	assert_int_equal(world_found_any(), 0);
}

static void test_inject(void **state)
{
	start(1, 10, "/home/a/x", 1000);
	start(1, 11, "/usr/bin/vault", 1001);
	start(1, 12, "/home/a/victim", 1000);
	start(1, 13, "/usr/bin/gdb", 0);
	start(1, 14, "/usr/bin/gdb", 1000);
	world_ptrace(14, 12);
	world_ptrace(13, 12); /* root with a debugger */
	world_write_memory(10, 12);
	world_write_memory(10, 10);
	assert_int_equal(world_found_any(), 0);
	world_write_memory(10, 11);
	assert_int_equal(world_found("inject"), 1);
	world_ptrace(14, 11); /* a debugger is allowed for root only */
	assert_int_equal(world_found("inject"), 2);
	start(1, 15, "/tmp/gdb", 0);
	world_ptrace(15, 12);
	assert_int_equal(world_found("inject"), 3);
}

/* chmod(2) is told by name alone, fchmod(2) with the inode. */
static void test_download_made_executable(void **state)
{
	start(1, 11, "/usr/bin/curl", 1000);
	world_connect(11, 192, 443);
	for (uint32_t by_name = 0; by_name < 2; by_name++) {
		uint64_t ino = 77 + by_name;
		const char *path = by_name ? "/home/a/named" : "/home/a/payload";
		world_write(11, path, ino);
		world_chmod(11, "/home/a/other", by_name ? 0 : ino + 100, 0755);
		world_fork(11, 20 + by_name);
		world_exec_file(20 + by_name, path, "", ino, 0);
		assert_int_equal(world_found("download_exec"), 2 * by_name + 1);
		assert_null(strstr(world.last.text, "made executable"));
		world_chmod(11, path, by_name ? 0 : ino, 0755);
		world_fork(11, 30 + by_name);
		world_exec_file(30 + by_name, path, "", ino, 0);
		assert_int_equal(world_found("download_exec"), 2 * by_name + 2);
		assert_non_null(strstr(world.last.text, "made executable"));
	}
}

static void test_download(void **state)
{
	start(1, 10, "/usr/bin/bash", 1000);
	start(10, 11, "/usr/bin/curl", 1000);
	world_connect(11, 192, 443);
	world_create(11, "/home/a/payload", 77);
	world_write(11, "/home/a/payload", 77);
	world_exit(11);
	start(10, 12, "/usr/bin/chmod", 1000);
	world_chmod(12, "/home/a/payload", 77, 0755);
	world_fork(10, 13);
	world_exec_file(13, "/home/a/payload", "", 77, 0);
	assert_int_equal(world_found("download_exec"), 1);
	assert_non_null(strstr(world.last.text, "curl"));
	assert_non_null(strstr(world.last.text, "made executable"));
	/* a script, by a child of who reached out; renamed before it ran */
	start(10, 14, "/usr/bin/wget", 1000);
	world_connect(14, 192, 80);
	start(14, 15, "/usr/bin/tee", 1000);
	world_write(15, "/home/a/s.part", 78);
	world_rename(15, "/home/a/s.part", "/home/a/s.sh");
	world_fork(10, 16);
	world_exec_file(16, "/usr/bin/dash", "/home/a/s.sh", 3, 0);
	assert_int_equal(world_found("download_exec"), 2);
	world_write(15, "/home/a/t.sh", 79);
	world_fork(10, 17);
	world_exec_file(17, "/usr/bin/dash", "/home/a/t.sh", 3, 0);
	assert_int_equal(world_found("download_exec"), 3);
}

static void test_download_innocent(void **state)
{
	start(1, 10, "/usr/bin/bash", 1000);
	/* fetched, and run a day later */
	start(10, 11, "/usr/bin/curl", 1000);
	world_connect(11, 192, 443);
	world_write(11, "/home/a/tool", 77);
	world_wait(90000);
	world_fork(10, 12);
	world_exec_file(12, "/home/a/tool", "", 77, 0);
	/* compiled and run, by who reached out to nothing but itself and a name server */
	start(10, 13, "/usr/bin/gcc", 1000);
	world_connect(13, 127, 443);
	world_connect(13, 192, 53);
	world_write(13, "/home/a/a.out", 78);
	world_fork(10, 14);
	world_exec_file(14, "/home/a/a.out", "", 78, 0);
	/* a package manager */
	start(10, 15, "/usr/bin/apt-get", 0);
	world_connect(15, 192, 80);
	start(15, 16, "/usr/bin/dpkg", 0);
	world_write(16, "/var/lib/dpkg/info/x.postinst", 80);
	world_fork(16, 17);
	world_exec_file(17, "/usr/bin/dash", "/var/lib/dpkg/info/x.postinst", 3, 0);
	assert_int_equal(world_found_any(), 0);
}

static void test_folder(void **state)
{
	start(1, 10, "/usr/sbin/apache2", 33);
	assert_true(world_asks_exec(10, "/tmp/x"));
	assert_int_equal(world_found("service_folder"), 1);
	assert_false(world_asks_exec(10, "/usr/bin/perl"));
	/* denied again each time, told once */
	assert_true(world_asks_exec(10, "/dev/shm/y"));
	assert_int_equal(world_found("service_folder"), 1);
	start(1, 11, "/usr/bin/bash", 1000);
	assert_false(world_asks_exec(11, "/tmp/x"));
	assert_false(world_asks_exec(1, "/tmp/x"));
	/* seen afterwards, where nobody asked */
	start(1, 12, "/usr/sbin/apache2", 33);
	world_exec(12, "/var/tmp/z");
	assert_int_equal(world_found("service_folder"), 2);
}

static void test_off(void **state)
{
	world_end();
	world_begin("off = memfd_exec credential_read\n", NULL);
	start(1, 10, "/usr/bin/cat", 0);
	world_open(10, "/etc/shadow", false);
	world_exec_file(10, "/memfd:x", "", 9, RS_FILE_MEMFD);
	assert_int_equal(world_found_any(), 0);
	assert_false(world_asks_exec(10, "/tmp/x")); /* nothing said that it denies */
}

/* One finding a rule, a minute, is enough to look at: the rest is counted. */
static void test_suppressed(void **state)
{
	for (uint32_t i = 0; i < 200; i++) {
		start(1, 100 + i, "/usr/bin/cat", 0);
		world_open(100 + i, "/etc/shadow", false);
	}
	assert_int_equal(world_found("credential_read"), DETECT_PER_MIN);
	int rule = rule_find("credential_read");
	assert_int_equal(world.detect.rules[rule].found, 200);
	assert_int_equal(world.detect.rules[rule].suppressed, 200 - DETECT_PER_MIN);
	world_wait(60000);
	start(1, 400, "/usr/bin/cat", 0);
	world_open(400, "/etc/shadow", false);
	assert_int_equal(world_found("credential_read"), DETECT_PER_MIN + 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(test_shell),
		TEST(test_shell_of_people),
		TEST(test_pid_used_again),
		TEST(test_memfd),
		TEST(test_credentials),
		TEST(test_credentials_of_their_own),
		TEST(test_mass_rename),
		TEST(test_mass_rename_by_a_tree),
		TEST(test_mass_of_a_child),
		TEST(test_mass_overwrite),
		TEST(test_mass_innocent),
		TEST(test_mass_work),
		TEST(test_inject),
		TEST(test_download),
		TEST(test_download_made_executable),
		TEST(test_download_innocent),
		TEST(test_folder),
		TEST(test_off),
		TEST(test_suppressed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

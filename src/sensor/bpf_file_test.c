/* SPDX-License-Identifier: Apache-2.0 */
/* Names and attributes of files: each operation, done for real by a child, and the event that it makes. */
#include "base/fd.h"
#include "sensor/bpf_test_world.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cmocka.h>

#define LEXICAL RS_FILE_PATH_LEXICAL

/* In a folder of its own, which the test removes. Children work in it. */
static char folder[64];

static int setup(void **state)
{
	strcpy(folder, "/tmp/bpf_file_test.XXXXXX");
	assert_non_null(mkdtemp(folder));
	return 0;
}

static int teardown(void **state)
{
	char command[128];
	snprintf(command, sizeof(command), "rm -r %s", folder);
	return system(command);
}

static const char *in_folder(const char *name)
{
	static char path[4][256];
	static size_t turn;
	char *to = path[turn++ % 4];
	snprintf(to, sizeof(path[0]), "%s/%s", folder, name);
	return to;
}

static void make_file(const char *name, const char *bytes)
{
	int fd = open(in_folder(name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	assert_int_equal(write(fd, bytes, strlen(bytes)), (ssize_t)strlen(bytes));
	close(fd);
}

static const struct rs_event *nth(const struct world *world, uint16_t type, size_t n)
{
	const struct rs_event *event = world_find(world, type, world->child, n);
	assert_non_null(event);
	return event;
}

static void do_create(void *data)
{
	CHILD_EXPECT(chdir(folder) == 0);
	int dir = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CHILD_EXPECT(open("opened", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600) >= 0);
	CHILD_EXPECT(open("opened", O_RDWR | O_CREAT | O_CLOEXEC, 0600) >= 0); /* is there: no event */
	CHILD_EXPECT(creat("created", 0644) >= 0);
	CHILD_EXPECT(mkdir("sub", 0755) == 0);
	CHILD_EXPECT(mkdirat(dir, "sub/inner", 0755) == 0);
	CHILD_EXPECT(openat(dir, "sub/../at", O_WRONLY | O_CREAT | O_CLOEXEC, 0600) >= 0);
	CHILD_EXPECT(mknod("fifo", S_IFIFO | 0600, 0) == 0);
	CHILD_EXPECT(symlink("where/it/points", "./sub//link") == 0);
	CHILD_EXPECT(mkdir("sub", 0755) < 0); /* refused: no event */
}

static void test_create(void **state)
{
	struct world *world = *state;
	world_run(world, do_create, NULL);
	static const struct {
		const char *name;
		uint32_t flags;
		const char *link;
	} expected[] = {
		{"opened", 0, ""},     {"created", 0, ""},
		{"sub", LEXICAL, ""},  {"sub/inner", LEXICAL, ""},
		{"at", 0, ""}, /* resolved by the kernel */
		{"fifo", LEXICAL, ""}, {"sub/link", LEXICAL, "where/it/points"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
		const struct rs_event *event = nth(world, RS_EVENT_CREATE, i);
		world_expect_file(event, &rs_event_create(event)->file, in_folder(expected[i].name), expected[i].flags);
		world_expect_str(event, rs_event_create(event)->link_target, expected[i].link);
	}
	assert_null(world_find(world, RS_EVENT_CREATE, world->child, ARRAY_SIZE(expected)));
}

static void do_names(void *data)
{
	int dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CHILD_EXPECT(chdir("/") == 0);
	CHILD_EXPECT(linkat(dir, "a", dir, "b", 0) == 0);
	CHILD_EXPECT(link(in_folder("a"), in_folder("c")) == 0);
	CHILD_EXPECT(renameat2(dir, "b", dir, "d", RENAME_NOREPLACE) == 0);
	CHILD_EXPECT(rename(in_folder("c"), in_folder("e")) == 0);
	CHILD_EXPECT(unlinkat(dir, "d", 0) == 0);
	CHILD_EXPECT(unlink(in_folder("e")) == 0);
	CHILD_EXPECT(rmdir(in_folder("emp\nty")) == 0);
	CHILD_EXPECT(unlink(in_folder("e")) < 0); /* not there: no event */
}

static void test_names(void **state)
{
	struct world *world = *state;
	make_file("a", "a");
	mkdir(in_folder("emp\nty"), 0755);
	world_run(world, do_names, NULL);
	static const char *const links[][2] = {{"a", "b"}, {"a", "c"}}, *const renames[][2] = {{"b", "d"}, {"c", "e"}};
	static const char *const unlinks[] = {"d", "e", "emp\nty"};
	for (size_t i = 0; i < 2; i++) {
		const struct rs_event *event = nth(world, RS_EVENT_LINK, i);
		world_expect_file(event, &rs_event_link(event)->file, in_folder(links[i][0]), LEXICAL);
		world_expect_file(event, &rs_event_link(event)->destination, in_folder(links[i][1]), LEXICAL);
		event = nth(world, RS_EVENT_RENAME, i);
		world_expect_file(event, &rs_event_rename(event)->file, in_folder(renames[i][0]), LEXICAL);
		world_expect_file(event, &rs_event_rename(event)->destination, in_folder(renames[i][1]), LEXICAL);
		assert_int_equal(rs_event_rename(event)->rename_flags, i == 0 ? RENAME_NOREPLACE : 0);
	}
	for (size_t i = 0; i < ARRAY_SIZE(unlinks); i++) {
		const struct rs_event *event = nth(world, RS_EVENT_UNLINK, i);
		world_expect_file(event, &rs_event_unlink(event)->file, in_folder(unlinks[i]), LEXICAL);
	}
	assert_null(world_find(world, RS_EVENT_UNLINK, world->child, 3));
}

static void do_attributes(void *data)
{
	int fd = open(in_folder("a"), O_RDWR | O_CLOEXEC);
	CHILD_EXPECT(chdir(folder) == 0);
	CHILD_EXPECT(chmod("a", 04711) == 0);
	CHILD_EXPECT(fchmod(fd, 0640) == 0);
	CHILD_EXPECT(fchmodat(AT_FDCWD, "./a", 0644, 0) == 0);
	CHILD_EXPECT(chown("a", 12, (gid_t)-1) == 0);
	CHILD_EXPECT(fchown(fd, (uid_t)-1, 13) == 0);
	CHILD_EXPECT(fchownat(fd, "", 0, 0, AT_EMPTY_PATH) == 0);
	CHILD_EXPECT(setxattr("a", "trusted.ringside", "v", 1, 0) == 0);
	CHILD_EXPECT(fsetxattr(fd, "trusted.two", "v", 1, 0) == 0);
	CHILD_EXPECT(removexattr("a", "trusted.ringside") == 0);
	CHILD_EXPECT(truncate("a", 5) == 0);
	CHILD_EXPECT(ftruncate(fd, 10) == 0);
	CHILD_EXPECT(ftruncate(fd, -1) < 0);
}

static void test_attributes(void **state)
{
	struct world *world = *state;
	make_file("a", "some bytes");
	world_run(world, do_attributes, NULL);
	static const uint32_t modes[][2] = {{04711, LEXICAL}, {0640, 0}, {0644, LEXICAL}};
	static const uint32_t owners[][3] = {{12, ~0u, LEXICAL}, {~0u, 13, 0}, {0, 0, 0}};
	static const struct {
		const char *name;
		uint32_t removed, flags;
	} xattrs[] = {{"trusted.ringside", 0, LEXICAL}, {"trusted.two", 0, 0}, {"trusted.ringside", 1, LEXICAL}};
	for (size_t i = 0; i < 3; i++) {
		const struct rs_event *event = nth(world, RS_EVENT_MODE, i);
		world_expect_str(event, rs_event_mode(event)->file.path, in_folder("a"));
		assert_int_equal(rs_event_mode(event)->new_mode, modes[i][0]);
		assert_int_equal(rs_event_mode(event)->file.flags, modes[i][1]);
		event = nth(world, RS_EVENT_OWNER, i);
		world_expect_str(event, rs_event_owner(event)->file.path, in_folder("a"));
		assert_int_equal(rs_event_owner(event)->new_uid, owners[i][0]);
		assert_int_equal(rs_event_owner(event)->new_gid, owners[i][1]);
		assert_int_equal(rs_event_owner(event)->file.flags, owners[i][2]);
		event = nth(world, RS_EVENT_XATTR, i);
		world_expect_str(event, rs_event_xattr(event)->file.path, in_folder("a"));
		world_expect_str(event, rs_event_xattr(event)->attribute, xattrs[i].name);
		assert_int_equal(rs_event_xattr(event)->removed, xattrs[i].removed);
		assert_int_equal(rs_event_xattr(event)->file.flags, xattrs[i].flags);
	}
	const struct rs_event *event = nth(world, RS_EVENT_TRUNCATE, 0);
	world_expect_file(event, &rs_event_truncate(event)->file, in_folder("a"), LEXICAL);
	assert_int_equal(rs_event_truncate(event)->length_bytes, 5);
	event = nth(world, RS_EVENT_TRUNCATE, 1);
	world_expect_file(event, &rs_event_truncate(event)->file, in_folder("a"), 0);
	assert_int_equal(rs_event_truncate(event)->length_bytes, 10);
	assert_null(world_find(world, RS_EVENT_TRUNCATE, world->child, 2));
}

/* Across mounts, after an unlink, and under another root: what the kernel resolved is where it truly is. */
static void do_places(void *data)
{
	CHILD_EXPECT(unshare(CLONE_NEWNS) == 0);
	CHILD_EXPECT(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
	CHILD_EXPECT(mount("one", folder, "tmpfs", 0, NULL) == 0);
	CHILD_EXPECT(mkdir(in_folder("x"), 0755) == 0);
	CHILD_EXPECT(mount("two", in_folder("x"), "tmpfs", 0, NULL) == 0);
	int fd = open(in_folder("x/file"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	CHILD_EXPECT(fd >= 0 && unlink(in_folder("x/file")) == 0);
	CHILD_EXPECT(fchmod(fd, 0400) == 0);
	CHILD_EXPECT(chroot(in_folder("x")) == 0 && chdir("/") == 0);
	CHILD_EXPECT(mkdir("/../in_root", 0755) == 0);
	CHILD_EXPECT(open("/made", O_WRONLY | O_CREAT | O_CLOEXEC, 0600) >= 0);
}

static void test_places(void **state)
{
	struct world *world = *state;
	world_run(world, do_places, NULL);
	const struct rs_event *event = nth(world, RS_EVENT_CREATE, 1);
	world_expect_str(event, rs_event_create(event)->file.path, in_folder("x/file"));
	event = nth(world, RS_EVENT_MODE, 0);
	world_expect_str(event, rs_event_mode(event)->file.path, in_folder("x/file"));
	assert_int_equal(rs_event_mode(event)->file.flags, RS_FILE_DELETED);
	event = nth(world, RS_EVENT_CREATE, 2);
	world_expect_str(event, rs_event_create(event)->file.path, in_folder("x/in_root"));
	event = nth(world, RS_EVENT_CREATE, 3);
	world_expect_str(event, rs_event_create(event)->file.path, in_folder("x/made"));
}

static void do_long_names(void *data)
{
	char path[4096];
	memset(path, 'x', sizeof(path));
	for (size_t i = 0; i + 1 < sizeof(path); i += 200)
		path[i] = '/';
	memcpy(path, folder, strlen(folder));
	path[strlen(folder)] = '/';
	path[sizeof(path) - 1] = '\0';
	mkdir(path, 0755); /* has no parent: refused, no event */
	for (size_t i = strlen(folder) + 1; i < sizeof(path); i++)
		if (path[i] == '/') {
			path[i] = '\0';
			CHILD_EXPECT(mkdir(path, 0755) == 0);
			path[i] = '/';
		}
	CHILD_EXPECT(mkdir(path, 0755) == 0);
	CHILD_EXPECT(chdir("/tmp") == 0);
	CHILD_EXPECT(rmdir(path) == 0);
	snprintf(data, 4096, "%s", path);
}

static void test_longest_path(void **state)
{
	struct world *world = *state;
	char *path = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	world_run(world, do_long_names, path);
	const struct rs_event *event = nth(world, RS_EVENT_UNLINK, 0);
	assert_int_equal(rs_event_unlink(event)->file.path.size, 4095);
	world_expect_str(event, rs_event_unlink(event)->file.path, path);
	munmap(path, 4096);
}

/* The 32-bit entry, which every program has, whatever it was built for. */
static long call_32(long number, long first, long second)
{
	long result;
	__asm__ volatile("int $0x80"
			 : "=a"(result)
			 : "a"(number), "b"(first), "c"(second)
			 : "memory", "r8", "r9", "r10", "r11");
	return result;
}

static void do_32_bit(void *data)
{
	char *path = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	CHILD_EXPECT(path != MAP_FAILED);
	strcpy(path, in_folder("a"));
	CHILD_EXPECT(call_32(15, (long)path, 0611) == 0); /* chmod; among the 64-bit calls 15 is another */
	CHILD_EXPECT(call_32(10, (long)path, 0) == 0); /* unlink; mprotect there */
}

static void test_32_bit_calls(void **state)
{
	struct world *world = *state;
	make_file("a", "a");
	if (WIFSIGNALED(world_run(world, do_32_bit, NULL))) {
		print_message("this kernel has no 32-bit entry: nothing to see\n");
		return;
	}
	const struct rs_event *event = nth(world, RS_EVENT_MODE, 0);
	world_expect_str(event, rs_event_mode(event)->file.path, in_folder("a"));
	assert_int_equal(rs_event_mode(event)->new_mode, 0611);
	event = nth(world, RS_EVENT_UNLINK, 0);
	world_expect_str(event, rs_event_unlink(event)->file.path, in_folder("a"));
	assert_null(world_find(world, RS_EVENT_PROTECT_EXEC, world->child, 0));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_create), TEST(test_names),        TEST(test_attributes),
		TEST(test_places), TEST(test_longest_path), TEST(test_32_bit_calls),
	};
	WORLD_MAIN("bpf_file", tests);
}

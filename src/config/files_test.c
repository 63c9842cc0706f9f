/* SPDX-License-Identifier: Apache-2.0 */
#include "config/files.h"

#include "base/fd.h"
#include "package/manifest.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <cmocka.h>

/* Every kind of file, owner and mode: good is only one. */
static void test_judge(void **state)
{
	static const mode_t kinds[] = {S_IFREG, S_IFDIR, S_IFLNK, S_IFIFO, S_IFCHR, S_IFBLK, S_IFSOCK};
	static const uid_t owners[] = {0, 1000, 2000};
	for (size_t kind = 0; kind < ARRAY_SIZE(kinds); kind++)
		for (size_t owner = 0; owner < ARRAY_SIZE(owners); owner++)
			for (mode_t mode = 0; mode <= 0777; mode++) {
				struct stat stat = {.st_mode = kinds[kind] | mode, .st_uid = owners[owner]};
				bool good = kind == 0 && owners[owner] != 2000 && (mode & 022) == 0;
				assert_int_equal(files_judge("/a.yaml", &stat, 1000) == FILES_GOOD, good);
			}
	struct stat stat = {.st_mode = S_IFREG | 0644, .st_size = MANIFEST_SIZE_MAX};
	assert_int_equal(files_judge("/a.yaml", &stat, 0), FILES_GOOD);
	assert_int_equal(files_judge("/a.yml", &stat, 0), FILES_NAME);
	assert_int_equal(files_judge(".yaml", &stat, 0), FILES_NAME);
	stat.st_size++;
	assert_int_equal(files_judge("/a.yaml", &stat, 0), FILES_SIZE);
}

static char folder[] = "/tmp/ringside-files-XXXXXX";

static const char *path_of(const char *name)
{
	static char path[200];
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static void make(const char *name, mode_t mode, off_t size)
{
	int fd = open(path_of(name), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, size), 0);
	assert_int_equal(fchmod(fd, mode), 0);
	fd_close(fd);
}

static int setup(void **state)
{
	assert_non_null(mkdtemp(folder));
	make("good.yaml", 0600, 7);
	make("group.yaml", 0664, 7);
	make("world.yaml", 0646, 7);
	make("big.yaml", 0644, MANIFEST_SIZE_MAX + 1);
	make("stranger.yaml", 0644, 7);
	make("other.txt", 0644, 7);
	assert_int_equal(mkdir(path_of("folder.yaml"), 0755), 0);
	assert_int_equal(mkfifo(path_of("fifo.yaml"), 0644), 0);
	assert_int_equal(symlink("good.yaml", path_of("link.yaml")), 0);
	if (geteuid() == 0)
		assert_int_equal(chown(path_of("stranger.yaml"), 12345, 0), 0);
	return 0;
}

static int teardown(void **state)
{
	static const char *const names[] = {"good.yaml",     "group.yaml", "world.yaml", "big.yaml",
					    "stranger.yaml", "other.txt",  "fifo.yaml",  "link.yaml"};
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		unlink(path_of(names[i]));
	rmdir(path_of("folder.yaml"));
	return rmdir(folder);
}

static void test_opener(void **state)
{
	static const struct {
		const char *name, *why;
	} wrong[] = {
		{"none.yaml",
		 "expected a file that can be read, found none: No such file or directory; correct the path"},
		{"group.yaml", "expected a file that only its owner can change, found mode 0664; chmod go-w it"},
		{"world.yaml", "expected a file that only its owner can change, found mode 0646; chmod go-w it"},
		{"big.yaml", "expected at most 65536 bytes, found 65537; is this the right file?"},
		{"other.txt", "expected a file whose name ends in .yaml, found another name; rename it"},
		{"folder.yaml", "expected a regular file, found a folder; name the manifest in it"},
		{"fifo.yaml", "expected a regular file, found a FIFO, device or socket; name a file"},
		{"link.yaml", "expected a regular file, found a symbolic link; write the path that it leads to"},
		{"stranger.yaml", "expected a file of root, found one of user 12345; chown root it"},
	};
	int socket;
	pid_t pid = files_start(&socket);
	assert_true(pid > 0);
	for (size_t i = 0; i < ARRAY_SIZE(wrong) - (geteuid() != 0); i++) {
		const char *why = NULL;
		assert_int_equal(files_open(socket, path_of(wrong[i].name), &why), -1);
		assert_string_equal(why, wrong[i].why);
	}
	for (unsigned i = 0; i < 200; i++) { /* it keeps none of them */
		char bytes[16];
		const char *why;
		int fd = files_open(socket, path_of("good.yaml"), &why);
		assert_true(fd >= 0);
		assert_int_equal(read(fd, bytes, sizeof(bytes)), 7);
		assert_int_equal(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDONLY);
		fd_close(fd);
	}
	files_end(pid, socket);
	assert_int_equal(kill(pid, 0), -1); /* waited for */
}

/* A parser that was taken over: what is no path ends the opener, and an opener that is gone is an error. */
static void test_nonsense(void **state)
{
	const char *why = NULL;
	int socket, status;
	pid_t pid = files_start(&socket);
	assert_true(pid > 0);
	assert_int_equal(send(socket, "/etc/passwd", 11, 0), 11);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	assert_int_equal(files_open(socket, "/etc/passwd", &why), -1);
	assert_non_null(strstr(why, "expected a file that can be read, found none: "));
	fd_close(socket);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_judge),
		cmocka_unit_test_setup_teardown(test_opener, setup, teardown),
		cmocka_unit_test(test_nonsense),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

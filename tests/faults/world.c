/* SPDX-License-Identifier: Apache-2.0 */
#include "faults/world.h"

#include "base/clock.h"
#include "base/fd.h"
#include "base/macro.h"
#include "faults/waits.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

#define WORLDS "/tmp/ringside-world-"

static bool entered;

static void must(bool good, const char *what)
{
	if (!good)
		fail_msg("%s: %s", what, strerror(errno));
}

void world_enter_namespace(void)
{
	if (entered)
		return;
	if (geteuid() != 0 || unshare(CLONE_NEWNS) < 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) {
		fprintf(stderr, "skipped: needs root and a mount namespace of its own: %s\n", strerror(errno));
		exit(77);
	}
	entered = true;
}

static void make_ext4(const char *dir)
{
	char command[512];
	snprintf(command, sizeof(command),
		 "truncate -s 64M %s/base/image && mkfs.ext4 -q -F -N 40000 %s/base/image && mount -o loop "
		 "%s/base/image %s/fs",
		 dir, dir, dir, dir);
	must(system(command) == 0, "mkfs.ext4 and a loop mount");
}

/* What an aborted test left: its mounts went with its name space, its folders are empty. A folder of a test that runs
 * must stay: to remove a mount point takes the mount away, in whatever name space it is. So each has its test's number.
 */
static void remove_leftovers(void)
{
	static const char *const parts[] = {"/fs", "/base", ""};
	glob_t found;
	char path[320];
	int pid;
	if (glob(WORLDS "*", GLOB_ONLYDIR, NULL, &found) != 0)
		return;
	for (size_t i = 0; i < found.gl_pathc; i++) {
		if (sscanf(found.gl_pathv[i], WORLDS "%d-", &pid) != 1 || kill(pid, 0) == 0 || errno != ESRCH)
			continue;
		for (size_t j = 0; j < ARRAY_SIZE(parts); j++) {
			snprintf(path, sizeof(path), "%s%s", found.gl_pathv[i], parts[j]);
			rmdir(path);
		}
	}
	globfree(&found);
}

void world_open_bare(struct world *world, const char *fs)
{
	char path[128];
	struct stat root, own;
	world_enter_namespace();
	*world = (struct world){.opts.fs = fs};
	remove_leftovers();
	snprintf(world->dir, sizeof(world->dir), WORLDS "%d-XXXXXX", getpid());
	must(mkdtemp(world->dir), "mkdtemp");
	snprintf(path, sizeof(path), "%s/base", world->dir);
	must(mkdir(path, 0755) == 0 && mount("base", path, "tmpfs", 0, "mode=755") == 0, "tmpfs");
	snprintf(path, sizeof(path), "%s/fs", world->dir);
	must(mkdir(path, 0755) == 0, "mkdir");
	must(chmod(world->dir, 0755) == 0, "chmod");
	if (strcmp(fs, "ext4") == 0)
		make_ext4(world->dir);
	else
		must(mount("fs", path, fs, 0, "mode=755") == 0, fs);
	/* never mark the machine's own file system */
	must(stat("/", &root) == 0 && stat(path, &own) == 0, "stat");
	assert_true(root.st_dev != own.st_dev);
	world->shared = mmap(NULL, sizeof(*world->shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	must(world->shared != MAP_FAILED, "mmap");
}

static void fill_settings(struct world *world)
{
	struct settings *settings = &world->settings;
	const struct world_opts *opts = &world->opts;
	settings->sensor_fanotify = 1;
	settings->n_scopes = 1;
	snprintf(settings->scopes[0], SETTINGS_PATH_SIZE, "%s/fs%s", world->dir, opts->scope ? opts->scope : "");
	settings->deadline_exec_ms = opts->deadline_ms ? opts->deadline_ms : 1000;
	settings->deadline_open_ms = opts->deadline_ms ? opts->deadline_ms : 250;
	settings->on_engine_loss_exec = opts->loss ? opts->loss : opts->loss_exec;
	settings->on_engine_loss_open = opts->loss;
	settings->cache_entries = opts->cache_entries;
}

void world_open(struct world *world, const struct world_opts *opts)
{
	world_open_bare(world, opts->fs);
	world_serve(world, opts);
}

void world_serve(struct world *world, const struct world_opts *opts)
{
	world->opts = *opts;
	fill_settings(world);
	atomic_store(&world->shared->restart, 1);
	world->daemon = fork();
	must(world->daemon >= 0, "fork");
	if (world->daemon == 0)
		world_daemon(world);
	world_wait(atomic_load(&world->shared->looks) > 0);
	if (!opts->no_engine)
		world_start_engine(world);
}

void world_close(struct world *world)
{
	char path[128];
	if (world->daemon > 0) {
		kill(world->daemon, SIGKILL);
		waitpid(world->daemon, NULL, 0);
	}
	static const char *const parts[] = {"fs", "base"};
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		snprintf(path, sizeof(path), "%s/%s", world->dir, parts[i]);
		umount2(path, MNT_DETACH);
		rmdir(path);
	}
	rmdir(world->dir);
	munmap(world->shared, sizeof(*world->shared));
}

void world_start_engine(struct world *world)
{
	uint32_t generation = atomic_load(&world->shared->generation);
	atomic_store(&world->shared->start, 1);
	world_wait(atomic_load(&world->shared->ready) && atomic_load(&world->shared->generation) > generation);
}

void world_command_post(struct world *world, enum world_command command, uint32_t argument)
{
	atomic_store(&world->shared->argument, argument);
	atomic_store(&world->shared->command, command);
}

void world_command(struct world *world, enum world_command command, uint32_t argument)
{
	world_command_post(world, command, argument);
	world_wait(atomic_load(&world->shared->command) == WORLD_NONE);
}

void world_signal_engine(struct world *world, int number)
{
	pid_t engine = atomic_load(&world->shared->engine);
	if (engine > 0) /* 0 would be everybody in this process group */
		kill(engine, number);
}

void world_pause(void)
{
	const struct timespec step = {.tv_nsec = 1000000};
	nanosleep(&step, NULL);
}

void world_look(struct world *world)
{
	/* twice: the first may have begun before */
	uint64_t engine = atomic_load(&world->shared->engine_looks);
	uint64_t daemon = atomic_load(&world->shared->looks);
	world_wait(atomic_load(&world->shared->looks) >= daemon + 2);
	if (atomic_load(&world->shared->ready))
		world_wait(atomic_load(&world->shared->engine_looks) >= engine + 2);
}

const char *world_path(const struct world *world, const char *name)
{
	static char paths[4][4352];
	static unsigned next;
	char *path = paths[next++ % 4];
	snprintf(path, sizeof(paths[0]), "%s/fs/%s", world->dir, name);
	return path;
}

void world_file(const struct world *world, const char *name, const char *content, mode_t mode)
{
	const struct timespec old[2] = {{.tv_sec = 1700000000}, {.tv_sec = 1700000000}};
	_cleanup_(fd_closep) int fd = open(world_path(world, name), O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
	must(fd >= 0, name);
	must(write(fd, content, strlen(content)) == (ssize_t)strlen(content), "write");
	must(fchmod(fd, mode) == 0 && futimens(fd, old) == 0, "futimens");
}

void world_program(const struct world *world, const char *name, mode_t mode)
{
	const struct timespec old[2] = {{.tv_sec = 1700000000}, {.tv_sec = 1700000000}};
	static char buffer[65536];
	ssize_t n;
	_cleanup_(fd_closep) int from = open("/bin/busybox", O_RDONLY | O_CLOEXEC);
	_cleanup_(fd_closep) int to = open(world_path(world, name), O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, mode);
	must(from >= 0, "/bin/busybox (Debian: busybox-static)");
	must(to >= 0, name);
	while ((n = read(from, buffer, sizeof(buffer))) > 0)
		must(write(to, buffer, (size_t)n) == n, "write");
	must(n == 0 && futimens(to, old) == 0, "copy");
}

int world_open_file(const struct world *world, const char *name, int flags)
{
	struct waits_start start;
	const char *path = world_path(world, name);
	waits_start(&start);
	int fd = open(path, flags | O_CLOEXEC, 0644);
	waits_stop(&start);
	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

int world_run(const struct world *world, const char *name)
{
	const char *path = world_path(world, name);
	pid_t pid = fork();
	must(pid >= 0, "fork");
	if (pid == 0) {
		execl(path, "true", (char *)NULL);
		_exit(100 + errno);
	}
	int status = world_join(pid);
	return status >= 100 ? -(status - 100) : status;
}

pid_t world_opener(const struct world *world, const char *name, int flags)
{
	const char *path = world_path(world, name);
	pid_t pid = fork();
	must(pid >= 0, "fork");
	if (pid == 0) {
		struct waits_start start;
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		waits_start(&start);
		int fd = open(path, flags, 0644);
		waits_stop(&start);
		_exit(fd < 0 ? errno : 0);
	}
	return pid;
}

int world_join(pid_t pid)
{
	int status;
	must(waitpid(pid, &status, 0) == pid, "waitpid");
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

bool world_is_running(pid_t pid)
{
	siginfo_t info = {0};
	must(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0, "waitid");
	return info.si_pid == 0;
}

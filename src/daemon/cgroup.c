/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/cgroup.h"

#include "base/fd.h"
#include "base/log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <time.h>

#define MOUNTINFO_SIZE (256u << 10)
#define OWN_PREFIX "ringside-" /* of groups right below the mount */
#define CAGE_GROUP "cage"
#define WEIGHT "50" /* of all agents together; ordinary groups, and the platform, have 100 */
#define DEPTH_MAX 4
#define REMOVE_TRIES 50
#define REMOVE_PAUSE_NS 20000000L

static const char *const controllers[] = {"memory", "cpu", "pids"};

static void say_why(struct cgroup *cgroup, const char *format, ...) _printf_(2, 3);

/* One after the other, as far as there is room. */
static void say_why(struct cgroup *cgroup, const char *format, ...)
{
	size_t used = strlen(cgroup->why);
	va_list args;
	if (used > 0 && used + 2 < sizeof(cgroup->why)) {
		memcpy(cgroup->why + used, "; ", 3);
		used += 2;
	}
	va_start(args, format);
	vsnprintf(cgroup->why + used, sizeof(cgroup->why) - used, format, args);
	va_end(args);
}

static int write_at(int dir_fd, const char *file, const char *text)
{
	_cleanup_(fd_closep) int fd = openat(dir_fd, file, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	return write(fd, text, strlen(text)) < 0 ? -errno : 0;
}

static bool has_word(const char *list, const char *word)
{
	size_t size = strlen(word);
	for (const char *at = list; (at = strstr(at, word)); at += size)
		if ((at == list || at[-1] == ' ') && (at[size] == '\0' || at[size] == ' ' || at[size] == '\n'))
			return true;
	return false;
}

/* ---- where ---- */

/* The mount point of the first whole cgroup v2 hierarchy. Spaces in it come as \040: such a mount is not looked for. */
static bool find_mount(const char *root, char *ret_path, size_t size)
{
	char file[PATH_MAX], point[PATH_MAX], inside[PATH_MAX];
	_cleanup_(freep) char *text = malloc(MOUNTINFO_SIZE);
	snprintf(file, sizeof(file), "%s/proc/self/mountinfo", root);
	if (!text || fd_read_file(AT_FDCWD, file, text, MOUNTINFO_SIZE) < 0)
		return false;
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		if (!strstr(line, " - cgroup2 ") || sscanf(line, "%*s %*s %*s %4095s %4095s", inside, point) != 2 ||
		    strcmp(inside, "/") != 0)
			continue;
		return (size_t)snprintf(ret_path, size, "%s%s", root, point) < size;
	}
	return false;
}

/* The line "0::PATH" of /proc/self/cgroup. */
static bool find_own(const char *root, char *ret_path, size_t size)
{
	char file[PATH_MAX], text[16384];
	snprintf(file, sizeof(file), "%s/proc/self/cgroup", root);
	if (fd_read_file(AT_FDCWD, file, text, sizeof(text)) < 0)
		return false;
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
		if (strncmp(line, "0::/", 4) == 0)
			return (size_t)snprintf(ret_path, size, "%s", line + 3) < size;
	return false;
}

/* systemd marks a group that it leaves to us. */
static bool is_delegated(int fd)
{
	static const char *const marks[] = {"user.delegate", "trusted.delegate"};
	char value[2] = "";
	for (size_t i = 0; i < ARRAY_SIZE(marks); i++)
		if (fgetxattr(fd, marks[i], value, sizeof(value)) == 1 && value[0] == '1')
			return true;
	return false;
}

static int open_folder(const char *path)
{
	return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* A group with controllers for its children may hold no process itself: we go into one of our own. */
static bool move_aside(struct cgroup *cgroup, int unit_fd)
{
	if (mkdirat(unit_fd, "platform", 0755) < 0 && errno != EEXIST) {
		say_why(cgroup, "%s/platform could not be made: %s", cgroup->path, strerror(errno));
		return false;
	}
	int r = write_at(unit_fd, "platform/cgroup.procs", "0");
	if (r < 0)
		say_why(cgroup, "%s/platform could not be entered: %s", cgroup->path, strerror(-r));
	return r >= 0;
}

/* ---- taking away ---- */

/* The folders in it, then itself. */
static int remove_group(int base_fd, const char *name, unsigned depth)
{
	int fd = openat(base_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	while (dir && depth < DEPTH_MAX && (entry = readdir(dir)))
		if (entry->d_type == DT_DIR && entry->d_name[0] != '.')
			remove_group(fd, entry->d_name, depth + 1);
	if (dir)
		closedir(dir);
	else
		fd_close(fd);
	return unlinkat(base_fd, name, AT_REMOVEDIR) < 0 ? -errno : 0;
}

/* What a parent that was killed left: its processes died with it. A group that holds one is left alone. */
static void remove_stale(int base_fd)
{
	int fd = openat(base_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	int pid;
	char end;
	while (dir && (entry = readdir(dir)))
		if (sscanf(entry->d_name, OWN_PREFIX "%d%c", &pid, &end) == 1 && pid > 0 && pid != getpid() &&
		    kill(pid, 0) < 0 && errno == ESRCH)
			remove_group(base_fd, entry->d_name, 0);
	if (dir)
		closedir(dir);
	else
		fd_close(fd);
}

/* ---- making ---- */

static bool choose_base(struct cgroup *cgroup, const char *root)
{
	char mount[PATH_MAX - 64], own[PATH_MAX / 2], path[2 * PATH_MAX];
	if (!find_mount(root, mount, sizeof(mount))) {
		say_why(cgroup, "cgroup v2 is not mounted: mount -t cgroup2 cgroup2 /sys/fs/cgroup, or boot with it");
		return false;
	}
	if (find_own(root, own, sizeof(own)) && strcmp(own, "/") != 0) {
		snprintf(path, sizeof(path), "%s%s", mount, own);
		_cleanup_(fd_closep) int fd = open_folder(path);
		if (fd >= 0 && is_delegated(fd) && strlen(path) < sizeof(cgroup->path)) {
			strcpy(cgroup->path, path);
			strcpy(cgroup->name, "agents");
			cgroup->base_fd = move_aside(cgroup, fd) ? STEAL_FD(fd) : -1;
			return cgroup->base_fd >= 0;
		}
	}
	strcpy(cgroup->path, mount);
	snprintf(cgroup->name, sizeof(cgroup->name), OWN_PREFIX "%d", getpid());
	cgroup->base_fd = open_folder(mount);
	if (cgroup->base_fd < 0)
		say_why(cgroup, "%s: %s", mount, strerror(errno));
	else
		remove_stale(cgroup->base_fd);
	return cgroup->base_fd >= 0;
}

/* One by one: a kernel may have some of them only, or have them in cgroup v1. */
static void enable(struct cgroup *cgroup, int dir_fd)
{
	char have[1024], wish[16];
	if (fd_read_file(dir_fd, "cgroup.controllers", have, sizeof(have)) < 0)
		have[0] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(controllers); i++) {
		snprintf(wish, sizeof(wish), "+%s", controllers[i]);
		int r = has_word(have, controllers[i]) ? write_at(dir_fd, "cgroup.subtree_control", wish) : 0;
		if (r < 0)
			say_why(cgroup, "%s could not be enabled: %s", controllers[i], strerror(-r));
	}
}

static void say_missing(struct cgroup *cgroup)
{
	char have[1024] = "";
	if (fd_read_file(cgroup->base_fd, "cgroup.controllers", have, sizeof(have)) < 0)
		have[0] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(controllers); i++)
		if (!has_word(have, controllers[i]))
			say_why(cgroup, "%s is no controller of cgroup v2 here", controllers[i]);
}

/* What its owner must write to make groups below it and to move processes among them. */
static int give(int fd, uint32_t uid)
{
	static const char *const files[] = {"cgroup.procs", "cgroup.threads", "cgroup.subtree_control",
					    CAGE_GROUP "/cgroup.procs"};
	if (fchown(fd, uid, uid) < 0)
		return -errno;
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		if (fchownat(fd, files[i], uid, uid, 0) < 0 && errno != ENOENT)
			return -errno;
	return 0;
}

static int make(struct cgroup *cgroup, uint32_t cage_uid)
{
	size_t used = strlen(cgroup->path);
	if (mkdirat(cgroup->base_fd, cgroup->name, 0755) < 0 && errno != EEXIST)
		return -errno;
	snprintf(cgroup->path + used, sizeof(cgroup->path) - used, "/%s", cgroup->name);
	_cleanup_(fd_closep) int fd = openat(cgroup->base_fd, cgroup->name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	say_missing(cgroup);
	enable(cgroup, cgroup->base_fd);
	enable(cgroup, fd);
	write_at(fd, "cpu.weight", WEIGHT); /* when it was enabled */
	if (mkdirat(fd, CAGE_GROUP, 0755) < 0 && errno != EEXIST)
		return -errno;
	cgroup->adopt_fd = openat(fd, CAGE_GROUP "/cgroup.procs", O_WRONLY | O_CLOEXEC);
	cgroup->kill_fd = openat(fd, "cgroup.kill", O_WRONLY | O_CLOEXEC); /* since 5.14 */
	int r = cgroup->adopt_fd < 0 ? -errno : give(fd, cage_uid);
	if (r >= 0)
		cgroup->fd = STEAL_FD(fd);
	return r;
}

void cgroup_open(struct cgroup *cgroup, const char *root, uint32_t cage_uid)
{
	*cgroup = (struct cgroup)CGROUP_NONE;
	int r = choose_base(cgroup, root) ? make(cgroup, cage_uid) : 0;
	if (r < 0)
		say_why(cgroup, "%s: no group can be made in it: %s", cgroup->path, strerror(-r));
	if (cgroup->why[0])
		log_notice("not all budgets of agents are kept by control groups: %s; see ringside doctor",
			   cgroup->why);
	if (cgroup->fd >= 0)
		log_info("agents' control groups are made in %s", cgroup->path);
}

static int write_number(int fd, pid_t number)
{
	char text[16];
	int size = snprintf(text, sizeof(text), "%d", number);
	return write(fd, text, (size_t)size) < 0 ? -errno : 0;
}

void cgroup_adopt(const struct cgroup *cgroup, pid_t pid)
{
	int r = cgroup->fd < 0 ? 0 : write_number(cgroup->adopt_fd, pid);
	if (r < 0)
		log_warning("the cage could not be moved to %s/" CAGE_GROUP ": %s; agents have no control groups",
			    cgroup->path, strerror(-r));
}

void cgroup_kill(const struct cgroup *cgroup)
{
	int r = cgroup->kill_fd < 0 ? 0 : write_number(cgroup->kill_fd, 1);
	if (r < 0)
		log_warning("what is left in %s could not be killed: %s", cgroup->path, strerror(-r));
}

void cgroup_close(struct cgroup *cgroup)
{
	int r = cgroup->fd < 0 ? 0 : -EBUSY;
	cgroup_kill(cgroup);
	for (int i = 0; r == -EBUSY && i < REMOVE_TRIES; i++) {
		r = remove_group(cgroup->base_fd, cgroup->name, 0);
		if (r == -EBUSY)
			nanosleep(&(struct timespec){.tv_nsec = REMOVE_PAUSE_NS}, NULL);
	}
	if (r < 0)
		log_warning("%s could not be removed: %s; a process is left in it: see its cgroup.procs", cgroup->path,
			    strerror(-r));
	fd_close(cgroup->fd);
	fd_close(cgroup->adopt_fd);
	fd_close(cgroup->kill_fd);
	fd_close(cgroup->base_fd);
	*cgroup = (struct cgroup)CGROUP_NONE;
}

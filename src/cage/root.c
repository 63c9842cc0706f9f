/* SPDX-License-Identifier: Apache-2.0 */
#include "cage/root.h"

#include "base/fd.h"
#include "ipc/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>

/* Where the new root is made before it becomes the root; covered for us alone, and only after all was taken from it. */
#define ASSEMBLY "/usr"
#define STATE_INODES_PER_MB 64

static int _printf_(3, 4) failed(struct root *root, int error, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	int n = vsnprintf(root->wrong, sizeof(root->wrong), format, args);
	va_end(args);
	if (n >= 0 && (size_t)n < sizeof(root->wrong))
		snprintf(root->wrong + n, sizeof(root->wrong) - (size_t)n, ": %s", strerror(-error));
	return error;
}

/* -- plan -------------------------------------------------------------------------------------------------- */

static void add(struct root *root, const char *path, enum root_kind kind)
{
	root->items[root->n_items++] = (struct root_item){.path = path, .kind = kind, .tree_fd = -1};
}

static bool is_below(const char *path, const char *folder)
{
	size_t size = strlen(folder);
	return strncmp(path, folder, size) == 0 && (path[size] == '\0' || path[size] == '/');
}

/* What would bring the machine's processes and devices back in, or cover what the jail itself has. */
static int add_reads(struct root *root)
{
	static const char *const never[] = {"/proc", "/dev", ROOT_STATE};
	for (uint32_t i = 0; i < root->agent->n_reads; i++) {
		const char *path = root->agent->reads[i];
		bool refused = path[1] == '\0';
		for (size_t j = 0; j < ARRAY_SIZE(never); j++)
			refused = refused || is_below(path, never[j]);
		if (refused)
			return failed(root, -EINVAL,
				      "reads: %s: expected a file or folder outside of /proc, /dev and " ROOT_STATE
				      ", and not /",
				      path);
		add(root, path, ROOT_READ);
	}
	return 0;
}

/* A folder before what is in it. Few, and nearly in order. */
static void sort(struct root *root)
{
	for (size_t i = 1; i < root->n_items; i++) {
		struct root_item item = root->items[i];
		size_t at = i;
		for (; at > 0 && strcmp(root->items[at - 1].path, item.path) > 0; at--)
			root->items[at] = root->items[at - 1];
		root->items[at] = item;
	}
}

int root_plan(struct root *root, const struct settings_agent *agent)
{
	root->agent = agent;
	root->n_items = 0;
	int r = program_look_up(agent->path, &root->program);
	if (r < 0) {
		snprintf(root->wrong, sizeof(root->wrong), "%s", root->program.wrong);
		return r;
	}
	/* a file that is granted and needed is needed: so it comes later, on top */
	r = add_reads(root);
	for (size_t i = 0; i < root->program.n_files; i++)
		add(root, root->program.files[i].path, ROOT_PROGRAM);
	add(root, "/dev/null", ROOT_DEVICE);
	add(root, "/dev/zero", ROOT_DEVICE);
	add(root, "/dev/urandom", ROOT_DEVICE);
	if (agent->disk_mb > 0)
		add(root, ROOT_STATE, ROOT_STATE_FOLDER);
	sort(root);
	return r;
}

/* -- build ------------------------------------------------------------------------------------------------- */

/* A mount of an empty tmpfs, attached nowhere. */
static int new_tmpfs(const char *size, const char *inodes, unsigned attributes)
{
	const char *const options[][2] = {{"size", size}, {"nr_inodes", inodes}, {"mode", "0755"}};
	_cleanup_(fd_closep) int fs_fd = fsopen("tmpfs", FSOPEN_CLOEXEC);
	if (fs_fd < 0)
		return -errno;
	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		if (fsconfig(fs_fd, FSCONFIG_SET_STRING, options[i][0], options[i][1], 0) < 0)
			return -errno;
	if (fsconfig(fs_fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return -errno;
	int fd = fsmount(fs_fd, FSMOUNT_CLOEXEC, attributes);
	return fd < 0 ? -errno : fd;
}

static int take_state(struct root *root, struct root_item *item)
{
	char size[24], inodes[24];
	snprintf(size, sizeof(size), "%um", root->agent->disk_mb);
	snprintf(inodes, sizeof(inodes), "%u", 256 + STATE_INODES_PER_MB * root->agent->disk_mb);
	item->tree_fd = new_tmpfs(size, inodes, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
	return item->tree_fd < 0 ? failed(root, item->tree_fd, "making the tmpfs " ROOT_STATE) : 0;
}

/* A copy of the mounts there, with nothing allowed that the item is not for. */
static int take(struct root *root, struct root_item *item)
{
	struct stat stat;
	struct mount_attr attributes = {.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID, .propagation = MS_PRIVATE};
	if (item->kind == ROOT_STATE_FOLDER)
		return take_state(root, item);
	attributes.attr_set |= item->kind == ROOT_DEVICE ? 0 : MOUNT_ATTR_NODEV;
	attributes.attr_set |= item->kind == ROOT_PROGRAM ? 0 : MOUNT_ATTR_NOEXEC;
	item->tree_fd = open_tree(AT_FDCWD, item->path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
	if (item->tree_fd < 0)
		return failed(root, -errno, "binding %s", item->path);
	if (fstat(item->tree_fd, &stat) < 0)
		return failed(root, -errno, "looking at %s", item->path);
	if (item->kind == ROOT_READ && !S_ISREG(stat.st_mode) && !S_ISDIR(stat.st_mode))
		return failed(root, -EINVAL, "reads: %s: expected a file or folder, found something else", item->path);
	if (mount_setattr(item->tree_fd, "", AT_EMPTY_PATH | AT_RECURSIVE, &attributes, sizeof(attributes)) < 0)
		return failed(root, -errno, "making %s read-only", item->path);
	return 0;
}

/*
 * The folders above, and what the mount goes on. Inside of a granted folder these are there, and cannot be made: it is
 * read-only by now. What is missing shows when the mount is moved.
 */
static int make_point(int root_fd, const char *path, bool folder)
{
	char part[PROGRAM_PATH_SIZE];
	for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
		snprintf(part, sizeof(part), "%.*s", (int)(slash - path), path);
		if (mkdirat(root_fd, part, 0755) < 0 && errno != EEXIST && errno != EROFS)
			return -errno;
	}
	if (folder)
		return mkdirat(root_fd, path, 0755) < 0 && errno != EEXIST && errno != EROFS ? -errno : 0;
	int fd = openat(root_fd, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0444);
	if (fd < 0)
		return errno == EEXIST || errno == EROFS ? 0 : -errno;
	fd_close(fd);
	return 0;
}

static int place(struct root *root, int root_fd, struct root_item *item)
{
	struct stat stat;
	const char *path = item->path + 1;
	if (fstat(item->tree_fd, &stat) < 0)
		return failed(root, -errno, "looking at %s", item->path);
	int r = make_point(root_fd, path, S_ISDIR(stat.st_mode));
	if (r < 0)
		return failed(root, r, "making the place of %s", item->path);
	if (move_mount(item->tree_fd, "", root_fd, path, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return failed(root, -errno, "mounting %s", item->path);
	item->tree_fd = fd_close(item->tree_fd);
	return 0;
}

static int assemble(struct root *root, int root_fd)
{
	struct mount_attr read_only = {.attr_set = MOUNT_ATTR_RDONLY};
	int r = 0;
	for (size_t i = 0; i < root->n_items && r >= 0; i++)
		r = place(root, root_fd, &root->items[i]);
	if (r >= 0 && mount_setattr(root_fd, "", AT_EMPTY_PATH, &read_only, sizeof(read_only)) < 0)
		r = failed(root, -errno, "making the root read-only");
	return r;
}

/* The old root ends up on top of the new one, and goes. */
static int move_in(struct root *root, int root_fd, bool *ret_moved)
{
	if (fchdir(root_fd) < 0)
		return failed(root, -errno, "entering the new root");
	if (syscall(SYS_pivot_root, ".", ".") < 0)
		return failed(root, -errno, "changing the root (it must be a mount of its own, and not the initramfs)");
	*ret_moved = true;
	if (umount2(".", MNT_DETACH) < 0)
		return failed(root, -errno, "leaving the machine's root");
	return chdir("/") < 0 ? failed(root, -errno, "entering the root") : 0;
}

static int attach(struct root *root, bool *ret_moved)
{
	_cleanup_(fd_closep) int root_fd = new_tmpfs("64k", "2k", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
	if (root_fd < 0)
		return failed(root, root_fd, "making the tmpfs of the root");
	if (move_mount(root_fd, "", AT_FDCWD, ASSEMBLY, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return failed(root, -errno, "mounting the new root");
	int r = assemble(root, root_fd);
	if (r >= 0)
		r = move_in(root, root_fd, ret_moved);
	if (r < 0 && !*ret_moved && (chdir("/") < 0 || umount2(ASSEMBLY, MNT_DETACH) < 0))
		*ret_moved = true;
	return r;
}

int root_build(struct root *root, bool *ret_moved)
{
	struct mount_attr alone = {.propagation = MS_PRIVATE};
	*ret_moved = false;
	if (mount_setattr(AT_FDCWD, "/", AT_RECURSIVE, &alone, sizeof(alone)) < 0)
		return failed(root, -errno, "making the mounts private");
	int r = 0;
	for (size_t i = 0; i < root->n_items && r >= 0; i++)
		r = take(root, &root->items[i]);
	return r < 0 ? r : attach(root, ret_moved);
}

void root_deinit(struct root *root)
{
	for (size_t i = 0; i < root->n_items; i++)
		root->items[i].tree_fd = fd_close(root->items[i].tree_fd);
}

/* -- Landlock ---------------------------------------------------------------------------------------------- */

static int allow(struct root *root, int ruleset_fd, int abi, const struct root_item *item)
{
	static const enum landlock_use uses[] = {
		[ROOT_PROGRAM] = LANDLOCK_EXECUTE,
		[ROOT_READ] = LANDLOCK_READ,
		[ROOT_DEVICE] = LANDLOCK_DEVICE,
		[ROOT_STATE_FOLDER] = LANDLOCK_STATE,
	};
	_cleanup_(fd_closep) int fd = open(item->path, O_PATH | O_CLOEXEC);
	if (fd < 0 && item->kind == ROOT_STATE_FOLDER)
		return 0; /* a jail without a root of its own has none */
	int r = fd < 0 ? -errno : landlock_allow_path(ruleset_fd, abi, fd, uses[item->kind]);
	return r < 0 ? failed(root, r, "Landlock: a rule for %s", item->path) : 0;
}

int root_rules(struct root *root, int abi)
{
	const struct settings_agent *agent = root->agent;
	_cleanup_(fd_closep) int fd = landlock_new(abi, agent->network != SETTINGS_NETWORK_ANY);
	if (fd < 0)
		return failed(root, fd, "Landlock: a set of rules");
	int r = 0;
	for (size_t i = 0; i < root->n_items && r >= 0; i++)
		r = allow(root, fd, abi, &root->items[i]);
	bool ports = agent->network == SETTINGS_NETWORK_ENDPOINTS && abi >= LANDLOCK_ABI_TCP;
	for (uint32_t i = 0; i < agent->n_endpoints && ports && r >= 0; i++) {
		r = landlock_allow_port(fd, agent->endpoints[i].port);
		if (r < 0)
			failed(root, r, "Landlock: a rule for port %u", agent->endpoints[i].port);
	}
	return r < 0 ? r : STEAL_FD(fd);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/mounts.h"

#include "base/macro.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct type_row {
	const char *name;
	enum mounts_choice choice;
};

static const struct type_row types[] = {
	{"ext2", MOUNTS_MARK},
	{"ext3", MOUNTS_MARK},
	{"ext4", MOUNTS_MARK},
	{"xfs", MOUNTS_MARK},
	{"btrfs", MOUNTS_MARK},
	{"f2fs", MOUNTS_MARK},
	{"bcachefs", MOUNTS_MARK},
	{"zfs", MOUNTS_MARK},
	{"jfs", MOUNTS_MARK},
	{"reiserfs", MOUNTS_MARK},
	{"nilfs2", MOUNTS_MARK},
	{"tmpfs", MOUNTS_MARK},
	{"ramfs", MOUNTS_MARK},
	{"rootfs", MOUNTS_MARK},
	{"devtmpfs", MOUNTS_MARK},
	{"overlay", MOUNTS_MARK},
	{"vfat", MOUNTS_MARK},
	{"msdos", MOUNTS_MARK},
	{"exfat", MOUNTS_MARK},
	{"ntfs3", MOUNTS_MARK},
	{"hfsplus", MOUNTS_MARK},
	{"iso9660", MOUNTS_MARK},
	{"udf", MOUNTS_MARK},
	{"squashfs", MOUNTS_MARK},
	{"erofs", MOUNTS_MARK},
	{"cramfs", MOUNTS_MARK},
	{"romfs", MOUNTS_MARK},
	{"9p", MOUNTS_MARK}, /* the files of a virtual machine's host, as good as its disk */
	{"proc", MOUNTS_VIRTUAL},
	{"sysfs", MOUNTS_VIRTUAL},
	{"cgroup", MOUNTS_VIRTUAL},
	{"cgroup2", MOUNTS_VIRTUAL},
	{"devpts", MOUNTS_VIRTUAL},
	{"bpf", MOUNTS_VIRTUAL},
	{"tracefs", MOUNTS_VIRTUAL},
	{"debugfs", MOUNTS_VIRTUAL},
	{"securityfs", MOUNTS_VIRTUAL},
	{"selinuxfs", MOUNTS_VIRTUAL},
	{"configfs", MOUNTS_VIRTUAL},
	{"efivarfs", MOUNTS_VIRTUAL},
	{"pstore", MOUNTS_VIRTUAL},
	{"mqueue", MOUNTS_VIRTUAL},
	{"hugetlbfs", MOUNTS_VIRTUAL},
	{"fusectl", MOUNTS_VIRTUAL},
	{"nsfs", MOUNTS_VIRTUAL},
	{"binfmt_misc", MOUNTS_VIRTUAL},
	{"rpc_pipefs", MOUNTS_VIRTUAL},
	{"nfsd", MOUNTS_VIRTUAL},
	{"resctrl", MOUNTS_VIRTUAL},
	{"nfs", MOUNTS_REMOTE},
	{"nfs4", MOUNTS_REMOTE},
	{"cifs", MOUNTS_REMOTE},
	{"smb3", MOUNTS_REMOTE},
	{"ceph", MOUNTS_REMOTE},
	{"afs", MOUNTS_REMOTE},
	{"ocfs2", MOUNTS_REMOTE},
	{"gfs2", MOUNTS_REMOTE},
	{"lustre", MOUNTS_REMOTE},
	{"virtiofs", MOUNTS_REMOTE},
	{"autofs", MOUNTS_REMOTE},
	{"fuse", MOUNTS_USER},
	{"fuseblk", MOUNTS_USER},
};

static const char *const whys[] = {
	[MOUNTS_MARK] = "guarded",
	[MOUNTS_OUTSIDE] = "outside of the configured scopes",
	[MOUNTS_VIRTUAL] = "the kernel's own tables, no files to run",
	[MOUNTS_REMOTE] = "its files come from a server that could hold up every verdict",
	[MOUNTS_USER] = "served by a process (FUSE) that could hold up every verdict",
	[MOUNTS_BELOW] = "lies below, or has layers on, a mount that a server or a process could hold up",
	[MOUNTS_UNKNOWN] = "a type of file system that is not known to be safe to guard",
};

const char *mounts_choice_why(enum mounts_choice choice)
{
	return whys[choice];
}

static enum mounts_choice type_choice(const char *type)
{
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (strcmp(types[i].name, type) == 0)
			return types[i].choice;
	return strncmp(type, "fuse.", 5) == 0 ? MOUNTS_USER : MOUNTS_UNKNOWN;
}

/* The kernel writes blank, tab, newline and backslash as \ooo. In place. */
static void unescape(char *text)
{
	char *to = text;
	for (const char *from = text; *from; to++) {
		bool octal = from[0] == '\\' && from[1] >= '0' && from[1] <= '3' && from[2] >= '0' && from[2] <= '7' &&
			     from[3] >= '0' && from[3] <= '7';
		if (octal) {
			*to = (char)((from[1] - '0') << 6 | (from[2] - '0') << 3 | (from[3] - '0'));
			from += 4;
		} else {
			*to = *from++;
		}
	}
	*to = '\0';
}

static bool parse_u32(const char *text, uint32_t *ret)
{
	char *end;
	errno = 0;
	if (*text < '0' || *text > '9')
		return false;
	unsigned long value = strtoul(text, &end, 10);
	if (errno || *end || value > UINT32_MAX)
		return false;
	*ret = (uint32_t)value;
	return true;
}

/* Cuts the next blank-separated word off. NULL at the end of the line. */
static char *next_word(char **rest)
{
	char *word;
	do
		word = strsep(rest, " ");
	while (word && *word == '\0');
	return word;
}

/* lowerdir=/a:/b,upperdir=/c,lowerdir+=/d,… becomes /a:/b:/c:/d. In place; never longer than it was. */
static const char *keep_layers(char *options)
{
	char *end = options, *rest = options, *option;
	while ((option = strsep(&rest, ","))) {
		char *value = strchr(option, '=');
		if (!value || (strncmp(option, "lowerdir", 8) != 0 && strncmp(option, "upperdir", 8) != 0 &&
			       strncmp(option, "datadir", 7) != 0))
			continue;
		*value++ = '\0';
		unescape(value);
		size_t size = strlen(value);
		if (end != options)
			*end++ = ':';
		memmove(end, value, size);
		end += size;
	}
	*end = '\0';
	return options;
}

/* "36 35 98:0 /root /point rw,noatime master:1 shared:2 - ext3 /dev/root rw": proc_pid_mountinfo(5) */
static bool parse_line(char *line, struct mounts_mount *mount)
{
	enum { ID, PARENT, DEVICE, ROOT, POINT, OPTIONS, N_FIELDS };
	char *words[N_FIELDS];
	char *word;
	for (int i = 0; i < N_FIELDS; i++)
		if (!(words[i] = next_word(&line)))
			return false;
	while ((word = next_word(&line)) && strcmp(word, "-") != 0)
		;
	char *type = word ? next_word(&line) : NULL;
	const char *source = type ? next_word(&line) : NULL;
	char *super = source ? next_word(&line) : NULL;
	char *minor = strchr(words[DEVICE], ':');
	if (!type || !minor)
		return false;
	*minor++ = '\0';
	if (!parse_u32(words[ID], &mount->id) || !parse_u32(words[PARENT], &mount->parent_id) ||
	    !parse_u32(words[DEVICE], &mount->major) || !parse_u32(minor, &mount->minor))
		return false;
	unescape(words[POINT]);
	unescape(type);
	mount->point = words[POINT];
	mount->type = type;
	mount->layers = strcmp(type, "overlay") == 0 && super ? keep_layers(super) : "";
	enum mounts_choice choice = type_choice(type);
	mount->server = choice == MOUNTS_REMOTE || choice == MOUNTS_USER;
	mount->choice = MOUNTS_OUTSIDE;
	return mount->point[0] == '/';
}

int mounts_parse(const char *text, size_t size, struct mounts *ret)
{
	struct mounts mounts = {0};
	size_t n_lines = 1;
	for (size_t i = 0; i < size; i++)
		n_lines += text[i] == '\n';
	mounts.text = malloc(size + 1);
	mounts.mounts = calloc(n_lines, sizeof(*mounts.mounts));
	if (!mounts.text || !mounts.mounts) {
		mounts_deinit(&mounts);
		return -ENOMEM;
	}
	memcpy(mounts.text, text, size);
	mounts.text[size] = '\0';
	char *rest = mounts.text;
	char *line;
	while ((line = strsep(&rest, "\n"))) {
		if (*line == '\0')
			continue;
		if (parse_line(line, &mounts.mounts[mounts.n]))
			mounts.n++;
		else
			mounts.n_broken++;
	}
	*ret = mounts;
	return 0;
}

void mounts_deinit(struct mounts *mounts)
{
	free(mounts->text);
	free(mounts->mounts);
	*mounts = (struct mounts){0};
}

/* Whether path is dir or lies below it. */
static bool is_within(const char *path, const char *dir)
{
	size_t size = strlen(dir);
	while (size > 1 && dir[size - 1] == '/')
		size--;
	if (size == 1)
		return true;
	return strncmp(path, dir, size) == 0 && (path[size] == '\0' || path[size] == '/');
}

/* The mount a path lies on: the longest mount point above it; of several on one point the last, which hides the
 * others. */
static const struct mounts_mount *mount_of(const struct mounts *mounts, const char *path)
{
	const struct mounts_mount *best = NULL;
	for (size_t i = 0; i < mounts->n; i++) {
		const struct mounts_mount *mount = &mounts->mounts[i];
		if (is_within(path, mount->point) && (!best || strlen(mount->point) >= strlen(best->point)))
			best = mount;
	}
	return best;
}

static bool in_scope(const struct mounts *mounts, const struct mounts_mount *mount, const char *const *scopes,
		     size_t n_scopes)
{
	for (size_t i = 0; i < n_scopes; i++)
		if (is_within(mount->point, scopes[i]) || mount_of(mounts, scopes[i]) == mount)
			return true;
	return false;
}

static const struct mounts_mount *find(const struct mounts *mounts, uint32_t id)
{
	for (size_t i = 0; i < mounts->n; i++)
		if (mounts->mounts[i].id == id)
			return &mounts->mounts[i];
	return NULL;
}

/* Not the first mount of all: whoever has his root there waits for its server anyway. */
static bool is_below_server(const struct mounts *mounts, const struct mounts_mount *mount)
{
	const struct mounts_mount *above = find(mounts, mount->parent_id);
	for (size_t depth = 0; above && depth < mounts->n; depth++) {
		const struct mounts_mount *next = find(mounts, above->parent_id);
		if (next && next != above && above->server)
			return true;
		above = next == above ? NULL : next;
	}
	return false;
}

static bool is_on_server(const struct mounts *mounts, const char *path)
{
	bool maybe = false; /* there may be thousands of layers, and hardly a server */
	for (size_t i = 0; i < mounts->n && !maybe; i++)
		maybe = mounts->mounts[i].server && is_within(path, mounts->mounts[i].point);
	const struct mounts_mount *mount = maybe ? mount_of(mounts, path) : NULL;
	return mount && (mount->server || is_below_server(mounts, mount));
}

/* An overlay opens its layers' files. Not seen: layers that are written relative to a folder, of another mount
 * namespace, or moved since; and again not the first mount of all. */
static bool has_layer_on_server(const struct mounts *mounts, const struct mounts_mount *mount)
{
	char layer[PATH_MAX];
	for (const char *at = mount->layers, *end; *at && find(mounts, mount->parent_id); at = *end ? end + 1 : end) {
		end = strchrnul(at, ':');
		if (*at != '/' || (size_t)(end - at) >= sizeof(layer))
			continue;
		memcpy(layer, at, (size_t)(end - at));
		layer[end - at] = '\0';
		if (is_on_server(mounts, layer))
			return true;
	}
	return false;
}

void mounts_choose(struct mounts *mounts, const char *const *scopes, size_t n_scopes)
{
	for (size_t i = 0; i < mounts->n; i++) {
		struct mounts_mount *mount = &mounts->mounts[i];
		mount->choice = type_choice(mount->type);
		if (!in_scope(mounts, mount, scopes, n_scopes))
			mount->choice = MOUNTS_OUTSIDE;
		else if (mount->choice == MOUNTS_MARK &&
			 (is_below_server(mounts, mount) || has_layer_on_server(mounts, mount)))
			mount->choice = MOUNTS_BELOW;
	}
}

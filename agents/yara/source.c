/* SPDX-License-Identifier: Apache-2.0 */
#include "yara/source.h"

#include "common/common.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static int open_beneath(int directory_fd, const char *path, int flags)
{
	struct open_how how = {.flags = (uint64_t)(flags | O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK),
			       .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};
	int fd = (int)syscall(SYS_openat2, directory_fd, path, &how, sizeof(how));
	return fd < 0 ? -errno : fd;
}

static void closedirp(DIR **directory)
{
	if (*directory)
		closedir(*directory);
}

static int add(struct source_list *list, const char *path)
{
	if (list->n == SOURCE_FILES_MAX) {
		list->cut = true;
		return 0;
	}
	if (list->n % 64 == 0) {
		char **paths = realloc(list->paths, (list->n + 64) * sizeof(*paths));
		if (!paths)
			return -ENOMEM;
		list->paths = paths;
	}
	list->paths[list->n] = strdup(path);
	return list->paths[list->n++] ? 0 : -ENOMEM;
}

static int walk(int root_fd, const char *path, unsigned depth, struct source_list *list);

static int look_at(int root_fd, const char *path, unsigned depth, struct source_list *list)
{
	struct stat status;
	if (fstatat(root_fd, path, &status, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -errno; /* it went meanwhile */
	if (S_ISDIR(status.st_mode))
		return walk(root_fd, path, depth + 1, list);
	if (S_ISLNK(status.st_mode) && (fstatat(root_fd, path, &status, 0) < 0 || !S_ISREG(status.st_mode)))
		return 0;
	return S_ISREG(status.st_mode) ? add(list, path) : 0;
}

static int walk(int root_fd, const char *path, unsigned depth, struct source_list *list)
{
	char name[SOURCE_PATH_SIZE];
	const struct dirent *entry;
	if (depth > SOURCE_DEPTH_MAX) {
		list->cut = true;
		return 0;
	}
	int r = 0, fd = open_beneath(root_fd, path, O_DIRECTORY);
	_cleanup_(closedirp) DIR *directory = fd < 0 ? NULL : fdopendir(fd);
	if (!directory)
		return fd < 0 ? fd : -errno;
	while (r == 0 && !list->cut && (entry = readdir(directory))) {
		if (entry->d_name[0] == '.')
			continue;
		int size = snprintf(name, sizeof(name), "%s%s%s", depth ? path : "", depth ? "/" : "", entry->d_name);
		if (size >= (int)sizeof(name))
			list->cut = true;
		else
			r = look_at(root_fd, name, depth, list);
	}
	return r;
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int source_list_read(int directory_fd, struct source_list *ret)
{
	struct source_list list = {0};
	int r = walk(directory_fd, ".", 0, &list);
	if (r < 0) {
		source_list_deinit(&list);
		return r;
	}
	if (list.n > 0)
		qsort(list.paths, list.n, sizeof(*list.paths), compare);
	*ret = list;
	return 0;
}

void source_list_deinit(struct source_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		free(list->paths[i]);
	free(list->paths);
	*list = (struct source_list){0};
}

static uint64_t mix(uint64_t hash, const void *bytes, size_t size)
{
	const unsigned char *at = bytes;
	for (size_t i = 0; i < size; i++)
		hash = (hash ^ at[i]) * UINT64_C(0x100000001b3);
	return hash;
}

uint64_t source_list_signature(int directory_fd, const struct source_list *list)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);
	for (size_t i = 0; i < list->n; i++) {
		struct stat status;
		if (fstatat(directory_fd, list->paths[i], &status, 0) < 0)
			continue;
		const uint64_t parts[] = {(uint64_t)status.st_ino,         (uint64_t)status.st_size,
					  (uint64_t)status.st_mtim.tv_sec, (uint64_t)status.st_mtim.tv_nsec,
					  (uint64_t)status.st_ctim.tv_sec, (uint64_t)status.st_ctim.tv_nsec,
					  (uint64_t)status.st_dev};
		hash = mix(hash, list->paths[i], strlen(list->paths[i]) + 1);
		hash = mix(hash, parts, sizeof(parts));
	}
	return hash ? hash : 1;
}

bool source_is_rules(const char *path)
{
	const char *dot = strrchr(path, '.');
	return dot && (strcmp(dot, ".yar") == 0 || strcmp(dot, ".yara") == 0);
}

int source_read(int directory_fd, const char *path, char **ret, size_t *ret_size)
{
	struct stat status;
	_cleanup_(closep) int fd = open_beneath(directory_fd, path, 0);
	if (fd < 0)
		return fd;
	if (fstat(fd, &status) < 0)
		return -errno;
	if (!S_ISREG(status.st_mode))
		return -EINVAL;
	if (status.st_size > (off_t)SOURCE_SIZE_MAX)
		return -EFBIG;
	size_t size = 0, room = (size_t)status.st_size;
	_cleanup_(freep) char *bytes = malloc(room + 1);
	if (!bytes)
		return -ENOMEM;
	while (size < room) {
		ssize_t n = read(fd, bytes + size, room - size);
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		size += (size_t)n;
	}
	bytes[size] = '\0';
	*ret_size = size;
	*ret = STEAL(bytes);
	return 0;
}

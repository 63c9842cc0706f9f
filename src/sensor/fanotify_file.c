/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/fanotify_file.h"

#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char deleted[] = " (deleted)";
static const char memfd[] = "/memfd:";

int fanotify_file_dir(void)
{
	int fd = open("/proc/self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

size_t fanotify_file_classify(char *path, size_t size, uint64_t n_links, uint32_t *ret_flags, bool *ret_doubt)
{
	const size_t suffix = sizeof(deleted) - 1;
	uint32_t flags = 0;
	bool ends_so = size > suffix && memcmp(path + size - suffix, deleted, suffix) == 0;
	*ret_doubt = ends_so && n_links > 0;
	if (n_links == 0) {
		flags |= RS_FILE_DELETED;
		if (ends_so)
			size -= suffix;
		if (size >= sizeof(memfd) - 1 && memcmp(path, memfd, sizeof(memfd) - 1) == 0)
			flags |= RS_FILE_MEMFD;
	}
	path[size] = '\0';
	*ret_flags = flags;
	return size;
}

/* A file with other names lost this one, or really has this name. stat(2) asks nobody. */
static size_t resolve_doubt(const struct stat *status, char *path, size_t size, uint32_t *flags)
{
	struct stat named;
	int r = fstatat(AT_FDCWD, path, &named, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT);
	if (r == 0 && named.st_dev == status->st_dev && named.st_ino == status->st_ino)
		return size;
	if (r < 0 && errno == EACCES)
		return size; /* cannot be told from here: the text as it is */
	*flags |= RS_FILE_DELETED;
	path[size -= sizeof(deleted) - 1] = '\0';
	return size;
}

size_t fanotify_file_path(int dir_fd, int fd, const struct stat *status, char *path, size_t size, uint32_t *ret_flags)
{
	char name[16];
	bool doubt;
	snprintf(name, sizeof(name), "%d", fd);
	ssize_t n = readlinkat(dir_fd, name, path, size - 1);
	if (n < 0) {
		/* ENAMETOOLONG: deeper than the kernel can write down */
		*ret_flags = RS_FILE_PATH_CUT;
		path[0] = '\0';
		return 0;
	}
	size_t length = fanotify_file_classify(path, (size_t)n, status->st_nlink, ret_flags, &doubt);
	return doubt ? resolve_doubt(status, path, length, ret_flags) : length;
}

static uint64_t time_ns(struct timespec time)
{
	return (uint64_t)time.tv_sec * NS_PER_SEC + (uint64_t)time.tv_nsec;
}

void fanotify_file_fill(struct event_build *build, struct rs_file *file, const struct stat *status, const char *path,
			size_t size, uint32_t flags)
{
	file->id = (struct rs_file_id){.dev = status->st_dev, .ino = status->st_ino};
	file->size_bytes = (uint64_t)status->st_size;
	file->mtime_ns = time_ns(status->st_mtim);
	file->ctime_ns = time_ns(status->st_ctim);
	file->mode = status->st_mode;
	file->uid = status->st_uid;
	file->gid = status->st_gid;
	file->flags = flags;
	event_build_path(build, file, path, size);
}

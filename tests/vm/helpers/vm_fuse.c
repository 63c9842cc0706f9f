/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vm_fuse: serves a file by FUSE.
 *
 *     vm_fuse FILE DIRECTORY      DIRECTORY/file is FILE as it is now, for reading, until it is unmounted
 *
 * SIGSTOP makes it a server that hangs, SIGCONT one that answers again.
 */
#include "served_fs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

int main(int argc, char **argv)
{
	struct stat status;
	int fd = argc == 3 ? open(argv[1], O_RDONLY | O_CLOEXEC) : -1;
	if (fd < 0 || fstat(fd, &status) < 0) {
		fprintf(stderr, "usage: vm_fuse FILE DIRECTORY\n");
		return 2;
	}
	struct served_file file = {.size = (size_t)status.st_size};
	file.bytes = mmap(NULL, file.size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
	int served = file.bytes == MAP_FAILED ? -errno : served_fs_mount(argv[2]);
	if (served < 0) {
		fprintf(stderr, "vm_fuse: %s: %s\n", argv[2], strerror(-served));
		return 1;
	}
	served_fs_serve(served, &file);
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "ipc/landlock.h"

#include "base/macro.h"

#include <errno.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CREATE_VERSION 1u
#define RULE_PATH 1
#define RULE_PORT 2

#define FS_EXECUTE (UINT64_C(1) << 0)
#define FS_WRITE_FILE (UINT64_C(1) << 1)
#define FS_READ_FILE (UINT64_C(1) << 2)
#define FS_READ_DIR (UINT64_C(1) << 3)
#define FS_MAKE_CHAR (UINT64_C(1) << 6)
#define FS_MAKE_BLOCK (UINT64_C(1) << 11)
#define FS_ABI_1 ((UINT64_C(1) << 13) - 1)
#define FS_REFER (UINT64_C(1) << 13)
#define FS_TRUNCATE (UINT64_C(1) << 14)
#define FS_IOCTL_DEV (UINT64_C(1) << 15)
#define FS_OF_FILES (FS_EXECUTE | FS_WRITE_FILE | FS_READ_FILE | FS_TRUNCATE | FS_IOCTL_DEV)

#define NET_BIND_TCP (UINT64_C(1) << 0)
#define NET_CONNECT_TCP (UINT64_C(1) << 1)
#define SCOPE_ABSTRACT_UNIX (UINT64_C(1) << 0)
#define SCOPE_SIGNAL (UINT64_C(1) << 1)

struct ruleset {
	uint64_t fs, net, scoped;
};

struct path_rule {
	uint64_t access;
	int32_t parent_fd;
} __attribute__((packed));

struct port_rule {
	uint64_t access;
	uint64_t port;
};

int landlock_abi(void)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, CREATE_VERSION);
	return abi > 0 ? (int)abi : 0;
}

static uint64_t known(int abi)
{
	return FS_ABI_1 | (abi >= 2 ? FS_REFER : 0) | (abi >= LANDLOCK_ABI_TRUNCATE ? FS_TRUNCATE : 0) |
	       (abi >= 5 ? FS_IOCTL_DEV : 0);
}

int landlock_new(int abi, bool tcp)
{
	struct ruleset ruleset = {.fs = known(abi)};
	if (abi >= LANDLOCK_ABI_TCP && tcp)
		ruleset.net = NET_BIND_TCP | NET_CONNECT_TCP;
	if (abi >= LANDLOCK_ABI_SCOPE)
		ruleset.scoped = SCOPE_ABSTRACT_UNIX | SCOPE_SIGNAL;
	/* an older kernel takes the struct as it knew it, and a longer one when the rest is 0 */
	long fd = syscall(SYS_landlock_create_ruleset, &ruleset, sizeof(ruleset), 0);
	return fd < 0 ? -errno : (int)fd;
}

int landlock_allow_path(int ruleset_fd, int abi, int path_fd, enum landlock_use use)
{
	static const uint64_t uses[] = {
		[LANDLOCK_READ] = FS_READ_FILE | FS_READ_DIR,
		[LANDLOCK_EXECUTE] = FS_READ_FILE | FS_EXECUTE,
		[LANDLOCK_DEVICE] = FS_READ_FILE | FS_WRITE_FILE | FS_TRUNCATE | FS_IOCTL_DEV,
		[LANDLOCK_STATE] = ~(FS_EXECUTE | FS_MAKE_CHAR | FS_MAKE_BLOCK | FS_IOCTL_DEV),
	};
	struct stat stat;
	if (fstat(path_fd, &stat) < 0)
		return -errno;
	struct path_rule rule = {.access = uses[use] & known(abi), .parent_fd = path_fd};
	if (!S_ISDIR(stat.st_mode))
		rule.access &= FS_OF_FILES;
	return syscall(SYS_landlock_add_rule, ruleset_fd, RULE_PATH, &rule, 0) < 0 ? -errno : 0;
}

int landlock_allow_port(int ruleset_fd, uint16_t port)
{
	struct port_rule rule = {.access = NET_CONNECT_TCP, .port = port};
	return syscall(SYS_landlock_add_rule, ruleset_fd, RULE_PORT, &rule, 0) < 0 ? -errno : 0;
}

int landlock_enforce(int ruleset_fd)
{
	return syscall(SYS_landlock_restrict_self, ruleset_fd, 0) < 0 ? -errno : 0;
}

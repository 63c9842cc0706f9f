/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/notify.h"

#include "base/clock.h"
#include "base/fd.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int connect_to(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	size_t size = strlen(path);
	if ((path[0] != '/' && path[0] != '@') || size >= sizeof(address.sun_path))
		return -1;
	memcpy(address.sun_path, path, size);
	if (path[0] == '@')
		address.sun_path[0] = '\0';
	_cleanup_(fd_closep) int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	socklen_t address_size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, address_size) < 0)
		return -1;
	return STEAL_FD(fd);
}

void notify_open(struct notify *ret)
{
	const char *socket_path = getenv("NOTIFY_SOCKET");
	const char *watchdog_us = getenv("WATCHDOG_USEC"), *watchdog_pid = getenv("WATCHDOG_PID");
	*ret = (struct notify){.fd = socket_path ? connect_to(socket_path) : -1};
	if (ret->fd >= 0 && watchdog_us && (!watchdog_pid || atol(watchdog_pid) == getpid()))
		ret->watchdog_ns = strtoull(watchdog_us, NULL, 10) * NS_PER_US;
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
}

void notify_close(struct notify *notify)
{
	notify->fd = fd_close(notify->fd);
}

void notify_send(const struct notify *notify, const char *text)
{
	if (notify->fd >= 0)
		fd_send(notify->fd, text, strlen(text), NULL, 0);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "agent.h"

#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

int agent_copy_opts(void *to, size_t to_size, const void *from)
{
	memset(to, 0, to_size);
	if (!from)
		return 0;
	size_t from_size = *(const size_t *)from;
	if (from_size < sizeof(size_t))
		return -EINVAL;
	for (size_t i = to_size; i < from_size; i++)
		if (((const char *)from)[i] != 0)
			return -E2BIG;
	memcpy(to, from, MIN(to_size, from_size));
	return 0;
}

int agent_copy_text(char *to, size_t to_size, const char *text)
{
	size_t size = text ? strlen(text) : 0;
	if (size >= to_size)
		return -E2BIG;
	memset(to, 0, to_size);
	if (size > 0)
		memcpy(to, text, size);
	return 0;
}

static int fd_from_environment(void)
{
	const char *text = getenv(SESSION_FD_ENV);
	char *end;
	if (!text || *text < '0' || *text > '9')
		return -ENOTCONN;
	errno = 0;
	unsigned long fd = strtoul(text, &end, 10);
	return errno || *end || fd > INT32_MAX ? -ENOTCONN : (int)fd;
}

static void agent_freep(struct rs_agent **agent)
{
	rs_agent_close(*agent);
}

/* Takes the lifeline over: not for children, and no call on it ever waits. */
static int keep_lifeline(struct rs_agent *agent, int fd)
{
	struct epoll_event event = {.events = EPOLLIN, .data.u32 = AGENT_LIFELINE};
	int type;
	socklen_t size = sizeof(type);
	agent->lifeline_fd = fd;
	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) < 0)
		return errno == EBADF ? -EBADF : -ENOTSOCK;
	if (type != SOCK_SEQPACKET)
		return -EPROTOTYPE;
	if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0 || epoll_ctl(agent->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0)
		return -errno;
	return 0;
}

static int agent_new(const struct rs_agent_opts *opts, struct rs_agent **ret)
{
	_cleanup_(agent_freep) struct rs_agent *agent = calloc(1, sizeof(*agent));
	if (!agent)
		return -ENOMEM;
	agent->lifeline_fd = agent->session_fd = -1;
	agent->reply_timeout_ms = AGENT_REPLY_TIMEOUT_MS;
	agent->pending.earliest_ns = UINT64_MAX;
	busy_poll_init(&agent->poll, busy_poll_processors() == 1);
	wants_init(&agent->wants);
	agent->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (agent->epoll_fd < 0)
		return -errno;
	int error = agent_copy_text(agent->version, sizeof(agent->version), opts->version);
	if (error == 0)
		error = agent_copy_text(agent->content_version, sizeof(agent->content_version), opts->content_version);
	if (error == 0)
		*ret = STEAL(agent);
	return error;
}

int rs_agent_open(const struct rs_agent_opts *opts, struct rs_agent **ret)
{
	struct rs_agent_opts known;
	int error = agent_copy_opts(&known, sizeof(known), opts);
	if (error < 0)
		return error;
	_cleanup_(fd_closep) int fd = known.fd ? known.fd : fd_from_environment();
	if (!ret)
		return -EINVAL;
	if (fd < 0)
		return known.fd ? -EBADF : -ENOTCONN;

	_cleanup_(agent_freep) struct rs_agent *agent = NULL;
	error = agent_new(&known, &agent);
	if (error == 0)
		error = keep_lifeline(agent, STEAL_FD(fd));
	if (error == 0)
		error = link_open(agent);
	if (error == 0)
		*ret = STEAL(agent);
	return error;
}

void rs_agent_close(struct rs_agent *agent)
{
	if (!agent)
		return;
	struct session_bye bye = {.head = {.size = sizeof(bye), .type = SESSION_BYE}};
	if (agent->session_fd >= 0)
		fd_send(agent->session_fd, &bye, sizeof(bye), NULL, 0);
	link_end(agent);
	rings_deinit(agent);
	pending_deinit(&agent->pending);
	wants_deinit(&agent->wants);
	free(agent->abilities);
	fd_close(agent->lifeline_fd);
	fd_close(agent->epoll_fd);
	free(agent);
}

const char *rs_agent_name(const struct rs_agent *agent)
{
	return agent ? agent->name : "";
}

bool rs_agent_is_shadow(const struct rs_agent *agent)
{
	return agent && agent->shadow;
}

const char *rs_version(void)
{
	return RINGSIDE_VERSION;
}

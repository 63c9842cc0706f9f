/* SPDX-License-Identifier: Apache-2.0 */
/*
 * link: the lifeline and the session: what may come in which state, and what it leads to.
 *
 * The engine is believed no more than the contract says: a datagram that is malformed, or comes in the wrong state,
 * or brings the wrong number of descriptors, ends the session with -EPROTO. A session that just ends is no error: the
 * next one comes over the lifeline.
 */
#include "agent.h"

#include "base/clock.h"
#include "base/fd.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

/* The kernel has no memory for a message, and does not tell when it has. */
#define NO_MEMORY_PAUSE_NS NS_PER_MS

static void close_all(const int *fds, size_t n_fds)
{
	for (size_t i = 0; i < n_fds; i++)
		fd_close(fds[i]);
}

void link_end(struct rs_agent *agent)
{
	if (agent->session_fd >= 0)
		epoll_ctl(agent->epoll_fd, EPOLL_CTL_DEL, agent->session_fd, NULL);
	agent->session_fd = fd_close(agent->session_fd);
	agent->state = LINK_NONE;
	agent->awaited = 0;
	pending_clear(&agent->pending);
	rings_quieten(agent);
}

static int breach(struct rs_agent *agent)
{
	link_end(agent);
	return -EPROTO;
}

/* Until one of them is ready: its revents say which. A descriptor of -1 is left out. -ETIMEDOUT. */
static int wait_for(struct pollfd fds[2], uint64_t until_ns)
{
	for (;;) {
		uint64_t now_ns = clock_monotonic_ns();
		uint64_t left_ms = now_ns < until_ns ? (until_ns - now_ns + NS_PER_MS - 1) / NS_PER_MS : 0;
		int n = poll(fds, 2, until_ns == UINT64_MAX ? -1 : (int)MIN(left_ms, INT32_MAX));
		if (n > 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n == 0 && left_ms == 0)
			return -ETIMEDOUT;
	}
}

int link_send(struct rs_agent *agent, const void *message, size_t size, uint64_t until_ns)
{
	while (agent->session_fd >= 0) {
		int error = fd_send(agent->session_fd, message, size, NULL, 0);
		if (error == 0)
			return 0;
		bool no_memory = error == -ENOBUFS || error == -ENOMEM;
		if (error != -EAGAIN && !no_memory)
			return -EPIPE; /* its end is read, and acted on, in its turn */
		struct pollfd fds[2] = {{.fd = no_memory ? -1 : agent->session_fd, .events = POLLOUT}, {.fd = -1}};
		uint64_t pause_ns = clock_monotonic_ns() + NO_MEMORY_PAUSE_NS;
		error = wait_for(fds, no_memory ? MIN(until_ns, pause_ns) : until_ns);
		if (error == -ETIMEDOUT && no_memory && pause_ns < until_ns)
			continue;
		if (error < 0)
			return error;
	}
	return -EPIPE;
}

static uint64_t start_waiting(struct rs_agent *agent)
{
	agent->reply_until_ns = clock_monotonic_ns() + agent->reply_timeout_ms * NS_PER_MS;
	return agent->reply_until_ns;
}

static int send_request(struct rs_agent *agent, struct session_head *request)
{
	request->request = ++agent->last_request;
	agent->awaited = request->request;
	return link_send(agent, request, request->size, start_waiting(agent));
}

static int send_hello(struct rs_agent *agent)
{
	struct session_hello hello = {.head = {.size = sizeof(hello), .type = SESSION_HELLO},
				      .contract_lowest = RS_CONTRACT,
				      .contract_highest = RS_CONTRACT,
				      .sdk_version = RINGSIDE_VERSION};
	memcpy(hello.version, agent->version, sizeof(hello.version));
	memcpy(hello.content_version, agent->content_version, sizeof(hello.content_version));
	return send_request(agent, &hello.head);
}

int link_send_ready(struct rs_agent *agent)
{
	struct session_ready ready = {.head = {.size = sizeof(ready), .type = SESSION_READY}};
	int error = link_send(agent, &ready, sizeof(ready), start_waiting(agent));
	return error == -EPIPE ? 0 : error;
}

/* The next thing that the last engine knew and this one does not; behind the last, the session is open. */
static int replay_next(struct rs_agent *agent)
{
	if (!wants_replay(&agent->wants, &agent->replay, &agent->request)) {
		agent->state = LINK_OPEN;
		agent->awaited = 0;
		return agent->ready ? link_send_ready(agent) : 0;
	}
	int error = send_request(agent, &agent->request.head);
	return error == -EPIPE ? 0 : error;
}

static int on_welcome(struct rs_agent *agent, const int *fds)
{
	const struct session_welcome *welcome = (const void *)agent->buffer;
	size_t abilities_size = welcome->n_abilities * sizeof(struct session_ability);
	if (welcome->contract != RS_CONTRACT) {
		close_all(fds, 3);
		return breach(agent);
	}
	int error = rings_add(agent, fds, welcome->ring_size_bytes);
	struct session_ability *abilities = error ? NULL : malloc(abilities_size + 1);
	if (!error && (!abilities || pending_init(&agent->pending, welcome->pending_max) < 0))
		error = -ENOMEM;
	if (error) {
		free(abilities);
		link_end(agent);
		return error == -EINVAL ? -EPROTO : error;
	}
	memcpy(abilities, welcome + 1, abilities_size);
	free(agent->abilities);
	agent->abilities = abilities;
	agent->n_abilities = welcome->n_abilities;
	agent->shadow = welcome->shadow;
	memcpy(agent->name, welcome->name, sizeof(agent->name));
	agent->state = LINK_REPLAY;
	agent->replay = (struct wants_cursor){0};
	return replay_next(agent);
}

static int on_hello_reply(struct rs_agent *agent, const int *fds)
{
	const struct session_reply *reply = (const void *)agent->buffer;
	int error = reply->error ? reply->error : -EPROTO;
	link_end(agent);
	return error;
}

static int on_replay_reply(struct rs_agent *agent, const int *fds)
{
	const struct session_reply *reply = (const void *)agent->buffer;
	if (reply->head.request != agent->awaited)
		return 0;
	if (reply->error) {
		wants_refused(&agent->wants, &agent->replay, &agent->request);
		agent->error = agent->error ? agent->error : reply->error;
	}
	return replay_next(agent);
}

static int on_reply(struct rs_agent *agent, const int *fds)
{
	const struct session_reply *reply = (const void *)agent->buffer;
	if (reply->head.request == agent->awaited) {
		agent->reply_error = reply->error;
		agent->awaited = 0;
	}
	return 0;
}

static int on_event_fd(struct rs_agent *agent, const int *fds)
{
	const struct session_event_fd *message = (const void *)agent->buffer;
	pending_put_fd(&agent->pending, message->head.request, fds[0]);
	return 0;
}

struct transition {
	size_t n_fds; /* it must bring */
	int (*act)(struct rs_agent *agent, const int *fds);
};

/* What is not in here is a breach of contract. */
static const struct transition transitions[LINK_N_STATES][SESSION_BYE + 1] = {
	[LINK_HELLO] = {[SESSION_WELCOME] = {3, on_welcome}, [SESSION_REPLY] = {0, on_hello_reply}},
	[LINK_REPLAY] = {[SESSION_REPLY] = {0, on_replay_reply}},
	[LINK_OPEN] = {[SESSION_REPLY] = {0, on_reply}, [SESSION_EVENT_FD] = {1, on_event_fd}},
};

/* The kernel had no room in our table for what came with the datagram in the buffer. */
static int on_no_room(struct rs_agent *agent)
{
	const struct session_head *head = (const void *)agent->buffer;
	if (agent->state == LINK_OPEN && head->type == SESSION_EVENT_FD) {
		pending_put_fd(&agent->pending, head->request, -EMFILE);
		return 0;
	}
	link_end(agent);
	return -EMFILE;
}

int link_receive(struct rs_agent *agent)
{
	int fds[FD_MESSAGE_MAX];
	size_t n_fds = 0;
	memset(agent->buffer, 0, sizeof(struct session_head));
	ssize_t size = fd_receive(agent->session_fd, agent->buffer, sizeof(agent->buffer), fds, &n_fds);
	if (size == -EAGAIN)
		return -EAGAIN;
	if (size == -EMFILE)
		return on_no_room(agent);
	if (size == -EMSGSIZE)
		return breach(agent);
	if (size < 0) {
		link_end(agent);
		return 0;
	}
	const struct session_head *head = (const void *)agent->buffer;
	const struct transition *transition = NULL;
	if (!session_check_from_engine(agent->buffer, (size_t)size))
		transition = &transitions[agent->state][head->type];
	if (!transition || !transition->act || transition->n_fds != n_fds) {
		close_all(fds, n_fds);
		return breach(agent);
	}
	return transition->act(agent, fds);
}

static bool is_session(int fd)
{
	int type = 0;
	socklen_t size = sizeof(type);
	return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_SEQPACKET;
}

/* A session from the lifeline, consumed: it takes the place of the one before. */
static int adopt(struct rs_agent *agent, int fd)
{
	struct epoll_event event = {.events = EPOLLIN, .data.u32 = AGENT_SESSION};
	link_end(agent);
	if (!is_session(fd)) {
		fd_close(fd);
		return -EPROTO;
	}
	if (epoll_ctl(agent->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0) {
		int error = -errno;
		fd_close(fd);
		return error;
	}
	agent->session_fd = fd;
	agent->session++;
	agent->state = LINK_HELLO;
	int error = send_hello(agent);
	return error == -EPIPE ? 0 : error; /* gone again: its end is read next */
}

int link_receive_lifeline(struct rs_agent *agent)
{
	int fds[FD_MESSAGE_MAX];
	size_t n_fds = 0;
	char byte;
	ssize_t size = fd_receive(agent->lifeline_fd, &byte, sizeof(byte), fds, &n_fds);
	if (size == 1 && n_fds == 1)
		return adopt(agent, fds[0]);
	if (size == -EAGAIN || size == -EMFILE || size == -ENOMEM)
		return (int)size;
	close_all(fds, size < 0 ? 0 : n_fds);
	if (size >= 0 || size == -EMSGSIZE)
		return -EPROTO;
	/* no session will come any more; one that is there goes on */
	epoll_ctl(agent->epoll_fd, EPOLL_CTL_DEL, agent->lifeline_fd, NULL);
	agent->lifeline_fd = fd_close(agent->lifeline_fd);
	return 0;
}

int link_step(struct rs_agent *agent, uint64_t until_ns)
{
	struct pollfd fds[2] = {{.fd = agent->session_fd, .events = POLLIN},
				{.fd = agent->lifeline_fd, .events = POLLIN}};
	if (agent->session_fd < 0 && agent->lifeline_fd < 0)
		return -ESHUTDOWN;
	int error = wait_for(fds, until_ns);
	if (error == 0)
		error = fds[1].revents ? link_receive_lifeline(agent) : link_receive(agent);
	return error == -EAGAIN ? 0 : error;
}

/* For the platform to send a session there is no limit: it sends one, or ends the lifeline. */
static int step_to_reply(struct rs_agent *agent)
{
	int error = link_step(agent, agent->state == LINK_NONE ? UINT64_MAX : agent->reply_until_ns);
	if (error == -ETIMEDOUT)
		link_end(agent);
	return error;
}

int link_open(struct rs_agent *agent)
{
	int error = 0;
	while (agent->state != LINK_OPEN && error == 0)
		error = step_to_reply(agent);
	return error;
}

int link_request(struct rs_agent *agent, struct session_head *request)
{
	for (;;) {
		int error = link_open(agent);
		if (error == 0)
			error = send_request(agent, request);
		uint64_t session = agent->session;
		while (error == 0 && agent->awaited && agent->session == session && agent->state == LINK_OPEN)
			error = step_to_reply(agent);
		if (error == -EPIPE) {
			link_end(agent);
			continue;
		}
		if (error < 0)
			return error;
		if (agent->state == LINK_OPEN && agent->session == session)
			return agent->reply_error;
	}
}

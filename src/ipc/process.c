/* SPDX-License-Identifier: Apache-2.0 */
#include "ipc/process.h"

#include "base/fd.h"
#include "base/log.h"
#include "ipc/drop.h"
#include "ipc/link.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

struct peer {
	struct process *process;
	enum process_role role;
	struct link *link;
};

struct process {
	const struct topology_process *row;
	const struct process_handlers *handlers;
	const struct settings *settings;
	struct loop *loop;
	pid_t parent_pid;
	bool ready;
	struct peer peers[PROCESS_N_ROLES];
};

/* Reads what the parent sealed; MAP_PRIVATE because older kernels refuse MAP_SHARED on a sealed memfd. */
static int map_settings(int fd, const struct settings **ret)
{
	struct stat stat;
	int seals = fcntl(fd, F_GET_SEALS);
	if (seals < 0 || !(seals & F_SEAL_WRITE) || !(seals & F_SEAL_SHRINK))
		return -EINVAL;
	if (fstat(fd, &stat) < 0)
		return -errno;
	if (stat.st_size != (off_t)sizeof(struct settings))
		return -EINVAL;
	const struct settings *settings = mmap(NULL, sizeof(*settings), PROT_READ, MAP_PRIVATE, fd, 0);
	if (settings == MAP_FAILED)
		return -errno;
	const char *wrong = settings_check(settings);
	if (wrong) {
		log_error("settings: %s", wrong);
		munmap((void *)(uintptr_t)settings, sizeof(*settings));
		return -EINVAL;
	}
	*ret = settings;
	return 0;
}

static int peer_message(void *data, const struct ipc_head *message, int *fds, size_t n_fds);
static int peer_closed(void *data, int error);

/* A new link takes the place of the old one of this role. */
static int peer_connect(struct process *process, enum process_role role, int fd)
{
	struct peer *peer = &process->peers[role];
	struct link_handlers handlers = {.data = peer, .message = peer_message, .closed = peer_closed};
	bool was_up = peer->link;
	peer->link = link_free(peer->link);
	if (was_up && process->handlers->peer)
		process->handlers->peer(process->handlers->data, role, false);
	int r = link_new(process->loop, fd, &handlers, &peer->link);
	if (r < 0)
		return r;
	if (role != PROCESS_PARENT && process->handlers->peer)
		process->handlers->peer(process->handlers->data, role, true);
	return 0;
}

static int on_peer(struct process *process, const struct ipc_head *message, int *fds, size_t n_fds)
{
	if (n_fds == 1 && message->number < PROCESS_N_ROLES &&
	    topology_may_talk(process->row->role, (enum process_role)message->number) &&
	    message->number != PROCESS_PARENT)
		return peer_connect(process, (enum process_role)message->number, fds[0]);
	log_error("the parent sent a link to %s with %zu descriptors: the topology has no such pair",
		  topology_name(message->number), n_fds);
	for (size_t i = 0; i < n_fds; i++)
		fd_close(fds[i]);
	return 0;
}

static int on_ping(struct process *process, const struct ipc_head *message, int *fds, size_t n_fds)
{
	struct ipc_head pong = {.size = sizeof(pong), .type = IPC_PONG, .number = message->number};
	for (size_t i = 0; i < n_fds; i++)
		fd_close(fds[i]);
	/* a parent that does not take it does not get to ask again either */
	(void)process_send(process, PROCESS_PARENT, &pong, NULL, 0);
	return 0;
}

static int peer_message(void *data, const struct ipc_head *message, int *fds, size_t n_fds)
{
	struct peer *peer = data;
	struct process *process = peer->process;
	if (peer->role == PROCESS_PARENT && message->type == IPC_PEER)
		return on_peer(process, message, fds, n_fds);
	if (peer->role == PROCESS_PARENT && message->type == IPC_PING)
		return on_ping(process, message, fds, n_fds);
	return process->handlers->message(process->handlers->data, peer->role, message, fds, n_fds);
}

/* Without its parent a process has nothing to do; any other peer comes back by IPC_PEER. */
static int peer_closed(void *data, int error)
{
	struct peer *peer = data;
	struct process *process = peer->process;
	peer->link = link_free(peer->link);
	if (peer->role == PROCESS_PARENT)
		return -EPIPE;
	if (error == -EPROTO) {
		struct ipc_head broken = {.size = sizeof(broken), .type = IPC_BROKEN, .number = peer->role};
		process_send(process, PROCESS_PARENT, &broken, NULL, 0);
	}
	if (process->handlers->peer)
		process->handlers->peer(process->handlers->data, peer->role, false);
	return 0;
}

/* The parent orders the stop; what a terminal sends to all of its processes is for the parent only. */
static void ignore_signals(void)
{
	static const int ignored[] = {SIGPIPE, SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2};
	for (size_t i = 0; i < ARRAY_SIZE(ignored); i++)
		signal(ignored[i], SIG_IGN);
}

static int find_parent(struct process *process)
{
	struct ucred cred;
	socklen_t size = sizeof(cred);
	if (getsockopt(PROCESS_FD_PARENT, SOL_SOCKET, SO_PEERCRED, &cred, &size) < 0)
		return -errno;
	process->parent_pid = cred.pid;
	return 0;
}

static int enter(struct process *process)
{
	fcntl(PROCESS_FD_PARENT, F_SETFD, FD_CLOEXEC);
	fcntl(PROCESS_FD_SETTINGS, F_SETFD, FD_CLOEXEC);
	syscall(SYS_close_range, PROCESS_FD_SETTINGS + 1, ~0U, 0);
	int r = find_parent(process);
	if (r >= 0)
		r = map_settings(PROCESS_FD_SETTINGS, &process->settings);
	if (r >= 0)
		r = loop_new(&process->loop);
	if (r >= 0)
		r = peer_connect(process, PROCESS_PARENT, PROCESS_FD_PARENT);
	if (r >= 0)
		log_init(process->row->name, (enum log_level)process->settings->log_level);
	return r;
}

int process_enter(enum process_role role, const struct process_handlers *handlers, struct process **ret)
{
	struct process *process = calloc(1, sizeof(*process));
	if (!process)
		return -ENOMEM;
	process->row = &topology_processes[role];
	process->handlers = handlers;
	for (unsigned i = 0; i < PROCESS_N_ROLES; i++)
		process->peers[i] = (struct peer){.process = process, .role = i};
	log_init(process->row->name, LOG_LEVEL_INFO);
	ignore_signals();
	umask(077);
	int r = enter(process);
	if (r < 0) {
		log_error(
			"expected a link to the parent as descriptor %d and sealed settings as %d: %s; this program is "
			"started by ringsided only",
			PROCESS_FD_PARENT, PROCESS_FD_SETTINGS, strerror(-r));
		process_free(process);
		return r;
	}
	*ret = process;
	return 0;
}

struct process *process_free(struct process *process)
{
	if (!process)
		return NULL;
	for (size_t i = 0; i < PROCESS_N_ROLES; i++)
		link_free(process->peers[i].link);
	loop_free(process->loop);
	if (process->settings)
		munmap((void *)(uintptr_t)process->settings, sizeof(*process->settings));
	free(process);
	return NULL;
}

const struct settings *process_settings(const struct process *process)
{
	return process->settings;
}

int process_renew_settings(struct process *process, int fd)
{
	_cleanup_(fd_closep) int owned_fd = fd;
	const struct settings *settings, *old = process->settings;
	int r = map_settings(fd, &settings);
	if (r < 0)
		return r;
	process->settings = settings;
	munmap((void *)(uintptr_t)old, sizeof(*old));
	return 0;
}

void process_disconnect(struct process *process, enum process_role role)
{
	process->peers[role].link = link_free(process->peers[role].link);
}

struct loop *process_loop(const struct process *process)
{
	return process->loop;
}

int process_drop(struct process *process)
{
	int r = drop_privilege(process->row, process_uid(process->settings, process->row->role), process->parent_pid);
	return r < 0 ? r : drop_system_calls(process->row->role);
}

int process_ready(struct process *process)
{
	struct ipc_head ready = {.size = sizeof(ready), .type = IPC_READY};
	if (process->ready)
		return 0;
	process->ready = true;
	return process_send(process, PROCESS_PARENT, &ready, NULL, 0);
}

int process_run(struct process *process)
{
	int r = process->handlers->ready_later ? 0 : process_ready(process);
	return r < 0 ? r : loop_run(process->loop);
}

int process_send(struct process *process, enum process_role to, const void *message, const int *fds, size_t n_fds)
{
	struct link *link = process->peers[to].link;
	return link ? link_send(link, message, fds, n_fds) : -ENOTCONN;
}

int process_reply(struct process *process, enum process_role to, uint64_t number, int error, const char *json,
		  size_t size)
{
	struct link *link = process->peers[to].link;
	return link ? link_reply(link, number, error, json, size) : -ENOTCONN;
}

uint32_t process_uid(const struct settings *settings, enum process_role role)
{
	return topology_processes[role].root ? 0 : settings->uid_base + role;
}

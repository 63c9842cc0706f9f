/* SPDX-License-Identifier: Apache-2.0 */
#include "control/clients.h"

#include "base/clock.h"
#include "base/fd.h"
#include "base/list.h"
#include "base/log.h"
#include "control/requests.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#define CLIENTS_MAX 64u
#define CLIENT_GROUPS_MAX 1024
#define IDLE_NS (30 * NS_PER_SEC) /* without a request */
#define SLOW_NS (10 * NS_PER_SEC) /* with an answer that it does not read */
#define REPLY_TEXT_MAX 32768u
#define ACCEPTS_PER_TURN 8

struct client {
	struct clients *clients;
	struct list link;
	int fd;
	struct loop_source *source;
	struct loop_source *timer;
	struct requests_asker asker;
	bool asked; /* a request is open, or its answer under way */
	uint64_t reply_number; /* of the answer under way */
	int reply_error;
	int reply_fd;
	char *text;
	size_t text_size, sent;
};

struct clients {
	struct process *process;
	struct requests *requests;
	int listen_fd;
	struct loop_source *source;
	struct list list;
	unsigned n;
	uint64_t refused; /* beyond the limit */
	uint64_t dropped; /* slow, idle, or not well formed */
};

static void client_free(struct client *client)
{
	struct clients *clients = client->clients;
	requests_forget(clients->requests, client);
	list_remove(&client->link);
	clients->n--;
	loop_source_remove(client->source);
	loop_source_remove(client->timer);
	fd_close(client->fd);
	fd_close(client->reply_fd);
	free(client->text);
	free(client);
}

/* Counted, and told with the first and then each hundredth, so that a hostile client cannot fill the log. */
static void client_drop(struct client *client, const char *why)
{
	if (client->clients->dropped++ % 100 == 0)
		log_warning("admin socket: pid %u, user %u is dropped: %s; %llu so far", client->asker.pid,
			    client->asker.uid, why, (unsigned long long)client->clients->dropped);
	client_free(client);
}

static void set_timer(struct client *client, uint64_t delay_ns)
{
	loop_source_arm(client->timer, delay_ns ? clock_monotonic_ns() + delay_ns : 0);
}

/* Sends what fits. True when the answer is out. */
static int send_some(struct client *client)
{
	union {
		struct ipc_reply reply;
		char bytes[sizeof(struct ipc_reply) + REPLY_TEXT_MAX];
	} message;
	do {
		size_t part = MIN(client->text_size - client->sent, (size_t)REPLY_TEXT_MAX);
		message.reply = (struct ipc_reply){
			.head = {.size = (uint32_t)(sizeof(message.reply) + part),
				 .type = IPC_REPLY,
				 .number = client->reply_number},
			.error = client->reply_error,
			.more = client->sent + part < client->text_size,
		};
		memcpy(message.bytes + sizeof(message.reply), client->text + client->sent, part);
		int r = fd_send(client->fd, &message, message.reply.head.size, &client->reply_fd,
				client->reply_fd >= 0);
		if (r < 0)
			return r;
		client->reply_fd = fd_close(client->reply_fd);
		client->sent += part;
	} while (client->sent < client->text_size);
	return 0;
}

/* The client may be gone afterwards. */
static void send_reply(struct client *client)
{
	int r = send_some(client);
	if (r == -EAGAIN) {
		loop_source_set_events(client->source, EPOLLIN | EPOLLOUT);
		return;
	}
	if (r < 0) {
		client_free(client);
		return;
	}
	free(STEAL(client->text));
	client->asked = false;
	loop_source_set_events(client->source, EPOLLIN);
	set_timer(client, IDLE_NS);
}

static void on_done(void *data, void *which, uint64_t number, int error, const char *text, size_t size, int fd)
{
	struct client *client = which;
	client->text = malloc(size + 1);
	if (!client->text) {
		fd_close(fd);
		client_drop(client, "no memory for its answer");
		return;
	}
	memcpy(client->text, text, size);
	client->text_size = size;
	client->sent = 0;
	client->reply_number = number;
	client->reply_error = error;
	client->reply_fd = fd;
	set_timer(client, SLOW_NS);
	send_reply(client);
}

static void on_request(struct client *client, const struct ipc_request *request)
{
	if (client->asked) {
		client_drop(client, "it asked before it had its answer");
		return;
	}
	client->asked = true;
	set_timer(client, 0); /* requests.h watches the time */
	requests_start(client->clients->requests, request, &client->asker, client);
}

static void on_readable(struct client *client)
{
	union {
		struct ipc_head head;
		struct ipc_request request;
	} message;
	int fds[FD_MESSAGE_MAX];
	size_t n_fds = 0;
	ssize_t size = fd_receive(client->fd, &message, sizeof(message), fds, &n_fds);
	if (size == -EAGAIN)
		return;
	if (size == -EPIPE || size == -ECONNRESET) {
		client_free(client);
		return;
	}
	for (size_t i = 0; i < n_fds; i++)
		fd_close(fds[i]);
	if (size < 0 || n_fds > 0 || ipc_check(&message, (size_t)size) || message.head.type != IPC_REQUEST)
		client_drop(client, "it sent what is not a request");
	else
		on_request(client, &message.request);
}

static int on_client(void *data, uint32_t events)
{
	struct client *client = data;
	if (events & EPOLLOUT)
		send_reply(client);
	else
		on_readable(client);
	return 0;
}

static int on_client_time(void *data, uint64_t now_ns)
{
	struct client *client = data;
	client_drop(client, client->asked ? "it does not read its answer" : "it asks nothing");
	return 0;
}

static bool in_group(int fd, gid_t group)
{
	gid_t groups[CLIENT_GROUPS_MAX];
	socklen_t size = sizeof(groups);
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &size) < 0)
		return false;
	for (size_t i = 0; i < size / sizeof(groups[0]); i++)
		if (groups[i] == group)
			return true;
	return false;
}

static int identify(struct client *client)
{
	const struct settings *settings = process_settings(client->clients->process);
	struct ucred cred;
	socklen_t size = sizeof(cred);
	if (getsockopt(client->fd, SOL_SOCKET, SO_PEERCRED, &cred, &size) < 0)
		return -errno;
	gid_t group = settings->admin_gid;
	client->asker = (struct requests_asker){
		.pid = (uint32_t)cred.pid,
		.uid = cred.uid,
		.admin = cred.uid == 0 || (group != 0 && (cred.gid == group || in_group(client->fd, group))),
	};
	return 0;
}

static void client_new(struct clients *clients, int fd)
{
	struct loop *loop = process_loop(clients->process);
	struct client *client = calloc(1, sizeof(*client));
	if (!client) {
		fd_close(fd);
		return;
	}
	*client = (struct client){.clients = clients, .fd = fd, .reply_fd = -1};
	list_append(&clients->list, &client->link);
	clients->n++;
	int r = identify(client);
	if (r >= 0)
		r = loop_add_fd(loop, fd, EPOLLIN, on_client, client, &client->source);
	if (r >= 0)
		r = loop_add_timer(loop, on_client_time, client, &client->timer);
	if (r < 0)
		client_drop(client, strerror(-r));
	else
		set_timer(client, IDLE_NS);
}

static int on_connect(void *data, uint32_t events)
{
	struct clients *clients = data;
	for (int i = 0; i < ACCEPTS_PER_TURN; i++) {
		int fd = accept4(clients->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd < 0)
			return 0;
		if (clients->n < CLIENTS_MAX) {
			client_new(clients, fd);
			continue;
		}
		if (clients->refused++ % 100 == 0)
			log_warning("admin socket: %u clients are connected, another is refused; %llu so far",
				    CLIENTS_MAX, (unsigned long long)clients->refused);
		fd_close(fd);
	}
	return 0;
}

/* An earlier socket goes first; then nobody can connect before owner and mode are right. */
static int bind_socket(int fd, const struct settings *settings, const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	strcpy(address.sun_path, path);
	if (unlink(path) < 0 && errno != ENOENT)
		return -errno;
	mode_t mask = umask(0177);
	int r = bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ? -errno : 0;
	umask(mask);
	if (r < 0)
		return r;
	if (settings->admin_gid != 0 && (chown(path, 0, settings->admin_gid) < 0 || chmod(path, 0660) < 0))
		return -errno;
	return listen(fd, 64) < 0 ? -errno : 0;
}

static int open_socket(struct clients *clients)
{
	const struct settings *settings = process_settings(clients->process);
	char path[SETTINGS_PATH_SIZE + 32];
	snprintf(path, sizeof(path), "%s/control.sock", settings->run_dir);
	clients->listen_fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int r = clients->listen_fd < 0 ? -errno : bind_socket(clients->listen_fd, settings, path);
	if (r < 0)
		log_error("%s: expected to be able to make the admin socket: %s; choose a run_dir of at most 90 bytes "
			  "that "
			  "root may write",
			  path, strerror(-r));
	return r;
}

int clients_new(struct process *process, struct journal *journal, struct clients **ret)
{
	struct clients *clients = calloc(1, sizeof(*clients));
	if (!clients)
		return -ENOMEM;
	*clients = (struct clients){.process = process, .listen_fd = -1};
	list_init(&clients->list);
	int r = requests_new(process, journal, on_done, clients, &clients->requests);
	if (r >= 0)
		r = open_socket(clients);
	if (r < 0) {
		clients_free(clients);
		return r;
	}
	*ret = clients;
	return 0;
}

int clients_begin(struct clients *clients)
{
	return loop_add_fd(process_loop(clients->process), clients->listen_fd, EPOLLIN, on_connect, clients,
			   &clients->source);
}

struct clients *clients_free(struct clients *clients)
{
	if (!clients)
		return NULL;
	list_for_each_safe (link, &clients->list)
		client_free(list_entry(link, struct client, link));
	requests_free(clients->requests);
	loop_source_remove(clients->source);
	fd_close(clients->listen_fd);
	free(clients);
	return NULL;
}

void clients_reply(struct clients *clients, enum process_role from, const struct ipc_reply *reply)
{
	requests_reply(clients->requests, from, reply);
}

void clients_peer_down(struct clients *clients, enum process_role role)
{
	requests_peer_down(clients->requests, role);
}

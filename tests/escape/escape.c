/* SPDX-License-Identifier: Apache-2.0 */
#include "escape.h"

#include <ringside/ringside.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define LIMIT_S 20 /* for one attempt */

static const struct attempts *const all[] = {
	&attempts_see,   &attempts_processes, &attempts_descriptors, &attempts_network,
	&attempts_files, &attempts_kernel,    &attempts_exhaust,
};

int outcome(long result)
{
	return result < 0 ? -errno : 0;
}

int outcome_fd(long fd)
{
	if (fd < 0)
		return -errno;
	close((int)fd);
	return 0;
}

const char *below(const char *folder, const char *name)
{
	static char path[600];
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

int try_open(const char *path, int flags)
{
	return outcome_fd(open(path, flags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0600));
}

/* In a process of its own, which may be killed for it. */
static const char *try(const struct attempt *attempt, const struct world *world)
{
	static char text[32];
	int status;
	fflush(stdout);
	pid_t pid = fork();
	if (pid == 0) {
		alarm(LIMIT_S);
		_exit(-attempt->run(world) & 0xff);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return "NOT-TRIED";
	if (WIFSIGNALED(status))
		snprintf(text, sizeof(text), "SIG%s", sigabbrev_np(WTERMSIG(status)));
	else if (WEXITSTATUS(status) == 0)
		snprintf(text, sizeof(text), "SUCCEEDED");
	else
		snprintf(text, sizeof(text), "%s", strerrorname_np(WEXITSTATUS(status)));
	return text;
}

static int is_among(const char *list, const char *word)
{
	size_t size = strlen(word);
	for (const char *at = list; (at = strstr(at, word)); at += size)
		if ((at == list || at[-1] == ' ') && (at[size] == ' ' || at[size] == '\0'))
			return 1;
	return 0;
}

/* "NAME OUTCOME held|out|unexpected", a line each, and how many there were. */
static void try_all(const struct world *world)
{
	unsigned n = 0, held = 0, out = 0;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		for (size_t j = 0; j < all[i]->n; j++) {
			const struct attempt *attempt = &all[i]->rows[j];
			const char *text = try(attempt, world);
			int is_held = is_among(attempt->held, text), is_out = strcmp(text, "SUCCEEDED") == 0;
			printf("%s %s %s\n", attempt->name, text, is_held ? "held" : is_out ? "out" : "unexpected");
			n++;
			held += (unsigned)is_held;
			out += (unsigned)is_out;
		}
	printf("tried %u, held %u, out %u\n", n, held, out);
	fflush(stdout);
}

static void print_table(void)
{
	puts("| attempt | what it tries | in a jail | as root, in no jail |\n|---|---|---|---|");
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		for (size_t j = 0; j < all[i]->n; j++) {
			const struct attempt *row = &all[i]->rows[j];
			printf("| `%s` | %s | %s | %s%s |\n", row->name, row->what, row->held,
			       row->outside ? "fails: " : "succeeds", row->outside ? row->outside : "");
		}
}

static void take_argument(struct world *world, const char *argument)
{
	const struct {
		const char *key;
		const char **text;
		int *number;
	} keys[] = {
		{"victim=", NULL, &world->victim},   {"other=", NULL, &world->other},
		{"secret=", &world->secret, NULL},   {"other_log=", &world->other_log, NULL},
		{"control=", &world->control, NULL}, {"abstract=", &world->abstract, NULL},
		{"granted=", &world->granted, NULL}, {"folder=", &world->folder, NULL},
		{"shm=", &world->shm, NULL},         {"shm_key=", NULL, &world->shm_key},
		{"port=", NULL, &world->port},
	};
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		size_t size = strlen(keys[i].key);
		if (strncmp(argument, keys[i].key, size) != 0)
			continue;
		if (keys[i].text)
			*keys[i].text = argument + size;
		else
			*keys[i].number = atoi(argument + size);
	}
}

/* The SDK maps the ring and closes its descriptor; we want to keep it (the build wraps close(2)). */
static int kept_ring_fd = -1;
int __real_close(int fd);
int __wrap_close(int fd);

int __wrap_close(int fd)
{
	int seals = fcntl(fd, F_GET_SEALS);
	if (kept_ring_fd < 0 && seals >= 0 && seals & (F_SEAL_FUTURE_WRITE | F_SEAL_WRITE))
		kept_ring_fd = dup(fd);
	return __real_close(fd);
}

static int be_agent(struct world *world)
{
	const struct rs_agent_opts opts = {.size = sizeof(opts), .version = "1"};
	const struct rs_subscribe_opts with_fd = {.size = sizeof(with_fd), .with_fd = true};
	const enum rs_event_type types[] = {RS_EVENT_AUTH_OPEN};
	struct rs_agent *agent;
	int r = rs_agent_open(&opts, &agent);
	if (r >= 0)
		r = rs_agent_subscribe(agent, types, 1, &with_fd);
	if (r >= 0)
		r = rs_agent_ready(agent);
	while (r >= 0) {
		const struct rs_event *event;
		r = rs_agent_next(agent, -1, &event);
		if (r <= 0 || !(event->flags & RS_EVENT_IS_AUTH))
			continue;
		int fd = rs_event_fd(agent, event);
		bool first = fd >= 0 && world->passed_fd < 0;
		if (first)
			world->passed_fd = dup(fd);
		rs_respond_allow(agent, event, 0);
		if (first) {
			world->ring_fd = kept_ring_fd;
			try_all(world);
		}
	}
	printf("the session ended: %s\n", strerror(-r));
	return 1;
}

static int be_outside(struct world *world)
{
	int pair[2];
	world->passed_fd = open(below(world->granted, "program"), O_RDONLY | O_CLOEXEC);
	world->ring_fd = memfd_create("ring", MFD_ALLOW_SEALING);
	if (world->passed_fd < 0 || world->ring_fd < 0 || ftruncate(world->ring_fd, 4096) < 0 ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) < 0) {
		perror("escape: the world is not complete");
		return 1;
	}
	world->lifeline_fd = pair[0];
	try_all(world);
	return 0;
}

static int listen_at(const char *name, bool abstract, int type)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	snprintf(address.sun_path + abstract, sizeof(address.sun_path) - abstract, "%s", name);
	size_t size = offsetof(struct sockaddr_un, sun_path) + strlen(name) +
		      1; /* abstract: the NUL before it, else the one behind */
	int fd = socket(AF_UNIX, type, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, (socklen_t)size) < 0)
		return -1;
	return type == SOCK_DGRAM ? 0 : listen(fd, 8);
}

/* Where there is no Python for it: those whom an attempt would reach. Waits until it is killed. */
static int be_others(const struct world *world)
{
	char datagram[100];
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_port = htons((uint16_t)world->port),
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int tcp = socket(AF_INET, SOCK_STREAM, 0);
	snprintf(datagram, sizeof(datagram), "%s-datagram", world->abstract);
	if (tcp < 0 || bind(tcp, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(tcp, 8) < 0 ||
	    listen_at(world->abstract, true, SOCK_STREAM) < 0 || listen_at(datagram, true, SOCK_DGRAM) < 0 ||
	    shmget(world->shm_key, 4096, IPC_CREAT | 0666) < 0 ||
	    listen_at(below(world->granted, "socket"), false, SOCK_STREAM) < 0) {
		perror("escape: others");
		return 1;
	}
	for (;;)
		pause();
}

int main(int argc, char **argv)
{
	struct world world = {.secret = "",
			      .other_log = "",
			      .control = "",
			      .abstract = "",
			      .granted = "",
			      .folder = "",
			      .shm = "",
			      .passed_fd = -1,
			      .ring_fd = -1,
			      .lifeline_fd = 3,
			      .self = argv[0]};
	for (int i = 2; i < argc; i++)
		take_argument(&world, argv[i]);
	if (argc == 2 && strcmp(argv[1], "--table") == 0)
		print_table();
	else if (argc > 2 && strcmp(argv[1], "agent") == 0)
		return be_agent(&world);
	else if (argc > 2 && strcmp(argv[1], "outside") == 0)
		return be_outside(&world);
	else if (argc > 2 && strcmp(argv[1], "listen") == 0)
		return be_others(&world);
	else if (argc == 2 && strcmp(argv[1], "--capabilities") == 0)
		return prctl(PR_CAPBSET_READ, 0, 0, 0, 0) == 1 ? 0 : EPERM;
	else
		return 2;
	return 0;
}

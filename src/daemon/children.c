/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/children.h"

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "daemon/keeper_judge.h"
#include "daemon/spawn.h"
#include "daemon/usage.h"
#include "ipc/link.h"
#include "ipc/process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>

#define STEADY_NS (10 * NS_PER_SEC) /* who ran so long did not fail at its start */
#define BACKOFF_FIRST_NS (50 * NS_PER_MS)
#define BACKOFF_URGENT_MAX_NS (500 * NS_PER_MS) /* the engine must be back within a second */
#define BACKOFF_MAX_NS (10 * NS_PER_SEC)
#define RELINK_NS (100 * NS_PER_MS)

enum child_state {
	CHILD_DOWN,
	CHILD_STARTING,
	CHILD_READY,
	CHILD_STOPPING,
	CHILD_WAITING, /* for its next start */
};

static const char *const state_names[] = {"down", "starting", "ready", "stopping", "waiting"};

struct child {
	struct children *children;
	const struct topology_process *row;
	enum child_state state;
	bool wanted; /* to be started again when it ends */
	pid_t pid;
	int pidfd;
	struct loop_source *pidfd_source;
	struct loop_source *timer; /* start and stop time-outs, back-off */
	struct link *link;
	uint64_t since_ns;
	uint64_t restarts;
	unsigned failures;
	uint64_t start_run_ns; /* processor time it had got when its start was looked at last */
	bool unlinked[PROCESS_N_ROLES]; /* with whom a link could not be made yet */
	char why[120]; /* how it ended last */
};

struct children {
	struct loop *loop;
	const char *libexec_dir;
	struct children_callbacks callbacks;
	int settings_fd;
	int null_fd;
	struct loop_source *relink_timer;
	struct child table[PROCESS_N_ROLES];
};

static void child_start(struct child *child);

uint64_t children_backoff_ns(const struct topology_process *row, unsigned failures)
{
	uint64_t most = row->urgent ? BACKOFF_URGENT_MAX_NS : BACKOFF_MAX_NS;
	if (failures == 0)
		return 0;
	return failures > 16 ? most : MIN(most, BACKOFF_FIRST_NS << (failures - 1));
}

const char *children_describe_status(int wait_status, char *text, size_t size)
{
	if (WIFSIGNALED(wait_status) && WTERMSIG(wait_status) == SIGSYS)
		snprintf(text, size, "ended by signal %d: it made a system call that is not in its table", SIGSYS);
	else if (WIFSIGNALED(wait_status))
		snprintf(text, size, "ended by signal %d (%s)", WTERMSIG(wait_status),
			 strsignal(WTERMSIG(wait_status)));
	else
		snprintf(text, size, "exited with %d", WEXITSTATUS(wait_status));
	return text;
}

static bool is_running(const struct child *child)
{
	return child->pid > 0;
}

static void child_release(struct child *child)
{
	child->pidfd_source = loop_source_remove(child->pidfd_source);
	child->pidfd = fd_close(child->pidfd);
	child->link = link_free(child->link);
	child->pid = 0;
}

/* What comes after the end: nothing, or another start. */
static void child_next(struct child *child, uint64_t now_ns)
{
	bool steady = now_ns - child->since_ns >= STEADY_NS;
	bool asked = child->state == CHILD_STOPPING;
	child->failures = steady || asked ? 0 : child->failures + 1;
	child->since_ns = now_ns;
	child->state = child->wanted ? CHILD_WAITING : CHILD_DOWN;
	/* the first failure after a steady run, or an ordered restart: at once */
	if (child->wanted)
		loop_source_arm(child->timer, now_ns + 1 + children_backoff_ns(child->row, child->failures));
	else
		loop_source_arm(child->timer, 0);
}

static int on_ended(void *data, uint32_t events)
{
	struct child *child = data;
	struct children *children = child->children;
	int status;
	if (waitpid(child->pid, &status, WNOHANG) != child->pid)
		return 0;
	bool expected = child->state == CHILD_STOPPING;
	child_release(child);
	children_describe_status(status, child->why, sizeof(child->why));
	if (expected)
		log_info("%s %s", child->row->name, child->why);
	else
		log_error("%s %s; it is started again", child->row->name, child->why);
	child_next(child, clock_monotonic_ns());
	children->callbacks.ended(children->callbacks.data, child->row->role, status);
	return 0;
}

static int on_message(void *data, const struct ipc_head *message, int *fds, size_t n_fds)
{
	struct child *child = data;
	struct children *children = child->children;
	if (message->type != IPC_READY) {
		children->callbacks.message(children->callbacks.data, child->row->role, message, fds, n_fds);
		return 0;
	}
	for (size_t i = 0; i < n_fds; i++)
		fd_close(fds[i]);
	if (child->state != CHILD_STARTING)
		return 0;
	child->state = CHILD_READY;
	loop_source_arm(child->timer, 0);
	log_info("%s is ready, pid %d", child->row->name, child->pid);
	children->callbacks.ready(children->callbacks.data, child->row->role);
	return 0;
}

/* The process is ending, or said what makes no sense: then it is of no use. Its pidfd tells the rest. */
static int on_link_closed(void *data, int error)
{
	struct child *child = data;
	child->link = link_free(child->link);
	if (error == -EPROTO)
		children_kill(child->children, child->row->role, "it broke the protocol");
	return 0;
}

bool children_gets_on(uint64_t before_run_ns, uint64_t run_ns, char state)
{
	if (run_ns >= CHILDREN_START_NS || keeper_is_halted(state))
		return false;
	return state == 'R' || state == 'D' || run_ns - before_run_ns >= CHILDREN_START_LOOK_NS / 100;
}

static bool read_sample(pid_t pid, struct keeper_sample *ret)
{
	char path[48], stat[1024], schedstat[128] = "";
	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	if (fd_read_file(AT_FDCWD, path, stat, sizeof(stat)) <= 0)
		return false;
	snprintf(path, sizeof(path), "/proc/%d/schedstat", pid);
	if (fd_read_file(AT_FDCWD, path, schedstat, sizeof(schedstat)) < 0)
		*schedstat = '\0';
	return keeper_sample_parse(ret, stat, schedstat);
}

/* It is not ready in time. */
static void look_at_start(struct child *child, uint64_t now_ns)
{
	struct keeper_sample sample;
	if (!read_sample(child->pid, &sample) || !children_gets_on(child->start_run_ns, sample.run_ns, sample.state)) {
		children_kill(child->children, child->row->role, "it was not ready in time");
		return;
	}
	if (child->start_run_ns == 0)
		log_info("%s is slow to start: it got %.1f s of processor time in %.0f s", child->row->name,
			 (double)sample.run_ns / NS_PER_SEC, (double)(now_ns - child->since_ns) / NS_PER_SEC);
	child->start_run_ns = sample.run_ns;
	loop_source_arm(child->timer, now_ns + CHILDREN_START_LOOK_NS);
}

static int on_timer(void *data, uint64_t now_ns)
{
	struct child *child = data;
	if (child->state == CHILD_WAITING)
		child_start(child);
	else if (child->state == CHILD_STARTING)
		look_at_start(child, now_ns);
	else if (child->state == CHILD_STOPPING)
		children_kill(child->children, child->row->role, "it did not stop in time");
	return 0;
}

/* Who is ending gets no link any more, and a new one when it is started again. */
static int send_peer(struct child *child, enum process_role other, int fd)
{
	const struct ipc_head message = {.size = sizeof(message), .type = IPC_PEER, .number = other};
	int r = link_send(child->link, &message, &fd, 1);
	return r == -EPIPE ? 0 : r;
}

/* An end that was sent alone is closed by the next try, whose ends take the place of those before. */
static int connect_pair(struct child *a, struct child *b)
{
	int pair[2], r = link_pair(pair);
	if (r < 0)
		return r;
	r = send_peer(a, b->row->role, pair[0]);
	if (r >= 0)
		r = send_peer(b, a->row->role, pair[1]);
	fd_close(pair[0]);
	fd_close(pair[1]);
	return r;
}

/* One link for a pair whose both ends run. Without it they would run on and never meet: what does not work is tried
 * again. */
static void link_up(struct child *a, struct child *b)
{
	a->unlinked[b->row->role] = b->unlinked[a->row->role] = false;
	if (!a->link || !b->link)
		return; /* at the next start of the other one */
	int r = connect_pair(a, b);
	if (r >= 0)
		return;
	log_error("link between %s and %s: %s; trying again", a->row->name, b->row->name, strerror(-r));
	a->unlinked[b->row->role] = true;
	loop_source_arm(a->children->relink_timer, clock_monotonic_ns() + RELINK_NS);
}

static void connect_peers(struct child *child)
{
	for (size_t i = 0; i < PROCESS_N_ROLES; i++) {
		struct child *other = &child->children->table[i];
		if (other != child && topology_may_talk(child->row->role, other->row->role))
			link_up(child, other);
	}
}

static int on_relink(void *data, uint64_t now_ns)
{
	struct children *children = data;
	for (size_t i = 0; i < PROCESS_N_ROLES; i++)
		for (size_t j = 0; j < PROCESS_N_ROLES; j++)
			if (children->table[i].unlinked[j])
				link_up(&children->table[i], &children->table[j]);
	return 0;
}

static int watch(struct child *child)
{
	child->pidfd = pidfd_open(child->pid, 0);
	if (child->pidfd < 0)
		return -errno;
	return loop_add_fd(child->children->loop, child->pidfd, EPOLLIN, on_ended, child, &child->pidfd_source);
}

static int try_start(struct child *child)
{
	struct children *children = child->children;
	_cleanup_(fd_closep) int theirs = -1;
	int pair[2], r = link_pair(pair);
	if (r < 0)
		return r;
	theirs = pair[1];
	struct link_handlers handlers = {.data = child, .message = on_message, .closed = on_link_closed};
	r = link_new(children->loop, pair[0], &handlers, &child->link);
	if (r < 0)
		return r;
	const int fds[] = {theirs, children->settings_fd};
	struct spawn how = {.row = child->row,
			    .libexec_dir = children->libexec_dir,
			    .fds = fds,
			    .n_fds = ARRAY_SIZE(fds),
			    .null_fd = children->null_fd};
	pid_t pid = spawn(&how);
	if (pid < 0)
		return pid;
	child->pid = pid;
	return watch(child);
}

static void child_start(struct child *child)
{
	struct children *children = child->children;
	uint64_t now_ns = clock_monotonic_ns();
	child->restarts += child->state == CHILD_WAITING;
	child->state = CHILD_STARTING;
	child->since_ns = now_ns;
	int r = try_start(child);
	if (r < 0) {
		log_error("%s could not be started: %s; trying again", child->row->name, strerror(-r));
		if (child->pid > 0) {
			kill(child->pid, SIGKILL);
			waitpid(child->pid, NULL, 0);
		}
		child_release(child);
		child_next(child, now_ns);
		return;
	}
	child->start_run_ns = 0;
	loop_source_arm(child->timer, now_ns + CHILDREN_START_NS);
	children->callbacks.started(children->callbacks.data, child->row->role, child->pid);
	connect_peers(child);
}

int children_new(struct loop *loop, const char *libexec_dir, const struct children_callbacks *callbacks,
		 struct children **ret)
{
	struct children *children = calloc(1, sizeof(*children));
	if (!children)
		return -ENOMEM;
	*children =
		(struct children){.loop = loop, .libexec_dir = libexec_dir, .callbacks = *callbacks, .settings_fd = -1};
	for (size_t i = 0; i < PROCESS_N_ROLES; i++)
		children->table[i] = (struct child){.children = children, .row = &topology_processes[i], .pidfd = -1};
	children->null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	int r = children->null_fd < 0 ? -errno : 0;
	if (r >= 0)
		r = loop_add_timer(loop, on_relink, children, &children->relink_timer);
	for (size_t i = 0; i < PROCESS_N_ROLES && r >= 0; i++)
		r = loop_add_timer(loop, on_timer, &children->table[i], &children->table[i].timer);
	if (r < 0) {
		children_free(children);
		return r;
	}
	*ret = children;
	return 0;
}

struct children *children_free(struct children *children)
{
	if (!children)
		return NULL;
	for (size_t i = 0; i < PROCESS_N_ROLES; i++) {
		struct child *child = &children->table[i];
		if (is_running(child)) {
			kill(child->pid, SIGKILL);
			waitpid(child->pid, NULL, 0);
		}
		child_release(child);
		loop_source_remove(child->timer);
	}
	loop_source_remove(children->relink_timer);
	fd_close(children->null_fd);
	free(children);
	return NULL;
}

void children_set_settings(struct children *children, int memfd)
{
	children->settings_fd = memfd;
}

void children_start(struct children *children, enum process_role role)
{
	struct child *child = &children->table[role];
	child->wanted = true;
	if (child->state == CHILD_DOWN)
		child_start(child);
}

static void ask_to_end(struct child *child, uint64_t timeout_ns)
{
	struct ipc_head message = {.size = sizeof(message), .type = IPC_STOP};
	child->state = CHILD_STOPPING;
	if (!child->link || link_send(child->link, &message, NULL, 0) < 0)
		kill(child->pid, SIGKILL);
	loop_source_arm(child->timer, clock_monotonic_ns() + timeout_ns);
}

void children_stop(struct children *children, enum process_role role, uint64_t timeout_ns)
{
	struct child *child = &children->table[role];
	child->wanted = false;
	if (is_running(child))
		ask_to_end(child, timeout_ns);
	else if (child->state == CHILD_WAITING) {
		loop_source_arm(child->timer, 0);
		child->state = CHILD_DOWN;
	}
}

void children_restart(struct children *children, enum process_role role, uint64_t timeout_ns)
{
	struct child *child = &children->table[role];
	if (is_running(child))
		ask_to_end(child, timeout_ns);
}

void children_kill(struct children *children, enum process_role role, const char *why)
{
	struct child *child = &children->table[role];
	if (!is_running(child))
		return;
	log_error("%s, pid %d, is killed: %s", child->row->name, child->pid, why);
	kill(child->pid, SIGKILL);
}

bool children_is_ready(const struct children *children, enum process_role role)
{
	return children->table[role].state == CHILD_READY;
}

bool children_is_down(const struct children *children, enum process_role role)
{
	return children->table[role].state == CHILD_DOWN;
}

int children_send(struct children *children, enum process_role role, const void *message, const int *fds, size_t n_fds)
{
	struct link *link = children->table[role].link;
	return link ? link_send(link, message, fds, n_fds) : -ENOTCONN;
}

int children_reply(struct children *children, enum process_role role, uint64_t number, int error, const char *json,
		   size_t size)
{
	struct link *link = children->table[role].link;
	return link ? link_reply(link, number, error, json, size) : -ENOTCONN;
}

void children_to_json(const struct children *children, const struct settings *settings, struct json *json)
{
	uint64_t now_ns = clock_monotonic_ns();
	for (size_t i = 0; i < PROCESS_N_ROLES; i++) {
		const struct child *child = &children->table[i];
		if (!child->row->long_lived || child->row->role == PROCESS_PARENT)
			continue;
		json_open_object(json, NULL);
		json_string(json, "name", child->row->name);
		json_u64(json, "pid", (uint64_t)child->pid);
		json_u64(json, "uid", process_uid(settings, child->row->role));
		json_string(json, "state", state_names[child->state]);
		json_u64(json, "restarts", child->restarts);
		json_u64(json, "since_s", (now_ns - child->since_ns) / NS_PER_SEC);
		json_string(json, "why", child->why);
		usage_to_json(child->pid, json);
		json_close_object(json);
	}
}

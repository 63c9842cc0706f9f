/* SPDX-License-Identifier: Apache-2.0 */
#include "cage/incarnation.h"

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define OUTPUT_KEPT (BUDGET_OUTPUT_MB << 19) /* half of what may be printed */
#define GRACE_NS (3 * NS_PER_SEC) /* from SIGTERM to SIGKILL */

static void release(struct incarnation *incarnation)
{
	incarnation->pidfd_source = loop_source_remove(incarnation->pidfd_source);
	incarnation->timer = loop_source_remove(incarnation->timer);
	incarnation->pidfd = fd_close(incarnation->pidfd);
	incarnation->lifeline = fd_close(incarnation->lifeline);
	incarnation->jail.report_fd = fd_close(incarnation->jail.report_fd);
	budget_close(&incarnation->budget);
}

static void kill_all(const struct incarnation *incarnation)
{
	jail_kill(&incarnation->jail);
	budget_kill(&incarnation->budget);
}

struct incarnation *incarnation_free(struct incarnation *incarnation)
{
	if (!incarnation)
		return NULL;
	if (incarnation->jail.pid > 0 || incarnation->jail.init_pid > 0)
		kill_all(incarnation);
	if (incarnation->jail.pid > 0)
		waitpid(incarnation->jail.pid, NULL, 0);
	if (incarnation->jail.init_pid > 0)
		waitpid(incarnation->jail.init_pid, NULL, 0);
	list_remove(&incarnation->link);
	release(incarnation);
	free(incarnation);
	return NULL;
}

static void tell_end(struct incarnation *incarnation)
{
	incarnation->opts.ended(incarnation->opts.data, incarnation, incarnation->status);
}

static int on_process(void *data, uint32_t events);

static int watch(struct incarnation *incarnation, pid_t pid)
{
	incarnation->pidfd_source = loop_source_remove(incarnation->pidfd_source);
	fd_close(incarnation->pidfd);
	incarnation->pidfd = pidfd_open(pid, 0);
	if (incarnation->pidfd < 0)
		return -errno;
	return loop_add_fd(incarnation->opts.loop, incarnation->pidfd, EPOLLIN, on_process, incarnation,
			   &incarnation->pidfd_source);
}

/* When process 1 of a jail is killed the kernel ends all that is in there; only then the agent has ended. */
static void leave(struct incarnation *incarnation, int status)
{
	pid_t init_pid = incarnation->jail.init_pid;
	kill_all(incarnation); /* what it left */
	budget_look(&incarnation->budget, &incarnation->settings, 0, clock_monotonic_ns(), true);
	incarnation->jail.pid = 0;
	incarnation->status = status;
	incarnation->leaving = true;
	if (init_pid > 0 && watch(incarnation, init_pid) >= 0)
		return;
	if (init_pid > 0)
		waitpid(init_pid, NULL, 0);
	incarnation->jail.init_pid = 0;
	tell_end(incarnation);
}

/* Its state folder can be had only from its execve on: before, its memory is the cage's, and not to be looked into. */
void incarnation_look(struct incarnation *incarnation, uint64_t now_ns)
{
	struct budget *budget = &incarnation->budget;
	if (budget->kept[BUDGET_DISK] == BUDGET_BY_SIZE && budget->state_fd < 0 && incarnation_pid(incarnation) > 0)
		budget->state_fd = jail_open_state(&incarnation->jail);
	budget_look(budget, &incarnation->settings, incarnation_pid(incarnation), now_ns, false);
}

static void on_built(struct incarnation *incarnation, int status)
{
	struct jail_process *jail = &incarnation->jail;
	bool done = jail_built(jail) == JAIL_DONE && watch(incarnation, jail->pid) >= 0;
	if (done) {
		if (incarnation->settings.disk_mb > 0 && !(jail->missing & (JAIL_NAMESPACES | JAIL_ROOT)))
			incarnation->budget.kept[BUDGET_DISK] = BUDGET_BY_SIZE;
		incarnation->opts.started(incarnation->opts.data, incarnation);
		return;
	}
	incarnation->failed = true;
	jail_kill(jail);
	if (jail->pid > 0)
		waitpid(jail->pid, NULL, 0);
	leave(incarnation, status);
}

/* The builder, then the agent, then process 1 of its jail. */
static int on_process(void *data, uint32_t events)
{
	struct incarnation *incarnation = data;
	struct jail_process *jail = &incarnation->jail;
	pid_t pid = incarnation->leaving ? jail->init_pid : jail->pid;
	int status;
	if (waitpid(pid, &status, WNOHANG) != pid)
		return 0;
	if (incarnation->leaving) {
		jail->init_pid = 0;
		tell_end(incarnation);
	} else if (jail->building) {
		on_built(incarnation, status);
	} else {
		incarnation->failed = jail_failed_late(jail);
		leave(incarnation, status);
	}
	return 0;
}

static int on_timer(void *data, uint64_t now_ns)
{
	struct incarnation *incarnation = data;
	incarnation_part(incarnation, incarnation->parting + 1, 0);
	return 0;
}

void incarnation_part(struct incarnation *incarnation, enum incarnation_parting step, uint64_t drain_ns)
{
	uint64_t now_ns = clock_monotonic_ns();
	if (step <= incarnation->parting)
		return;
	incarnation->parting = step;
	if (step == INCARNATION_DRAINS) {
		loop_source_arm(incarnation->timer, now_ns + drain_ns);
	} else if (step == INCARNATION_ASKED) {
		jail_ask(&incarnation->jail);
		loop_source_arm(incarnation->timer, now_ns + GRACE_NS);
	} else {
		kill_all(incarnation);
		loop_source_arm(incarnation->timer, 0);
	}
}

static int make_lifeline(struct incarnation *incarnation, int *ret_theirs)
{
	int pair[2];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0)
		return -errno;
	/* the agent blocks on its end as it likes; whatever it writes goes nowhere */
	fcntl(pair[1], F_SETFL, 0);
	shutdown(pair[0], SHUT_RD);
	incarnation->lifeline = pair[0];
	*ret_theirs = pair[1];
	return 0;
}

/* Nothing of an agent's is read here: an operator looks at the file. A long one makes room for the next at a start. */
static int open_output(struct incarnation *incarnation)
{
	struct stat stat;
	char name[SESSION_NAME_SIZE + 8], old[SESSION_NAME_SIZE + 8];
	int dir_fd = incarnation->opts.output_dir_fd;
	snprintf(name, sizeof(name), "%s.log", incarnation->settings.name);
	snprintf(old, sizeof(old), "%s.old", incarnation->settings.name);
	if (dir_fd >= 0 && fstatat(dir_fd, name, &stat, AT_SYMLINK_NOFOLLOW) == 0 && stat.st_size > OUTPUT_KEPT)
		renameat(dir_fd, name, dir_fd, old);
	int fd = dir_fd < 0 ? -1 : openat(dir_fd, name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0 && dir_fd >= 0)
		log_warning("agent %s: agents/%s in run_dir: %s; what it prints is lost", incarnation->settings.name,
			    name, strerror(errno));
	return fd;
}

static int start(struct incarnation *incarnation)
{
	const struct incarnation_opts *opts = &incarnation->opts;
	_cleanup_(fd_closep) int theirs = -1;
	_cleanup_(fd_closep) int output_fd = open_output(incarnation);
	budget_open(&incarnation->budget, opts->home, &incarnation->settings, opts->number);
	incarnation->budget.beside = opts->beside;
	int r = loop_add_timer(opts->loop, on_timer, incarnation, &incarnation->timer);
	if (r >= 0)
		r = make_lifeline(incarnation, &theirs);
	if (r < 0)
		return r;
	struct jail jail = {.agent = &incarnation->settings,
			    .budget = &incarnation->budget,
			    .uid = opts->uid,
			    .lifeline_fd = theirs,
			    .null_fd = opts->null_fd,
			    .output_fd = output_fd >= 0 ? output_fd : opts->null_fd};
	r = jail_start(&jail, &incarnation->jail);
	return r < 0 ? r : watch(incarnation, incarnation->jail.pid);
}

int incarnation_start(const struct incarnation_opts *opts, char *why, size_t why_size, struct incarnation **ret)
{
	struct incarnation *incarnation = calloc(1, sizeof(*incarnation));
	if (!incarnation) {
		snprintf(why, why_size, "not started: %s", strerror(ENOMEM));
		return -ENOMEM;
	}
	incarnation->opts = *opts;
	incarnation->settings = *opts->settings;
	incarnation->opts.settings = &incarnation->settings;
	incarnation->pidfd = incarnation->lifeline = incarnation->jail.report_fd = -1;
	list_init(&incarnation->link);
	int r = start(incarnation);
	if (r < 0) {
		const char *text = incarnation->jail.text;
		snprintf(why, why_size, "not started: %s", text[0] ? text : strerror(-r));
		incarnation_free(incarnation);
		return r;
	}
	*ret = incarnation;
	return 0;
}

pid_t incarnation_pid(const struct incarnation *incarnation)
{
	return incarnation->jail.building ? 0 : incarnation->jail.pid;
}

uint64_t incarnation_process_id(const struct incarnation *incarnation)
{
	return incarnation->jail.process_id;
}

bool incarnation_has_ended(const struct incarnation *incarnation)
{
	siginfo_t info = {0};
	pid_t pid = incarnation_pid(incarnation);
	return incarnation->leaving ||
	       (pid > 0 && waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == pid);
}

int incarnation_send_session(struct incarnation *incarnation, int fd)
{
	return fd_send(incarnation->lifeline, "s", 1, &fd, 1);
}

const char *incarnation_describe(const struct incarnation *incarnation, int wait_status, char *text, size_t size)
{
	if (incarnation->failed) {
		snprintf(text, size, "not started: %s", incarnation->jail.text);
		return text;
	}
	if (WIFSIGNALED(wait_status) && WTERMSIG(wait_status) == SIGKILL &&
	    budget_why(&incarnation->budget, &incarnation->settings, text, size))
		return text;
	if (WIFSIGNALED(wait_status))
		snprintf(text, size, "ended by signal %d (%s)", WTERMSIG(wait_status),
			 strsignal(WTERMSIG(wait_status)));
	else
		snprintf(text, size, "exited with %d", WEXITSTATUS(wait_status));
	return text;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "cage/incarnation.h"

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "cage/jail.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>

#define GRACE_NS (3 * NS_PER_SEC) /* from SIGTERM to SIGKILL */

static void release(struct incarnation *incarnation)
{
	incarnation->pidfd_source = loop_source_remove(incarnation->pidfd_source);
	incarnation->timer = loop_source_remove(incarnation->timer);
	incarnation->pidfd = fd_close(incarnation->pidfd);
	incarnation->lifeline = fd_close(incarnation->lifeline);
	budget_close(&incarnation->budget);
}

static void kill_all(const struct incarnation *incarnation)
{
	jail_kill(incarnation->pid);
	budget_kill(&incarnation->budget);
}

struct incarnation *incarnation_free(struct incarnation *incarnation)
{
	if (!incarnation)
		return NULL;
	if (incarnation->pid > 0) {
		kill_all(incarnation);
		waitpid(incarnation->pid, NULL, 0);
	}
	list_remove(&incarnation->link);
	release(incarnation);
	free(incarnation);
	return NULL;
}

static int on_ended(void *data, uint32_t events)
{
	struct incarnation *incarnation = data;
	int status;
	if (waitpid(incarnation->pid, &status, WNOHANG) != incarnation->pid)
		return 0;
	kill_all(incarnation); /* what it left */
	budget_look(&incarnation->budget, &incarnation->settings, 0, clock_monotonic_ns(), true);
	incarnation->pid = 0;
	incarnation->opts.ended(incarnation->opts.data, incarnation, status);
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
		jail_ask(incarnation->pid);
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

static int watch(struct incarnation *incarnation)
{
	struct loop *loop = incarnation->opts.loop;
	incarnation->pidfd = pidfd_open(incarnation->pid, 0);
	if (incarnation->pidfd < 0)
		return -errno;
	return loop_add_fd(loop, incarnation->pidfd, EPOLLIN, on_ended, incarnation, &incarnation->pidfd_source);
}

static int start(struct incarnation *incarnation)
{
	const struct incarnation_opts *opts = &incarnation->opts;
	_cleanup_(fd_closep) int theirs = -1;
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
			    .null_fd = opts->null_fd};
	r = jail_start(&jail, &incarnation->pid, &incarnation->process_id);
	return r < 0 ? r : watch(incarnation);
}

int incarnation_start(const struct incarnation_opts *opts, struct incarnation **ret)
{
	struct incarnation *incarnation = calloc(1, sizeof(*incarnation));
	if (!incarnation)
		return -ENOMEM;
	incarnation->opts = *opts;
	incarnation->settings = *opts->settings;
	incarnation->opts.settings = &incarnation->settings;
	incarnation->pidfd = incarnation->lifeline = -1;
	list_init(&incarnation->link);
	int r = start(incarnation);
	if (r < 0) {
		incarnation_free(incarnation);
		return r;
	}
	*ret = incarnation;
	return 0;
}

int incarnation_send_session(struct incarnation *incarnation, int fd)
{
	return fd_send(incarnation->lifeline, "s", 1, &fd, 1);
}

const char *incarnation_describe(const struct incarnation *incarnation, int wait_status, char *text, size_t size)
{
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

/* SPDX-License-Identifier: Apache-2.0 */
/* The smallest useful agent: nobody executes a file that anybody may change. */
#include <errno.h>
#include <ringside/ringside.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static int judge(struct rs_agent *agent, const struct rs_event *event)
{
	const struct rs_event_auth_exec *exec = rs_event_auth_exec(event);
	const struct rs_deny_opts why = {
		.size = sizeof(why), .rule = "world-writable", .reason = "anybody may change this file"};
	int r;

	if (exec && (exec->file.mode & S_IWOTH))
		r = rs_respond_deny(agent, event, &why);
	else
		/* not RS_ALLOW_CACHE: that holds for the bytes of a file, and this looks at its mode */
		r = rs_respond_allow(agent, event, 0);
	return r == -EALREADY ? 0 : r; /* too late is no reason to stop */
}

int main(void)
{
	const enum rs_event_type wanted[] = {RS_EVENT_AUTH_EXEC};
	const struct rs_agent_opts opts = {.size = sizeof(opts), .version = "1.0"};
	const struct rs_event *event;
	struct rs_agent *agent;

	int r = rs_agent_open(&opts, &agent);
	if (r < 0) {
		fprintf(stderr, "minimal: cannot reach the platform: %s\n", strerror(-r));
		return 1;
	}
	r = rs_agent_subscribe(agent, wanted, 1, NULL);
	if (r == 0)
		r = rs_agent_ready(agent);
	while (r >= 0) {
		r = rs_agent_next(agent, -1, &event);
		if (r == 1 && (event->flags & RS_EVENT_IS_AUTH))
			r = judge(agent, event);
	}
	fprintf(stderr, "minimal: %s: %s\n", rs_agent_name(agent), strerror(-r));
	rs_agent_close(agent);
	return r == -ESHUTDOWN ? 0 : 1; /* the platform has ended: so do we */
}

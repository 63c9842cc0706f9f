/* SPDX-License-Identifier: Apache-2.0 */
/*
 * judge: an agent for the system tests. Decides by the last part of a file's path:
 *
 *     evil…   deny, rule "name"        slow…   no answer        once…   allow and cache        others: allow
 *
 *     judge [--cache] EVENT…           --cache: every allow is cached
 */
#include <ringside/ringside.h>

#include <stdio.h>
#include <string.h>

#define EVENTS_MAX 16

static const char *last_part(const struct rs_event *event)
{
	const struct rs_event_auth_exec *exec = rs_event_auth_exec(event);
	const struct rs_event_auth_open *open = rs_event_auth_open(event);
	const char *path = exec   ? rs_str_get(event, exec->file.path, NULL)
			   : open ? rs_str_get(event, open->file.path, NULL)
				  : "";
	const char *slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}

static int judge(struct rs_agent *agent, const struct rs_event *event, uint32_t flags)
{
	const struct rs_deny_opts deny = {.size = sizeof(deny), .rule = "name", .reason = "its name begins with evil"};
	const char *name = last_part(event);
	if (strncmp(name, "slow", 4) == 0)
		return 0;
	if (strncmp(name, "evil", 4) == 0)
		return rs_respond_deny(agent, event, &deny);
	if (strncmp(name, "once", 4) == 0)
		flags |= RS_ALLOW_CACHE;
	return rs_respond_allow(agent, event, flags);
}

int main(int argc, char **argv)
{
	const struct rs_agent_opts opts = {.size = sizeof(opts), .version = "1"};
	enum rs_event_type types[EVENTS_MAX];
	size_t n_types = 0;
	uint32_t flags = 0;
	struct rs_agent *agent;
	for (int i = 1; i < argc && n_types < EVENTS_MAX; i++) {
		if (strcmp(argv[i], "--cache") == 0)
			flags = RS_ALLOW_CACHE;
		else
			types[n_types++] = (enum rs_event_type)rs_event_type_by_name(argv[i]);
	}
	int r = rs_agent_open(&opts, &agent);
	if (r >= 0)
		r = rs_agent_subscribe(agent, types, n_types, NULL);
	if (r >= 0)
		r = rs_agent_ready(agent);
	while (r >= 0) {
		const struct rs_event *event;
		r = rs_agent_next(agent, -1, &event);
		if (r > 0 && event->flags & RS_EVENT_IS_AUTH)
			judge(agent, event, flags);
	}
	fprintf(stderr, "judge: %s\n", strerror(-r));
	return 1;
}

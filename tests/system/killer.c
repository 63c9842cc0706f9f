/* SPDX-License-Identifier: Apache-2.0 */
/*
 * killer: an agent for the system tests. Asks the platform to end processes:
 *
 *     a program called doomed… is executed       that process
 *     a program called ask-kill is executed      the process whose id is its first argument
 *
 * and says on standard error what it was answered: "asked ID: NUMBER" or "asked ID: -ERRNO"; "outcome NUMBER: TEXT".
 */
#include <ringside/ringside.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void ask(struct rs_agent *agent, uint64_t id)
{
	const struct rs_action_opts opts = {.size = sizeof(opts), .rule = "doomed", .reason = "this test said so"};
	fprintf(stderr, "killer: asked %" PRIu64 ": %d\n", id, rs_agent_act_kill(agent, id, &opts));
}

static void on_exec(struct rs_agent *agent, const struct rs_event *event, const struct rs_event_exec *exec)
{
	size_t path_size, args_size;
	const char *path = rs_str_get(event, exec->file.path, &path_size);
	const char *args = rs_str_get(event, exec->args, &args_size);
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;
	size_t first = strlen(args) + 1;
	if (strncmp(name, "doomed", 6) == 0)
		ask(agent, event->process.id);
	else if (strcmp(name, "ask-kill") == 0 && first < args_size)
		ask(agent, strtoull(args + first, NULL, 10));
}

int main(void)
{
	static const enum rs_event_type types[] = {RS_EVENT_EXEC};
	const struct rs_agent_opts opts = {.size = sizeof(opts), .version = "7", .content_version = "c9"};
	struct rs_agent *agent;
	int r = rs_agent_open(&opts, &agent);
	if (r >= 0)
		r = rs_agent_subscribe(agent, types, 1, NULL);
	if (r >= 0)
		r = rs_agent_ready(agent);
	while (r >= 0) {
		const struct rs_event *event;
		r = rs_agent_next(agent, -1, &event);
		if (r <= 0)
			continue;
		const struct rs_event_exec *exec = rs_event_exec(event);
		const struct rs_event_action_done *done = rs_event_action_done(event);
		if (exec)
			on_exec(agent, event, exec);
		if (done)
			fprintf(stderr, "killer: outcome %" PRIu64 ": %s\n", done->request,
				rs_str_get(event, done->outcome, NULL));
	}
	fprintf(stderr, "killer: %s\n", strerror(-r));
	return 1;
}

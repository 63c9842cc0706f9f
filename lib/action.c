/* SPDX-License-Identifier: Apache-2.0 */
/*
 * action: the calls that ask the platform to do something.
 *
 *     arguments ─▶ request ─▶ engine ─▶ reply: accepted or not; what came of it comes as an event, in rs_agent_next()
 */
#include "agent.h"

#include <errno.h>

static int act(struct rs_agent *agent, struct session_action *action, const struct rs_action_opts *opts)
{
	struct rs_action_opts known;
	int error = agent_copy_opts(&known, sizeof(known), opts);
	if (error < 0)
		return error;
	if (!agent || action->process_id == 0 || !agent->ready)
		return -EINVAL;
	error = agent_copy_text(action->rule, sizeof(action->rule), known.rule);
	if (error == 0)
		error = agent_copy_text(action->reason, sizeof(action->reason), known.reason);
	if (error == 0)
		error = link_request(agent, &action->head);
	/* numbers of requests count from 1 and never reach what an int does not hold */
	return error < 0 ? error : (int)(action->head.request & INT32_MAX);
}

int rs_agent_act_kill(struct rs_agent *agent, uint64_t process_id, const struct rs_action_opts *opts)
{
	struct session_action action = {.head = {.size = sizeof(action), .type = SESSION_ACTION},
					.kind = SESSION_ACTION_KILL,
					.process_id = process_id};
	return act(agent, &action, opts);
}

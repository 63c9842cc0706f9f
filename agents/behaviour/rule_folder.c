/* SPDX-License-Identifier: Apache-2.0 */
/* A service user executes a file that lies where anybody may write. The one rule that may deny: it is asked before. */
#include "behaviour/rule.h"

bool rule_folder(struct state *state, const struct rs_event *event, struct process *process, struct finding *finding)
{
	const struct rs_event_exec *exec = rs_event_exec(event);
	const struct rs_event_auth_exec *asked = rs_event_auth_exec(event);
	if (!exec && !asked)
		return false;
	struct rs_str path = asked ? asked->file.path : exec->script.size ? exec->script : exec->file.path;
	const char *text = state_path(event, path);
	if (!lists_has_user(state->lists, LIST_USERS, event->process.euid) ||
	    !lists_has(state->lists, LIST_FOLDERS, text))
		return false;
	finding_say(finding, "user %u %s %s, in a folder where anybody may write, from %s", event->process.euid,
		    asked ? "wants to execute" : "executed", text, process->exe);
	return true;
}

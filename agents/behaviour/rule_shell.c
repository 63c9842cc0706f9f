/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A shell that a server started, by itself or through programs in between. The look upwards ends at what starts shells
 * for people: sshd, cron, systemd, a package manager.
 */
#include "behaviour/rule.h"

bool rule_shell(struct state *state, const struct rs_event *event, struct process *process, struct finding *finding)
{
	const struct rs_event_exec *exec = rs_event_exec(event);
	const struct process *at = process;
	if (!exec)
		return false;
	/* for a script the interpreter says little: a server's helper scripts are its own programs */
	const char *path = state_path(event, exec->file.path);
	if (exec->script.size != 0 || !lists_has(state->lists, LIST_SHELLS, path))
		return false;
	for (unsigned depth = 0; at && depth < PROCESS_CHAIN_MAX; depth++) {
		if (lists_has(state->lists, LIST_BORDERS, at->exe))
			return false;
		if (lists_has(state->lists, LIST_SERVERS, at->exe)) {
			finding_say(finding, "%s was started below the server %s (pid %u, user %u)", path, at->exe,
				    at->pid, at->uid);
			return true;
		}
		at = processes_parent(&state->processes, at);
	}
	return false;
}

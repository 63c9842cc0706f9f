/* SPDX-License-Identifier: Apache-2.0 */
/* A program that lives in a memfd, unless who executed it is known to run itself from there (container runtimes). */
#include "behaviour/rule.h"

#include <string.h>

bool rule_memfd(struct state *state, const struct rs_event *event, struct process *process, struct finding *finding)
{
	const struct rs_event_exec *exec = rs_event_exec(event);
	if (!exec)
		return false;
	const char *path = state_path(event, exec->file.path);
	bool memfd = (exec->file.flags & RS_FILE_MEMFD) || strncmp(path, "/memfd:", 7) == 0;
	/* seen for the first time by this very event, it has the memfd itself for a program: then its parent counts */
	const struct process *who = process;
	if (memfd && strncmp(who->exe, "/memfd:", 7) == 0)
		who = processes_parent(&state->processes, who);
	if (!memfd || (who && lists_allows(state->lists, LIST_MEMFD, who->exe)))
		return false;
	finding_say(finding, "%s executed %s, which is in memory only", who && who->exe[0] ? who->exe : "a process",
		    path);
	return true;
}

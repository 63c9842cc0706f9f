/* SPDX-License-Identifier: Apache-2.0 */
/* A process traces one of another user, or writes into its memory. Root with a debugger is a person at work. */
#include "behaviour/rule.h"

bool rule_inject(struct state *state, const struct rs_event *event, struct process *process, struct finding *finding)
{
	const struct rs_event_ptrace *ptrace = rs_event_ptrace(event);
	const struct rs_event_memory_write *written = rs_event_memory_write(event);
	const struct rs_process *target = ptrace ? &ptrace->target : written ? &written->target : NULL;
	/* a process that was gone before it was looked at has no user that could be compared */
	if (!target || target->id == 0 || (target->flags & RS_PROCESS_PARTIAL) || target->id == process->id)
		return false;
	if (target->uid == event->process.uid ||
	    (event->process.uid == 0 && lists_allows(state->lists, LIST_TRACERS, process->exe)))
		return false;
	finding_say(finding, "%s (user %u) %s process %u, %s, of user %u", process->exe, event->process.uid,
		    ptrace ? "traces" : "wrote into the memory of", target->pid, state_path(event, target->exe_path),
		    target->uid);
	return true;
}

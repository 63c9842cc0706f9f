/* SPDX-License-Identifier: Apache-2.0 */
/* A file with credentials was opened by a program that is not on the list for its kind. Public keys are none. */
#include "behaviour/rule.h"

#include <string.h>

static bool ends(const char *text, const char *end)
{
	size_t size = strlen(text), end_size = strlen(end);
	return size >= end_size && strcmp(text + size - end_size, end) == 0;
}

bool rule_credentials(struct state *state, const struct rs_event *event, struct process *process,
		      struct finding *finding)
{
	const struct rs_event_open *opened = rs_event_open(event);
	if (!opened)
		return false;
	const char *path = state_path(event, opened->file.path);
	for (uint32_t kind = 0; kind < LISTS_CREDENTIALS; kind++) {
		if (!lists_has(state->lists, (enum list)(LIST_FILES_SHADOW + kind), path) || ends(path, ".pub"))
			continue;
		if (lists_allows(state->lists, (enum list)(LIST_READERS_SHADOW + kind), process->exe))
			return false;
		finding_say(finding, "%s %s by %s (user %u), which is not among %s", path,
			    opened->denied ? "was asked for, and refused," : "was opened", process->exe, process->uid,
			    lists_name((enum list)(LIST_READERS_SHADOW + kind)));
		return true;
	}
	return false;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Written by a process that had reached out to the network, or by one that it started, and executed within a minute.
 * What package managers and their like fetch and run is their work: neither the writer nor who executes may be one.
 */
#include "behaviour/rule.h"

#define NS_PER_S UINT64_C(1000000000)

static bool is_installer(const struct state *state, const struct process *process)
{
	for (unsigned depth = 0; process && depth < PROCESS_CHAIN_MAX; depth++) {
		if (lists_allows(state->lists, LIST_INSTALLERS, process->exe))
			return true;
		process = processes_parent(&state->processes, process);
	}
	return false;
}

bool rule_download(struct state *state, const struct rs_event *event, struct process *process, struct finding *finding)
{
	const struct rs_event_exec *exec = rs_event_exec(event);
	size_t size;
	if (!exec)
		return false;
	/* of a script the kernel names the interpreter: its path is all there is */
	bool script = exec->script.size != 0;
	struct rs_str path = script ? exec->script : exec->file.path;
	const char *bytes = rs_str_get(event, path, &size);
	uint64_t hash = files_hash(bytes, size), now_ns = event->monotonic_ns;
	uint64_t since_ns = now_ns > STATE_RECENT_NS ? now_ns - STATE_RECENT_NS : 0;
	const struct recent_file *file = script ? files_find_written(&state->files, hash, since_ns)
						: files_find(&state->files, exec->file.id, hash);
	if (!file || file->written_ns == 0 || now_ns - file->written_ns > STATE_RECENT_NS)
		return false;
	const struct process *writer = processes_find(&state->processes, file->writer);
	if (is_installer(state, process) || is_installer(state, writer))
		return false;
	finding_say(
		finding,
		"%s was executed %llu s after %.16s (process %llu) wrote it, which had reached out to the network%s",
		state_path(event, path), (unsigned long long)((now_ns - file->written_ns) / NS_PER_S),
		file->writer_comm, (unsigned long long)file->writer,
		file->made_executable_ns ? "; it was made executable" : "");
	return true;
}

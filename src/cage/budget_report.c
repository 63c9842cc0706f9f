/* SPDX-License-Identifier: Apache-2.0 */
/* budget_report: what status and doctor say of budgets. */
#include "base/clock.h"
#include "cage/budget.h"

#include <stdio.h>
#include <sys/stat.h>

static void usage_json(const struct usage *usage, struct json *json)
{
	json_u64(json, "memory_bytes", usage->memory_bytes);
	json_u64(json, "memory_peak_bytes", usage->memory_peak_bytes);
	json_u64(json, "cpu_ns", usage->cpu_us * NS_PER_US);
	json_u64(json, "tasks", usage->tasks);
	json_u64(json, "files", usage->files);
}

void budget_to_json(const struct budget *budget, const struct settings_agent *agent,
		    const uint64_t hits[BUDGET_N_KINDS], struct json *json)
{
	const uint64_t most[BUDGET_N_KINDS] = {
		[BUDGET_MEMORY] = agent->memory_mb, [BUDGET_CPU] = agent->cpu_percent,
		[BUDGET_TASKS] = agent->tasks_max,  [BUDGET_FILES] = agent->files_max,
		[BUDGET_DISK] = agent->disk_mb,
	};
	static const char *const units[BUDGET_N_KINDS] = {"MB", "percent", "tasks", "descriptors", "MB"};
	usage_json(&budget->usage, json);
	json_open_array(json, "budgets");
	for (enum budget_kind kind = 0; kind < BUDGET_N_KINDS; kind++) {
		json_open_object(json, NULL);
		json_string(json, "name", budget_name(kind));
		json_u64(json, "most", most[kind]);
		json_string(json, "unit", units[kind]);
		json_string(json, "kept_by", budget_keeper_name(budget->kept[kind]));
		json_u64(json, "hits", hits[kind]);
		json_close_object(json);
	}
	json_close_array(json);
}

/* What is lost when a budget is kept by something less than a control group. */
static const struct {
	enum budget_kind kind;
	const char *lost;
} rows[] = {
	{BUDGET_MEMORY, "an agent's limit holds for each of its processes, and for what it allocates only; that it ran "
			"into it is not counted"},
	{BUDGET_CPU, "an agent may use all processors: other programs get their share, but become slower"},
	{BUDGET_TASKS, "the limit counts all processes of the agent's user; that it ran into it is counted when a look "
		       "finds all in use, and not at all without control groups"},
};

/* Descriptors have no controller anywhere; how many a process has the kernel tells since 6.2. */
static void note_files(struct json *json)
{
	struct stat own;
	bool told = stat("/proc/self/fd", &own) == 0 && own.st_size > 0;
	json_open_object(json, NULL);
	json_string(json, "level", told ? "ok" : "warn");
	json_string(json, "what",
		    told ? "hits of agents' budgets of descriptors are counted"
			 : "hits of agents' budgets of descriptors are not counted");
	json_string(json, "lost",
		    told ? "" : "how many an agent has open, and that it ran into its limit, is not seen");
	json_string(json, "do", told ? "" : "use a kernel of 6.2 or newer, which tells how many a process has");
	json_close_object(json);
}

void budget_home_notes(const struct budget_home *home, struct json *json)
{
	static const char *const words[] = {"not kept", "kept by resource limits", "kept by control groups"};
	char text[IPC_TEXT_SIZE + 80], advice[IPC_TEXT_SIZE + 160];
	snprintf(advice, sizeof(advice),
		 "%s%sboot with cgroup v2 alone (Debian's default), and start ringsided by its "
		 "service, which has Delegate=yes",
		 home->why, home->why[0] ? ": " : "");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		enum budget_keeper keeper = budget_kept_by(home, rows[i].kind);
		bool good = keeper == BUDGET_BY_GROUP;
		snprintf(text, sizeof(text), "agents' budgets of %s are %s", budget_name(rows[i].kind), words[keeper]);
		json_open_object(json, NULL);
		json_string(json, "level", good ? "ok" : "warn");
		json_string(json, "what", text);
		json_string(json, "lost", good ? "" : rows[i].lost);
		json_string(json, "do", good ? "" : advice);
		json_close_object(json);
	}
	note_files(json);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* agents_report: the cage's part of `ringside status`. */
#include "base/clock.h"
#include "cage/agent.h"
#include "cage/jail_notes.h"

static void look(struct agent *agent, struct incarnation *incarnation, uint64_t now_ns)
{
	if (incarnation)
		incarnation_look(incarnation, now_ns);
}

/* Of those that are gone and those that run. */
static void sum_hits(const struct agent *agent, uint64_t hits[BUDGET_N_KINDS])
{
	const struct incarnation *const places[] = {agent->current, agent->newcomer};
	for (enum budget_kind kind = 0; kind < BUDGET_N_KINDS; kind++) {
		hits[kind] = agent->hits[kind];
		for (size_t i = 0; i < ARRAY_SIZE(places); i++)
			hits[kind] += places[i] ? places[i]->budget.hits[kind] : 0;
		list_for_each (link, &agent->parting)
			hits[kind] += list_entry(link, struct incarnation, link)->budget.hits[kind];
	}
}

/* An agent that does not run has no usage, but still its budgets. */
static void budgets(const struct agent *agent, struct json *json)
{
	uint64_t hits[BUDGET_N_KINDS];
	struct budget none = {.home = (struct budget_home *)(uintptr_t)&agent->agents->home};
	for (enum budget_kind kind = 0; kind < BUDGET_N_KINDS; kind++)
		none.kept[kind] = budget_kept_by(none.home, kind);
	sum_hits(agent, hits);
	if (agent->current)
		budget_to_json(&agent->current->budget, &agent->current->settings, hits, json);
	else
		budget_to_json(&none, &agent->settings, hits, json);
}

static void agent_json(const struct agent *agent, uint64_t now_ns, struct json *json)
{
	char text[160];
	json_open_object(json, NULL);
	json_string(json, "name", agent->settings.name);
	json_u64(json, "pid", agent->current ? (uint64_t)incarnation_pid(agent->current) : 0);
	json_u64(json, "uid", agent->uid);
	json_string(json, "state", life_name(agent->state));
	json_u64(json, "restarts", agent->restarts);
	json_u64(json, "since_s", (now_ns - agent->since_ns) / NS_PER_SEC);
	json_string(json, "why", agent->why);
	if (agent->order_ns) {
		json_string(json, "order", agent->order);
		json_u64(json, "order_ms", (now_ns - agent->order_ns) / NS_PER_MS);
	}
	json_string(json, "jail",
		    !agent->current ? "" : jail_describe(agent->current->jail.missing, text, sizeof(text)));
	json_u64(json, "newcomer_pid", agent->newcomer ? (uint64_t)incarnation_pid(agent->newcomer) : 0);
	json_u64(json, "upgrades", agent->upgrades);
	json_u64(json, "upgrades_failed", agent->upgrades_failed);
	json_string(json, "upgrade_why", agent->upgrade_why);
	budgets(agent, json);
	json_close_object(json);
}

void agents_to_json(struct agents *agents, struct json *json)
{
	uint64_t now_ns = clock_monotonic_ns();
	json_open_object(json, NULL);
	json_open_array(json, "agents");
	list_for_each (link, &agents->list) {
		struct agent *agent = list_entry(link, struct agent, link);
		look(agent, agent->current, now_ns);
		agent_json(agent, now_ns, json);
	}
	json_close_array(json);
	json_u64(json, "groups_left", agents->home.n_left);
	json_close_object(json);
}

void agents_doctor_json(const struct agents *agents, struct json *json)
{
	json_open_object(json, NULL);
	json_open_array(json, "notes");
	jail_notes(json);
	budget_home_notes(&agents->home, json);
	json_close_array(json);
	json_close_object(json);
}

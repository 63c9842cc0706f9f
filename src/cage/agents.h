/* SPDX-License-Identifier: Apache-2.0 */
/*
 * agents: the agents of the settings and their processes.
 *
 *     settings ─▶ agent ─▶ life.h (what next) ─▶ incarnation.h (one process) ─▶ jail.h, budget.h
 *     engine's link up, or agent started ─▶ a session: one end to the engine (IPC_SESSION), one over the lifeline
 *     process ended (pidfd) ─▶ IPC_AGENT_ENDED to the engine
 *
 * On the lifeline we only ever send. Owns the agents; an agent has one process, and while it is upgraded two.
 */
#pragma once

#include "base/json.h"
#include "ipc/process.h"

struct agents;

/* process is borrowed for its life. */
int agents_new(struct process *process, struct agents **ret);
/* Kills what runs. */
struct agents *agents_free(struct agents *agents);

/* Where control groups for agents may be made, and what is missing there; before agents_begin(). Consumes fd; -1: none.
 */
void agents_use_groups(struct agents *agents, int fd, const char *why);
/* Ends what an earlier cage left, and starts the agents of the settings. */
void agents_begin(struct agents *agents, const struct settings *settings);

/*
 * Follows settings after a change: an agent that is new is started, one that is gone is stopped, one whose process
 * would be another (program, arguments, user, limits) is upgraded in place; the others are left alone. engine_stays:
 * the engine at hand knows these settings' numbers too; else it is being started anew.
 */
void agents_follow(struct agents *agents, const struct settings *settings, bool engine_stays);

/* The engine's link came: every running agent gets a session. */
void agents_engine_up(struct agents *agents);
void agents_engine_down(struct agents *agents);
/* What the engine says of an agent of the settings at hand. */
void agents_note(struct agents *agents, const struct ipc_agent_note *note);

enum agents_request {
	AGENTS_DONE = 0,
	AGENTS_UNKNOWN_VERB = 1,
	AGENTS_UNKNOWN_AGENT = 2,
	AGENTS_NOT_RUNNING = 3,
};
/* "stop NAME", "start NAME", "restart NAME", "upgrade NAME", perhaps with a reason (wire/order.h). */
enum agents_request agents_request(struct agents *agents, const char *text);

/* Ends all; calls done(data) when the last process is gone. */
void agents_stop_all(struct agents *agents, void (*done)(void *data), void *data);

/* {"agents":[{"name","pid","uid","state","restarts","since_s","why"[,"order","order_ms"],"newcomer_pid","upgrades",
 * "upgrades_failed","upgrade_why","memory_bytes","memory_peak_bytes","cpu_ns","tasks","files",
 * "budgets":[{"name","most","unit","kept_by","hits"}]}],"groups_left"}; usage at most a second old. */
void agents_to_json(struct agents *agents, struct json *json);
/* {"notes":[{"level","what","lost","do"}]} */
void agents_doctor_json(const struct agents *agents, struct json *json);

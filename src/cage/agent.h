/* SPDX-License-Identifier: Apache-2.0 */
/*
 * agent: what agents.c and its parts share: one agent of the settings and its processes. Not for others.
 *
 *     agents.c          the settings, sessions, requests
 *     agent_life.c      the actions of life.h, and what became of a process
 *     agents_report.c   JSON
 */
#pragma once

#include "cage/agents.h"
#include "cage/budget.h"
#include "cage/incarnation.h"
#include "cage/life.h"
#include "wire/order.h"

struct agent {
	struct agents *agents;
	struct list link;
	struct settings_agent settings; /* as its next process will be started */
	uint32_t index; /* in the settings at hand */
	uint32_t uid;
	bool removed; /* no longer in the settings: freed when its processes are gone */
	enum life_state state;
	struct life_crashes crashes;
	struct incarnation *current; /* the one that guards */
	struct incarnation *newcomer; /* beside it, until it is live */
	struct list parting; /* those on their way out */
	struct loop_source *timer;
	uint64_t since_ns;
	uint64_t restarts;
	uint64_t upgrades, upgrades_failed;
	uint64_t hits[BUDGET_N_KINDS]; /* of its processes that are gone */
	bool started_before;
	char why[400]; /* how its process ended last */
	char order[ORDER_WORDS_SIZE]; /* the operator's last, and its reason */
	uint64_t order_ns; /* 0: none */
	char newcomer_why[IPC_TEXT_SIZE]; /* why its newcomer is of no use; "": not known yet */
	char upgrade_why[IPC_TEXT_SIZE + 80]; /* what became of its last upgrade; "": nothing bad */
};

struct agents {
	struct process *process;
	struct list list;
	struct budget_home home;
	struct loop_source *tick;
	uint64_t n_started;
	int null_fd;
	int output_dir_fd; /* -1: what agents print is lost */
	bool engine_up;
	void (*stopped)(void *data);
	void *stopped_data;
};

/* agent_life.c */
void agent_step(struct agent *agent, enum life_event event);
/* After a step that may have been its last. The agent may be gone. */
void agent_settle(struct agent *agent);
/* Kills all of it. */
struct agent *agent_free(struct agent *agent);
/* Its process whose id this is; 0: the current one. NULL: none. */
struct incarnation *agent_find(const struct agent *agent, uint64_t process_id);
/* Of a process on its way out: it owes nothing any more. */
void agent_drained(struct incarnation *incarnation);
bool agents_all_down(const struct agents *agents);

/* agents.c */
/* A pair of its own for each session: the engine reads the one end, the agent finds the other on its lifeline. */
void agent_send_session(struct agent *agent, struct incarnation *incarnation);
void agent_tell_engine(struct agent *agent, const struct incarnation *incarnation, int wait_status, bool on_purpose,
		       const char *why);

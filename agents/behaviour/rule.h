/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rule: one thing that is looked for: a row of the table in rules.c and a pure file of its own, rule_<name>.c.
 *
 *     event, state, acting process ─▶ row->match() ─▶ struct finding
 */
#pragma once

#include "behaviour/state.h"

#define RULES_MAX 32u /* one bit in struct process each */
#define RULE_TYPES_MAX 4u
#define RULE_TECHNIQUES_MAX 3u
#define FINDING_TEXT_SIZE 512u

struct finding {
	uint64_t target_id; /* whom an action is about */
	char text[FINDING_TEXT_SIZE]; /* what was seen, in words */
};

struct rule {
	const char *name;
	const char *title;
	const char *techniques[RULE_TECHNIQUES_MAX]; /* ATT&CK */
	uint8_t severity; /* severity_id of OCSF: 1 informational … 5 critical */
	uint16_t types[RULE_TYPES_MAX];
	/* Whether it is so; process: as it was before the event, never NULL. finding: its target is the process, unless
	 * the rule knows better. */
	bool (*match)(struct state *state, const struct rs_event *event, struct process *process,
		      struct finding *finding);
	bool may_deny; /* it is about something that waits for an answer */
};

extern const struct rule rules[];
extern const size_t n_rules;

/* The rule, or -ENOENT. */
int rule_find(const char *name);

bool rule_shell(struct state *state, const struct rs_event *event, struct process *process, struct finding *finding);
bool rule_memfd(struct state *state, const struct rs_event *event, struct process *process, struct finding *finding);
bool rule_credentials(struct state *state, const struct rs_event *event, struct process *process,
		      struct finding *finding);
bool rule_mass(struct state *state, const struct rs_event *event, struct process *process, struct finding *finding);
bool rule_inject(struct state *state, const struct rs_event *event, struct process *process, struct finding *finding);
bool rule_download(struct state *state, const struct rs_event *event, struct process *process, struct finding *finding);
bool rule_folder(struct state *state, const struct rs_event *event, struct process *process, struct finding *finding);

/* For rules: the finding's words. */
void finding_say(struct finding *finding, const char *format, ...) __attribute__((format(printf, 2, 3)));

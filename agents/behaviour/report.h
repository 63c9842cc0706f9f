/* SPDX-License-Identifier: Apache-2.0 */
/* report: a finding as one line of JSON: OCSF 1.8, class 2004 (detection finding). Pure. */
#pragma once

#include "behaviour/rule.h"
#include "behaviour/text.h"

enum confidence { /* confidence_id of OCSF */
		  CONFIDENCE_LOW = 1, /* events were lost shortly before */
		  CONFIDENCE_MEDIUM = 2, /* the chain of parents is not whole */
		  CONFIDENCE_HIGH = 3,
};

struct report {
	const struct rule *rule;
	const struct finding *finding;
	const struct rs_event *event;
	const struct process *process;
	const char *action; /* what was asked for; NULL: nothing */
	const char *result; /* and what became of it */
	bool denied;
	uint64_t number; /* of this finding, from 1 */
};

enum confidence report_confidence(const struct state *state, const struct report *report);
/* Appends the whole object. */
void report_json(struct text *text, const struct state *state, const struct report *report);

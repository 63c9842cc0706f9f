/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy: what follows from what was found. Pure.
 *
 *     outcome of an inspection × what the operator chose ─▶ allow or deny, whether to cache, the rule that is named
 */
#pragma once

#include "yara/inspect.h"

struct policy {
	bool deny_over_size;
	bool deny_remote;
	bool deny_on_timeout; /* what cannot be judged in time */
	bool deny_on_error; /* what cannot be judged at all */
};

struct policy_answer {
	bool deny;
	bool cache;
	bool not_scanned; /* allowed or denied without having been judged: to be told */
};

/* by_bytes: as of struct inspect_result. */
struct policy_answer policy_answer(const struct policy *policy, enum inspect_outcome outcome, bool by_bytes);

/* Lives for ever; "?" for what is none. */
const char *policy_outcome_name(enum inspect_outcome outcome);
/* The rule that is named when there is none of YARA's: "not-scanned" or "over-size" or "remote". */
const char *policy_rule_name(enum inspect_outcome outcome);

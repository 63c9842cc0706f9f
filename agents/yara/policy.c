/* SPDX-License-Identifier: Apache-2.0 */
#include "yara/policy.h"

#include <stddef.h>

enum decided_by { ALLOW, DENY, BY_OVER_SIZE, BY_REMOTE, BY_TIMEOUT, BY_ERROR };

static const struct {
	const char *name;
	const char *rule;
	enum decided_by by;
} outcomes[INSPECT_N_OUTCOMES] = {
	[INSPECT_CLEAN] = {"clean", "", ALLOW},
	[INSPECT_MATCH] = {"match", "", DENY},
	[INSPECT_SPECIAL] = {"special", "", ALLOW},
	[INSPECT_REMOTE] = {"remote", "remote", BY_REMOTE},
	[INSPECT_TOO_LARGE] = {"too_large", "over-size", BY_OVER_SIZE},
	[INSPECT_NO_TIME] = {"no_time", "not-scanned", BY_TIMEOUT},
	[INSPECT_TOO_MANY] = {"too_many", "not-scanned", BY_TIMEOUT},
	[INSPECT_STUCK] = {"stuck", "not-scanned", BY_TIMEOUT},
	[INSPECT_CHANGING] = {"changing", "not-scanned", BY_ERROR},
	[INSPECT_NO_DESCRIPTOR] = {"no_descriptor", "not-scanned", BY_ERROR},
	[INSPECT_READ_ERROR] = {"read_error", "not-scanned", BY_ERROR},
	[INSPECT_FAILED] = {"failed", "not-scanned", BY_ERROR},
	[INSPECT_CRASHED] = {"crashed", "not-scanned", BY_ERROR},
};

struct policy_answer policy_answer(const struct policy *policy, enum inspect_outcome outcome, bool by_bytes)
{
	const bool deny[] = {
		[ALLOW] = false,
		[DENY] = true,
		[BY_OVER_SIZE] = policy->deny_over_size,
		[BY_REMOTE] = policy->deny_remote,
		[BY_TIMEOUT] = policy->deny_on_timeout,
		[BY_ERROR] = policy->deny_on_error,
	};
	struct policy_answer answer = {.deny = deny[outcomes[outcome].by]};
	/* what only went wrong this time is asked again */
	answer.cache = outcomes[outcome].by == ALLOW && by_bytes;
	answer.not_scanned = outcomes[outcome].by == BY_TIMEOUT || outcomes[outcome].by == BY_ERROR;
	return answer;
}

const char *policy_outcome_name(enum inspect_outcome outcome)
{
	return outcome < INSPECT_N_OUTCOMES ? outcomes[outcome].name : "?";
}

const char *policy_rule_name(enum inspect_outcome outcome)
{
	return outcome < INSPECT_N_OUTCOMES ? outcomes[outcome].rule : "?";
}

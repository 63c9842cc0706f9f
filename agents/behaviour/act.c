/* SPDX-License-Identifier: Apache-2.0 */
#include "behaviour/act.h"

#include "common/common.h"

#include <errno.h>
#include <stdio.h>

/* What the platform says to it; the outcome of what it accepted comes as an `action_done` event. */
static const struct {
	int error;
	const char *words;
} answers[] = {
	{-EACCES, "not granted"},           {-EBUSY, "over the limit"},           {-ESRCH, "gone"},
	{-EPERM, "spared by the platform"}, {-EAGAIN, "the platform cannot now"},
};

const char *act_kill(struct rs_agent *agent, uint64_t process_id, const char *rule, const char *reason)
{
	char short_reason[RS_REASON_SIZE_MAX + 1];
	snprintf(short_reason, sizeof(short_reason), "%.*s", (int)RS_REASON_SIZE_MAX, reason);
	const struct rs_action_opts why = {.size = sizeof(why), .rule = rule, .reason = short_reason};
	int request = rs_agent_act_kill(agent, process_id, &why);
	if (request > 0)
		return "asked";
	for (size_t i = 0; i < ARRAY_SIZE(answers); i++)
		if (answers[i].error == request)
			return answers[i].words;
	return "could not ask";
}

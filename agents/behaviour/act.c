/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The SDK has no call for actions yet. When it has (rs_agent_act_kill()), this function is where it goes; its errors
 * belong into the words: not granted, over the rate limit, the process is gone.
 */
#include "behaviour/act.h"

const char *act_kill(struct rs_agent *agent, uint64_t process_id, const char *rule, const char *reason)
{
	return "would ask";
}

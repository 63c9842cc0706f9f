/* SPDX-License-Identifier: Apache-2.0 */
/* act: the one place where this agent asks the platform for an action. */
#pragma once

#include <ringside/ringside.h>

/* Asks that the process be ended. What became of the wish, in words (static). */
const char *act_kill(struct rs_agent *agent, uint64_t process_id, const char *rule, const char *reason);

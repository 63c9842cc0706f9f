/* SPDX-License-Identifier: Apache-2.0 */
/* agent_set: a set of session slots, one bit each; so that an event looks only at the agents that want it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define BROKER_AGENTS_MAX 128u /* sessions at a time, agents and observers together */

struct agent_set {
	uint64_t words[BROKER_AGENTS_MAX / 64];
};

static inline void agent_set_add(struct agent_set *set, uint32_t slot)
{
	set->words[slot / 64] |= UINT64_C(1) << (slot % 64);
}

static inline void agent_set_remove(struct agent_set *set, uint32_t slot)
{
	set->words[slot / 64] &= ~(UINT64_C(1) << (slot % 64));
}

static inline bool agent_set_has(const struct agent_set *set, uint32_t slot)
{
	return set->words[slot / 64] >> (slot % 64) & 1;
}

static inline struct agent_set agent_set_both(const struct agent_set *a, const struct agent_set *b)
{
	return (struct agent_set){{a->words[0] & b->words[0], a->words[1] & b->words[1]}};
}

static inline bool agent_set_empty(const struct agent_set *set)
{
	return (set->words[0] | set->words[1]) == 0;
}

/* Takes the lowest slot out. False when there is none. */
static inline bool agent_set_take(struct agent_set *set, uint32_t *ret_slot)
{
	for (uint32_t i = 0; i < BROKER_AGENTS_MAX / 64; i++) {
		if (set->words[i] == 0)
			continue;
		*ret_slot = i * 64 + (uint32_t)__builtin_ctzll(set->words[i]);
		set->words[i] &= set->words[i] - 1;
		return true;
	}
	return false;
}

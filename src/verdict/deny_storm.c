/* SPDX-License-Identifier: Apache-2.0 */
#include "verdict/deny_storm.h"

#include "base/macro.h"

static struct deny_storm_entry *entry_at(struct deny_storm *storm, uint32_t i)
{
	return &storm->entries[(storm->first + i) % DENY_STORM_KEPT];
}

static void drop_oldest(struct deny_storm *storm)
{
	storm->first = (storm->first + 1) % DENY_STORM_KEPT;
	storm->n--;
}

static void expire(struct deny_storm *storm, uint64_t now_ns)
{
	while (storm->n > 0) {
		uint64_t at_ns = entry_at(storm, 0)->at_ns;
		if (now_ns < at_ns || now_ns - at_ns < DENY_STORM_WINDOW_NS)
			break;
		drop_oldest(storm);
	}
}

static uint64_t mix(uint64_t a, uint64_t b)
{
	uint64_t h = a * UINT64_C(0x9e3779b97f4a7c15) ^ b;
	h ^= h >> 29;
	return h * UINT64_C(0xbf58476d1ce4e5b9);
}

static bool known(struct deny_storm *storm, uint64_t pair)
{
	for (uint32_t i = 0; i < storm->n; i++)
		if (entry_at(storm, i)->pair == pair)
			return true;
	return false;
}

/* Distinct targets among those that ran before. An entry is marked only when its target was new. */
static uint32_t known_programs(struct deny_storm *storm)
{
	uint32_t n = 0;
	for (uint32_t i = 0; i < storm->n; i++)
		n += entry_at(storm, i)->ran_before;
	return n;
}

static bool target_marked(struct deny_storm *storm, uint64_t target)
{
	for (uint32_t i = 0; i < storm->n; i++)
		if (entry_at(storm, i)->ran_before && entry_at(storm, i)->target == target)
			return true;
	return false;
}

static uint32_t programs_kept(const struct deny_storm *storm)
{
	return (uint32_t)MIN(storm->n_programs, (uint64_t)DENY_STORM_PROGRAMS_KEPT);
}

/* The i-th newest. */
static const struct deny_storm_program *program_at(const struct deny_storm *storm, uint32_t i)
{
	return &storm->programs[(storm->n_programs - 1 - i) % DENY_STORM_PROGRAMS_KEPT];
}

static uint32_t programs_within(const struct deny_storm *storm, uint64_t window_ns, uint64_t now_ns)
{
	uint32_t n = 0;
	for (uint32_t i = 0; i < programs_kept(storm); i++) {
		uint64_t at_ns = program_at(storm, i)->at_ns;
		n += now_ns < at_ns || now_ns - at_ns < window_ns;
	}
	return n;
}

static void remember_program(struct deny_storm *storm, uint64_t target, uint64_t now_ns)
{
	for (uint32_t i = 0; i < programs_kept(storm); i++) {
		const struct deny_storm_program *program = program_at(storm, i);
		bool counts = now_ns < program->at_ns || now_ns - program->at_ns < DENY_STORM_DAY_NS;
		if (program->target == target && counts)
			return;
	}
	storm->programs[storm->n_programs % DENY_STORM_PROGRAMS_KEPT] =
		(struct deny_storm_program){.at_ns = now_ns, .target = target};
	storm->n_programs++;
}

/* Slowly, but many. */
static bool creeps(const struct deny_storm *storm, uint64_t now_ns)
{
	return programs_within(storm, DENY_STORM_HOUR_NS, now_ns) > DENY_STORM_HOUR_MAX ||
	       programs_within(storm, DENY_STORM_DAY_NS, now_ns) > DENY_STORM_DAY_MAX;
}

enum deny_storm_result deny_storm_add(struct deny_storm *storm, uint32_t limit_per_min, uint64_t actor, uint64_t target,
				      bool ran_before, uint64_t now_ns)
{
	expire(storm, now_ns);
	uint64_t pair = mix(actor, target);
	if (!known(storm, pair)) {
		bool marks = ran_before && !target_marked(storm, target);
		if (storm->n == DENY_STORM_KEPT)
			drop_oldest(storm);
		*entry_at(storm, storm->n) =
			(struct deny_storm_entry){.at_ns = now_ns, .pair = pair, .target = target, .ran_before = marks};
		storm->n++;
	}
	if (limit_per_min != 0 && storm->n > MIN(limit_per_min, DENY_STORM_KEPT - 1))
		return DENY_STORM_TOO_MANY;
	if (ran_before)
		remember_program(storm, target, now_ns);
	if (known_programs(storm) > DENY_STORM_RAN_BEFORE_MAX || (ran_before && creeps(storm, now_ns)))
		return DENY_STORM_KNOWN_PROGRAMS;
	return DENY_STORM_CALM;
}

void deny_storm_reset(struct deny_storm *storm)
{
	storm->first = storm->n = 0;
	storm->n_programs = 0;
}

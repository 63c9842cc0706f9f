/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/keeper_judge.h"

#include "base/clock.h"
#include "base/macro.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* What a look says, each true or false. */
enum fact {
	MOVED = 1 << 0, /* its loop turned since the previous look */
	HALTED = 1 << 1, /* stopped or traced */
	BURNT = 1 << 2, /* got more processor time than any turn may need */
	HUNGRY = 1 << 3, /* is ready to run, or was for most of the time, and hardly got a processor */
	SWAPPED = 1 << 4, /* waits, or waited, for the disk to give its memory */
	LONG = 1 << 5, /* was wanted for a long time */
	WANTED = 1 << 6,
};

struct rule {
	unsigned facts; /* all of them must be true */
	enum keeper_verdict verdict;
};

/* The first that fits. A halted engine is ended even when its loop turned since: it cannot turn again. */
static const struct rule rules[] = {
	{HALTED, KEEPER_STOPPED},
	{MOVED | WANTED, KEEPER_LATE},
	{MOVED, KEEPER_ALIVE},
	{BURNT, KEEPER_SPINNING},
	{WANTED | HUNGRY, KEEPER_STARVED},
	{WANTED | SWAPPED, KEEPER_STARVED},
	{WANTED | LONG, KEEPER_BLOCKED},
	{WANTED, KEEPER_LATE},
	{0, KEEPER_ALIVE},
};

static uint64_t since(uint64_t now, uint64_t before)
{
	return now > before ? now - before : 0;
}

bool keeper_is_halted(char state)
{
	return state == 'T' || state == 't';
}

static unsigned facts(const struct keeper_sample *previous, const struct keeper_sample *now)
{
	uint64_t ran_ns = since(now->run_ns, previous->run_ns);
	uint64_t waited_ns = since(now->wait_ns, previous->wait_ns);
	unsigned f = 0;
	if (now->turns != previous->turns)
		f |= MOVED;
	if (keeper_is_halted(now->state))
		f |= HALTED;
	if (ran_ns >= KEEPER_SPIN_NS)
		f |= BURNT;
	/* the kernel adds to wait_ns only when the wait is over: until then the state tells */
	if (now->state == 'R' || (waited_ns > 0 && waited_ns >= now->wanted_ns / 2))
		f |= HUNGRY;
	if (now->state == 'D' || now->major_faults != previous->major_faults)
		f |= SWAPPED;
	if (now->wanted_ns >= KEEPER_BLOCKED_NS)
		f |= LONG;
	if (now->wanted_ns)
		f |= WANTED;
	return f;
}

enum keeper_verdict keeper_judge(const struct keeper_sample *previous, const struct keeper_sample *now)
{
	unsigned f = facts(previous, now);
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
		if ((f & rules[i].facts) == rules[i].facts)
			return rules[i].verdict;
	return KEEPER_ALIVE;
}

uint64_t keeper_run_count(uint64_t counted_ns, uint64_t previous_run_ns, uint64_t run_ns)
{
	return counted_ns + MIN(since(run_ns, previous_run_ns), KEEPER_RUN_A_LOOK_NS);
}

static const char *const whys[] = {
	[KEEPER_STOPPED] = "the engine was stopped by a signal or is being traced",
	[KEEPER_SPINNING] = "the engine's loop stands still while it uses the processor",
	[KEEPER_BLOCKED] = "the engine sleeps outside of its loop while questions wait",
};

bool keeper_verdict_kills(enum keeper_verdict verdict)
{
	return verdict == KEEPER_STOPPED || verdict == KEEPER_SPINNING || verdict == KEEPER_BLOCKED;
}

const char *keeper_verdict_why(enum keeper_verdict verdict)
{
	return keeper_verdict_kills(verdict) ? whys[verdict] : "the engine runs";
}

bool keeper_sample_parse(struct keeper_sample *sample, const char *stat, const char *schedstat)
{
	/* the name, in parentheses, may hold anything: the fields begin after the last one */
	const char *fields = strrchr(stat, ')');
	char state;
	unsigned long long major_faults, user_ticks, system_ticks, run_ns, wait_ns = 0;
	if (!fields || sscanf(fields, ") %c %*d %*d %*d %*d %*d %*u %*u %*u %llu %*u %llu %llu", &state, &major_faults,
			      &user_ticks, &system_ticks) != 4)
		return false;
	if (*schedstat == '\0')
		run_ns = (user_ticks + system_ticks) * (NS_PER_SEC / (unsigned long)sysconf(_SC_CLK_TCK));
	else if (sscanf(schedstat, "%llu %llu", &run_ns, &wait_ns) != 2)
		return false;
	sample->state = state;
	sample->major_faults = major_faults;
	sample->run_ns = run_ns;
	sample->wait_ns = wait_ns;
	return true;
}

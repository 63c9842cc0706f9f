/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keeper_judge: pure: two looks at an engine → what it is.
 *
 *     ledger, /proc/PID/stat, schedstat ─▶ keeper_sample (now) ┐
 *     the look at which its loop last had turned (previous) ───┴─▶ keeper_judge ─▶ answer for it? kill it?
 *
 * Judged by the processor time that the engine got, not by the clock: on a loaded machine it may be late for as
 * long as the scheduler likes and is not taken for stuck. No I/O, no clock, no state.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/*
 * Of processor time without one turn of the loop or step in it. Nobody waits for this verdict: what the engine owes is
 * answered in its place long before. So it is far more than one step may need: a single system call may keep the kernel
 * busy for long (attaching a BPF program), and a virtual processor is told that it ran while its host ran others.
 */
#define KEEPER_SPIN_NS UINT64_C(1000000000)
#define KEEPER_RUN_A_LOOK_NS UINT64_C(60000000) /* more of it from one look to the next is not believed */
#define KEEPER_BLOCKED_NS UINT64_C(5000000000) /* of doing nothing while somebody waits */

struct keeper_sample {
	uint64_t turns; /* of its loop, and steps within them */
	uint64_t run_ns; /* processor time it got; for the engine by keeper_run_count() */
	uint64_t wait_ns; /* time it was ready to run and did not get a processor, up to when it last ran */
	uint64_t major_faults; /* times it waited for memory to come from disk */
	char state; /* as in proc_pid_stat(5) */
	uint64_t wanted_ns; /* since when questions are overdue or it takes none from the queue; 0: they are not */
};

enum keeper_verdict {
	KEEPER_ALIVE,
	KEEPER_LATE, /* answer in its place */
	KEEPER_STARVED, /* answer in its place; it will go on when it gets a processor, or its memory */
	KEEPER_STOPPED, /* kill: SIGSTOP, or traced */
	KEEPER_SPINNING, /* kill: stuck in a loop */
	KEEPER_BLOCKED, /* kill: sleeps outside of its loop and does not come back */
};

/* previous: the look at which turns last had changed; its wait_ns and major_faults as they were when it first was
 * wanted since. */
enum keeper_verdict keeper_judge(const struct keeper_sample *previous, const struct keeper_sample *now);

/*
 * Processor time as keeper_judge() is to see it. A virtual machine that is paused, moved, or without a processor of its
 * host is told that whoever was running ran all the while: one jump is not a loop. counted: what this gave at the last
 * look; run_ns then and now: as the kernel says.
 */
uint64_t keeper_run_count(uint64_t counted_ns, uint64_t previous_run_ns, uint64_t run_ns);

/* Stopped by a signal, or traced. */
bool keeper_is_halted(char state);

/* Whether this verdict means that the engine must be ended, and the reason in words. */
bool keeper_verdict_kills(enum keeper_verdict verdict);
const char *keeper_verdict_why(enum keeper_verdict verdict);

/* The fields of a sample from the text of /proc/PID/stat and /proc/PID/schedstat ("" when the kernel has none: then
 * run_ns comes in clock ticks, wait_ns is 0). False when they make no sense. */
bool keeper_sample_parse(struct keeper_sample *sample, const char *stat, const char *schedstat);

/* SPDX-License-Identifier: Apache-2.0 */
/* flood: real system calls at a chosen rate, each one event of the kernel: connect(2) of a UDP socket, which sends
 * nothing. bench_agent knows them by their ports. */
#pragma once

#define FLOOD_PORT 9 /* each call of the flood */
#define FLOOD_REPORT_PORT 10 /* one call: the agent tells what it got since the last one */

/* Calls rate_per_s for so many seconds, by n_workers processes; prints `flood-sent CALLS` and `flood-ns ELAPSED`, so
 * that it is seen when the machine gave less. Exit status. */
int flood(int rate_per_s, int seconds, int n_workers);
/* The call that asks the agent for its report. Exit status. */
int flood_report(void);

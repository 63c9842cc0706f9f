/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench_agent: the agents that bench/run measures with.
 *
 *     bench_agent allow      allows every open and execution
 *     bench_agent cache      the same, and lets the kernel remember it
 *     bench_agent flood      reads the calls of flood.c; asked by one of them, tells on standard error how many came,
 *                            how many were lost, and how long they took from the kernel to here
 */
#include "flood.h"

#include <errno.h>
#include <ringside/ringside.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define SLOTS 4096
#define SLOT_NS 4096u /* ~4 µs: what is over SLOTS of it counts as that */

struct report {
	uint64_t received;
	uint64_t lost;
	uint64_t slots[SLOTS];
};

static struct report report;

static uint64_t now_ns(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* Below so many nanoseconds lie so many of a thousand events. */
static unsigned long long quantile_ns(uint64_t thousandths)
{
	uint64_t left = report.received * thousandths / 1000, slot = 0;
	while (slot < SLOTS - 1 && report.slots[slot] <= left)
		left -= report.slots[slot++];
	return (slot + 1) * SLOT_NS;
}

static void tell(void)
{
	fprintf(stderr, "bench_agent: flood received %llu lost %llu p50_ns %llu p99_ns %llu\n",
		(unsigned long long)report.received, (unsigned long long)report.lost, quantile_ns(500),
		quantile_ns(990));
	report = (struct report){0};
}

static void take(const struct rs_event *event)
{
	const struct rs_event_connect *connect = rs_event_connect(event);
	const struct rs_event_lost *lost = rs_event_lost(event);
	if (lost)
		report.lost += lost->count;
	if (!connect)
		return;
	if (connect->remote.port == FLOOD_REPORT_PORT)
		tell();
	if (connect->remote.port != FLOOD_PORT)
		return;
	uint64_t slot = (now_ns() - event->monotonic_ns) / SLOT_NS;
	report.received++;
	report.slots[slot < SLOTS ? slot : SLOTS - 1]++;
}

static int serve(struct rs_agent *agent, uint32_t flags)
{
	for (;;) {
		const struct rs_event *event;
		int got = rs_agent_next(agent, -1, &event);
		if (got < 0)
			return got;
		if (event->flags & RS_EVENT_IS_AUTH)
			rs_respond_allow(agent, event, flags); /* a late answer is refused; the platform counts it */
		else
			take(event);
	}
}

int main(int argc, char **argv)
{
	static const enum rs_event_type asked[] = {RS_EVENT_AUTH_OPEN, RS_EVENT_AUTH_EXEC};
	static const enum rs_event_type told[] = {RS_EVENT_CONNECT, RS_EVENT_LOST};
	const char *mode = argc == 2 ? argv[1] : "";
	bool flood = !strcmp(mode, "flood"), cache = !strcmp(mode, "cache");
	struct rs_agent *agent;
	if (!flood && !cache && strcmp(mode, "allow") != 0) {
		fprintf(stderr, "usage: bench_agent allow | cache | flood\n");
		return 2;
	}
	int r = rs_agent_open(NULL, &agent);
	if (r == 0)
		r = rs_agent_subscribe(agent, flood ? told : asked, 2, NULL);
	if (r == 0)
		r = rs_agent_ready(agent);
	if (r == 0)
		r = serve(agent, cache ? RS_ALLOW_CACHE : 0);
	fprintf(stderr, "bench_agent: %s\n", strerror(-r));
	return r == -ESHUTDOWN ? 0 : 1;
}

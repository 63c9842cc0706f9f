/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench_agent: the agents that bench/run measures with.
 *
 *     bench_agent allow      allows every open and execution
 *     bench_agent cache      the same, and lets the kernel remember it
 *     bench_agent flood      reads the calls of flood.c; asked by one of them, tells how many came, how many were
 *                            lost, and how long they took from the kernel to here
 *
 * It tells by the version of its content, which the platform's status shows: there is no other way out of a jail.
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

static int tell(struct rs_agent *agent)
{
	static unsigned int number;
	char text[64];
	snprintf(text, sizeof(text), "%u got %llu lost %llu p50 %llu p99 %llu", ++number,
		 (unsigned long long)report.received, (unsigned long long)report.lost, quantile_ns(500),
		 quantile_ns(990));
	report = (struct report){0};
	return rs_agent_content_changed(agent, text);
}

static int take(struct rs_agent *agent, const struct rs_event *event)
{
	const struct rs_event_connect *connect = rs_event_connect(event);
	const struct rs_event_lost *lost = rs_event_lost(event);
	if (lost)
		report.lost += lost->count;
	if (connect && connect->remote.port == FLOOD_REPORT_PORT)
		return tell(agent);
	if (!connect || connect->remote.port != FLOOD_PORT)
		return 0;
	uint64_t slot = (now_ns() - event->monotonic_ns) / SLOT_NS;
	report.received++;
	report.slots[slot < SLOTS ? slot : SLOTS - 1]++;
	return 0;
}

static int serve(struct rs_agent *agent, uint32_t flags)
{
	for (;;) {
		const struct rs_event *event;
		int r = rs_agent_next(agent, -1, &event);
		if (r > 0 && (event->flags & RS_EVENT_IS_AUTH))
			rs_respond_allow(agent, event, flags); /* a late answer is refused; the platform counts it */
		else if (r > 0)
			r = take(agent, event);
		if (r < 0)
			return r;
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

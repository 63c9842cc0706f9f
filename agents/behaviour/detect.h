/* SPDX-License-Identifier: Apache-2.0 */
/*
 * detect: an event through all rules that want its type. Pure: says what was found; who answers, writes and asks is
 * behaviour.c.
 *
 *     detect_event(): state_before() ─▶ rules ─▶ state_after() ─▶ what was told already is left out ─▶ found[]
 *
 * Each rule tells once of each process and its program, and at most DETECT_PER_MIN times a minute; the rest is counted.
 */
#pragma once

#include "behaviour/report.h"

#define DETECT_PER_MIN 30u
#define DETECT_AT_ONCE 8u

struct detect_rule {
	bool off, kills, denies;
	uint64_t found; /* ever */
	uint64_t suppressed; /* of these not told */
	uint64_t since_ns; /* when its minute began */
	uint32_t in_minute;
};

struct detect_found {
	uint32_t rule;
	struct finding finding;
};

struct detect {
	struct state state;
	struct detect_rule rules[RULES_MAX];
	uint32_t by_type[RS_EVENT_TYPE_LIMIT]; /* one bit a rule */
	uint64_t told; /* findings */
	struct process *process; /* the acting one of the last event */
	bool deny; /* what the last event asked about is to be denied */
	uint32_t n_found;
	struct detect_found found[DETECT_AT_ONCE];
};

/* Lists are borrowed. The names of rules in off, kill and deny must be names: -EINVAL, said on standard error. */
int detect_init(struct detect *detect, const struct lists *lists, const struct state_sizes *sizes);
void detect_deinit(struct detect *detect);

/* What the last event means is in found, n_found, process and deny until the next one. */
void detect_event(struct detect *detect, const struct rs_event *event);

/* The types that the rules, and what they know, need. Auth types only for rules that deny. */
size_t detect_types(const struct detect *detect, enum rs_event_type *types, size_t max);

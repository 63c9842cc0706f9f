/* SPDX-License-Identifier: Apache-2.0 */
/*
 * top_sample: what `ringside top` knows: a STATUS answer as numbers, and what two of them say of the time between.
 * Pure.
 *
 *     STATUS (JSON) ─▶ top_sample ┐
 *     the one before ─────────────┴─▶ top_rates ─▶ sorted ─▶ top_frame
 *
 * Counters only rise, unless what counted was started anew: then this pair of samples says nothing of it.
 */
#pragma once

#include "view.h"

#define TOP_PARTS_MAX 512u

enum top_count {
	TOP_EVENTS,
	TOP_ASKED,
	TOP_DENIED,
	TOP_MISSED,
	TOP_DROPPED,
	TOP_N_COUNTS,
};

/* Counters of the platform as a whole. */
enum top_total {
	TOP_TOTAL_ASKED,
	TOP_TOTAL_DENIED,
	TOP_TOTAL_MISSED,
	TOP_TOTAL_OVERRIDDEN,
	TOP_TOTAL_UNGUARDED,
	TOP_TOTAL_TAKEN, /* events from the kernel */
	TOP_TOTAL_LOST, /* there */
	TOP_TOTAL_DELIVERED,
	TOP_TOTAL_DROPPED,
	TOP_TOTAL_CACHE_ADDED,
	TOP_TOTAL_CACHE_REMOVED,
	TOP_TOTAL_CACHE_HITS, /* answered by the engine without asking; what the kernel lets pass nobody counts */
	TOP_N_TOTALS,
};

/* Buckets that are not empty, in order. */
struct top_latency {
	struct top_bucket {
		uint64_t end_ns, count;
	} *buckets;
	size_t n;
};

enum top_health {
	TOP_WELL,
	TOP_FAIR, /* on its way, or stopped on purpose */
	TOP_ILL,
};

/* An agent, or a process of the platform. */
struct top_part {
	bool is_agent;
	struct text name; /* escaped */
	const char *raw_name; /* as it came, borrowed from the sample's JSON */
	struct text state; /* escaped */
	enum top_health health;
	uint64_t pid;
	bool has_counts, has_memory, has_cpu;
	uint64_t counts[TOP_N_COUNTS];
	uint64_t memory_bytes, cpu_ns;
	struct top_latency latency;
};

struct top_sample {
	struct json_object *json; /* the whole answer */
	uint64_t at_ns; /* CLOCK_MONOTONIC */
	uint64_t generation; /* of the engine; 0: it did not answer */
	uint64_t totals[TOP_N_TOTALS];
	uint64_t pending, cache_files;
	struct top_latency latency;
	struct top_part *parts;
	size_t n_parts;
};

struct top_rate {
	const struct top_part *part;
	bool has_counts, has_cpu, has_latency; /* that this pair of samples says something of them */
	double per_s[TOP_N_COUNTS];
	double cpu_percent; /* of one processor */
	uint64_t p50_us, p99_us; /* of what was answered in between */
};

struct top_rates {
	double seconds; /* between the samples; 0: there was only one */
	bool has_totals, has_latency;
	double totals[TOP_N_TOTALS];
	uint64_t p50_us, p99_us;
	struct top_rate *rows; /* one a part of the newer sample, agents first */
	size_t n;
};

enum top_sort {
	TOP_BY_NAME,
	TOP_BY_EVENTS,
	TOP_BY_ASKED,
	TOP_BY_P99,
	TOP_BY_DENIED,
	TOP_BY_MISSED,
	TOP_BY_DROPPED,
	TOP_BY_MEMORY,
	TOP_BY_CPU,
	TOP_N_SORTS,
};

/* json is kept (its reference is consumed). NULL: out of memory. */
struct top_sample *top_sample_new(struct json_object *json, uint64_t at_ns);
struct top_sample *top_sample_free(struct top_sample *sample);

/* before may be NULL; both must outlive ret. False: out of memory. */
bool top_rates_init(struct top_rates *rates, const struct top_sample *before, const struct top_sample *now);
void top_rates_deinit(struct top_rates *rates);
/* Agents stay in front; the largest first, names in order; reverse turns both round. Equal ones by name. */
void top_rates_sort(struct top_rates *rates, enum top_sort sort, bool reverse);

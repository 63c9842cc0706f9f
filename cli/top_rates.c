/* SPDX-License-Identifier: Apache-2.0 */
/* top_rates: what two samples say of the time between them; see top_sample.h. */
#include "top_sample.h"

#include "base/clock.h"

#include <string.h>

/* What was added to a bucket since `before`; false when it lost some: then these are two histograms. */
static bool added(const struct top_latency *before, const struct top_bucket *now, size_t *at, uint64_t *ret)
{
	while (*at < before->n && before->buckets[*at].end_ns < now->end_ns)
		(*at)++;
	uint64_t old = *at < before->n && before->buckets[*at].end_ns == now->end_ns ? before->buckets[*at].count : 0;
	*ret = now->count - old;
	return now->count >= old;
}

static uint64_t rank_of(uint64_t n, uint64_t permille)
{
	return n / 1000 * permille + (n % 1000 * permille + 999) / 1000;
}

/* Of what came in between; false when nothing did. */
static bool percentiles(const struct top_latency *before, const struct top_latency *now, uint64_t *ret_p50_us,
			uint64_t *ret_p99_us)
{
	uint64_t total = 0, seen = 0, n, p50_ns = 0;
	size_t at = 0;
	for (size_t i = 0; i < now->n; i++) {
		if (!added(before, &now->buckets[i], &at, &n))
			return false;
		total += n;
	}
	at = 0;
	for (size_t i = 0; i < now->n && total > 0; i++) {
		added(before, &now->buckets[i], &at, &n);
		seen += n;
		if (p50_ns == 0 && seen >= rank_of(total, 500))
			p50_ns = now->buckets[i].end_ns;
		if (seen >= rank_of(total, 990)) {
			*ret_p50_us = p50_ns / NS_PER_US;
			*ret_p99_us = now->buckets[i].end_ns / NS_PER_US;
			return true;
		}
	}
	return false;
}

static const struct top_part *find(const struct top_sample *sample, const struct top_part *part)
{
	for (size_t i = 0; sample && i < sample->n_parts; i++)
		if (sample->parts[i].is_agent == part->is_agent &&
		    strcmp(sample->parts[i].raw_name, part->raw_name) == 0)
			return &sample->parts[i];
	return NULL;
}

static bool per_second(const uint64_t *before, const uint64_t *now, size_t n, double seconds, double *ret)
{
	for (size_t i = 0; i < n; i++)
		if (now[i] < before[i])
			return false;
	for (size_t i = 0; i < n; i++)
		ret[i] = (double)(now[i] - before[i]) / seconds;
	return true;
}

static void rate(struct top_rate *row, const struct top_part *before, double seconds, bool same_engine)
{
	const struct top_part *now = row->part;
	if (!before || seconds <= 0)
		return;
	if (same_engine && before->has_counts && now->has_counts) {
		row->has_counts = per_second(before->counts, now->counts, TOP_N_COUNTS, seconds, row->per_s);
		row->has_latency = percentiles(&before->latency, &now->latency, &row->p50_us, &row->p99_us);
	}
	row->has_cpu = before->has_cpu && now->has_cpu && before->pid == now->pid && now->cpu_ns >= before->cpu_ns;
	if (row->has_cpu)
		row->cpu_percent = (double)(now->cpu_ns - before->cpu_ns) / (seconds * (double)NS_PER_SEC) * 100;
}

bool top_rates_init(struct top_rates *rates, const struct top_sample *before, const struct top_sample *now)
{
	*rates = (struct top_rates){.rows = calloc(now->n_parts + 1, sizeof(*rates->rows)), .n = now->n_parts};
	if (!rates->rows)
		return false;
	bool same_engine = before && before->generation == now->generation && now->generation != 0;
	if (before && now->at_ns > before->at_ns)
		rates->seconds = (double)(now->at_ns - before->at_ns) / (double)NS_PER_SEC;
	for (size_t i = 0; i < now->n_parts; i++) {
		rates->rows[i].part = &now->parts[i];
		rate(&rates->rows[i], find(before, &now->parts[i]), rates->seconds, same_engine);
	}
	if (same_engine && rates->seconds > 0) {
		rates->has_totals =
			per_second(before->totals, now->totals, TOP_N_TOTALS, rates->seconds, rates->totals);
		rates->has_latency = percentiles(&before->latency, &now->latency, &rates->p50_us, &rates->p99_us);
	}
	return true;
}

void top_rates_deinit(struct top_rates *rates)
{
	free(rates->rows);
	*rates = (struct top_rates){0};
}

/* What is not known comes behind what is 0. */
static double value_of(const struct top_rate *row, enum top_sort sort)
{
	static const enum top_count counts[TOP_N_SORTS] = {
		[TOP_BY_EVENTS] = TOP_EVENTS, [TOP_BY_ASKED] = TOP_ASKED,     [TOP_BY_DENIED] = TOP_DENIED,
		[TOP_BY_MISSED] = TOP_MISSED, [TOP_BY_DROPPED] = TOP_DROPPED,
	};
	switch (sort) {
	case TOP_BY_NAME:
		return 0;
	case TOP_BY_P99:
		return row->has_latency ? (double)row->p99_us : -1;
	case TOP_BY_MEMORY:
		return row->part->has_memory ? (double)row->part->memory_bytes : -1;
	case TOP_BY_CPU:
		return row->has_cpu ? row->cpu_percent : -1;
	default:
		return row->has_counts ? row->per_s[counts[sort]] : -1;
	}
}

struct order {
	enum top_sort sort;
	bool reverse;
};

static int compare(const void *left, const void *right, void *data)
{
	const struct top_rate *a = left, *b = right;
	const struct order *order = data;
	if (a->part->is_agent != b->part->is_agent)
		return a->part->is_agent ? -1 : 1;
	double va = value_of(a, order->sort), vb = value_of(b, order->sort);
	int r = va > vb ? -1 : va < vb ? 1 : strcmp(a->part->raw_name, b->part->raw_name);
	return order->reverse ? -r : r;
}

void top_rates_sort(struct top_rates *rates, enum top_sort sort, bool reverse)
{
	struct order order = {sort, reverse};
	qsort_r(rates->rows, rates->n, sizeof(*rates->rows), compare, &order);
}

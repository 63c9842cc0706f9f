/* SPDX-License-Identifier: Apache-2.0 */
/* standing: what is remembered of an agent over its sessions. */
#include "broker/state.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

int standing_new(struct broker *broker, const struct settings_agent *settings, uint32_t index, const char *name,
		 struct standing **ret)
{
	struct standing *standing = calloc(1, sizeof(*standing));
	if (!standing)
		return -ENOMEM;
	standing->broker = broker;
	standing->settings = settings;
	standing->index = index;
	standing->state = LIFE_GONE;
	standing->since_ns = broker_now(broker);
	snprintf(standing->name, sizeof(standing->name), "%s", name);
	if (settings && !(standing->storm = calloc(1, sizeof(*standing->storm)))) {
		free(standing);
		return -ENOMEM;
	}
	*ret = standing;
	return 0;
}

struct standing *standing_free(struct standing *standing)
{
	if (!standing)
		return NULL;
	identity_unref(standing->identity);
	free(standing->storm);
	free(standing);
	return NULL;
}

struct standing *standing_find(struct broker *broker, const char *name)
{
	for (uint32_t i = 0; i < broker->n_standings; i++)
		if (strcmp(broker->standings[i]->name, name) == 0)
			return broker->standings[i];
	return NULL;
}

void standing_order(struct standing *standing, const char *done, const char *why)
{
	snprintf(standing->order, sizeof(standing->order), "%s %s", done, why);
	standing->order_ns = broker_now(standing->broker);
}

void standing_mark_bench(struct standing *standing, bool by_operator, const char *why)
{
	if (!standing->settings || standing->bench_due)
		return;
	standing->bench_due = true;
	standing->bench_by_operator = by_operator;
	standing->broker->bench_due = true;
	snprintf(standing->why, sizeof(standing->why), "%s", why);
}

bool standing_may_change(struct standing *standing)
{
	uint64_t now_ns = broker_now(standing->broker);
	if (standing->changes == 0 || now_ns - standing->changes_since_ns >= 60 * NS_PER_SEC) {
		standing->changes_since_ns = now_ns;
		standing->changes = 0;
	}
	return ++standing->changes <= BROKER_CHANGES_PER_MIN;
}

void standing_strike(struct standing *standing, const char *why)
{
	struct broker *broker = standing->broker;
	uint32_t count = strikes_add(&standing->strikes, &broker->limits, broker_now(broker));
	standing->struck++;
	/* who is benched, or about to be, cannot be benched more: then only the counter rises */
	if (!standing->settings || standing->bench_due || standing->benched_until_ns != 0)
		return;
	announce_strike(standing, why, count);
	if (!strikes_are_enough(&broker->limits, count))
		return;
	char text[WHY_SIZE];
	snprintf(text, sizeof(text), "%u strikes within %u s, the last: %s", count, broker->settings->strike_window_s,
		 why);
	standing_mark_bench(standing, false, text);
}

void standing_answered(struct standing *standing, uint64_t asked_ns, uint64_t answered_ns, uint64_t allowed_ns)
{
	const struct slowness_limits *limits = &standing->broker->slow_limits;
	enum slowness_result result = slowness_add(&standing->slowness, limits, asked_ns, answered_ns, allowed_ns);
	standing->slow += result != SLOWNESS_QUICK;
	if (result != SLOWNESS_TOO_SLOW || standing->bench_due || standing->benched_until_ns != 0)
		return;
	char text[WHY_SIZE];
	struct slowness_sum sum = slowness_sum(&standing->slowness, answered_ns);
	snprintf(text, sizeof(text),
		 "slow: %u answers in a minute took more than %u %% of their deadline, and the machine waited %" PRIu64
		 " ms for them",
		 sum.answers, limits->share_percent, sum.waited_ns / NS_PER_MS);
	standing_mark_bench(standing, false, text);
}

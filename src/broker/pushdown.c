/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/pushdown.h"

#include "broker/mute.h"
#include "broker/state.h"
#include "wire/catalogue.h"

#include <string.h>

static void tell(struct broker *broker)
{
	for (uint32_t i = 0; i < broker->n_sensors; i++)
		if (broker->sensors[i]->ops->mute)
			broker->sensors[i]->ops->mute(broker->sensors[i], broker->pushed, broker->n_pushed);
}

void pushdown_note(struct broker *broker)
{
	broker->mutes_changed = true;
}

void pushdown_stop(struct broker *broker)
{
	broker->mutes_changed = true;
	if (broker->n_pushed == 0)
		return;
	broker->n_pushed = 0;
	tell(broker);
}

struct gather {
	struct broker *broker;
	uint32_t slot; /* whose mutes these are */
};

/* Whether all who subscribed to a type mute it of this one. Each such type is found with the first of them only. */
static bool all_mute(const struct gather *gather, uint32_t kind, uint64_t number, uint16_t type)
{
	const struct broker *broker = gather->broker;
	struct agent_set set = agent_set_both(&broker->wants[type], &broker->listening);
	uint32_t slot, n = 0;
	while (agent_set_take(&set, &slot)) {
		const struct agent *agent = broker->agents[slot];
		if (n++ == 0 && slot != gather->slot)
			return false;
		if (!agent->mutes || !mutes_has(agent->mutes, kind, number, type))
			return false;
	}
	return n > 0;
}

static void consider(void *data, uint32_t kind, uint64_t number, const struct session_event_set *types)
{
	struct gather *gather = data;
	struct broker *broker = gather->broker;
	bool user = kind == SESSION_MUTE_UID, any = false;
	if (broker->n_pushed == SENSOR_MUTES_MAX || number > (user ? UINT32_MAX : INT64_MAX))
		return;
	struct sensor_mute *mute = &broker->pushed[broker->n_pushed];
	*mute = (struct sensor_mute){.number = number, .user = user};
	for (size_t i = 0; i < catalogue_n_events; i++) {
		uint16_t type = catalogue_events[i].number;
		if (catalogue_events[i].auth || !session_set_has(types, type) || !all_mute(gather, kind, number, type))
			continue;
		session_set_add(&mute->types, type);
		any = true;
	}
	broker->n_pushed += any;
}

void pushdown_renew(struct broker *broker)
{
	struct agent_set listening = broker->listening;
	struct gather gather = {.broker = broker};
	if (!broker->mutes_changed)
		return;
	broker->mutes_changed = false;
	size_t before = broker->n_pushed;
	broker->n_pushed = 0;
	while (agent_set_take(&listening, &gather.slot))
		if (broker->agents[gather.slot]->mutes)
			mutes_each(broker->agents[gather.slot]->mutes, consider, &gather);
	if (before > 0 || broker->n_pushed > 0)
		tell(broker);
}

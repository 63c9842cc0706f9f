/* SPDX-License-Identifier: Apache-2.0 */
#include "wants.h"

#include "wire/catalogue.h"

#include <errno.h>
#include <string.h>

struct wants_mute {
	struct list link;
	uint32_t kind;
	uint32_t size;
	uint64_t number;
	struct session_event_set events; /* never empty, never "all": each type by its bit */
	char bytes[];
};

static struct wants_mute *mute_of(struct list *link)
{
	return list_entry(link, struct wants_mute, link);
}

/* "All" as the catalogue has them, so that types can be taken away one by one. */
static void all_types(struct session_event_set *set)
{
	*set = (struct session_event_set){0};
	for (size_t i = 0; i < catalogue_n_events; i++)
		session_set_add(set, catalogue_events[i].number);
}

static bool set_empty(const struct session_event_set *set)
{
	static const struct session_event_set none;
	return memcmp(set, &none, sizeof(none)) == 0;
}

static void set_expand(struct session_event_set *set)
{
	if (set_empty(set))
		all_types(set);
}

void wants_init(struct wants *wants)
{
	*wants = (struct wants){0};
	list_init(&wants->mutes);
}

static void mute_free(struct wants_mute *mute)
{
	list_remove(&mute->link);
	free(mute);
}

void wants_deinit(struct wants *wants)
{
	list_for_each_safe (link, &wants->mutes)
		mute_free(mute_of(link));
	if (wants->prepared)
		mute_free(mute_of(wants->prepared));
	wants->prepared = NULL;
}

int wants_prepare(struct wants *wants, const union wants_request *request)
{
	if (request->head.type != SESSION_MUTE || request->mute.op != SESSION_MUTE_ADD)
		return 0;
	struct wants_mute *mute = calloc(1, sizeof(*mute) + request->mute.size);
	if (!mute)
		return -ENOMEM;
	list_init(&mute->link);
	if (wants->prepared)
		mute_free(mute_of(wants->prepared));
	wants->prepared = &mute->link;
	return 0;
}

static void apply_subscribe(struct wants *wants, const struct session_subscribe *request)
{
	for (uint16_t type = 0; type < RS_EVENT_TYPE_LIMIT; type++) {
		if (!session_set_has(&request->events, type))
			continue;
		wants->types[type] = (struct wants_type){.flags = request->flags,
							 .deadline_ms = request->deadline_ms,
							 .subscribed = !(request->flags & SESSION_SUBSCRIBE_REMOVE)};
	}
}

static struct wants_mute *find_mute(struct wants *wants, const struct session_mute *request)
{
	list_for_each (link, &wants->mutes) {
		struct wants_mute *mute = mute_of(link);
		if (mute->kind == request->kind && mute->number == request->number && mute->size == request->size &&
		    memcmp(mute->bytes, request->bytes, request->size) == 0)
			return mute;
	}
	return NULL;
}

static void mute_add(struct wants *wants, const struct session_mute *request)
{
	struct session_event_set events = request->events;
	set_expand(&events);
	struct wants_mute *mute = find_mute(wants, request);
	if (!mute) {
		mute = mute_of(STEAL(wants->prepared));
		mute->kind = request->kind;
		mute->number = request->number;
		mute->size = request->size;
		memcpy(mute->bytes, request->bytes, request->size);
		list_append(&wants->mutes, &mute->link);
	}
	for (size_t i = 0; i < ARRAY_SIZE(events.words); i++)
		mute->events.words[i] |= events.words[i];
}

static void mute_remove(struct wants *wants, const struct session_mute *request)
{
	struct session_event_set events = request->events;
	set_expand(&events);
	struct wants_mute *mute = find_mute(wants, request);
	if (!mute)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(events.words); i++)
		mute->events.words[i] &= ~events.words[i];
	if (set_empty(&mute->events))
		mute_free(mute);
}

static void mute_clear(struct wants *wants, const struct session_mute *request)
{
	list_for_each_safe (link, &wants->mutes)
		if (mute_of(link)->kind == request->kind)
			mute_free(mute_of(link));
}

/* Paths invert with their prefixes: one bit for both. */
static uint32_t inversion_bit(uint32_t kind)
{
	if (kind == SESSION_MUTE_EXE_PREFIX || kind == SESSION_MUTE_TARGET_PREFIX)
		kind--;
	return UINT32_C(1) << kind;
}

static void mute_invert(struct wants *wants, const struct session_mute *request)
{
	uint32_t bit = inversion_bit(request->kind);
	wants->inverted = request->number ? wants->inverted | bit : wants->inverted & ~bit;
}

void wants_apply(struct wants *wants, const union wants_request *request)
{
	static void (*const ops[])(struct wants *wants, const struct session_mute *request) = {
		[SESSION_MUTE_ADD] = mute_add,
		[SESSION_MUTE_REMOVE] = mute_remove,
		[SESSION_MUTE_CLEAR] = mute_clear,
		[SESSION_MUTE_INVERT] = mute_invert,
	};
	if (request->head.type == SESSION_SUBSCRIBE)
		apply_subscribe(wants, &request->subscribe);
	else
		ops[request->mute.op](wants, &request->mute);
}

static bool replay_inversion(const struct wants *wants, struct wants_cursor *cursor, union wants_request *ret)
{
	while (cursor->kind <= SESSION_MUTE_CGROUP) {
		uint32_t kind = cursor->kind++;
		if (!(wants->inverted & UINT32_C(1) << kind))
			continue;
		ret->mute = (struct session_mute){.head = {.size = sizeof(ret->mute), .type = SESSION_MUTE},
						  .kind = kind,
						  .op = SESSION_MUTE_INVERT,
						  .number = 1};
		return true;
	}
	return false;
}

static bool replay_mute(const struct wants *wants, struct wants_cursor *cursor, union wants_request *ret)
{
	size_t i = 0;
	list_for_each (link, &wants->mutes) {
		if (i++ < cursor->n_mutes)
			continue;
		cursor->n_mutes++;
		const struct wants_mute *mute = mute_of(link);
		struct session_event_set all;
		all_types(&all);
		ret->mute = (struct session_mute){.head = {.size = sizeof(ret->mute), .type = SESSION_MUTE},
						  .kind = mute->kind,
						  .op = SESSION_MUTE_ADD,
						  .number = mute->number,
						  .size = mute->size};
		memcpy(ret->mute.bytes, mute->bytes, mute->size);
		if (memcmp(&all, &mute->events, sizeof(all)) != 0)
			ret->mute.events = mute->events;
		return true;
	}
	return false;
}

static bool same_options(const struct wants_type *a, const struct wants_type *b)
{
	return a->flags == b->flags && a->deadline_ms == b->deadline_ms;
}

/* All types with the options of the first one that is left. */
static bool replay_subscription(const struct wants *wants, struct wants_cursor *cursor, union wants_request *ret)
{
	const struct wants_type *first = NULL;
	for (uint16_t type = 0; type < RS_EVENT_TYPE_LIMIT; type++) {
		const struct wants_type *want = &wants->types[type];
		if (!want->subscribed || session_set_has(&cursor->types, type) || (first && !same_options(first, want)))
			continue;
		if (!first)
			ret->subscribe = (struct session_subscribe){
				.head = {.size = sizeof(ret->subscribe), .type = SESSION_SUBSCRIBE},
				.flags = want->flags,
				.deadline_ms = want->deadline_ms};
		first = want;
		session_set_add(&ret->subscribe.events, type);
		session_set_add(&cursor->types, type);
	}
	return first != NULL;
}

bool wants_replay(const struct wants *wants, struct wants_cursor *cursor, union wants_request *ret)
{
	return replay_inversion(wants, cursor, ret) || replay_mute(wants, cursor, ret) ||
	       replay_subscription(wants, cursor, ret);
}

void wants_refused(struct wants *wants, struct wants_cursor *cursor, const union wants_request *request)
{
	union wants_request undo = *request;
	if (undo.head.type == SESSION_SUBSCRIBE) {
		undo.subscribe.flags = SESSION_SUBSCRIBE_REMOVE;
	} else if (undo.mute.op == SESSION_MUTE_INVERT) {
		undo.mute.number = 0;
	} else {
		undo.mute.op = SESSION_MUTE_REMOVE;
		cursor->n_mutes--;
	}
	wants_apply(wants, &undo);
}

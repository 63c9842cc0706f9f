/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/catalogue.h"

#include <string.h>

/* Pass 1: one array of fields for each event. */
#define EVENT(number, NAME, name, family, class, ocsf_class, ocsf_activity, since, doc) \
	static const struct catalogue_field fields_##name[] = {
#define FIELD(event, field, kind, ocsf) {#field, ocsf, kind, offsetof(struct rs_event_##event, field)},
#define U32(event, field, ocsf, doc) FIELD(event, field, CATALOGUE_U32, ocsf)
#define U64(event, field, ocsf, doc) FIELD(event, field, CATALOGUE_U64, ocsf)
#define I64(event, field, ocsf, doc) FIELD(event, field, CATALOGUE_I64, ocsf)
#define STR(event, field, ocsf, doc) FIELD(event, field, CATALOGUE_STR, ocsf)
#define STRV(event, field, ocsf, doc) FIELD(event, field, CATALOGUE_STRV, ocsf)
#define FILE_(event, field, ocsf, doc) FIELD(event, field, CATALOGUE_FILE, ocsf)
#define ADDR(event, field, ocsf, doc) FIELD(event, field, CATALOGUE_ADDR, ocsf)
#define PROC(event, field, ocsf, doc) FIELD(event, field, CATALOGUE_PROC, ocsf)
#define END(event) \
	} \
	;
#include "wire/catalogue.def"
#undef EVENT
#undef FIELD
#undef U32
#undef U64
#undef I64
#undef STR
#undef STRV
#undef FILE_
#undef ADDR
#undef PROC
#undef END

/* Pass 2: the events. */
#define NOTIFY false
#define AUTH true
#define EVENT(number, NAME, name, family, class, ocsf_class, ocsf_activity, since, doc) \
	{number, \
	 class, \
	 #name, \
	 #family, \
	 ocsf_class, \
	 ocsf_activity, \
	 since, \
	 sizeof(struct rs_event_##name), \
	 sizeof(fields_##name) / sizeof(fields_##name[0]), \
	 fields_##name},
#define U32(event, field, ocsf, doc)
#define U64(event, field, ocsf, doc)
#define I64(event, field, ocsf, doc)
#define STR(event, field, ocsf, doc)
#define STRV(event, field, ocsf, doc)
#define FILE_(event, field, ocsf, doc)
#define ADDR(event, field, ocsf, doc)
#define PROC(event, field, ocsf, doc)
#define END(event)
const struct catalogue_event catalogue_events[] = {
#include "wire/catalogue.def"
};
const size_t catalogue_n_events = sizeof(catalogue_events) / sizeof(catalogue_events[0]);

const struct catalogue_event *catalogue_find(uint16_t number)
{
	size_t low = 0, high = catalogue_n_events;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (catalogue_events[middle].number == number)
			return &catalogue_events[middle];
		if (catalogue_events[middle].number < number)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

const struct catalogue_event *catalogue_find_name(const char *name)
{
	for (size_t i = 0; i < catalogue_n_events; i++)
		if (strcmp(catalogue_events[i].name, name) == 0)
			return &catalogue_events[i];
	return NULL;
}

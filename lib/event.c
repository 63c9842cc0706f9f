/* SPDX-License-Identifier: Apache-2.0 */
#include "base/macro.h"
#include "wire/catalogue.h"
#include "wire/event_json.h"

#include <errno.h>
#include <ringside/ringside.h>
#include <string.h>

int rs_event_copy(const struct rs_event *event, struct rs_event **ret)
{
	if (!event || !ret || event->size < sizeof(*event) || event->size > RS_EVENT_SIZE_MAX)
		return -EINVAL;
	struct rs_event *copy = malloc(event->size);
	if (!copy)
		return -ENOMEM;
	memcpy(copy, event, event->size);
	*ret = copy;
	return 0;
}

ssize_t rs_event_to_json(const struct rs_event *event, char *buffer, size_t size)
{
	return event && buffer ? event_json(event, buffer, size) : -EINVAL;
}

const char *rs_event_name(uint16_t type)
{
	const struct catalogue_event *row = catalogue_find(type);
	return row ? row->name : NULL;
}

int rs_event_type_by_name(const char *name)
{
	const struct catalogue_event *row = name ? catalogue_find_name(name) : NULL;
	return row ? row->number : -ENOENT;
}

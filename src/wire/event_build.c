/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/event_build.h"

#include "base/macro.h"

#include <string.h>

void *event_build_begin(struct event_build *build, void *buffer, size_t capacity, uint16_t type)
{
	const struct catalogue_event *row = catalogue_find(type);
	size_t size = sizeof(struct rs_event) + row->body_size;
	memset(buffer, 0, size);
	build->event = buffer;
	build->capacity = MIN(capacity, RS_EVENT_SIZE_MAX) & ~(size_t)7;
	build->size = size;
	build->event->type = type;
	build->event->flags = row->auth ? RS_EVENT_IS_AUTH : 0;
	build->event->header_size = sizeof(struct rs_event);
	build->event->body_offset = sizeof(struct rs_event);
	build->event->body_size = row->body_size;
	return (char *)buffer + sizeof(struct rs_event);
}

bool event_build_str(struct event_build *build, struct rs_str *str, const void *bytes, size_t size, size_t most)
{
	size_t room = build->capacity - build->size;
	size_t fits = MIN(MIN(size, most), room ? room - 1 : 0);
	if (room == 0 || size == 0) {
		*str = (struct rs_str){0};
	} else {
		char *to = (char *)build->event + build->size;
		memcpy(to, bytes, fits);
		to[fits] = '\0';
		*str = (struct rs_str){.offset = (uint32_t)build->size, .size = (uint32_t)fits};
		build->size += fits + 1;
	}
	if (fits < size)
		build->event->flags |= RS_EVENT_CUT;
	return fits == size;
}

bool event_build_path(struct event_build *build, struct rs_file *file, const char *path, size_t size)
{
	bool cut = size > RS_PATH_SIZE_MAX;
	if (cut) {
		path += size - RS_PATH_SIZE_MAX;
		size = RS_PATH_SIZE_MAX;
		build->event->flags |= RS_EVENT_CUT;
	}
	cut |= !event_build_str(build, &file->path, path, size, RS_PATH_SIZE_MAX);
	if (cut)
		file->flags |= RS_FILE_PATH_CUT;
	return !cut;
}

size_t event_build_end(struct event_build *build)
{
	size_t size = ALIGN_UP(build->size, 8);
	memset((char *)build->event + build->size, 0, size - build->size);
	build->size = size;
	build->event->size = (uint32_t)size;
	return size;
}

static void copy_str(struct event_build *build, struct rs_str *to, const struct rs_event *from, struct rs_str str)
{
	size_t size;
	const char *bytes = rs_str_get(from, str, &size);
	event_build_str(build, to, bytes, size, RS_PATH_SIZE_MAX);
}

void event_build_process(struct event_build *build, struct rs_process *to, const struct rs_event *from,
			 const struct rs_process *process)
{
	*to = *process;
	copy_str(build, &to->exe_path, from, process->exe_path);
	copy_str(build, &to->cgroup, from, process->cgroup);
	copy_str(build, &to->container_id, from, process->container_id);
}

static bool str_ok(const struct rs_event *event, struct rs_str str)
{
	if (str.offset == 0)
		return str.size == 0;
	return str.offset >= event->body_offset + event->body_size && str.offset < event->size &&
	       str.size < event->size - str.offset && ((const char *)event)[str.offset + str.size] == '\0';
}

static bool process_ok(const struct rs_event *event, const struct rs_process *process)
{
	return str_ok(event, process->exe_path) && str_ok(event, process->cgroup) &&
	       str_ok(event, process->container_id) && memchr(process->comm, '\0', sizeof(process->comm));
}

static bool field_ok(const struct rs_event *event, const struct catalogue_field *field)
{
	const void *at = (const char *)event + event->body_offset + field->offset;
	switch (field->kind) {
	case CATALOGUE_STR:
	case CATALOGUE_STRV:
		return str_ok(event, *(const struct rs_str *)at);
	case CATALOGUE_FILE:
		return str_ok(event, ((const struct rs_file *)at)->path);
	case CATALOGUE_ADDR:
		return str_ok(event, ((const struct rs_addr *)at)->path);
	case CATALOGUE_PROC:
		return process_ok(event, at);
	case CATALOGUE_U32:
	case CATALOGUE_U64:
	case CATALOGUE_I64:
		break;
	}
	return true;
}

const char *event_check(const void *bytes, size_t size)
{
	const struct rs_event *event = bytes;
	if ((uintptr_t)bytes % 8 != 0)
		return "an event must begin at a multiple of 8";
	if (size < sizeof(*event))
		return "shorter than the head of an event";
	if (event->size != size || size > RS_EVENT_SIZE_MAX || size % 8 != 0)
		return "its size field does not agree with its size";
	const struct catalogue_event *row = catalogue_find(event->type);
	if (!row)
		return "its type is not in the catalogue";
	if (event->header_size != sizeof(*event) || event->body_offset != sizeof(*event) ||
	    event->body_size != row->body_size || size - sizeof(*event) < row->body_size)
		return "its head or body does not have the size of this contract";
	if (!process_ok(event, &event->process))
		return "a string of its process lies outside of it";
	for (uint32_t i = 0; i < row->n_fields; i++)
		if (!field_ok(event, &row->fields[i]))
			return "a string of its body lies outside of it";
	return NULL;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "event_line.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <string.h>
#include <sys/socket.h>

#define NAME_COLUMNS 12

void event_line_add_str(struct text *text, const struct rs_event *event, struct rs_str str)
{
	size_t size;
	const char *bytes = rs_str_get(event, str, &size);
	text_add_escaped(text, bytes, size);
}

void event_line_add_process(struct text *text, const struct rs_event *event, const struct rs_process *process)
{
	if (process->exe_path.size > 0)
		event_line_add_str(text, event, process->exe_path);
	else if (process->comm[0])
		text_add_escaped(text, process->comm, strnlen(process->comm, sizeof(process->comm)));
	else
		text_add(text, "?");
	text_format(text, "[%" PRIu32 "] uid %" PRIu32, process->pid, process->uid);
}

static void add_strv(struct text *text, const struct rs_event *event, struct rs_str str)
{
	size_t size, at = 0;
	const char *bytes = rs_str_get(event, str, &size);
	text_add(text, "[");
	while (at < size) {
		size_t length = strnlen(bytes + at, size - at);
		text_add(text, at ? ", \"" : "\"");
		text_add_escaped(text, bytes + at, length);
		text_add(text, "\"");
		at += length + 1;
	}
	text_add(text, "]");
}

static void add_addr(struct text *text, const struct rs_event *event, const struct rs_addr *addr)
{
	char buffer[INET6_ADDRSTRLEN];
	if (addr->family == AF_UNIX) {
		text_add(text, "unix:");
		event_line_add_str(text, event, addr->path);
	} else if (addr->family == AF_INET && inet_ntop(AF_INET, addr->bytes, buffer, sizeof(buffer))) {
		text_format(text, "%s:%u", buffer, addr->port);
	} else if (addr->family == AF_INET6 && inet_ntop(AF_INET6, addr->bytes, buffer, sizeof(buffer))) {
		text_format(text, "[%s]:%u", buffer, addr->port);
	} else {
		text_format(text, "family %u", addr->family);
	}
}

static void add_file(struct text *text, const struct rs_event *event, const struct rs_file *file)
{
	static const struct {
		uint32_t flag;
		const char *words;
	} flags[] = {{RS_FILE_PATH_CUT, " (path cut)"}, {RS_FILE_DELETED, " (deleted)"}, {RS_FILE_MEMFD, " (memory)"}};
	if (file->path.size == 0) {
		text_format(text, "inode %" PRIu64, file->id.ino);
		return;
	}
	event_line_add_str(text, event, file->path);
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
		if (file->flags & flags[i].flag)
			text_add(text, flags[i].words);
}

static void add_string(struct text *text, const struct rs_event *event, struct rs_str str)
{
	text_add(text, "\"");
	event_line_add_str(text, event, str);
	text_add(text, "\"");
}

/* Fields that say nothing when they are 0 or empty are left out. */
static bool is_empty(const struct catalogue_field *field, const void *at)
{
	switch (field->kind) {
	case CATALOGUE_U32:
		return *(const uint32_t *)at == 0;
	case CATALOGUE_U64:
	case CATALOGUE_I64:
		return *(const uint64_t *)at == 0;
	case CATALOGUE_STR:
	case CATALOGUE_STRV:
		return ((const struct rs_str *)at)->size == 0;
	case CATALOGUE_FILE:
		return ((const struct rs_file *)at)->path.size == 0 && ((const struct rs_file *)at)->id.ino == 0;
	case CATALOGUE_ADDR:
		return ((const struct rs_addr *)at)->family == 0;
	case CATALOGUE_PROC:
		return ((const struct rs_process *)at)->pid == 0;
	}
	return true;
}

static void add_field(struct text *text, const struct rs_event *event, const struct catalogue_field *field,
		      const void *at)
{
	switch (field->kind) {
	case CATALOGUE_U32:
		text_format(text, "%" PRIu32, *(const uint32_t *)at);
		break;
	case CATALOGUE_U64:
		text_format(text, "%" PRIu64, *(const uint64_t *)at);
		break;
	case CATALOGUE_I64:
		text_format(text, "%" PRId64, *(const int64_t *)at);
		break;
	case CATALOGUE_STR:
		add_string(text, event, *(const struct rs_str *)at);
		break;
	case CATALOGUE_STRV:
		add_strv(text, event, *(const struct rs_str *)at);
		break;
	case CATALOGUE_FILE:
		add_file(text, event, at);
		break;
	case CATALOGUE_ADDR:
		add_addr(text, event, at);
		break;
	case CATALOGUE_PROC:
		event_line_add_process(text, event, at);
		break;
	}
}

/* A file, address or process; the first of them stands in front and without its name. */
static bool is_subject(const struct catalogue_field *field)
{
	return field->kind == CATALOGUE_FILE || field->kind == CATALOGUE_ADDR || field->kind == CATALOGUE_PROC;
}

/* Index of the first field that says what the event is about; n_fields when there is none. */
static uint32_t find_subject(const struct rs_event *event, const struct catalogue_event *row)
{
	for (uint32_t i = 0; i < row->n_fields; i++)
		if (is_subject(&row->fields[i]) &&
		    !is_empty(&row->fields[i], (const char *)event + event->body_offset + row->fields[i].offset))
			return i;
	return row->n_fields;
}

static void add_field_of(struct text *text, const struct rs_event *event, const struct catalogue_field *field)
{
	add_field(text, event, field, (const char *)event + event->body_offset + field->offset);
}

void event_line_add_body(struct text *text, const struct rs_event *event, const struct catalogue_event *row)
{
	uint32_t subject = find_subject(event, row);
	if (subject < row->n_fields) {
		text_add(text, " ");
		add_field_of(text, event, &row->fields[subject]);
	}
	for (uint32_t i = 0; i < row->n_fields; i++) {
		const struct catalogue_field *field = &row->fields[i];
		if (i == subject || strncmp(field->name, "reserved", 8) == 0 ||
		    is_empty(field, (const char *)event + event->body_offset + field->offset))
			continue;
		text_format(text, " %s=", field->name);
		add_field_of(text, event, field);
	}
}

void event_line_add(struct text *text, const struct rs_event *event)
{
	const struct catalogue_event *row = catalogue_find(event->type);
	text_wall_time(text, event->wall_ns, false);
	text_format(text, " %" PRIu64 " ", event->id);
	if (!row || event->body_size < row->body_size) {
		text_format(text, "event %u, which this version does not know", event->type);
		return;
	}
	text_format(text, "%-*s ", NAME_COLUMNS, row->name);
	if (event->process.pid != 0)
		event_line_add_process(text, event, &event->process);
	else
		text_add(text, "-");
	event_line_add_body(text, event, row);
}

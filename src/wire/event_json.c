/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/event_json.h"

#include "base/macro.h"
#include "wire/catalogue.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define NS_PER_S UINT64_C(1000000000)
#define UNSET UINT32_MAX

static void put_digits(char *text, uint64_t value, size_t at, size_t n)
{
	for (; n > 0; n--, value /= 10)
		text[at + n - 1] = (char)('0' + value % 10);
}

/* Not gmtime_r(): that may open files, and this runs in processes that may not. Days to date as in the proleptic
 * Gregorian calendar, with years that begin in March so that the leap day comes last. */
void event_json_time(uint64_t wall_ns, char ret_text[EVENT_JSON_TIME_SIZE])
{
	uint64_t seconds = wall_ns / NS_PER_S, second = seconds % 86400;
	uint64_t days = seconds / 86400 + 719468; /* since 0000-03-01 */
	uint64_t era = days / 146097, day = days % 146097;
	uint64_t year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
	day -= 365 * year + year / 4 - year / 100;
	uint64_t month = (5 * day + 2) / 153; /* 0 is March */
	day -= (153 * month + 2) / 5;
	memcpy(ret_text, "0000-00-00T00:00:00.000000000Z", EVENT_JSON_TIME_SIZE);
	put_digits(ret_text, era * 400 + year + (month >= 10), 0, 4);
	put_digits(ret_text, month < 10 ? month + 3 : month - 9, 5, 2);
	put_digits(ret_text, day + 1, 8, 2);
	put_digits(ret_text, second / 3600, 11, 2);
	put_digits(ret_text, second / 60 % 60, 14, 2);
	put_digits(ret_text, second % 60, 17, 2);
	put_digits(ret_text, wall_ns % NS_PER_S, 20, 9);
}

struct flag {
	uint32_t bit;
	const char *name;
};

static const struct flag event_flags[] = {
	{RS_EVENT_CUT, "cut"},
	{RS_EVENT_REPLAYED, "replayed"},
	{RS_EVENT_SHADOW, "shadow"},
};

static const struct flag file_flags[] = {
	{RS_FILE_PATH_CUT, "path_cut"},
	{RS_FILE_PATH_LEXICAL, "path_lexical"},
	{RS_FILE_DELETED, "deleted"},
	{RS_FILE_MEMFD, "memfd"},
};

static const struct flag process_flags[] = {
	{RS_PROCESS_PARTIAL, "partial"},
	{RS_PROCESS_PLATFORM, "platform"},
};

/* Only those that are set. */
static void write_flags(struct json *json, const struct flag *flags, size_t n_flags, uint32_t set)
{
	for (size_t i = 0; i < n_flags; i++)
		if (set & flags[i].bit)
			json_bool(json, flags[i].name, true);
}

static void write_str(struct json *json, const char *key, const struct rs_event *event, struct rs_str str)
{
	size_t size;
	const char *bytes = rs_str_get(event, str, &size);
	json_bytes(json, key, bytes, size);
}

static void write_strv(struct json *json, const char *key, const struct rs_event *event, const void *value)
{
	size_t size;
	const char *bytes = rs_str_get(event, *(const struct rs_str *)value, &size), *end = bytes + size;
	json_open_array(json, key);
	while (bytes < end) {
		const char *nul = memchr(bytes, '\0', (size_t)(end - bytes));
		json_bytes(json, NULL, bytes, (size_t)((nul ? nul : end) - bytes));
		if (nul && nul + 1 == end)
			json_bytes(json, NULL, "", 0); /* NUL separates: behind the last one is an empty string */
		bytes = nul ? nul + 1 : end;
	}
	json_close_array(json);
}

static void write_file_id(struct json *json, struct rs_file_id id)
{
	json_u64(json, "dev", id.dev);
	json_u64(json, "ino", id.ino);
}

static void write_file(struct json *json, const char *key, const struct rs_event *event, const void *value)
{
	const struct rs_file *file = value;
	char mode[16];
	snprintf(mode, sizeof(mode), "%06o", file->mode);
	json_open_object(json, key);
	write_str(json, "path", event, file->path);
	write_file_id(json, file->id);
	json_string(json, "mode", mode);
	json_u64(json, "uid", file->uid);
	json_u64(json, "gid", file->gid);
	json_u64(json, "size_bytes", file->size_bytes);
	json_u64(json, "mtime_ns", file->mtime_ns);
	json_u64(json, "ctime_ns", file->ctime_ns);
	write_flags(json, file_flags, ARRAY_SIZE(file_flags), file->flags);
	json_close_object(json);
}

static void write_addr(struct json *json, const char *key, const struct rs_event *event, const void *value)
{
	const struct rs_addr *addr = value;
	char text[INET6_ADDRSTRLEN] = "";
	json_open_object(json, key);
	if (addr->family == AF_UNIX) {
		json_string(json, "family", "unix");
		write_str(json, "path", event, addr->path);
	} else if (addr->family == AF_INET || addr->family == AF_INET6) {
		inet_ntop(addr->family, addr->bytes, text, sizeof(text));
		json_string(json, "family", addr->family == AF_INET ? "inet" : "inet6");
		json_string(json, "address", text);
		json_u64(json, "port", addr->port);
		if (addr->scope_id)
			json_u64(json, "scope_id", addr->scope_id);
	} else {
		json_u64(json, "family", addr->family);
	}
	json_close_object(json);
}

static void write_u32_or_null(struct json *json, const char *key, uint32_t value)
{
	if (value == UNSET)
		json_null(json, key);
	else
		json_u64(json, key, value);
}

static void write_process(struct json *json, const char *key, const struct rs_event *event, const void *value)
{
	const struct rs_process *process = value;
	json_open_object(json, key);
	json_u64(json, "id", process->id);
	json_u64(json, "pid", process->pid);
	json_u64(json, "tid", process->tid);
	json_u64(json, "parent_id", process->parent_id);
	json_u64(json, "parent_pid", process->parent_pid);
	json_u64(json, "start_ns", process->start_ns);
	json_bytes(json, "comm", process->comm, strnlen(process->comm, sizeof(process->comm)));
	json_open_object(json, "exe");
	write_str(json, "path", event, process->exe_path);
	write_file_id(json, process->exe);
	json_close_object(json);
	json_u64(json, "uid", process->uid);
	json_u64(json, "gid", process->gid);
	json_u64(json, "euid", process->euid);
	json_u64(json, "egid", process->egid);
	write_u32_or_null(json, "login_uid", process->login_uid);
	write_u32_or_null(json, "login_session", process->login_session);
	json_u64(json, "cgroup_id", process->cgroup_id);
	write_str(json, "cgroup", event, process->cgroup);
	write_str(json, "container_id", event, process->container_id);
	write_flags(json, process_flags, ARRAY_SIZE(process_flags), process->flags);
	json_close_object(json);
}

static void write_u32(struct json *json, const char *key, const struct rs_event *event, const void *value)
{
	json_u64(json, key, *(const uint32_t *)value);
}

static void write_u64(struct json *json, const char *key, const struct rs_event *event, const void *value)
{
	json_u64(json, key, *(const uint64_t *)value);
}

static void write_i64(struct json *json, const char *key, const struct rs_event *event, const void *value)
{
	json_i64(json, key, *(const int64_t *)value);
}

static void write_str_field(struct json *json, const char *key, const struct rs_event *event, const void *value)
{
	write_str(json, key, event, *(const struct rs_str *)value);
}

/* One row for each enum catalogue_field_kind. */
static const struct {
	void (*write)(struct json *json, const char *key, const struct rs_event *event, const void *value);
	size_t size;
} kinds[] = {
	[CATALOGUE_U32] = {write_u32, sizeof(uint32_t)},
	[CATALOGUE_U64] = {write_u64, sizeof(uint64_t)},
	[CATALOGUE_I64] = {write_i64, sizeof(int64_t)},
	[CATALOGUE_STR] = {write_str_field, sizeof(struct rs_str)},
	[CATALOGUE_STRV] = {write_strv, sizeof(struct rs_str)},
	[CATALOGUE_FILE] = {write_file, sizeof(struct rs_file)},
	[CATALOGUE_ADDR] = {write_addr, sizeof(struct rs_addr)},
	[CATALOGUE_PROC] = {write_process, sizeof(struct rs_process)},
};

static void write_head(struct json *json, const struct rs_event *event, const struct catalogue_event *row)
{
	char time[EVENT_JSON_TIME_SIZE];
	event_json_time(event->wall_ns, time);
	if (row)
		json_string(json, "event", row->name);
	else
		json_null(json, "event");
	json_u64(json, "number", event->type);
	json_u64(json, "id", event->id);
	json_u64(json, "seq", event->seq);
	json_u64(json, "type_seq", event->type_seq);
	json_string(json, "time", time);
	json_u64(json, "monotonic_ns", event->monotonic_ns);
	json_bool(json, "auth", event->flags & RS_EVENT_IS_AUTH);
	if (event->deadline_ns)
		json_u64(json, "deadline_ns", event->deadline_ns);
	write_flags(json, event_flags, ARRAY_SIZE(event_flags), event->flags);
	write_process(json, "process", event, &event->process);
}

/* An older writer's body is shorter: its fields are those that lie in it whole. */
static void write_body(struct json *json, const struct rs_event *event, const struct catalogue_event *row)
{
	if (event->body_offset % 8 != 0 || event->body_offset > event->size ||
	    event->body_size > event->size - event->body_offset)
		return;
	for (uint32_t i = 0; i < row->n_fields; i++) {
		const struct catalogue_field *field = &row->fields[i];
		const char *at = (const char *)event + event->body_offset + field->offset;
		if (field->offset + kinds[field->kind].size > event->body_size)
			break;
		if (strcmp(field->name, "reserved") != 0)
			kinds[field->kind].write(json, field->name, event, at);
	}
}

void event_json_write(struct json *json, const char *key, const struct rs_event *event)
{
	json_open_object(json, key);
	if (event->size >= sizeof(*event)) {
		const struct catalogue_event *row = catalogue_find(event->type);
		write_head(json, event, row);
		if (row)
			write_body(json, event, row);
		if (row && row->ocsf_class) {
			json_open_object(json, "ocsf");
			json_u64(json, "class_uid", row->ocsf_class);
			json_u64(json, "activity_id", row->ocsf_activity);
			json_close_object(json);
		}
	}
	json_close_object(json);
}

ssize_t event_json(const struct rs_event *event, char *buffer, size_t size)
{
	struct json json;
	json_init(&json, buffer, size);
	event_json_write(&json, NULL, event);
	return json_finish(&json);
}

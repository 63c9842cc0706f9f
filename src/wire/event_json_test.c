/* SPDX-License-Identifier: Apache-2.0 */
#define json_bool json_c_bool /* both libraries have one */
#include <json-c/json.h>
#undef json_bool

#include "base/macro.h"
#include "wire/event_build.h"
#include "wire/event_json.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include <cmocka.h>

static _Alignas(8) char buffer[RS_EVENT_SIZE_MAX];
static char text[EVENT_JSON_SIZE_MAX];

static void json_freep(json_object **object)
{
	json_object_put(*object);
}

/* Writes the event and reads it back with another's parser. */
static json_object *parse(const struct rs_event *event)
{
	ssize_t size = event_json(event, text, sizeof(text));
	assert_true(size > 0);
	assert_int_equal(strlen(text), size);
	enum json_tokener_error error;
	json_object *object = json_tokener_parse_verbose(text, &error);
	if (!object)
		fail_msg("%s: %s", json_tokener_error_desc(error), text);
	return object;
}

/* `path` as in "process.exe.path". */
static json_object *get(json_object *object, const char *path)
{
	char name[64];
	while (*path) {
		size_t n = strcspn(path, ".");
		snprintf(name, sizeof(name), "%.*s", (int)n, path);
		if (!json_object_object_get_ex(object, name, &object))
			return NULL;
		path += n + (path[n] == '.');
	}
	return object;
}

static uint64_t number(json_object *object, const char *path)
{
	json_object *value = get(object, path);
	if (!value || !json_object_is_type(value, json_type_int))
		fail_msg("no number %s in %s", path, text);
	return json_object_get_uint64(value);
}

static const char *string(json_object *object, const char *path)
{
	json_object *value = get(object, path);
	if (!value || !json_object_is_type(value, json_type_string))
		fail_msg("no string %s in %s", path, text);
	return json_object_get_string(value);
}

static struct event_build begin(uint16_t type)
{
	struct event_build build;
	event_build_begin(&build, buffer, sizeof(buffer), type);
	return build;
}

static void test_exec(void **state)
{
	struct event_build build = begin(RS_EVENT_EXEC);
	struct rs_event *event = build.event;
	struct rs_event_exec *body = (struct rs_event_exec *)(void *)(event + 1);
	event->id = UINT64_MAX;
	event->seq = 12;
	event->type_seq = 3;
	event->monotonic_ns = 42;
	event->wall_ns = UINT64_C(1795258800123456789);
	event->flags |= RS_EVENT_CUT | RS_EVENT_REPLAYED;
	event->process = (struct rs_process){.id = 7,
					     .pid = 8,
					     .uid = 1000,
					     .login_uid = UINT32_MAX,
					     .login_session = 5,
					     .flags = RS_PROCESS_PARTIAL,
					     .exe = {1, 2},
					     .comm = "ls"};
	body->file.mode = 0100755;
	body->file.size_bytes = UINT64_C(1) << 40;
	body->file.flags = RS_FILE_MEMFD | RS_FILE_DELETED;
	body->args_count = 3;
	event_build_path(&build, &body->file, "/bin/ls", 7);
	event_build_str(&build, &event->process.exe_path, "/bin/sh", 7, 4096);
	event_build_str(&build, &body->args, "ls\0\0-l", 6, 4096);
	event_build_end(&build);

	_cleanup_(json_freep) json_object *object = parse(event);
	assert_string_equal(string(object, "event"), "exec");
	assert_int_equal(number(object, "number"), 102);
	assert_true(number(object, "id") == UINT64_MAX);
	assert_int_equal(number(object, "seq"), 12);
	assert_int_equal(number(object, "type_seq"), 3);
	assert_string_equal(string(object, "time"), "2026-11-21T11:00:00.123456789Z");
	assert_int_equal(number(object, "monotonic_ns"), 42);
	assert_false(json_object_get_boolean(get(object, "auth")));
	assert_true(json_object_get_boolean(get(object, "cut")));
	assert_true(json_object_get_boolean(get(object, "replayed")));
	assert_null(get(object, "shadow"));
	assert_null(get(object, "deadline_ns"));
	assert_int_equal(number(object, "process.pid"), 8);
	assert_string_equal(string(object, "process.exe.path"), "/bin/sh");
	assert_int_equal(number(object, "process.exe.ino"), 2);
	assert_string_equal(string(object, "process.comm"), "ls");
	assert_true(json_object_object_get_ex(get(object, "process"), "login_uid", NULL));
	assert_null(get(object, "process.login_uid"));
	assert_int_equal(number(object, "process.login_session"), 5);
	assert_true(json_object_get_boolean(get(object, "process.partial")));
	assert_string_equal(string(object, "process.container_id"), "");
	assert_string_equal(string(object, "file.path"), "/bin/ls");
	assert_string_equal(string(object, "file.mode"), "100755");
	assert_true(number(object, "file.size_bytes") == UINT64_C(1) << 40);
	assert_true(json_object_get_boolean(get(object, "file.memfd")));
	assert_true(json_object_get_boolean(get(object, "file.deleted")));
	assert_null(get(object, "file.path_cut"));
	json_object *args = get(object, "args");
	assert_int_equal(json_object_array_length(args), 3);
	assert_string_equal(json_object_get_string(json_object_array_get_idx(args, 0)), "ls");
	assert_string_equal(json_object_get_string(json_object_array_get_idx(args, 1)), "");
	assert_string_equal(json_object_get_string(json_object_array_get_idx(args, 2)), "-l");
	assert_null(get(object, "reserved"));
	assert_int_equal(number(object, "ocsf.class_uid"), 1007);
	assert_int_equal(number(object, "ocsf.activity_id"), 1);
}

/* A path of 4,096 bytes: newlines, quotes, controls, every byte that is not UTF-8. */
static void test_worst_path(void **state)
{
	char path[RS_PATH_SIZE_MAX];
	for (size_t i = 0; i < sizeof(path); i++)
		path[i] = (char)(i == 0 ? '/' : i % 5 == 0 ? '\n' : i % 7 == 0 ? '"' : i % 256 ? i % 256 : 'x');
	struct event_build build = begin(RS_EVENT_AUTH_OPEN);
	struct rs_event_auth_open *body = (struct rs_event_auth_open *)(void *)(build.event + 1);
	build.event->deadline_ns = 99;
	assert_true(event_build_path(&build, &body->file, path, sizeof(path)));
	event_build_end(&build);

	_cleanup_(json_freep) json_object *object = parse(build.event);
	assert_true(json_object_get_boolean(get(object, "auth")));
	assert_int_equal(number(object, "deadline_ns"), 99);
	assert_null(memchr(text, '\n', strlen(text))); /* one line */
	json_object *value = get(object, "file.path");
	assert_true(json_object_get_string_len(value) >= (int)sizeof(path));
	assert_non_null(strstr(json_object_get_string(value), "\n"));
	assert_non_null(strstr(text, "\\udcff"));

	/* too small a buffer, of any size, is told and not overrun */
	size_t size = strlen(text);
	for (size_t room = 0; room <= size; room += room < 64 ? 1 : 97) {
		text[room] = '#';
		assert_int_equal(event_json(build.event, text, room), -ENOBUFS);
		assert_int_equal(text[room], '#');
	}
	assert_int_equal(event_json(build.event, text, size + 1), size);
}

static void test_addresses(void **state)
{
	static const struct {
		struct rs_addr addr;
		const char *family, *address;
	} rows[] = {
		{{.family = AF_INET, .port = 443, .bytes = {192, 0, 2, 1}}, "inet", "192.0.2.1"},
		{{.family = AF_INET6, .port = 53, .bytes = {0x20, 1, 0xd, 0xb8, [15] = 1}}, "inet6", "2001:db8::1"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct event_build build = begin(RS_EVENT_CONNECT);
		((struct rs_event_connect *)(void *)(build.event + 1))->remote = rows[i].addr;
		event_build_end(&build);
		_cleanup_(json_freep) json_object *object = parse(build.event);
		assert_string_equal(string(object, "remote.family"), rows[i].family);
		assert_string_equal(string(object, "remote.address"), rows[i].address);
		assert_int_equal(number(object, "remote.port"), rows[i].addr.port);
	}
	struct event_build build = begin(RS_EVENT_BIND);
	struct rs_event_bind *body = (struct rs_event_bind *)(void *)(build.event + 1);
	body->local.family = AF_UNIX;
	event_build_str(&build, &body->local.path, "\0abstract", 9, 108);
	event_build_end(&build);
	_cleanup_(json_freep) json_object *object = parse(build.event);
	assert_string_equal(string(object, "local.family"), "unix");
	assert_int_equal(json_object_get_string_len(get(object, "local.path")), 9);

	build = begin(RS_EVENT_BIND);
	((struct rs_event_bind *)(void *)(build.event + 1))->local.family = 16;
	event_build_end(&build);
	_cleanup_(json_freep) json_object *other = parse(build.event);
	assert_int_equal(number(other, "local.family"), 16);
}

/* Every type is an object that holds every field of its row, and says each name once. */
static void test_every_type(void **state)
{
	for (size_t i = 0; i < catalogue_n_events; i++) {
		const struct catalogue_event *row = &catalogue_events[i];
		struct event_build build = begin(row->number);
		event_build_end(&build);
		_cleanup_(json_freep) json_object *object = parse(build.event);
		assert_string_equal(string(object, "event"), row->name);
		for (uint32_t j = 0; j < row->n_fields; j++) {
			const char *name = row->fields[j].name;
			assert_int_equal(json_object_object_get_ex(object, name, NULL), strcmp(name, "reserved") != 0);
		}
		size_t commas = 0, keys = (size_t)json_object_object_length(object);
		int depth = 0;
		bool quoted = false;
		for (const char *p = text; *p; p++) {
			quoted ^= *p == '"' && p[-1] != '\\';
			depth += quoted ? 0 : (*p == '{' || *p == '[') - (*p == '}' || *p == ']');
			commas += !quoted && depth == 1 && *p == ',';
		}
		if (commas + 1 != keys)
			fail_msg("%s: a name twice: %s", row->name, text);
	}
}

static void test_other_contracts(void **state)
{
	/* a type of a later contract: the head alone */
	struct event_build build = begin(RS_EVENT_EXIT);
	event_build_end(&build);
	build.event->type = RS_EVENT_TYPE_LIMIT - 1;
	_cleanup_(json_freep) json_object *unknown = parse(build.event);
	assert_null(get(unknown, "event"));
	assert_int_equal(number(unknown, "number"), RS_EVENT_TYPE_LIMIT - 1);
	assert_null(get(unknown, "ocsf"));

	/* an older writer: the fields it had */
	build = begin(RS_EVENT_EXIT);
	event_build_end(&build);
	build.event->body_size = sizeof(uint32_t);
	_cleanup_(json_freep) json_object *older = parse(build.event);
	assert_int_equal(number(older, "code"), 0);
	assert_null(get(older, "signal"));

	/* a body that lies outside, and an event shorter than its head */
	build.event->body_size = UINT32_MAX;
	_cleanup_(json_freep) json_object *outside = parse(build.event);
	assert_null(get(outside, "code"));
	build.event->size = sizeof(struct rs_event) - 1;
	_cleanup_(json_freep) json_object *empty = parse(build.event);
	assert_int_equal(json_object_object_length(empty), 0);
}

static void test_time(void **state)
{
	char ours[EVENT_JSON_TIME_SIZE], theirs[EVENT_JSON_TIME_SIZE];
	event_json_time(0, ours);
	assert_string_equal(ours, "1970-01-01T00:00:00.000000000Z");
	for (uint64_t day = 0; day < 200 * 366; day++) { /* every day until after 2150, at another second each */
		time_t seconds = (time_t)(day * 86400 + day * 7919 % 86400);
		struct tm tm;
		gmtime_r(&seconds, &tm);
		strftime(theirs, sizeof(theirs), "%Y-%m-%dT%H:%M:%S.000000001Z", &tm);
		event_json_time((uint64_t)seconds * UINT64_C(1000000000) + 1, ours);
		assert_string_equal(ours, theirs);
	}
	event_json_time(UINT64_MAX, ours);
	assert_string_equal(ours, "2554-07-21T23:34:33.709551615Z");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_exec),
		cmocka_unit_test(test_worst_path),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_every_type),
		cmocka_unit_test(test_other_contracts),
		cmocka_unit_test(test_time),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

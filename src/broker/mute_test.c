/* SPDX-License-Identifier: Apache-2.0 */
/* Mutes against a plain list, at random; and their bounds. The readable cases are in tests/scenarios/mutes.scn. */
#include "broker/mute.h"
#include "wire/event_build.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const char *const paths[] = {"/a", "/a/", "/a/b", "/a/bc", "/a/b/c", "/b", "/abc", "/a/b/c/d/e/f", "/"};
static const uint16_t types[] = {RS_EVENT_AUTH_OPEN, RS_EVENT_EXEC, RS_EVENT_FORK};
#define N_PATHS (sizeof(paths) / sizeof(paths[0]))
#define PLAIN_MAX 256

struct plain {
	uint32_t kind;
	uint64_t number;
	const char *path;
	bool types[3];
	bool used;
};

static struct plain plain[PLAIN_MAX];
static bool inverted[8];
static uint64_t random_state = 7;

static uint32_t draw(uint32_t below)
{
	random_state = random_state * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (uint32_t)(random_state >> 33) % below;
}

static bool is_path_kind(uint32_t kind)
{
	return kind >= SESSION_MUTE_EXE && kind <= SESSION_MUTE_TARGET_PREFIX;
}

static struct plain *plain_find(uint32_t kind, uint64_t number, const char *path)
{
	struct plain *empty = NULL;
	for (size_t i = 0; i < PLAIN_MAX; i++) {
		if (!plain[i].used)
			empty = empty ? empty : &plain[i];
		else if (plain[i].kind == kind && plain[i].number == number && strcmp(plain[i].path, path) == 0)
			return &plain[i];
	}
	*empty = (struct plain){.kind = kind, .number = number, .path = path};
	return empty;
}

static bool plain_group(uint32_t literal, uint32_t prefix, uint64_t number, const char *path, size_t type)
{
	for (size_t i = 0; i < PLAIN_MAX; i++) {
		const struct plain *entry = &plain[i];
		if (!entry->used || !entry->types[type])
			continue;
		if (entry->kind == literal && entry->number == number && strcmp(entry->path, path) == 0)
			return true;
		if (prefix && entry->kind == prefix && strncmp(entry->path, path, strlen(entry->path)) == 0)
			return true;
	}
	return false;
}

static bool plain_match(size_t type, const char *exe, const char *target, uint64_t process, uint32_t uid,
			uint64_t cgroup)
{
	if (plain_group(SESSION_MUTE_PROCESS, 0, process, "", type) != inverted[SESSION_MUTE_PROCESS] ||
	    plain_group(SESSION_MUTE_UID, 0, uid, "", type) != inverted[SESSION_MUTE_UID] ||
	    plain_group(SESSION_MUTE_CGROUP, 0, cgroup, "", type) != inverted[SESSION_MUTE_CGROUP] ||
	    plain_group(SESSION_MUTE_EXE, SESSION_MUTE_EXE_PREFIX, 0, exe, type) != inverted[SESSION_MUTE_EXE])
		return true;
	if (types[type] == RS_EVENT_FORK)
		return false;
	return plain_group(SESSION_MUTE_TARGET, SESSION_MUTE_TARGET_PREFIX, 0, target, type) !=
	       inverted[SESSION_MUTE_TARGET];
}

static struct session_mute message_new(uint32_t op, uint32_t kind, uint64_t number, const char *path, unsigned mask)
{
	struct session_mute message = {.head = {.size = sizeof(message), .type = SESSION_MUTE}, .op = op, .kind = kind};
	message.number = number;
	message.size = (uint32_t)strlen(path);
	memcpy(message.bytes, path, message.size);
	for (size_t i = 0; i < 3; i++)
		if (mask >> i & 1)
			session_set_add(&message.events, types[i]);
	assert_null(session_check(&message, sizeof(message)));
	return message;
}

static void change(struct mutes *mutes)
{
	uint32_t kind = 1 + draw(7), op = 1 + draw(20) % 4;
	bool path_kind = is_path_kind(kind);
	unsigned mask = draw(8);
	if (op == SESSION_MUTE_CLEAR && draw(4) == 0) {
		struct session_mute message = message_new(op, kind, 0, "", 0);
		assert_int_equal(mutes_change(mutes, &message), 0);
		for (size_t i = 0; i < PLAIN_MAX; i++)
			if (plain[i].kind == kind)
				plain[i].used = false;
		return;
	}
	if (op == SESSION_MUTE_INVERT) {
		bool on = draw(4) == 0;
		struct session_mute message = message_new(op, kind, on, "", 0);
		assert_int_equal(mutes_change(mutes, &message), 0);
		/* path kinds invert with their prefix kind */
		uint32_t first =
			kind == SESSION_MUTE_EXE_PREFIX || kind == SESSION_MUTE_TARGET_PREFIX ? kind - 1 : kind;
		inverted[first] = on;
		return;
	}
	op = op == SESSION_MUTE_REMOVE ? SESSION_MUTE_REMOVE : SESSION_MUTE_ADD;
	const char *path = path_kind ? paths[draw(N_PATHS)] : "";
	uint64_t number = path_kind ? 0 : draw(4);
	struct session_mute message = message_new(op, kind, number, path, mask);
	struct plain *entry = plain_find(kind, number, path);
	int r = mutes_change(mutes, &message);
	assert_int_equal(r, 0);
	if (op == SESSION_MUTE_REMOVE && !entry->used)
		return;
	bool any = false;
	for (size_t i = 0; i < 3; i++) {
		if (mask == 0 || mask >> i & 1)
			entry->types[i] = op == SESSION_MUTE_ADD;
		any |= entry->types[i];
	}
	/* a mute for all types keeps the bits of those this test does not know */
	entry->used = op == SESSION_MUTE_ADD || any || mask != 0;
	if (op == SESSION_MUTE_REMOVE && !any) {
		message = message_new(SESSION_MUTE_REMOVE, kind, number, path, 0);
		mutes_change(mutes, &message);
		entry->used = false;
	}
}

static void compare(struct mutes *mutes)
{
	uint64_t buffer[256];
	struct event_build build;
	size_t type = draw(3);
	const char *exe = paths[draw(N_PATHS)], *target = paths[draw(N_PATHS)];
	void *body = event_build_begin(&build, buffer, sizeof(buffer), types[type]);
	build.event->process.id = draw(4);
	build.event->process.uid = draw(4);
	build.event->process.cgroup_id = draw(4);
	event_build_str(&build, &build.event->process.exe_path, exe, strlen(exe), 100);
	if (types[type] != RS_EVENT_FORK) /* `file` comes first in both */
		event_build_path(&build, body, target, strlen(target));
	event_build_end(&build);
	bool expected = plain_match(type, exe, target, build.event->process.id, build.event->process.uid,
				    build.event->process.cgroup_id);
	if (mutes_match(mutes, build.event) != expected)
		fail_msg("type %u exe %s target %s should be %s", types[type], exe, target,
			 expected ? "muted" : "delivered");
}

static void test_random(void **state)
{
	struct mutes *mutes;
	assert_int_equal(mutes_new(&mutes), 0);
	for (int i = 0; i < 20000; i++) {
		change(mutes);
		for (int j = 0; j < 10; j++)
			compare(mutes);
	}
	mutes_free(mutes);
}

static void test_bounds(void **state)
{
	struct mutes *mutes;
	char path[64];
	int r = 0;
	uint32_t n = 0;
	assert_int_equal(mutes_new(&mutes), 0);
	for (uint32_t i = 0; r == 0; i++, n++) {
		snprintf(path, sizeof(path), "/a/path/of/some/length/number/%u", i);
		struct session_mute message = message_new(SESSION_MUTE_ADD, SESSION_MUTE_TARGET_PREFIX, 0, path, 0);
		r = mutes_change(mutes, &message);
	}
	assert_int_equal(r, -ENOSPC);
	assert_int_equal(n - 1, MUTE_ENTRIES_MAX);
	struct session_mute message = message_new(SESSION_MUTE_CLEAR, SESSION_MUTE_TARGET_PREFIX, 0, "", 0);
	assert_int_equal(mutes_change(mutes, &message), 0);
	char longest[RS_PATH_SIZE_MAX + 1];
	memset(longest, 'x', sizeof(longest));
	longest[0] = '/';
	longest[sizeof(longest) - 1] = '\0';
	for (n = 0, r = 0; r == 0; n++) {
		longest[1] = (char)('A' + n / 26);
		longest[2] = (char)('a' + n % 26);
		message = message_new(SESSION_MUTE_ADD, SESSION_MUTE_EXE, 0, longest, 0);
		r = mutes_change(mutes, &message);
	}
	assert_int_equal(r, -ENOSPC);
	assert_int_equal(n - 1, MUTE_BYTES_MAX / RS_PATH_SIZE_MAX);
	mutes_free(mutes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_random), cmocka_unit_test(test_bounds)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "wants.h"

#include "base/macro.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static union wants_request subscribe(uint16_t type, uint32_t flags, uint32_t deadline_ms)
{
	union wants_request r = {.subscribe = {.head = {.size = sizeof(r.subscribe), .type = SESSION_SUBSCRIBE},
					       .flags = flags,
					       .deadline_ms = deadline_ms}};
	session_set_add(&r.subscribe.events, type);
	return r;
}

static union wants_request mute(uint32_t op, uint32_t kind, const char *path, uint64_t number, uint16_t type)
{
	union wants_request r = {.mute = {.head = {.size = sizeof(r.mute), .type = SESSION_MUTE},
					  .kind = kind,
					  .op = op,
					  .number = number,
					  .size = (uint32_t)strlen(path)}};
	strcpy(r.mute.bytes, path);
	if (type)
		session_set_add(&r.mute.events, type);
	return r;
}

static void apply(struct wants *wants, union wants_request request)
{
	assert_int_equal(wants_prepare(wants, &request), 0);
	wants_apply(wants, &request);
}

/* All that would be asked of the next engine; each must be well formed. */
static size_t replay(const struct wants *wants, union wants_request *ret, size_t n)
{
	struct wants_cursor cursor = {0};
	size_t i = 0;
	while (wants_replay(wants, &cursor, &ret[i])) {
		assert_null(session_check(&ret[i], ret[i].head.size));
		assert_true(++i < n);
	}
	return i;
}

static union wants_request out[32];

static void test_subscriptions(void **state)
{
	struct wants wants;
	wants_init(&wants);
	assert_int_equal(replay(&wants, out, 32), 0);
	apply(&wants, subscribe(RS_EVENT_EXEC, 0, 0));
	apply(&wants, subscribe(RS_EVENT_EXIT, 0, 0));
	apply(&wants, subscribe(RS_EVENT_AUTH_EXEC, SESSION_SUBSCRIBE_WITH_FD, 100));
	assert_int_equal(replay(&wants, out, 32), 2); /* one for each set of options */
	assert_true(session_set_has(&out[0].subscribe.events, RS_EVENT_EXEC));
	assert_true(session_set_has(&out[0].subscribe.events, RS_EVENT_EXIT));
	assert_false(session_set_has(&out[0].subscribe.events, RS_EVENT_AUTH_EXEC));
	assert_int_equal(out[1].subscribe.deadline_ms, 100);
	assert_int_equal(out[1].subscribe.flags, SESSION_SUBSCRIBE_WITH_FD);

	apply(&wants, subscribe(RS_EVENT_AUTH_EXEC, 0, 0)); /* the last options count */
	apply(&wants, subscribe(RS_EVENT_EXIT, SESSION_SUBSCRIBE_REMOVE, 0));
	assert_int_equal(replay(&wants, out, 32), 1);
	assert_true(session_set_has(&out[0].subscribe.events, RS_EVENT_AUTH_EXEC));
	assert_false(session_set_has(&out[0].subscribe.events, RS_EVENT_EXIT));
	wants_deinit(&wants);
}

static void test_mutes(void **state)
{
	struct wants wants;
	wants_init(&wants);
	apply(&wants, mute(SESSION_MUTE_ADD, SESSION_MUTE_EXE, "/bin/a", 0, RS_EVENT_EXEC));
	apply(&wants, mute(SESSION_MUTE_ADD, SESSION_MUTE_EXE, "/bin/a", 0, RS_EVENT_EXIT));
	apply(&wants, mute(SESSION_MUTE_ADD, SESSION_MUTE_EXE, "/bin/b", 0, 0));
	apply(&wants, mute(SESSION_MUTE_ADD, SESSION_MUTE_TARGET, "/bin/a", 0, 0));
	apply(&wants, mute(SESSION_MUTE_ADD, SESSION_MUTE_UID, "", 1000, 0));
	apply(&wants, mute(SESSION_MUTE_INVERT, SESSION_MUTE_TARGET_PREFIX, "", 1, 0));
	assert_int_equal(replay(&wants, out, 32), 5);
	assert_int_equal(out[0].mute.op, SESSION_MUTE_INVERT); /* before what it is about */
	assert_int_equal(out[0].mute.kind, SESSION_MUTE_TARGET);
	assert_true(session_set_has(&out[1].mute.events, RS_EVENT_EXEC));
	assert_true(session_set_has(&out[1].mute.events, RS_EVENT_EXIT));
	assert_string_equal(out[2].mute.bytes, "/bin/b");
	assert_false(session_set_has(&out[2].mute.events, RS_EVENT_EXEC)); /* none: all */
	assert_int_equal(out[4].mute.number, 1000);

	/* a type taken from "all", then the last of the types, then what was never muted */
	apply(&wants, mute(SESSION_MUTE_REMOVE, SESSION_MUTE_EXE, "/bin/b", 0, RS_EVENT_EXEC));
	apply(&wants, mute(SESSION_MUTE_REMOVE, SESSION_MUTE_EXE, "/bin/a", 0, RS_EVENT_EXEC));
	apply(&wants, mute(SESSION_MUTE_REMOVE, SESSION_MUTE_EXE, "/bin/a", 0, RS_EVENT_EXIT));
	apply(&wants, mute(SESSION_MUTE_REMOVE, SESSION_MUTE_UID, "", 77, 0));
	assert_int_equal(replay(&wants, out, 32), 4);
	assert_string_equal(out[1].mute.bytes, "/bin/b");
	assert_false(session_set_has(&out[1].mute.events, RS_EVENT_EXEC));
	assert_true(session_set_has(&out[1].mute.events, RS_EVENT_EXIT));

	apply(&wants, mute(SESSION_MUTE_CLEAR, SESSION_MUTE_EXE, "", 0, 0));
	apply(&wants, mute(SESSION_MUTE_INVERT, SESSION_MUTE_TARGET, "", 0, 0));
	assert_int_equal(replay(&wants, out, 32), 2);
	assert_int_equal(out[0].mute.kind, SESSION_MUTE_TARGET);
	assert_int_equal(out[1].mute.kind, SESSION_MUTE_UID);
	wants_deinit(&wants);
}

/* Whatever the next engine refuses is not asked of the one after it; nothing else is skipped. */
static void test_refused(void **state)
{
	struct wants wants;
	wants_init(&wants);
	apply(&wants, mute(SESSION_MUTE_INVERT, SESSION_MUTE_UID, "", 1, 0));
	for (uint64_t i = 0; i < 4; i++)
		apply(&wants, mute(SESSION_MUTE_ADD, SESSION_MUTE_CGROUP, "", i, 0));
	apply(&wants, subscribe(RS_EVENT_EXEC, 0, 0));
	apply(&wants, subscribe(RS_EVENT_AUTH_EXEC, 0, 10));
	assert_int_equal(replay(&wants, out, 32), 7);

	struct wants_cursor cursor = {0};
	size_t n = 0;
	for (; wants_replay(&wants, &cursor, &out[0]); n++)
		if (n % 2 == 0)
			wants_refused(&wants, &cursor, &out[0]);
	assert_int_equal(n, 7);
	assert_int_equal(replay(&wants, out, 32), 3);
	assert_int_equal(out[0].mute.number, 0);
	assert_int_equal(out[1].mute.number, 2);
	assert_true(session_set_has(&out[2].subscribe.events, RS_EVENT_EXEC));
	wants_deinit(&wants);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_subscriptions),
		cmocka_unit_test(test_mutes),
		cmocka_unit_test(test_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

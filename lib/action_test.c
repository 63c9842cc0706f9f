/* SPDX-License-Identifier: Apache-2.0 */
/* What rs_agent_act_kill() sends, and what it returns, against an engine that says what the test wants. */
#include "fake_engine.h"

#include "base/macro.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define TARGET (UINT64_C(77) << 22 | 4242)

static struct fake_engine fake;
static struct rs_agent *agent;

static int setup(void **state)
{
	agent = fake_open_live(&fake);
	assert_int_equal(rs_agent_ready(agent), 0);
	assert_non_null(fake_receive(&fake, SESSION_READY));
	return 0;
}

static int teardown(void **state)
{
	rs_agent_close(agent);
	fake_deinit(&fake);
	return 0;
}

static void test_accepted(void **state)
{
	const struct rs_action_opts opts = {.size = sizeof(opts), .rule = "R1", .reason = "because"};
	fake_reply(&fake, 0);
	int number = rs_agent_act_kill(agent, TARGET, &opts);
	const struct session_action *action = fake_receive(&fake, SESSION_ACTION);
	assert_non_null(action);
	assert_true(number > 0);
	assert_int_equal(action->head.request, number);
	assert_int_equal(action->kind, SESSION_ACTION_KILL);
	assert_int_equal(action->process_id, TARGET);
	assert_string_equal(action->rule, "R1");
	assert_string_equal(action->reason, "because");
	/* the next has another number, and needs no options */
	fake_reply(&fake, 0);
	assert_int_equal(rs_agent_act_kill(agent, TARGET, NULL), number + 1);
	action = fake_receive(&fake, SESSION_ACTION);
	assert_int_equal(action->head.request, number + 1);
	assert_string_equal(action->rule, "");
}

/* The outcome comes as an event, subscribed or not. */
static void test_outcome_is_an_event(void **state)
{
	const struct rs_event *event;
	fake_reply(&fake, 0);
	assert_true(rs_agent_act_kill(agent, TARGET, NULL) > 0);
	fake_event(&fake, RS_EVENT_ACTION_DONE, 0, 0);
	assert_int_equal(rs_agent_next(agent, 1000, &event), 1);
	assert_non_null(rs_event_action_done(event));
}

static void test_refused(void **state)
{
	static const int errors[] = {-EACCES, -EBUSY, -ESRCH, -EPERM, -EAGAIN};
	for (size_t i = 0; i < ARRAY_SIZE(errors); i++) {
		fake_reply(&fake, errors[i]);
		assert_int_equal(rs_agent_act_kill(agent, TARGET, NULL), errors[i]);
		assert_non_null(fake_receive(&fake, SESSION_ACTION));
	}
}

/* Nothing is sent. */
static void test_wrong_arguments(void **state)
{
	char rule[65] = "", reason[257] = "";
	memset(rule, 'r', sizeof(rule) - 1);
	memset(reason, 'r', sizeof(reason) - 1);
	const struct rs_action_opts unsized = {0}, long_rule = {.size = sizeof(long_rule), .rule = rule},
				    long_reason = {.size = sizeof(long_reason), .reason = reason};
	const struct {
		struct rs_action_opts known;
		uint64_t unknown;
	} newer = {.known = {.size = sizeof(newer)}, .unknown = 1};
	assert_int_equal(rs_agent_act_kill(NULL, TARGET, NULL), -EINVAL);
	assert_int_equal(rs_agent_act_kill(agent, 0, NULL), -EINVAL);
	assert_int_equal(rs_agent_act_kill(agent, TARGET, &unsized), -EINVAL);
	assert_int_equal(rs_agent_act_kill(agent, TARGET, &long_rule), -E2BIG);
	assert_int_equal(rs_agent_act_kill(agent, TARGET, &long_reason), -E2BIG);
	assert_int_equal(rs_agent_act_kill(agent, TARGET, &newer.known), -E2BIG);
	assert_null(fake_receive(&fake, SESSION_ACTION));
	/* the longest that fit */
	rule[63] = reason[255] = '\0';
	fake_reply(&fake, 0);
	assert_true(rs_agent_act_kill(agent, TARGET,
				      &(struct rs_action_opts){.size = sizeof(struct rs_action_opts),
							       .rule = rule,
							       .reason = reason}) > 0);
	const struct session_action *action = fake_receive(&fake, SESSION_ACTION);
	assert_string_equal(action->rule, rule);
	assert_string_equal(action->reason, reason);
}

static void test_not_ready(void **state)
{
	struct fake_engine other;
	struct rs_agent *early = fake_open_live(&other);
	assert_int_equal(rs_agent_act_kill(early, TARGET, NULL), -EINVAL);
	assert_null(fake_receive(&other, SESSION_ACTION));
	rs_agent_close(early);
	fake_deinit(&other);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {TEST(test_accepted), TEST(test_outcome_is_an_event), TEST(test_refused),
					   TEST(test_wrong_arguments), TEST(test_not_ready)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

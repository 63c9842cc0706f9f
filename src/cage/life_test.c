/* SPDX-License-Identifier: Apache-2.0 */
/* The table over its whole product: what must hold for each state and event, whatever the row says. */
#include "cage/life.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static bool ends_process(enum life_event event)
{
	return event == LIFE_ENDED || event == LIFE_ENDED_OFTEN;
}

static void each(void (*check)(enum life_state state, enum life_event event, struct life_step step))
{
	for (enum life_state state = 0; state < LIFE_N_STATES; state++)
		for (enum life_event event = 0; event < LIFE_N_EVENTS; event++)
			check(state, event, life_next(state, event));
}

/* A process is made exactly when there is none, and only an end takes it away. */
static void check_process(enum life_state state, enum life_event event, struct life_step step)
{
	bool before = life_has_process(state) && !ends_process(event);
	bool made = step.action == LIFE_DO_SPAWN;
	assert_false(before && made);
	assert_int_equal(life_has_process(step.state), before || made);
}

/* Signals go only to a process that exists. */
static void check_signals(enum life_state state, enum life_event event, struct life_step step)
{
	if (step.action == LIFE_DO_ASK || step.action == LIFE_DO_KILL)
		assert_true(life_has_process(state) && !ends_process(event));
}

/* Wishes are obeyed: after a stop nothing starts by itself, after a start or restart it will run. */
static void check_wishes(enum life_state state, enum life_event event, struct life_step step)
{
	if (event == LIFE_STOP)
		assert_true(step.state == LIFE_OFF || step.state == LIFE_STOPPING);
	if (event == LIFE_START)
		assert_true(step.state == LIFE_STARTING || step.state == LIFE_LIVE || step.state == LIFE_RESTARTING);
	if (event == LIFE_RESTART)
		assert_true(step.state == LIFE_STARTING || step.state == LIFE_RESTARTING);
	if (state == LIFE_OFF && event != LIFE_START && event != LIFE_RESTART)
		assert_int_equal(step.state, LIFE_OFF);
	if (state == LIFE_STOPPING && ends_process(event))
		assert_int_equal(step.state, LIFE_OFF);
	if (state == LIFE_RESTARTING && ends_process(event))
		assert_int_equal(step.action, LIFE_DO_SPAWN);
}

/* Ended by itself: waits, or after too many gives up and says so; nothing but a wish brings it back then. */
static void check_crashes(enum life_state state, enum life_event event, struct life_step step)
{
	bool running = state == LIFE_STARTING || state == LIFE_LIVE;
	if (running && event == LIFE_ENDED)
		assert_true(step.state == LIFE_BACKOFF && step.action == LIFE_DO_WAIT);
	if (running && event == LIFE_ENDED_OFTEN)
		assert_true(step.state == LIFE_FAILED && step.action == LIFE_DO_GIVE_UP);
	if (state == LIFE_FAILED && event > LIFE_RESTART)
		assert_int_equal(step.state, LIFE_FAILED);
	if (running && event == LIFE_LOST)
		assert_int_equal(step.action, LIFE_DO_KILL);
	assert_int_equal(step.action == LIFE_DO_GIVE_UP, running && event == LIFE_ENDED_OFTEN);
}

/* Whoever was asked to end and does not is killed; a stop always comes to its end. */
static void check_time(enum life_state state, enum life_event event, struct life_step step)
{
	if (event != LIFE_TIMER)
		return;
	if (state == LIFE_STOPPING || state == LIFE_RESTARTING)
		assert_int_equal(step.action, LIFE_DO_KILL);
	else if (state == LIFE_BACKOFF)
		assert_int_equal(step.action, LIFE_DO_SPAWN);
	else
		assert_true(step.action == LIFE_DO_NOTHING && step.state == state);
}

static void test_product(void **state)
{
	each(check_process);
	each(check_signals);
	each(check_wishes);
	each(check_crashes);
	each(check_time);
}

#define SECOND UINT64_C(1000000000)

static void test_crashes(void **state)
{
	struct life_crashes crashes = {0};
	uint64_t now_ns = 1000 * SECOND;
	assert_int_equal(life_backoff_ns(&crashes, now_ns), 0);
	assert_false(life_crashed(&crashes, now_ns));
	assert_int_equal(life_backoff_ns(&crashes, now_ns), SECOND / 10);
	assert_false(life_crashed(&crashes, now_ns + SECOND));
	assert_int_equal(life_backoff_ns(&crashes, now_ns + SECOND), SECOND / 5);
	assert_true(life_crashed(&crashes, now_ns + 599 * SECOND));
}

static void test_crashes_age(void **state)
{
	struct life_crashes crashes = {0};
	/* one each five minutes for ever is not too often: never three within ten minutes */
	for (unsigned i = 0; i < 20; i++)
		assert_false(life_crashed(&crashes, (1000 + i * 300) * SECOND));
	/* in the window's last moment it is */
	assert_true(life_crashed(&crashes, (1000 + 19 * 300 + 299) * SECOND));
}

static void test_names(void **state)
{
	for (enum life_state a = 0; a < LIFE_N_STATES; a++)
		for (enum life_state b = 0; b < a; b++)
			assert_string_not_equal(life_name(a), life_name(b));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_product),
		cmocka_unit_test(test_crashes),
		cmocka_unit_test(test_crashes_age),
		cmocka_unit_test(test_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The table over its whole product: what must hold for each state and event, whatever the row says; and each cell. */
#include "cage/life.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
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

/* A process is made exactly when there is none, and only an end takes it away; a newcomer may take its place. */
static void check_process(enum life_state state, enum life_event event, struct life_step step)
{
	bool before = life_has_process(state) && !ends_process(event);
	bool made = step.action == LIFE_DO_SPAWN || step.action == LIFE_DO_PROMOTE;
	assert_false(before && made);
	assert_int_equal(life_has_process(step.state), before || made);
}

/* A newcomer is made beside a process only; what there was of it is switched to, promoted or taken away, and then the
 * state knows of none. */
static void check_newcomer(enum life_state state, enum life_event event, struct life_step step)
{
	bool before = life_has_newcomer(state);
	bool takes = step.action == LIFE_DO_SWITCH || step.action == LIFE_DO_PROMOTE ||
		     step.action == LIFE_DO_ABANDON || step.action == LIFE_DO_ASK;
	bool made = step.action == LIFE_DO_BESIDE;
	if (made)
		assert_true(life_has_process(state) && !ends_process(event));
	if (step.action == LIFE_DO_SWITCH || step.action == LIFE_DO_PROMOTE || step.action == LIFE_DO_ABANDON)
		assert_true(before);
	assert_int_equal(life_has_newcomer(step.state), (before && !takes) || made);
	if (!before && (event == LIFE_NEW_LIVE || event == LIFE_NEW_GONE))
		assert_true(step.state == state && step.action == LIFE_DO_NOTHING);
}

/* There is no gap: who guards goes on until the newcomer is live, and when that one fails. */
static void check_no_gap(enum life_state state, enum life_event event, struct life_step step)
{
	if (step.action == LIFE_DO_SWITCH)
		assert_int_equal(event, LIFE_NEW_LIVE);
	if (state == LIFE_LIVE && event == LIFE_UPGRADE)
		assert_true(step.state == LIFE_UPGRADING && step.action == LIFE_DO_BESIDE);
	if (state != LIFE_UPGRADING)
		return;
	if (event == LIFE_NEW_LIVE)
		assert_true(step.state == LIFE_LIVE && step.action == LIFE_DO_SWITCH);
	if (event == LIFE_NEW_GONE || event == LIFE_TIMER)
		assert_true(step.state == LIFE_LIVE && step.action == LIFE_DO_ABANDON);
	if (ends_process(event))
		assert_int_equal(step.action, LIFE_DO_PROMOTE);
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
		assert_true(step.state == LIFE_STARTING || step.state == LIFE_LIVE || step.state == LIFE_RESTARTING ||
			    step.state == LIFE_UPGRADING);
	if (event == LIFE_RESTART)
		assert_true(step.state == LIFE_STARTING || step.state == LIFE_RESTARTING);
	/* a change of what would run starts nothing that somebody wants down */
	if (event == LIFE_UPGRADE && (state == LIFE_OFF || state == LIFE_STOPPING))
		assert_int_equal(step.state, state);
	else if (event == LIFE_UPGRADE)
		assert_true(step.state == LIFE_STARTING || step.state == LIFE_RESTARTING ||
			    step.state == LIFE_UPGRADING);
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
	if (state == LIFE_FAILED && event > LIFE_UPGRADE)
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
	else if (state == LIFE_UPGRADING)
		assert_int_equal(step.action, LIFE_DO_ABANDON);
	else if (state == LIFE_BACKOFF)
		assert_int_equal(step.action, LIFE_DO_SPAWN);
	else
		assert_true(step.action == LIFE_DO_NOTHING && step.state == state);
}

static void test_product(void **state)
{
	each(check_process);
	each(check_newcomer);
	each(check_no_gap);
	each(check_signals);
	each(check_wishes);
	each(check_crashes);
	each(check_time);
}

/* The whole table once more, so that no cell changes by itself: a row an event, a column a state. "-": stays and does
 * nothing. Else the next state, and after a slash what is done. */
static const char *const columns[LIFE_N_STATES] = {"off", "up", "live", "stop", "anew", "back", "fail", "upgr"};
static const char *const actions[LIFE_N_ACTIONS] = {
	[LIFE_DO_NOTHING] = "",        [LIFE_DO_SPAWN] = "/spawn",   [LIFE_DO_ASK] = "/ask",
	[LIFE_DO_KILL] = "/kill",      [LIFE_DO_WAIT] = "/wait",     [LIFE_DO_GIVE_UP] = "/give-up",
	[LIFE_DO_BESIDE] = "/beside",  [LIFE_DO_SWITCH] = "/switch", [LIFE_DO_ABANDON] = "/abandon",
	[LIFE_DO_PROMOTE] = "/promote"};
/* clang-format off */
static const char *const pinned[LIFE_N_EVENTS] = {
	/*                    off      up           live         stop      anew      back     fail     upgr */
	[LIFE_START] =       "up/spawn -            -            anew      -         up/spawn up/spawn -",
	[LIFE_STOP] =        "-        stop/ask     stop/ask     -         stop      off      off      stop/ask",
	[LIFE_RESTART] =     "up/spawn anew/ask     anew/ask     anew      -         up/spawn up/spawn anew/ask",
	[LIFE_UPGRADE] =     "-        anew/ask     upgr/beside  -         -         up/spawn up/spawn upgr/beside",
	[LIFE_CALLED_LIVE] = "-        live         -            -         -         -        -        -",
	[LIFE_LOST] =        "-        up/kill      up/kill      -         -         -        -        upgr/kill",
	[LIFE_ENDED] =       "-        back/wait    back/wait    off       up/spawn  -        -        up/promote",
	[LIFE_ENDED_OFTEN] = "-        fail/give-up fail/give-up off       up/spawn  -        -        up/promote",
	[LIFE_TIMER] =       "-        -            -            stop/kill anew/kill up/spawn -        live/abandon",
	[LIFE_NEW_LIVE] =    "-        -            -            -         -         -        -        live/switch",
	[LIFE_NEW_GONE] =    "-        -            -            -         -         -        -        live/abandon",
};
/* clang-format on */

static const char *cell(enum life_state state, struct life_step step)
{
	static char text[32];
	if (step.state == state && step.action == LIFE_DO_NOTHING)
		return "-";
	assert_in_range(step.state, 0, LIFE_N_STATES - 1);
	assert_in_range(step.action, 0, LIFE_N_ACTIONS - 1);
	snprintf(text, sizeof(text), "%s%s", columns[step.state], actions[step.action]);
	return text;
}

static void test_each_cell(void **state_)
{
	for (enum life_event event = 0; event < LIFE_N_EVENTS; event++) {
		char row[160];
		char *rest = row, *wanted;
		enum life_state state = 0;
		assert_true(strlen(pinned[event]) < sizeof(row));
		strcpy(row, pinned[event]);
		for (; (wanted = strtok_r(rest, " ", &rest)); state++) {
			const char *found = cell(state, life_next(state, event));
			if (strcmp(found, wanted) != 0)
				fail_msg("%s, event %d: %s, not %s", columns[state], (int)event, found, wanted);
		}
		assert_int_equal(state, LIFE_N_STATES);
	}
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
		cmocka_unit_test(test_product),     cmocka_unit_test(test_each_cell), cmocka_unit_test(test_crashes),
		cmocka_unit_test(test_crashes_age), cmocka_unit_test(test_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

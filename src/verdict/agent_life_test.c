/* SPDX-License-Identifier: Apache-2.0 */
/* Properties over the whole product of states and events, and each cell of it. */
#include "verdict/agent_life.h"

#include "base/macro.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define FOR_ALL(state, event) \
	for (int state = 0; state < LIFE_N_STATES; state++) \
		for (int event = 0; event < LIFE_N_EVENTS; event++)

static bool has(struct life_step step, enum life_action action)
{
	return step.actions & action;
}

/* Owes answers: is asked, or still answers what it was asked. */
static bool owes(int state)
{
	return life_votes(state) || state == LIFE_RETIRING;
}

static void test_gone_is_the_end(void **state_)
{
	for (int event = 0; event < LIFE_N_EVENTS; event++) {
		assert_int_equal(life_next(LIFE_GONE, event).next, LIFE_GONE);
		assert_int_equal(life_next(LIFE_GONE, event).actions, 0);
	}
}

static void test_product(void **state_)
{
	FOR_ALL(state, event)
	{
		if (state == LIFE_GONE)
			continue;
		struct life_step step = life_next(state, event);
		int next = step.next;
		assert_in_range(next, 0, LIFE_N_STATES - 1);
		/* a session is closed exactly when it becomes gone, and that is always said */
		assert_int_equal(has(step, LIFE_CLOSE), next == LIFE_GONE);
		if (next == LIFE_GONE)
			assert_true(has(step, LIFE_SAY_CRASHED) != has(step, LIFE_SAY_STOPPED));
		else
			assert_false(has(step, LIFE_SAY_CRASHED) || has(step, LIFE_SAY_STOPPED));
		/* nobody waits for one who no longer owes an answer */
		assert_int_equal(has(step, LIFE_RELEASE), owes(state) && !owes(next) && event != LIFE_DRAINED);
		/* a new voter must see what was cached before it came */
		assert_int_equal(has(step, LIFE_FLUSH), !life_votes(state) && life_votes(next));
		/* what is said is what happened */
		assert_int_equal(has(step, LIFE_SAY_STARTED),
				 state == LIFE_CONNECTING && next != state && next != LIFE_GONE);
		assert_int_equal(has(step, LIFE_SUPERSEDE), has(step, LIFE_SAY_STARTED));
		assert_int_equal(has(step, LIFE_SAY_BENCHED), life_votes(state) && next == LIFE_BENCHED);
		assert_int_equal(has(step, LIFE_SAY_UNBENCHED), state == LIFE_BENCHED && life_votes(next));
		/* no way back */
		assert_false(next == LIFE_CONNECTING && state != LIFE_CONNECTING);
		assert_false(state == LIFE_RETIRING && next != LIFE_RETIRING && next != LIFE_GONE);
		/* staying does nothing */
		if (next == state)
			assert_int_equal(step.actions, 0);
	}
}

static void test_ends(void **state_)
{
	for (int state = 0; state < LIFE_GONE; state++) {
		assert_int_equal(life_next(state, LIFE_BYE).next, LIFE_GONE);
		assert_int_equal(life_next(state, LIFE_CRASH).next, LIFE_GONE);
		assert_int_equal(life_next(state, LIFE_ERROR).next, LIFE_GONE);
		assert_true(has(life_next(state, LIFE_ERROR), LIFE_STRIKE));
		assert_false(has(life_next(state, LIFE_BYE), LIFE_STRIKE));
		assert_false(has(life_next(state, LIFE_CRASH), LIFE_STRIKE));
	}
}

/* READY twice breaks the protocol. */
static void test_ready_twice(void **state_)
{
	for (int state = LIFE_LIVE; state < LIFE_GONE; state++)
		for (int event = LIFE_READY; event <= LIFE_READY_BENCHED; event++)
			assert_true(has(life_next(state, event), LIFE_STRIKE));
}

/* The whole table once more, so that no cell changes by itself: a row an event, a column a state. "-": stays and does
 * nothing. Else the next state, and after a slash what is done, in the order of enum life_action. */
static const char *const columns[LIFE_N_STATES] = {"conn", "live", "shadow", "benched", "retire", "gone"};
static const struct {
	enum life_action action;
	char letter;
} letters[] = {
	{LIFE_FLUSH, 'f'},       {LIFE_RELEASE, 'r'},     {LIFE_CLOSE, 'c'},         {LIFE_STRIKE, 'X'},
	{LIFE_SAY_STARTED, '+'}, {LIFE_SAY_BENCHED, 'b'}, {LIFE_SAY_UNBENCHED, 'u'}, {LIFE_SAY_CRASHED, '!'},
	{LIFE_SAY_STOPPED, '.'}, {LIFE_SUPERSEDE, 's'},
};
/* clang-format off */
static const char *const pinned[LIFE_N_EVENTS] = {
	/*                       conn         live        shadow      benched     retire     gone */
	[LIFE_READY] =          "live/f+s     gone/rcX!   gone/rcX!   gone/cX!    gone/rcX!  -",
	[LIFE_READY_SHADOW] =   "shadow/f+s   gone/rcX!   gone/rcX!   gone/cX!    gone/rcX!  -",
	[LIFE_READY_BENCHED] =  "benched/+s   gone/rcX!   gone/rcX!   gone/cX!    gone/rcX!  -",
	[LIFE_BENCH] =          "-            benched/rb  benched/rb  -           gone/rc.   -",
	[LIFE_UNBENCH] =        "-            -           -           live/fu     -          -",
	[LIFE_UNBENCH_SHADOW] = "-            -           -           shadow/fu   -          -",
	[LIFE_SUPERSEDED] =     "gone/c.      retire      retire      retire      -          -",
	[LIFE_DRAINED] =        "-            -           -           -           gone/c.    -",
	[LIFE_BYE] =            "gone/c.      gone/rc.    gone/rc.    gone/c.     gone/rc.   -",
	[LIFE_CRASH] =          "gone/c!      gone/rc!    gone/rc!    gone/c!     gone/rc!   -",
	[LIFE_ERROR] =          "gone/cX!     gone/rcX!   gone/rcX!   gone/cX!    gone/rcX!  -",
};
/* clang-format on */

static const char *cell(enum life_state state, struct life_step step)
{
	static char text[32];
	if (step.next == state && step.actions == 0)
		return "-";
	assert_in_range(step.next, 0, LIFE_N_STATES - 1);
	int size = snprintf(text, sizeof(text), "%s%s", columns[step.next], step.actions ? "/" : "");
	for (size_t i = 0; i < ARRAY_SIZE(letters); step.actions &= (uint16_t)~letters[i++].action)
		if (step.actions & letters[i].action)
			text[size++] = letters[i].letter;
	text[size] = '\0';
	assert_int_equal(step.actions, 0); /* one without a letter */
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

static void test_names(void **state_)
{
	assert_string_equal(life_name(LIFE_LIVE), "live");
	assert_string_equal(life_name(LIFE_GONE), "gone");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_cell),   cmocka_unit_test(test_gone_is_the_end),
		cmocka_unit_test(test_product),     cmocka_unit_test(test_ends),
		cmocka_unit_test(test_ready_twice), cmocka_unit_test(test_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

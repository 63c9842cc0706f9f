/* SPDX-License-Identifier: Apache-2.0 */
#include "common/tally.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct tally tally;

static void reads(uint64_t seq, uint16_t flags)
{
	struct rs_event event = {.size = sizeof(event), .type = RS_EVENT_EXIT, .flags = flags, .seq = seq};
	tally_event(&tally, &event);
}

static void reads_lost(uint64_t seq, uint64_t count, uint32_t where)
{
	struct {
		struct rs_event event;
		struct rs_event_lost body;
	} lost = {.event = {.size = sizeof(lost), .type = RS_EVENT_LOST, .seq = seq},
		  .body = {.count = count, .where = where}};
	lost.event.body_offset = sizeof(lost.event);
	lost.event.body_size = sizeof(lost.body);
	tally_event(&tally, &lost.event);
}

static int fresh(void **state)
{
	memset(&tally, 0, sizeof(tally));
	return 0;
}

static void test_whole(void **state)
{
	for (uint64_t seq = 1; seq <= 5; seq++)
		reads(seq, seq == 3 ? RS_EVENT_IS_AUTH : 0);
	assert_int_equal(tally.events, 5);
	assert_int_equal(tally.questions, 1);
	assert_int_equal(tally_unexplained(&tally), 0);
}

/* What the kernel lost never had a number here; the ring's and the budget's did. */
static void test_losses(void **state)
{
	reads(1, 0);
	reads_lost(5, 3, 3);
	assert_int_equal(tally_unexplained(&tally), 0);
	reads_lost(8, 2, 4);
	assert_int_equal(tally_unexplained(&tally), 0);
	reads_lost(9, 100, 1);
	reads_lost(10, 100, 2);
	assert_int_equal(tally_unexplained(&tally), 0);
	assert_int_equal(tally.lost, 5);
	assert_int_equal(tally.lost_before, 200);
	reads(13, 0);
	assert_int_equal(tally_unexplained(&tally), 2);
}

static void test_told_twice(void **state)
{
	reads(1, 0);
	reads_lost(3, 1, 3);
	reads_lost(4, 1, 3);
	assert_int_equal(tally_unexplained(&tally), -1);
}

/* Numbers begin at 1 again, whatever was the last. */
static void test_sessions(void **state)
{
	reads(1, 0);
	reads(2, 0);
	reads(1, 0);
	reads(1, 0);
	reads(3, 0);
	assert_int_equal(tally.sessions, 3);
	assert_int_equal(tally_unexplained(&tally), 1);
}

static void test_answers(void **state)
{
	tally_answer(&tally, false, 0);
	tally_answer(&tally, true, 0);
	tally_answer(&tally, true, -EALREADY);
	assert_int_equal(tally.allows, 1);
	assert_int_equal(tally.denies, 1);
	assert_int_equal(tally.refused, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_whole, fresh),      cmocka_unit_test_setup(test_losses, fresh),
		cmocka_unit_test_setup(test_told_twice, fresh), cmocka_unit_test_setup(test_sessions, fresh),
		cmocka_unit_test_setup(test_answers, fresh),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/fanotify_pending.h"

#include "base/macro.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct ledger ledger;

static int set_up(void **state)
{
	static struct pending pending;
	for (size_t i = 0; i < LEDGER_SLOTS; i++)
		atomic_store(&ledger.slots[i].deadline_ns, LEDGER_FREE);
	*state = &pending;
	return pending_init(&pending, &ledger);
}

static int tear_down(void **state)
{
	pending_deinit(*state);
	return 0;
}

static struct ledger_slot *slot_of(struct pending *pending, struct pending_question *question)
{
	return &ledger.slots[question - pending->slots];
}

static void test_release(void **state)
{
	struct pending *pending = *state;
	struct pending_question *question = pending_take(pending, 300, 1000, true);
	assert_non_null(question);
	assert_int_equal(atomic_load(&slot_of(pending, question)->deadline_ns), 1000);
	assert_int_equal(atomic_load(&slot_of(pending, question)->fd), 300);
	assert_int_equal(atomic_load(&slot_of(pending, question)->deny), 1);
	uint64_t handle = pending_handle(pending, question);
	assert_ptr_equal(pending_find(pending, handle), question);
	assert_int_equal(pending_release(pending, question), PENDING_RELEASED);
	assert_int_equal(atomic_load(&slot_of(pending, question)->deadline_ns), LEDGER_FREE);
	assert_null(pending_find(pending, handle));
	/* the next user of the slot has another handle */
	struct pending_question *next = pending_take(pending, 300, 2000, false);
	assert_ptr_equal(next, question);
	assert_null(pending_find(pending, handle));
}

/* What the keeper may have done to the slot when the engine answers, and what becomes of the number. */
static void test_keeper_claims(void **state)
{
	struct pending *pending = *state;
	struct pending_question *first = pending_take(pending, 300, 1000, false);
	struct pending_question *second = pending_take(pending, 301, 1000, false);

	atomic_store(&slot_of(pending, first)->deadline_ns, LEDGER_CLAIMED);
	atomic_store(&slot_of(pending, second)->deadline_ns, LEDGER_CLAIMED);
	assert_int_equal(pending_release(pending, first), PENDING_HELD);
	assert_int_equal(pending_release(pending, second), PENDING_HELD);
	assert_true(pending_is_holding(pending));
	assert_int_equal(pending->n_used, 2);
	assert_int_equal(pending_sweep(pending), -1);

	atomic_store(&slot_of(pending, first)->deadline_ns, LEDGER_ANSWERED);
	assert_int_equal(pending_sweep(pending), 300);
	assert_int_equal(pending_sweep(pending), -1);
	assert_true(pending_is_holding(pending));
	atomic_store(&slot_of(pending, second)->deadline_ns, LEDGER_ANSWERED);
	assert_int_equal(pending_sweep(pending), 301);
	assert_false(pending_is_holding(pending));
	assert_int_equal(pending->n_used, 0);
	assert_int_equal(atomic_load(&slot_of(pending, first)->deadline_ns), LEDGER_FREE);

	/* answered before the engine came to it: nothing to wait for */
	struct pending_question *late = pending_take(pending, 302, 1000, false);
	atomic_store(&slot_of(pending, late)->deadline_ns, LEDGER_ANSWERED);
	assert_int_equal(pending_release(pending, late), PENDING_RELEASED);
	assert_int_equal(atomic_load(&slot_of(pending, late)->deadline_ns), LEDGER_FREE);
}

static void test_full(void **state)
{
	struct pending *pending = *state;
	for (uint32_t i = 0; i < LEDGER_SLOTS; i++)
		assert_non_null(pending_take(pending, (int)i, 1000, false));
	assert_null(pending_take(pending, 5, 1000, false));
	assert_int_equal(pending->n_used, LEDGER_SLOTS);
	assert_int_equal(pending_release(pending, &pending->slots[77]), PENDING_RELEASED);
	assert_ptr_equal(pending_take(pending, 5, 1000, false), &pending->slots[77]);
}

static void test_forged_handles(void **state)
{
	struct pending *pending = *state;
	struct pending_question *question = pending_take(pending, 300, 1000, false);
	uint64_t handle = pending_handle(pending, question);
	const uint64_t forged[] = {
		0, UINT64_MAX, handle + 1, handle + (UINT64_C(1) << 32), LEDGER_SLOTS, handle | 0x80000000u};
	for (size_t i = 0; i < ARRAY_SIZE(forged); i++)
		assert_null(pending_find(pending, forged[i]));
	assert_ptr_equal(pending_find(pending, handle), question);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_release, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_keeper_claims, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_full, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_forged_handles, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

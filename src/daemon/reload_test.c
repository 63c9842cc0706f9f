/* SPDX-License-Identifier: Apache-2.0 */
#include "base/macro.h"
#include "daemon/reload.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct settings old, new;
static unsigned n_said;
static const char *last_said;

static void said(const char *key)
{
	n_said++;
	last_said = key;
}

static unsigned merge(void)
{
	n_said = 0;
	return reload_merge(&old, &new, said);
}

static void begin(void)
{
	memset(&old, 0, sizeof(old));
	strcpy(old.scopes[0], "/srv");
	old.n_scopes = 1;
	old.uid_base = 60800;
	new = old;
}

static void test_nothing(void **state)
{
	begin();
	assert_int_equal(merge(), 0);
	assert_int_equal(n_said, 0);
}

static void test_fixed_comes_back(void **state)
{
	begin();
	strcpy(new.scopes[0], "/");
	new.uid_base = 70000;
	assert_int_equal(merge(), 0);
	assert_int_equal(n_said, 2);
	assert_string_equal(last_said, "uid_base");
	assert_memory_equal(&old, &new, sizeof(old));
}

static void test_live(void **state)
{
	begin();
	new.deadline_exec_ms = 5;
	assert_int_equal(merge(), RELOAD_ENGINE);
	begin();
	new.n_agents = 1;
	assert_int_equal(merge(), RELOAD_ENGINE | RELOAD_AGENTS);
	begin();
	strcpy(new.agents[SETTINGS_AGENTS_MAX - 1].name, "x");
	assert_int_equal(merge(), RELOAD_ENGINE | RELOAD_AGENTS);
	begin();
	new.admin_gid = 4;
	assert_int_equal(merge(), RELOAD_CONTROL);
}

/* No byte of the struct is left out: a change anywhere behind the head is put back or acted on. */
static void test_every_byte(void **state)
{
	/* within long members a byte here and there: a look at all of them takes half a minute */
	static const struct {
		size_t offset, size;
	} members[] = {
		{offsetof(struct settings, scopes), sizeof(old.scopes)},
		{offsetof(struct settings, replay_path), sizeof(old.replay_path)},
		{offsetof(struct settings, essential), sizeof(old.essential)},
		{offsetof(struct settings, agents), sizeof(old.agents)},
	};
	begin();
	for (size_t at = offsetof(struct settings, sensor_fanotify); at < sizeof(old); at++) {
		((char *)&new)[at] ^= 1;
		unsigned changes = merge();
		if (!changes && !n_said)
			fail_msg("a change of byte %zu went unnoticed", at);
		((char *)&new)[at] = ((char *)&old)[at];
		for (size_t i = 0; i < ARRAY_SIZE(members); i++)
			if (at > members[i].offset && at + 997 < members[i].offset + members[i].size)
				at += 996;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_fixed_comes_back),
		cmocka_unit_test(test_live),
		cmocka_unit_test(test_every_byte),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

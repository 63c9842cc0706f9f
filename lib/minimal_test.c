/* SPDX-License-Identifier: Apache-2.0 */
/* The README's agent, as a process, with a fake engine: it denies what anybody may change, allows the rest, and ends
 * with the platform. */
#include "base/clock.h"
#include "base/fd.h"
#include "fake_engine.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include <cmocka.h>

static const char *program;

static pid_t start(struct fake_engine *fake)
{
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		char number[16];
		snprintf(number, sizeof(number), "%d", dup(fake->agent_end)); /* not close-on-exec */
		setenv(SESSION_FD_ENV, number, 1);
		execl(program, program, (char *)NULL);
		_exit(127);
	}
	fake->agent_end = fd_close(fake->agent_end);
	return child;
}

/* The next that it says, or a failure after some seconds. */
static const void *receive(struct fake_engine *fake, enum session_type type)
{
	struct pollfd p = {.fd = fake->session, .events = POLLIN};
	const void *message;
	do
		assert_int_equal(poll(&p, 1, 4000), 1);
	while (!(message = fake_receive(fake, type))); /* it told of an answer that was read before */
	return message;
}

static void test_minimal(void **state)
{
	struct fake_engine fake;
	int status;
	fake_init(&fake);
	fake_session(&fake);
	fake_welcome(&fake);
	fake_reply(&fake, 0);
	pid_t child = start(&fake);
	receive(&fake, SESSION_HELLO);
	assert_true(session_set_has(&((const struct session_subscribe *)receive(&fake, SESSION_SUBSCRIBE))->events,
				    RS_EVENT_AUTH_EXEC));
	receive(&fake, SESSION_READY);
	for (int i = 0; i < 4; i++) {
		fake.mode = i % 2 ? 0100777 : 0100755;
		uint64_t id = fake_event(&fake, RS_EVENT_AUTH_EXEC, 0, clock_monotonic_ns() + FAKE_DEADLINE_NS);
		const struct session_answer *answer = receive(&fake, SESSION_ANSWER);
		assert_int_equal(answer->head.request, id);
		assert_int_equal(answer->verdict, i % 2 ? SESSION_DENY : SESSION_ALLOW);
		assert_string_equal(answer->rule, i % 2 ? "world-writable" : "");
	}
	fake_deinit(&fake);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_minimal)};
	if (argc != 2)
		return 2;
	program = argv[1];
	return cmocka_run_group_tests(tests, NULL, NULL);
}

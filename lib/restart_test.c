/* SPDX-License-Identifier: Apache-2.0 */
/* The engine ends and comes back: the agent notices nothing but the event that says so. */
#include "agent.h"

#include "base/clock.h"
#include "base/fd.h"
#include "fake_engine.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct fake_engine fake;
static struct rs_agent *agent;
static int descriptors;

static int set_up(void **state)
{
	descriptors = fake_open_descriptors();
	agent = fake_open_live(&fake);
	return 0;
}

static int tear_down(void **state)
{
	rs_agent_close(agent);
	fake_deinit(&fake);
	return fake_open_descriptors() == descriptors ? 0 : -1;
}

static const struct rs_event *next(void)
{
	const struct rs_event *event = NULL;
	assert_int_equal(rs_agent_next(agent, 0, &event), 1);
	return event;
}

static void no_event(void)
{
	const struct rs_event *event;
	assert_int_equal(rs_agent_next(agent, 0, &event), 0);
}

/* What the agent wants: one subscription, one mute, one inversion, ready. */
static void make_wishes(void)
{
	enum rs_event_type type = RS_EVENT_AUTH_EXEC;
	struct rs_subscribe_opts opts = {.size = sizeof(opts), .deadline_ms = 9, .with_fd = true};
	for (int i = 0; i < 4; i++)
		fake_reply(&fake, 0);
	assert_int_equal(rs_agent_subscribe(agent, &type, 1, &opts), 0);
	assert_int_equal(rs_agent_mute_path(agent, RS_MUTE_EXE, "/bin/a", NULL, 0), 0);
	assert_int_equal(rs_agent_invert(agent, RS_MUTE_UID, true), 0);
	assert_int_equal(rs_agent_content_changed(agent, "c9"), 0);
	assert_int_equal(rs_agent_ready(agent), 0);
	fake_receive(&fake, SESSION_SUBSCRIBE);
	fake_receive(&fake, SESSION_MUTE);
	fake_receive(&fake, SESSION_MUTE);
	fake_receive(&fake, SESSION_CONTENT);
	fake_receive(&fake, SESSION_READY);
}

/* A new engine that accepts the first `n` requests of the replay. */
static void new_engine(int n_replies)
{
	fake_session(&fake);
	fake_welcome(&fake);
	for (int i = 0; i < n_replies; i++)
		fake_reply(&fake, 0);
}

static void expect_wishes(void)
{
	const struct session_hello *hello = fake_receive(&fake, SESSION_HELLO);
	assert_string_equal(hello->content_version, "c9");
	const struct session_mute *mute = fake_receive(&fake, SESSION_MUTE);
	assert_int_equal(mute->op, SESSION_MUTE_INVERT);
	assert_int_equal(mute->kind, SESSION_MUTE_UID);
	mute = fake_receive(&fake, SESSION_MUTE);
	assert_int_equal(mute->op, SESSION_MUTE_ADD);
	assert_string_equal(mute->bytes, "/bin/a");
	const struct session_subscribe *subscribe = fake_receive(&fake, SESSION_SUBSCRIBE);
	assert_true(session_set_has(&subscribe->events, RS_EVENT_AUTH_EXEC));
	assert_int_equal(subscribe->deadline_ms, 9);
	assert_int_equal(subscribe->flags, SESSION_SUBSCRIBE_WITH_FD);
	assert_non_null(fake_receive(&fake, SESSION_READY));
}

static void test_restart(void **state)
{
	make_wishes();
	for (int round = 0; round < 3; round++) {
		/* what the last engine wrote is read, a question of it is over */
		fake_event(&fake, RS_EVENT_EXEC, 0, 0);
		uint64_t question =
			fake_event(&fake, RS_EVENT_AUTH_EXEC, RS_EVENT_HAS_FD, clock_monotonic_ns() + FAKE_DEADLINE_NS);
		fake_event_fd(&fake, question, open("/dev/null", O_RDONLY | O_CLOEXEC));
		struct rs_event *copy = NULL;
		uint64_t first = fake_event(&fake, RS_EVENT_AUTH_EXEC, 0, clock_monotonic_ns() + FAKE_DEADLINE_NS);
		assert_int_equal(next()->type, RS_EVENT_EXEC);
		assert_int_equal(rs_event_copy(next(), &copy), 0);
		fake_crash(&fake);
		const struct rs_event *event = next();
		assert_int_equal(event->id, first);
		assert_int_equal(rs_respond_allow(agent, event, 0), -EALREADY);
		no_event();
		assert_int_equal(rs_respond_allow(agent, copy, 0), -EALREADY);
		assert_int_equal(rs_event_fd(agent, copy), -EALREADY);
		free(copy);

		fake.welcome.head.shadow = round & 1;
		new_engine(3);
		no_event();
		expect_wishes();
		assert_int_equal(rs_agent_is_shadow(agent), round & 1);
		fake_event(&fake, RS_EVENT_ENGINE_RESTARTED, 0, 0);
		assert_int_equal(next()->type, RS_EVENT_ENGINE_RESTARTED);
		fake_event(&fake, RS_EVENT_AUTH_EXEC, 0, clock_monotonic_ns() + FAKE_DEADLINE_NS);
		assert_int_equal(rs_respond_allow(agent, next(), 0), 0);
		assert_non_null(fake_receive(&fake, SESSION_ANSWER));
	}
}

/* The new session comes before the end of the old one was seen. */
static void test_session_replaced(void **state)
{
	make_wishes();
	fake_event(&fake, RS_EVENT_EXEC, 0, 0);
	int old = STEAL_FD(fake.session);
	new_engine(3);
	assert_int_equal(next()->type, RS_EVENT_EXEC);
	no_event();
	expect_wishes();
	close(old);
	fake_event(&fake, RS_EVENT_EXIT, 0, 0);
	assert_int_equal(next()->type, RS_EVENT_EXIT);
}

/* Engines that end at each step of the handshake. */
static void test_restart_at_each_step(void **state)
{
	make_wishes();
	for (int steps = 0; steps < 5; steps++) {
		fake_crash(&fake);
		fake_session(&fake);
		if (steps > 0)
			fake_welcome(&fake);
		for (int i = 1; i < steps; i++)
			fake_reply(&fake, 0);
		no_event();
		fake.request = agent->last_request; /* one more, perhaps, than was answered */
	}
	fake_crash(&fake);
	new_engine(3);
	no_event();
	expect_wishes();
}

/* An engine ends while a request waits for its reply: the next one gets all that was wanted, then the request. The
 * event that the agent holds stays what it is, and what else is in the old ring is not lost. */
static void test_restart_during_request(void **state)
{
	make_wishes();
	fake_event(&fake, RS_EVENT_EXEC, 0, 0);
	uint64_t unread = fake_event(&fake, RS_EVENT_EXIT, 0, 0);
	const struct rs_event *held = next();
	uint64_t id = held->id;
	fake_crash(&fake);
	fake.request++; /* the one that is never answered */
	new_engine(3);
	fake_reply(&fake, 0);

	enum rs_event_type type = RS_EVENT_EXEC;
	assert_int_equal(rs_agent_subscribe(agent, &type, 1, NULL), 0);
	assert_int_equal(held->id, id);
	assert_int_equal(held->type, RS_EVENT_EXEC);
	expect_wishes();
	const struct session_subscribe *subscribe = fake_receive(&fake, SESSION_SUBSCRIBE);
	assert_true(session_set_has(&subscribe->events, RS_EVENT_EXEC));

	fake_event(&fake, RS_EVENT_FORK, 0, 0);
	assert_int_equal(next()->id, unread);
	assert_int_equal(next()->type, RS_EVENT_FORK);
	no_event();

	/* and a third one is told all of it */
	fake_crash(&fake);
	no_event();
	new_engine(4);
	no_event();
	fake_receive(&fake, SESSION_HELLO);
	fake_receive(&fake, SESSION_MUTE);
	fake_receive(&fake, SESSION_MUTE);
	fake_receive(&fake, SESSION_SUBSCRIBE);
	assert_non_null(fake_receive(&fake, SESSION_SUBSCRIBE));
}

/* The same when the end of the old session does not show: the new session is enough. */
static void test_replaced_during_request(void **state)
{
	enum rs_event_type type = RS_EVENT_EXEC;
	make_wishes();
	int old = STEAL_FD(fake.session);
	fake.request++; /* sent to the old one */
	new_engine(3);
	fake_reply(&fake, 0);
	assert_int_equal(rs_agent_subscribe(agent, &type, 1, NULL), 0);
	expect_wishes();
	assert_non_null(fake_receive(&fake, SESSION_SUBSCRIBE));
	close(old);
}

/* The new engine grants less: told once; what was refused is not wanted any more; the rest goes on. */
static void test_replay_refused(void **state)
{
	const struct rs_event *event;
	make_wishes();
	fake_crash(&fake);
	new_engine(2);
	fake_reply(&fake, -EACCES); /* of the subscription */
	assert_int_equal(rs_agent_next(agent, 0, &event), -EACCES);
	expect_wishes();
	no_event();
	fake_crash(&fake);
	new_engine(2);
	no_event();
	fake_receive(&fake, SESSION_HELLO);
	fake_receive(&fake, SESSION_MUTE);
	fake_receive(&fake, SESSION_MUTE);
	assert_non_null(fake_receive(&fake, SESSION_READY));
}

static void test_hello_refused(void **state)
{
	const struct rs_event *event;
	fake_crash(&fake);
	fake_session(&fake);
	fake.request--;
	fake_reply(&fake, -EPERM);
	assert_int_equal(rs_agent_next(agent, 0, &event), -EPERM);
	no_event();
}

/* Without a lifeline the session goes on; when it ends, too, all is over. */
static void test_end(void **state)
{
	const struct rs_event *event;
	fake.lifeline = fd_close(fake.lifeline);
	no_event();
	fake_event(&fake, RS_EVENT_EXEC, 0, 0);
	next();
	fake_event(&fake, RS_EVENT_EXIT, 0, 0);
	fake_crash(&fake);
	assert_int_equal(next()->type, RS_EVENT_EXIT);
	for (int i = 0; i < 3; i++)
		assert_int_equal(rs_agent_next(agent, -1, &event), -ESHUTDOWN);
	enum rs_event_type type = RS_EVENT_EXEC;
	assert_int_equal(rs_agent_subscribe(agent, &type, 1, NULL), -ESHUTDOWN);
	assert_int_equal(rs_agent_ready(agent), -ESHUTDOWN);
}

/* Two agents in one process know nothing of each other. */
static void test_two_agents(void **state)
{
	struct fake_engine other_fake;
	struct rs_agent *other = fake_open_live(&other_fake);
	const struct rs_event *event;
	fake_event(&fake, RS_EVENT_EXEC, 0, 0);
	assert_int_equal(rs_agent_next(other, 0, &event), 0);
	next();
	fake_crash(&fake);
	no_event();
	fake_event(&other_fake, RS_EVENT_EXIT, 0, 0);
	assert_int_equal(rs_agent_next(other, 0, &event), 1);
	rs_agent_close(other);
	fake_deinit(&other_fake);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_restart),
		TEST(test_session_replaced),
		TEST(test_restart_at_each_step),
		TEST(test_restart_during_request),
		TEST(test_replaced_during_request),
		TEST(test_replay_refused),
		TEST(test_hello_refused),
		TEST(test_end),
		TEST(test_two_agents),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Open, handshake, requests; an engine that lies; arguments that make no sense; memory that runs out. */
#include "agent.h"

#include "base/fd.h"
#include "fake_engine.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <cmocka.h>

/* The linker sends the SDK's allocations here (--wrap). */
static int allocations, fail_at;

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);

void *__wrap_malloc(size_t size)
{
	return ++allocations == fail_at ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return ++allocations == fail_at ? NULL : __real_calloc(n, size);
}

static void test_open(void **state)
{
	struct fake_engine fake;
	int before = fake_open_descriptors();
	fake_init(&fake);
	fake.welcome.head.shadow = 1;
	fake_session(&fake);
	fake_welcome(&fake);
	struct rs_agent *agent = NULL;
	assert_int_equal(fake_open(&fake, &agent), 0);
	const struct session_hello *hello = fake_receive(&fake, SESSION_HELLO);
	assert_int_equal(hello->contract_lowest, 1);
	assert_int_equal(hello->contract_highest, 1);
	assert_string_equal(hello->version, "1.2");
	assert_string_equal(hello->content_version, "c3");
	assert_string_equal(hello->sdk_version, rs_version());
	assert_null(fake_receive(&fake, SESSION_HELLO)); /* and nothing more */

	assert_string_equal(rs_agent_name(agent), "fake");
	assert_true(rs_agent_is_shadow(agent));
	assert_true(fcntl(rs_agent_fd(agent), F_GETFD) & FD_CLOEXEC);
	struct rs_ability ability = {.size = sizeof(ability)};
	assert_int_equal(rs_agent_ability(agent, RS_EVENT_AUTH_OPEN, &ability), 0);
	assert_int_equal(ability.state, RS_DISCRETIONARY);
	assert_true(ability.granted);
	assert_string_equal(ability.reason, "memfd is not seen");
	assert_int_equal(rs_agent_ability(agent, RS_EVENT_MOUNT, &ability), 0); /* not in the handshake */
	assert_int_equal(ability.state, RS_UNAVAILABLE);
	assert_false(ability.granted);
	assert_true(strlen(ability.reason) > 0);
	assert_int_equal(rs_agent_ability(agent, (enum rs_event_type)9999, &ability), -EINVAL);
	ability.size = 0;
	assert_int_equal(rs_agent_ability(agent, RS_EVENT_EXEC, &ability), -EINVAL);

	rs_agent_close(agent);
	assert_non_null(fake_receive(&fake, SESSION_BYE));
	fake_deinit(&fake);
	rs_agent_close(NULL);
	assert_int_equal(fake_open_descriptors(), before);
}

static int new_lifeline(void)
{
	int pair[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	close(pair[1]);
	return pair[0];
}

static void test_open_arguments(void **state)
{
	int before = fake_open_descriptors();
	struct rs_agent *agent = NULL;
	char long_text[SESSION_VERSION_SIZE + 1];
	memset(long_text, 'x', sizeof(long_text) - 1);
	long_text[sizeof(long_text) - 1] = '\0';

	struct rs_agent_opts opts = {.size = 0, .fd = 1};
	assert_int_equal(rs_agent_open(&opts, &agent), -EINVAL);
	opts = (struct rs_agent_opts){.size = sizeof(opts), .fd = new_lifeline()};
	assert_int_equal(rs_agent_open(&opts, NULL), -EINVAL);
	opts = (struct rs_agent_opts){.size = sizeof(opts), .version = long_text, .fd = new_lifeline()};
	assert_int_equal(rs_agent_open(&opts, &agent), -E2BIG);
	opts = (struct rs_agent_opts){.size = sizeof(opts), .content_version = long_text, .fd = new_lifeline()};
	assert_int_equal(rs_agent_open(&opts, &agent), -E2BIG);
	opts = (struct rs_agent_opts){.size = sizeof(opts), .fd = 9999};
	assert_int_equal(rs_agent_open(&opts, &agent), -EBADF);
	opts.fd = -1;
	assert_int_equal(rs_agent_open(&opts, &agent), -EBADF);
	opts.fd = eventfd(0, EFD_CLOEXEC);
	assert_int_equal(rs_agent_open(&opts, &agent), -ENOTSOCK);
	opts.fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(rs_agent_open(&opts, &agent), -EPROTOTYPE);
	opts.fd = new_lifeline(); /* its other end is closed: no session will ever come */
	assert_int_equal(rs_agent_open(&opts, &agent), -ESHUTDOWN);
	assert_int_equal(fake_open_descriptors(), before);

	static const char *const numbers[] = {"", "-1", "x", "3x", " 3", "99999999999999999999", "4294967296"};
	unsetenv("RINGSIDE_FD");
	assert_int_equal(rs_agent_open(NULL, &agent), -ENOTCONN);
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		setenv("RINGSIDE_FD", numbers[i], 1);
		assert_int_equal(rs_agent_open(NULL, &agent), -ENOTCONN);
	}
	char number[16];
	snprintf(number, sizeof(number), "%d", new_lifeline());
	setenv("RINGSIDE_FD", number, 1);
	assert_int_equal(rs_agent_open(NULL, &agent), -ESHUTDOWN);
	unsetenv("RINGSIDE_FD");
	assert_null(agent);
	assert_int_equal(fake_open_descriptors(), before);
}

/* Options of an older caller are shorter, those of a newer one may be longer as long as nothing is in there. */
static void test_options_of_other_contracts(void **state)
{
	struct {
		struct rs_subscribe_opts known;
		uint64_t later;
	} longer = {.known = {.size = sizeof(longer), .deadline_ms = 5}};
	struct rs_subscribe_opts to;
	assert_int_equal(agent_copy_opts(&to, sizeof(to), &longer), 0);
	assert_int_equal(to.deadline_ms, 5);
	longer.later = 1;
	assert_int_equal(agent_copy_opts(&to, sizeof(to), &longer), -E2BIG);
	longer.known.size = offsetof(struct rs_subscribe_opts, deadline_ms);
	assert_int_equal(agent_copy_opts(&to, sizeof(to), &longer), 0);
	assert_int_equal(to.deadline_ms, 0);
	assert_int_equal(agent_copy_opts(&to, sizeof(to), NULL), 0);
}

static void send_one_fd(struct fake_engine *fake)
{
	fake_send(fake, &fake->welcome, sizeof(fake->welcome), &fake->session, 1);
}

static void send_four_fds(struct fake_engine *fake)
{
	int fds[4] = {fake->session, fake->session, fake->session, fake->session};
	fake_send(fake, &fake->welcome, sizeof(fake->welcome), fds, 4);
}

static void send_other_fds(struct fake_engine *fake)
{
	int fds[3] = {fake->session, fake->session, fake->session};
	fake_send(fake, &fake->welcome, sizeof(fake->welcome), fds, 3);
}

static void send_no_fds(struct fake_engine *fake)
{
	fake_send(fake, &fake->welcome, sizeof(fake->welcome), NULL, 0);
}

static void send_contract_2(struct fake_engine *fake)
{
	fake->welcome.head.contract = 2;
	fake_welcome(fake);
}

static void send_other_ring_size(struct fake_engine *fake)
{
	fake->welcome.head.ring_size_bytes *= 2;
	fake_welcome(fake);
}

static void send_no_ring_size(struct fake_engine *fake)
{
	fake->welcome.head.ring_size_bytes = 0;
	fake_welcome(fake);
}

static void send_short(struct fake_engine *fake)
{
	fake->welcome.head.head.size -= 8;
	fake_welcome(fake);
}

static void send_no_name(struct fake_engine *fake)
{
	memset(fake->welcome.head.name, 'x', sizeof(fake->welcome.head.name));
	fake_welcome(fake);
}

static void send_no_pending(struct fake_engine *fake)
{
	fake->welcome.head.pending_max = 0;
	fake_welcome(fake);
}

static void send_garbage(struct fake_engine *fake)
{
	uint64_t garbage[8];
	memset(garbage, 0xa5, sizeof(garbage));
	fake_send(fake, garbage, sizeof(garbage), &fake->session, 1);
}

static void send_one_byte(struct fake_engine *fake)
{
	fake_send(fake, "x", 1, NULL, 0);
}

static void send_too_long(struct fake_engine *fake)
{
	static char bytes[SESSION_MESSAGE_MAX + 8];
	fake_send(fake, bytes, sizeof(bytes), &fake->session, 1);
}

static void send_early_event_fd(struct fake_engine *fake)
{
	fake_event_fd(fake, 1, dup(fake->session));
}

static void send_agents_type(struct fake_engine *fake)
{
	struct session_ready ready = {.head = {.size = sizeof(ready), .type = SESSION_READY}};
	fake_send(fake, &ready, sizeof(ready), NULL, 0);
}

static void send_bad_shadow(struct fake_engine *fake)
{
	fake->welcome.head.shadow = 3;
	fake_welcome(fake);
}

static void send_reply_without_error(struct fake_engine *fake)
{
	fake->request = 0;
	fake_reply(fake, 0);
}

static void test_lies(void **state)
{
	static void (*const lies[])(struct fake_engine *fake) = {
		send_one_fd,
		send_four_fds,
		send_other_fds,
		send_no_fds,
		send_contract_2,
		send_other_ring_size,
		send_no_ring_size,
		send_short,
		send_no_name,
		send_no_pending,
		send_garbage,
		send_one_byte,
		send_too_long,
		send_early_event_fd,
		send_agents_type,
		send_bad_shadow,
		send_reply_without_error,
	};
	int before = fake_open_descriptors();
	for (size_t i = 0; i < ARRAY_SIZE(lies); i++) {
		struct fake_engine fake;
		struct rs_agent *agent = NULL;
		fake_init(&fake);
		fake_session(&fake);
		lies[i](&fake);
		int error = fake_open(&fake, &agent);
		if (error != -EPROTO)
			fail_msg("lie %zu: %d", i, error);
		fake_deinit(&fake);
		if (fake_open_descriptors() != before)
			fail_msg("lie %zu leaves descriptors open", i);
	}
}

static void test_lifeline_lies(void **state)
{
	int before = fake_open_descriptors();
	for (int i = 0; i < 5; i++) {
		struct fake_engine fake;
		struct rs_agent *agent = NULL;
		fake_init(&fake);
		int fds[2] = {dup(fake.lifeline), eventfd(0, EFD_CLOEXEC)};
		if (i == 0)
			fd_send(fake.lifeline, "s", 1, NULL, 0);
		else if (i == 1)
			fd_send(fake.lifeline, "ss", 2, fds, 1);
		else if (i == 2)
			fd_send(fake.lifeline, "s", 1, fds, 2);
		else if (i == 3)
			fd_send(fake.lifeline, "s", 1, fds + 1, 1); /* not a socket */
		else
			fd_send(fake.lifeline, "", 0, fds, 1);
		assert_int_equal(fake_open(&fake, &agent), -EPROTO);
		close(fds[0]);
		close(fds[1]);
		fake_deinit(&fake);
		assert_int_equal(fake_open_descriptors(), before);
	}
}

static void test_refused(void **state)
{
	struct fake_engine fake;
	struct rs_agent *agent = NULL;
	fake_init(&fake);
	fake_session(&fake);
	fake.request = 0;
	fake_reply(&fake, -EPROTONOSUPPORT);
	assert_int_equal(fake_open(&fake, &agent), -EPROTONOSUPPORT);
	assert_null(agent);
	fake_deinit(&fake);
}

/* An engine that never says anything, and one that comes up only on the third attempt. */
static void test_silent_engine(void **state)
{
	struct fake_engine fake;
	struct rs_agent *agent = fake_open_live(&fake);
	agent->reply_timeout_ms = 1;
	enum rs_event_type type = RS_EVENT_EXEC;
	assert_int_equal(rs_agent_subscribe(agent, &type, 1, NULL), -ETIMEDOUT);
	rs_agent_close(agent);
	fake_deinit(&fake);

	fake_init(&fake);
	for (int i = 0; i < 2; i++) {
		fake_session(&fake);
		fake_crash(&fake);
	}
	fake_session(&fake);
	fake_welcome(&fake);
	assert_int_equal(fake_open(&fake, &agent), 0);
	assert_non_null(fake_receive(&fake, SESSION_HELLO));
	rs_agent_close(agent);
	fake_deinit(&fake);
}

static void test_subscribe(void **state)
{
	struct fake_engine fake;
	struct rs_agent *agent = fake_open_live(&fake);
	enum rs_event_type types[] = {RS_EVENT_EXEC, RS_EVENT_AUTH_EXEC};
	struct rs_subscribe_opts opts = {
		.size = sizeof(opts), .deadline_ms = 77, .with_fd = true, .state_essential = true};
	fake_reply(&fake, 0);
	assert_int_equal(rs_agent_subscribe(agent, types, 2, &opts), 0);
	const struct session_subscribe *sent = fake_receive(&fake, SESSION_SUBSCRIBE);
	assert_true(session_set_has(&sent->events, RS_EVENT_EXEC));
	assert_true(session_set_has(&sent->events, RS_EVENT_AUTH_EXEC));
	assert_int_equal(sent->deadline_ms, 77);
	assert_int_equal(sent->flags, SESSION_SUBSCRIBE_WITH_FD | SESSION_SUBSCRIBE_STATE_ESSENTIAL);

	fake_reply(&fake, 0);
	assert_int_equal(rs_agent_unsubscribe(agent, types, 1), 0);
	sent = fake_receive(&fake, SESSION_SUBSCRIBE);
	assert_int_equal(sent->flags, SESSION_SUBSCRIBE_REMOVE);

	fake_reply(&fake, -ENOSPC); /* what the engine says is passed on */
	assert_int_equal(rs_agent_subscribe(agent, types, 1, NULL), -ENOSPC);
	assert_non_null(fake_receive(&fake, SESSION_SUBSCRIBE));

	/* these never reach it */
	enum rs_event_type not_granted = RS_EVENT_CONNECT, unavailable = RS_EVENT_KEXEC,
			   unknown = (enum rs_event_type)4;
	assert_int_equal(rs_agent_subscribe(agent, &not_granted, 1, NULL), -EACCES);
	assert_int_equal(rs_agent_subscribe(agent, &unavailable, 1, NULL), -EOPNOTSUPP);
	assert_int_equal(rs_agent_subscribe(agent, &unknown, 1, NULL), -EINVAL);
	assert_int_equal(rs_agent_subscribe(agent, types, 0, NULL), -EINVAL);
	assert_int_equal(rs_agent_subscribe(agent, NULL, 1, NULL), -EINVAL);
	assert_int_equal(rs_agent_subscribe(NULL, types, 1, NULL), -EINVAL);
	assert_int_equal(rs_agent_unsubscribe(agent, &unknown, 1), -EINVAL);
	assert_int_equal(rs_agent_unsubscribe(agent, NULL, 0), -EINVAL);
	opts.size = 1;
	assert_int_equal(rs_agent_subscribe(agent, types, 1, &opts), -EINVAL);
	assert_null(fake_receive(&fake, SESSION_SUBSCRIBE));
	rs_agent_close(agent);
	fake_deinit(&fake);
}

static void test_mutes(void **state)
{
	struct fake_engine fake;
	struct rs_agent *agent = fake_open_live(&fake);
	enum rs_event_type type = RS_EVENT_EXIT, unknown = (enum rs_event_type)4;
	char path[RS_PATH_SIZE_MAX + 2];
	memset(path, '/', sizeof(path));
	path[RS_PATH_SIZE_MAX] = '\0';
	for (int i = 0; i < 6; i++)
		fake_reply(&fake, 0);

	assert_int_equal(rs_agent_mute_path(agent, RS_MUTE_EXE_PREFIX, path, &type, 1), 0);
	const struct session_mute *sent = fake_receive(&fake, SESSION_MUTE);
	assert_int_equal(sent->kind, SESSION_MUTE_EXE_PREFIX);
	assert_int_equal(sent->op, SESSION_MUTE_ADD);
	assert_int_equal(sent->size, RS_PATH_SIZE_MAX);
	assert_true(session_set_has(&sent->events, RS_EVENT_EXIT));
	assert_int_equal(rs_agent_unmute_path(agent, RS_MUTE_TARGET, "/a\n", NULL, 0), 0);
	sent = fake_receive(&fake, SESSION_MUTE);
	assert_int_equal(sent->op, SESSION_MUTE_REMOVE);
	assert_string_equal(sent->bytes, "/a\n");
	assert_int_equal(rs_agent_mute_number(agent, RS_MUTE_PROCESS, UINT64_MAX, NULL, 0), 0);
	sent = fake_receive(&fake, SESSION_MUTE);
	assert_true(sent->number == UINT64_MAX);
	assert_int_equal(rs_agent_unmute_number(agent, RS_MUTE_UID, 0, &type, 1), 0);
	assert_int_equal(((const struct session_mute *)fake_receive(&fake, SESSION_MUTE))->op, SESSION_MUTE_REMOVE);
	assert_int_equal(rs_agent_unmute_all(agent, RS_MUTE_EXE), 0);
	assert_int_equal(((const struct session_mute *)fake_receive(&fake, SESSION_MUTE))->op, SESSION_MUTE_CLEAR);
	assert_int_equal(rs_agent_invert(agent, RS_MUTE_CGROUP, true), 0);
	assert_int_equal(((const struct session_mute *)fake_receive(&fake, SESSION_MUTE))->number, 1);

	path[RS_PATH_SIZE_MAX] = '/';
	path[RS_PATH_SIZE_MAX + 1] = '\0';
	assert_int_equal(rs_agent_mute_path(agent, RS_MUTE_EXE, path, NULL, 0), -ENAMETOOLONG);
	assert_int_equal(rs_agent_mute_path(agent, RS_MUTE_EXE, NULL, NULL, 0), -EINVAL);
	assert_int_equal(rs_agent_mute_path(agent, RS_MUTE_EXE, "", NULL, 0), -EINVAL);
	assert_int_equal(rs_agent_mute_path(agent, RS_MUTE_EXE, "bin/ls", NULL, 0), -EINVAL);
	assert_int_equal(rs_agent_mute_path(agent, RS_MUTE_UID, "/a", NULL, 0), -EINVAL);
	assert_int_equal(rs_agent_mute_path(agent, RS_MUTE_EXE, "/a", &unknown, 1), -EINVAL);
	assert_int_equal(rs_agent_mute_path(agent, RS_MUTE_EXE, "/a", &type, 0), -EINVAL);
	assert_int_equal(rs_agent_mute_path(NULL, RS_MUTE_EXE, "/a", NULL, 0), -EINVAL);
	assert_int_equal(rs_agent_mute_number(agent, RS_MUTE_EXE, 1, NULL, 0), -EINVAL);
	assert_int_equal(rs_agent_mute_number(agent, (enum rs_mute_kind)0, 1, NULL, 0), -EINVAL);
	assert_int_equal(rs_agent_mute_number(agent, (enum rs_mute_kind)8, 1, NULL, 0), -EINVAL);
	assert_int_equal(rs_agent_unmute_all(agent, (enum rs_mute_kind) - 1), -EINVAL);
	assert_int_equal(rs_agent_invert(agent, (enum rs_mute_kind)0, true), -EINVAL);
	assert_null(fake_receive(&fake, SESSION_MUTE));
	rs_agent_close(agent);
	fake_deinit(&fake);
}

static void test_ready_and_content(void **state)
{
	struct fake_engine fake;
	struct rs_agent *agent = fake_open_live(&fake);
	char long_text[SESSION_VERSION_SIZE + 1] = {0};
	memset(long_text, 'x', SESSION_VERSION_SIZE);
	assert_int_equal(rs_agent_ready(agent), 0);
	assert_non_null(fake_receive(&fake, SESSION_READY));
	assert_int_equal(rs_agent_ready(agent), -EALREADY);
	assert_int_equal(rs_agent_ready(NULL), -EINVAL);
	fake_reply(&fake, 0);
	assert_int_equal(rs_agent_content_changed(agent, "c4"), 0);
	assert_string_equal(((const struct session_content *)fake_receive(&fake, SESSION_CONTENT))->version, "c4");
	assert_int_equal(rs_agent_content_changed(agent, NULL), -EINVAL);
	assert_int_equal(rs_agent_content_changed(agent, long_text), -E2BIG);
	assert_int_equal(rs_agent_content_changed(NULL, "c"), -EINVAL);
	rs_agent_close(agent);
	fake_deinit(&fake);
}

/* Fails the first allocation, then the second, until all goes well; nothing is lost on the way. */
static void test_out_of_memory(void **state)
{
	int before = fake_open_descriptors(), failed = 0;
	for (fail_at = 1;; fail_at++) {
		struct fake_engine fake;
		struct rs_agent *agent = NULL;
		int n = fail_at;
		fail_at = 0;
		fake_init(&fake);
		fake_session(&fake);
		fake_welcome(&fake);
		fake_reply(&fake, 0);
		fail_at = n;
		allocations = 0;
		int error = fake_open(&fake, &agent);
		if (error == 0)
			error = rs_agent_mute_path(agent, RS_MUTE_EXE, "/bin/a", NULL, 0);
		bool reached = allocations >= fail_at;
		rs_agent_close(agent);
		fake_deinit(&fake);
		assert_int_equal(fake_open_descriptors(), before);
		assert_int_equal(error, reached ? -ENOMEM : 0);
		if (!reached)
			break;
		failed++;
	}
	fail_at = 0;
	assert_true(failed >= 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_open),
		cmocka_unit_test(test_open_arguments),
		cmocka_unit_test(test_options_of_other_contracts),
		cmocka_unit_test(test_lies),
		cmocka_unit_test(test_lifeline_lies),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_silent_engine),
		cmocka_unit_test(test_subscribe),
		cmocka_unit_test(test_mutes),
		cmocka_unit_test(test_ready_and_content),
		cmocka_unit_test(test_out_of_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

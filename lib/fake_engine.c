/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_engine.h"

#include "base/clock.h"
#include "base/fd.h"
#include "wire/event_build.h"

#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

static void make_pair(int *ret_ours, int *ret_theirs)
{
	int pair[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	*ret_ours = pair[0];
	*ret_theirs = pair[1];
}

/* Half of the events granted and available, one available and not granted, one granted and not available. */
void fake_init(struct fake_engine *fake)
{
	static const struct session_ability abilities[8] = {
		{RS_EVENT_EXEC, SESSION_MANDATORY, 1, "seen at the tracepoint"},
		{RS_EVENT_AUTH_EXEC, SESSION_MANDATORY, 1, ""},
		{RS_EVENT_AUTH_OPEN, SESSION_DISCRETIONARY, 1, "memfd is not seen"},
		{RS_EVENT_EXIT, SESSION_MANDATORY, 1, ""},
		{RS_EVENT_FORK, SESSION_MANDATORY, 1, ""},
		{RS_EVENT_CONNECT, SESSION_MANDATORY, 0, "not granted"},
		{RS_EVENT_KEXEC, SESSION_UNAVAILABLE, 1, "needs LSM"},
		{RS_EVENT_ENGINE_RESTARTED, SESSION_MANDATORY, 1, ""},
	};
	*fake = (struct fake_engine){.session = -1, .next_id = 1};
	make_pair(&fake->lifeline, &fake->agent_end);
	fake->welcome.head = (struct session_welcome){
		.head = {.size = sizeof(fake->welcome), .type = SESSION_WELCOME},
		.contract = SESSION_CONTRACT,
		.n_abilities = 8,
		.ring_size_bytes = FAKE_RING_SIZE,
		.generation = 1,
		.pending_max = 4,
		.name = "fake",
	};
	memcpy(fake->welcome.abilities, abilities, sizeof(abilities));
}

void fake_deinit(struct fake_engine *fake)
{
	fake_crash(fake);
	fake->lifeline = fd_close(fake->lifeline);
}

int fake_open(struct fake_engine *fake, struct rs_agent **ret)
{
	struct rs_agent_opts opts = {
		.size = sizeof(opts), .version = "1.2", .content_version = "c3", .fd = STEAL_FD(fake->agent_end)};
	return rs_agent_open(&opts, ret);
}

struct rs_agent *fake_open_live(struct fake_engine *fake)
{
	struct rs_agent *agent = NULL;
	fake_init(fake);
	fake_session(fake);
	fake_welcome(fake);
	assert_int_equal(fake_open(fake, &agent), 0);
	assert_non_null(fake_receive(fake, SESSION_HELLO));
	return agent;
}

int fake_open_descriptors(void)
{
	int n = 0;
	DIR *dir = opendir("/proc/self/fd");
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

void fake_session(struct fake_engine *fake)
{
	int theirs;
	fake->session = fd_close(fake->session);
	make_pair(&fake->session, &theirs);
	assert_int_equal(fd_send(fake->lifeline, "s", 1, &theirs, 1), 0);
	fd_close(theirs);
	fake->request++;
}

void fake_send(struct fake_engine *fake, const void *message, size_t size, const int *fds, size_t n_fds)
{
	assert_int_equal(fd_send(fake->session, message, size, fds, n_fds), 0);
}

void fake_welcome(struct fake_engine *fake)
{
	int fds[3];
	fake->ring = ring_writer_free(fake->ring);
	assert_int_equal(ring_writer_new(FAKE_RING_SIZE, &fake->ring), 0);
	ring_writer_fds(fake->ring, fds);
	fake->welcome.head.head.request = fake->request;
	fake_send(fake, &fake->welcome, fake->welcome.head.head.size, fds, 3);
}

void fake_reply(struct fake_engine *fake, int error)
{
	struct session_reply reply = {
		.head = {.size = sizeof(reply), .type = SESSION_REPLY, .request = ++fake->request}, .error = error};
	fake_send(fake, &reply, sizeof(reply), NULL, 0);
}

/* An allow that was left in memory, as the message that it stands for. */
static const void *take_answer(struct fake_engine *fake)
{
	static struct session_answer message;
	struct ring_answer answer;
	enum ring_result result = fake->ring ? ring_take_answer(fake->ring, &answer) : RING_EMPTY;
	if (result == RING_EMPTY)
		return NULL;
	assert_int_equal(result, RING_OK);
	assert_int_equal(answer.reserved, 0);
	assert_true(answer.at_ns <= clock_monotonic_ns());
	message = (struct session_answer){
		.head = {.size = sizeof(message), .type = SESSION_ANSWER, .request = answer.id},
		.verdict = SESSION_ALLOW,
		.flags = answer.flags,
	};
	return &message;
}

const void *fake_receive(struct fake_engine *fake, enum session_type type)
{
	static _Alignas(8) char buffer[SESSION_MESSAGE_MAX];
	const struct session_head *head = (const void *)buffer;
	int fds[FD_MESSAGE_MAX];
	size_t n_fds;
	const void *answer = type == SESSION_ANSWER ? take_answer(fake) : NULL;
	if (answer)
		return answer;
	do {
		ssize_t size = fd_receive(fake->session, buffer, sizeof(buffer), fds, &n_fds);
		if (size == -EAGAIN || size == -EPIPE)
			return NULL;
		assert_true(size > 0);
		assert_int_equal(n_fds, 0);
		const char *wrong = session_check(buffer, (size_t)size);
		if (wrong)
			fail_msg("the agent sent: %s", wrong);
	} while (head->type == SESSION_BELL && type != SESSION_BELL);
	assert_int_equal(head->type, type);
	return buffer;
}

void fake_crash(struct fake_engine *fake)
{
	fake->session = fd_close(fake->session);
	fake->ring = ring_writer_free(fake->ring);
}

uint64_t fake_event(struct fake_engine *fake, uint16_t type, uint16_t flags, uint64_t deadline_ns)
{
	_Alignas(8) char buffer[8192];
	struct event_build build;
	void *at;
	void *body = event_build_begin(&build, buffer, sizeof(buffer), type);
	if (type == RS_EVENT_AUTH_EXEC)
		((struct rs_event_auth_exec *)body)->file.mode = fake->mode;
	build.event->id = fake->next_id++;
	build.event->seq = build.event->id;
	build.event->flags |= flags;
	build.event->deadline_ns = deadline_ns;
	size_t size = event_build_end(&build);
	assert_int_equal(ring_reserve(fake->ring, size, &at), RING_OK);
	memcpy(at, buffer, size);
	ring_commit(fake->ring);
	ring_wake(fake->ring);
	return build.event->id;
}

void fake_event_fd(struct fake_engine *fake, uint64_t id, int fd)
{
	struct session_event_fd message = {.head = {.size = sizeof(message), .type = SESSION_EVENT_FD, .request = id}};
	fake_send(fake, &message, sizeof(message), &fd, 1);
	fd_close(fd);
}

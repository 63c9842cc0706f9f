/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An engine that says anything, to the whole SDK: the input is a run of datagrams, each
 *
 *     size (2 bytes, little endian) | descriptors: 0 none, 1 a pipe, 3 a true ring, else that many of /dev/null | bytes
 *
 * sent over one session, behind which the engine is gone. The SDK must not crash, hang, or keep a descriptor.
 */
#include "lib/agent.h"
#include "tests/fuzz/fuzz.h"

#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>

static struct ring_writer *ring;
static int other_fd = -1, lowest_free_fd;

static void set_up(void)
{
	other_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	FUZZ_EXPECT(other_fd >= 0 && ring_writer_new(RING_SIZE_MIN, &ring) == 0);
	lowest_free_fd = dup(other_fd);
	close(lowest_free_fd);
}

static void send_one(int session, const void *bytes, size_t size, size_t n_fds)
{
	int fds[FD_MESSAGE_MAX];
	if (n_fds == 3)
		ring_writer_fds(ring, fds);
	for (size_t i = 0; n_fds != 3 && i < n_fds; i++)
		fds[i] = other_fd;
	fd_send(session, bytes, size, fds, n_fds);
}

static void send_all(int session, const uint8_t *data, size_t size)
{
	while (size > 3) {
		size_t n = MIN((size_t)(data[0] | data[1] << 8), size - 3);
		send_one(session, data + 3, n, data[2] % (FD_MESSAGE_MAX + 1));
		data += 3 + n;
		size -= 3 + n;
	}
}

/* Whatever came of the handshake. */
static void use(struct rs_agent *agent)
{
	enum rs_event_type type = RS_EVENT_AUTH_EXEC;
	const struct rs_event *event;
	struct rs_ability ability = {.size = sizeof(ability)};
	agent->reply_timeout_ms = 0;
	FUZZ_EXPECT(rs_agent_ability(agent, type, &ability) == 0);
	FUZZ_EXPECT(strlen(rs_agent_name(agent)) < SESSION_NAME_SIZE);
	rs_agent_subscribe(agent, &type, 1, NULL);
	rs_agent_mute_path(agent, RS_MUTE_EXE, "/bin/true", NULL, 0);
	for (int i = 0; i < 1000; i++) {
		int result = rs_agent_next(agent, 0, &event);
		FUZZ_EXPECT(result <= 0); /* the ring is empty */
		if (result == -ESHUTDOWN)
			return;
	}
	FUZZ_EXPECT(!"an end");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int lifeline[2], session[2];
	struct rs_agent *agent = NULL;
	if (!ring)
		set_up();
	FUZZ_EXPECT(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, lifeline) == 0);
	FUZZ_EXPECT(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, session) == 0);
	FUZZ_EXPECT(fd_send(lifeline[0], "s", 1, &session[1], 1) == 0);
	send_all(session[0], data, size);
	close(session[0]);
	close(session[1]);
	close(lifeline[0]);
	struct rs_agent_opts opts = {.size = sizeof(opts), .fd = lifeline[1]};
	int error = rs_agent_open(&opts, &agent);
	FUZZ_EXPECT(error <= 0);
	if (error == 0)
		use(agent);
	rs_agent_close(agent);
	int probe = dup(other_fd);
	FUZZ_EXPECT(probe == lowest_free_fd);
	close(probe);
	return 0;
}

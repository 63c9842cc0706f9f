/* SPDX-License-Identifier: Apache-2.0 */
#include "ipc/link.h"

#include "base/fd.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

struct end {
	struct link *link;
	struct loop *loop;
	unsigned n_messages;
	size_t n_fds;
	size_t text_size;
	bool more;
	int closed;
	bool free_in_callback;
};

static int on_message(void *data, const struct ipc_head *message, int *fds, size_t n_fds)
{
	struct end *end = data;
	end->n_messages++;
	end->n_fds += n_fds;
	for (size_t i = 0; i < n_fds; i++)
		fd_close(fds[i]);
	if (message->type == IPC_REPLY) {
		const struct ipc_reply *reply = (const void *)message;
		end->text_size += reply->head.size - sizeof(*reply);
		end->more = reply->more;
	}
	if (end->free_in_callback)
		end->link = link_free(end->link);
	return 0;
}

static int on_closed(void *data, int error)
{
	struct end *end = data;
	end->closed = error;
	end->link = link_free(end->link);
	return 0;
}

static void make(struct end *end, int *ret_peer)
{
	int fds[2];
	*end = (struct end){0};
	assert_int_equal(loop_new(&end->loop), 0);
	assert_int_equal(link_pair(fds), 0);
	struct link_handlers handlers = {.data = end, .message = on_message, .closed = on_closed};
	assert_int_equal(link_new(end->loop, fds[0], &handlers, &end->link), 0);
	*ret_peer = fds[1];
}

static void drop(struct end *end)
{
	link_free(end->link);
	loop_free(end->loop);
}

static const struct ipc_head ready = {.size = sizeof(ready), .type = IPC_READY};

static void test_messages_and_end(void **state)
{
	struct end end;
	int peer;
	make(&end, &peer);
	for (int i = 0; i < 100; i++)
		assert_int_equal(fd_send(peer, &ready, sizeof(ready), NULL, 0), 0);
	/* a turn is bounded */
	assert_int_equal(loop_turn(end.loop, 1000), 0);
	assert_true(end.n_messages < 100);
	assert_int_equal(loop_turn(end.loop, 1000), 0);
	assert_int_equal(end.n_messages, 100);
	close(peer);
	assert_int_equal(loop_turn(end.loop, 1000), 0);
	assert_int_equal(end.closed, -EPIPE);
	drop(&end);
}

static void test_malformed_ends_it(void **state)
{
	static const struct ipc_head bad[] = {
		{.size = sizeof(bad[0]) + 1, .type = IPC_READY},
		{.size = sizeof(bad[0]), .type = 999},
	};
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct end end;
		int peer;
		make(&end, &peer);
		assert_int_equal(fd_send(peer, &bad[i], sizeof(bad[i]), NULL, 0), 0);
		assert_int_equal(fd_send(peer, &ready, sizeof(ready), NULL, 0), 0);
		assert_int_equal(loop_turn(end.loop, 1000), 0);
		assert_int_equal(end.closed, -EPROTO);
		assert_int_equal(end.n_messages, 0);
		close(peer);
		drop(&end);
	}
}

static void test_free_in_callback(void **state)
{
	struct end end;
	int peer;
	make(&end, &peer);
	end.free_in_callback = true;
	assert_int_equal(fd_send(peer, &ready, sizeof(ready), NULL, 0), 0);
	assert_int_equal(fd_send(peer, &ready, sizeof(ready), NULL, 0), 0);
	assert_int_equal(loop_turn(end.loop, 1000), 0);
	assert_int_equal(end.n_messages, 1);
	assert_null(end.link);
	close(peer);
	drop(&end);
}

static void test_long_reply(void **state)
{
	static char text[200000];
	struct end end, sender;
	int peer, unused;
	memset(text, 'x', sizeof(text));
	make(&end, &peer);
	make(&sender, &unused);
	struct link *link;
	struct link_handlers handlers = {.data = &sender, .message = on_message, .closed = on_closed};
	assert_int_equal(link_new(sender.loop, peer, &handlers, &link), 0);
	assert_int_equal(link_reply(link, 7, 0, text, sizeof(text)), 0);
	while (end.text_size < sizeof(text))
		assert_int_equal(loop_turn(end.loop, 1000), 0);
	assert_int_equal(end.n_messages, 7);
	assert_int_equal(end.text_size, sizeof(text));
	assert_false(end.more);
	link_free(link);
	close(unused);
	drop(&sender);
	drop(&end);
}

static void test_full_peer(void **state)
{
	struct end end;
	int peer, r = 0;
	make(&end, &peer);
	for (int i = 0; i < 1000000 && r == 0; i++)
		r = link_send(end.link, &ready, NULL, 0);
	assert_int_equal(r, -EAGAIN);
	close(peer);
	assert_int_equal(link_send(end.link, &ready, NULL, 0), -EPIPE);
	drop(&end);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_messages_and_end), cmocka_unit_test(test_malformed_ends_it),
		cmocka_unit_test(test_free_in_callback), cmocka_unit_test(test_long_reply),
		cmocka_unit_test(test_full_peer),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * link: one end of a SOCK_SEQPACKET pair between two of our own processes, in a loop.
 *
 *     peer ─▶ datagram ─▶ ipc_check() ─▶ message()          peer gone, or not well formed ─▶ closed()
 *
 * Owns its descriptor. Never blocks and queues nothing: a full peer is -EAGAIN and the caller's to count. A link
 * may be freed inside of its own callbacks.
 */
#pragma once

#include "base/loop.h"
#include "wire/ipc.h"

struct link;

struct link_handlers {
	void *data;
	/* fds are owned by the callee. Return <0 ends the loop with that error. */
	int (*message)(void *data, const struct ipc_head *message, int *fds, size_t n_fds);
	/* Called once; -EPIPE: the peer closed it; -EPROTO: it sent what is not well formed. The link receives
	 * nothing any more; free it. */
	int (*closed)(void *data, int error);
};

/* Consumes fd, also on failure; copies handlers. */
int link_new(struct loop *loop, int fd, const struct link_handlers *handlers, struct link **ret);
struct link *link_free(struct link *link);

/* fds are borrowed. 0, -EAGAIN when the peer does not keep up, -EPIPE when it is gone. */
int link_send(struct link *link, const void *message, const int *fds, size_t n_fds);

/* Sends JSON text of any length as the answer to a request, cut into datagrams. */
int link_reply(struct link *link, uint64_t number, int error, const char *json, size_t size);

/* A pair for two processes: non-blocking, closed on exec, with room for a few hundred datagrams. */
int link_pair(int ret_fds[2]);

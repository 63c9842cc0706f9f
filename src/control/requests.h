/* SPDX-License-Identifier: Apache-2.0 */
/*
 * requests: what may be asked on the admin socket, who may ask it, and who answers.
 *
 *     client's struct ipc_request ─▶ table ─▶ to each process that owns a part ─▶ their replies, or 2 s ─▶ merged ─▶
 * done()
 *
 * Looks into no answer: parts are put together as they come. A process that does not answer, or is away, becomes
 * {"error": …} in its part. What is asked of the journal of actions is answered here. Owns the requests under way.
 */
#pragma once

#include "ipc/process.h"
#include "journal/journal.h"

struct requests;

/*
 * The end of a request: client and number as they were given; error as in struct ipc_reply; text is borrowed; fd is
 * consumed (-1: none).
 */
typedef void requests_done_fn(void *data, void *client, uint64_t number, int error, const char *text, size_t size,
			      int fd);

/* process and journal are borrowed for its life; journal NULL: it could not be opened. */
int requests_new(struct process *process, struct journal *journal, requests_done_fn *done, void *data,
		 struct requests **ret);
struct requests *requests_free(struct requests *requests);

/* Who asks, as the kernel says. */
struct requests_asker {
	uint32_t pid;
	uint32_t uid;
	bool admin; /* root, or of the admin group */
};

/* Starts one, or refuses it at once; either way done() is called once, perhaps before this returns. The request has
 * passed ipc_check(). */
void requests_start(struct requests *requests, const struct ipc_request *request, const struct requests_asker *asker,
		    void *client);
/* The client is gone: its request goes on and nobody is told. */
void requests_forget(struct requests *requests, const void *client);

/* A reply of another process. */
void requests_reply(struct requests *requests, enum process_role from, const struct ipc_reply *reply);
/* That process is away: what it still owes becomes an error. */
void requests_peer_down(struct requests *requests, enum process_role role);

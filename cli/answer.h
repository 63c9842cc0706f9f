/* SPDX-License-Identifier: Apache-2.0 */
/*
 * answer: one question to the platform over its admin socket, and reading the JSON that comes back.
 *
 *     struct ipc_request ─▶ RUN_DIR/control.sock ─▶ struct ipc_reply + JSON text, in one or more datagrams
 *
 * What is in it is read with view.h.
 */
#pragma once

#include "cli.h"
#include "view.h"

#define ANSWER_SOCKET_DEFAULT "/run/ringside/control.sock"
#define ANSWER_SOCKET_ENV "RINGSIDE_SOCKET"

struct answer {
	struct text text; /* the JSON as it came */
	struct json_object *json;
	int fd; /* came along, or -1 */
};

void answer_deinit(struct answer *answer);

/* A question whose answer is waited for elsewhere: when fd is readable, answer_take() takes what came. */
struct answer_call {
	int fd; /* -1: none under way */
	struct answer answer;
	int32_t error;
};

#define ANSWER_MORE (-1)

void answer_call_deinit(struct answer_call *call);
/* Connects and sends; never waits. CLI_OK, or another exit code with a complaint. */
int answer_begin(const struct cli *cli, uint32_t kind, uint64_t argument, const char *text,
		 struct answer_call *ret_call);
/* ANSWER_MORE: wait for the rest. CLI_OK: *ret_answer is filled. Else an exit code, with a complaint. But for
 * ANSWER_MORE the call is over. */
int answer_take(struct answer_call *call, struct answer *ret_answer);

/* Asks and waits at most 10 s. CLI_OK with *ret_answer filled; else another exit code, with a complaint.
 * kind: enum ipc_request_kind. text may be NULL. */
int answer_ask(const struct cli *cli, uint32_t kind, uint64_t argument, const char *text, struct answer *ret_answer);

/* The same, but that nobody listens on the admin socket is no complaint: then CLI_OK with *ret_absent true. */
int answer_ask_if_running(const struct cli *cli, uint32_t kind, struct answer *ret_answer, bool *ret_absent);

/* The JSON itself, for --json. */
void answer_print_json(const struct cli *cli, const struct answer *answer);

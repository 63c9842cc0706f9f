/* SPDX-License-Identifier: Apache-2.0 */
#include "control/requests.h"

#include "control/actions.h"

#include "base/clock.h"
#include "base/fd.h"
#include "base/json.h"
#include "base/list.h"
#include "base/log.h"
#include "wire/order.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define TIMEOUT_NS (2 * NS_PER_SEC)
#define PART_SIZE_MAX (1u << 20)

enum permission {
	PERMISSION_ADMIN, /* root and the admin group */
	PERMISSION_ROOT,
};

#define TO(role) (1u << PROCESS_##role)

/* Who answers a request: one process, whose answer is passed on as it is; or several, merged under their names. */
static const struct row {
	uint32_t kind;
	enum permission permission;
	unsigned roles;
} rows[] = {
	{IPC_REQUEST_STATUS, PERMISSION_ADMIN, TO(PARENT) | TO(ENGINE) | TO(CAGE)},
	{IPC_REQUEST_EXPLAIN, PERMISSION_ADMIN, TO(ENGINE)},
	{IPC_REQUEST_DOCTOR, PERMISSION_ADMIN, TO(ENGINE) | TO(CAGE)},
	{IPC_REQUEST_EVENTS, PERMISSION_ADMIN, TO(ENGINE)},
	{IPC_REQUEST_AGENT, PERMISSION_ROOT, TO(CAGE)},
	{IPC_REQUEST_DENIALS, PERMISSION_ADMIN, TO(ENGINE)},
	{IPC_REQUEST_ACTIONS, PERMISSION_ADMIN, TO(CONTROL)},
};

/* The verbs of IPC_REQUEST_AGENT that the engine answers; the others are the cage's. */
static const char *const engine_verbs[] = {"bench", "unbench"};

struct part {
	bool awaited;
	int error;
	char *text;
	size_t size;
};

struct request {
	struct requests *requests;
	struct list link;
	uint64_t number; /* ours */
	uint64_t client_number;
	void *client; /* NULL: gone */
	uint32_t kind;
	unsigned roles;
	int fd; /* what the client gets when it goes well, or -1 */
	struct loop_source *timer;
	struct part parts[PROCESS_N_ROLES];
};

struct requests {
	struct process *process;
	struct journal *journal;
	requests_done_fn *done;
	void *data;
	uint64_t next_number;
	struct list list;
};

static void request_free(struct request *request)
{
	list_remove(&request->link);
	loop_source_remove(request->timer);
	fd_close(request->fd);
	for (size_t i = 0; i < PROCESS_N_ROLES; i++)
		free(request->parts[i].text);
	free(request);
}

static void refuse(struct requests *requests, void *client, uint64_t number, int error, const char *why)
{
	char text[256];
	int size = snprintf(text, sizeof(text), "{\"error\": \"%s\"}", why);
	requests->done(requests->data, client, number, error, text, (size_t)size, -1);
}

static void part_fail(struct part *part, enum process_role role, int error, const char *why)
{
	char text[200];
	int size = snprintf(text, sizeof(text), "{\"error\": \"the %s %s\"}",
			    role == PROCESS_PARENT ? "parent" : topology_name(role), why);
	free(part->text);
	part->text = strdup(text);
	part->size = part->text ? (size_t)size : 0;
	part->error = error;
	part->awaited = false;
}

static bool is_complete(const struct request *request)
{
	for (size_t i = 0; i < PROCESS_N_ROLES; i++)
		if (request->parts[i].awaited)
			return false;
	return true;
}

static void finish_single(struct request *request, const struct part *part)
{
	struct requests *requests = request->requests;
	int fd = part->error == 0 ? STEAL_FD(request->fd) : -1;
	requests->done(requests->data, request->client, request->client_number, part->error, part->text, part->size,
		       fd);
}

/* The engine's answer, with the cage's as one more member: `doctor` was the engine's alone once. */
static bool finish_doctor(struct request *request)
{
	struct requests *requests = request->requests;
	struct part *engine = &request->parts[PROCESS_ENGINE], *cage = &request->parts[PROCESS_CAGE];
	size_t capacity = engine->size + cage->size + 16;
	if (request->kind != IPC_REQUEST_DOCTOR)
		return false;
	_cleanup_(freep) char *text =
		engine->error == 0 && engine->size > 2 && cage->size > 0 ? malloc(capacity) : NULL;
	if (!text) {
		finish_single(request, engine);
		return true;
	}
	int size = snprintf(text, capacity, "%.*s,\"cage\":%.*s}", (int)engine->size - 1, engine->text, (int)cage->size,
			    cage->text);
	requests->done(requests->data, request->client, request->client_number, 0, text, (size_t)size, -1);
	return true;
}

/* {"parent": …, "engine": …, "cage": …} */
static void finish_merged(struct request *request)
{
	struct requests *requests = request->requests;
	struct json json;
	size_t capacity = 256;
	for (size_t i = 0; i < PROCESS_N_ROLES; i++)
		capacity += request->parts[i].size;
	_cleanup_(freep) char *text = malloc(capacity);
	if (!text) {
		refuse(requests, request->client, request->client_number, -ENOMEM, "control has no memory left");
		return;
	}
	json_init(&json, text, capacity);
	json_open_object(&json, NULL);
	for (size_t i = 0; i < PROCESS_N_ROLES; i++)
		if (request->roles >> i & 1)
			json_raw(&json, i == PROCESS_PARENT ? "parent" : topology_name(i), request->parts[i].text,
				 request->parts[i].size);
	json_close_object(&json);
	ssize_t size = json_finish(&json);
	if (size < 0)
		refuse(requests, request->client, request->client_number, -ENOBUFS, "the answer does not fit");
	else
		requests->done(requests->data, request->client, request->client_number, 0, text, (size_t)size, -1);
}

static void finish_if_complete(struct request *request)
{
	if (!is_complete(request))
		return;
	if (request->client && __builtin_popcount(request->roles) == 1)
		finish_single(request, &request->parts[__builtin_ctz(request->roles)]);
	else if (request->client && !finish_doctor(request))
		finish_merged(request);
	request_free(request);
}

static int on_timeout(void *data, uint64_t now_ns)
{
	struct request *request = data;
	for (enum process_role role = 0; role < PROCESS_N_ROLES; role++)
		if (request->parts[role].awaited)
			part_fail(&request->parts[role], role, -ETIMEDOUT, "did not answer within 2 s");
	finish_if_complete(request);
	return 0;
}

/*
 * A session as an agent gets it: one end to the engine, the other on a lifeline whose far end becomes the client's. The
 * lifeline holds one session and then its end: a new one is asked for after a restart of the engine.
 */
static int make_session(struct request *request, int *ret_engine_fd)
{
	int session[2], lifeline[2];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, session) < 0)
		return -errno;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, lifeline) < 0) {
		int error = -errno;
		fd_close(session[0]);
		fd_close(session[1]);
		return error;
	}
	int r = fd_send(lifeline[0], "s", 1, &session[1], 1);
	fd_close(lifeline[0]);
	fd_close(session[1]);
	request->fd = lifeline[1];
	*ret_engine_fd = session[0];
	return r;
}

static void send_part(struct request *request, const struct ipc_request *original, const struct requests_asker *asker,
		      enum process_role role)
{
	struct ipc_request message = *original;
	_cleanup_(fd_closep) int engine_fd = -1;
	message.head.number = request->number;
	int r = 0;
	if (request->kind == IPC_REQUEST_EVENTS) {
		message.argument = (uint64_t)asker->uid << 32 | asker->pid;
		r = make_session(request, &engine_fd);
	}
	if (r >= 0)
		r = process_send(request->requests->process, role, &message, &engine_fd, engine_fd >= 0);
	request->parts[role].awaited = true;
	if (r < 0)
		part_fail(&request->parts[role], role, r,
			  r == -ENOTCONN ? "is being started" : "takes no requests now");
}

/* The part that control has itself. */
static void answer_self(struct request *request, const struct ipc_request *original)
{
	static const struct {
		int error;
		const char *why;
	} reasons[] = {{-ENODEV, "could not open the journal of actions at its start; its log says why"},
		       {-EINVAL, "expected agent=NAME and outcome=NAME to choose actions by, found another word"}};
	struct part *part = &request->parts[PROCESS_CONTROL];
	int r = actions_json(request->requests->journal, original->text, original->argument, &part->text, &part->size);
	const char *why = "has no memory left";
	for (size_t i = 0; i < ARRAY_SIZE(reasons); i++)
		if (reasons[i].error == r)
			why = reasons[i].why;
	if (r < 0)
		part_fail(part, PROCESS_CONTROL, r, why);
}

static unsigned roles_of(const struct row *row, const struct ipc_request *request)
{
	struct order order;
	if (row->kind == IPC_REQUEST_AGENT && !order_parse(request->text, &order))
		for (size_t i = 0; i < ARRAY_SIZE(engine_verbs); i++)
			if (strcmp(order.verb, engine_verbs[i]) == 0)
				return TO(ENGINE);
	return row->roles;
}

/* Who wanted what, and why: here, because the engine writes no log while somebody may wait for it. */
static void log_order(const struct ipc_request *request, const struct requests_asker *asker)
{
	struct order order;
	if (request->kind == IPC_REQUEST_AGENT && !order_parse(request->text, &order))
		log_notice("user %u (pid %u) wants: %s %s%s%s", asker->uid, asker->pid, order.verb, order.name,
			   order.reason[0] ? ": " : "", order.reason);
}

static int request_new(struct requests *requests, const struct ipc_request *original, void *client,
		       struct request **ret)
{
	struct request *request = calloc(1, sizeof(*request));
	if (!request)
		return -ENOMEM;
	request->requests = requests;
	request->number = ++requests->next_number;
	request->client_number = original->head.number;
	request->client = client;
	request->kind = original->kind;
	request->fd = -1;
	list_init(&request->link);
	int r = loop_add_timer(process_loop(requests->process), on_timeout, request, &request->timer);
	if (r >= 0)
		r = loop_source_arm(request->timer, clock_monotonic_ns() + TIMEOUT_NS);
	if (r < 0) {
		request_free(request);
		return r;
	}
	list_append(&requests->list, &request->link);
	*ret = request;
	return 0;
}

void requests_start(struct requests *requests, const struct ipc_request *original, const struct requests_asker *asker,
		    void *client)
{
	const struct row *row = rows;
	struct request *request;
	while (row < rows + ARRAY_SIZE(rows) && row->kind != original->kind)
		row++;
	if (row == rows + ARRAY_SIZE(rows)) {
		refuse(requests, client, original->head.number, -EOPNOTSUPP, "this request is not known");
		return;
	}
	if (!asker->admin || (row->permission == PERMISSION_ROOT && asker->uid != 0)) {
		refuse(requests, client, original->head.number, -EPERM,
		       asker->admin ? "only root may ask this" : "only root and the admin group may ask this");
		return;
	}
	if (request_new(requests, original, client, &request) < 0) {
		refuse(requests, client, original->head.number, -ENOMEM, "control has no room for another request");
		return;
	}
	log_order(original, asker);
	request->roles = roles_of(row, original);
	for (enum process_role role = 0; role < PROCESS_N_ROLES; role++)
		if (role != PROCESS_CONTROL && request->roles >> role & 1)
			send_part(request, original, asker, role);
	if (request->roles & TO(CONTROL))
		answer_self(request, original);
	finish_if_complete(request);
}

void requests_forget(struct requests *requests, const void *client)
{
	list_for_each (link, &requests->list) {
		struct request *request = list_entry(link, struct request, link);
		if (request->client == client)
			request->client = NULL;
	}
}

static struct request *find(struct requests *requests, uint64_t number)
{
	list_for_each (link, &requests->list) {
		struct request *request = list_entry(link, struct request, link);
		if (request->number == number)
			return request;
	}
	return NULL;
}

void requests_reply(struct requests *requests, enum process_role from, const struct ipc_reply *reply)
{
	struct request *request = find(requests, reply->head.number);
	if (!request || !request->parts[from].awaited)
		return; /* its time was over */
	struct part *part = &request->parts[from];
	size_t size = reply->head.size - sizeof(*reply);
	char *text = part->size + size <= PART_SIZE_MAX ? realloc(part->text, part->size + size + 1) : NULL;
	if (!text) {
		part_fail(part, from, -EMSGSIZE, "answered with more than 1 MiB");
	} else {
		memcpy(text + part->size, (const char *)reply + sizeof(*reply), size);
		part->text = text;
		part->size += size;
		part->error = reply->error;
		part->awaited = reply->more;
	}
	finish_if_complete(request);
}

void requests_peer_down(struct requests *requests, enum process_role role)
{
	list_for_each_safe (link, &requests->list) {
		struct request *request = list_entry(link, struct request, link);
		if (!request->parts[role].awaited)
			continue;
		part_fail(&request->parts[role], role, -ENOTCONN, "ended while it was asked");
		finish_if_complete(request);
	}
}

int requests_new(struct process *process, struct journal *journal, requests_done_fn *done, void *data,
		 struct requests **ret)
{
	struct requests *requests = calloc(1, sizeof(*requests));
	if (!requests)
		return -ENOMEM;
	*requests = (struct requests){.process = process, .journal = journal, .done = done, .data = data};
	list_init(&requests->list);
	*ret = requests;
	return 0;
}

struct requests *requests_free(struct requests *requests)
{
	if (!requests)
		return NULL;
	list_for_each_safe (link, &requests->list)
		request_free(list_entry(link, struct request, link));
	free(requests);
	return NULL;
}

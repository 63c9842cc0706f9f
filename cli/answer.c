/* SPDX-License-Identifier: Apache-2.0 */
#include "answer.h"

#include "base/clock.h"
#include "base/fd.h"
#include "wire/ipc.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#define TIMEOUT_MS 10000u
#define SIZE_MOST (16u << 20)

void answer_deinit(struct answer *answer)
{
	text_deinit(&answer->text);
	json_object_put(answer->json);
	answer->json = NULL;
	answer->fd = fd_close(answer->fd);
}

/* Errors of connect(2) that mean: nobody is there. */
static bool is_absent(int error)
{
	return error == ENOENT || error == ECONNREFUSED || error == ENOTDIR;
}

static int complain_of_connect(const char *path, int error)
{
	struct text text = {0};
	int code = CLI_INTERNAL;
	text_add_escaped(&text, path, strlen(path));
	if (is_absent(error)) {
		cli_complain("the platform is not running: nobody listens at %s; start it with 'systemctl start "
			     "ringside' or 'ringsided', or name its socket with --socket",
			     text_get(&text));
		code = CLI_NOT_RUNNING;
	} else if (error == EACCES || error == EPERM) {
		cli_complain("no permission to ask the platform at %s: be root, or in the admin group of its "
			     "configuration",
			     text_get(&text));
		code = CLI_REFUSED;
	} else if (error == ENAMETOOLONG) {
		cli_complain("the path of a socket has at most %zu bytes, and this is longer: %s",
			     sizeof(((struct sockaddr_un *)0)->sun_path) - 1, text_get(&text));
		code = CLI_USAGE;
	} else {
		cli_complain("cannot reach the platform at %s: %s", text_get(&text), strerror(error));
	}
	text_deinit(&text);
	return code;
}

/* A connected descriptor or -errno. flags: SOCK_NONBLOCK or 0. */
static int connect_to(const char *path, int flags)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	strcpy(address.sun_path, path);
	_cleanup_(fd_closep) int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | flags, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	return STEAL_FD(fd);
}

/* One reply into the answer. >0: an exit code; 0: more follows; -1: this was the last. */
static int receive(int socket, struct answer *answer, int32_t *ret_error)
{
	static union {
		struct ipc_reply reply;
		char bytes[IPC_MESSAGE_MAX];
	} message;
	int fds[FD_MESSAGE_MAX];
	size_t n_fds = 0;
	ssize_t size = fd_receive(socket, &message, sizeof(message), fds, &n_fds);
	if (size == -EAGAIN)
		return 0;
	if (size < 0) {
		cli_complain("the platform ended the connection without an answer: %s; 'ringside status' and its log "
			     "say how it is",
			     strerror((int)-size));
		return CLI_NOT_RUNNING;
	}
	for (size_t i = 0; i < n_fds; i++) {
		if (answer->fd < 0)
			answer->fd = STEAL_FD(fds[i]);
		fds[i] = fd_close(fds[i]);
	}
	if ((size_t)size < sizeof(message.reply) || message.reply.head.size != (size_t)size ||
	    message.reply.head.type != IPC_REPLY) {
		cli_complain("the platform's answer is not one this version knows: %zd bytes, type %u", size,
			     (size_t)size >= sizeof(struct ipc_head) ? message.reply.head.type : 0);
		return CLI_INTERNAL;
	}
	text_add_bytes(&answer->text, message.bytes + sizeof(message.reply), (size_t)size - sizeof(message.reply));
	*ret_error = message.reply.error;
	if (answer->text.size > SIZE_MOST) {
		cli_complain("the platform's answer is longer than %u bytes", SIZE_MOST);
		return CLI_INTERNAL;
	}
	return message.reply.more ? 0 : -1;
}

/* An error that the platform answered with. */
static int refuse(const struct answer *answer, int32_t error)
{
	static const struct {
		int error, code;
	} codes[] = {
		{EACCES, CLI_REFUSED},         {EPERM, CLI_REFUSED},         {ENOENT, CLI_NEGATIVE},
		{ESRCH, CLI_NEGATIVE},         {EINVAL, CLI_NEGATIVE},       {EALREADY, CLI_NEGATIVE},
		{EAGAIN, CLI_NOT_RUNNING},     {ENOTCONN, CLI_NOT_RUNNING},  {ETIMEDOUT, CLI_NOT_RUNNING},
		{ECONNRESET, CLI_NOT_RUNNING}, {EHOSTDOWN, CLI_NOT_RUNNING}, {EBUSY, CLI_NEGATIVE},
	};
	struct text text = {0};
	int code = CLI_INTERNAL;
	view_add(&text, answer->json, "error", strerror(error < 0 ? -error : error));
	cli_complain("%s", text_get(&text));
	text_deinit(&text);
	for (size_t i = 0; i < ARRAY_SIZE(codes); i++)
		if (codes[i].error == -error)
			code = codes[i].code;
	return code;
}

void answer_call_deinit(struct answer_call *call)
{
	answer_deinit(&call->answer);
	call->fd = fd_close(call->fd);
}

/* The whole answer is there: what is it? */
static int finish(struct answer_call *call, struct answer *ret_answer)
{
	struct answer *answer = &call->answer;
	struct text copy = {0};
	text_add_bytes(&copy, text_get(&answer->text), answer->text.size);
	answer->json = view_parse(copy.bytes, copy.size);
	text_deinit(&copy);
	if (call->error != 0)
		return refuse(answer, call->error);
	if (!json_object_is_type(answer->json, json_type_object)) {
		cli_complain("the platform's answer is not a JSON object; its log may say why");
		return CLI_INTERNAL;
	}
	*ret_answer = *answer;
	*answer = (struct answer){.fd = -1};
	return CLI_OK;
}

int answer_take(struct answer_call *call, struct answer *ret_answer)
{
	int r = receive(call->fd, &call->answer, &call->error);
	if (r == 0)
		return ANSWER_MORE;
	int code = r < 0 ? finish(call, ret_answer) : r;
	answer_call_deinit(call);
	return code;
}

/* fd: of connect_to(), consumed. */
static int begin(int fd, const char *path, const struct ipc_request *request, struct answer_call *ret_call)
{
	if (fd < 0)
		return complain_of_connect(path, -fd);
	int r = fd_send(fd, request, sizeof(*request), NULL, 0);
	if (r < 0) {
		fd_close(fd);
		return complain_of_connect(path, -r);
	}
	*ret_call = (struct answer_call){.fd = fd, .answer = {.fd = -1}};
	return CLI_OK;
}

static int wait_for(struct answer_call *call, struct answer *ret_answer)
{
	uint64_t deadline_ns = clock_monotonic_ns() + TIMEOUT_MS * NS_PER_MS;
	for (;;) {
		uint64_t now_ns = clock_monotonic_ns();
		struct pollfd poll_fd = {.fd = call->fd, .events = POLLIN};
		int n = now_ns < deadline_ns ? poll(&poll_fd, 1, (int)((deadline_ns - now_ns) / NS_PER_MS) + 1) : 0;
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			cli_complain("the platform did not answer within %u s", TIMEOUT_MS / 1000);
			answer_call_deinit(call);
			return CLI_NOT_RUNNING;
		}
		int r = answer_take(call, ret_answer);
		if (r != ANSWER_MORE)
			return r;
	}
}

static int fill(struct ipc_request *request, uint32_t kind, uint64_t argument, const char *text)
{
	*request = (struct ipc_request){
		.head = {.size = sizeof(*request), .type = IPC_REQUEST, .number = 1},
		.kind = kind,
		.argument = argument,
	};
	if (text && strlen(text) >= sizeof(request->text)) {
		cli_complain("at most %zu bytes can be said in a request", sizeof(request->text) - 1);
		return CLI_USAGE;
	}
	if (text)
		strcpy(request->text, text);
	return CLI_OK;
}

int answer_begin(const struct cli *cli, uint32_t kind, uint64_t argument, const char *text,
		 struct answer_call *ret_call)
{
	struct ipc_request request;
	int code = fill(&request, kind, argument, text);
	return code != CLI_OK ? code : begin(connect_to(cli->socket, SOCK_NONBLOCK), cli->socket, &request, ret_call);
}

int answer_ask(const struct cli *cli, uint32_t kind, uint64_t argument, const char *text, struct answer *ret_answer)
{
	struct ipc_request request;
	struct answer_call call;
	int code = fill(&request, kind, argument, text);
	if (code == CLI_OK)
		code = begin(connect_to(cli->socket, 0), cli->socket, &request, &call);
	return code == CLI_OK ? wait_for(&call, ret_answer) : code;
}

int answer_ask_if_running(const struct cli *cli, uint32_t kind, struct answer *ret_answer, bool *ret_absent)
{
	struct ipc_request request;
	struct answer_call call;
	int code = fill(&request, kind, 0, NULL), fd = connect_to(cli->socket, 0);
	*ret_absent = fd < 0 && is_absent(-fd);
	if (*ret_absent)
		return CLI_OK;
	if (code == CLI_OK)
		code = begin(fd, cli->socket, &request, &call);
	return code == CLI_OK ? wait_for(&call, ret_answer) : code;
}

void answer_print_json(const struct cli *cli, const struct answer *answer)
{
	struct text text = {0};
	text_add_json(&text, text_get(&answer->text), answer->text.size);
	output_line(&cli->out, OUTPUT_PLAIN, text_get(&text));
	text_deinit(&text);
}

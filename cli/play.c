/* SPDX-License-Identifier: Apache-2.0 */
#include "play.h"

#include "base/fd.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <cmocka.h>

const char *play_program, *play_testdata;
char play_folder[] = "/tmp/ringside-cli-test-XXXXXX";
char play_socket[64];

/* The platform's side of one connection; its exit code says whether the right thing was asked. */
int play_serve(int listener, const struct play *play)
{
	union {
		struct ipc_reply reply;
		struct ipc_request request;
		char bytes[sizeof(struct ipc_reply) + CHUNK_SIZE];
	} message;
	static char json[1u << 20];
	int connection = accept(listener, NULL, NULL);
	ssize_t size = recv(connection, &message, sizeof(message), 0);
	if (size != sizeof(message.request) || ipc_check(&message, (size_t)size) ||
	    message.request.kind != play->kind || message.request.argument != play->argument ||
	    strcmp(message.request.text, play->text ? play->text : "") != 0)
		return 1;
	if (play->hang_up)
		return 0;
	if (play->answer[0] == '{') {
		strcpy(json, play->answer);
	} else {
		char path[4096];
		snprintf(path, sizeof(path), "%s/%s", play_testdata, play->answer);
		if (fd_read_file(AT_FDCWD, path, json, sizeof(json)) < 0)
			return 2;
		json[strcspn(json, "\n")] = '\0';
	}
	for (const char *at = json; *at;) {
		size_t n = MIN(strlen(at), (size_t)CHUNK_SIZE);
		message.reply = (struct ipc_reply){
			.head = {.size = (uint32_t)(sizeof(message.reply) + n), .type = IPC_REPLY, .number = 1},
			.error = play->error,
			.more = at[n] != '\0',
		};
		memcpy(message.bytes + sizeof(message.reply), at, n);
		send(connection, &message, sizeof(message.reply) + n, 0);
		at += n;
	}
	return 0;
}

static int serve_all(int listener, const struct play *play)
{
	const struct play then = {IPC_REQUEST_STATUS, .answer = play->status};
	int r = play_serve(listener, play);
	return r == 0 && play->status ? play_serve(listener, &then) : r;
}

int play_listen(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	strcpy(address.sun_path, path);
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, 8), 0);
	return fd;
}

static char *read_back(const char *name)
{
	char path[128];
	char *bytes = malloc(OUTPUT_SIZE);
	snprintf(path, sizeof(path), "%s/%s", play_folder, name);
	assert_non_null(bytes);
	assert_true(fd_read_file(AT_FDCWD, path, bytes, OUTPUT_SIZE) >= 0);
	unlink(path);
	return bytes;
}

static void redirect(const char *name, int to)
{
	char path[128];
	snprintf(path, sizeof(path), "%s/%s", play_folder, name);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || dup2(fd, to) < 0)
		_exit(99);
}

struct run run_command(const char *const *args)
{
	struct run run;
	char *argv[32] = {strdup("ringside")};
	for (size_t i = 0; args[i]; i++)
		argv[i + 1] = strdup(args[i]);
	pid_t pid = fork();
	if (pid == 0) {
		redirect("out", STDOUT_FILENO);
		redirect("err", STDERR_FILENO);
		execv(play_program, argv);
		_exit(99);
	}
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	run.code = WEXITSTATUS(status);
	run.out = read_back("out");
	run.err = read_back("err");
	for (size_t i = 0; argv[i]; i++)
		free(argv[i]);
	return run;
}

void run_free(struct run *run)
{
	free(run->out);
	free(run->err);
}

/* Runs the command while the platform is played. */
struct run run_played(const char *const *args, const struct play *play)
{
	int listener = play_listen(play_socket);
	pid_t pid = fork();
	if (pid == 0)
		_exit(serve_all(listener, play));
	close(listener);
	struct run run = run_command(args);
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	unlink(play_socket);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) != 0)
		fail_msg("the request was not the expected one (%d); standard error: %s", WEXITSTATUS(status), run.err);
	return run;
}

/* Nothing that a terminal obeys, and no line wider than 80 columns but for one unbroken word. */
void check_harmless(const char *name, const char *out)
{
	for (const unsigned char *p = (const unsigned char *)out; *p; p++)
		if ((*p < 0x20 && *p != '\n') || *p == 0x7f || (*p == 0xc2 && p[1] >= 0x80 && p[1] <= 0x9f) ||
		    (*p == 0xe2 && p[1] == 0x80 && p[2] == 0xae))
			fail_msg("%s: byte %02x at %td can be obeyed by a terminal", name, *p,
				 p - (const unsigned char *)out);
}

void check_width(const char *name, const char *out)
{
	while (*out) {
		size_t size = strcspn(out, "\n");
		if (text_columns(out, size) > 80)
			fail_msg("%s: a line of %zu columns: %.*s", name, text_columns(out, size), (int)size, out);
		out += size + (out[size] == '\n');
	}
}

void check_golden(const char *name, const char *out)
{
	char path[4096];
	static char expected[OUTPUT_SIZE];
	snprintf(path, sizeof(path), "%s/%s", play_testdata, name);
	if (getenv("RINGSIDE_TEST_UPDATE")) {
		FILE *file = fopen(path, "w");
		assert_non_null(file);
		fputs(out, file);
		fclose(file);
		return;
	}
	if (fd_read_file(AT_FDCWD, path, expected, sizeof(expected)) < 0)
		fail_msg("%s cannot be read", path);
	if (strcmp(out, expected) != 0)
		fail_msg("%s: expected:\n%s\ncame:\n%s", name, expected, out);
}

int play_setup(void **state)
{
	setlocale(LC_CTYPE, "C.UTF-8");
	if (!mkdtemp(play_folder))
		return -1;
	snprintf(play_socket, sizeof(play_socket), "%s/control.sock", play_folder);
	setenv("RINGSIDE_SOCKET", play_socket, 1);
	/* stands for the program that reads configurations, and finds each one good */
	char path[96];
	snprintf(path, sizeof(path), "%s/ringside-config", play_folder);
	if (symlink("/bin/true", path) < 0)
		return -1;
	setenv("RINGSIDE_LIBEXECDIR", play_folder, 1);
	setenv("TZ", "UTC", 1);
	setenv("TERM", "xterm", 1);
	unsetenv("COLUMNS");
	unsetenv("NO_COLOR");
	return 0;
}

int play_teardown(void **state)
{
	char path[96];
	snprintf(path, sizeof(path), "%s/ringside-config", play_folder);
	unlink(path);
	return rmdir(play_folder);
}

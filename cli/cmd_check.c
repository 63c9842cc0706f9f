/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_check: `ringside check FILE`: has the process that reads the configuration for the platform read this file, or
 * this manifest. So there is one parser, and what it says here is what it will say then.
 */
#include "base/fd.h"
#include "cli.h"
#include "view.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define LIBEXECDIR_ENV "RINGSIDE_LIBEXECDIR"
#define MESSAGES_SIZE 65536u

/* Runs `ringside-config WAY FILE`; its standard error comes through the pipe. Does not return. */
static void run_config(const char *way, const char *file, int to)
{
	const char *folder = getenv(LIBEXECDIR_ENV);
	char path[4096];
	snprintf(path, sizeof(path), "%s/ringside-config", folder && *folder ? folder : RINGSIDE_LIBEXECDIR);
	if (dup2(to, STDOUT_FILENO) < 0 || dup2(to, STDERR_FILENO) < 0)
		_exit(126);
	execl(path, "ringside-config", way, file, (char *)NULL);
	dprintf(STDERR_FILENO, "%s cannot be started: %m; is Ringside installed?\n", path);
	_exit(127);
}

/* Everything until end of file; what does not fit is read and dropped. */
static void read_all(int fd, struct text *text)
{
	char buffer[4096];
	for (;;) {
		ssize_t n = read(fd, buffer, sizeof(buffer));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return;
		if (text->size + (size_t)n < MESSAGES_SIZE)
			text_add_bytes(text, buffer, (size_t)n);
	}
}

static void print_human(const struct cli *cli, const char *file, const char *messages, bool good)
{
	while (*messages) {
		size_t size = strcspn(messages, "\n");
		struct text line = {0};
		text_add_escaped(&line, messages, size);
		output_line(&cli->out, OUTPUT_PLAIN, text_get(&line));
		text_deinit(&line);
		messages += size + (messages[size] == '\n');
	}
	struct text line = {0};
	text_add_escaped(&line, file, strlen(file));
	text_add(&line, good ? ": good" : ": not usable");
	output_line(&cli->out, good ? OUTPUT_GOOD : OUTPUT_BAD, text_get(&line));
	text_deinit(&line);
}

static void print_json(const struct cli *cli, const char *file, const struct text *messages, bool good)
{
	struct json_object *json = json_object_new_object();
	json_object_object_add(json, "file", json_object_new_string(file));
	json_object_object_add(json, "good", json_object_new_boolean(good));
	json_object_object_add(json, "messages", json_object_new_string_len(text_get(messages), (int)messages->size));
	const char *bytes = json_object_to_json_string_ext(json, JSON_C_TO_STRING_PLAIN);
	struct text line = {0};
	text_add_json(&line, bytes, strlen(bytes));
	output_line(&cli->out, OUTPUT_PLAIN, text_get(&line));
	text_deinit(&line);
	json_object_put(json);
}

static int child_code(pid_t pid)
{
	int status;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return CLI_INTERNAL;
	if (!WIFEXITED(status) || WEXITSTATUS(status) >= 126)
		return CLI_INTERNAL;
	return WEXITSTATUS(status) == 0 ? CLI_OK : CLI_USAGE;
}

int cmd_check(struct cli *cli)
{
	const char *file = cli->words[0], *way = cli_value(cli, "manifest") ? "--check-manifest" : "--check";
	int ends[2];
	struct text messages = {0};
	if (access(file, R_OK) < 0) {
		struct text text = {0};
		text_add_escaped(&text, file, strlen(file));
		cli_complain("%s cannot be read: %m", text_get(&text));
		text_deinit(&text);
		return CLI_USAGE;
	}
	if (pipe2(ends, O_CLOEXEC) < 0)
		return CLI_INTERNAL;
	pid_t pid = fork();
	if (pid < 0) {
		fd_close(ends[0]);
		fd_close(ends[1]);
		return CLI_INTERNAL;
	}
	if (pid == 0)
		run_config(way, file, ends[1]);
	fd_close(ends[1]);
	read_all(ends[0], &messages);
	fd_close(ends[0]);
	int code = child_code(pid);
	if (cli->json)
		print_json(cli, file, &messages, code == CLI_OK);
	else
		print_human(cli, file, text_get(&messages), code == CLI_OK);
	text_deinit(&messages);
	return code;
}

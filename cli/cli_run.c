/* SPDX-License-Identifier: Apache-2.0 */
#include "cli_run.h"

#include "base/fd.h"

#include <fcntl.h>
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <cmocka.h>

const char *cli_run_program, *cli_run_testdata;
char cli_run_folder[] = "/tmp/ringside-cli-test-XXXXXX";
char cli_run_socket[64];

void cli_run_arguments(int argc, char **argv)
{
	if (argc != 3) {
		fprintf(stderr, "usage: %s RINGSIDE TESTDATA\n", argv[0]);
		exit(2);
	}
	cli_run_program = argv[1];
	cli_run_testdata = argv[2];
}

int cli_run_setup(void **state)
{
	setlocale(LC_CTYPE, "C.UTF-8");
	if (!mkdtemp(cli_run_folder))
		return -1;
	snprintf(cli_run_socket, sizeof(cli_run_socket), "%s/control.sock", cli_run_folder);
	setenv("RINGSIDE_SOCKET", cli_run_socket, 1);
	setenv("TZ", "UTC", 1);
	setenv("TERM", "xterm", 1);
	unsetenv("COLUMNS");
	unsetenv("NO_COLOR");
	return 0;
}

int cli_run_teardown(void **state)
{
	return rmdir(cli_run_folder);
}
int listen_at(const char *path)
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
	char *bytes = malloc(CLI_RUN_OUTPUT_SIZE);
	snprintf(path, sizeof(path), "%s/%s", cli_run_folder, name);
	assert_non_null(bytes);
	assert_true(fd_read_file(AT_FDCWD, path, bytes, CLI_RUN_OUTPUT_SIZE) >= 0);
	unlink(path);
	return bytes;
}

static void redirect(const char *name, int to)
{
	char path[128];
	snprintf(path, sizeof(path), "%s/%s", cli_run_folder, name);
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
		execv(cli_run_program, argv);
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

void check_harmless(const char *name, const char *out)
{
	for (const unsigned char *p = (const unsigned char *)out; *p; p++)
		if ((*p < 0x20 && *p != '\n') || *p == 0x7f || (*p == 0xc2 && p[1] >= 0x80 && p[1] <= 0x9f) ||
		    (*p == 0xe2 && p[1] == 0x80 && p[2] == 0xae))
			fail_msg("%s: byte %02x at %td can be obeyed by a terminal", name, *p,
				 p - (const unsigned char *)out);
}

void check_golden(const char *name, const char *out)
{
	char path[4096];
	static char expected[CLI_RUN_OUTPUT_SIZE];
	snprintf(path, sizeof(path), "%s/%s", cli_run_testdata, name);
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

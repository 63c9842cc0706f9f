/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli_test: the whole command against a platform that is played here: each case is one command line, the request that
 * must arrive, the answer that is played, and then the exit code and the output, byte for byte.
 *
 *     cli_test RINGSIDE TESTDATA        with RINGSIDE_TEST_UPDATE=1 the expected output is written anew
 */
#include "base/fd.h"
#include "play.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include <cmocka.h>

#define TEN "0123456789"
#define LONG_REASON TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN "12345678"

static const struct {
	const char *golden;
	const char *args[8];
	struct play play;
	int code;
	bool wide; /* has words that are longer than a line */
} cases[] = {
	{"status.txt", {"status"}, {IPC_REQUEST_STATUS, .answer = "status.json"}, 0},
	{"status-bad.txt", {"status"}, {IPC_REQUEST_STATUS, .answer = "status-bad.json"}, 1},
	{"status-parts.txt", {"status"}, {IPC_REQUEST_STATUS, .answer = "status-parts.json"}, 1},
	{"status-empty.txt", {"status"}, {IPC_REQUEST_STATUS, .answer = "status-empty.json"}, 1},
	{"status-odd.txt", {"status"}, {IPC_REQUEST_STATUS, .answer = "status-odd.json"}, 1},
	{"status-hostile.txt", {"status"}, {IPC_REQUEST_STATUS, .answer = "status-hostile.json"}, 1, .wide = true},
	{"status.json", {"status", "--json"}, {IPC_REQUEST_STATUS, .answer = "status.json"}, 0, .wide = true},
	{"status-bad.json", {"--json", "status"}, {IPC_REQUEST_STATUS, .answer = "status-bad.json"}, 1, .wide = true},
	{"agents.txt", {"agents"}, {IPC_REQUEST_STATUS, .answer = "status.json"}, 0},
	{"agents-bad.txt", {"agents", "list"}, {IPC_REQUEST_STATUS, .answer = "status-bad.json"}, 1},
	{"agents-bench.txt",
	 {"agents", "bench", "reputation"},
	 {IPC_REQUEST_AGENT, .text = "bench reputation", .answer = "{\"ok\":true}"},
	 0},
	{"agents-bench.txt",
	 {"agents", "bench", "reputation", "--reason", "it is slow"},
	 {IPC_REQUEST_AGENT, .text = "bench reputation\nit is slow", .answer = "{}"},
	 0},
	{"agents-orders.txt", {"agents"}, {IPC_REQUEST_STATUS, .answer = "status-orders.json"}, 1},
	{"agents-hostile.txt", {"agents"}, {IPC_REQUEST_STATUS, .answer = "status-hostile.json"}, 1, .wide = true},
	{"agents-nearest.txt",
	 {"agents", "bench", "reputatoin"},
	 {IPC_REQUEST_AGENT, .text = "bench reputatoin", .answer = "{\"error\":\"there is no agent 'reputatoin'\"}",
	  .error = -ENOENT, .status = "status.json"},
	 1},
	{"agents-names.txt",
	 {"agents", "start", "zzz"},
	 {IPC_REQUEST_AGENT, .text = "start zzz", .answer = "{\"error\":\"there is no agent 'zzz'\"}", .error = -ENOENT,
	  .status = "status.json"},
	 1},
	{"agents-restart.txt",
	 {"agents", "restart", "--", "a b"},
	 {IPC_REQUEST_AGENT, .text = "restart a b", .answer = "{}"},
	 0},
	{"agents-unknown.txt",
	 {"agents", "stop", "x"},
	 {IPC_REQUEST_AGENT, .text = "stop x", .answer = "{\"error\":\"there is no agent x\"}", .error = -ENOENT},
	 1},
	{"explain-deny.txt", {"explain", "4711"}, {IPC_REQUEST_EXPLAIN, 4711, .answer = "explain-deny.json"}, 0},
	{"explain-allow.txt", {"explain", "4712"}, {IPC_REQUEST_EXPLAIN, 4712, .answer = "explain-allow.json"}, 0},
	{"explain-empty.txt",
	 {"explain", "18446744073709551615"},
	 {IPC_REQUEST_EXPLAIN, UINT64_MAX, .answer = "explain-empty.json"},
	 0},
	{"explain-hostile.txt",
	 {"explain", "1"},
	 {IPC_REQUEST_EXPLAIN, 1, .answer = "explain-hostile.json"},
	 0,
	 .wide = true},
	{"explain-hostile.out.json",
	 {"explain", "1", "--json"},
	 {IPC_REQUEST_EXPLAIN, 1, .answer = "explain-hostile.json"},
	 0,
	 .wide = true},
	{"explain-unknown.txt",
	 {"explain", "1"},
	 {IPC_REQUEST_EXPLAIN, 1, .answer = "{\"error\":\"event 1 is not known\"}", .error = -ENOENT},
	 1},
	{"denials.txt", {"denials"}, {IPC_REQUEST_DENIALS, 20, .answer = "denials.json"}, 0},
	{"denials-none.txt", {"denials", "--count", "5"}, {IPC_REQUEST_DENIALS, 5, .answer = "denials-none.json"}, 0},
	{"denials-hostile.txt",
	 {"denials", "--count=1"},
	 {IPC_REQUEST_DENIALS, 1, .answer = "denials-hostile.json"},
	 0,
	 .wide = true},
	{"actions.txt", {"actions"}, {IPC_REQUEST_ACTIONS, 20, .answer = "actions.json"}, 1},
	{"actions.out.json",
	 {"actions", "--json"},
	 {IPC_REQUEST_ACTIONS, 20, .answer = "actions.json"},
	 1,
	 .wide = true},
	{"actions-none.txt",
	 {"actions", "--agent", "a", "--outcome=done", "--count", "3"},
	 {IPC_REQUEST_ACTIONS, 3, .text = "agent=a outcome=done", .answer = "{\"actions\":[],\"damaged\":0}"},
	 0},
	{"doctor.txt", {"doctor"}, {IPC_REQUEST_DOCTOR, .answer = "doctor.json"}, 0},
	{"doctor-bad.txt", {"doctor"}, {IPC_REQUEST_DOCTOR, .answer = "doctor-bad.json"}, 1},
	{"refused.txt", {"status"}, {IPC_REQUEST_STATUS, .answer = "{\"error\":\"not for you\"}", .error = -EPERM}, 4},
	{"engine-away.txt",
	 {"explain", "1"},
	 {IPC_REQUEST_EXPLAIN, 1, .answer = "{\"error\":\"the engine does not answer\"}", .error = -ETIMEDOUT},
	 3},
	{"hang-up.txt", {"status"}, {IPC_REQUEST_STATUS, .hang_up = true}, 3},
	{"not-json.txt", {"status"}, {IPC_REQUEST_STATUS, .answer = "{\"a\":\"\x1b[2J"}, 5},
	{"two-jsons.txt", {"status"}, {IPC_REQUEST_STATUS, .answer = "{} {}"}, 5},
};

/* Whole runs: answer → words. */
static void test_goldens(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct run run;
		if (cases[i].play.kind == 0)
			continue;
		run = run_played(cases[i].args, &cases[i].play);
		if (run.code != cases[i].code)
			fail_msg("%s: exit code %d, expected %d; standard error: %s", cases[i].golden, run.code,
				 cases[i].code, run.err);
		check_harmless(cases[i].golden, run.out);
		check_harmless(cases[i].golden, run.err);
		if (!cases[i].wide)
			check_width(cases[i].golden, run.out);
		/* complaints belong to what must not change by chance, too */
		strcat(run.out, run.err);
		check_golden(cases[i].golden, run.out);
		run_free(&run);
	}
}

/* Command lines that are answered without a platform. */
static void test_usage(void **state)
{
	static const struct {
		const char *args[8];
		int code;
		const char *out, *err; /* must be contained */
	} lines[] = {
		{{NULL}, 2, "Usage: ringside COMMAND", ""},
		{{"help"}, 0, "explain EVENT", ""},
		{{"--help"}, 0, "explain EVENT", ""},
		{{"-h"}, 0, "explain EVENT", ""},
		{{"help", "events"}, 0, "--path PREFIX", ""},
		{{"events", "--help"}, 0, "--path PREFIX", ""},
		{{"--version"}, 0, "ringside " RINGSIDE_VERSION "\n", ""},
		{{"statsu"}, 2, "", "did you mean 'status'?"},
		{{"expl"}, 2, "", "did you mean 'explain'?"},
		{{"help", "doctro"}, 2, "", "did you mean doctor"},
		{{"frobnicate"}, 2, "", "'ringside help' lists them"},
		{{"\x1b[2J"}, 2, "", "'\\x1b[2J'"},
		{{"status", "--colour"}, 2, "", "there is no option '--colour'"},
		{{"status", "-x"}, 2, "", "options are long"},
		{{"status", "--json=yes"}, 2, "", "takes none"},
		{{"status", "--socket"}, 2, "", "'--socket' wants a value"},
		{{"status", "more"}, 2, "", "'status' is used like this: ringside status"},
		{{"explain"}, 2, "", "ringside explain EVENT"},
		{{"explain", "12x"}, 2, "", "is '12x'"},
		{{"explain", "-1"}, 2, "", "there is no option"},
		{{"explain", "--", "-1"}, 2, "", "whole number"},
		{{"explain", "18446744073709551616"}, 2, "", "whole number"},
		{{"denials", "--count", "many"}, 2, "", "--count must be a whole number"},
		{{"actions", "--count", "2001"}, 2, "", "--count must be"},
		{{"actions", "--agent", "a b"}, 2, "", "--agent must be a name without blanks"},
		{{"actions", "--outcome", ""}, 2, "", "--outcome must be a name"},
		{{"agents", "bench"}, 2, "", "wants the name of an agent"},
		{{"agents", "kill", "x"}, 2, "", "'agents' takes no words 'kill'"},
		{{"agents", "bnech", "x"}, 2, "", "did you mean 'bench'?"},
		{{"agents", "--reason", "x"}, 2, "", "--reason belongs to a change"},
		{{"agents", "bench", "a\nb"}, 2, "", "line break"},
		{{"agents", "bench", ""}, 2, "", "expected the name"},
		{{"agents", "bench", "a", "--reason", LONG_REASON}, 2, "", "at most 127 bytes"},
		{{"top"}, 3, "", "the platform is not running"},
		{{"top", "--interval", "0"}, 2, "", "--interval must be seconds from 0.1 to 3600, and is '0'"},
		{{"top", "--interval", "nan"}, 2, "", "--interval must be"},
		{{"top", "--interval", "1x"}, 2, "", "--interval must be"},
		{{"top", "--sort", "size"}, 2, "", "--sort must be name"},
		{{"top", "--batch", "-n", "x"}, 2, "", "--count must be"},
		{{"top", "-n"}, 2, "", "'--count' wants a value"},
		{{"top", "-nx"}, 2, "", "options are long"},
		{{"events", "--type", "exce"}, 2, "", "no event or family 'exce'"},
		{{"events", "--type", "auth_exec"}, 2, "", "question to the agents"},
		{{"events", "--denied", "--type", "exec"}, 2, "", "--denied"},
		{{"events", "--pid", "4294967296"}, 2, "", "--pid must be"},
		{{"check", "/nonexistent/ringside.yaml"}, 2, "", "cannot be read"},
		{{"check", "--manifest", "/nonexistent/guard.yaml"}, 2, "", "cannot be read"},
		{{"check", "--manifest=guard.yaml"}, 2, "", "an option that takes none"},
		{{"status"}, 3, "", "the platform is not running"},
		{{"events"}, 3, "", "the platform is not running"},
		{{"explain", "1"}, 3, "", "the platform is not running"},
		{{"--socket", "/nonexistent/control.sock", "denials"}, 3, "", "/nonexistent/control.sock"},
		{{"doctor", "--json"}, -1, "\"running\":false", ""},
		{{"doctor"}, -1, "the platform is not running", ""},
	};
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		struct run run = run_command(lines[i].args);
		if (lines[i].code >= 0 && run.code != lines[i].code)
			fail_msg("line %zu: exit code %d, expected %d: %s", i, run.code, lines[i].code, run.err);
		if (!strstr(run.out, lines[i].out) || !strstr(run.err, lines[i].err))
			fail_msg("line %zu: standard output:\n%sstandard error:\n%s", i, run.out, run.err);
		check_harmless("standard error", run.err);
		if (run.code != 0 || strstr(run.out, "Usage"))
			check_width("help", run.out);
		run_free(&run);
	}
}

/* Two looks, one block of text; the second look finds no platform: said in the block, and by the exit code. */
static void test_top_batch(void **state)
{
	static const char *const args[] = {"top", "--batch", "-n", "1", "--interval", "0.1", "--lines", "3", NULL};
	static const struct play plays[] = {
		{IPC_REQUEST_STATUS, .answer = "status.json", .status = "status.json"},
		{IPC_REQUEST_STATUS, .answer = "status.json"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(plays); i++) {
		struct run run = run_played(args, &plays[i]);
		if (run.code != (i == 0 ? 0 : 3))
			fail_msg("exit code %d; %s", run.code, run.err);
		check_harmless("top", run.out);
		check_width("top", run.out);
		assert_non_null(
			strstr(run.out, i == 0 ? "reputation   live            0" : "reputation   live            -"));
		assert_non_null(strstr(run.out, "3 of 6 rows"));
		assert_null(strchr(run.out, '\033'));
		assert_int_equal(strstr(run.out, "the platform is not running") != NULL, i == 1);
		run_free(&run);
	}
}

static void test_socket_too_long(void **state)
{
	char path[300];
	const char *args[] = {"--socket", path, "status", NULL};
	memset(path, 'x', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	struct run run = run_command(args);
	assert_int_equal(run.code, 2);
	run_free(&run);
}

/* On a terminal, with and without NO_COLOR. */
static void test_colour(void **state)
{
	static const struct play play = {IPC_REQUEST_STATUS, .answer = "status-bad.json"};
	for (int round = 0; round < 2; round++) {
		int terminal = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), status;
		char *name, buffer[65536];
		size_t size = 0;
		assert_true(terminal >= 0 && grantpt(terminal) == 0 && unlockpt(terminal) == 0);
		name = ptsname(terminal);
		int keep = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC), listener = play_listen(play_socket);
		pid_t server = fork();
		if (server == 0)
			_exit(play_serve(listener, &play));
		close(listener);
		pid_t pid = fork();
		if (pid == 0) {
			dup2(keep, STDOUT_FILENO);
			if (round)
				setenv("NO_COLOR", "1", 1);
			execl(play_program, "ringside", "status", (char *)NULL);
			_exit(99);
		}
		/* what fits into a terminal's buffer is little: read while it runs, until both sides closed it */
		close(keep);
		for (ssize_t n; (n = read(terminal, buffer + size, sizeof(buffer) - 1 - size)) > 0;)
			size += (size_t)n;
		buffer[size] = '\0';
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(WEXITSTATUS(status), 1);
		assert_int_equal(waitpid(server, &status, 0), server);
		unlink(play_socket);
		close(terminal);
		assert_non_null(strstr(buffer, "benched"));
		if (round)
			assert_null(strchr(buffer, '\033'));
		else
			assert_non_null(strstr(buffer, "\033[31m"));
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_goldens),   cmocka_unit_test(test_usage),  cmocka_unit_test(test_socket_too_long),
		cmocka_unit_test(test_top_batch), cmocka_unit_test(test_colour),
	};
	if (argc != 3) {
		fputs("usage: cli_test RINGSIDE TESTDATA\n", stderr);
		return 2;
	}
	play_program = argv[1];
	play_testdata = argv[2];
	return cmocka_run_group_tests(tests, play_setup, play_teardown);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json_test: with --json standard output is JSON, however a command ends.
 *
 *     json_test RINGSIDE TESTDATA
 */
#include "base/macro.h"
#include "play.h"

#include <errno.h>
#include <json-c/json.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* Every command in every way to end, with --json. */
static const struct json_line {
	const char *args[8];
	struct play play; /* none: the platform is not running */
	int code; /* -1: what this machine is like */
} json_lines[] = {
	{{"--json", "status"}, {IPC_REQUEST_STATUS, .answer = "status.json"}, 0},
	{{"--json", "status"}, {0}, 3},
	{{"--json", "status", "x"}, {0}, 2},
	{{"--json", "status"}, {IPC_REQUEST_STATUS, .answer = "{\"error\":\"not for you\"}", .error = -EPERM}, 4},
	{{"--json", "status"}, {IPC_REQUEST_STATUS, .answer = "{} {}"}, 5},
	{{"--json", "events", "--list"}, {0}, 0},
	{{"--json", "events"}, {0}, 3},
	{{"--json", "events", "--type", "exce"}, {0}, 2},
	{{"--json", "events", "--tree", "--replay", "/nonexistent"}, {0}, 2},
	{{"--json", "explain", "4711"}, {IPC_REQUEST_EXPLAIN, 4711, .answer = "explain-deny.json"}, 0},
	{{"--json", "explain", "5"}, {IPC_REQUEST_EXPLAIN, 5, .answer = "{\"error\":\"no\"}", .error = -ENOENT}, 1},
	{{"--json", "explain", "5"}, {0}, 3},
	{{"--json", "explain", "five\033[2J"}, {0}, 2},
	{{"--json", "denials"}, {IPC_REQUEST_DENIALS, 20, .answer = "denials.json"}, 0},
	{{"--json", "denials"}, {0}, 3},
	{{"--json", "denials", "--count", "x"}, {0}, 2},
	{{"--json", "actions"}, {IPC_REQUEST_ACTIONS, 20, .answer = "actions.json"}, 1},
	{{"--json", "actions"}, {IPC_REQUEST_ACTIONS, 20, .answer = "{\"actions\":[]}"}, 0},
	{{"--json", "actions"}, {0}, 3},
	{{"--json", "actions", "--agent", "a b"}, {0}, 2},
	{{"--json", "agents"}, {IPC_REQUEST_STATUS, .answer = "status.json"}, 0},
	{{"--json", "agents", "bench", "a"}, {IPC_REQUEST_AGENT, .text = "bench a", .answer = "{\"ok\":true}"}, 0},
	{{"--json", "agents", "bench", "z"},
	 {IPC_REQUEST_AGENT, .text = "bench z", .answer = "{\"error\":\"there is no agent 'z'\"}", .error = -ENOENT,
	  .status = "status.json"},
	 1},
	{{"--json", "agents"}, {0}, 3},
	{{"--json", "agents", "bnech", "a"}, {0}, 2},
	{{"--json", "top", "-n", "1", "--interval", "0.1"},
	 {IPC_REQUEST_STATUS, .answer = "status.json", .status = "status.json"},
	 0},
	{{"--json", "top"}, {0}, 3},
	{{"--json", "top", "--sort", "size"}, {0}, 2},
	{{"--json", "doctor"}, {IPC_REQUEST_DOCTOR, .answer = "doctor.json"}, 0},
	{{"--json", "doctor"}, {IPC_REQUEST_DOCTOR, .answer = "doctor-bad.json"}, 1},
	{{"--json", "doctor"}, {0}, -1},
	{{"--json", "doctor", "x"}, {0}, 2},
	{{"--json", "check", "/dev/null"}, {0}, 0},
	{{"--json", "check", "/nonexistent"}, {0}, 2},
	{{"--json", "check"}, {0}, 2},
	{{"--json", "help"}, {0}, 0},
	{{"--json", "help", "top"}, {0}, 0},
	{{"--json", "help", "nosuch"}, {0}, 2},
	{{"--json", "--version"}, {0}, 0},
	{{"--json", "--help"}, {0}, 0},
	{{"status", "--help", "--json"}, {0}, 0},
	{{"--json"}, {0}, 2},
	{{"nosuch", "--json"}, {0}, 2},
	{{"--nosuch", "status", "--json"}, {0}, 2},
	{{"status", "--json", "--socket"}, {0}, 2},
};

/* Each line of standard output as one object; the last is returned, and is the caller's to put. */
static struct json_object *parse_lines(size_t line, const char *out)
{
	struct json_object *last = NULL;
	if (!*out)
		fail_msg("line %zu: nothing on standard output", line);
	while (*out) {
		size_t size = strcspn(out, "\n");
		struct json_tokener *tokener = json_tokener_new();
		json_object_put(last);
		last = json_tokener_parse_ex(tokener, out, (int)size + 1); /* the end of the line ends a number, too */
		if (!json_object_is_type(last, json_type_object) || json_tokener_get_parse_end(tokener) < size)
			fail_msg("line %zu: not one JSON object: %.*s", line, (int)size, out);
		json_tokener_free(tokener);
		out += size + (out[size] == '\n');
	}
	return last;
}

static void check_error(size_t line, const struct run *run, struct json_object *error)
{
	static const char *const kinds[] = {"", "negative", "usage", "not_running", "refused", "internal"};
	const char *message = json_object_get_string(json_object_object_get(error, "message"));
	assert_int_equal(json_object_get_int(json_object_object_get(error, "exit")), run->code);
	assert_string_equal(json_object_get_string(json_object_object_get(error, "kind")), kinds[run->code]);
	assert_true(message && *message);
	/* words as on standard error; of several complaints the first */
	if (strncmp(run->err, "ringside: ", 10) != 0 || strncmp(run->err + 10, message, strcspn(run->err + 10, "\n")))
		fail_msg("line %zu: '%s' is not what standard error says: %s", line, message, run->err);
}

static void check_json_line(size_t line)
{
	const struct json_line *row = &json_lines[line];
	struct run run = row->play.kind ? run_played(row->args, &row->play) : run_command(row->args);
	if (row->code >= 0 && run.code != row->code)
		fail_msg("line %zu: exit code %d, expected %d: %s", line, run.code, row->code, run.err);
	struct json_object *last = parse_lines(line, run.out), *error = json_object_object_get(last, "error");
	check_harmless("JSON", run.out);
	if ((error != NULL) != (run.err[0] != '\0') || (run.code >= 2 && !error))
		fail_msg("line %zu: standard output:\n%sstandard error:\n%s", line, run.out, run.err);
	if (error)
		check_error(line, &run, error);
	json_object_put(last);
	run_free(&run);
}

/* Whether the table has this command with this exit code. */
static bool is_covered(const char *command, int code)
{
	for (size_t i = 0; i < ARRAY_SIZE(json_lines); i++)
		if (json_lines[i].code == code && json_lines[i].args[1] && strcmp(json_lines[i].args[1], command) == 0)
			return true;
	return false;
}

static void test_json(void **state)
{
	static const char *const args[] = {"help", "--json", NULL};
	static const char *const alone[] = {"help", "check", "doctor"}; /* these need no platform */
	struct run run = run_command(args);
	struct json_object *help = parse_lines(0, run.out), *commands = json_object_object_get(help, "commands");
	assert_true(json_object_array_length(commands) > 5);
	for (size_t i = 0; i < json_object_array_length(commands); i++) {
		struct json_object *row = json_object_array_get_idx(commands, i);
		const char *name = json_object_get_string(json_object_object_get(row, "name"));
		bool needs_platform = true;
		for (size_t j = 0; j < ARRAY_SIZE(alone); j++)
			needs_platform = needs_platform && strcmp(name, alone[j]) != 0;
		if (!is_covered(name, 0) || !is_covered(name, 2) || (needs_platform && !is_covered(name, 3)))
			fail_msg("%s is not in the table in all ways to end", name);
	}
	json_object_put(help);
	run_free(&run);
	for (size_t i = 0; i < ARRAY_SIZE(json_lines); i++)
		check_json_line(i);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_json),
	};
	if (argc != 3) {
		fputs("usage: json_test RINGSIDE TESTDATA\n", stderr);
		return 2;
	}
	play_program = argv[1];
	play_testdata = argv[2];
	return cmocka_run_group_tests(tests, play_setup, play_teardown);
}

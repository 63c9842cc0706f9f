/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli_events_test: `ringside events` against an engine that is played here, and recordings: written, read, cut.
 *
 *     cli_events_test RINGSIDE TESTDATA        with RINGSIDE_TEST_UPDATE=1 the expected output is written anew
 */
#include "base/fd.h"
#include "play.h"
#include "recorder/recording.h"
#include "wire/event_build.h"
#include "wire/ipc.h"

#include "lib/fake_engine.h"

#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <cmocka.h>

/* A denied event and one lost, and an exec in front of them, for whoever listens. */
static void fill_ring(struct fake_engine *fake)
{
	static _Alignas(8) char buffer[8192];
	for (unsigned i = 0; i < 3; i++) {
		static const uint16_t types[] = {RS_EVENT_EXEC, RS_EVENT_DENIED, RS_EVENT_LOST};
		struct event_build build;
		void *body = event_build_begin(&build, buffer, sizeof(buffer), types[i]), *at;
		build.event->id = build.event->seq = i + 1;
		build.event->wall_ns = UINT64_C(1795262584123456789);
		build.event->process.pid = 42;
		event_build_str(&build, &build.event->process.exe_path, "/bin/\033[2Jsh", 11, 4096);
		if (types[i] == RS_EVENT_DENIED) {
			struct rs_event_denied *denied = body;
			event_build_str(&build, &denied->agent, "reputation", 10, 63);
			event_build_path(&build, &denied->file, "/srv/x", 6);
		}
		size_t size = event_build_end(&build);
		assert_int_equal(ring_reserve(fake->ring, size, &at), RING_OK);
		memcpy(at, buffer, size);
		ring_commit(fake->ring);
	}
}

/* Control and engine in one: hands the lifeline out, and checks what the listener says. */
static int serve_events(int listener, int subscribed_most, bool crash)
{
	struct ipc_request request;
	struct fake_engine fake;
	struct ipc_reply reply = {.head = {.size = sizeof(reply) + 2, .type = IPC_REPLY, .number = 1}};
	char message[sizeof(reply) + 2];
	int connection = accept(listener, NULL, NULL);
	if (recv(connection, &request, sizeof(request), 0) != sizeof(request) || request.kind != IPC_REQUEST_EVENTS)
		return 1;
	fake_init(&fake);
	fake.welcome.abilities[1] = (struct session_ability){RS_EVENT_DENIED, SESSION_MANDATORY, 1, ""};
	fake.welcome.abilities[2] = (struct session_ability){RS_EVENT_LOST, SESSION_MANDATORY, 1, ""};
	fake_session(&fake);
	fake_welcome(&fake);
	fake_reply(&fake, 0);
	fill_ring(&fake);
	memcpy(message, &reply, sizeof(reply));
	memcpy(message + sizeof(reply), "{}", 2);
	if (fd_send(connection, message, sizeof(message), &fake.agent_end, 1) < 0)
		return 2;
	fake.agent_end = fd_close(fake.agent_end);
	fake.lifeline = fd_close(fake.lifeline); /* as control does: one session only */
	if (crash) {
		/* not before all requests have come, so that what follows does not depend on who is faster */
		static const enum session_type types[] = {SESSION_HELLO, SESSION_SUBSCRIBE, SESSION_READY};
		for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
			struct pollfd poll_fd = {.fd = fake.session, .events = POLLIN};
			if (poll(&poll_fd, 1, 10000) != 1 || !fake_receive(&fake, types[i]))
				return 7;
		}
		fake_crash(&fake);
		return 0;
	}
	struct pollfd poll_fd = {.fd = fake.session};
	if (poll(&poll_fd, 1, 10000) != 1) /* until the listener has closed */
		return 3;
	if (subscribed_most == 0)
		return 0; /* it went away with a reply unread, which takes what it said along */
	if (!fake_receive(&fake, SESSION_HELLO))
		return 4;
	const struct session_subscribe *subscribe = fake_receive(&fake, SESSION_SUBSCRIBE);
	int n = 0;
	for (uint16_t type = 0; subscribe && type < RS_EVENT_TYPE_LIMIT; type++)
		n += session_set_has(&subscribe->events, type);
	if (!subscribe || n == 0 || n > subscribed_most || !session_set_has(&subscribe->events, RS_EVENT_LOST))
		return 5;
	bool bye = fake_receive(&fake, SESSION_READY) && fake_receive(&fake, SESSION_BYE);
	fake_deinit(&fake);
	return bye ? 0 : 6;
}

/* `ringside events` against an engine that is played: what it subscribes to, what it shows. */
static void test_events(void **state)
{
	static const struct {
		const char *golden;
		const char *args[8];
		int subscribed_most;
	} rows[] = {
		{"events.txt", {"events", "--count", "3"}, 8},
		{"events-denied.txt", {"events", "--denied", "--count=2"}, 2},
		{"events-filter.txt", {"events", "--path", "/srv/", "--agent", "reputation", "--count", "2"}, 8},
		{"events-json.txt", {"events", "--type", "exec", "--json", "--count", "1"}, 2},
		{"events-unavailable.txt", {"events", "--type", "exec", "--type", "kexec", "--count", "1"}, 2},
		{"events-time.txt", {"events", "--pid", "7", "--seconds", "1"}, 8},
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		int listener = play_listen(play_socket), status;
		pid_t pid = fork();
		if (pid == 0)
			_exit(serve_events(listener, rows[i].subscribed_most, false));
		close(listener);
		struct run run = run_command(rows[i].args);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		unlink(play_socket);
		if (!WIFEXITED(status) || WEXITSTATUS(status) != 0 || run.code != 0)
			fail_msg("%s: the engine saw %x, exit code %d; standard error: %s", rows[i].golden, status,
				 run.code, run.err);
		check_harmless(rows[i].golden, run.out);
		strcat(run.out, run.err);
		check_golden(rows[i].golden, run.out);
		run_free(&run);
	}
}

/* The engine crashes: the next one is asked. */
static void test_events_engine_restarted(void **state)
{
	static const char *const args[] = {"events", "--count", "5", NULL};
	int listener = play_listen(play_socket), status;
	pid_t pid = fork();
	if (pid == 0) {
		int r = serve_events(listener, 8, true);
		_exit(r ? r : serve_events(listener, 8, false));
	}
	close(listener);
	struct run run = run_command(args);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	unlink(play_socket);
	if (run.code != 0 || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
		fail_msg("exit code %d, the engine saw %x; standard error: %s", run.code, status, run.err);
	strcat(run.out, run.err);
	check_golden("events-restarted.txt", run.out);
	run_free(&run);
}

/* A recording: its lines, its tree, and that the end is missing. */
static void test_events_replay(void **state)
{
	char path[96];
	static _Alignas(8) char buffer[8192];
	const char *const args[][8] = {{"events", "--replay", path, NULL},
				       {"events", "--replay", path, "--tree", NULL},
				       {"events", "--replay", path, "--tree", "--json", "--denied", NULL}};
	static const char *const goldens[] = {"replay.txt", "replay-tree.txt", "replay-tree-json.txt"};
	struct recording_writer *writer;
	snprintf(path, sizeof(path), "%s/recording", play_folder);
	assert_int_equal(recording_writer_new(open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600), &writer), 0);
	for (unsigned i = 0; i < 4; i++) {
		static const uint16_t types[] = {RS_EVENT_FORK, RS_EVENT_EXEC, RS_EVENT_DENIED, RS_EVENT_EXIT};
		struct event_build build;
		void *body = event_build_begin(&build, buffer, sizeof(buffer), types[i]);
		struct rs_process *process = &build.event->process;
		build.event->id = i + 1;
		build.event->wall_ns = UINT64_C(1795262584123456789);
		*process = (struct rs_process){.pid = i ? 43 : 42, .id = i ? 8 : 7, .parent_id = i ? 7 : 0};
		process->parent_pid = i ? 42 : 1;
		memcpy(process->comm, "\033[2J", 5);
		if (types[i] == RS_EVENT_FORK) {
			struct rs_event_fork *fork_body = body;
			fork_body->child.pid = 43;
			fork_body->child.id = 8;
		}
		event_build_end(&build);
		assert_int_equal(recording_write(writer, build.event), 0);
	}
	uint64_t size = recording_writer_size(writer);
	recording_writer_free(writer);
	for (size_t i = 0; i < ARRAY_SIZE(args); i++) {
		struct run run = run_command(args[i]);
		assert_int_equal(run.code, 0);
		assert_string_equal(run.err, "");
		check_harmless(goldens[i], run.out);
		check_golden(goldens[i], run.out);
		run_free(&run);
	}
	assert_int_equal(truncate(path, (off_t)size - 8), 0);
	struct run run = run_command(args[0]);
	assert_int_equal(run.code, 0);
	assert_non_null(strstr(run.err, "unfinished one at its end"));
	run_free(&run);
	assert_int_equal(truncate(path, 10), 0);
	run = run_command(args[1]);
	assert_int_equal(run.code, 2);
	run_free(&run);
	unlink(path);
	run = run_command(args[1]);
	assert_int_equal(run.code, 2);
	assert_non_null(strstr(run.err, "No such file"));
	run_free(&run);
}

/* file_bytes: how large a file of the command's may become; 0: as it likes. */
static struct run run_with_engine(const char *const *args, rlim_t file_bytes)
{
	struct rlimit limit, before;
	int listener = play_listen(play_socket), status;
	pid_t pid = fork();
	if (pid == 0)
		_exit(serve_events(listener, 8, false));
	close(listener);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	limit = (struct rlimit){.rlim_cur = file_bytes ? file_bytes : before.rlim_cur, .rlim_max = before.rlim_max};
	signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_FSIZE, &limit);
	struct run run = run_command(args);
	setrlimit(RLIMIT_FSIZE, &before);
	signal(SIGXFSZ, SIG_DFL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	unlink(play_socket);
	return run;
}

static void expect_run(const char *const *args, int code, const char *words)
{
	struct run run = run_command(args);
	strcat(run.out, run.err);
	if (run.code != code || !strstr(run.out, words))
		fail_msg("%s: exit code %d: %s", words, run.code, run.out);
	run_free(&run);
}

/* What was followed is what is read back; what is there is not written over; a part of a recording is one, too. */
static void test_events_record(void **state)
{
	char path[96], part[96];
	const char *const record[] = {"events", "--record", path, "--count", "3", NULL};
	const char *const replay[] = {"events", "--replay", path, NULL};
	const char *const cut[] = {"events", "--replay", path, "--record", part, "--denied", "--json", NULL};
	const char *const replay_part[] = {"events", "--replay", part, NULL};
	const char *const tree[] = {"events", "--record", part, "--tree", NULL};
	snprintf(path, sizeof(path), "%s/record", play_folder);
	snprintf(part, sizeof(part), "%s/part", play_folder);
	struct run run = run_with_engine(record, 0);
	assert_int_equal(run.code, 0);
	assert_string_equal(run.err, "");
	assert_ptr_equal(strstr(run.out, "3 events, "), run.out);
	assert_non_null(strstr(run.out, " written to /tmp/"));
	run_free(&run);
	run = run_command(replay);
	assert_int_equal(run.code, 0);
	check_golden("events.txt", run.out);
	run_free(&run);
	/* nobody is asked for this: there is no platform now */
	expect_run(record, 2, "is there already");
	expect_run(cut, 0, "{\"events\":2,");
	run = run_command(replay_part);
	check_golden("events-denied.txt", run.out);
	run_free(&run);
	unlink(part);
	expect_run(tree, 2, "--record writes events and shows none");
	assert_int_equal(access(part, F_OK), -1);
	unlink(path);
	/* what never began leaves nothing behind */
	expect_run(record, 3, "");
	assert_int_equal(access(path, F_OK), -1);
}

/* A disk that is full before the third event: said, and what was written is whole. */
static void test_events_record_no_room(void **state)
{
	char path[96];
	const char *const record[] = {"events", "--record", path, NULL};
	const char *const replay[] = {"events", "--replay", path, NULL};
	snprintf(path, sizeof(path), "%s/record", play_folder);
	struct run run = run_with_engine(record, 1000);
	assert_int_equal(run.code, 1);
	assert_non_null(strstr(run.err, "File too large"));
	assert_ptr_equal(strstr(run.out, "2 events, "), run.out);
	run_free(&run);
	run = run_command(replay);
	assert_int_equal(run.code, 0);
	assert_string_equal(run.err, "");
	assert_non_null(strstr(run.out, "agent=\"reputation\""));
	assert_null(strstr(run.out, " lost "));
	run_free(&run);
	unlink(path);
}

/* None of what was asked for can be had. */
static void test_events_none(void **state)
{
	static const char *const args[] = {"events", "--type", "kexec", NULL};
	int listener = play_listen(play_socket), status;
	pid_t pid = fork();
	if (pid == 0)
		_exit(serve_events(listener, 0, false));
	close(listener);
	struct run run = run_command(args);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	unlink(play_socket);
	assert_int_equal(run.code, 1);
	assert_non_null(strstr(run.err, "'kexec' events are not available here: needs LSM"));
	run_free(&run);
}

/* Ctrl-C ends it in order. */
static void test_events_interrupted(void **state)
{
	int listener = play_listen(play_socket), status, ends[2];
	char buffer[4096];
	pid_t server = fork();
	if (server == 0)
		_exit(serve_events(listener, 8, false));
	close(listener);
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	pid_t pid = fork();
	if (pid == 0) {
		dup2(ends[1], STDOUT_FILENO);
		execl(play_program, "ringside", "events", (char *)NULL);
		_exit(99);
	}
	close(ends[1]);
	assert_true(read(ends[0], buffer, sizeof(buffer)) > 0); /* the first events came */
	kill(pid, SIGINT);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	assert_int_equal(waitpid(server, &status, 0), server);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	close(ends[0]);
	unlink(play_socket);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_events),
		cmocka_unit_test(test_events_engine_restarted),
		cmocka_unit_test(test_events_none),
		cmocka_unit_test(test_events_replay),
		cmocka_unit_test(test_events_record),
		cmocka_unit_test(test_events_record_no_room),
		cmocka_unit_test(test_events_interrupted),
	};
	if (argc != 3) {
		fputs("usage: cli_events_test RINGSIDE TESTDATA\n", stderr);
		return 2;
	}
	play_program = argv[1];
	play_testdata = argv[2];
	return cmocka_run_group_tests(tests, play_setup, play_teardown);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Actions on processes of this test's own, and on what must be spared. */
#include "cage/act.h"

#include "base/clock.h"
#include "base/macro.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <cmocka.h>

static struct loop *loop;
static struct journal *journal;
static struct acts *acts;
static char folder[64];
static struct {
	unsigned n;
	uint64_t number;
	uint32_t outcome;
	int error;
} told;
static bool disk_fails;

int __wrap_fdatasync(int fd);

int __wrap_fdatasync(int fd)
{
	errno = EIO;
	return disk_fails ? -1 : 0;
}

/* A process that SIGKILL does not end at once waits in the kernel, for a disk or a file server: here the signal is kept
 * back, and the time for it passes in a moment. */
static bool stuck;
static uint64_t armed_after_ns;

int __real_pidfd_send_signal(int pidfd, int signal, siginfo_t *info, unsigned flags);
int __wrap_pidfd_send_signal(int pidfd, int signal, siginfo_t *info, unsigned flags);
int __real_loop_source_arm(struct loop_source *source, uint64_t at_ns);
int __wrap_loop_source_arm(struct loop_source *source, uint64_t at_ns);

int __wrap_pidfd_send_signal(int pidfd, int signal, siginfo_t *info, unsigned flags)
{
	return stuck ? 0 : __real_pidfd_send_signal(pidfd, signal, info, flags);
}

int __wrap_loop_source_arm(struct loop_source *source, uint64_t at_ns)
{
	armed_after_ns = at_ns - clock_monotonic_ns();
	return __real_loop_source_arm(source, stuck ? 1 : at_ns);
}

static void on_done(void *data, uint64_t number, enum ipc_action_outcome outcome, int error)
{
	told.n++;
	told.number = number;
	told.outcome = outcome;
	told.error = error;
}

static void begin(bool with_journal)
{
	const struct acts_opts opts = {.loop = loop,
				       .journal = with_journal ? journal : NULL,
				       .ours = {.parent = getppid(), .uid_first = 60800, .uid_last = 60999},
				       .done = on_done};
	acts = acts_free(acts);
	assert_int_equal(acts_new(&opts, &acts), 0);
}

static int setup(void **state)
{
	snprintf(folder, sizeof(folder), "/tmp/ringside-act-XXXXXX");
	memset(&told, 0, sizeof(told));
	disk_fails = stuck = false;
	if (!mkdtemp(folder) || loop_new(&loop) < 0 || journal_open(folder, true, &journal) < 0)
		return -1;
	begin(true);
	return 0;
}

static int teardown(void **state)
{
	char path[128];
	acts = acts_free(acts);
	journal = journal_free(journal);
	loop = loop_free(loop);
	for (unsigned i = 0; i < JOURNAL_FILES; i++) {
		snprintf(path, sizeof(path), "%s/actions.%u", folder, i);
		unlink(path);
	}
	return rmdir(folder);
}

static pid_t sleeper(void)
{
	pid_t pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		prctl(PR_SET_NAME, "a ) b 1 2 3"); /* what would fool a careless reader of its stat */
		for (;;)
			pause();
	}
	return pid;
}

/* start << 22 | pid, read in another way than the code under test does: the 20th blank-separated word behind ")". */
static uint64_t id_of(pid_t pid)
{
	char path[32], text[1024] = "";
	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	FILE *file = fopen(path, "re");
	assert_non_null(file);
	assert_true(fread(text, 1, sizeof(text) - 1, file) > 0);
	fclose(file);
	char *save, *word = strtok_r(strrchr(text, ')') + 1, " ", &save);
	for (int i = 0; i < 19; i++)
		word = strtok_r(NULL, " ", &save);
	return strtoull(word, NULL, 10) << 22 | (uint64_t)pid;
}

static void ask(uint64_t number, uint64_t process_id)
{
	struct ipc_action action = {.head = {.size = sizeof(action), .type = IPC_ACTION, .number = number},
				    .kind = SESSION_ACTION_KILL,
				    .process_id = process_id,
				    .request = 5,
				    .uid = 12,
				    .agent = "guard",
				    .rule = "R1",
				    .reason = "because",
				    .exe = "/usr/bin/sleep"};
	acts_ask(acts, &action);
	for (uint64_t until = clock_monotonic_ns() + 4 * NS_PER_SEC; told.n == 0 && clock_monotonic_ns() < until;)
		assert_int_equal(loop_turn(loop, 50), 0);
}

static void expect_told(uint64_t number, enum ipc_action_outcome outcome, int error)
{
	assert_int_equal(told.n, 1);
	assert_int_equal(told.number, number);
	assert_int_equal(told.outcome, outcome);
	assert_int_equal(told.error, error);
}

static void expect_alive(pid_t pid, bool alive)
{
	int status;
	assert_int_equal(waitpid(pid, &status, WNOHANG), alive ? 0 : pid);
	if (!alive)
		assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	if (alive) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
}

/* The whats and outcomes of the journal, newest first, must be these; 0 ends them. */
static void expect_journal(const uint32_t *rows)
{
	struct journal_cursor cursor = {0};
	struct journal_record record;
	while (journal_read(journal, &cursor, &record)) {
		assert_int_equal(record.what << 8 | record.outcome, *rows++);
		assert_string_equal(record.agent, "guard");
		assert_string_equal(record.rule, "R1");
		assert_string_equal(record.reason, "because");
		assert_string_equal(record.exe, "/usr/bin/sleep");
	}
	assert_int_equal(*rows, 0);
}

#define ASKED (JOURNAL_ASKED << 8)
#define OUTCOME(outcome) (JOURNAL_OUTCOME << 8 | (outcome))
#define ROWS(...) ((const uint32_t[]){__VA_ARGS__, 0})

static void test_kill(void **state)
{
	pid_t pid = sleeper();
	ask(9, id_of(pid));
	expect_told(9, IPC_ACTION_DONE_WELL, 0);
	expect_alive(pid, false);
	expect_journal(ROWS(OUTCOME(IPC_ACTION_DONE_WELL), ASKED));
	struct journal_cursor cursor = {0};
	struct journal_record record;
	assert_true(journal_read(journal, &cursor, &record));
	assert_non_null(strstr(record.args, "act_test"));
	assert_int_equal(record.uid, 12);
	assert_int_equal(record.event_id, 9);
}

/* It was killed and is still there: the agent hears that it failed, and the journal says so; who is gone later is not
 * told of twice. */
static void test_killed_and_still_there(void **state)
{
	pid_t pid = sleeper();
	stuck = true;
	ask(9, id_of(pid));
	expect_told(9, IPC_ACTION_FAILED, -ETIMEDOUT);
	assert_in_range(armed_after_ns, ACT_WAIT_NS / 2, ACT_WAIT_NS);
	expect_journal(ROWS(OUTCOME(IPC_ACTION_FAILED), ASKED));
	struct journal_cursor cursor = {0};
	struct journal_record record;
	assert_true(journal_read(journal, &cursor, &record));
	assert_int_equal(record.error, -ETIMEDOUT);
	expect_alive(pid, true);
	assert_int_equal(loop_turn(loop, 0), 0);
	assert_int_equal(told.n, 1);
}

/* The number is there, and belongs to a process that began at another time. */
static void test_number_used_again(void **state)
{
	pid_t pid = sleeper();
	for (int by = -1; by <= 1; by += 2) {
		told.n = 0;
		ask(1, id_of(pid) + ((uint64_t)(int64_t)by << 22));
		expect_told(1, IPC_ACTION_GONE, 0);
	}
	expect_alive(pid, true);
}

static void test_gone(void **state)
{
	pid_t pid = sleeper();
	uint64_t id = id_of(pid);
	kill(pid, SIGKILL);
	waitid(P_PID, (id_t)pid, &(siginfo_t){0}, WEXITED | WNOWAIT);
	ask(1, id); /* still there, as a zombie */
	expect_told(1, IPC_ACTION_GONE, 0);
	waitpid(pid, NULL, 0);
	told.n = 0;
	ask(2, id);
	expect_told(2, IPC_ACTION_GONE, 0);
	told.n = 0;
	ask(3, UINT64_C(1) << 22); /* no pid at all */
	expect_told(3, IPC_ACTION_GONE, 0);
	expect_journal(ROWS(OUTCOME(IPC_ACTION_GONE), OUTCOME(IPC_ACTION_GONE), OUTCOME(IPC_ACTION_GONE)));
}

/* Whatever the engine says. */
static void test_spared(void **state)
{
	const pid_t pids[] = {1, getpid(), getppid()};
	for (size_t i = 0; i < ARRAY_SIZE(pids); i++) {
		told.n = 0;
		ask(1, id_of(pids[i]));
		expect_told(1, IPC_ACTION_FAILED, -EPERM);
	}
	pid_t pid = sleeper();
	const struct target_ours all = {.uid_first = 0, .uid_last = UINT32_MAX};
	acts_set_ours(acts, &all);
	told.n = 0;
	ask(2, id_of(pid));
	expect_told(2, IPC_ACTION_FAILED, -EPERM);
	expect_alive(pid, true);
}

static void test_not_journaled_not_done(void **state)
{
	pid_t pid = sleeper();
	disk_fails = true;
	ask(1, id_of(pid));
	expect_told(1, IPC_ACTION_FAILED, -EIO);
	told.n = 0;
	begin(false);
	ask(2, id_of(pid));
	expect_told(2, IPC_ACTION_FAILED, -ENODEV);
	expect_alive(pid, true);
}

/* Only written down. */
static void test_settled_before(void **state)
{
	pid_t pid = sleeper();
	const struct ipc_action action = {.head = {.number = 4},
					  .kind = SESSION_ACTION_KILL,
					  .outcome = IPC_ACTION_REFUSED,
					  .error = -EPERM,
					  .process_id = id_of(pid),
					  .agent = "guard",
					  .rule = "R1",
					  .reason = "because",
					  .exe = "/usr/bin/sleep"};
	acts_ask(acts, &action);
	assert_int_equal(told.n, 0);
	expect_journal(ROWS(OUTCOME(IPC_ACTION_REFUSED)));
	expect_alive(pid, true);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_kill),   TEST(test_killed_and_still_there), TEST(test_number_used_again), TEST(test_gone),
		TEST(test_spared), TEST(test_not_journaled_not_done), TEST(test_settled_before),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

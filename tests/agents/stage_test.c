/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reference agents as they are installed, with the real broker.
 *
 *     stage_test CASE [MODE]        AGENTS_DIR=… names where the programs are
 */
#include "base/clock.h"
#include "base/fd.h"
#include "read_json.h"
#include "stage.h"
#include "wire/catalogue.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <openssl/evp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#define LATEST_MS 5000 /* nobody waits longer than hostile's deadline and this, however busy the machine is */

static struct stage stage;

static const uint16_t synth_types[SYNTH_N_KINDS] = {
	[SYNTH_FORK] = RS_EVENT_FORK,           [SYNTH_EXEC] = RS_EVENT_EXEC,
	[SYNTH_EXIT] = RS_EVENT_EXIT,           [SYNTH_OPEN] = RS_EVENT_OPEN,
	[SYNTH_CONNECT] = RS_EVENT_CONNECT,     [SYNTH_AUTH_EXEC] = RS_EVENT_AUTH_EXEC,
	[SYNTH_AUTH_OPEN] = RS_EVENT_AUTH_OPEN,
};

/* What an observer wrote: how many lines of each event; what it was told was lost. */
struct observed {
	uint64_t lines;
	uint64_t of_type[RS_EVENT_TYPE_LIMIT];
	uint64_t lost;
	uint64_t last_seq;
};

static struct observed read_lines(const struct stage_agent *agent)
{
	static char line[1 << 19];
	struct observed observed = {0};
	FILE *file = fopen(agent->out_path, "re");
	EXPECT(file, "%s: %s", agent->out_path, strerror(errno));
	while (fgets(line, sizeof(line), file)) {
		struct read_event event;
		EXPECT(read_event(line, &event), "not an event: %s", line);
		const struct catalogue_event *row = catalogue_find_name(event.name);
		EXPECT(row, "no such event: %s", line);
		EXPECT(event.seq > observed.last_seq, "sequence numbers rise: %s", line);
		observed.lines++;
		observed.of_type[row->number]++;
		observed.last_seq = event.seq;
		observed.lost += event.lost;
	}
	fclose(file);
	return observed;
}

static void expect_nobody_waited(void)
{
	EXPECT(stage.longest_ns < (STAGE_HOSTILE_MS + LATEST_MS) * NS_PER_MS, "the longest wait was %" PRIu64 " ms",
	       stage.longest_ns / NS_PER_MS);
}

/* It adds up: events made = lines written + losses that the observer was told of. */
static void case_observer(const char *unused)
{
	static const char *const names[] = {"observer", NULL};
	static const char *const argv[] = {"observer", "--auth", NULL};
	struct synth_counts counts;
	stage_begin(&stage, 20000, 20000, names);
	struct stage_agent *agent = stage_spawn(&stage, "observer", -1, argv);
	EXPECT(stage_turn(&stage, 10000, stage_all_live), "the observer does not come");
	stage_begin_events(&stage);
	EXPECT(stage_turn(&stage, 20000, stage_all_done), "%u questions are open", stage.n_open);
	stage_turn(&stage, 300, NULL);
	EXPECT(stage_stop(&stage, agent) == 0, "the observer ended with %d", agent->wait_status);
	struct observed observed = read_lines(agent);
	synth_counts(stage.synth, &counts);
	uint64_t made = 0, seen = 0;
	for (size_t i = 0; i < SYNTH_N_KINDS; i++) {
		made += counts.made[i];
		seen += observed.of_type[synth_types[i]];
	}
	EXPECT(made == 20000 && seen + observed.lost == made, "made %" PRIu64 ", seen %" PRIu64 ", lost %" PRIu64, made,
	       seen, observed.lost);
	EXPECT(stage_status(&stage, "observer", "delivered") == observed.lines, "delivered %" PRIu64 ", lines %" PRIu64,
	       stage_status(&stage, "observer", "delivered"), observed.lines);
	EXPECT(stage_status(&stage, "observer", "dropped") == observed.lost, "dropped %" PRIu64 ", told %" PRIu64,
	       stage_status(&stage, "observer", "dropped"), observed.lost);
	EXPECT(observed.last_seq == observed.lines + observed.lost, "the last number is %" PRIu64, observed.last_seq);
	expect_nobody_waited();
	stage_end(&stage);
}

/* The observer stands still until its small ring has overflowed: what it did not see it is told, to the event. */
static void case_observer_overload(const char *unused)
{
	static const char *const names[] = {"observer", NULL};
	static const char *const argv[] = {"observer", NULL};
	struct synth_counts counts;
	stage_begin(&stage, 20000, 5000, names);
	stage.settings->agents[0].ring_kb = 128;
	struct stage_agent *agent = stage_spawn(&stage, "observer", -1, argv);
	EXPECT(stage_turn(&stage, 10000, stage_all_live), "the observer does not come");
	EXPECT(kill(agent->pid, SIGSTOP) == 0, "%s", strerror(errno));
	stage_begin_events(&stage);
	EXPECT(stage_turn(&stage, 20000, stage_all_done), "%u questions are open", stage.n_open);
	EXPECT(kill(agent->pid, SIGCONT) == 0, "%s", strerror(errno));
	stage_turn(&stage, 1500, NULL);
	EXPECT(stage_stop(&stage, agent) == 0, "the observer ended with %d", agent->wait_status);
	struct observed observed = read_lines(agent);
	synth_counts(stage.synth, &counts);
	uint64_t made = 0, seen = 0;
	for (size_t i = 0; i < SYNTH_N_KINDS; i++) {
		bool auth = i == SYNTH_AUTH_EXEC || i == SYNTH_AUTH_OPEN;
		made += auth ? 0 : counts.made[i];
		seen += observed.of_type[synth_types[i]];
	}
	EXPECT(observed.lost > 1000 && seen + observed.lost == made,
	       "made %" PRIu64 ", seen %" PRIu64 ", lost %" PRIu64, made, seen, observed.lost);
	EXPECT(stage_status(&stage, "observer", "dropped") == observed.lost, "dropped %" PRIu64 ", told %" PRIu64,
	       stage_status(&stage, "observer", "dropped"), observed.lost);
	stage_end(&stage);
}

/* One observer writes to a pipe that nobody reads, one to a pipe that is closed; the third must see everything. */
static void case_observer_pipes(const char *unused)
{
	static const char *const names[] = {"stopped", "closed", "well", NULL};
	static const char *const argv[] = {"observer", "--auth", NULL};
	int stopped[2], closed[2];
	struct synth_counts counts;
	stage_begin(&stage, 5000, 10000, names);
	EXPECT(pipe2(stopped, O_CLOEXEC) == 0 && pipe2(closed, O_CLOEXEC) == 0, "%s", strerror(errno));
	struct stage_agent *agents[] = {stage_spawn(&stage, "stopped", stopped[1], argv),
					stage_spawn(&stage, "closed", closed[1], argv),
					stage_spawn(&stage, "well", -1, argv)};
	close(stopped[1]);
	close(closed[1]);
	close(closed[0]);
	EXPECT(stage_turn(&stage, 10000, stage_all_live), "an observer does not come");
	stage_begin_events(&stage);
	EXPECT(stage_turn(&stage, 20000, stage_all_done), "%u questions are open", stage.n_open);
	stage_turn(&stage, 300, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(agents); i++)
		EXPECT(stage_status(&stage, agents[i]->name, "dropped") == 0, "%s made the platform drop events",
		       agents[i]->name);
	int status = stage_stop(&stage, agents[0]);
	EXPECT(status == 0, "the one with a full pipe ended with %d", status);
	status = stage_stop(&stage, agents[1]);
	EXPECT(status == 1, "the one with a closed pipe ended with %d", status);
	EXPECT(stage_stop(&stage, agents[2]) == 0, "the one that is well ended badly");
	struct observed observed = read_lines(agents[2]);
	uint64_t seen = 0;
	synth_counts(stage.synth, &counts);
	for (size_t i = 0; i < SYNTH_N_KINDS; i++)
		seen += observed.of_type[synth_types[i]];
	EXPECT(seen == 10000 && observed.lost == 0, "seen %" PRIu64 ", lost %" PRIu64, seen, observed.lost);
	expect_nobody_waited();
	close(stopped[0]);
	stage_end(&stage);
}

/* A file of this size in memory, all bytes alike; and its digest. */
static int make_file(char byte, size_t size, char ret_hex[65])
{
	uint8_t digest[32];
	char *bytes = malloc(size);
	int fd = memfd_create("judged", MFD_CLOEXEC);
	EXPECT(bytes && fd >= 0, "%s", strerror(errno));
	memset(bytes, byte, size);
	EXPECT(write(fd, bytes, size) == (ssize_t)size, "%s", strerror(errno));
	EXPECT(EVP_Digest(bytes, size, digest, NULL, EVP_sha256(), NULL) == 1, "no digest");
	for (int i = 0; i < 32; i++)
		sprintf(ret_hex + 2 * (size_t)i, "%02x", digest[i]);
	free(bytes);
	return fd;
}

static void write_list(const char *path, const char *text)
{
	char name[512];
	snprintf(name, sizeof(name), "%s.new", path);
	FILE *file = fopen(name, "we");
	EXPECT(file && fputs(text, file) >= 0 && fclose(file) == 0 && rename(name, path) == 0, "%s", strerror(errno));
}

static bool none_open(struct stage *unused)
{
	return stage.n_open == 0;
}

static uint64_t flushes_wanted;

static bool flushed(struct stage *unused)
{
	return stage.flushes >= flushes_wanted;
}

/* Asks and waits for the answer. */
static const struct stage_question *judged(const char *path, int fd)
{
	uint32_t place = stage_ask(&stage, path, fd, true);
	EXPECT(stage_turn(&stage, 5000, none_open), "no answer about %s", path);
	return &stage.questions[place];
}

static char list_path[300];

static void begin_reputation(const char *list)
{
	static const char *const names[] = {"reputation", NULL};
	static const char *argv[] = {"reputation", "--list", list_path, NULL};
	stage_begin(&stage, 0, 0, names);
	stage.settings->deadline_exec_ms = 5000;
	snprintf(list_path, sizeof(list_path), "%s/list", stage.directory);
	write_list(list_path, list);
	stage_spawn(&stage, "reputation", -1, argv);
	EXPECT(stage_turn(&stage, 10000, stage_all_live), "reputation does not come");
}

static void case_reputation(const char *unused)
{
	char bad[65], twin[65], text[200];
	int bad_fd = make_file('b', 70000, bad), twin_fd = make_file('b', 70001, twin);
	snprintf(text, sizeof(text), "%s deny a bad one\n", bad);
	begin_reputation(text);
	const struct stage_question *question = judged("/judged/bad", bad_fd);
	EXPECT(question->denied && !question->cached, "the listed file was not denied");
	question = judged("/judged/twin", twin_fd);
	EXPECT(!question->denied && question->cached, "its twin was not allowed and cached");
	/* the offset of the descriptor is shared, and nobody moved it */
	EXPECT(lseek(bad_fd, 0, SEEK_CUR) == 70000, "the agent moved the file offset");
	question = judged("/judged/no descriptor", -1);
	EXPECT(!question->denied && !question->cached, "what cannot be hashed is allowed and asked again");

	/* the reason is on record */
	static char buffer[65536];
	struct json json;
	json_init(&json, buffer, sizeof(buffer));
	json_open_object(&json, NULL);
	broker_denials_json(stage.broker, &json, "denials", 10);
	json_close_object(&json);
	EXPECT(json_finish(&json) > 0 && strstr(buffer, "\"a bad one\"") && strstr(buffer, bad), "%s", buffer);

	/* the list is replaced: the platform forgets what it cached, and the twin is denied */
	flushes_wanted = stage.flushes + 1;
	snprintf(text, sizeof(text), "%s\n%s\n", bad, twin);
	write_list(list_path, text);
	EXPECT(stage_turn(&stage, 6000, flushed), "the new list was not told");
	EXPECT(judged("/judged/twin", twin_fd)->denied && judged("/judged/bad", bad_fd)->denied,
	       "the new list does not count");

	/* a broken one is refused, and the old one goes on */
	write_list(list_path, "nonsense\n");
	stage_turn(&stage, 3000, NULL);
	EXPECT(stage.flushes == flushes_wanted, "a broken list was told as a new one");
	EXPECT(judged("/judged/twin", twin_fd)->denied, "the old list does not count any more");
	EXPECT(stage_stop(&stage, &stage.agents[0]) == 0, "reputation ended badly");
	stage_end(&stage);
	close(bad_fd);
	close(twin_fd);
}

/* Small files behind a large one are judged before it; one that is too large for its time is let go in time. */
static void case_reputation_large(const char *unused)
{
	char bad[65], text[200];
	static char said[65536];
	char path[sizeof(stage.agents[0].out_path) + 8];
	int bad_fd = make_file('b', 70000, bad);
	snprintf(text, sizeof(text), "%s\n", bad);
	begin_reputation(text);
	int large_fd = memfd_create("large", MFD_CLOEXEC);
	EXPECT(ftruncate(large_fd, 400 << 20) == 0, "%s", strerror(errno));
	uint32_t large = stage_ask(&stage, "/judged/large", large_fd, false), small = 0;
	for (int i = 0; i < 50; i++)
		small = stage_ask(&stage, "/judged/bad", bad_fd, false);
	EXPECT(stage_turn(&stage, 6000, none_open), "no answer");
	for (uint32_t i = large + 1; i <= small; i++)
		EXPECT(stage.questions[i].denied && stage.questions[i].answered_ns < stage.questions[large].answered_ns,
		       "a small file waited for the large one");
	EXPECT(!stage.questions[large].denied, "the large file was denied");
	stage.settings->deadline_exec_ms = 60; /* half a gigabyte is not hashed in that */
	EXPECT(ftruncate(large_fd, 510 << 20) == 0, "%s", strerror(errno));
	const struct stage_question *question = judged("/judged/large", large_fd);
	EXPECT(!question->denied && !question->cached, "it was denied, or cached");
	/* let go by the agent's own decision; whether a starved machine then heard of it in time is not looked at */
	EXPECT(stage_stop(&stage, &stage.agents[0]) == 0, "reputation ended badly");
	snprintf(path, sizeof(path), "%s.err", stage.agents[0].out_path);
	EXPECT(fd_read_file(AT_FDCWD, path, said, sizeof(said)) > 0 && strstr(said, " no_time=1 "),
	       "it did not let it go for want of time: %s", said);
	close(large_fd);
	stage_end(&stage);
	close(bad_fd);
}

/* What the broker must have noticed: the first row that the mode's name begins with. */
static const struct {
	const char *prefix;
	const char *field; /* NULL: nothing in particular */
	bool none; /* it must be 0 */
} noticed[] = {
	{"hello-then-close", "strikes", true},
	{"hello-contract-future", "strikes", true},
	{"hello-long", "strikes", true},
	{"hello-with-", "strikes", true},
	{"hello-", "strikes", false},
	{"ready-first", "strikes", false},
	{"subscribe-", "strikes", false},
	{"answer-", "strikes", false},
	{"mute-", "strikes", false},
	{"action-", "strikes", false},
	{"flood-actions", "actions_limited", false},
	{"flood-mutes", "misses", false}, /* it is asked, too, while it asks */
	{"flood-subscribe", "strikes", false},
	{"flood-content", "strikes", false},
	{"spoil-wake", "misses", false},
	{"just-in-time", "questions", false}, /* a busy machine decides whether it is late */
	{"kill-all", "actions_refused", false},
	{"engines-own", "strikes", false},
	{"event-fd-forged", "strikes", false},
	{"type-unknown", "strikes", false},
	{"garbage", "strikes", false},
	{"empty", "strikes", false},
	{"cursor-", "strikes", false},
	{"never-receive", "strikes", false},
	{"flood-answers", "strikes", false},
	{"forge", "strikes", false},
	{"late", "late", false},
	{"twice", "late", false},
	{"deny", "denies", false},
	{"creep", "denies", false},
	{"slow", "misses", true},
	/* busy with the machine they may well miss a deadline: that is theirs; what the cage counts: hostile_test.py */
	{"eat-memory", NULL, true},
	{"eat-memfd", NULL, true},
	{"spin-all", NULL, true},
	{"fill-disk", NULL, true},
	{"fill-inodes", NULL, true},
	{"fork-bomb", NULL, true},
	{"flood-stderr", NULL, true},
	{"leak-fds", "misses", true},
	{"eat-fds", "misses", true},
	{"never-read", "misses", false},
	{"hang", "misses", false},
	{"ignore", "misses", false},
	{"abort", "misses", false},
	{"segv", "misses", false},
	{"kill", "misses", false},
	{"exit", "misses", false},
	{"bye", "misses", false},
	{"close-all", "misses", false},
	{"spin", "misses", false},
	{"stop", "misses", false},
	{"spoil-fd", "misses", true},
	{"lock-fd", "misses", true},
	{"write-fd", "misses", true},
	{"break-seals", "misses", true},
	{"silent", "strikes", true},
	{"close-at-once", "strikes", true},
};

static void expect_noticed(const char *mode)
{
	for (size_t i = 0; i < ARRAY_SIZE(noticed); i++) {
		if (strncmp(noticed[i].prefix, mode, strlen(noticed[i].prefix)) != 0)
			continue;
		if (!noticed[i].field)
			return;
		uint64_t found = stage_status(&stage, "hostile", noticed[i].field);
		EXPECT((found == 0) == noticed[i].none, "%" PRIu64 " %s of %s (%s)", found, noticed[i].field, mode,
		       stage_status_text(&stage, "hostile", "why"));
		return;
	}
	EXPECT(false, "mode %s has no row of what the broker must notice", mode);
}

static bool observer_is_live(struct stage *unused)
{
	return stage.agents[0].live;
}

/* An observer that answers, and hostile beside it: whatever that does, the observer sees every event in time. */
static void case_hostile(const char *mode)
{
	static const char *const names[] = {"observer", "hostile", NULL};
	static const char *const observer_argv[] = {"observer", "--auth", NULL};
	const char *hostile_argv[] = {"hostile", "--mode", mode, "--opens", "--fds", NULL};
	struct synth_counts counts;
	stage_begin(&stage, 1000, 400, names);
	struct stage_agent *observer = stage_spawn(&stage, "observer", -1, observer_argv);
	stage_spawn(&stage, "hostile", -1, hostile_argv);
	EXPECT(stage_turn(&stage, 10000, observer_is_live), "the observer does not come");
	/* those that are to become live get a moment for it */
	stage_turn(&stage, 500, stage_all_live);
	stage_begin_events(&stage);
	EXPECT(stage_turn(&stage, 60000, stage_all_done), "%u questions are open", stage.n_open);
	stage_turn(&stage, 700, NULL);
	expect_noticed(mode);
	expect_nobody_waited();
	EXPECT(stage_stop(&stage, observer) == 0, "the observer ended badly");
	struct observed observed = read_lines(observer);
	uint64_t seen = 0;
	synth_counts(stage.synth, &counts);
	for (size_t i = 0; i < SYNTH_N_KINDS; i++)
		seen += observed.of_type[synth_types[i]];
	EXPECT(seen == 400 && observed.lost == 0, "the observer saw %" PRIu64 " of 400 events, %" PRIu64 " lost", seen,
	       observed.lost);
	EXPECT(stage_status(&stage, "observer", "misses") == 0, "the observer missed deadlines");
	if (strcmp(mode, "deny") != 0 && strcmp(mode, "deny-cache") != 0 && strcmp(mode, "creep") != 0)
		for (uint32_t i = 0; i < stage.n_questions; i++)
			EXPECT(!stage.questions[i].denied, "question %u was denied", i);
	printf("ok %-24s hostile: %s, %" PRIu64 " strikes, %" PRIu64 " misses, %" PRIu64 " late; longest wait %" PRIu64
	       " ms\n",
	       mode, stage_status_text(&stage, "hostile", "state"), stage_status(&stage, "hostile", "strikes"),
	       stage_status(&stage, "hostile", "misses"), stage_status(&stage, "hostile", "late"),
	       stage.longest_ns / NS_PER_MS);
	stage_end(&stage);
}

/* One that a brake is for: benched with this reason, while the observer beside it notices nothing. */
static void braked(const char *const *hostile_argv, uint64_t events, const char *why)
{
	static const char *const names[] = {"observer", "hostile", NULL};
	static const char *const observer_argv[] = {"observer", "--auth", NULL};
	struct synth_counts counts;
	stage_begin(&stage, 2000, events, names);
	stage_spawn(&stage, "observer", -1, observer_argv);
	stage_spawn(&stage, "hostile", -1, hostile_argv);
	EXPECT(stage_turn(&stage, 10000, stage_all_live), "an agent does not come");
	stage_begin_events(&stage);
	EXPECT(stage_turn(&stage, 60000, stage_all_done), "%u questions are open", stage.n_open);
	stage_turn(&stage, 300, NULL);
	EXPECT(strcmp(stage_status_text(&stage, "hostile", "state"), "benched") == 0, "hostile is %s",
	       stage_status_text(&stage, "hostile", "state"));
	EXPECT(strstr(stage_status_text(&stage, "hostile", "why"), why), "expected \"%s\", found \"%s\"", why,
	       stage_status_text(&stage, "hostile", "why"));
	expect_nobody_waited();
	EXPECT(stage_stop(&stage, &stage.agents[0]) == 0, "the observer ended badly");
	struct observed observed = read_lines(&stage.agents[0]);
	uint64_t seen = 0;
	synth_counts(stage.synth, &counts);
	for (size_t i = 0; i < SYNTH_N_KINDS; i++)
		seen += observed.of_type[synth_types[i]];
	EXPECT(seen == events && observed.lost == 0, "the observer saw %" PRIu64 ", lost %" PRIu64, seen,
	       observed.lost);
	EXPECT(stage_status(&stage, "observer", "misses") == 0, "the observer missed deadlines");
	EXPECT(stage_status(&stage, "observer", "slow") == 0, "the observer was taken for slow");
}

static void case_hostile_slow(const char *unused)
{
	stage_slow_budget_s = 2;
	static const char *const argv[] = {"hostile", "--mode", "slow", "--opens", NULL};
	braked(argv, 5000, "took more than 50 % of their deadline");
	/* it was asked no more then */
	uint64_t slow = stage_status(&stage, "hostile", "slow"),
		 questions = stage_status(&stage, "hostile", "questions");
	EXPECT(slow >= 10 && questions < stage.n_questions, "%" PRIu64 " slow of %" PRIu64 " of %u", slow, questions,
	       stage.n_questions);
	stage_end(&stage);
}

/* Its minutes are short here; that it is braked in long ones, too, is deny_creep.scn. */
static void case_hostile_creep(const char *unused)
{
	static const char *const argv[] = {"hostile", "--mode", "creep", "--minute", "200", NULL};
	uint32_t denied = 0;
	braked(argv, 10000, "ran here before");
	for (uint32_t i = 0; i < stage.n_questions; i++)
		denied += stage.questions[i].denied;
	EXPECT(denied > 0 && denied < 40, "%u were denied", denied);
	stage_end(&stage);
}

/* Real rules behind a real broker: everything of the load is seen, nothing in it is found, nobody waits. */
static void case_behaviour(const char *unused)
{
	static const char *const names[] = {"behaviour", NULL};
	static const char *const argv[] = {"behaviour", NULL};
	stage_begin(&stage, 20000, 20000, names);
	struct stage_agent *agent = stage_spawn(&stage, "behaviour", -1, argv);
	EXPECT(stage_turn(&stage, 10000, stage_all_live), "behaviour does not come");
	stage_begin_events(&stage);
	EXPECT(stage_turn(&stage, 20000, stage_all_done), "%u questions are open", stage.n_open);
	stage_turn(&stage, 300, NULL);
	EXPECT(stage_stop(&stage, agent) == 0, "behaviour ended with %d", agent->wait_status);
	struct observed observed = read_lines(agent);
	EXPECT(observed.lines == 0, "%" PRIu64 " lines about a load that means nothing", observed.lines);
	EXPECT(stage_status(&stage, "behaviour", "delivered") > 10000, "it was told of %" PRIu64 " events",
	       stage_status(&stage, "behaviour", "delivered"));
	EXPECT(stage_status(&stage, "behaviour", "dropped") == 0, "it dropped %" PRIu64,
	       stage_status(&stage, "behaviour", "dropped"));
	expect_nobody_waited();
	stage_end(&stage);
}

/* A question about a process of which nothing is known is allowed, whatever the rules may deny. */
static void case_behaviour_unknown(const char *unused)
{
	static const char *const names[] = {"behaviour", NULL};
	static char config[300];
	static const char *const argv[] = {"behaviour", "--config", config, NULL};
	stage_begin(&stage, 0, 0, names);
	snprintf(config, sizeof(config), "%s/config", stage.directory);
	write_list(config, "deny = service_folder\nusers = 0-70000\n");
	struct stage_agent *agent = stage_spawn(&stage, "behaviour", -1, argv);
	EXPECT(stage_turn(&stage, 10000, stage_all_live), "behaviour does not come");
	EXPECT(!judged("/usr/bin/true", -1)->denied, "it was denied");
	EXPECT(!judged("/tmp/x", -1)->denied, "a process that nothing is known of was denied");
	EXPECT(stage_stop(&stage, agent) == 0, "behaviour ended badly");
	stage_end(&stage);
}

static const struct {
	const char *name;
	void (*run)(const char *mode);
} cases[] = {
	{"observer", case_observer},
	{"observer-pipes", case_observer_pipes},
	{"observer-overload", case_observer_overload},
	{"reputation", case_reputation},
	{"reputation-large", case_reputation_large},
	{"hostile", case_hostile},
	{"hostile-slow", case_hostile_slow},
	{"hostile-creep", case_hostile_creep},
	{"behaviour", case_behaviour},
	{"behaviour-unknown", case_behaviour_unknown},
};

int main(int argc, char **argv)
{
	for (size_t i = 0; argc > 1 && i < ARRAY_SIZE(cases); i++)
		if (strcmp(cases[i].name, argv[1]) == 0) {
			cases[i].run(argc > 2 ? argv[2] : "");
			return 0;
		}
	fprintf(stderr, "usage: stage_test CASE [MODE]\n");
	return 2;
}

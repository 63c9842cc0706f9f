/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The agent yara as it is installed, with the real broker.
 *
 *     yara_test CASE        AGENTS_DIR=… names where the programs are
 */
#include "base/clock.h"
#include "base/fd.h"
#include "served_fs.h"
#include "stage.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/fuse.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define LATEST_MS 200 /* nobody waits longer than the deadline and this */

#define TIME_MS 1000

static const char marked[] = "some text, then FORBIDDEN-BYTES, then more";
static const char plain[] = "some text without anything in it";
static const char bad_rule[] = "rule forbidden { meta: description = \"holds what must not be\" strings: "
			       "$a = \"FORBIDDEN-BYTES\" condition: $a }\n";

static struct stage stage;
static char rules[64];

static void write_rules(const char *name, const char *text)
{
	char path[128], final[128];
	snprintf(path, sizeof(path), "%s/.new", rules);
	snprintf(final, sizeof(final), "%s/%s", rules, name);
	FILE *file = fopen(path, "we");
	EXPECT(file && fputs(text, file) >= 0 && fclose(file) == 0 && rename(path, final) == 0, "%s", strerror(errno));
}

static void make_rules(const char *name, const char *text)
{
	strcpy(rules, "/tmp/ringside-yara-XXXXXX");
	EXPECT(mkdtemp(rules), "%s", strerror(errno));
	write_rules(name, text);
}

static void remove_rules(void)
{
	char path[400];
	struct dirent *entry;
	DIR *directory = opendir(rules);
	while (directory && (entry = readdir(directory))) {
		snprintf(path, sizeof(path), "%s/%s", rules, entry->d_name);
		unlink(path);
	}
	closedir(directory);
	rmdir(rules);
}

/* Rules by option and path; more: further arguments, ended by NULL. */
static void begin_with(const char *option, const char *path, const char *const *more)
{
	static const char *const names[] = {"yara", NULL};
	const char *argv[16] = {"yara", "--opens", option, path};
	for (size_t i = 0; more && more[i]; i++)
		argv[4 + i] = more[i];
	stage_begin(&stage, 0, 0, names);
	stage.settings->deadline_exec_ms = stage.settings->deadline_open_ms = 5000;
	stage_spawn(&stage, "yara", -1, argv);
	EXPECT(stage_turn(&stage, 20000, stage_all_live), "yara does not come");
}

static void begin(const char *const *more)
{
	begin_with("--rules", rules, more);
}

static void end(void)
{
	EXPECT(stage_status(&stage, "yara", "misses") == 0, "the agent missed a deadline");
	EXPECT(stage_stop(&stage, &stage.agents[0]) == 0, "yara ended badly");
	stage_end(&stage);
	remove_rules();
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

static const struct stage_question *judged_as(uint16_t type, const char *path, int fd)
{
	uint32_t place = stage_ask_type(&stage, type, path, fd, true);
	EXPECT(stage_turn(&stage, 20000, none_open), "no answer about %s", path);
	return &stage.questions[place];
}

static const struct stage_question *judged(const char *path, int fd)
{
	return judged_as(RS_EVENT_AUTH_EXEC, path, fd);
}

static int file_of(const char *text)
{
	int fd = memfd_create("judged", MFD_CLOEXEC);
	EXPECT(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text), "%s", strerror(errno));
	return fd;
}

static bool recorded(const char *words)
{
	static char buffer[1 << 18];
	struct json json;
	json_init(&json, buffer, sizeof(buffer));
	json_open_object(&json, NULL);
	broker_denials_json(stage.broker, &json, "denials", 100);
	json_close_object(&json);
	return json_finish(&json) > 0 && strstr(buffer, words);
}

static bool said(const char *words)
{
	char path[300], line[1024];
	bool found = false;
	snprintf(path, sizeof(path), "%s.err", stage.agents[0].out_path);
	FILE *file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file))
		found |= strstr(line, words) != NULL;
	if (file)
		fclose(file);
	return found;
}

/* A counter, by SIGUSR1. */
static uint64_t counter(const char *name)
{
	char path[300], line[2048], key[64];
	uint64_t value = UINT64_MAX;
	kill(stage.agents[0].pid, SIGUSR1);
	stage_turn(&stage, 300, NULL);
	snprintf(key, sizeof(key), " %s=", name);
	snprintf(path, sizeof(path), "%s.err", stage.agents[0].out_path);
	FILE *file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file)) {
		const char *at = strstr(line, "questions=") ? strstr(line, key) : NULL;
		if (at)
			value = strtoull(at + strlen(key), NULL, 10);
	}
	if (file)
		fclose(file);
	return value;
}

/* Denied by rule on execution and on open; the rule and its description are on record; an allow is cached. */
static void case_yara(void)
{
	int bad = file_of(marked), good = file_of(plain);
	make_rules("a.yar", bad_rule);
	begin(NULL);
	const struct stage_question *question = judged("/judged/bad", bad);
	EXPECT(question->denied && !question->cached, "what matches was not denied");
	EXPECT(judged_as(RS_EVENT_AUTH_OPEN, "/judged/bad", bad)->denied, "what matches may be opened");
	question = judged("/judged/good", good);
	EXPECT(!question->denied && question->cached, "what does not match was not allowed and cached");
	question = judged_as(RS_EVENT_AUTH_OPEN, "/judged/good", good);
	EXPECT(!question->denied && question->cached, "what does not match was not allowed and cached");
	EXPECT(recorded("\"forbidden\"") && recorded("holds what must not be (a.yar)"),
	       "rule and reason are not on record");
	EXPECT(lseek(bad, 0, SEEK_CUR) == (off_t)strlen(marked), "the agent moved the file offset");
	EXPECT(!judged("/judged/none", -1)->denied, "what has no descriptor was denied");
	EXPECT(counter("no_descriptor") == 1, "and it was not counted");
	end();
	close(bad);
	close(good);
}

/* What is not a regular file at rest. */
static void case_files(void)
{
	static const char *const more[] = {"--max-size", "1M", "--ends", "64K", NULL};
	int pair[2];
	make_rules("a.yar", bad_rule);
	begin(more);
	EXPECT(pipe2(pair, O_CLOEXEC) == 0, "%s", strerror(errno));
	int device = open("/dev/zero", O_RDONLY | O_CLOEXEC), directory = open("/tmp", O_RDONLY | O_CLOEXEC);
	int kernel = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
	EXPECT(!judged("/special/fifo", pair[0])->denied, "a pipe was denied");
	EXPECT(!judged("/special/device", device)->denied, "a device was denied");
	EXPECT(!judged("/special/directory", directory)->denied, "a directory was denied");
	EXPECT(!judged("/special/proc", kernel)->denied, "a file of the kernel was denied");
	EXPECT(counter("special") == 4, "not all of them were special");

	/* a terabyte of nothing; what stands at its ends is seen, what stands in the middle is not, and nothing is
	 * cached */
	int sparse = file_of(plain);
	EXPECT(ftruncate(sparse, (off_t)1 << 40) == 0, "%s", strerror(errno));
	const struct stage_question *question = judged("/sparse/plain", sparse);
	EXPECT(!question->denied && !question->cached, "denied or cached");
	EXPECT(question->answered_ns - question->asked_ns < 3000 * NS_PER_MS, "it took too long");
	EXPECT(pwrite(sparse, marked, strlen(marked), (off_t)1 << 39) > 0, "%s", strerror(errno));
	EXPECT(!judged("/sparse/middle", sparse)->denied, "the middle was read");
	EXPECT(pwrite(sparse, marked, strlen(marked), ((off_t)1 << 40) - 100) > 0, "%s", strerror(errno));
	EXPECT(judged("/sparse/end", sparse)->denied, "the end was not read");
	EXPECT(counter("too_large") == 2, "they were not counted");
	int all[] = {device, directory, kernel, pair[0], pair[1], sparse};
	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		close(all[i]);
	end();
}

/* A file that is written, grown and cut all the while: an answer comes, the agent lives, nothing is cached. */
static void changing(void)
{
	char path[] = "/tmp/ringside-changing-XXXXXX";
	int fd = mkstemp(path);
	pid_t writer = fork();
	if (writer == 0) {
		for (unsigned i = 0;; i++) {
			if (ftruncate(fd, (off_t)(i % 7) << 20) < 0 ||
			    pwrite(fd, &i, sizeof(i), (off_t)(i % 7) << 20) < 0)
				_exit(1);
		}
	}
	int read_fd = open(path, O_RDONLY | O_CLOEXEC);
	uint64_t until_ns = clock_monotonic_ns() + 20000 * NS_PER_MS;
	unsigned n = 0, uncached = 0;
	while (n < 20 || (uncached == 0 && clock_monotonic_ns() < until_ns)) {
		const struct stage_question *question = judged("/changing", read_fd);
		EXPECT(!question->denied, "it was denied");
		uncached += !question->cached;
		n++;
	}
	kill(writer, SIGKILL);
	waitpid(writer, NULL, 0);
	EXPECT(uncached > 0, "every one of %u answers was cached though the file never rests", n);
	EXPECT(counter("workers_died") == 0, "a worker died");
	close(fd);
	close(read_fd);
	unlink(path);
}

/* Rules and files that need more time than there is: answered in time, said, counted; the next question is judged. */
static void time_runs_out(const char *policy, bool deny)
{
	const char *const more[] = {"--on-timeout", policy, NULL};
	int bad = file_of(marked), long_one = memfd_create("long", MFD_CLOEXEC);
	make_rules("a.yar", bad_rule);
	write_rules("loop.yar", "rule loop { condition: filesize > 1MB and for all i in (0..filesize): "
				"(for all j in (0..filesize): (uint8(i) == uint8(j))) }\n");
	/* one that overruns the time it was given */
	write_rules("hard.yar", "rule hard { strings: $a = /aa.{0,3000}aaa.{0,3000}c/ condition: $a }\n");
	char *bytes = malloc(8 << 20);
	memset(bytes, 'a', 8 << 20);
	EXPECT(write(long_one, bytes, 8 << 20) == 8 << 20, "%s", strerror(errno));
	free(bytes);
	begin(more);
	stage.settings->deadline_exec_ms = TIME_MS;
	for (int i = 0; i < 3; i++) {
		uint32_t first = stage.n_questions;
		for (int j = 0; j < 6; j++)
			stage_ask(&stage, "/judged/long", long_one, true);
		EXPECT(stage_turn(&stage, 5000, none_open), "no answer");
		for (uint32_t j = first; j < stage.n_questions; j++) {
			const struct stage_question *question = &stage.questions[j];
			EXPECT(question->denied == deny && !question->cached,
			       "question %u: denied %d, cached %d, after %" PRIu64 " ms; the agent missed %" PRIu64, j,
			       question->denied, question->cached,
			       (question->answered_ns - question->asked_ns) / NS_PER_MS,
			       stage_status(&stage, "yara", "misses"));
			EXPECT(question->answered_ns - question->asked_ns < (TIME_MS + LATEST_MS) * NS_PER_MS,
			       "it took %" PRIu64 " ms", (question->answered_ns - question->asked_ns) / NS_PER_MS);
		}
	}
	EXPECT(counter("no_time") == 18, "%" PRIu64 " of 18 had no time", counter("no_time"));
	EXPECT(said("not-scanned (no_time"), "it was not said");
	EXPECT(!deny || recorded("\"not-scanned\""), "the rule not-scanned is not on record");
	stage.settings->deadline_exec_ms = 5000;
	EXPECT(judged("/judged/bad", bad)->denied, "the next one is not judged");
	printf("%s: %" PRIu64 " workers had to be ended\n", policy, counter("workers_ended"));
	end();
	close(bad);
	close(long_one);
}

static void case_time(void)
{
	time_runs_out("allow", false);
	time_runs_out("deny", true);
	make_rules("a.yar", bad_rule);
	begin(NULL);
	changing();
	end();
}

/* Rules that look at names cost the cache, but for files that a global rule before them leaves out. */
static void case_names(void)
{
	int bad = file_of(marked), good = file_of(plain);
	make_rules("a.yar",
		   "rule named { strings: $a = \"FORBIDDEN\" condition: $a and filepath startswith \"/tmp/\" and "
		   "extension == \".so\" and filename == \"x.so\" }\n");
	begin(NULL);
	EXPECT(judged("/tmp/x.so", bad)->denied, "a name that matches was not denied");
	EXPECT(!judged("/opt/x.so", bad)->denied && !judged("/tmp/y.so", bad)->denied, "a name that does not was");
	EXPECT(!judged("/tmp/x.so", good)->cached, "an allow was cached though a name may matter");
	flushes_wanted = stage.flushes + 1;
	write_rules("a.yar", "global rule first { strings: $a = \"FORBIDDEN\" condition: $a }\n"
			     "rule named { condition: filepath startswith \"/tmp/\" }\n"
			     /* the global rule is none that denies by itself */
			     "global private rule second { strings: $b = \"BYTES\" condition: $b }\n");
	EXPECT(stage_turn(&stage, 15000, flushed), "the new rules were not told");
	/* a global rule stands after a rule that looks at names: still not */
	EXPECT(!judged("/opt/x", good)->cached, "a guard that is none was taken for one");
	flushes_wanted = stage.flushes + 1;
	write_rules("a.yar", "global private rule first { strings: $a = \"FORBIDDEN\" condition: $a }\n"
			     "rule named { condition: filepath startswith \"/tmp/\" }\n");
	EXPECT(stage_turn(&stage, 15000, flushed), "the new rules were not told");
	EXPECT(judged("/opt/x", good)->cached, "an allow that no name can change was not cached");
	const struct stage_question *question = judged("/opt/x", bad);
	EXPECT(!question->denied && !question->cached, "an allow by name was cached");
	EXPECT(judged("/tmp/x", bad)->denied, "a name that matches was not denied");
	end();
	close(bad);
	close(good);
}

/* New rules are compiled while the old ones answer; broken ones leave the old ones in force. */
static void case_reload(void)
{
	static char many[1 << 20];
	size_t used = 0;
	int bad = file_of(marked), good = file_of(plain);
	make_rules("a.yar", bad_rule);
	begin(NULL);
	for (int i = 0; used < sizeof(many) - 200; i++)
		used += (size_t)snprintf(
			many + used, sizeof(many) - used,
			"rule r%d { strings: $a = \"never-seen-%d\" $b = /x%d[a-f]{2,9}y/ condition: all of them }\n",
			i, i * 7919, i);
	for (int round = 0; round < 3; round++) {
		flushes_wanted = stage.flushes + 1;
		write_rules("many.yar", round % 2 ? "rule one { condition: false }\n" : many);
		uint32_t first = stage.n_questions;
		while (!flushed(NULL)) {
			EXPECT(stage.n_questions - first < 20000, "the new rules were not told");
			if (stage.n_open < 8) {
				stage_ask(&stage, "/judged/bad", bad, true);
				stage_ask(&stage, "/judged/good", good, true);
			}
			stage_turn(&stage, 1, NULL);
		}
		EXPECT(stage_turn(&stage, 5000, none_open), "no answer");
		for (uint32_t i = first; i < stage.n_questions; i++)
			EXPECT(stage.questions[i].denied == ((i - first) % 2 == 0),
			       "question %u during a reload went wrong", i);
		printf("reload %d: %u questions meanwhile, the longest took %" PRIu64 " ms\n", round,
		       stage.n_questions - first, stage.longest_ns / NS_PER_MS);
	}
	uint64_t before = stage.flushes;
	write_rules("a.yar", "rule broken {\n\tcondition: nonsense }\n");
	stage_turn(&stage, 4000, NULL);
	EXPECT(stage.flushes == before, "broken rules were told as new ones");
	EXPECT(said("a.yar:2: undefined identifier \"nonsense\""), "the file and line were not named");
	EXPECT(said("the rules before stay in force"), "it was not said that the old rules stay");
	EXPECT(judged("/judged/bad", bad)->denied, "the old rules are not in force");
	/* asked for by SIGHUP, it is refused again, and told again */
	kill(stage.agents[0].pid, SIGHUP);
	stage_turn(&stage, 2000, NULL);
	EXPECT(counter("rules_refused") == 2, "%" PRIu64 " were refused", counter("rules_refused"));
	EXPECT(counter("no_time") == 0, "a reload cost a verdict");
	end();
	close(bad);
	close(good);
}

/* As yarac does. libyara is the agent's, and no library of this tree's. */
static void compile_to(const char *path, mode_t mode, const char *text)
{
	static const char *const names[] = {"yr_initialize",         "yr_compiler_create", "yr_compiler_add_string",
					    "yr_compiler_get_rules", "yr_rules_save",      "yr_rules_destroy",
					    "yr_compiler_destroy",   "yr_finalize"};
	union {
		void *symbols[8];
		struct {
			int (*initialize)(void);
			int (*compiler_create)(void **compiler);
			int (*add_string)(void *compiler, const char *text, const char *name_space);
			int (*get_rules)(void *compiler, void **rules);
			int (*save)(void *rules, const char *path);
			int (*rules_destroy)(void *rules);
			void (*compiler_destroy)(void *compiler);
			int (*finalize)(void);
		};
	} yara;
	char new_path[128];
	void *compiler, *made, *library = dlopen("libyara.so.9", RTLD_NOW);
	EXPECT(library, "%s", dlerror());
	for (size_t i = 0; i < 8; i++)
		EXPECT((yara.symbols[i] = dlsym(library, names[i])), "libyara has no %s", names[i]);
	snprintf(new_path, sizeof(new_path), "%s.new", path);
	EXPECT(yara.initialize() == 0 && yara.compiler_create(&compiler) == 0, "libyara cannot begin");
	EXPECT(yara.add_string(compiler, text, "compiled") == 0 && yara.get_rules(compiler, &made) == 0,
	       "the rules do not compile");
	EXPECT(yara.save(made, new_path) == 0 && chmod(new_path, mode) == 0 && rename(new_path, path) == 0, "%s",
	       strerror(errno));
	yara.rules_destroy(made);
	yara.compiler_destroy(compiler);
	yara.finalize();
	dlclose(library);
}

static const char *refusal;

static bool is_refused(struct stage *unused)
{
	return said(refusal);
}

static void expect_refused(const char *words)
{
	refusal = words;
	kill(stage.agents[0].pid, SIGHUP);
	EXPECT(stage_turn(&stage, 20000, is_refused), "it was not refused with: %s", words);
}

/* Rules that somebody else has compiled: they decide as others do, and are replaced while it runs; what is none, or
 * what others may write, is refused, and those before stay in force. */
static void case_compiled(void)
{
	char path[128];
	int bad = file_of(marked), good = file_of(plain);
	make_rules("unused", "");
	snprintf(path, sizeof(path), "%s/rules.yac", rules);
	compile_to(path, 0600, bad_rule);
	begin_with("--compiled", path, NULL);
	EXPECT(judged("/judged/bad", bad)->denied, "what matches was not denied");
	EXPECT(judged_as(RS_EVENT_AUTH_OPEN, "/judged/bad", bad)->denied, "what matches may be opened");
	EXPECT(recorded("\"forbidden\"") && recorded("holds what must not be"), "rule and reason are not on record");
	const struct stage_question *question = judged("/judged/good", good);
	EXPECT(!question->denied && question->cached, "what does not match was not allowed and cached");

	flushes_wanted = stage.flushes + 1;
	compile_to(path, 0600, "rule other { strings: $a = \"without anything\" condition: $a }\n");
	EXPECT(stage_turn(&stage, 15000, flushed), "the new rules were not told");
	EXPECT(judged("/judged/good", good)->denied, "the new rules are not in force");
	EXPECT(!judged("/judged/bad", bad)->denied, "the old rules are still in force");

	uint64_t before = stage.flushes;
	write_rules("rules.yac", bad_rule); /* not compiled */
	expect_refused("expected rules compiled by yarac");
	compile_to(path, 0620, bad_rule);
	expect_refused("only its owner may write");
	EXPECT(counter("rules_refused") >= 2, "%" PRIu64 " were refused", counter("rules_refused"));
	EXPECT(stage.flushes == before, "refused rules were told as new ones");
	EXPECT(judged("/judged/good", good)->denied, "the rules before are not in force");
	end();
	close(bad);
	close(good);
}

/* The open file of a FUSE file system that says nothing to some requests. */
static int serve(struct served_fs *fs, const char *text, uint64_t silent)
{
	struct served_file file = {.bytes = text, .size = strlen(text), .silent = silent, .direct = true};
	int r = served_fs_begin(fs, &file);
	if (r < 0) {
		printf("not tried: a FUSE file system cannot be mounted here: %s\n", strerror(-r));
		exit(77);
	}
	int fd = served_fs_open(fs);
	EXPECT(fd >= 0, "%s", strerror(-fd));
	return fd;
}

/* A file system that never answers: the question is, in time; so are the next ones; its device is left alone. */
static void case_stuck(void)
{
	struct served_fs fs;
	int bad = file_of(marked), stuck = serve(&fs, marked, 1u << FUSE_READ);
	make_rules("a.yar", bad_rule);
	begin(NULL);
	stage.settings->deadline_exec_ms = TIME_MS;
	for (int i = 0; i < 2; i++)
		stage_ask(&stage, "/stuck/file", stuck, true);
	EXPECT(stage_turn(&stage, 5000, none_open), "no answer");
	EXPECT(stage.longest_ns < (TIME_MS + LATEST_MS) * NS_PER_MS, "it took %" PRIu64 " ms",
	       stage.longest_ns / NS_PER_MS);
	EXPECT(judged("/judged/bad", bad)->denied, "the next one is not judged");
	stage_turn(&stage, 500, NULL);
	printf("left behind: %" PRIu64 "\n", counter("left_behind"));
	EXPECT(counter("left_behind") == 2, "%" PRIu64 " were left behind", counter("left_behind"));
	const struct stage_question *question = judged("/stuck/file", stuck);
	EXPECT(!question->denied && question->answered_ns - question->asked_ns < 250 * NS_PER_MS,
	       "its device was given to a worker again");
	EXPECT(counter("stuck") == 1, "and not counted");
	served_fs_end(&fs);
	stage_turn(&stage, 1000, NULL);
	end();
	close(stuck);
	close(bad);
}

/* What must become of a file on FUSE. */
struct remote_row {
	const char *remote, *on_timeout;
	const char *text;
	uint64_t silent;
	bool denied;
	bool waits; /* for all the time there is */
	const char *outcome; /* what counts it */
	const char *rule; /* on record */
};

static void ask_remote(const struct remote_row *row)
{
	const char *const more[] = {"--remote", row->remote, "--on-timeout", row->on_timeout, NULL};
	struct served_fs fs;
	int bad = file_of(marked), fd = serve(&fs, row->text, row->silent);
	make_rules("a.yar", bad_rule);
	begin(more);
	printf("remote %s, silent to %#" PRIx64 ", on-timeout %s\n", row->remote, row->silent, row->on_timeout);
	if (row->waits)
		stage.settings->deadline_exec_ms = TIME_MS;
	uint32_t first = stage_ask(&stage, "/served/file", fd, true);
	/* beside it, with what it leaves of the workers */
	stage.settings->deadline_exec_ms = 5000;
	uint32_t other = stage_ask(&stage, "/judged/bad", bad, true);
	EXPECT(stage_turn(&stage, 20000, none_open), "no answer");
	uint64_t took_ns = stage.questions[first].answered_ns - stage.questions[first].asked_ns;
	EXPECT(!row->waits || took_ns < (TIME_MS + LATEST_MS) * NS_PER_MS, "it took %" PRIu64 " ms",
	       took_ns / NS_PER_MS);
	EXPECT(stage.questions[first].denied == row->denied, "denied %d", stage.questions[first].denied);
	EXPECT(!stage.questions[first].cached || strcmp(row->outcome, "clean") == 0, "it was cached");
	EXPECT(stage.questions[other].denied, "the one beside it is not judged");
	EXPECT(judged("/judged/bad", bad)->denied, "the next one is not judged");
	EXPECT(counter(row->outcome) == (strcmp(row->outcome, "match") == 0 ? 3 : 1), "%" PRIu64 " %s",
	       counter(row->outcome), row->outcome);
	EXPECT(counter("workers_ended") == row->waits, "%" PRIu64 " workers were ended", counter("workers_ended"));
	EXPECT(!row->rule || recorded(row->rule), "the rule %s is not on record", row->rule);
	served_fs_end(&fs);
	stage_turn(&stage, 500, NULL);
	end();
	close(fd);
	close(bad);
}

/* Files of a FUSE file system whose server answers, whose server does not answer reads, and whose server does not even
 * say what file system it is, by what --remote says. */
static void case_remote(void)
{
	const uint64_t reads = 1u << FUSE_READ, statfs = 1u << FUSE_STATFS;
	const struct remote_row rows[] = {
		{"scan", "allow", marked, 0, true, false, "match", "\"forbidden\""},
		{"scan", "allow", plain, 0, false, false, "clean", NULL},
		{"scan", "allow", marked, reads, false, true, "no_time", NULL},
		{"scan", "deny", plain, reads, true, true, "no_time", "\"not-scanned\""},
		{"allow", "deny", marked, 0, false, false, "remote", NULL},
		{"allow", "deny", marked, reads, false, false, "remote", NULL},
		{"deny", "allow", plain, 0, true, false, "remote", "\"remote\""},
		{"deny", "allow", plain, reads, true, false, "remote", "\"remote\""},
		/* only the server knows that it is one */
		{"allow", "deny", plain, statfs, true, true, "no_time", "\"not-scanned\""},
		{"deny", "allow", plain, statfs, false, true, "no_time", NULL},
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		ask_remote(&rows[i]);
}

/* Memory of a process and its children. */
static unsigned long pss_kib(pid_t pid)
{
	char path[64], line[256];
	unsigned long sum = 0;
	int child;
	snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", pid);
	FILE *file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file))
		if (strncmp(line, "Pss:", 4) == 0)
			sum += strtoul(line + 4, NULL, 10);
	if (file)
		fclose(file);
	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", pid, pid);
	file = fopen(path, "re");
	while (file && fscanf(file, "%d", &child) == 1)
		sum += pss_kib(child);
	if (file)
		fclose(file);
	return sum;
}

/* The rules that come with it. */
static void case_examples(void)
{
	static const char *const names[] = {"yara", NULL};
	const char *argv[] = {"yara", "--rules", getenv("YARA_RULES"), NULL};
	char text[64];
	stage_begin(&stage, 0, 0, names);
	stage.settings->deadline_exec_ms = 5000;
	EXPECT(argv[2], "YARA_RULES is not set");
	stage_spawn(&stage, "yara", -1, argv);
	EXPECT(stage_turn(&stage, 20000, stage_all_live), "yara does not come");
	snprintf(text, sizeof(text), "echo RINGSIDE-HARMLESS-%s", "TEST-MALWARE");
	int marker = file_of(text), good = file_of(plain);
	EXPECT(judged("/judged/marker", marker)->denied, "the marker was not denied");
	EXPECT(recorded("\"ringside_harmless_test\""), "the rule is not on record");
	EXPECT(judged("/tmp/good", good)->cached, "the rules that come with it cost the cache");
	printf("memory: the agent %lu KiB, shares counted once\n", pss_kib(stage.agents[0].pid));
	close(marker);
	close(good);
	EXPECT(stage_stop(&stage, &stage.agents[0]) == 0, "yara ended badly");
	stage_end(&stage);
}

static const struct {
	const char *name;
	void (*run)(void);
} cases[] = {
	{"yara", case_yara},        {"yara-files", case_files},   {"yara-time", case_time},
	{"yara-names", case_names}, {"yara-reload", case_reload}, {"yara-compiled", case_compiled},
	{"yara-stuck", case_stuck}, {"yara-remote", case_remote}, {"yara-examples", case_examples},
};

int main(int argc, char **argv)
{
	for (size_t i = 0; argc > 1 && i < ARRAY_SIZE(cases); i++)
		if (strcmp(cases[i].name, argv[1]) == 0) {
			cases[i].run();
			return 0;
		}
	fprintf(stderr, "usage: yara_test CASE\n");
	return 2;
}

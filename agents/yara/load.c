/* SPDX-License-Identifier: Apache-2.0 */
#include "yara/load.h"

#include "common/common.h"
#include "yara/inspect.h"
#include "yara/source.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define OWN_FILE 3
#define OWN_PIPE 4
#define REPORTS_MAX 200u
#define TRIAL_NS UINT64_C(2000000000)

/* Where the compiling process is: for the last words about one that did not come back. */
struct place {
	char path[256];
};

struct load {
	struct load_opts opts;
	uint64_t tried; /* signature of what was last loaded, or refused */
	uint64_t seen;
	uint64_t next_look_ns;
	uint64_t end_ns; /* of the process that compiles */
	uint64_t refused;
	bool asked;
	pid_t pid; /* of the process that compiles; 0: none */
	bool reading; /* a thread reads what was compiled */
	pthread_t reader;
	int reader_end; /* its end of the pipe */
	int read_error;
	struct ruleset *read;
	int file, pipe; /* the other end of the pipe is closed when the process or thread is done */
	struct place *place; /* shared with it */
};

int load_new(const struct load_opts *opts, struct load **ret)
{
	struct load *load = calloc(1, sizeof(*load));
	if (!load)
		return -ENOMEM;
	load->place = mmap(NULL, sizeof(*load->place), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (load->place == MAP_FAILED) {
		free(load);
		return -ENOMEM;
	}
	load->opts = *opts;
	load->file = load->pipe = -1;
	*ret = load;
	return 0;
}

static int end(struct load *load)
{
	int status = 0;
	if (load->pid > 0) {
		kill(load->pid, SIGKILL);
		while (waitpid(load->pid, &status, 0) < 0 && errno == EINTR)
			;
	}
	load->pid = 0;
	closep(&load->pipe);
	load->pipe = -1;
	return status;
}

struct load *load_free(struct load *load)
{
	if (!load)
		return NULL;
	if (load->reading)
		pthread_join(load->reader, NULL);
	ruleset_free(load->read);
	end(load);
	closep(&load->file);
	munmap(load->place, sizeof(*load->place));
	free(load);
	return NULL;
}

static uint64_t signature(const struct load *load)
{
	struct source_list list = {0};
	_cleanup_(closep) int directory = -1;
	if (load->opts.compiled) {
		char *path[] = {strdup(load->opts.compiled)};
		list = (struct source_list){.paths = path, .n = 1};
		uint64_t found = path[0] ? source_list_signature(AT_FDCWD, &list) : 1;
		free(path[0]);
		return found;
	}
	directory = open(load->opts.directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (directory < 0 || source_list_read(directory, &list) < 0)
		return 1;
	uint64_t found = source_list_signature(directory, &list);
	source_list_deinit(&list);
	return found;
}

/* ---- the process that compiles ---- */

struct maker {
	struct place *place;
	unsigned n_reports;
};

static void report(void *data, const char *line)
{
	struct maker *maker = data;
	if (maker->n_reports++ < REPORTS_MAX)
		say("%s", line);
}

static void progress(void *data, const char *path)
{
	struct maker *maker = data;
	snprintf(maker->place->path, sizeof(maker->place->path), "%s", path);
}

/* Rules that crash or never end must do so here. */
static int try_out(const struct ruleset *set, struct maker *maker)
{
	static const char bytes[] = "\177ELF a file that nobody has ever seen";
	const struct inspect_limits limits = {0};
	struct inspect_result result;
	struct inspect *inspect;
	progress(maker, "trial of all rules");
	int r = inspect_new(set, &limits, &inspect);
	if (r < 0)
		return r;
	inspect_bytes(inspect, bytes, sizeof(bytes), "/nobody/has/seen/it", now_ns() + TRIAL_NS, &result);
	inspect_free(inspect);
	if (result.outcome != INSPECT_MATCH)
		return 0;
	say("%s: matches a file of %zu harmless bytes: it would deny everything", result.rule, sizeof(bytes));
	return -EINVAL;
}

static int make_set(const struct load_opts *opts, struct maker *maker, const struct ruleset *in_force,
		    struct ruleset **ret)
{
	char problem[COMPILE_PROBLEM_SIZE] = "";
	const char *path = opts->directory ? opts->directory : opts->compiled;
	struct compile_opts compile = {.strict = opts->strict,
				       .tolerated = in_force ? &in_force->head : NULL,
				       .report = report,
				       .progress = progress,
				       .data = maker};
	_cleanup_(closep) int fd =
		open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | (opts->directory ? O_DIRECTORY : 0));
	if (fd < 0) {
		say("%s: cannot be opened: %s", path, strerror(errno));
		return -EINVAL;
	}
	progress(maker, path);
	int r = opts->directory ? compile_directory(fd, &compile, ret, problem)
				: compile_load(fd, &compile, ret, problem);
	if (r < 0)
		say("%s: %s", path, problem[0] ? problem : strerror(-r));
	return r;
}

static void be_maker(struct load *load, const struct ruleset *in_force, pid_t parent)
{
	struct ruleset *set;
	struct maker maker = {.place = load->place};
	struct rlimit limit = {.rlim_cur = load->opts.compile_ms / 1000 + 1,
			       .rlim_max = load->opts.compile_ms / 1000 + 1};
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	setrlimit(RLIMIT_CPU, &limit);
	if (getppid() != parent || load->pipe <= OWN_PIPE || load->file <= OWN_PIPE)
		_exit(1);
	if (dup2(load->file, OWN_FILE) < 0 || dup2(load->pipe, OWN_PIPE) < 0 || close_range(OWN_PIPE + 1, ~0U, 0) < 0)
		_exit(1);
	/* questions go first */
	if (nice(5) < 0)
		maker.n_reports = 0;
	if (make_set(&load->opts, &maker, in_force, &set) < 0 || try_out(set, &maker) < 0 ||
	    ruleset_save(set, OWN_FILE) < 0)
		_exit(1);
	_exit(0);
}

/* A descriptor above those that the new process gives its own. */
static int raise_fd(int fd)
{
	int raised = fcntl(fd, F_DUPFD_CLOEXEC, OWN_PIPE + 1);
	int r = -errno;
	close(fd);
	return raised < 0 ? r : raised;
}

static int begin(struct load *load, const struct ruleset *in_force, uint64_t now)
{
	int pair[2];
	pid_t parent = getpid();
	closep(&load->file);
	load->file = memfd_create("rules", MFD_CLOEXEC);
	if (load->file < 0 || pipe2(pair, O_CLOEXEC) < 0)
		return -errno;
	load->file = raise_fd(load->file);
	load->pipe = raise_fd(pair[1]);
	snprintf(load->place->path, sizeof(load->place->path), "the beginning");
	pid_t pid = load->file < 0 || load->pipe < 0 ? -1 : fork();
	if (pid == 0)
		be_maker(load, in_force, parent);
	closep(&load->pipe);
	load->pipe = pair[0];
	if (pid < 0) {
		end(load);
		return -EAGAIN;
	}
	load->pid = pid;
	load->end_ns = now + load->opts.compile_ms * 1000000;
	return 0;
}

static enum load_result refuse(struct load *load)
{
	load->refused++;
	return LOAD_REFUSED;
}

static void *read_rules(void *data)
{
	struct load *load = data;
	load->read_error = ruleset_load(load->file, &load->read);
	close(load->reader_end);
	return NULL;
}

/*
 * The only thread beside the one that answers, and it calls libyara only: to read 10,000 rules takes 80 ms of processor
 * time, and 0.4 s on a machine that is busy, which is longer than a question about an open has.
 * Workers may be forked meanwhile: the C library keeps malloc(3) whole over a fork.
 */
static int start_reading(struct load *load)
{
	int pair[2];
	if (pipe2(pair, O_CLOEXEC) < 0)
		return -errno;
	load->pipe = pair[0];
	load->reader_end = pair[1];
	int r = pthread_create(&load->reader, NULL, read_rules, load);
	if (r != 0) {
		close(pair[1]);
		end(load);
		return -r;
	}
	load->reading = true;
	return 0;
}

static enum load_result cannot_be_read(struct load *load, int error)
{
	say("rules refused: they were compiled and cannot be read: %s", strerror(-error));
	return refuse(load);
}

static enum load_result wait_for_reader(struct load *load, struct ruleset **ret)
{
	struct pollfd fd = {.fd = load->pipe};
	if (poll(&fd, 1, 0) == 0)
		return LOAD_BUSY;
	pthread_join(load->reader, NULL);
	load->reading = false;
	end(load);
	closep(&load->file);
	load->file = -1;
	if (load->read_error < 0)
		return cannot_be_read(load, load->read_error);
	*ret = STEAL(load->read);
	return LOAD_READY;
}

static enum load_result finish(struct load *load, int status)
{
	load->place->path[sizeof(load->place->path) - 1] = '\0';
	if (WIFSIGNALED(status))
		say("rules refused: compiling ended by signal %d at %s", WTERMSIG(status), load->place->path);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return refuse(load);
	int r = start_reading(load);
	return r < 0 ? cannot_be_read(load, r) : LOAD_BUSY;
}

static enum load_result wait_for_maker(struct load *load, uint64_t now)
{
	int status;
	pid_t pid = waitpid(load->pid, &status, WNOHANG);
	if (pid == 0 && now < load->end_ns)
		return LOAD_BUSY;
	if (pid == 0) {
		end(load);
		say("rules refused: not compiled in %llu ms, at %s; see --compile-ms",
		    (unsigned long long)load->opts.compile_ms, load->place->path);
		return refuse(load);
	}
	load->pid = 0;
	end(load);
	return finish(load, status);
}

static bool is_due(struct load *load, uint64_t now)
{
	if (now < load->next_look_ns)
		return false;
	load->next_look_ns = now + LOAD_LOOK_NS;
	uint64_t found = signature(load);
	bool settled = found == load->seen;
	load->seen = found;
	if (!load->asked && (found == load->tried || !settled))
		return false;
	load->tried = found;
	load->asked = false;
	return true;
}

enum load_result load_step(struct load *load, uint64_t now, const struct ruleset *in_force, struct ruleset **ret)
{
	if (load->pid > 0)
		return wait_for_maker(load, now);
	if (load->reading)
		return wait_for_reader(load, ret);
	if (!is_due(load, now))
		return LOAD_IDLE;
	int r = begin(load, in_force, now);
	if (r < 0) {
		say("rules cannot be loaded now: %s", strerror(-r));
		load->tried = 0; /* again, when there is room */
		return refuse(load);
	}
	return LOAD_BUSY;
}

void load_ask(struct load *load)
{
	load->asked = true;
	load->next_look_ns = 0;
}

int load_first(struct load *load, struct ruleset **ret)
{
	enum load_result r;
	load_ask(load);
	while ((r = load_step(load, now_ns(), NULL, ret)) == LOAD_BUSY) {
		struct pollfd fd = {.fd = load->pipe, .events = POLLIN};
		poll(&fd, 1, 50);
	}
	return r == LOAD_READY ? 0 : -EINVAL;
}

int load_fd(const struct load *load)
{
	return load->pid > 0 || load->reading ? load->pipe : -1;
}

uint64_t load_refused(const struct load *load)
{
	return load->refused;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vm_tally: do the counters of these agents, of the engine and of the kernel add up?
 *
 *     vm_tally AGENT …
 *
 *     status ─▶ SIGUSR1 to each agent, its line `tally …` in what it prints ─▶ status again: nothing happened in
 * between ─▶ compare
 *
 * The engine must be the first one: of what one before it had asked and taken nothing is known here, and a good one is
 * not started anew, however busy the machine is.
 *
 * It opens nothing and starts nothing while it looks, so that on a machine where nothing else happens the numbers are
 * of one moment; when something does happen it looks again. Says what it found, one line each; exit status 1 when
 * something does not add up, with `why: …`. The line `sums: KEY=VALUE …` is of all agents, for tools/vm-test
 * --pairs-report.
 */
#include "wire/ipc.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define AGENTS_MAX 8
#define SOCKET_PATH "/run/ringside/control.sock"
#define LOG_PATH "/run/ringside/agents/%s.log"
#define LOG_TAIL 65536
#define LOOKS 60
#define LINE_MS 10000

/* What status says of an agent and the agent does not. */
enum { DELIVERED, DROPPED, OVER_BUDGET, QUESTIONS, ALLOWS, DENIES, MISSES, LATE, STRIKES, PENDING, N_OF_ENGINE };
static const char *const engine_keys[N_OF_ENGINE] = {"delivered", "dropped", "over_budget", "questions", "allows",
						     "denies",    "misses",  "late",        "strikes",   "pending"};

enum { ASKED, ALLOWED, DENIED, MISSED, ALL_PENDING, N_OF_ALL };
static const char *const all_keys[N_OF_ALL] = {"asked", "allowed", "denied", "missed", "pending"};

enum { ALL_DELIVERED, ALL_DROPPED, N_OF_EVENTS };
static const char *const event_keys[N_OF_EVENTS] = {"delivered", "dropped"};

enum { PRODUCED, TAKEN, KERNEL_LOST, ERRORS, N_OF_BPF };
static const char *const bpf_keys[N_OF_BPF] = {"produced", "taken", "lost", "errors"};

enum { SESSIONS, EVENTS, LOST, LAST, UNEXPLAINED, QUESTIONS_READ, ALLOWS_SENT, DENIES_SENT, REFUSED, N_OF_AGENT };
static const char *const tally_keys[N_OF_AGENT] = {" sessions=",  " events=", " lost=",   " last=",   " unexplained=",
						   " questions=", " allows=", " denies=", " refused="};

/* All at one moment, as far as status knows. */
struct look {
	int64_t engine[AGENTS_MAX][N_OF_ENGINE];
	int64_t all[N_OF_ALL];
	int64_t events[N_OF_EVENTS];
	int64_t bpf[N_OF_BPF];
};

struct agent {
	const char *name;
	pid_t pid;
	int log_fd;
	off_t log_from;
	bool live;
	int64_t restarts;
	int64_t tally[N_OF_AGENT];
};

static struct agent agents[AGENTS_MAX];
static int n_agents;
static int64_t generation;
static int failures;

static void __attribute__((format(printf, 2, 3))) check(bool ok, const char *format, ...)
{
	va_list args;
	if (ok)
		return;
	failures++;
	va_start(args, format);
	printf("why: ");
	vprintf(format, args);
	printf("\n");
	va_end(args);
}

static void __attribute__((noreturn, format(printf, 1, 2))) stop(const char *format, ...)
{
	va_list args;
	va_start(args, format);
	printf("why: vm_tally: ");
	vprintf(format, args);
	printf("\n");
	va_end(args);
	exit(1);
}

static int control_connect(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = SOCKET_PATH};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		stop(SOCKET_PATH ": %s", strerror(errno));
	return fd;
}

static struct json_object *ask_status(int fd)
{
	static union {
		struct ipc_reply reply;
		char bytes[IPC_MESSAGE_MAX];
	} in;
	static char text[1 << 20];
	size_t used = 0;
	struct ipc_request request = {.head = {.size = sizeof(request), .type = IPC_REQUEST, .number = 1},
				      .kind = IPC_REQUEST_STATUS};
	if (send(fd, &request, sizeof(request), 0) < 0)
		stop("asking for status: %s", strerror(errno));
	do {
		ssize_t got = recv(fd, in.bytes, sizeof(in.bytes), 0);
		if (got < (ssize_t)sizeof(in.reply) || used + (size_t)got > sizeof(text))
			stop("status was not answered: %zd", got);
		memcpy(text + used, in.bytes + sizeof(in.reply), (size_t)got - sizeof(in.reply));
		used += (size_t)got - sizeof(in.reply);
	} while (in.reply.more);
	text[used] = '\0';
	struct json_object *status = json_tokener_parse(text);
	if (!status)
		stop("status is no JSON");
	return status;
}

static struct json_object *member(struct json_object *object, const char *key)
{
	struct json_object *value = NULL;
	if (object)
		json_object_object_get_ex(object, key, &value);
	return value;
}

static int64_t number(struct json_object *object, const char *key)
{
	return json_object_get_int64(member(object, key));
}

static struct json_object *named(struct json_object *list, const char *name)
{
	for (size_t i = 0; list && i < json_object_array_length(list); i++) {
		struct json_object *item = json_object_array_get_idx(list, i);
		const char *its = json_object_get_string(member(item, "name"));
		if (its && strcmp(its, name) == 0)
			return item;
	}
	return NULL;
}

static void numbers(struct json_object *object, const char *const *keys, int n, int64_t *ret)
{
	for (int i = 0; i < n; i++)
		ret[i] = number(object, keys[i]);
}

static struct look look(int fd)
{
	struct look now = {0};
	struct json_object *status = ask_status(fd), *engine = member(status, "engine"), *cage = member(status, "cage");
	for (int i = 0; i < n_agents; i++) {
		struct json_object *seen = named(member(engine, "agents"), agents[i].name);
		struct json_object *kept = named(member(cage, "agents"), agents[i].name);
		if (!seen || !kept)
			stop("status names no agent %s", agents[i].name);
		const char *state = json_object_get_string(member(seen, "state"));
		numbers(seen, engine_keys, N_OF_ENGINE, now.engine[i]);
		agents[i].live = state && strcmp(state, "live") == 0;
		agents[i].restarts = number(kept, "restarts");
		agents[i].pid = (pid_t)number(kept, "pid");
	}
	numbers(member(engine, "questions"), all_keys, N_OF_ALL, now.all);
	numbers(member(engine, "events"), event_keys, N_OF_EVENTS, now.events);
	numbers(named(member(engine, "sensors"), "bpf"), bpf_keys, N_OF_BPF, now.bpf);
	generation = number(engine, "generation");
	json_object_put(status);
	return now;
}

/* The line of this agent behind what it had printed before. */
static bool tally_read(struct agent *agent)
{
	static char text[LOG_TAIL + 1];
	char begin[128];
	ssize_t got = pread(agent->log_fd, text, LOG_TAIL, agent->log_from);
	text[got > 0 ? got : 0] = '\0';
	snprintf(begin, sizeof(begin), "tally %s ", agent->name);
	const char *at = strstr(text, begin), *end = at ? strchr(at, '\n') : NULL;
	for (int i = 0; end && i < N_OF_AGENT; i++) {
		const char *value = strstr(at, tally_keys[i]);
		if (!value || value > end)
			stop("expected \"%s\" in the tally of %s", tally_keys[i], agent->name);
		agent->tally[i] = strtoll(value + strlen(tally_keys[i]), NULL, 10);
	}
	return end != NULL;
}

static void tallies(void)
{
	for (int i = 0; i < n_agents; i++) {
		agents[i].log_from = lseek(agents[i].log_fd, 0, SEEK_END);
		if (agents[i].pid <= 1 || kill(agents[i].pid, SIGUSR1) < 0)
			stop("agent %s does not run", agents[i].name);
	}
	for (int i = 0; i < n_agents; i++) {
		int left = LINE_MS / 10;
		while (!tally_read(&agents[i]) && --left)
			usleep(10000);
		if (!left)
			stop("agent %s says no tally within %d ms", agents[i].name, LINE_MS);
	}
}

static void compare_agent(const struct agent *agent, const int64_t *engine)
{
	const int64_t *own = agent->tally;
	const char *name = agent->name;
	int64_t numbered = engine[DELIVERED] + engine[DROPPED] + engine[OVER_BUDGET];
	printf("%s: %" PRId64 " events read + %" PRId64 " lost = %" PRId64 "; questions %" PRId64 " = %" PRId64
	       " allowed + %" PRId64 " denied + %" PRId64 " missed\n",
	       name, own[EVENTS], own[LOST], own[LAST], engine[QUESTIONS], engine[ALLOWS], engine[DENIES],
	       engine[MISSES]);
	check(own[UNEXPLAINED] == 0, "%s: %" PRId64 " numbers neither came nor were told as lost", name,
	      own[UNEXPLAINED]);
	check(own[LAST] == numbered, "%s: last number %" PRId64 ", the engine gave %" PRId64, name, own[LAST],
	      numbered);
	check(own[EVENTS] == engine[DELIVERED], "%s: read %" PRId64 ", the engine delivered %" PRId64, name,
	      own[EVENTS], engine[DELIVERED]);
	check(engine[QUESTIONS] == engine[ALLOWS] + engine[DENIES] + engine[MISSES] + engine[PENDING],
	      "%s: %" PRId64 " questions, but %" PRId64 " allows, %" PRId64 " denies, %" PRId64 " misses, %" PRId64
	      " pending",
	      name, engine[QUESTIONS], engine[ALLOWS], engine[DENIES], engine[MISSES], engine[PENDING]);
	check(own[QUESTIONS_READ] == engine[QUESTIONS], "%s: read %" PRId64 " questions, the engine asked %" PRId64,
	      name, own[QUESTIONS_READ], engine[QUESTIONS]);
	check(own[ALLOWS_SENT] == engine[ALLOWS] && own[DENIES_SENT] == engine[DENIES],
	      "%s: sent %" PRId64 " allows and %" PRId64 " denies, the engine counts %" PRId64 " and %" PRId64, name,
	      own[ALLOWS_SENT], own[DENIES_SENT], engine[ALLOWS], engine[DENIES]);
	check(agent->live && engine[STRIKES] == 0 && agent->restarts == 0 && own[SESSIONS] == 1,
	      "%s: live %d, strikes %" PRId64 ", restarts %" PRId64 ", sessions %" PRId64, name, agent->live,
	      engine[STRIKES], agent->restarts, own[SESSIONS]);
}

static void compare(const struct look *now)
{
	const int64_t *all = now->all, *bpf = now->bpf;
	for (int i = 0; i < n_agents; i++)
		compare_agent(&agents[i], now->engine[i]);
	printf("engine: %" PRId64 " asked = %" PRId64 " allowed + %" PRId64 " denied; kernel: %" PRId64
	       " records = %" PRId64 " taken, and %" PRId64 " lost\n",
	       all[ASKED], all[ALLOWED], all[DENIED], bpf[PRODUCED], bpf[TAKEN], bpf[KERNEL_LOST]);
	check(all[ALL_PENDING] == 0 && all[ASKED] == all[ALLOWED] + all[DENIED],
	      "engine: asked %" PRId64 ", allowed %" PRId64 ", denied %" PRId64, all[ASKED], all[ALLOWED], all[DENIED]);
	check(bpf[PRODUCED] == bpf[TAKEN], "kernel: %" PRId64 " records, the engine took %" PRId64, bpf[PRODUCED],
	      bpf[TAKEN]);
	check(bpf[ERRORS] == 0, "bpf: %" PRId64 " records made no sense", bpf[ERRORS]);
	printf("sums: events=%" PRId64 " lost=%" PRId64 " questions=%" PRId64 " denied=%" PRId64 " missed=%" PRId64
	       "\n",
	       now->events[ALL_DELIVERED], now->events[ALL_DROPPED] + bpf[KERNEL_LOST], all[ASKED], all[DENIED],
	       all[MISSED]);
	check(generation == 1, "expected the first engine still, found generation %" PRId64, generation);
}

int main(int argc, char **argv)
{
	if (argc < 2 || argc > 1 + AGENTS_MAX) {
		fprintf(stderr, "usage: vm_tally AGENT …\n");
		return 2;
	}
	int fd = control_connect();
	for (; n_agents < argc - 1; n_agents++) {
		char path[256];
		agents[n_agents].name = argv[n_agents + 1];
		snprintf(path, sizeof(path), LOG_PATH, agents[n_agents].name);
		agents[n_agents].log_fd = open(path, O_RDONLY | O_CLOEXEC);
		if (agents[n_agents].log_fd < 0)
			stop("%s: %s", path, strerror(errno));
	}
	for (int i = 0; i < LOOKS; i++) {
		usleep(500000);
		struct look before = look(fd);
		tallies();
		struct look after = look(fd);
		if (memcmp(&before, &after, sizeof(before)) != 0)
			continue;
		compare(&after);
		return failures > 0;
	}
	stop("the machine does not come to rest: its counters changed in each of %d looks", LOOKS);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vm_agent: an agent whose answers the cases and the benchmark choose by its arguments.
 *
 *     vm_agent allow              allows all
 *     vm_agent cache [PREFIX]     allows all, and lets the kernel remember it (below PREFIX only)
 *     vm_agent marker [cache]     denies what vm_marker.h calls bad
 *     vm_agent hang [open|exec]   takes questions and answers none (of this kind)
 *     vm_agent greedy KIND        allows all; asked about a file whose name ends in "want" it takes what it can get:
 * eat memory, fork processes, open descriptors, fill its folder, fill it with names, spin for ten seconds; and gives no
 * answer
 */
#include "vm_marker.h"

#include <fcntl.h>
#include <ringside/ringside.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct mode {
	const char *name;
	bool with_fd;
	int (*answer)(struct rs_agent *agent, const struct rs_event *event, const char *argument);
};

static int answer_allow(struct rs_agent *agent, const struct rs_event *event, const char *argument)
{
	return rs_respond_allow(agent, event, 0);
}

static struct rs_str target(const struct rs_event *event)
{
	if (event->type == RS_EVENT_AUTH_EXEC)
		return rs_event_auth_exec(event)->file.path;
	return rs_event_auth_open(event)->file.path;
}

static int answer_cache(struct rs_agent *agent, const struct rs_event *event, const char *argument)
{
	const char *path = rs_str_get(event, target(event), NULL);
	bool cache = argument == NULL || strncmp(path, argument, strlen(argument)) == 0;
	return rs_respond_allow(agent, event, cache ? RS_ALLOW_CACHE : 0);
}

static int answer_marker(struct rs_agent *agent, const struct rs_event *event, const char *argument)
{
	bool exec = event->type == RS_EVENT_AUTH_EXEC;
	int fd = rs_event_fd(agent, event);
	if (fd >= 0 && vm_marker_ends(fd, exec ? VM_MARKER_EXEC : VM_MARKER_OPEN)) {
		const struct rs_deny_opts opts = {.size = sizeof(opts),
						  .rule = exec ? "marker-exec" : "marker-open",
						  .reason = "it ends with the marker"};
		return rs_respond_deny(agent, event, &opts);
	}
	return rs_respond_allow(agent, event, argument && fd >= 0 ? RS_ALLOW_CACHE : 0);
}

static int answer_hang(struct rs_agent *agent, const struct rs_event *event, const char *argument)
{
	const char *kind = event->type == RS_EVENT_AUTH_EXEC ? "exec" : "open";
	return argument && strcmp(argument, kind) != 0 ? rs_respond_allow(agent, event, 0) : 0;
}

static void eat(void)
{
	const size_t size = 1 << 20;
	char *more;
	while ((more = malloc(size)))
		memset(more, 1, size);
}

static void make_processes(void)
{
	pid_t pid;
	while ((pid = fork()) > 0)
		;
	while (pid == 0)
		pause();
}

static void open_files(void)
{
	while (open("/dev/null", O_RDONLY | O_CLOEXEC) >= 0)
		;
}

/* Its whole state folder, in files well below the limit of one file's size; with their bytes, or only their names. */
static void fill_files(bool bytes)
{
	static const char some[1 << 16] = {1};
	char path[64];
	ssize_t wrote = 0;
	for (int n = 0; wrote >= 0; n++) {
		snprintf(path, sizeof(path), "/state/%d", n);
		int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
		wrote = fd < 0 ? -1 : write(fd, some, bytes ? sizeof(some) : 0);
		if (fd >= 0)
			close(fd);
	}
}

static void fill(void)
{
	fill_files(true);
}

static void name_files(void)
{
	fill_files(false);
}

static void spin(void)
{
	time_t end = time(NULL) + 10;
	while (time(NULL) <= end)
		;
}

static int answer_greedy(struct rs_agent *agent, const struct rs_event *event, const char *argument)
{
	static const struct {
		const char *kind;
		void (*take)(void);
	} kinds[] = {{"eat", eat},   {"fork", make_processes}, {"open", open_files},
		     {"fill", fill}, {"names", name_files},    {"spin", spin}};
	size_t size;
	const char *path = rs_str_get(event, target(event), &size);
	if (size < 4 || memcmp(path + size - 4, "want", 4) != 0)
		return rs_respond_allow(agent, event, 0);
	for (size_t i = 0; argument && i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(argument, kinds[i].kind) == 0)
			kinds[i].take();
	return 0;
}

static const struct mode modes[] = {
	{"allow", false, answer_allow}, {"cache", false, answer_cache},   {"marker", true, answer_marker},
	{"hang", false, answer_hang},   {"greedy", false, answer_greedy},
};

static const struct mode *mode_find(const char *name)
{
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
		if (!strcmp(name, modes[i].name))
			return &modes[i];
	return NULL;
}

static int serve(struct rs_agent *agent, const struct mode *mode, const char *argument)
{
	for (;;) {
		const struct rs_event *event;
		int got = rs_agent_next(agent, -1, &event);
		if (got < 0)
			return got;
		if (got == 0 || !(event->flags & RS_EVENT_IS_AUTH))
			continue;
		mode->answer(agent, event, argument); /* a late answer is refused; the platform has counted it */
	}
}

int main(int argc, char **argv)
{
	static const enum rs_event_type types[] = {RS_EVENT_AUTH_OPEN, RS_EVENT_AUTH_EXEC};
	const struct mode *mode = argc > 1 ? mode_find(argv[1]) : NULL;
	struct rs_agent *agent;
	if (!mode) {
		fprintf(stderr, "usage: vm_agent allow | cache [PREFIX] | marker [cache] | hang [open|exec] | "
				"greedy KIND\n");
		return 2;
	}
	const struct rs_subscribe_opts opts = {.size = sizeof(opts), .with_fd = mode->with_fd};
	int r = rs_agent_open(NULL, &agent);
	if (r == 0)
		r = rs_agent_subscribe(agent, types, 2, &opts);
	if (r == 0)
		r = rs_agent_ready(agent);
	if (r == 0)
		r = serve(agent, mode, argc > 2 ? argv[2] : NULL);
	fprintf(stderr, "vm_agent: %s\n", strerror(-r));
	return 1;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * judge: an agent for the system tests. Decides by the last part of a file's path:
 *
 *     evil…   deny, rule "name"        slow…   no answer        once…   allow and cache        others: allow
 *     eat…    takes memory             fork…   makes processes  leak…   opens descriptors
 *     fill…   fills /state             names…  makes files there without bytes                spin…   uses the
 * processor each until it gets no more (spin: for 2 s), and then gives no answer
 *
 *     judge [--cache] [--deny PREFIX] [--version TEXT] [--exit] [--mute] EVENT…
 *
 *     --cache   every allow is cached            --exit   ends before it is ready, with status 3
 *     --deny    denies these names, too          --mute   never gets ready
 */
#include <ringside/ringside.h>

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define EVENTS_MAX 16

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
	if (pid == 0)
		for (;;)
			pause();
}

static void leak(void)
{
	while (open("/dev/null", O_RDONLY) >= 0)
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
	time_t end = time(NULL) + 2;
	while (time(NULL) <= end)
		;
}

static const struct {
	const char *prefix;
	void (*act)(void);
} misdeeds[] = {{"eat", eat},          {"fork", make_processes}, {"leak", leak}, {"fill", fill},
		{"names", name_files}, {"spin", spin},           {"slow", NULL}};

static const char *also_denied = "evil";

static const char *last_part(const struct rs_event *event)
{
	const struct rs_event_auth_exec *exec = rs_event_auth_exec(event);
	const struct rs_event_auth_open *open = rs_event_auth_open(event);
	const char *path = exec   ? rs_str_get(event, exec->file.path, NULL)
			   : open ? rs_str_get(event, open->file.path, NULL)
				  : "";
	const char *slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}

static int judge(struct rs_agent *agent, const struct rs_event *event, uint32_t flags)
{
	const struct rs_deny_opts deny = {.size = sizeof(deny), .rule = "name", .reason = "its name begins with evil"};
	const char *name = last_part(event);
	for (size_t i = 0; i < sizeof(misdeeds) / sizeof(misdeeds[0]); i++) {
		if (strncmp(name, misdeeds[i].prefix, strlen(misdeeds[i].prefix)) != 0)
			continue;
		if (misdeeds[i].act)
			misdeeds[i].act();
		return 0;
	}
	if (strncmp(name, "evil", 4) == 0 || strncmp(name, also_denied, strlen(also_denied)) == 0)
		return rs_respond_deny(agent, event, &deny);
	if (strncmp(name, "once", 4) == 0)
		flags |= RS_ALLOW_CACHE;
	return rs_respond_allow(agent, event, flags);
}

int main(int argc, char **argv)
{
	struct rs_agent_opts opts = {.size = sizeof(opts), .version = "1"};
	enum rs_event_type types[EVENTS_MAX];
	size_t n_types = 0;
	uint32_t flags = 0;
	bool mute = false;
	struct rs_agent *agent;
	for (int i = 1; i < argc && n_types < EVENTS_MAX; i++) {
		if (strcmp(argv[i], "--cache") == 0)
			flags = RS_ALLOW_CACHE;
		else if (strcmp(argv[i], "--exit") == 0)
			return 3;
		else if (strcmp(argv[i], "--mute") == 0)
			mute = true;
		else if (strcmp(argv[i], "--deny") == 0 && i + 1 < argc)
			also_denied = argv[++i];
		else if (strcmp(argv[i], "--version") == 0 && i + 1 < argc)
			opts.version = argv[++i];
		else
			types[n_types++] = (enum rs_event_type)rs_event_type_by_name(argv[i]);
	}
	int r = rs_agent_open(&opts, &agent);
	if (r >= 0)
		r = rs_agent_subscribe(agent, types, n_types, NULL);
	while (mute)
		pause();
	if (r >= 0)
		r = rs_agent_ready(agent);
	while (r >= 0) {
		const struct rs_event *event;
		r = rs_agent_next(agent, -1, &event);
		if (r > 0 && event->flags & RS_EVENT_IS_AUTH)
			judge(agent, event, flags);
	}
	fprintf(stderr, "judge: %s\n", strerror(-r));
	return 1;
}

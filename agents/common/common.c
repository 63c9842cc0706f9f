/* SPDX-License-Identifier: Apache-2.0 */
#include "common/common.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

void freep(void *pointer)
{
	free(*(void **)pointer);
}

void closep(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

void say(const char *format, ...)
{
	char line[1024];
	va_list args;
	int size = snprintf(line, sizeof(line), "%s: ", program_invocation_short_name);
	va_start(args, format);
	size += vsnprintf(line + size, sizeof(line) - (size_t)size, format, args);
	va_end(args);
	size = MIN(size, (int)sizeof(line) - 1);
	line[size] = '\n';
	/* nothing can be done for a reader that is gone */
	if (write(STDERR_FILENO, line, (size_t)size + 1) < 0)
		return;
}

uint64_t now_ns(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

int agent_signals(void)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGUSR1);
	signal(SIGPIPE, SIG_IGN);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -errno;
	int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd < 0 ? -errno : fd;
}

int agent_wait(const struct rs_agent *agent, int signal_fd, int timeout_ms)
{
	struct signalfd_siginfo info;
	struct pollfd fds[] = {{.fd = rs_agent_fd(agent), .events = POLLIN}, {.fd = signal_fd, .events = POLLIN}};
	if (poll(fds, ARRAY_SIZE(fds), timeout_ms) <= 0 || !(fds[1].revents & POLLIN))
		return 0;
	return read(signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info) ? (int)info.ssi_signo : 0;
}

int agent_parse_types(const char *list, enum rs_event_type *types, size_t max, size_t *ret_n)
{
	size_t n = 0;
	for (const char *at = list; *at != '\0';) {
		size_t size = strcspn(at, ",");
		char name[64] = "";
		memcpy(name, at, MIN(size, sizeof(name) - 1));
		int type = size < sizeof(name) ? rs_event_type_by_name(name) : -ENOENT;
		if (type <= 0 || n == max) {
			say("expected names of events with commas between them, found \"%s\"; docs/EVENTS.md has the "
			    "list",
			    name);
			return -EINVAL;
		}
		types[n++] = (enum rs_event_type)type;
		at += size + (at[size] == ',');
	}
	if (n == 0) {
		say("expected at least one name of an event");
		return -EINVAL;
	}
	*ret_n = n;
	return 0;
}

size_t agent_granted_types(const struct rs_agent *agent, bool auth, enum rs_event_type *types, size_t max)
{
	size_t n = 0;
	for (unsigned type = 1; type < RS_EVENT_TYPE_LIMIT && n < max; type++) {
		struct rs_ability ability = {.size = sizeof(ability)};
		const char *name = rs_event_name((uint16_t)type);
		if (!name || rs_event_type_by_name(name) != (int)type)
			continue;
		if (!auth && strncmp(name, "auth_", 5) == 0)
			continue;
		if (rs_agent_ability(agent, (enum rs_event_type)type, &ability) == 0 && ability.granted &&
		    ability.state != RS_UNAVAILABLE)
			types[n++] = (enum rs_event_type)type;
	}
	return n;
}

int parse_size(const char *option, const char *text, uint64_t most, uint64_t *ret)
{
	static const struct {
		char letter;
		unsigned shift;
	} units[] = {{'\0', 0}, {'K', 10}, {'M', 20}, {'G', 30}};
	char *end;
	errno = 0;
	unsigned long long number = strtoull(text, &end, 10);
	for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
		if (*end != units[i].letter || (*end != '\0' && end[1] != '\0'))
			continue;
		if (end == text || *text == '-' || errno != 0 || number > most >> units[i].shift)
			break;
		*ret = (uint64_t)number << units[i].shift;
		return 0;
	}
	say("%s: expected a number from 0 to %llu, perhaps with K, M or G; found \"%s\"", option,
	    (unsigned long long)most, text);
	return -EINVAL;
}

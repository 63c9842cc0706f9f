/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ringside-config: the process that reads what the operator wrote.
 *
 *     ringsided ─▶ descriptors: 3 a memfd for struct settings, 4 the file, 5 /etc/group ─▶ drop ─▶ read ─▶ parse ─▶
 * exit
 *
 * Or, for people: ringside-config --check FILE.
 *
 * Has no privilege when it reads the first byte. Errors go to standard error, a line each. Exit code 0: the settings
 * are written (or the file is well); 1: the file is wrong; 2: it could not be read; 3: started wrongly.
 */
#include "base/fd.h"
#include "base/log.h"
#include "config/config.h"
#include "ipc/drop.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FD_SETTINGS 3
#define FD_FILE 4
#define FD_GROUPS 5
#define GROUPS_SIZE_MAX (1u << 20)
#define UID_CONFIG (60800u + PROCESS_CONFIG) /* settings with another base are not known yet */

enum config_exit { CONFIG_DONE = 0, CONFIG_FILE_WRONG = 1, CONFIG_UNREADABLE = 2, CONFIG_MISUSED = 3 };

static char file[CONFIG_SIZE_MAX + 2];
static char groups[GROUPS_SIZE_MAX];
static struct settings settings;
static struct config_errors errors;

/* Reads a regular file; stops one byte after `most`, so that the parser sees that it is too long. */
static ssize_t read_file(int fd, char *buffer, size_t most)
{
	struct stat stat;
	size_t used = 0;
	if (fstat(fd, &stat) < 0)
		return -errno;
	if (!S_ISREG(stat.st_mode))
		return -EINVAL;
	while (used <= most) {
		ssize_t n = read(fd, buffer + used, most + 1 - used);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		used += (size_t)n;
	}
	return (ssize_t)used;
}

/* Each error line of the parser as one line: of the log, or for people as it is. */
static void report(bool plain)
{
	for (char *line = errors.text, *end; (end = strchr(line, '\n')); line = end + 1) {
		*end = '\0';
		if (plain)
			fprintf(stderr, "%s\n", line);
		else
			log_error("%s", line);
	}
	if (errors.count > CONFIG_ERRORS_MAX)
		log_error("%u more errors", errors.count - CONFIG_ERRORS_MAX);
}

static enum config_exit parse(const char *name, int fd, int groups_fd, bool plain)
{
	struct config_source source = {.name = name, .bytes = file};
	ssize_t size = read_file(fd, file, CONFIG_SIZE_MAX);
	if (size < 0) {
		log_error("%s: expected a regular file that can be read: %s", name, strerror((int)-size));
		return CONFIG_UNREADABLE;
	}
	source.size = (size_t)size;
	size = groups_fd >= 0 ? read_file(groups_fd, groups, GROUPS_SIZE_MAX - 1) : -ENOENT;
	if (size > 0) {
		source.groups = groups;
		source.groups_size = (size_t)size;
	}
	int r = config_parse(&source, &settings, &errors);
	if (r < 0)
		log_error("%s: %s", name, strerror(-r));
	else if (r > 0)
		report(plain);
	return r == 0 ? CONFIG_DONE : r > 0 ? CONFIG_FILE_WRONG : CONFIG_UNREADABLE;
}

/* For people: whoever starts it, it parses without privilege. */
static enum config_exit check(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0) {
		log_error("%s: %s", path, strerror(errno));
		return CONFIG_UNREADABLE;
	}
	int groups_fd = open("/etc/group", O_RDONLY | O_CLOEXEC);
	if (geteuid() == 0 && drop_privilege(&topology_processes[PROCESS_CONFIG], UID_CONFIG, 0) < 0)
		return CONFIG_MISUSED;
	if (drop_system_calls(PROCESS_CONFIG) < 0)
		return CONFIG_MISUSED;
	enum config_exit result = parse(path, fd, groups_fd, true);
	if (result == CONFIG_DONE)
		printf("%s: well formed; agents: %u, scopes: %u\n", path, settings.n_agents, settings.n_scopes);
	return result;
}

static enum config_exit serve(const char *name)
{
	if (drop_privilege(&topology_processes[PROCESS_CONFIG], UID_CONFIG, getppid()) < 0 ||
	    drop_system_calls(PROCESS_CONFIG) < 0)
		return CONFIG_MISUSED;
	enum config_exit result = parse(name, FD_FILE, FD_GROUPS, false);
	if (result != CONFIG_DONE)
		return result;
	if (pwrite(FD_SETTINGS, &settings, sizeof(settings), 0) != (ssize_t)sizeof(settings)) {
		log_error("could not write the settings to descriptor %d: %s", FD_SETTINGS, strerror(errno));
		return CONFIG_MISUSED;
	}
	return CONFIG_DONE;
}

int main(int argc, char **argv)
{
	log_init("config", LOG_LEVEL_INFO);
	if (argc == 3 && strcmp(argv[1], "--check") == 0)
		return check(argv[2]);
	if (argc == 3 && strcmp(argv[1], "--serve") == 0)
		return serve(argv[2]);
	fprintf(stderr,
		"usage: ringside-config --check FILE\n"
		"Checks a configuration file and says what is wrong with it: exit code 0 nothing, 1 something,\n"
		"2 the file could not be read.\n");
	return CONFIG_MISUSED;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ringside-config: the process that reads what the operator and the vendors wrote.
 *
 *     ringsided ─▶ descriptors: 3 a memfd for struct settings, 4 the file, 5 /etc/group ─▶ opener (files.h) ─▶ drop
 *               ─▶ read ─▶ parse ─▶ exit
 *
 * Or, for people: ringside-config --check FILE, ringside-config --check-manifest FILE.
 *
 * Has no privilege when it reads the first byte. Errors go to standard error, a line each. Exit code 0: the settings
 * are written (or the file is well); 1: the file is wrong; 2: it could not be read; 3: started wrongly.
 */
#include "base/fd.h"
#include "base/log.h"
#include "config/config.h"
#include "config/files.h"
#include "ipc/drop.h"
#include "package/manifest.h"

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
static struct document_errors errors;
static char manifest_text[MANIFEST_SIZE_MAX + 2];
static struct manifest manifest;

/* The way to the opener. */
static struct {
	pid_t pid;
	int socket;
} opener = {.socket = -1};

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
	if (errors.count > DOCUMENT_ERRORS_MAX)
		log_error("%u more errors", errors.count - DOCUMENT_ERRORS_MAX);
}

static const char *read_manifest(void *data, const char *path, struct document_source *ret)
{
	static char why[120];
	const char *sentence;
	_cleanup_(fd_closep) int fd = files_open(opener.socket, path, &sentence);
	if (fd < 0)
		return sentence;
	ssize_t size = read_file(fd, manifest_text, MANIFEST_SIZE_MAX);
	if (size < 0) {
		snprintf(why, sizeof(why), "expected a file that can be read: %s", strerror((int)-size));
		return why;
	}
	*ret = (struct document_source){.bytes = manifest_text, .size = (size_t)size};
	return NULL;
}

/* 0, 1 or -errno of a parser → what people and the parent are told. */
static enum config_exit outcome(const char *name, int r, bool plain)
{
	if (r < 0)
		log_error("%s: %s", name, strerror(-r));
	else if (r > 0)
		report(plain);
	return r == 0 ? CONFIG_DONE : r > 0 ? CONFIG_FILE_WRONG : CONFIG_UNREADABLE;
}

static enum config_exit unreadable(const char *name, ssize_t error)
{
	log_error("%s: expected a regular file that can be read: %s", name, strerror((int)-error));
	return CONFIG_UNREADABLE;
}

static enum config_exit parse(const char *name, int fd, int groups_fd, bool plain)
{
	struct config_source source = {.file = {.name = name, .bytes = file}, .manifest = read_manifest};
	ssize_t size = read_file(fd, file, CONFIG_SIZE_MAX);
	if (size < 0)
		return unreadable(name, size);
	source.file.size = (size_t)size;
	size = groups_fd >= 0 ? read_file(groups_fd, groups, GROUPS_SIZE_MAX - 1) : -ENOENT;
	if (size > 0) {
		source.groups = groups;
		source.groups_size = (size_t)size;
	}
	return outcome(name, config_parse(&source, &settings, &errors), plain);
}

/* Starts the opener and gives up everything. parent: as drop_privilege(). */
static bool shut_in(pid_t parent, bool with_opener)
{
	if (with_opener) {
		opener.pid = files_start(&opener.socket);
		if (opener.pid < 0)
			return false;
	}
	/* for people: whoever starts it, it parses without privilege */
	if ((parent || geteuid() == 0) && drop_privilege(&topology_processes[PROCESS_CONFIG], UID_CONFIG, parent) < 0)
		return false;
	return drop_system_calls(PROCESS_CONFIG) >= 0;
}

static int open_named(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		log_error("%s: %s", path, strerror(errno));
	return fd;
}

static enum config_exit check(const char *path)
{
	int fd = open_named(path);
	if (fd < 0)
		return CONFIG_UNREADABLE;
	int groups_fd = open("/etc/group", O_RDONLY | O_CLOEXEC);
	if (!shut_in(0, true))
		return CONFIG_MISUSED;
	enum config_exit result = parse(path, fd, groups_fd, true);
	if (result == CONFIG_DONE)
		printf("%s: well formed; agents: %u, scopes: %u\n", path, settings.n_agents, settings.n_scopes);
	return result;
}

static enum config_exit check_manifest(const char *path)
{
	int fd = open_named(path);
	if (fd < 0)
		return CONFIG_UNREADABLE;
	if (!shut_in(0, false))
		return CONFIG_MISUSED;
	ssize_t size = read_file(fd, manifest_text, MANIFEST_SIZE_MAX);
	if (size < 0)
		return unreadable(path, size);
	struct document_source source = {.name = path, .bytes = manifest_text, .size = (size_t)size};
	enum config_exit result = outcome(path, manifest_read(&source, RINGSIDE_VERSION, &manifest, &errors), true);
	if (result == CONFIG_DONE)
		printf("%s: well formed; %s %s by %s\n", path, manifest.agent.name, manifest.agent.version,
		       manifest.vendor);
	return result;
}

static enum config_exit serve(const char *name)
{
	if (!shut_in(getppid(), true))
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

static const struct {
	const char *option;
	enum config_exit (*run)(const char *name);
} ways[] = {{"--check", check}, {"--check-manifest", check_manifest}, {"--serve", serve}};

int main(int argc, char **argv)
{
	log_init("config", LOG_LEVEL_INFO);
	for (size_t i = 0; argc == 3 && i < ARRAY_SIZE(ways); i++) {
		if (strcmp(argv[1], ways[i].option) != 0)
			continue;
		enum config_exit result = ways[i].run(argv[2]);
		if (opener.socket >= 0)
			files_end(opener.pid, opener.socket);
		return result;
	}
	fprintf(stderr,
		"usage: ringside-config --check FILE\n"
		"       ringside-config --check-manifest FILE\n"
		"Checks a configuration file, or an agent's manifest, and says what is wrong with it: exit code 0\n"
		"nothing, 1 something, 2 the file could not be read.\n");
	return CONFIG_MISUSED;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "behaviour/lists.h"

#include "common/common.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BROWSERS \
	"firefox firefox-esr firefox-bin chromium chrome google-chrome msedge brave thunderbird thunderbird-bin"

static const struct {
	const char *name;
	const char *patterns;
} built_in[LISTS_N] = {
	[LIST_SHELLS] = {"shells", "sh bash dash zsh ksh ksh93 mksh ash fish csh tcsh busybox"},
	[LIST_SERVERS] = {"servers",
			  "nginx apache2 httpd lighttpd caddy haproxy php-fpm* php-cgi* postgres mysqld mariadbd "
			  "mongod redis-server memcached java tomcat* node gunicorn uwsgi named unbound dnsmasq "
			  "slapd smbd vsftpd proftpd exim4 dovecot squid rabbitmq* beam.smp influxd grafana*"},
	[LIST_BORDERS] = {"borders",
			  "sshd cron crond anacron atd systemd init login su sudo screen tmux dpkg apt apt-get"},
	[LIST_TRUSTED] = {"trusted", "/usr/* /bin/* /sbin/* /lib/* /lib64/* /opt/* /snap/*"},
	[LIST_MEMFD] = {"memfd", "runc crun containerd-shim* docker-init"},
	[LIST_TRACERS] = {"tracers", "gdb gdbserver strace ltrace perf rr criu lldb* valgrind*"},
	[LIST_INSTALLERS] = {"installers",
			     "dpkg dpkg-deb apt apt-get rpm dnf yum zypper pip* npm node yarn pnpm cargo rustup "
			     "go git snapd flatpak containerd dockerd podman buildah systemd-* ansible*"},
	[LIST_WRITERS] = {"writers",
			  "cp mv rsync tar cpio unzip bsdtar git dpkg dpkg-deb rpm make ninja logrotate gzip xz "
			  "zstd bzip2 patch sed restic borg"},
	[LIST_SUFFIXES] = {"suffixes",
			   ".bak .old .orig .tmp .new .save .part .dpkg-* .rpm* .gz .bz2 .xz .zst .lz4 .[0-9] "
			   ".[0-9][0-9] .o .d .P* .T* .lock .swp"},
	[LIST_FOLDERS] = {"folders", "/tmp/* /var/tmp/* /dev/shm/* /run/lock/* /var/lock/* /var/crash/*"},
	[LIST_USERS] = {"users", "1-999 65534"},
	[LIST_FILES_SHADOW] = {"files.shadow", "/etc/shadow /etc/gshadow /etc/shadow- /etc/gshadow-"},
	[LIST_FILES_SSH] = {"files.ssh", "/home/*/.ssh/id_* /root/.ssh/id_* /etc/ssh/ssh_host_*_key"},
	[LIST_FILES_CLOUD] = {"files.cloud",
			      "*/.aws/credentials */.aws/sso/cache/* */.azure/*oken* "
			      "*/.config/gcloud/credentials.db */.config/gcloud/application_default_credentials.json "
			      "*/.kube/config */.docker/config.json */.terraform.d/credentials.tfrc.json"},
	[LIST_FILES_BROWSER] = {"files.browser", "*/.mozilla/firefox/*/logins.json */.mozilla/firefox/*/key4.db "
						 "*/.mozilla/firefox/*/cookies.sqlite */.config/*/*/Cookies "
						 "*/.thunderbird/*/logins.json */.local/share/keyrings/*"},
	[LIST_READERS_SHADOW] =
		{"readers.shadow",
		 "sshd login su sudo passwd unix_chkpwd chpasswd chage cron crond atd useradd usermod userdel "
		 "groupadd groupmod groupdel gpasswd vipw pwck grpck pwconv systemd* polkitd gdm* lightdm sddm "
		 "xscreensaver* dovecot auth vsftpd newusers sulogin adduser deluser shadowconfig nscd nslcd"},
	[LIST_READERS_SSH] = {"readers.ssh",
			      "ssh ssh-add ssh-agent ssh-keygen scp sftp sshd ssh-keysign gnome-keyring-daemon"},
	[LIST_READERS_CLOUD] = {"readers.cloud",
				"aws aws_completer gcloud az kubectl helm terraform tofu docker dockerd podman "
				"k9s python3* ansible*"},
	[LIST_READERS_BROWSER] = {"readers.browser", BROWSERS " gnome-keyring-daemon"},
	[LIST_OFF] = {"off", ""},
	[LIST_KILL] = {"kill", ""},
	[LIST_DENY] = {"deny", ""},
};

const char *lists_name(enum list list)
{
	return built_in[list].name;
}

static void remove_all(struct lists *lists, enum list list)
{
	uint32_t n = lists->begin[list + 1] - lists->begin[list], end = lists->begin[LISTS_N];
	memmove(&lists->patterns[lists->begin[list]], &lists->patterns[lists->begin[list + 1]],
		(end - lists->begin[list + 1]) * sizeof(lists->patterns[0]));
	for (uint32_t i = list + 1; i <= LISTS_N; i++)
		lists->begin[i] -= n;
}

/* NULL, or what is wrong. */
static const char *add(struct lists *lists, enum list list, const char *text, size_t size)
{
	uint32_t at = lists->begin[list + 1], end = lists->begin[LISTS_N];
	if (size >= LISTS_PATTERN_SIZE)
		return "expected a pattern of at most 95 bytes";
	if (end == LISTS_PATTERNS_MAX)
		return "expected at most 512 patterns in all, the built-in ones counted";
	memmove(&lists->patterns[at + 1], &lists->patterns[at], (end - at) * sizeof(lists->patterns[0]));
	for (uint32_t i = list + 1; i <= LISTS_N; i++)
		lists->begin[i]++;
	struct list_pattern *pattern = &lists->patterns[at];
	*pattern = (struct list_pattern){.list = (uint8_t)list, .path = memchr(text, '/', size) != NULL};
	memcpy(pattern->text, text, size);
	pattern->plain = strpbrk(pattern->text, "*?[\\") == NULL;
	return NULL;
}

static const char *add_words(struct lists *lists, enum list list, const char *at, const char *end)
{
	const char *problem = NULL;
	while (!problem && at < end) {
		const char *word = at;
		while (at < end && !isspace((unsigned char)*at))
			at++;
		if (at > word)
			problem = add(lists, list, word, (size_t)(at - word));
		while (at < end && isspace((unsigned char)*at))
			at++;
	}
	return problem;
}

void lists_init(struct lists *lists)
{
	memset(lists, 0, sizeof(*lists));
	for (uint32_t i = 0; i < LISTS_N; i++)
		add_words(lists, (enum list)i, built_in[i].patterns, strchr(built_in[i].patterns, '\0'));
}

static int find_name(const char *name, size_t size)
{
	for (int i = 0; i < LISTS_N; i++)
		if (strlen(built_in[i].name) == size && memcmp(built_in[i].name, name, size) == 0)
			return i;
	return -ENOENT;
}

/* NULL, or what is wrong with this line. */
static const char *parse_line(struct lists *lists, const char *at, const char *end)
{
	const char *hash = memchr(at, '#', (size_t)(end - at));
	end = hash ? hash : end;
	while (at < end && isspace((unsigned char)*at))
		at++;
	if (at == end)
		return NULL;
	const char *name = at;
	while (at < end && !isspace((unsigned char)*at) && *at != '=' && *at != '+')
		at++;
	int list = find_name(name, (size_t)(at - name));
	while (at < end && isspace((unsigned char)*at))
		at++;
	bool adds = at < end && *at == '+';
	at += adds;
	if (memchr(name, '\0', (size_t)(end - name)))
		return "expected text, found a NUL byte";
	if (list < 0)
		return "expected the name of a list (behaviour --lists shows them)";
	if (at == end || *at != '=')
		return "expected = or += after the name of the list";
	if (!adds)
		remove_all(lists, (enum list)list);
	at++;
	while (at < end && isspace((unsigned char)*at))
		at++;
	return add_words(lists, (enum list)list, at, end);
}

uint32_t lists_parse(struct lists *lists, const char *text, size_t size, char *problem, size_t problem_size)
{
	const char *at = text, *end = text + size;
	for (uint32_t line = 1; at < end; line++) {
		const char *next = memchr(at, '\n', (size_t)(end - at));
		const char *line_end = next ? next : end;
		const char *wrong = parse_line(lists, at, line_end);
		if (wrong) {
			snprintf(problem, problem_size, "%s, found \"%.*s\"", wrong, (int)MIN(line_end - at, 60), at);
			return line;
		}
		at = next ? next + 1 : end;
	}
	return 0;
}

int lists_read(struct lists *lists, const char *path)
{
	char problem[256];
	struct stat st;
	_cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &st) < 0) {
		int r = -errno;
		say("%s: cannot be opened: %s", path, strerror(-r));
		return r;
	}
	if (!S_ISREG(st.st_mode) || st.st_size > LISTS_FILE_MAX) {
		say("%s: expected a regular file of at most 64 KiB, found another; write what differs from the "
		    "built-in lists",
		    path);
		return -EINVAL;
	}
	_cleanup_(freep) char *text = malloc(LISTS_FILE_MAX);
	ssize_t size = text ? read(fd, text, LISTS_FILE_MAX) : -1;
	if (size < 0)
		return text ? -errno : -ENOMEM;
	uint32_t line = lists_parse(lists, text, (size_t)size, problem, sizeof(problem));
	if (line == 0)
		return 0;
	say("%s:%u: %s; correct it, or take the line out", path, line, problem);
	return -EINVAL;
}

static const char *name_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}

static bool matches(const struct list_pattern *pattern, const char *path, const char *name)
{
	const char *text = pattern->path ? path : name;
	return pattern->plain ? strcmp(pattern->text, text) == 0 : fnmatch(pattern->text, text, 0) == 0;
}

bool lists_has(const struct lists *lists, enum list list, const char *path)
{
	const char *name = name_of(path);
	for (uint32_t i = lists->begin[list]; i < lists->begin[list + 1]; i++)
		if (matches(&lists->patterns[i], path, name))
			return true;
	return false;
}

bool lists_allows(const struct lists *lists, enum list list, const char *path)
{
	const char *name = name_of(path);
	int trusted = -1;
	for (uint32_t i = lists->begin[list]; i < lists->begin[list + 1]; i++) {
		if (!matches(&lists->patterns[i], path, name))
			continue;
		if (trusted < 0)
			trusted = lists_has(lists, LIST_TRUSTED, path);
		if (lists->patterns[i].path || trusted)
			return true;
	}
	return false;
}

bool lists_has_user(const struct lists *lists, enum list list, uint32_t uid)
{
	for (uint32_t i = lists->begin[list]; i < lists->begin[list + 1]; i++) {
		unsigned long from, to;
		int n = sscanf(lists->patterns[i].text, "%lu-%lu", &from, &to);
		if ((n == 1 && uid == from) || (n == 2 && uid >= from && uid <= to))
			return true;
	}
	return false;
}

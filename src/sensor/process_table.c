/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Entries are found by pid: one of a live process, or, until the pid is used again, of the one that ended last.
 * Strings are counted, for a child has those of its parent.
 */
#include "sensor/process_table.h"

#include "base/fd.h"
#include "base/list.h"
#include "sensor/process_proc.h"
#include "sensor/process_table_internal.h"
#include "wire/settings.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#define BUCKETS 32768u /* power of two */
#define CGROUPS 1024u /* power of two */
#define ENDED_MAX 4096u
#define PLATFORM_RANGES_MAX (SETTINGS_AGENTS_MAX + 1) /* each agent may have a user of its own */
#define CGROUP2_MAGIC 0x63677270

struct text {
	uint32_t refs;
	char bytes[];
};

struct entry {
	struct process_entry public; /* its strings point into the texts, or at "" */
	struct entry *next; /* of the same bucket */
	struct list link; /* in table->living or table->ended, oldest use first */
	struct text *exe, *cgroup;
	uint64_t epoch; /* of the table, when this was last known to be true */
	uint64_t user_turn; /* of the table, when its user was last compared with /proc */
	bool ended;
	bool exit_told; /* by process_table_exit(), not only found missing in /proc */
	bool platform_pid; /* added by process_table_add_platform_pid(), or a descendant */
};

struct cgroup_name {
	uint64_t id;
	struct text *path;
};

struct uid_range {
	uint32_t first, last;
};

struct sensor_process_table {
	int proc_fd, cgroup_fd;
	uint32_t max, n_living, n_ended;
	bool live, users_live, any_platform_pid, refreshing;
	uint64_t epoch;
	uint64_t turn; /* rises with each refresh */
	struct list living, ended;
	struct entry *buckets[BUCKETS];
	struct cgroup_name cgroups[CGROUPS];
	struct uid_range platform[PLATFORM_RANGES_MAX];
	uint32_t n_platform;
	void (*refresh)(void *data);
	void *refresh_data;
	struct process_proc scratch;
};

static struct text *text_new(const char *string)
{
	size_t size = strlen(string) + 1;
	if (size == 1)
		return NULL;
	struct text *text = malloc(sizeof(*text) + size);
	if (!text)
		return NULL; /* an empty string is what is left of it */
	text->refs = 1;
	memcpy(text->bytes, string, size);
	return text;
}

static struct text *text_ref(struct text *text)
{
	if (text)
		text->refs++;
	return text;
}

static struct text *text_unref(struct text *text)
{
	if (text && --text->refs == 0)
		free(text);
	return NULL;
}

static const char *text_bytes(const struct text *text)
{
	return text ? text->bytes : "";
}

/* Takes over a reference. */
static void text_replace(struct text **to, struct text *text)
{
	text_unref(*to);
	*to = text;
}

size_t process_container_id(const char *path, const char **ret)
{
	static const char digits[] = "0123456789abcdef";
	const size_t wanted = 64;
	const char *found = NULL;
	for (const char *at = path; *at;) {
		size_t run = strspn(at, digits);
		/* exactly 64, not a part of a longer word */
		if (run == wanted && (at == path || strchr("/-:.", at[-1])) && (!at[run] || strchr("/.", at[run])))
			found = at;
		at += run ? run : 1;
	}
	*ret = found ? found : "";
	return found ? wanted : 0;
}

static int open_cgroup_root(void)
{
	static const char *const roots[] = {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"};
	for (size_t i = 0; i < ARRAY_SIZE(roots); i++) {
		_cleanup_(fd_closep) int fd = open(roots[i], O_PATH | O_DIRECTORY | O_CLOEXEC);
		struct statfs fs;
		if (fd >= 0 && fstatfs(fd, &fs) == 0 && fs.f_type == CGROUP2_MAGIC)
			return STEAL_FD(fd);
	}
	return -1;
}

int process_table_new_at(int proc_fd, int cgroup_fd, uint32_t max, struct sensor_process_table **ret)
{
	struct sensor_process_table *table = calloc(1, sizeof(*table));
	if (!table) {
		fd_close(proc_fd);
		fd_close(cgroup_fd);
		return -ENOMEM;
	}
	table->proc_fd = proc_fd;
	table->cgroup_fd = cgroup_fd;
	table->max = max;
	table->users_live = true;
	list_init(&table->living);
	list_init(&table->ended);
	*ret = table;
	return 0;
}

int process_table_new(struct sensor_process_table **ret)
{
	int proc_fd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (proc_fd < 0)
		return -errno;
	return process_table_new_at(proc_fd, open_cgroup_root(), PROCESS_TABLE_MAX, ret);
}

static struct entry **bucket_of(struct sensor_process_table *table, uint32_t pid)
{
	return &table->buckets[pid & (BUCKETS - 1)];
}

static struct entry *find(struct sensor_process_table *table, uint32_t pid)
{
	struct entry *entry = *bucket_of(table, pid);
	while (entry && entry->public.process.pid != pid)
		entry = entry->next;
	return entry;
}

static void touch(struct sensor_process_table *table, struct entry *entry)
{
	list_remove(&entry->link);
	list_append(entry->ended ? &table->ended : &table->living, &entry->link);
}

static void forget(struct sensor_process_table *table, struct entry *entry)
{
	struct entry **at = bucket_of(table, entry->public.process.pid);
	while (*at != entry)
		at = &(*at)->next;
	*at = entry->next;
	list_remove(&entry->link);
	*(entry->ended ? &table->n_ended : &table->n_living) -= 1;
	text_unref(entry->exe);
	text_unref(entry->cgroup);
	free(entry);
}

static void forget_oldest(struct sensor_process_table *table, struct list *of)
{
	forget(table, list_entry(of->next, struct entry, link));
}

static void mark_ended(struct sensor_process_table *table, struct entry *entry)
{
	if (entry->ended)
		return;
	entry->ended = true;
	table->n_living--;
	table->n_ended++;
	touch(table, entry);
	if (table->n_ended > MIN(ENDED_MAX, table->max))
		forget_oldest(table, &table->ended);
}

/* The entry of this process, made when there is none; a predecessor with the same pid is forgotten. NULL when
 * there is no memory. */
static struct entry *take(struct sensor_process_table *table, uint64_t id, uint32_t pid)
{
	struct entry *entry = find(table, pid);
	if (entry && entry->public.process.id == id && !entry->ended) {
		touch(table, entry);
		return entry;
	}
	if (entry)
		forget(table, entry);
	if (table->n_living >= table->max)
		forget_oldest(table, &table->living);
	entry = calloc(1, sizeof(*entry));
	if (!entry)
		return NULL;
	entry->public = (struct process_entry){.process = {.id = id, .pid = pid, .flags = RS_PROCESS_PARTIAL}};
	entry->epoch = table->epoch;
	entry->next = *bucket_of(table, pid);
	*bucket_of(table, pid) = entry;
	list_append(&table->living, &entry->link);
	table->n_living++;
	return entry;
}

static bool in_platform_range(const struct sensor_process_table *table, uint32_t uid)
{
	for (uint32_t i = 0; i < table->n_platform; i++)
		if (uid >= table->platform[i].first && uid <= table->platform[i].last)
			return true;
	return false;
}

/* After every change of an entry: what follows from the rest. */
static void settle(struct sensor_process_table *table, struct entry *entry)
{
	struct process_entry *public = &entry->public;
	public->exe_path = text_bytes(entry->exe);
	public->cgroup = text_bytes(entry->cgroup);
	process_container_id(public->cgroup, &public->container_id);
	/* Both users: a program that changes its effective user on exec must not become the platform. */
	bool platform = entry->platform_pid || (in_platform_range(table, public->process.uid) &&
						in_platform_range(table, public->process.euid));
	public->process.flags &= ~(uint32_t)RS_PROCESS_PLATFORM;
	public->process.flags |= platform ? RS_PROCESS_PLATFORM : 0;
}

static void cgroup_remember(struct sensor_process_table *table, uint64_t id, struct text *path)
{
	struct cgroup_name *slot = &table->cgroups[id & (CGROUPS - 1)];
	if (id == 0)
		return;
	text_replace(&slot->path, text_ref(path));
	slot->id = id;
}

/* Takes what /proc said. */
static struct entry *absorb(struct sensor_process_table *table, const struct process_proc *proc)
{
	struct entry *entry = take(table, proc->process.id, proc->process.pid);
	if (!entry)
		return NULL;
	struct rs_process *process = &entry->public.process;
	struct rs_file_id exe = process->exe;
	/* Reports were lost: with the same name it most likely is still the same program. */
	bool keep = !proc->exe_known && table->live && memcmp(process->comm, proc->process.comm, 16) == 0;
	*process = proc->process;
	if (keep)
		process->exe = exe;
	else if (strcmp(text_bytes(entry->exe), proc->exe_path) != 0)
		text_replace(&entry->exe, text_new(proc->exe_path));
	if (strcmp(text_bytes(entry->cgroup), proc->cgroup) != 0)
		text_replace(&entry->cgroup, text_new(proc->cgroup));
	cgroup_remember(table, process->cgroup_id, entry->cgroup);
	struct entry *parent = find(table, process->parent_pid);
	entry->platform_pid |= parent && parent->public.process.id == process->parent_id && parent->platform_pid;
	entry->epoch = table->epoch;
	settle(table, entry);
	return entry;
}

/* A child of the platform may be seen before its parents are: learn them first, a bounded number. */
static void learn_parents(struct sensor_process_table *table, uint32_t pid)
{
	uint32_t chain[16];
	size_t n = 0;
	struct process_proc_stat stat;
	while (n < ARRAY_SIZE(chain) && process_proc_read_stat(table->proc_fd, (pid_t)pid, &stat) == 0 &&
	       stat.parent_pid && !find(table, stat.parent_pid))
		chain[n++] = pid = stat.parent_pid;
	while (n > 0)
		if (process_proc_read(table->proc_fd, table->cgroup_fd, (pid_t)chain[--n], &table->scratch) == 0)
			absorb(table, &table->scratch);
}

static struct entry *learn(struct sensor_process_table *table, pid_t pid)
{
	if (table->any_platform_pid)
		learn_parents(table, (uint32_t)pid);
	int r = process_proc_read(table->proc_fd, table->cgroup_fd, pid, &table->scratch);
	if (r == 0)
		return absorb(table, &table->scratch);
	struct entry *entry = find(table, (uint32_t)pid);
	if (entry && r == -ESRCH)
		mark_ended(table, entry);
	return NULL;
}

/* The owner of /proc/PID is its effective user, or root when it may not be looked at: then it is read anew. Once a
 * turn: who waits for an answer does not change its user meanwhile. */
static bool user_is_current(const struct sensor_process_table *table, struct entry *entry)
{
	char name[16];
	struct stat st;
	if (table->users_live || (table->turn != 0 && entry->user_turn == table->turn))
		return true;
	snprintf(name, sizeof(name), "%u", entry->public.process.pid);
	if (fstatat(table->proc_fd, name, &st, 0) < 0 || st.st_uid != entry->public.process.euid)
		return false;
	entry->user_turn = table->turn;
	return true;
}

static struct entry *lookup(struct sensor_process_table *table, pid_t pid)
{
	if (pid <= 0)
		return NULL;
	struct entry *entry = find(table, (uint32_t)pid);
	if (entry && !entry->ended && table->live && entry->epoch == table->epoch && user_is_current(table, entry)) {
		touch(table, entry);
		return entry;
	}
	return learn(table, pid);
}

const struct process_entry *process_table_get(struct sensor_process_table *table, pid_t pid)
{
	struct entry *entry = lookup(table, pid);
	return entry ? &entry->public : NULL;
}

int process_table_scan(struct sensor_process_table *table)
{
	_cleanup_(fd_closep) int fd = openat(table->proc_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	DIR *dir = fdopendir(fd);
	if (!dir)
		return -errno;
	STEAL_FD(fd);
	for (struct dirent *item = readdir(dir); item; item = readdir(dir)) {
		char *end_of_number;
		long pid = strtol(item->d_name, &end_of_number, 10);
		if (pid > 0 && *end_of_number == '\0')
			learn(table, (pid_t)pid);
	}
	closedir(dir);
	return 0;
}

void process_table_set_live(struct sensor_process_table *table, bool live)
{
	table->live = live;
}

void process_table_set_users_live(struct sensor_process_table *table, bool live)
{
	table->users_live = live;
}

void process_table_set_refresh(struct sensor_process_table *table, void (*fn)(void *data), void *data)
{
	table->refresh = fn;
	table->refresh_data = data;
}

void process_table_refresh(struct sensor_process_table *table)
{
	if (!table->refresh || table->refreshing)
		return;
	table->refreshing = true;
	table->turn++;
	table->refresh(table->refresh_data);
	table->refreshing = false;
}

void process_table_doubt(struct sensor_process_table *table)
{
	table->epoch++;
}

/* The path of a cgroup that a sensor named by its id only: from one that was seen in it, else from /proc. */
static void follow_cgroup(struct sensor_process_table *table, struct entry *entry)
{
	uint64_t id = entry->public.process.cgroup_id;
	const struct cgroup_name *known = &table->cgroups[id & (CGROUPS - 1)];
	if (known->id == id) {
		text_replace(&entry->cgroup, text_ref(known->path));
		return;
	}
	/* The id of the report is kept: the process may have moved on since. */
	if (process_proc_read(table->proc_fd, table->cgroup_fd, (pid_t)entry->public.process.pid, &table->scratch) <
		    0 ||
	    table->scratch.process.id != entry->public.process.id) {
		text_replace(&entry->cgroup, NULL);
		return;
	}
	text_replace(&entry->cgroup, text_new(table->scratch.cgroup));
	cgroup_remember(table, table->scratch.process.cgroup_id, entry->cgroup);
}

void process_table_put(struct sensor_process_table *table, const struct rs_process *process, const char *exe_path,
		       const char *cgroup)
{
	struct entry *entry = take(table, process->id, process->pid);
	if (!entry)
		return;
	struct rs_process old = entry->public.process;
	entry->public.process = *process;
	entry->public.process.tid = process->pid;
	if (exe_path) {
		text_replace(&entry->exe, text_new(exe_path));
		entry->epoch = table->epoch;
	} else {
		entry->public.process.exe = old.exe;
		entry->public.process.flags |= old.flags & RS_PROCESS_PARTIAL;
	}
	if (cgroup) {
		text_replace(&entry->cgroup, text_new(cgroup));
		cgroup_remember(table, process->cgroup_id, entry->cgroup);
	} else if (process->cgroup_id && process->cgroup_id != old.cgroup_id) {
		follow_cgroup(table, entry);
	} else {
		entry->public.process.cgroup_id = old.cgroup_id;
	}
	settle(table, entry);
}

void process_table_fork(struct sensor_process_table *table, const struct rs_process *child)
{
	/* Before the child is taken: taking it may make the table forget the oldest, and this touches the parent. */
	struct entry *parent = lookup(table, (pid_t)child->parent_pid);
	if (parent && parent->public.process.id != child->parent_id)
		parent = NULL;
	struct entry *entry = take(table, child->id, child->pid);
	if (!entry)
		return;
	entry->public.process = *child;
	entry->public.process.tid = child->pid;
	entry->public.process.flags = RS_PROCESS_PARTIAL;
	if (parent) {
		entry->public.process.flags = parent->public.process.flags;
		entry->public.process.exe = parent->public.process.exe;
		text_replace(&entry->exe, text_ref(parent->exe));
		text_replace(&entry->cgroup, text_ref(parent->cgroup));
		entry->platform_pid = parent->platform_pid;
	}
	if (child->cgroup_id && (!parent || child->cgroup_id != parent->public.process.cgroup_id))
		follow_cgroup(table, entry);
	settle(table, entry);
}

void process_table_exit(struct sensor_process_table *table, uint64_t id)
{
	struct entry *entry = find(table, process_id_pid(id));
	if (!entry || entry->public.process.id != id)
		return;
	entry->exit_told = true;
	mark_ended(table, entry);
}

bool process_table_has_ended(struct sensor_process_table *table, uint64_t id)
{
	const struct entry *entry = find(table, process_id_pid(id));
	return entry && entry->exit_told && entry->public.process.id == id;
}

static void fill(const struct entry *entry, pid_t tid, struct event_build *build, struct rs_process *to)
{
	const struct process_entry *public = &entry->public;
	*to = public->process;
	to->tid = tid ? (uint32_t)tid : public->process.pid;
	const char *id;
	size_t id_size = process_container_id(public->cgroup, &id);
	event_build_str(build, &to->exe_path, public->exe_path, strlen(public->exe_path), RS_PATH_SIZE_MAX);
	event_build_str(build, &to->cgroup, public->cgroup, strlen(public->cgroup), RS_PATH_SIZE_MAX);
	event_build_str(build, &to->container_id, id, id_size, id_size);
}

void process_table_fill(struct sensor_process_table *table, pid_t pid, pid_t tid, struct event_build *build,
			struct rs_process *to)
{
	const struct entry *entry = lookup(table, pid);
	if (!entry && pid > 0) {
		/* /proc has no such process: whoever had this pid last is meant, if still known. */
		entry = find(table, (uint32_t)pid);
		entry = entry && entry->ended ? entry : NULL;
	}
	if (!entry) {
		*to = (struct rs_process){.pid = (uint32_t)pid, .tid = (uint32_t)(tid ? tid : pid)};
		to->login_uid = to->login_session = UINT32_MAX;
		to->flags = RS_PROCESS_PARTIAL;
		return;
	}
	fill(entry, tid, build, to);
}

const struct process_entry *process_table_peek(struct sensor_process_table *table, uint64_t id)
{
	struct entry *entry = find(table, process_id_pid(id));
	if (!entry || entry->public.process.id != id)
		return NULL;
	touch(table, entry);
	return &entry->public;
}

bool process_table_fill_id(struct sensor_process_table *table, uint64_t id, pid_t tid, struct event_build *build,
			   struct rs_process *to)
{
	const struct entry *entry = find(table, process_id_pid(id));
	if (!entry || entry->public.process.id != id)
		return false;
	fill(entry, tid, build, to);
	return true;
}

void process_table_add_platform_uids(struct sensor_process_table *table, uint32_t first, uint32_t last)
{
	if (table->n_platform == PLATFORM_RANGES_MAX)
		return;
	table->platform[table->n_platform++] = (struct uid_range){.first = first, .last = last};
	list_for_each (link, &table->living)
		settle(table, list_entry(link, struct entry, link));
}

int process_table_add_platform_pid(struct sensor_process_table *table, pid_t pid)
{
	struct entry *entry = lookup(table, pid);
	if (!entry)
		return -ESRCH;
	table->any_platform_pid = true;
	entry->platform_pid = true;
	settle(table, entry);
	/* Its children that are known already, and theirs: as deep as any tree of ours is. */
	for (int depth = 0; depth < 8; depth++)
		list_for_each (link, &table->living) {
			struct entry *child = list_entry(link, struct entry, link);
			const struct entry *parent = find(table, child->public.process.parent_pid);
			if (parent && parent->platform_pid &&
			    parent->public.process.id == child->public.process.parent_id) {
				child->platform_pid = true;
				settle(table, child);
			}
		}
	return 0;
}

bool process_table_is_platform(struct sensor_process_table *table, pid_t pid)
{
	const struct entry *entry = lookup(table, pid);
	return entry && (entry->public.process.flags & RS_PROCESS_PLATFORM);
}

uint32_t process_table_size(const struct sensor_process_table *table)
{
	return table->n_living + table->n_ended;
}

struct sensor_process_table *process_table_free(struct sensor_process_table *table)
{
	if (!table)
		return NULL;
	while (!list_empty(&table->living))
		forget_oldest(table, &table->living);
	while (!list_empty(&table->ended))
		forget_oldest(table, &table->ended);
	for (size_t i = 0; i < CGROUPS; i++)
		text_unref(table->cgroups[i].path);
	fd_close(table->proc_fd);
	fd_close(table->cgroup_fd);
	free(table);
	return NULL;
}

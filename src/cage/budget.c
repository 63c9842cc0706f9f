/* SPDX-License-Identifier: Apache-2.0 */
#include "cage/budget.h"

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#define LOOK_NS (1 * NS_PER_SEC)
#define CPU_PERIOD_US 50000u /* short, so that a wait for the next one stays well below a deadline */
#define CPU_QUOTA_LEAST_US 1000u
#define WEIGHT "25" /* of an agent; its cage has 100 */
#define TASKS_DEFAULT 64u

static const struct {
	const char *name, *controller;
	bool by_limit; /* without the controller */
} kinds[BUDGET_N_KINDS] = {
	[BUDGET_MEMORY] = {"memory", "memory", true}, [BUDGET_CPU] = {"cpu", "cpu", false},
	[BUDGET_TASKS] = {"tasks", "pids", true},     [BUDGET_FILES] = {"files", NULL, true},
	[BUDGET_DISK] = {"disk", NULL, false},
};

const char *budget_name(enum budget_kind kind)
{
	return kinds[kind].name;
}

const char *budget_keeper_name(enum budget_keeper keeper)
{
	static const char *const names[] = {"none", "limit", "group", "size"};
	return names[keeper];
}

static int write_at(int dir_fd, const char *file, const char *text)
{
	_cleanup_(fd_closep) int fd = openat(dir_fd, file, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	return write(fd, text, strlen(text)) < 0 ? -errno : 0;
}

/* ---- home ---- */

struct left {
	struct list link;
	char name[sizeof(((struct budget *)0)->name)];
};

static bool has_word(const char *list, const char *word)
{
	size_t size = strlen(word);
	for (const char *at = list; (at = strstr(at, word)); at += size)
		if ((at == list || at[-1] == ' ') && (at[size] == '\0' || at[size] == ' ' || at[size] == '\n'))
			return true;
	return false;
}

/* Into a group and back: what an agent's start will need. */
static int try_move(int fd)
{
	if (mkdirat(fd, "probe", 0755) < 0 && errno != EEXIST)
		return -errno;
	int r = write_at(fd, "probe/cgroup.procs", "0");
	if (r >= 0)
		r = write_at(fd, "cage/cgroup.procs", "0");
	if (unlinkat(fd, "probe", AT_REMOVEDIR) < 0 && r >= 0)
		r = -errno;
	return r;
}

void budget_home_init(struct budget_home *home, int fd, const char *why)
{
	char enabled[1024];
	*home = (struct budget_home){.fd = fd};
	list_init(&home->left);
	snprintf(home->why, sizeof(home->why), "%s", why);
	int r = fd < 0 ? 0 : try_move(fd);
	if (r < 0) {
		log_warning("agents get no control groups: no process can be moved into one: %s", strerror(-r));
		snprintf(home->why, sizeof(home->why), "no process can be moved into a control group: %s",
			 strerror(-r));
		home->fd = fd_close(home->fd);
	}
	if (home->fd < 0 || fd_read_file(home->fd, "cgroup.subtree_control", enabled, sizeof(enabled)) < 0)
		return;
	for (enum budget_kind kind = 0; kind < BUDGET_N_KINDS; kind++)
		home->has[kind] = kinds[kind].controller && has_word(enabled, kinds[kind].controller);
}

bool budget_home_tidy(struct budget_home *home)
{
	list_for_each_safe (link, &home->left) {
		struct left *left = list_entry(link, struct left, link);
		if (unlinkat(home->fd, left->name, AT_REMOVEDIR) < 0 && errno == EBUSY)
			continue;
		list_remove(&left->link);
		home->n_left--;
		free(left);
	}
	return home->n_left > 0;
}

void budget_home_deinit(struct budget_home *home)
{
	budget_home_tidy(home);
	list_for_each_safe (link, &home->left)
		free(list_entry(link, struct left, link));
	list_init(&home->left);
	home->fd = fd_close(home->fd);
}

enum budget_keeper budget_kept_by(const struct budget_home *home, enum budget_kind kind)
{
	if (home->fd >= 0 && home->has[kind])
		return BUDGET_BY_GROUP;
	return kinds[kind].by_limit ? BUDGET_BY_LIMIT : BUDGET_UNKEPT;
}

/* ---- one process ---- */

#define JAIL_TASKS 2 /* process 1 of its jail, and for a moment what builds it */

static uint64_t tasks_max(const struct settings_agent *agent)
{
	return agent->tasks_max ? agent->tasks_max : TASKS_DEFAULT;
}

/* The soft limit comes first: a slow agent can still be looked at, a dead one cannot. The last two are refinements
 * that a kernel may lack. */
static int limit_memory(int fd, const struct settings_agent *agent)
{
	char text[24];
	uint64_t most = (uint64_t)agent->memory_mb << 20;
	snprintf(text, sizeof(text), "%llu", (unsigned long long)most);
	int r = write_at(fd, "memory.max", text);
	snprintf(text, sizeof(text), "%llu", (unsigned long long)(most - most / 16));
	if (r >= 0)
		r = write_at(fd, "memory.high", text);
	write_at(fd, "memory.swap.max", "0");
	write_at(fd, "memory.oom.group", "1");
	return r;
}

static int limit_cpu(int fd, const struct settings_agent *agent)
{
	char text[48];
	uint64_t quota_us = (uint64_t)agent->cpu_percent * CPU_PERIOD_US / 100;
	write_at(fd, "cpu.weight", WEIGHT);
	if (agent->cpu_percent == 0)
		return 0;
	snprintf(text, sizeof(text), "%llu %u", (unsigned long long)MAX(quota_us, CPU_QUOTA_LEAST_US), CPU_PERIOD_US);
	return write_at(fd, "cpu.max", text);
}

static int limit_tasks(int fd, const struct settings_agent *agent)
{
	char text[24];
	snprintf(text, sizeof(text), "%llu", (unsigned long long)tasks_max(agent) + JAIL_TASKS);
	return write_at(fd, "pids.max", text);
}

static int (*const limits[BUDGET_N_KINDS])(int fd, const struct settings_agent *agent) = {
	[BUDGET_MEMORY] = limit_memory,
	[BUDGET_CPU] = limit_cpu,
	[BUDGET_TASKS] = limit_tasks,
};

static void make_group(struct budget *budget, const struct settings_agent *agent)
{
	const struct budget_home *home = budget->home;
	if (home->fd < 0)
		return;
	if (mkdirat(home->fd, budget->name, 0755) < 0)
		log_warning("agent %s: no control group: %s; its budgets are kept by resource limits", agent->name,
			    strerror(errno));
	else
		budget->fd = openat(home->fd, budget->name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

void budget_open(struct budget *budget, struct budget_home *home, const struct settings_agent *agent, uint64_t number)
{
	*budget = (struct budget){.home = home, .fd = -1, .state_fd = -1};
	/* with the cage's pid: what the one before this left may still be there */
	snprintf(budget->name, sizeof(budget->name), "%s.%d.%llu", agent->name, (int)getpid(),
		 (unsigned long long)number);
	make_group(budget, agent);
	for (enum budget_kind kind = 0; kind < BUDGET_N_KINDS; kind++) {
		budget->kept[kind] = budget_kept_by(home, kind);
		int r = budget->kept[kind] != BUDGET_BY_GROUP ? 0
			: budget->fd < 0                      ? -ENOENT
							      : limits[kind](budget->fd, agent);
		if (r >= 0)
			continue;
		budget->kept[kind] = kinds[kind].by_limit ? BUDGET_BY_LIMIT : BUDGET_UNKEPT;
		if (budget->fd >= 0)
			log_warning("agent %s: its control group does not take its budget of %s: %s", agent->name,
				    kinds[kind].name, strerror(-r));
	}
}

static int limit(int resource, uint64_t most)
{
	struct rlimit value = {.rlim_cur = most, .rlim_max = most};
	return setrlimit(resource, &value) < 0 ? -errno : 0;
}

int budget_enter(const struct budget *budget)
{
	return budget->fd < 0 ? 0 : write_at(budget->fd, "cgroup.procs", "0");
}

int budget_limit(const struct budget *budget, const struct settings_agent *agent)
{
	/* what an allocation reserves is more than what it uses: where the group counts the use, this is a fence behind
	 * it. So is the number of the user's processes, which those of both count while an agent is upgraded. */
	uint64_t memory = ((uint64_t)agent->memory_mb << 20) * (budget->kept[BUDGET_MEMORY] == BUDGET_BY_GROUP ? 4 : 1);
	bool doubled = budget->beside || budget->kept[BUDGET_TASKS] == BUDGET_BY_GROUP;
#ifdef RINGSIDE_SHADOW
	memory = RLIM_INFINITY; /* a sanitizer's own is terabytes, and there is more to do before the program runs */
#endif
	const struct {
		int resource;
		uint64_t most;
	} rows[] = {
		{RLIMIT_DATA, memory},
		{RLIMIT_NOFILE, agent->files_max},
		{RLIMIT_NPROC, (tasks_max(agent) + JAIL_TASKS) * (doubled ? 2 : 1)},
		{RLIMIT_CORE, 0},
		{RLIMIT_MEMLOCK, 0},
		{RLIMIT_MSGQUEUE, 0},
		{RLIMIT_FSIZE, (uint64_t)MAX(agent->disk_mb, (uint32_t)BUDGET_OUTPUT_MB) << 20},
	};
	int r = 0;
	for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(rows); i++)
		r = limit(rows[i].resource, rows[i].most);
	return r;
}

/* ---- looking ---- */

/* The kernel tells no number of refusals: a look that finds it full after one that did not is one. */
static void count_full(uint64_t *hits, bool *was, bool is)
{
	*hits += is && !*was;
	*was = is;
}

bool budget_is_full(const struct statvfs *disk)
{
	return disk->f_bavail == 0 || (disk->f_files > 0 && disk->f_favail == 0);
}

static void look_at_disk(struct budget *budget)
{
	struct statvfs disk;
	if (budget->state_fd >= 0 && fstatvfs(budget->state_fd, &disk) == 0)
		count_full(&budget->hits[BUDGET_DISK], &budget->disk_full, budget_is_full(&disk));
}

void budget_look(struct budget *budget, const struct settings_agent *agent, pid_t pid, uint64_t now_ns, bool at_once)
{
	struct usage_events events = {0};
	if (!at_once && budget->looked_ns && now_ns - budget->looked_ns < LOOK_NS)
		return;
	budget->looked_ns = now_ns;
	usage_read(&budget->usage, budget->fd, pid);
	usage_read_events(&events, budget->fd);
	budget->machine_was_out = events.memory_killed > 0 && events.memory_full == 0;
	budget->hits[BUDGET_MEMORY] = events.memory_full > 0 ? events.memory_killed : 0;
	/* Without a group only the first process is seen, and its threads are seldom all that it has. */
	if (budget->kept[BUDGET_TASKS] == BUDGET_BY_LIMIT)
		count_full(&budget->hits[BUDGET_TASKS], &budget->tasks_full,
			   budget->usage.tasks >= tasks_max(agent) + JAIL_TASKS);
	else
		budget->hits[BUDGET_TASKS] = events.tasks_refused;
	budget->hits[BUDGET_CPU] = events.cpu_throttled;
	count_full(&budget->hits[BUDGET_FILES], &budget->files_full, budget->usage.files >= agent->files_max);
	look_at_disk(budget);
}

bool budget_kill(const struct budget *budget)
{
	return budget->fd >= 0 && write_at(budget->fd, "cgroup.kill", "1") >= 0;
}

static void remember(struct budget *budget)
{
	struct left *left = calloc(1, sizeof(*left));
	if (!left)
		return; /* the parent removes it when it stops */
	memcpy(left->name, budget->name, sizeof(left->name));
	list_append(&budget->home->left, &left->link);
	budget->home->n_left++;
}

void budget_close(struct budget *budget)
{
	if (budget->fd >= 0) {
		budget_kill(budget);
		if (unlinkat(budget->home->fd, budget->name, AT_REMOVEDIR) < 0 && errno == EBUSY)
			remember(budget);
	}
	budget->fd = fd_close(budget->fd);
	budget->state_fd = fd_close(budget->state_fd);
}

const char *budget_why(const struct budget *budget, const struct settings_agent *agent, char *text, size_t size)
{
	if (budget->hits[BUDGET_MEMORY] > 0)
		snprintf(text, size, "out of its memory budget of %u MB", agent->memory_mb);
	else if (budget->machine_was_out)
		snprintf(text, size, "killed because the machine is out of memory");
	else
		return NULL;
	return text;
}

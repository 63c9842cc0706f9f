/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/watch.h"

#include "base/clock.h"
#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#define ASK_NS (4 * NS_PER_SEC) /* after all have answered */
#define LOOK_NS (1 * NS_PER_SEC) /* while one has not */

static const enum process_role roles[] = {PROCESS_CAGE, PROCESS_CONTROL};

struct watched {
	int stat_fd;
	int schedstat_fd;
	uint64_t number; /* of the last ping */
	uint64_t asked_ns; /* when it was sent; 0: it is answered */
	unsigned looks; /* since then without an answer */
	struct keeper_sample asked;
};

struct watch {
	struct children *children;
	struct loop_source *timer;
	struct watched table[PROCESS_N_ROLES];
};

const char *watch_judge(const struct keeper_sample *asked, const struct keeper_sample *now, unsigned looks)
{
	static const char *const whys[] = {
		[KEEPER_STOPPED] = "it was stopped by a signal or is being traced",
		[KEEPER_SPINNING] = "its loop stands still while it uses the processor",
		[KEEPER_BLOCKED] = "it sleeps outside of its loop and does not come back",
	};
	enum keeper_verdict verdict = keeper_judge(asked, now);
	if (looks < WATCH_LOOKS || !keeper_verdict_kills(verdict))
		return NULL;
	if (verdict == KEEPER_SPINNING && now->run_ns - asked->run_ns < WATCH_SPIN_NS)
		return NULL;
	return whys[verdict];
}

static bool read_sample(const struct watched *watched, struct keeper_sample *sample)
{
	char stat[1024] = "", schedstat[128] = "";
	if (watched->stat_fd < 0 || pread(watched->stat_fd, stat, sizeof(stat) - 1, 0) <= 0)
		return false;
	if (watched->schedstat_fd >= 0 && pread(watched->schedstat_fd, schedstat, sizeof(schedstat) - 1, 0) < 0)
		return false;
	return keeper_sample_parse(sample, stat, schedstat);
}

static void ask(struct watch *watch, enum process_role role, uint64_t now_ns)
{
	struct watched *watched = &watch->table[role];
	struct ipc_head ping = {.size = sizeof(ping), .type = IPC_PING, .number = watched->number + 1};
	if (!read_sample(watched, &watched->asked) || children_send(watch->children, role, &ping, NULL, 0) < 0)
		return;
	watched->number++;
	watched->asked_ns = now_ns;
	watched->looks = 0;
}

static void look(struct watch *watch, enum process_role role, uint64_t now_ns)
{
	struct watched *watched = &watch->table[role];
	struct keeper_sample now = {0};
	if (!watched->asked_ns) {
		ask(watch, role, now_ns);
		return;
	}
	/* looks, not time: an answer that waits for us is read between two of them */
	watched->looks++;
	if (!read_sample(watched, &now))
		return; /* it ends just now */
	now.wanted_ns = now_ns - watched->asked_ns;
	const char *why = watch_judge(&watched->asked, &now, watched->looks);
	if (why)
		children_kill(watch->children, role, why);
}

static bool all_answered(const struct watch *watch)
{
	for (size_t i = 0; i < ARRAY_SIZE(roles); i++)
		if (watch->table[roles[i]].asked_ns)
			return false;
	return true;
}

static int on_look(void *data, uint64_t now_ns)
{
	struct watch *watch = data;
	for (size_t i = 0; i < ARRAY_SIZE(roles); i++)
		if (children_is_ready(watch->children, roles[i]))
			look(watch, roles[i], now_ns);
	return loop_source_arm(watch->timer, now_ns + (all_answered(watch) ? ASK_NS : LOOK_NS));
}

static int open_proc(pid_t pid, const char *file)
{
	char path[48];
	snprintf(path, sizeof(path), "/proc/%d/%s", pid, file);
	return open(path, O_RDONLY | O_CLOEXEC);
}

void watch_ended(struct watch *watch, enum process_role role)
{
	struct watched *watched = &watch->table[role];
	fd_close(watched->stat_fd);
	fd_close(watched->schedstat_fd);
	*watched = (struct watched){.stat_fd = -1, .schedstat_fd = -1};
}

void watch_started(struct watch *watch, enum process_role role, pid_t pid)
{
	watch_ended(watch, role);
	watch->table[role].stat_fd = open_proc(pid, "stat");
	watch->table[role].schedstat_fd = open_proc(pid, "schedstat");
}

void watch_pong(struct watch *watch, enum process_role role, uint64_t number)
{
	struct watched *watched = &watch->table[role];
	if (number != watched->number || !watched->asked_ns)
		return;
	watched->asked_ns = 0;
	if (all_answered(watch))
		loop_source_arm(watch->timer, clock_next_ns(clock_monotonic_ns(), ASK_NS));
}

int watch_new(struct loop *loop, struct children *children, struct watch **ret)
{
	struct watch *watch = calloc(1, sizeof(*watch));
	if (!watch)
		return -ENOMEM;
	watch->children = children;
	for (size_t i = 0; i < PROCESS_N_ROLES; i++)
		watch->table[i] = (struct watched){.stat_fd = -1, .schedstat_fd = -1};
	int r = loop_add_timer(loop, on_look, watch, &watch->timer);
	if (r >= 0)
		r = loop_source_arm(watch->timer, clock_monotonic_ns() + LOOK_NS);
	if (r < 0) {
		watch_free(watch);
		return r;
	}
	*ret = watch;
	return 0;
}

struct watch *watch_free(struct watch *watch)
{
	if (!watch)
		return NULL;
	for (enum process_role role = 0; role < PROCESS_N_ROLES; role++)
		watch_ended(watch, role);
	loop_source_remove(watch->timer);
	free(watch);
	return NULL;
}

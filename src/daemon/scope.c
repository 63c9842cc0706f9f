/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/scope.h"

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/macro.h"
#include "daemon/mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/stat.h>

#define LOOK_PAUSE_NS (50 * NS_PER_MS)
#define MOUNTINFO_MAX (16u << 20)
#define REFUSALS_LOGGED 16

struct scope_group {
	int fd;
	uint64_t mask; /* what it shall get */
	uint64_t drop; /* what it got before and shall not get any more; until a look has done all */
};

struct scope {
	char *scopes[SETTINGS_SCOPES_MAX]; /* without symbolic links */
	size_t n_scopes;
	struct loop_source *source;
	struct loop_source *timer;
	int mountinfo_fd;
	bool pausing; /* looked a moment ago */
	bool changed; /* since then, or not all of the last look could be done */
	bool failed; /* the last look, wholly or in part, and that was said */
	struct scope_group groups[2];
	struct scope_counters counters;
};

/* The kernel makes the text anew for each read from the start, so it is read until it ends. */
static ssize_t read_all(int fd, char **ret)
{
	_cleanup_(freep) char *text = NULL;
	size_t size = 0;
	size_t capacity = 65536;
	if (lseek(fd, 0, SEEK_SET) < 0)
		return -errno;
	for (;;) {
		char *larger = realloc(text, capacity);
		if (!larger)
			return -ENOMEM;
		text = larger;
		ssize_t n = read(fd, text + size, capacity - size);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		size += (size_t)n;
		if (size == capacity && (capacity *= 2) > MOUNTINFO_MAX)
			return -EFBIG;
	}
	*ret = STEAL(text);
	return (ssize_t)size;
}

/* A path that leads to this very mount; O_PATH raises no question. -ESTALE: another mount covers it. */
static int reach(const struct mounts_mount *mount, char *path, size_t size, int *ret_fd)
{
	_cleanup_(fd_closep) int fd = open(mount->point, O_PATH | O_CLOEXEC | O_NOFOLLOW);
	struct statx status;
	if (fd < 0 || statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_MNT_ID, &status) < 0)
		return -errno;
	if ((status.stx_mask & STATX_MNT_ID) && status.stx_mnt_id != mount->id)
		return -ESTALE;
	snprintf(path, size, "/proc/self/fd/%d", fd);
	*ret_fd = STEAL_FD(fd);
	return 0;
}

static int mark(const struct scope_group *group, const char *path)
{
	const unsigned flags = FAN_MARK_FILESYSTEM;
	const unsigned residue = FAN_MARK_ADD | FAN_MARK_IGNORED_MASK | FAN_MARK_IGNORED_SURV_MODIFY;
	/* one bit stays when nothing is wanted any more: see sensor/verdict_cache.c why no mark is ever destroyed */
	if (group->mask && fanotify_mark(group->fd, residue | flags, FAN_ACCESS, AT_FDCWD, path) < 0)
		return -errno;
	if (group->mask && fanotify_mark(group->fd, FAN_MARK_ADD | flags, group->mask, AT_FDCWD, path) < 0)
		return -errno;
	/* ENOENT: never had it */
	if (group->drop && fanotify_mark(group->fd, FAN_MARK_REMOVE | flags, group->drop, AT_FDCWD, path) < 0)
		return errno == ENOENT ? 0 : -errno;
	return 0;
}

/* In a moment there may be some. */
static bool is_passing(int error)
{
	return error == -ENOMEM || error == -EMFILE || error == -ENFILE;
}

static void mark_mount(struct scope *scope, const struct mounts_mount *mount)
{
	_cleanup_(fd_closep) int fd = -1;
	char path[32];
	int r = reach(mount, path, sizeof(path), &fd);
	if (r == -ESTALE || r == -ENOENT) {
		scope->counters.hidden++;
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(scope->groups) && r >= 0; i++)
		r = mark(&scope->groups[i], path);
	if (r >= 0) {
		scope->counters.marked++;
		return;
	}
	if (is_passing(r)) {
		if (!scope->failed && !scope->changed)
			log_warning("cannot guard the %s file system on %s, and maybe others, yet: %s; trying again",
				    mount->type, mount->point, strerror(-r));
		scope->changed = true;
	} else if (scope->counters.refused++ < REFUSALS_LOGGED)
		log_warning("cannot guard the %s file system on %s: %s; what is opened there is not asked about",
			    mount->type, mount->point, strerror(-r));
}

/* Marks once a file system, by the first mount that can be reached. */
static void mark_chosen(struct scope *scope, struct mounts *mounts)
{
	scope->counters.marked = 0;
	scope->counters.hidden = 0;
	for (size_t i = 0; i < mounts->n; i++) {
		const struct mounts_mount *mount = &mounts->mounts[i];
		uint64_t marked_before = scope->counters.marked;
		if (mount->choice != MOUNTS_MARK)
			continue;
		mark_mount(scope, mount);
		if (scope->counters.marked == marked_before)
			continue;
		for (size_t j = i + 1; j < mounts->n; j++) {
			struct mounts_mount *same = &mounts->mounts[j];
			if (same->major == mount->major && same->minor == mount->minor)
				same->choice = MOUNTS_OUTSIDE;
		}
	}
}

static int try_look(struct scope *scope)
{
	_cleanup_(freep) char *text = NULL;
	struct mounts mounts;
	ssize_t size = read_all(scope->mountinfo_fd, &text);
	int r = size < 0 ? (int)size : mounts_parse(text, (size_t)size, &mounts);
	scope->counters.looks++;
	if (r < 0)
		return r;
	scope->counters.broken += mounts.n_broken;
	mounts_choose(&mounts, (const char *const *)scope->scopes, scope->n_scopes);
	mark_chosen(scope, &mounts);
	mounts_deinit(&mounts);
	return 0;
}

/* The kernel tells of a change once, and so does whoever wants other events: what could not be done is tried again.
 * A thousand mounts in a row shall not be a thousand looks, either. */
static int look(struct scope *scope)
{
	scope->changed = false;
	scope->pausing = true;
	int r = try_look(scope);
	if (r < 0 && !scope->failed)
		log_error("cannot read /proc/self/mountinfo: %s; file systems mounted since are not guarded%s",
			  strerror(-r), is_passing(r) ? " yet: trying again" : "");
	scope->changed |= is_passing(r);
	scope->failed = scope->changed || r < 0;
	for (size_t i = 0; i < ARRAY_SIZE(scope->groups) && !scope->changed; i++)
		scope->groups[i].drop = 0;
	return loop_source_arm(scope->timer, clock_monotonic_ns() + LOOK_PAUSE_NS);
}

static int on_mounted(void *data, uint32_t unused)
{
	struct scope *scope = data;
	scope->changed |= scope->pausing;
	return scope->pausing ? 0 : look(scope);
}

static int on_pause_over(void *data, uint64_t unused)
{
	struct scope *scope = data;
	scope->pausing = false;
	return scope->changed ? look(scope) : 0;
}

/* A scope that is not there (yet) is taken as it is written. */
static int resolve(struct scope *scope, const struct settings *settings)
{
	for (uint32_t i = 0; i < settings->n_scopes && i < SETTINGS_SCOPES_MAX; i++) {
		char *path = realpath(settings->scopes[i], NULL);
		if (!path && errno == ENOMEM)
			return -ENOMEM;
		if (!path) {
			log_warning("scope %s: %s; it is guarded when a file system is mounted there",
				    settings->scopes[i], strerror(errno));
			path = strdup(settings->scopes[i]);
		}
		if (!path)
			return -ENOMEM;
		scope->scopes[scope->n_scopes++] = path;
	}
	return 0;
}

int scope_new(struct loop *loop, const struct settings *settings, int permission_group, int notify_group,
	      struct scope **ret)
{
	struct scope *scope = calloc(1, sizeof(*scope));
	if (!scope)
		return -ENOMEM;
	*scope = (struct scope){.mountinfo_fd = -1, .groups = {{.fd = permission_group}, {.fd = notify_group}}};
	int r = resolve(scope, settings);
	if (r >= 0) {
		scope->mountinfo_fd = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
		r = scope->mountinfo_fd < 0 ? -errno : 0;
	}
	if (r >= 0)
		r = loop_add_fd(loop, scope->mountinfo_fd, EPOLLPRI, on_mounted, scope, &scope->source);
	if (r >= 0)
		r = loop_add_timer(loop, on_pause_over, scope, &scope->timer);
	if (r < 0) {
		log_error("cannot watch /proc/self/mountinfo: %s; is /proc mounted?", strerror(-r));
		scope_free(scope);
		return r;
	}
	*ret = scope;
	return 0;
}

struct scope *scope_free(struct scope *scope)
{
	if (!scope)
		return NULL;
	loop_source_remove(scope->source);
	loop_source_remove(scope->timer);
	fd_close(scope->mountinfo_fd);
	for (size_t i = 0; i < scope->n_scopes; i++)
		free(scope->scopes[i]);
	free(scope);
	return NULL;
}

void scope_set_masks(struct scope *scope, uint64_t permission_mask, uint64_t notify_mask)
{
	const uint64_t masks[] = {permission_mask, notify_mask};
	bool changed = false;
	for (size_t i = 0; i < ARRAY_SIZE(scope->groups); i++) {
		struct scope_group *group = &scope->groups[i];
		changed |= group->mask != masks[i];
		group->drop = (group->drop | group->mask) & ~masks[i];
		group->mask = masks[i];
	}
	if (changed)
		look(scope);
}

void scope_get_counters(const struct scope *scope, struct scope_counters *ret)
{
	*ret = scope->counters;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/keeper_answer.h"

#include "base/clock.h"
#include "base/fd.h"
#include "base/macro.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/syscall.h>

#define ANCESTORS_MAX 16

/* 1: answered; 0: the kernel does not wait for this one (any more). */
static unsigned respond(struct keeper_answer *answer, int fd, bool deny)
{
	struct fanotify_response response = {.fd = fd, .response = deny ? FAN_DENY : FAN_ALLOW};
	if (write(answer->group_fd, &response, sizeof(response)) == sizeof(response))
		return 1;
	if (errno != ENOENT)
		answer->counters->errors++;
	return 0;
}

static pid_t parent_of(pid_t pid)
{
	char path[32];
	char text[512];
	int parent;
	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	ssize_t size = fd_read_file(AT_FDCWD, path, text, sizeof(text));
	const char *fields = size > 0 ? strrchr(text, ')') : NULL;
	return fields && sscanf(fields, ") %*c %d", &parent) == 1 ? parent : 0;
}

/* Ourselves, and everything that we started: asked only where the operator wants denies. */
static bool is_ours(pid_t pid)
{
	for (int i = 0; i < ANCESTORS_MAX && pid > 1; i++) {
		if (pid == getpid())
			return true;
		pid = parent_of(pid);
	}
	return false;
}

static bool denies(const struct keeper_answer *answer, const struct fanotify_event_metadata *event)
{
	uint32_t policy = event->mask & FAN_OPEN_EXEC_PERM ? answer->settings->on_engine_loss_exec
							   : answer->settings->on_engine_loss_open;
	return policy == SETTINGS_LOSS_DENY && !is_ours(event->pid);
}

static void count_unguarded(struct keeper_answer *answer, bool deny, unsigned n)
{
	if (deny)
		answer->counters->unguarded_denied += n;
	else
		answer->counters->unguarded_allowed += n;
}

static bool answer_event(struct keeper_answer *answer, const struct fanotify_event_metadata *event)
{
	if (event->fd < 0) {
		answer->counters->errors++;
		return false;
	}
	bool deny = denies(answer, event);
	unsigned n = respond(answer, event->fd, deny);
	fd_close(event->fd);
	count_unguarded(answer, deny, n);
	return n > 0;
}

unsigned keeper_answer_queue(struct keeper_answer *answer, unsigned most)
{
	struct fanotify_event_metadata event;
	unsigned n = 0;
	/* one event a read: when the kernel cannot open a file for us, it denies, and the error must be seen */
	for (unsigned i = 0; i < most; i++) {
		ssize_t size = read(answer->group_fd, &event, sizeof(event));
		if (size == sizeof(event)) {
			n += answer_event(answer, &event);
			continue;
		}
		if (size < 0 && errno == EAGAIN)
			break;
		answer->counters->errors++;
	}
	return n;
}

static uint64_t longest_ns(const struct settings *settings)
{
	return MAX(settings->deadline_exec_ms, settings->deadline_open_ms) * NS_PER_MS;
}

/* Whether the slot still held what was seen in it, and was answered or needed no answer any more. */
static unsigned answer_slot(struct keeper_answer *answer, struct ledger_slot *slot, uint64_t seen_ns)
{
	if (!atomic_compare_exchange_strong(&slot->deadline_ns, &seen_ns, LEDGER_CLAIMED))
		return 0;
	int fd = atomic_load(&slot->fd);
	unsigned n = 0;
	if (fd < 0 || fd >= LEDGER_FD_LIMIT)
		answer->counters->lies++;
	else
		n = respond(answer, fd, atomic_load(&slot->deny) != 0);
	atomic_store(&slot->deadline_ns, LEDGER_ANSWERED);
	return n;
}

unsigned keeper_answer_overdue(struct keeper_answer *answer, uint64_t now_ns, uint64_t *ret_next_ns)
{
	uint64_t latest_ns = now_ns + longest_ns(answer->settings);
	uint64_t next_ns = 0;
	unsigned n = 0;
	for (size_t i = 0; i < LEDGER_SLOTS; i++) {
		struct ledger_slot *slot = &answer->ledger->slots[i];
		uint64_t deadline_ns = atomic_load(&slot->deadline_ns);
		if (deadline_ns <= LEDGER_ANSWERED)
			continue;
		/* the engine may have taken it after now_ns, however long it took us to come here */
		bool lie = deadline_ns > latest_ns && deadline_ns > clock_monotonic_ns() + longest_ns(answer->settings);
		answer->counters->lies += lie;
		if (lie || deadline_ns + KEEPER_GRACE_NS <= now_ns)
			n += answer_slot(answer, slot, deadline_ns);
		else if (!next_ns || deadline_ns + KEEPER_GRACE_NS < next_ns)
			next_ns = deadline_ns + KEEPER_GRACE_NS;
	}
	answer->counters->overdue += n;
	*ret_next_ns = next_ns;
	return n;
}

unsigned keeper_answer_everything(struct keeper_answer *answer)
{
	unsigned n_known = 0;
	unsigned n_unknown = 0;
	/* those first that are known: the sweep below takes some milliseconds */
	for (size_t i = 0; i < LEDGER_SLOTS; i++) {
		struct ledger_slot *slot = &answer->ledger->slots[i];
		int fd = atomic_load(&slot->fd);
		bool deny = atomic_load(&slot->deny) != 0;
		if (atomic_exchange(&slot->deadline_ns, LEDGER_FREE) <= LEDGER_ANSWERED || fd < 0)
			continue;
		unsigned n = respond(answer, fd, deny);
		count_unguarded(answer, deny, n);
		n_known += n;
	}
	/* which kind the others were is not known: the stricter policy is theirs */
	bool deny = answer->settings->on_engine_loss_exec == SETTINGS_LOSS_DENY ||
		    answer->settings->on_engine_loss_open == SETTINGS_LOSS_DENY;
	for (int fd = 0; fd < LEDGER_FD_LIMIT; fd++)
		n_unknown += respond(answer, fd, deny);
	count_unguarded(answer, deny, n_unknown);
	return n_known + n_unknown;
}

void keeper_answer_flush(struct keeper_answer *answer)
{
	/* without FAN_MARK_FILESYSTEM it takes only the marks on inodes: the cached verdicts */
	if (fanotify_mark(answer->group_fd, FAN_MARK_FLUSH, 0, AT_FDCWD, NULL) < 0)
		answer->counters->errors++;
}

/* Whether somebody waits for the lease of this descriptor. F_GETLEASE says the same of one without a lease, and the
 * engine may be about to take one: once breaking it stays so until it is released. */
static bool is_breaking(int fd)
{
	char path[48];
	char text[2048];
	if (fcntl(fd, F_GETLEASE) != F_UNLCK)
		return false;
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	return fd_read_file(AT_FDCWD, path, text, sizeof(text)) > 0 && strstr(text, "LEASE  BREAKING");
}

unsigned keeper_answer_leases(struct keeper_answer *answer, pid_t engine)
{
	_cleanup_(fd_closep) int pidfd = (int)syscall(SYS_pidfd_open, engine, 0);
	unsigned n = 0;
	if (pidfd < 0)
		return 0;
	for (int number = 0; number < LEDGER_FD_LIMIT; number++) {
		_cleanup_(fd_closep) int fd = (int)syscall(SYS_pidfd_getfd, pidfd, number, 0);
		if (fd < 0 || !is_breaking(fd))
			continue;
		/* first no verdict, then no lease: the writer goes on in the moment the lease is gone */
		if (fanotify_mark(answer->group_fd, FAN_MARK_REMOVE | FAN_MARK_IGNORED_MASK,
				  FAN_OPEN_PERM | FAN_OPEN_EXEC_PERM, fd, NULL) < 0 &&
		    errno != ENOENT)
			keeper_answer_flush(answer);
		n += fcntl(fd, F_SETLEASE, F_UNLCK) == 0;
	}
	answer->counters->rescued += n;
	return n;
}

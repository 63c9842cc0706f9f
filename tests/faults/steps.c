/* SPDX-License-Identifier: Apache-2.0 */
#include "faults/steps.h"

#include "sensor/event_fds.h"
#include "sensor/fanotify_pending.h"
#include "sensor/verdict_cache.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/fanotify.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cmocka.h>

static struct shared {
	_Atomic uint32_t from;
	_Atomic uint32_t kill_at;
	_Atomic uint32_t made;
	_Atomic uint32_t passed;
} *shared;

static bool in_engine;
static bool counting;
static int group_fd = -1;

void steps_begin(void)
{
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(shared != MAP_FAILED);
}

void steps_in_engine(int fd)
{
	group_fd = fd;
	in_engine = true;
}

void steps_arm(enum steps_from from, unsigned n)
{
	atomic_store(&shared->kill_at, n);
	atomic_store(&shared->made, 0);
	atomic_store(&shared->passed, 0);
	atomic_store(&shared->from, from);
}

bool steps_passed(void)
{
	return atomic_load(&shared->passed);
}

unsigned steps_made(void)
{
	return atomic_load(&shared->made);
}

static void step(void)
{
	int error = errno;
	if (counting && atomic_fetch_add(&shared->made, 1) + 1 == atomic_load(&shared->kill_at))
		kill(getpid(), SIGKILL);
	errno = error;
}

/* What is armed comes once: the next engine is left in peace. */
static void begin(enum steps_from from)
{
	uint32_t armed = from;
	if (in_engine && !counting)
		counting = atomic_compare_exchange_strong(&shared->from, &armed, STEPS_NONE);
}

static void end(void)
{
	if (!counting)
		return;
	counting = false;
	atomic_store(&shared->passed, 1);
}

static void look_at_read(int fd, const void *bytes, ssize_t size)
{
	const struct fanotify_event_metadata *event = bytes;
	if (fd != group_fd && size > 0 && size % (ssize_t)sizeof(struct signalfd_siginfo) == 0)
		begin(STEPS_LEASE);
	else if (fd == group_fd && size == sizeof(*event) && event->fd >= 0)
		begin(event->mask & FAN_OPEN_EXEC_PERM ? STEPS_EXEC : STEPS_OPEN);
}

/* parameters and arguments each in parentheses of their own */
#define WRAP(result, name, parameters, arguments) \
	result __real_##name parameters; \
	result __wrap_##name parameters; \
	result __wrap_##name parameters \
	{ \
		step(); \
		result r = __real_##name arguments; \
		step(); \
		return r; \
	}

#define WRAP_VOID(name, parameters, arguments) \
	void __real_##name parameters; \
	void __wrap_##name parameters; \
	void __wrap_##name parameters \
	{ \
		step(); \
		__real_##name arguments; \
		step(); \
	}

WRAP(ssize_t, write, (int fd, const void *bytes, size_t size), (fd, bytes, size))
WRAP(int, fstat64, (int fd, void *status), (fd, status))
WRAP(int, fstatfs64, (int fd, void *status), (fd, status))
WRAP(ssize_t, readlinkat, (int dir, const char *path, char *to, size_t size), (dir, path, to, size))
WRAP(int, fcntl64, (int fd, int command, long argument), (fd, command, argument))
WRAP(int, fanotify_mark, (int fd, unsigned flags, uint64_t mask, int dir, const char *path),
     (fd, flags, mask, dir, path))
WRAP(int, dup3, (int from, int to, int flags), (from, to, flags))
WRAP(int, fd_close, (int fd), (fd))
WRAP(struct pending_question *, pending_take, (struct pending * pending, int fd, uint64_t deadline_ns, bool deny),
     (pending, fd, deadline_ns, deny))
WRAP(enum pending_result, pending_release, (struct pending * pending, struct pending_question *question),
     (pending, question))
WRAP(bool, verdict_cache_lease, (struct verdict_cache * cache, int fd, const struct stat *status), (cache, fd, status))
WRAP(enum verdict_cache_result, verdict_cache_keep,
     (struct verdict_cache * cache, int fd, struct verdict_key key, uint64_t mask), (cache, fd, key, mask))
WRAP(bool, verdict_cache_has, (struct verdict_cache * cache, struct verdict_key key, uint64_t mask), (cache, key, mask))
WRAP_VOID(verdict_cache_unlease, (struct verdict_cache * cache, int fd), (cache, fd))
WRAP_VOID(event_fds_close, (const struct event_fds *fds, int fd), (fds, fd))

ssize_t __real_read(int fd, void *bytes, size_t size);
ssize_t __wrap_read(int fd, void *bytes, size_t size);
ssize_t __wrap_read(int fd, void *bytes, size_t size)
{
	step();
	ssize_t r = __real_read(fd, bytes, size);
	int error = errno;
	look_at_read(fd, bytes, r);
	errno = error;
	step();
	return r;
}

struct pending_question *__real_pending_find(struct pending *pending, uint64_t handle);
struct pending_question *__wrap_pending_find(struct pending *pending, uint64_t handle);
struct pending_question *__wrap_pending_find(struct pending *pending, uint64_t handle)
{
	begin(STEPS_ANSWER);
	step();
	return __real_pending_find(pending, handle);
}

int __real_epoll_wait(int fd, struct epoll_event *events, int n, int timeout_ms);
int __wrap_epoll_wait(int fd, struct epoll_event *events, int n, int timeout_ms);
int __wrap_epoll_wait(int fd, struct epoll_event *events, int n, int timeout_ms)
{
	end();
	return __real_epoll_wait(fd, events, n, timeout_ms);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "base/loop.h"

#include "base/busy_poll.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/list.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/timerfd.h>

#define LOOKS_PER_CALL 16 /* at memory, for one at the descriptors */
#define EVENTS_PER_TURN 64

struct loop {
	int epoll_fd;
	bool exiting;
	struct list sources;
	struct list dead; /* removed during this turn; freed when no epoll result can name them any more */
	void (*before_wait)(void *data);
	void *before_wait_data;
	void (*after_call)(void *data);
	void *after_call_data;
	struct loop_waiting waiting; /* expects is NULL: it sleeps at once */
	struct busy_poll poll;
};

struct loop_source {
	struct loop *loop;
	struct list link;
	int fd;
	bool own_fd;
	bool watched; /* by epoll */
	bool removed;
	loop_fd_fn *fd_fn;
	loop_timer_fn *timer_fn;
	void *data;
};

int loop_new(struct loop **ret_loop)
{
	_cleanup_(freep) struct loop *loop = calloc(1, sizeof(*loop));
	if (!loop)
		return -ENOMEM;
	list_init(&loop->sources);
	list_init(&loop->dead);
	loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (loop->epoll_fd < 0)
		return -errno;
	*ret_loop = STEAL(loop);
	return 0;
}

static void bury(struct loop *loop)
{
	list_for_each_safe (link, &loop->dead) {
		list_remove(link);
		free(list_entry(link, struct loop_source, link));
	}
}

struct loop *loop_free(struct loop *loop)
{
	if (!loop)
		return NULL;
	list_for_each_safe (link, &loop->sources)
		loop_source_remove(list_entry(link, struct loop_source, link));
	bury(loop);
	fd_close(loop->epoll_fd);
	free(loop);
	return NULL;
}

/* Not watched means not in epoll: one that is there with no events wakes its waiter all the same whenever the file does
 * not say what happened to it, as fanotify does not. */
int loop_source_set_events(struct loop_source *source, uint32_t epoll_events)
{
	struct epoll_event event = {.events = epoll_events, .data.ptr = source};
	bool watch = epoll_events != 0;
	int how = !watch ? EPOLL_CTL_DEL : source->watched ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
	if (!watch && !source->watched)
		return 0;
	if (epoll_ctl(source->loop->epoll_fd, how, source->fd, &event) < 0)
		return -errno;
	source->watched = watch;
	return 0;
}

static int source_add(struct loop *loop, struct loop_source *template, uint32_t events, struct loop_source **ret)
{
	_cleanup_(freep) struct loop_source *source = malloc(sizeof(*source));
	if (!source)
		return -ENOMEM;
	*source = *template;
	source->loop = loop;
	list_init(&source->link);
	int r = loop_source_set_events(source, events);
	if (r < 0)
		return r;
	list_append(&loop->sources, &source->link);
	*ret = STEAL(source);
	return 0;
}

int loop_add_fd(struct loop *loop, int fd, uint32_t epoll_events, loop_fd_fn *fn, void *data, struct loop_source **ret)
{
	struct loop_source template = {.fd = fd, .fd_fn = fn, .data = data};
	return source_add(loop, &template, epoll_events, ret);
}

int loop_add_timer(struct loop *loop, loop_timer_fn *fn, void *data, struct loop_source **ret)
{
	_cleanup_(fd_closep) int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (fd < 0)
		return -errno;
	struct loop_source template = {.fd = fd, .own_fd = true, .timer_fn = fn, .data = data};
	int r = source_add(loop, &template, EPOLLIN, ret);
	if (r < 0)
		return r;
	STEAL_FD(fd);
	return 0;
}

int loop_source_arm(struct loop_source *source, uint64_t at_monotonic_ns)
{
	struct itimerspec spec = {.it_value = {.tv_sec = (time_t)(at_monotonic_ns / NS_PER_SEC),
					       .tv_nsec = (long)(at_monotonic_ns % NS_PER_SEC)}};
	return timerfd_settime(source->fd, TFD_TIMER_ABSTIME, &spec, NULL) < 0 ? -errno : 0;
}

struct loop_source *loop_source_remove(struct loop_source *source)
{
	if (!source || source->removed)
		return NULL;
	source->removed = true;
	loop_source_set_events(source, 0);
	if (source->own_fd)
		fd_close(source->fd);
	list_remove(&source->link);
	list_append(&source->loop->dead, &source->link);
	return NULL;
}

void loop_set_before_wait(struct loop *loop, void (*fn)(void *data), void *data)
{
	loop->before_wait = fn;
	loop->before_wait_data = data;
}

void loop_set_after_call(struct loop *loop, void (*fn)(void *data), void *data)
{
	loop->after_call = fn;
	loop->after_call_data = data;
}

void loop_set_waiting(struct loop *loop, const struct loop_waiting *waiting)
{
	busy_poll_init(&loop->poll, busy_poll_processors() == 1);
	loop->waiting = *waiting;
}

/* Looks for a moment. As epoll_wait(2), but IN_VAIN when nothing came; 0 events: something that no descriptor tells. */
static enum busy_poll_outcome look(struct loop *loop, struct epoll_event *events, uint64_t begin_ns, int *ret_n)
{
	const struct loop_waiting *waiting = &loop->waiting;
	do {
		for (int i = 0; i < LOOKS_PER_CALL; i++) {
			if (waiting->has_come(waiting->data)) {
				*ret_n = 0;
				return BUSY_POLL_PAID;
			}
			busy_poll_relax();
		}
		*ret_n = epoll_wait(loop->epoll_fd, events, EVENTS_PER_TURN, 0);
		if (*ret_n != 0)
			return BUSY_POLL_PAID;
	} while (clock_monotonic_ns() - begin_ns < BUSY_POLL_NS);
	return BUSY_POLL_IN_VAIN;
}

/* As epoll_wait(2) without a time limit. */
static int wait_long(struct loop *loop, struct epoll_event *events)
{
	const struct loop_waiting *waiting = &loop->waiting;
	if (!waiting->expects)
		return epoll_wait(loop->epoll_fd, events, EVENTS_PER_TURN, -1);
	bool expects = waiting->expects(waiting->data);
	uint64_t begin_ns = expects ? clock_monotonic_ns() : 0;
	enum busy_poll_outcome outcome = BUSY_POLL_SLEPT;
	int n = 0;
	if (expects && busy_poll_is_worth_it(&loop->poll))
		outcome = look(loop, events, begin_ns, &n);
	if (outcome != BUSY_POLL_PAID && waiting->may_sleep(waiting->data))
		n = epoll_wait(loop->epoll_fd, events, EVENTS_PER_TURN, -1);
	if (expects)
		busy_poll_note(&loop->poll, outcome, clock_monotonic_ns() - begin_ns);
	return n;
}

static int source_call(struct loop_source *source, uint32_t events)
{
	if (source->fd_fn)
		return source->fd_fn(source->data, events);
	uint64_t expirations;
	if (read(source->fd, &expirations, sizeof(expirations)) < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno; /* armed anew in the same turn */
	return source->timer_fn(source->data, clock_monotonic_ns());
}

int loop_turn(struct loop *loop, int timeout_ms)
{
	struct epoll_event events[EVENTS_PER_TURN];
	if (loop->before_wait)
		loop->before_wait(loop->before_wait_data);
	int n = timeout_ms < 0 ? wait_long(loop, events)
			       : epoll_wait(loop->epoll_fd, events, EVENTS_PER_TURN, timeout_ms);
	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	int r = 0;
	for (int i = 0; i < n && r >= 0; i++) {
		struct loop_source *source = events[i].data.ptr;
		if (source->removed)
			continue;
		r = source_call(source, events[i].events);
		if (loop->after_call)
			loop->after_call(loop->after_call_data);
	}
	bury(loop);
	return r < 0 ? r : 0;
}

int loop_run(struct loop *loop)
{
	while (!loop->exiting) {
		int r = loop_turn(loop, -1);
		if (r < 0)
			return r;
	}
	return 0;
}

void loop_exit(struct loop *loop)
{
	loop->exiting = true;
}

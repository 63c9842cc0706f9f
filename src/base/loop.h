/* SPDX-License-Identifier: Apache-2.0 */
/*
 * loop: the one bounded event loop of every process, on epoll(7).
 *
 * A source calls back when its descriptor is ready or its time has come. Callbacks must be bounded: take a
 * limited number of items and return; what is left makes the descriptor ready again (level-triggered).
 * A source may be removed, and freed, inside of any callback.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>

struct loop;
struct loop_source;

/* A callback returns 0 to go on, <0 (-errno) to end the loop with this error. */
typedef int loop_fd_fn(void *data, uint32_t epoll_events);
typedef int loop_timer_fn(void *data, uint64_t now_monotonic_ns);

int loop_new(struct loop **ret_loop);
struct loop *loop_free(struct loop *loop);

/* Watches a descriptor (borrowed: close it after removing the source). */
int loop_add_fd(struct loop *loop, int fd, uint32_t epoll_events, loop_fd_fn *fn, void *data, struct loop_source **ret);
/* Changes what a descriptor source waits for; 0: nothing, not even its end. */
int loop_source_set_events(struct loop_source *source, uint32_t epoll_events);

/* A timer, not armed. */
int loop_add_timer(struct loop *loop, loop_timer_fn *fn, void *data, struct loop_source **ret);
/* Arms it once for this CLOCK_MONOTONIC moment; 0 disarms. A moment that has passed fires at once. */
int loop_source_arm(struct loop_source *source, uint64_t at_monotonic_ns);

/* Removes and frees; NULL is allowed. Returns NULL. */
struct loop_source *loop_source_remove(struct loop_source *source);

/* Called before each wait: the place to publish, flush, or count a turn. */
void loop_set_before_wait(struct loop *loop, void (*fn)(void *data), void *data);

/* Called after each callback: in a long turn, the place to say that it goes on. */
void loop_set_after_call(struct loop *loop, void (*fn)(void *data), void *data);

struct loop_waiting {
	/* Before a turn without a time limit waits: whether something is due within microseconds. Then it looks again
	 * for a moment before it sleeps, while that pays (busy_poll.h). */
	bool (*expects)(void *data);
	/* Whether something has come that no descriptor tells of: then the turn ends. Asked while it looks. */
	bool (*has_come)(void *data);
	/* Before it sleeps: the last moment to say by whom one wants to be woken. False: something has come. */
	bool (*may_sleep)(void *data);
	void *data;
};

/* Copied. */
void loop_set_waiting(struct loop *loop, const struct loop_waiting *waiting);

/* Runs until loop_exit() (returns 0) or a callback's error. */
int loop_run(struct loop *loop);
/* One turn: waits at most timeout_ms (-1: for ever), calls back what is ready. */
int loop_turn(struct loop *loop, int timeout_ms);
void loop_exit(struct loop *loop);

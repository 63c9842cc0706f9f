/* SPDX-License-Identifier: Apache-2.0 */
/*
 * common: what the reference agents share: messages, signals as a descriptor, waiting, lists of event types.
 *
 *     agent_signals() ─▶ rs_agent_next(…, 0) until it gives nothing ─▶ agent_wait() ─▶ rs_agent_next() …
 *
 * Includes the installed SDK and nothing else of Ringside.
 */
#pragma once

#include <ringside/ringside.h>
#include <stdlib.h>

#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))
#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))
#define _cleanup_(function) __attribute__((cleanup(function)))
#define STEAL(pointer) \
	({ \
		__typeof__(pointer) *p_ = &(pointer); \
		__typeof__(pointer) stolen_ = *p_; \
		*p_ = NULL; \
		stolen_; \
	})

void freep(void *pointer);
void closep(int *fd);

/* One line on standard error, with the name of the program before it. */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

uint64_t now_ns(void); /* CLOCK_MONOTONIC */

/* Ignores SIGPIPE; SIGTERM, SIGINT, SIGHUP and SIGUSR1 come from the returned descriptor from now on. -errno. */
int agent_signals(void);

/*
 * Waits until the agent or a signal has something, or the time is over. Returns the signal's number, or 0. Call it
 * when rs_agent_next() has given all it had. timeout_ms as in poll(2).
 */
int agent_wait(const struct rs_agent *agent, int signal_fd, int timeout_ms);

/* "open,exec,auth_exec" into numbers; a name that is unknown is told and gives -EINVAL. */
int agent_parse_types(const char *list, enum rs_event_type *types, size_t max, size_t *ret_n);

/* Every type that is granted and available here, auth types only when asked for. Returns how many. */
size_t agent_granted_types(const struct rs_agent *agent, bool auth, enum rs_event_type *types, size_t max);

/* A number with an optional K, M or G (powers of 1024), of at most `most`. -EINVAL, told with the option's name. */
int parse_size(const char *option, const char *text, uint64_t most, uint64_t *ret);

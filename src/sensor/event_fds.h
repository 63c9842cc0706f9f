/* SPDX-License-Identifier: Apache-2.0 */
/*
 * event_fds: keeps the numbers below LEDGER_FD_FLOOR away from the events of the engine, by occupying those that are
 * free: the kernel gives an event the lowest free number, and the keeper's events have the low ones.
 */
#pragma once

struct event_fds {
	int occupant; /* what occupies them; -1: nothing is occupied */
};

/* -errno: they cannot be occupied; then a question could be answered in place of another. */
int event_fds_init(struct event_fds *fds);
void event_fds_deinit(struct event_fds *fds);

/* Closes an event's descriptor. A number below the floor is occupied instead (something had been closed there). */
void event_fds_close(const struct event_fds *fds, int fd);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * daemon: the parent: joins the children and the keeper, and answers to signals.
 *
 *     configuration ─▶ directories, lock ─▶ keeper (groups, marks; serves) ─▶ engine, cage, control
 *     child ready / ended ─▶ keeper_engine_ready / keeper_engine_died
 *     SIGHUP ─▶ configuration anew ─▶ cage gets it, engine starts again with it while the keeper serves
 *     SIGTERM ─▶ cage (stops the agents) ─▶ engine, control ─▶ the groups close
 *
 * Must not parse anything from outside, and from keeper_new() on opens nothing by name (daemon/keeper.h says why).
 */
#pragma once

#include "daemon/options.h"

struct daemon;

/* Everything up to the point where the loop can run. options are borrowed. -errno with a log line. */
int daemon_new(const struct options *options, struct daemon **ret);
/* Runs until it was told to stop. */
int daemon_run(struct daemon *daemon);
/* The rest of the stop: kills what still runs; then the groups close. */
struct daemon *daemon_free(struct daemon *daemon);

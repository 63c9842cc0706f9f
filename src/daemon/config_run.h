/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config_run: has the configuration read by a process of its own.
 *
 *     path ─▶ ringside-config (no privilege) ─▶ struct settings in a memfd ─▶ copied ─▶ settings_check() ─▶ done()
 *
 * The parent does not open the file: on a marked file system it would wait for itself.
 */
#pragma once

#include "base/loop.h"
#include "wire/settings.h"

struct config_run;

/* result 0: *settings is good, borrowed for the call; 1: the file is wrong, a log line said how; <0: -errno. */
typedef void config_run_fn(void *data, int result, const struct settings *settings);

/* Strings are borrowed until done() was called, once. -errno with a log line, then done() is not called. */
int config_run_new(struct loop *loop, const char *libexec_dir, const char *path, config_run_fn *done, void *data,
		   struct config_run **ret);
/* Ends the process when it still runs. Allowed inside of done(). */
struct config_run *config_run_free(struct config_run *run);

/* A sealed memfd of these settings, as processes get it. */
int config_run_seal(const struct settings *settings);
